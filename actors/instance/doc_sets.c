/*
 * doc_sets.c - see doc_sets.h
 */
#include "actors/instance/doc_sets.h"

#include <pthread.h>

#include "base/log.h"
#include "base/map.h"

typedef struct part { /* what a mailbox has in one store */
    uint32_t no;
    uint64_t epoch; /* 0: that store has no index */
    roaring_bitmap_t *docs;
    av_doc_place *places; /* only of a set with_places */
    size_t place_n, place_cap;
} part;

typedef struct waiting { /* a place without a document, so far */
    uint64_t lsn;
    uint32_t store;
    av_doc_place place; /* its document is not known yet */
} waiting;

typedef struct set {
    uint8_t guid[AV_GUID_SIZE];
    uint64_t modseq, known; /* HIGHESTMODSEQ it reflects; places it knows */
    uint32_t next_uid;
    part *parts;
    size_t part_count;
    waiting *waiting;
    size_t waiting_n, waiting_cap;
    bool with_places; /* it keeps its places, too: for searches within one mailbox */
    size_t bytes;     /* about */
    struct set *newer, *older;
} set;

struct av_doc_sets {
    pthread_mutex_t lock;
    av_map *by_guid;
    set *newest, *oldest;
    size_t bytes, most_bytes;
};

static void
set_clear(set *self)
{
    for (size_t i = 0; i < self->part_count; i++) {
        roaring_bitmap_free(self->parts[i].docs);
        free(self->parts[i].places);
    }
    free(self->parts);
    free(self->waiting);
    self->parts = NULL;
    self->waiting = NULL;
    self->part_count = self->waiting_n = self->waiting_cap = 0;
    self->modseq = self->known = 0;
    self->next_uid = 1;
}

static void
set_free(void *p)
{
    set_clear(p);
    free(p);
}

av_doc_sets *
av_doc_sets_new(size_t most_bytes)
{
    av_doc_sets *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->lock, NULL);
    self->by_guid = av_map_new();
    self->most_bytes = most_bytes;
    return self;
}

void
av_doc_sets_destroy(av_doc_sets **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_guid, set_free);
    (void)pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}

void
av_doc_sets_clear(av_doc_sets *self)
{
    av_doc_sets_lock(self);
    av_map_destroy(&self->by_guid, set_free);
    self->by_guid = av_map_new();
    self->newest = self->oldest = NULL;
    self->bytes = 0;
    av_doc_sets_unlock(self);
}

void
av_doc_sets_lock(av_doc_sets *self)
{
    (void)pthread_mutex_lock(&self->lock);
}

void
av_doc_sets_unlock(av_doc_sets *self)
{
    (void)pthread_mutex_unlock(&self->lock);
}

/* ---- the least recently used go ---- */

static void
unlink_set(av_doc_sets *self, set *s)
{
    if (s->newer != NULL)
        s->newer->older = s->older;
    else
        self->newest = s->older;
    if (s->older != NULL)
        s->older->newer = s->newer;
    else
        self->oldest = s->newer;
    s->newer = s->older = NULL;
}

static void
push_newest(av_doc_sets *self, set *s)
{
    s->older = self->newest;
    s->newer = NULL;
    *(self->newest != NULL ? &self->newest->newer : &self->oldest) = s;
    self->newest = s;
}

static set *
use_set(av_doc_sets *self, const uint8_t guid[AV_GUID_SIZE])
{
    av_span key = av_span_of(guid, AV_GUID_SIZE);
    set *s = av_map_get(self->by_guid, key);

    if (s == NULL) {
        s = av_xcalloc(1, sizeof *s);
        memcpy(s->guid, guid, AV_GUID_SIZE);
        s->next_uid = 1;
        (void)av_map_put(self->by_guid, key, s);
    } else {
        unlink_set(self, s);
    }
    push_newest(self, s);
    return s;
}

