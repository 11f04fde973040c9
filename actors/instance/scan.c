/*
 * scan.c - a search over the distinct messages a user may read
 */
#include "actors/instance/scan.h"

/* ---- what the indexes say ---- */

typedef struct facts { /* of one store */
    av_scan *scan;
    size_t store;
} facts;

/* Documents with a place in the folder, and those with a place elsewhere. */
static void
folder_docs(const facts *f, av_span wanted, roaring_bitmap_t *within, roaring_bitmap_t *elsewhere)
{
    const av_reach *reach = &f->scan->reach;

    for (size_t m = 0; m < reach->mailbox_count; m++) {
        const roaring_bitmap_t *docs = av_reach_standing(reach, m, f->store);
        av_span path = av_span_of(reach->mailboxes[m].path, reach->mailboxes[m].path_n);

        if (docs != NULL)
            roaring_bitmap_or_inplace(av_query_folder_matches(path, wanted) ? within : elsewhere, docs);
    }
}

/*
 * A message matches when one of its places has all that is asked (scan_part.c). With one folder in the query some
 * place in it is as good as all, or, below NOT, all are needed for a no; with more of them it is open what one place
 * says to both.
 */
static void
folder_facts(const facts *f, av_span wanted, roaring_bitmap_t *sure, roaring_bitmap_t *maybe)
{
    const av_scan *scan = f->scan;
    roaring_bitmap_t *elsewhere = roaring_bitmap_create();
    bool one = scan->folder_nodes == 1;

    folder_docs(f, wanted, maybe, elsewhere);
    if (one && scan->folder_negated)
        roaring_bitmap_andnot_inplace(maybe, elsewhere);
    roaring_bitmap_or_inplace(sure, maybe);
    if (!one)
        roaring_bitmap_andnot_inplace(sure, elsewhere);
    roaring_bitmap_free(elsewhere);
}

static av_errc
id_docs(const facts *f, av_span text, roaring_bitmap_t *out, av_error *err)
{
    const av_reach *reach = &f->scan->reach;
    const av_reach_store *store = &reach->stores[f->store];
    uint8_t id[AV_MESSAGE_ID_BYTES];
    av_catalog_iter *it;
    av_placement p;
    uint32_t doc;
    av_errc rc;

    if (!av_message_id_parse(text, id))
        return AV_OK; /* nothing has it */
    it = av_catalog_by_id(f->scan->archive->catalog, reach->look.catalog, id);
    while (av_catalog_next_placement(it, &p))
        if (p.store == store->no && av_index_doc_of(store->index, p.content_lsn, &doc, err) == AV_OK)
            roaring_bitmap_add(out, doc);
    rc = av_catalog_iter_error(it, err);
    av_catalog_iter_destroy(&it);
    return rc;
}

static av_errc
on_facts(void *ctx, const av_query_node *node, roaring_bitmap_t *sure, roaring_bitmap_t *maybe, av_error *err)
{
    const facts *f = ctx;

    switch (node->kind) {
    case AV_QUERY_FOLDER:
        folder_facts(f, node->text, sure, maybe);
        return AV_OK;
    case AV_QUERY_ID:
        return id_docs(f, node->text, sure, err);
    default:
        return AV_ERR_UNSUPPORTED;
    }
}

/* Documents an index left open become candidates with all their places. */
static av_errc
add_open(av_scan *self, size_t store, const roaring_bitmap_t *open, av_error *err)
{
    const av_index_view *index = self->reach.stores[store].index;
    roaring_uint32_iterator_t it;
    av_errc rc = AV_OK;

    for (roaring_init_iterator(open, &it); rc == AV_OK && it.has_value; (void)roaring_advance_uint32_iterator(&it)) {
        uint64_t lsn = av_index_lsn_of(index, it.current_value, err);

        rc = lsn == 0 ? err->code : av_reach_places(&self->reach, store, lsn, &self->candidates, err);
        if (rc == AV_ERR_NOT_FOUND) { /* it has just left its mailboxes */
            self->distinct--;
            rc = AV_OK;
        }
    }
    return rc;
}

static av_errc
ask_index(av_scan *self, size_t store, av_error *err)
{
    av_reach_store *s = &self->reach.stores[store];
    facts f = { self, store };
    av_evaluate_options options = { .facts = on_facts,
        .facts_ctx = &f,
        .cancel = self->wish.cancel,
        .cancel_ctx = self->wish.cancel_ctx,
        .explain = self->wish.explain };
    AV_CLEANUP(av_bounds_release) av_bounds bounds = { NULL, NULL };
    av_errc rc;

    self->distinct += roaring_bitmap_get_cardinality(s->docs);
    rc = av_evaluate(s->index, self->query, s->docs, &options, &bounds, err);
    if (rc == AV_ERR_CORRUPT)
        av_index_failed(s->index, err);
    if (rc != AV_OK)
        return rc;
    roaring_bitmap_andnot_inplace(bounds.maybe, bounds.sure);
    rc = add_open(self, store, bounds.maybe, err);
    if (rc != AV_OK)
        return rc;
    self->sure[store] = bounds.sure;
    bounds.sure = NULL;
    return AV_OK;
}

