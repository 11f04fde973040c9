/*
 * scan_part.c - one thread's part of a search, and how the parts and the indexes' answers become one
 */
#include "actors/instance/scan.h"
#include "storage/index/newest.h"
#include "storage/index/sort_key.h"

#define BLOCK_MESSAGES 16
/* What may stand behind the header. */
#define TEXT_NEEDS     (AV_MATCH_NEED_BODY | AV_MATCH_NEED_FILENAMES | AV_MATCH_NEED_ATTACHMENTS)

void
av_scan_part_init(av_scan_part *self, av_scan *scan)
{
    memset(self, 0, sizeof *self);
    self->scan = scan;
    av_probe_init(&self->probe, scan->archive, scan->matcher);
    av_hits_init(&self->hits, scan->wish.order, scan->wish.wanted, scan->wish.after);
    if (scan->wish.facets)
        self->matched = roaring_bitmap_create();
}

void
av_scan_part_release(av_scan_part *self)
{
    if (self->scan != NULL)
        av_probe_release(&self->probe);
    if (self->matched != NULL)
        roaring_bitmap_free(self->matched);
    av_hits_release(&self->hits);
    memset(self, 0, sizeof *self);
}

/* NULL: the order does not ask for one. */
static char *
sort_text(av_order order, const av_summary *summary)
{
    AV_CLEANUP(av_buf_release) av_buf key = { 0 };

    av_buf_init(&key, AV_SORT_KEY_MAX);
    if (order == AV_ORDER_FROM)
        av_sort_sender(summary->from, &key);
    else if (order == AV_ORDER_SUBJECT)
        av_sort_subject(summary->subject, &key);
    else
        return NULL;
    return av_span_dup(av_buf_span(&key));
}

/* What a message without a document sorts by; of the header fields what the row beside it says. */
static void
describe(av_scan_part *self, const av_placement *placement, av_hit *ret)
{
    av_probe *probe = &self->probe;
    av_summary summary;
    av_error ignored;

    ret->date_unix_s = placement->received_at_ms / 1000;
    ret->size = placement->raw_size;
    ret->lsn = placement->content_lsn;
    ret->store = placement->store;
    if (av_uses_attributes(&probe->uses, placement->store, placement->content_lsn, &probe->row, &ignored) != AV_OK ||
        probe->row.n == 0 || av_summary_row_decode(av_buf_span(&probe->row), &summary, &ignored) != AV_OK)
        return;
    if (summary.has_date)
        ret->date_unix_s = summary.date_unix_s;
    ret->text = sort_text(self->scan->wish.order, &summary);
}

/* One message with its places [at, end): it matches when it does in one of them. */
static void
test_one(av_scan_part *self, size_t at, size_t end)
{
    const av_candidates *c = &self->scan->candidates;
    const av_reach *reach = &self->scan->reach;
    av_probe_answer answer = AV_PROBE_NO;
    av_placement placement = { 0 };
    av_probe_place place = { 0 };
    const av_mailbox *mailbox;
    av_error ignored;
    av_hit hit = { 0 };
    /* Without a Date header the received date counts, and that is of a place, too. */
    bool by_place = (self->probe.needs & (AV_MATCH_NEED_META | AV_MATCH_NEED_DATE)) != 0, truncated = false;
    size_t i;

    for (i = at; i < end; i++) {
        mailbox = &reach->mailboxes[c->rows[i].mailbox];
        if (av_catalog_placement(reach->look.catalog, mailbox->guid, c->rows[i].uid, &placement, &ignored) != AV_OK)
            answer = AV_PROBE_UNREADABLE;
        else {
            place.path = av_span_of(mailbox->path, mailbox->path_n);
            place.last_uid = mailbox->uidnext - 1;
            answer = av_probe_test(&self->probe, reach->look.catalog, &placement, &place);
            truncated = truncated || self->probe.truncated;
        }
        if (answer == AV_PROBE_YES || !by_place)
            break;
    }
    if (answer == AV_PROBE_UNREADABLE)
        self->unreadable++;
    self->truncated += truncated;
    if (answer != AV_PROBE_YES)
        return;
    self->total++;
    if (self->matched != NULL)
        roaring_bitmap_add(self->matched, (uint32_t)i);
    describe(self, &placement, &hit);
    hit.candidate = i;
    av_hits_keep(&self->hits, hit);
}