static void
forget_oldest(av_doc_sets *self)
{
    set *last = self->oldest, *newer = last->newer;

    self->bytes -= last->bytes;
    self->oldest = newer;
    if (newer != NULL)
        newer->older = NULL;
    else
        self->newest = NULL;
    (void)av_map_remove(self->by_guid, av_span_of(last->guid, AV_GUID_SIZE));
    set_free(last);
}

static void
weigh(av_doc_sets *self, set *s)
{
    size_t bytes = sizeof *s + s->waiting_cap * sizeof *s->waiting;

    for (size_t i = 0; i < s->part_count; i++)
        bytes += sizeof *s->parts + roaring_bitmap_size_in_bytes(s->parts[i].docs) +
                 s->parts[i].place_cap * sizeof(av_doc_place);
    self->bytes += bytes;
    self->bytes -= s->bytes;
    s->bytes = bytes;
    while (self->bytes > self->most_bytes && self->oldest != s)
        forget_oldest(self);
}

void
av_doc_sets_trim(av_doc_sets *self, size_t most_bytes)
{
    av_doc_sets_lock(self);
    while (self->bytes > most_bytes)
        forget_oldest(self);
    av_doc_sets_unlock(self);
}

/* ---- bringing a set up to date ---- */

/* The slot first: asking for a new one moves all of them. */
static av_reach_store *
store_of(av_reach *reach, uint32_t no)
{
    size_t slot = av_reach_slot(reach, no);

    return &reach->stores[slot];
}

static uint64_t
epoch_of(const av_reach_store *store)
{
    return store->index == NULL ? 0 : av_index_epoch(store->index);
}

/* Every part speaks of documents as they are numbered now. */
static bool
is_of_now(set *s, av_reach *reach)
{
    for (size_t i = 0; i < s->part_count; i++)
        if (epoch_of(store_of(reach, s->parts[i].no)) != s->parts[i].epoch)
            return false;
    return true;
}

static part *
part_of(set *s, const av_reach_store *store)
{
    for (size_t i = 0; i < s->part_count; i++)
        if (s->parts[i].no == store->no)
            return &s->parts[i];
    s->parts = av_xrealloc(s->parts, (s->part_count + 1) * sizeof *s->parts);
    s->parts[s->part_count] = (part){ .no = store->no, .epoch = epoch_of(store), .docs = roaring_bitmap_create() };
    return &s->parts[s->part_count++];
}

static void
keep_place(part *to, av_doc_place place)
{
    if (to->place_n == to->place_cap) {
        to->place_cap = to->place_cap == 0 ? 64 : to->place_cap + to->place_cap / 2;
        to->places = av_xrealloc(to->places, to->place_cap * sizeof *to->places);
    }
    to->places[to->place_n++] = place;
}

/* true: it has a document, which the set has now. */
static bool
resolve(set *s, av_reach *reach, const waiting *place)
{
    av_reach_store *store = store_of(reach, place->store);
    av_doc_place known = place->place;
    part *to;
    av_error why;

    if (store->index == NULL || place->lsn > av_index_covered_lsn(store->index) ||
        av_index_doc_of(store->index, place->lsn, &known.doc, &why) != AV_OK)
        return false;
    to = part_of(s, store);
    roaring_bitmap_add(to->docs, known.doc);
    if (s->with_places)
        keep_place(to, known);
    return true;
}

static av_errc
keep_waiting(set *s, const waiting *place, av_error *err)
{
    if (s->waiting_n == AV_CANDIDATES_MAX)
        return av_error_set(
            err, AV_ERR_LIMIT, "over %u messages of a mailbox are in no index yet: try again later", AV_CANDIDATES_MAX);
    if (s->waiting_n == s->waiting_cap) {
        s->waiting_cap = s->waiting_cap == 0 ? 64 : s->waiting_cap * 2;
        s->waiting = av_xrealloc(s->waiting, s->waiting_cap * sizeof *s->waiting);
    }
    s->waiting[s->waiting_n++] = *place;
    return AV_OK;
}

/* Those that waited and have a document now. */
static void
resolve_waiting(set *s, av_reach *reach)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->waiting_n; i++)
        if (!resolve(s, reach, &s->waiting[i]))
            s->waiting[kept++] = s->waiting[i];
    s->waiting_n = kept;
}