/*
 * An index that cannot be read answers nothing: its documents, counted already, are looked at themselves, from the first
 * candidate of it on. What cannot even be named is not covered until the index is made again.
 */
static av_errc
without_index(av_scan *self, size_t store, size_t first, av_error *err)
{
    av_reach_store *s = &self->reach.stores[store];
    uint64_t n = roaring_bitmap_get_cardinality(s->docs);
    av_errc rc = AV_ERR_CORRUPT;

    self->behind = true;
    self->candidates.n = first;
    if (n <= self->wish.unindexed_max)
        rc = add_open(self, store, s->docs, err);
    if (rc != AV_ERR_CORRUPT)
        return rc;
    self->candidates.n = first;
    self->unindexed += n;
    return AV_OK;
}

/* ---- candidates ---- */

static int
by_place(const void *a, const void *b)
{
    const av_candidate *x = a, *y = b;

    if (x->store != y->store)
        return x->store < y->store ? -1 : 1;
    if (x->lsn != y->lsn)
        return x->lsn < y->lsn ? -1 : 1;
    return x->mailbox < y->mailbox ? -1 : x->mailbox > y->mailbox;
}

/* What no index has: looked at, unless it is so much that it is only counted. */
static av_errc
add_unindexed(av_scan *self, av_error *err)
{
    av_candidates *rows = &self->reach.unindexed;
    uint64_t distinct = 0;
    av_errc rc = AV_OK;

    if (rows->n == 0)
        return AV_OK;
    qsort(rows->rows, rows->n, sizeof *rows->rows, by_place);
    for (size_t i = 0; i < rows->n; i = av_candidates_end(rows, i))
        distinct++;
    self->distinct += distinct;
    self->behind = true;
    /* What a helper reads (PDF, Office) is in an index alone: looked at or not, these are not covered then. */
    if (distinct > self->wish.unindexed_max || (av_matcher_needs(self->matcher) & AV_MATCH_NEED_ATTACHMENTS) != 0)
        self->unindexed += distinct;
    if (distinct <= self->wish.unindexed_max)
        for (size_t i = 0; rc == AV_OK && i < rows->n; i++)
            rc = av_candidates_add(&self->candidates, rows->rows[i], err);
    av_candidates_drop_rows(rows);
    return rc;
}

/* Folders in the query, and whether (the only) one stands below an odd number of NOTs. */
static void
count_folders(av_scan *self, av_query_id id, bool negated)
{
    const av_query_node *node = av_query_node_at(self->query, id);

    if (node->kind == AV_QUERY_FOLDER) {
        self->folder_nodes++;
        self->folder_negated = negated;
    }
    for (av_query_id child = node->first_child; child != AV_QUERY_NONE;
         child = av_query_node_at(self->query, child)->next)
        count_folders(self, child, negated != (node->kind == AV_QUERY_NOT));
}

static av_errc
gather(av_scan *self, av_error *err)
{
    av_errc rc = AV_OK;

    self->sure = av_xcalloc(self->reach.store_count + 1, sizeof(roaring_bitmap_t *));
    for (size_t i = 0; rc == AV_OK && i < self->reach.store_count; i++) {
        uint64_t distinct = self->distinct;
        size_t first = self->candidates.n;

        if (self->reach.stores[i].index == NULL)
            continue;
        rc = ask_index(self, i, err);
        if (rc == AV_ERR_CORRUPT) {
            self->distinct = distinct + roaring_bitmap_get_cardinality(self->reach.stores[i].docs);
            rc = without_index(self, i, first, err);
        }
    }
    if (rc == AV_OK)
        rc = add_unindexed(self, err);
    if (rc == AV_OK && self->candidates.n > 0)
        qsort(self->candidates.rows, self->candidates.n, sizeof *self->candidates.rows, by_place);
    return rc;
}

av_errc
av_scan_init(av_scan *self, av_archive *archive, const char *user, const av_scan_wish *wish, av_error *err)
{
    av_errc rc;

    memset(self, 0, sizeof *self);
    self->archive = archive;
    self->wish = *wish;
    atomic_init(&self->cursor, 0);
    rc = av_query_parse(wish->query, NULL, &self->query, err);
    if (rc == AV_OK)
        rc = av_matcher_new(self->query, &self->matcher, err);
    if (rc == AV_OK) {
        count_folders(self, av_query_root(self->query), false);
        rc = av_reach_init(&self->reach, archive, user, wish->facets || self->folder_nodes > 0, err);
    }
    if (rc == AV_OK)
        rc = gather(self, err);
    return rc;
}

void
av_scan_release(av_scan *self)
{
    for (size_t i = 0; self->sure != NULL && i < self->reach.store_count; i++)
        if (self->sure[i] != NULL)
            roaring_bitmap_free(self->sure[i]);
    free(self->sure);
    av_candidates_release(&self->candidates);
    av_reach_release(&self->reach);
    av_matcher_destroy(&self->matcher);
    av_query_destroy(&self->query);
}

double
av_scan_coverage(const av_scan *self, const av_scan_part *merged)
{
    uint64_t missed = self->unindexed + merged->unreadable;

    if (self->distinct == 0)
        return 1.0;
    return (double)(self->distinct - AV_MIN(missed, self->distinct)) / (double)self->distinct;
}