/* Claim the next messages: a block never begins inside the places of one. */
static bool
claim(av_scan *scan, size_t *ret_at, size_t *ret_end)
{
    size_t at = atomic_load(&scan->cursor), end, i;

    do {
        if (at >= scan->candidates.n)
            return false;
        for (end = at, i = 0; i < BLOCK_MESSAGES && end < scan->candidates.n; i++)
            end = av_candidates_end(&scan->candidates, end);
    } while (!atomic_compare_exchange_weak(&scan->cursor, &at, end));
    *ret_at = at;
    *ret_end = end;
    return true;
}

bool
av_scan_part_step(av_scan_part *self)
{
    size_t at, end, next;

    if (!claim(self->scan, &at, &end))
        return false;
    for (; at < end; at = next) {
        next = av_candidates_end(&self->scan->candidates, at);
        test_one(self, at, next);
    }
    return true;
}

void
av_scan_part_merge(av_scan_part *self, av_scan_part *other)
{
    av_hits_take(&self->hits, &other->hits);
    if (self->matched != NULL)
        roaring_bitmap_or_inplace(self->matched, other->matched);
    self->total += other->total;
    self->unreadable += other->unreadable;
    self->truncated += other->truncated;
}

/* ---- what the indexes found ---- */

typedef struct columns { /* of one run */
    const av_index_run *run;
    size_t number;
    const uint64_t *date, *size, *lsn;
} columns;

static av_errc
load(const av_index_view *index, size_t number, const av_index_run *run, columns *ret, av_error *err)
{
    *ret = (columns){ .run = run, .number = number };
    ret->date = av_index_numbers(index, number, AV_COLUMN_DATE, err);
    ret->size = ret->date == NULL ? NULL : av_index_numbers(index, number, AV_COLUMN_SIZE, err);
    ret->lsn = ret->size == NULL ? NULL : av_index_numbers(index, number, AV_COLUMN_LSN, err);
    return ret->lsn == NULL ? err->code : AV_OK;
}

/* Without a Date header the received date of a place counts. */
static int64_t
received_of(av_scan *scan, const av_hit *hit)
{
    av_candidate row;
    av_placement placement;
    av_error ignored;

    if (av_scan_place_of(scan, hit, &row, &ignored) != AV_OK ||
        av_catalog_placement(
            scan->reach.look.catalog, scan->reach.mailboxes[row.mailbox].guid, row.uid, &placement, &ignored) != AV_OK)
        return 0;
    return placement.received_at_ms / 1000;
}

static av_errc
keep_document(av_scan *self, av_hits *hits, const av_index_view *index, const columns *c, uint32_t d, uint32_t store,
    av_error *err)
{
    av_hit hit = {
        .date_unix_s = (int64_t)c->date[d], .size = c->size[d], .lsn = c->lsn[d], .store = store, .candidate = SIZE_MAX
    };
    av_string_column which = hits->order == AV_ORDER_FROM ? AV_STRING_FROM : AV_STRING_SUBJECT;
    char text[AV_SORT_KEY_MAX + 1];
    av_span value;

    if (hit.date_unix_s == INT64_MIN)
        hit.date_unix_s = received_of(self, &hit);
    if (hits->order == AV_ORDER_FROM || hits->order == AV_ORDER_SUBJECT) {
        if (!av_index_string(index, c->number, which, d, &value, err))
            return err->code;
        (void)snprintf(text, sizeof text, "%.*s", (int)value.n, (const char *)value.p);
        hit.text = text;
    }
    if (!av_hits_want(hits, &hit))
        return AV_OK;
    hit.text = hit.text == NULL ? NULL : av_xstrdup(hit.text);
    av_hits_keep(hits, hit);
    return AV_OK;
}

typedef struct keeping { /* the newest documents of one store */
    av_scan *scan;
    av_hits *hits;
    const av_index_view *index;
    uint32_t store;
    columns c;
} keeping;

static int64_t
kept_from(void *ctx)
{
    const av_hits *hits = ((const keeping *)ctx)->hits;

    return hits->n == hits->wanted ? hits->heap[0].date_unix_s : INT64_MIN;
}