/* Placements from next_uid on. */
static av_errc
read_on(set *s, av_reach *reach, const av_mailbox *mailbox, av_error *err)
{
    av_catalog_iter *it = av_catalog_placements(reach->look.catalog, mailbox->guid, s->next_uid, UINT32_MAX);
    av_placement p;
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_catalog_next_placement(it, &p)) {
        waiting place = { p.content_lsn, p.store,
            { .uid = p.uid, .flags = p.flags, .received_unix_s = p.received_at_ms / 1000, .crlf_size = p.crlf_size } };

        if (!resolve(s, reach, &place))
            rc = keep_waiting(s, &place, err);
        s->known++;
        s->next_uid = p.uid + 1;
    }
    if (rc == AV_OK)
        rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    for (size_t i = 0; i < s->part_count; i++)
        (void)roaring_bitmap_run_optimize(s->parts[i].docs);
    return rc;
}

static av_errc
update(set *s, av_reach *reach, const av_mailbox *mailbox, av_error *err)
{
    av_errc rc = AV_OK;

    if (!is_of_now(s, reach))
        set_clear(s);
    resolve_waiting(s, reach);
    if (s->modseq == mailbox->highestmodseq && s->known == mailbox->messages)
        return AV_OK;
    rc = read_on(s, reach, mailbox, err);
    if (rc == AV_OK && s->known != mailbox->messages) { /* something left it */
        set_clear(s);
        rc = read_on(s, reach, mailbox, err);
    }
    if (rc != AV_OK)
        set_clear(s);
    else
        s->modseq = mailbox->highestmodseq;
    return rc;
}

/* ---- for a search ---- */

static av_errc
give_waiting(const set *s, av_reach *reach, size_t m, av_error *err)
{
    av_candidates *to = &reach->unindexed;

    for (size_t i = 0; i < s->waiting_n; i++) {
        const waiting *w = &s->waiting[i];
        av_errc rc = av_candidates_add(to, (av_candidate){ w->lsn, (uint32_t)m, w->place.uid, w->store }, err);

        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

/* A copy: the set may change, or be forgotten, as soon as it is unlocked. */
static void
give_places(const part *from, av_reach_store *to)
{
    to->place_n = from->place_n;
    to->places = av_xcalloc(from->place_n + 1, sizeof *to->places);
    if (from->place_n > 0)
        memcpy(to->places, from->places, from->place_n * sizeof *to->places);
}

static av_errc
add_set(set *s, av_reach *reach, size_t m, av_error *err)
{
    av_errc rc = update(s, reach, &reach->mailboxes[m], err);

    for (size_t i = 0; rc == AV_OK && i < s->part_count; i++) {
        size_t slot = av_reach_slot(reach, s->parts[i].no);

        roaring_bitmap_or_inplace(reach->stores[slot].docs, s->parts[i].docs);
        if (reach->standing != NULL && slot < reach->store_slots)
            reach->standing[m * reach->store_slots + slot] = roaring_bitmap_copy(s->parts[i].docs);
    }
    return rc == AV_OK ? give_waiting(s, reach, m, err) : rc;
}

av_errc
av_doc_sets_places(av_doc_sets *self, av_reach *reach, size_t m, av_error *err)
{
    set *s = use_set(self, reach->mailboxes[m].guid);
    av_errc rc;

    if (!s->with_places) {
        set_clear(s);
        s->with_places = true;
    }
    rc = add_set(s, reach, m, err);
    for (size_t i = 0; rc == AV_OK && i < s->part_count; i++)
        give_places(&s->parts[i], store_of(reach, s->parts[i].no));
    weigh(self, s);
    return rc;
}

av_errc
av_doc_sets_add(av_doc_sets *self, av_reach *reach, size_t m, av_error *err)
{
    set *s = use_set(self, reach->mailboxes[m].guid);
    av_errc rc = add_set(s, reach, m, err);

    weigh(self, s);
    return rc;
}
