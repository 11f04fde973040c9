/*
 * mailbox_scan.c - see mailbox_scan.h
 */
#include "actors/instance/mailbox_scan.h"

#include "storage/index/query_wire.h"

#define BLOCK_PLACES 16

/* ---- what is known of places ---- */

typedef struct facts { /* of one store */
    av_mailbox_scan *scan;
    const av_reach_store *store;
} facts;

static bool
is_among(const av_query_node *node, uint32_t uid, uint32_t last_uid)
{
    for (size_t i = 0; i < node->range_count; i++) {
        uint32_t a = node->ranges[i].first == UINT32_MAX ? last_uid : node->ranges[i].first;
        uint32_t b = node->ranges[i].last == UINT32_MAX ? last_uid : node->ranges[i].last;

        if (uid >= AV_MIN(a, b) && uid <= AV_MAX(a, b))
            return true;
    }
    return false;
}

static bool
holds(const av_query_node *node, const av_doc_place *place, uint32_t last_uid)
{
    switch (node->kind) {
    case AV_QUERY_FLAG:
        return (place->flags & (uint32_t)node->flag) != 0;
    case AV_QUERY_SIZE:
        return place->crlf_size >= node->min_bytes && place->crlf_size <= node->max_bytes;
    case AV_QUERY_DATE:
        return place->received_unix_s >= node->from_unix_s &&
               (place->received_unix_s < node->to_unix_s || node->to_unix_s == INT64_MAX);
    default:
        return is_among(node, place->uid, last_uid);
    }
}

/* A document may stand in the mailbox twice: it is sure when all its places hold. */
static void
facts_of_places(const facts *f, const av_query_node *node, roaring_bitmap_t *sure, roaring_bitmap_t *maybe)
{
    uint32_t last_uid = f->scan->reach.mailboxes[0].uidnext - 1;
    roaring_bitmap_t *not_all = roaring_bitmap_create();

    for (size_t i = 0; i < f->store->place_n; i++) {
        const av_doc_place *place = &f->store->places[i];

        roaring_bitmap_add(holds(node, place, last_uid) ? maybe : not_all, place->doc);
    }
    roaring_bitmap_or_inplace(sure, maybe);
    roaring_bitmap_andnot_inplace(sure, not_all);
    roaring_bitmap_free(not_all);
}