static av_errc
keep_newest(void *ctx, size_t run, uint32_t d, AV_UNUSED int64_t date, av_error *err)
{
    keeping *self = ctx;
    const av_index_run *runs;
    av_errc rc = AV_OK;

    (void)av_index_runs(self->index, &runs);
    if (self->c.run != &runs[run])
        rc = load(self->index, run, &runs[run], &self->c, err);
    return rc == AV_OK ? keep_document(self->scan, self->hits, self->index, &self->c, d, self->store, err) : rc;
}

/* In any other order than the newest first: each is looked at. */
static av_errc
keep_all(av_scan *self, size_t store, av_hits *hits, av_error *err)
{
    const av_reach_store *s = &self->reach.stores[store];
    const av_index_run *runs;
    size_t n = av_index_runs(s->index, &runs), run = 0;
    columns c = { 0 };
    roaring_uint32_iterator_t it;
    av_errc rc = AV_OK;

    for (roaring_init_iterator(self->sure[store], &it); rc == AV_OK && it.has_value;
         (void)roaring_advance_uint32_iterator(&it)) {
        while (run < n && it.current_value - runs[run].first >= av_run_count(runs[run].run))
            run++;
        if (run == n)
            return av_error_set(err, AV_ERR_INTERNAL, "document %u is in no run", it.current_value);
        if (c.run != &runs[run])
            rc = load(s->index, run, &runs[run], &c, err);
        if (rc == AV_OK)
            rc = keep_document(self, hits, s->index, &c, it.current_value - runs[run].first, s->no, err);
    }
    return rc;
}

static av_errc
keep_documents(av_scan *self, size_t store, av_hits *hits, av_error *err)
{
    const av_reach_store *s = &self->reach.stores[store];
    keeping k = { .scan = self, .hits = hits, .index = s->index, .store = s->no };
    const av_newest to = { .ctx = &k, .from = kept_from, .take = keep_newest };

    if (hits->order != AV_ORDER_NEWEST)
        return keep_all(self, store, hits, err);
    return av_index_newest(
        s->index, self->sure[store], hits->has_after ? hits->after.date_unix_s : INT64_MAX, &to, err);
}

/* Documents with more text than is indexed, when that text was asked for: their end was not looked at. */
static av_errc
count_truncated(av_scan *self, size_t store, av_scan_part *merged, av_error *err)
{
    const av_reach_store *s = &self->reach.stores[store];
    const av_index_run *runs;
    size_t n = av_index_runs(s->index, &runs);
    av_index_state state;

    av_index_get_state(s->open->index, &state);
    if (state.truncated == 0 || (av_matcher_needs(self->matcher) & TEXT_NEEDS) == 0)
        return AV_OK;
    for (size_t i = 0; i < n; i++) {
        const uint64_t *bits = av_index_numbers(s->index, i, AV_COLUMN_BITS, err);
        uint32_t count = av_run_count(runs[i].run);

        if (bits == NULL)
            return err->code;
        for (uint32_t d = 0; d < count; d++)
            if ((bits[d] & AV_DOC_TRUNCATED) != 0 && roaring_bitmap_contains(s->docs, runs[i].first + d))
                merged->truncated++;
    }
    return AV_OK;
}

av_errc
av_scan_finish(av_scan *self, av_scan_part *merged, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < self->reach.store_count; i++) {
        if (self->sure[i] == NULL)
            continue;
        rc = count_truncated(self, i, merged, err);
        if (rc != AV_OK)
            break;
        merged->total += roaring_bitmap_get_cardinality(self->sure[i]);
        if (self->wish.wanted > 0)
            rc = keep_documents(self, i, &merged->hits, err);
    }
    av_hits_sort(&merged->hits);
    return rc;
}

av_errc
av_scan_place_of(av_scan *self, const av_hit *hit, av_candidate *ret, av_error *err)
{
    AV_CLEANUP(av_candidates_release) av_candidates places = { 0 };
    av_errc rc = AV_ERR_NOT_FOUND;

    if (hit->candidate != SIZE_MAX) {
        *ret = self->candidates.rows[hit->candidate];
        return AV_OK;
    }
    for (size_t i = 0; i < self->reach.store_count; i++)
        if (self->reach.stores[i].no == hit->store)
            rc = av_reach_places(&self->reach, i, hit->lsn, &places, err);
    if (rc == AV_OK)
        *ret = places.rows[0];
    return rc;
}