/* Documents of this store's messages in the mailbox. Ends the walk. */
static av_errc
docs_of(const facts *f, av_catalog_iter *it, roaring_bitmap_t *sure, av_error *err)
{
    av_placement p;
    av_error ignored;
    uint32_t doc;
    av_errc rc;

    while (av_catalog_next_placement(it, &p))
        if (p.store == f->store->no && memcmp(p.guid, f->scan->reach.mailboxes[0].guid, AV_GUID_SIZE) == 0 &&
            av_index_doc_of(f->store->index, p.content_lsn, &doc, &ignored) == AV_OK)
            roaring_bitmap_add(sure, doc);
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

static av_errc
on_facts(void *ctx, const av_query_node *node, roaring_bitmap_t *sure, roaring_bitmap_t *maybe, av_error *err)
{
    const facts *f = ctx;
    const av_mailbox *mailbox = &f->scan->reach.mailboxes[0];
    const av_meta_view *catalog = f->scan->reach.look.catalog;
    uint8_t id[AV_MESSAGE_ID_BYTES], thread[AV_THREAD_ID_BYTES];

    switch (node->kind) {
    case AV_QUERY_FLAG:
    case AV_QUERY_SIZE:
    case AV_QUERY_UIDS:
        facts_of_places(f, node, sure, maybe);
        return AV_OK;
    case AV_QUERY_DATE:
        if (node->date != AV_QUERY_DATE_RECEIVED)
            return AV_ERR_UNSUPPORTED;
        facts_of_places(f, node, sure, maybe);
        return AV_OK;
    case AV_QUERY_FOLDER:
        if (av_query_folder_matches(av_span_of(mailbox->path, mailbox->path_n), node->text))
            roaring_bitmap_or_inplace(sure, f->store->docs);
        return AV_OK;
    case AV_QUERY_ID:
        if (!av_message_id_parse(node->text, id))
            return AV_OK;
        return docs_of(f, av_catalog_by_id(f->scan->archive->catalog, catalog, id), sure, err);
    case AV_QUERY_THREAD:
        if (!av_thread_id_parse(node->text, thread))
            return AV_OK;
        return docs_of(f, av_catalog_thread_messages(catalog, thread), sure, err);
    default:
        return AV_ERR_UNSUPPORTED; /* KEYWORD, MODSEQ, DATE saved: the placement's own row tells */
    }
}

/* ---- asking the indexes ---- */

static void
add_uids(const av_reach_store *store, const roaring_bitmap_t *docs, roaring_bitmap_t *uids)
{
    if (roaring_bitmap_is_empty(docs))
        return;
    for (size_t i = 0; i < store->place_n; i++)
        if (roaring_bitmap_contains(docs, store->places[i].doc))
            roaring_bitmap_add(uids, store->places[i].uid);
}

/* An index that cannot be read answers nothing: all its documents are looked at themselves. */
static void
without_index(av_mailbox_scan *self, const av_reach_store *store)
{
    self->behind = true;
    add_uids(store, store->docs, self->open);
}

static av_errc
ask_index(av_mailbox_scan *self, const av_reach_store *store, av_error *err)
{
    facts f = { self, store };
    av_evaluate_options options = { .facts = on_facts,
        .facts_ctx = &f,
        .crlf_sizes = true,
        .cancel = self->wish.cancel,
        .cancel_ctx = self->wish.cancel_ctx };
    AV_CLEANUP(av_bounds_release) av_bounds bounds = { NULL, NULL };
    av_errc rc = av_evaluate(store->index, self->query, store->docs, &options, &bounds, err);

    if (rc == AV_ERR_CORRUPT) {
        av_index_failed(store->index, err);
        without_index(self, store);
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc;
    roaring_bitmap_andnot_inplace(bounds.maybe, bounds.sure);
    add_uids(store, bounds.sure, self->matched);
    add_uids(store, bounds.maybe, self->open);
    return AV_OK;
}

static void
keep_among(const av_uid_set *among, roaring_bitmap_t *uids)
{
    roaring_bitmap_t *set;

    if (among == NULL || among->n == 0)
        return;
    set = roaring_bitmap_create();
    for (size_t i = 0; i < among->n; i++)
        roaring_bitmap_add_range_closed(set, among->ranges[i].first, among->ranges[i].last);
    roaring_bitmap_and_inplace(uids, set);
    roaring_bitmap_free(set);
}

static av_errc
gather(av_mailbox_scan *self, av_error *err)
{
    const av_candidates *unindexed = &self->reach.unindexed;
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < self->reach.store_count; i++)
        if (self->reach.stores[i].index != NULL)
            rc = ask_index(self, &self->reach.stores[i], err);
    if (rc != AV_OK)
        return rc;
    self->behind |= unindexed->n > 0;
    for (size_t i = 0; i < unindexed->n; i++)
        roaring_bitmap_add(self->open, unindexed->rows[i].uid);
    keep_among(self->wish.among, self->matched);
    keep_among(self->wish.among, self->open);
    self->uid_count = (size_t)roaring_bitmap_get_cardinality(self->open);
    self->uids = av_xcalloc(self->uid_count + 1, sizeof *self->uids);
    roaring_bitmap_to_uint32_array(self->open, self->uids);
    return AV_OK;
}

av_errc
av_mailbox_scan_init(
    av_mailbox_scan *self, av_archive *archive, const char *user, const av_mailbox_scan_wish *wish, av_error *err)
{
    av_errc rc;

    memset(self, 0, sizeof *self);
    self->archive = archive;
    self->wish = *wish;
    atomic_init(&self->cursor, 0);
    self->matched = roaring_bitmap_create();
    self->open = roaring_bitmap_create();
    rc = av_query_decode(wish->tree, NULL, &self->query, err);
    if (rc == AV_OK)
        rc = av_matcher_new(self->query, &self->matcher, err);
    if (rc == AV_OK)
        rc = av_reach_init_mailbox(&self->reach, archive, user, wish->mailbox, err);
    return rc == AV_OK ? gather(self, err) : rc;
}

void
av_mailbox_scan_release(av_mailbox_scan *self)
{
    if (self->archive == NULL)
        return;
    roaring_bitmap_free(self->matched);
    roaring_bitmap_free(self->open);
    free(self->uids);
    av_reach_release(&self->reach);
    av_matcher_destroy(&self->matcher);
    av_query_destroy(&self->query);
    memset(self, 0, sizeof *self);
}

/* ---- what the indexes left open ---- */

void
av_mailbox_scan_part_init(av_mailbox_scan_part *self, av_mailbox_scan *scan)
{
    memset(self, 0, sizeof *self);
    self->scan = scan;
    self->matched = roaring_bitmap_create();
    av_probe_init(&self->probe, scan->archive, scan->matcher);
}

static void
test_one(av_mailbox_scan_part *self, uint32_t uid)
{
    const av_mailbox *mailbox = &self->scan->reach.mailboxes[0];
    const av_meta_view *catalog = self->scan->reach.look.catalog;
    av_probe_place place = { av_span_of(mailbox->path, mailbox->path_n), mailbox->uidnext - 1, true };
    av_probe_answer answer = AV_PROBE_UNREADABLE;
    av_placement placement;
    av_error ignored;

    if (av_catalog_placement(catalog, mailbox->guid, uid, &placement, &ignored) == AV_OK)
        answer = av_probe_test(&self->probe, catalog, &placement, &place);
    if (answer == AV_PROBE_YES)
        roaring_bitmap_add(self->matched, uid);
    self->unreadable += answer == AV_PROBE_UNREADABLE;
}

bool
av_mailbox_scan_part_step(av_mailbox_scan_part *self)
{
    av_mailbox_scan *scan = self->scan;
    size_t at = atomic_fetch_add(&scan->cursor, BLOCK_PLACES);

    if (at >= scan->uid_count)
        return false;
    for (size_t end = AV_MIN(at + BLOCK_PLACES, scan->uid_count); at < end; at++)
        test_one(self, scan->uids[at]);
    return true;
}

void
av_mailbox_scan_part_end(av_mailbox_scan_part *self)
{
    if (self->scan == NULL)
        return;
    roaring_bitmap_or_inplace(self->scan->matched, self->matched);
    self->scan->unreadable += self->unreadable;
    roaring_bitmap_free(self->matched);
    av_probe_release(&self->probe);
    memset(self, 0, sizeof *self);
}
