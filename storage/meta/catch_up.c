/*
 * catch_up.c - bring a store's view and the catalog to the end of the store's log, in one pass
 */
#include "base/log.h"
#include "storage/meta/catalog_priv.h"
#include "storage/meta/store_view_priv.h"

#define BATCH_EVENTS 2000U
#define BATCH_BYTES  (4U * 1024 * 1024)

struct catch_up {
    av_catalog *catalog;
    catalog_store *store;
    av_catalog_summary_fn *summary;
    void *ctx;
    av_buf row;
    uint64_t batch, total;            /* contents and events */
    bool view_broken, catalog_broken; /* its own rows, not the log's records */
};

/* Damage that a view finds in itself is healed by making it anew. */
static av_errc
of_view(struct catch_up *self, av_errc rc)
{
    self->view_broken = self->view_broken || rc == AV_ERR_CORRUPT;
    return rc;
}

static av_errc
of_catalog(struct catch_up *self, av_errc rc)
{
    self->catalog_broken = self->catalog_broken || rc == AV_ERR_CORRUPT;
    return rc;
}

/* Does the view still need what stands at lsn? Applied LSNs are those of commits, so groups are new or old as a
 * whole. */
static bool
view_needs(const struct catch_up *self, uint64_t lsn)
{
    return lsn > av_store_view_applied_lsn(self->store->view);
}

static bool
catalog_needs(const struct catch_up *self, uint64_t lsn)
{
    return lsn > self->store->applied_lsn;
}

static av_errc
visit_content(void *ctx, const av_store_content *content, av_error *err)
{
    struct catch_up *self = ctx;

    if (!view_needs(self, content->lsn))
        return AV_OK;
    self->batch++;
    self->total++;
    return of_view(self, av_store_view_content(self->store->view, content, err));
}

/* The attributes of a placement's message into the view: what it has stays, else they come from the caller. */
static av_errc
make_attributes(struct catch_up *self, const av_event_placement *placement, av_error *err)
{
    const av_meta_view *view = av_store_view_writer(self->store->view);
    av_content_row content;
    av_errc rc;

    if (self->summary == NULL)
        return AV_OK;
    rc = av_store_view_get(view, placement->content_lsn, &content, NULL, err);
    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && content.erased))
        return AV_OK;
    if (rc == AV_OK)
        rc = av_store_view_attributes(view, placement->content_lsn, &self->row, err);
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    av_buf_clear(&self->row);
    rc = self->summary(self->ctx, self->store->store, placement, &self->row, err);
    if (rc == AV_OK && self->row.n > 0)
        rc = av_store_view_attributes_put(self->store->view, placement->content_lsn, av_buf_span(&self->row), err);
    return rc;
}

static av_errc
apply_to_catalog(struct catch_up *self, const av_event *event, av_error *err)
{
    const av_meta_view *view = av_store_view_writer(self->store->view);
    uint8_t thread[AV_THREAD_ID_BYTES] = { 0 };
    av_errc rc = AV_OK;

    if (event->kind == AV_EVENT_PLACEMENT_ADDED)
        rc = of_view(self, av_store_view_thread(view, event->placement.content_lsn, thread, err));
    return rc == AV_OK ? of_catalog(self, av_catalog_apply(self->catalog, self->store->no, event, thread, err)) : rc;
}

static av_errc
visit_event(void *ctx, uint64_t lsn, av_span body, av_error *err)
{
    struct catch_up *self = ctx;
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc == AV_OK && view_needs(self, lsn)) {
        rc = of_view(self, av_store_view_event(self->store->view, &event, err));
        if (rc == AV_OK && event.kind == AV_EVENT_PLACEMENT_ADDED)
            rc = make_attributes(self, &event.placement, err);
    }
    if (rc == AV_OK && catalog_needs(self, lsn))
        rc = apply_to_catalog(self, &event, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "event at LSN %llx", (unsigned long long)lsn);
    self->batch++;
    self->total++;
    return AV_OK;
}

/* First the store's view, then the catalog, as in a live group. */
static av_errc
commit_batch(struct catch_up *self, uint64_t lsn, av_error *err)
{
    bool catalog = catalog_needs(self, lsn);
    av_errc rc = AV_OK;

    if (view_needs(self, lsn))
        rc = av_store_view_commit(self->store->view, err);
    if (rc == AV_OK && catalog)
        rc = av_catalog_commit(self->catalog, self->store->no, lsn, err);
    if (rc != AV_OK)
        return rc;
    self->batch = 0;
    if (catalog)
        av_catalog_begin(self->catalog);
    return AV_OK;
}

static av_errc
visit_commit(void *ctx, uint64_t lsn, av_error *err)
{
    struct catch_up *self = ctx;
    size_t bytes = av_meta_group_bytes(self->catalog->meta) + av_meta_group_bytes(self->store->view->meta);
    av_errc rc = view_needs(self, lsn) ? of_view(self, av_store_view_group_end(self->store->view, lsn, err)) : AV_OK;

    if (rc != AV_OK)
        return rc;
    if (self->batch < BATCH_EVENTS && bytes < BATCH_BYTES && lsn < av_store_committed_lsn(self->store->store))
        return AV_OK;
    return commit_batch(self, lsn, err);
}

static av_errc
replay(struct catch_up *self, av_error *err)
{
    const av_store_visitor visitor = {
        .ctx = self, .content = visit_content, .event = visit_event, .commit = visit_commit
    };
    uint64_t from = AV_MIN(self->store->applied_lsn, av_store_view_applied_lsn(self->store->view));
    av_errc rc;

    if (from == av_store_committed_lsn(self->store->store))
        return AV_OK;
    av_buf_init(&self->row, CATALOG_ROW_MAX);
    self->catalog->replaying = self->store->view->replaying = true;
    av_catalog_begin(self->catalog);
    rc = av_store_replay(self->store->store, from, &visitor, err);
    av_catalog_rollback(self->catalog); /* what was whole has been committed */
    av_store_view_rollback(self->store->view);
    self->catalog->replaying = self->store->view->replaying = false;
    av_buf_release(&self->row);
    return rc;
}

/* A view whose place is not one of this log is the view of another log. */
static av_errc
start_anew(struct catch_up *self, bool view, bool catalog, av_error *err)
{
    uint32_t no = self->store->no;
    av_errc rc = AV_OK;

    if (view)
        rc = av_store_view_discard(self->store->view, "it is not the view of its log", err);
    if (rc == AV_OK && catalog)
        rc = catalog_reset(self->catalog, err);
    self->store = catalog_find_no(self->catalog, no);
    return rc;
}

/* After AV_ERR_CORRUPT: which views must be made anew? None: it is the log that is damaged. */
static void
blame(const struct catch_up *self, bool *ret_view, bool *ret_catalog)
{
    uint64_t view = av_store_view_applied_lsn(self->store->view), catalog = self->store->applied_lsn;

    *ret_view = self->view_broken;
    *ret_catalog = self->catalog_broken;
    if (*ret_view || *ret_catalog || self->total > 0 || AV_MIN(view, catalog) == 0)
        return;
    /* Nothing of a sound log could be read from where the lower one stands: that is no place in this log. */
    *ret_view = view <= catalog;
    *ret_catalog = catalog <= view;
}

static av_errc
bring_up(struct catch_up *self, bool *ret_rebuilt, av_error *err)
{
    uint64_t end = av_store_committed_lsn(self->store->store);
    bool view = av_store_view_applied_lsn(self->store->view) > end, catalog = self->store->applied_lsn > end;
    av_errc rc = AV_OK;

    *ret_rebuilt = false;
    for (unsigned tries = 0; tries < 3; tries++) {
        if (av_store_is_corrupt(self->store->store) && view && catalog)
            return AV_OK;
        if (!av_store_is_corrupt(self->store->store) && (view || catalog)) {
            *ret_rebuilt = *ret_rebuilt || catalog;
            rc = start_anew(self, view, catalog, err);
        }
        if (rc == AV_OK)
            rc = replay(self, err);
        if (rc != AV_ERR_CORRUPT)
            return rc;
        if (av_store_is_corrupt(self->store->store))
            return AV_OK; /* the store says so itself; what could be read is served */
        blame(self, &view, &catalog);
        if (!view && !catalog)
            return rc;
        self->view_broken = self->catalog_broken = false;
        rc = AV_OK;
    }
    return av_error_set(err, AV_ERR_CORRUPT, "the views cannot be made from this log");
}

av_errc
av_catalog_catch_up(
    av_catalog *self, uint32_t store_no, av_catalog_summary_fn *summary, void *ctx, bool *ret_rebuilt, av_error *err)
{
    struct catch_up work = {
        .catalog = self, .store = catalog_find_no(self, store_no), .summary = summary, .ctx = ctx
    };
    bool rebuilt = false;
    av_errc rc;

    if (work.store == NULL || work.store->store == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "catalog: store %u is not attached", store_no);
    rc = bring_up(&work, &rebuilt, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "catalog");
    if (work.total > 0)
        AV_LOG(AV_LOG_INFO, "catalog.caught_up", AV_U64("store", store_no), AV_U64("events", work.total),
            AV_U64("lsn", work.store->applied_lsn));
    if (ret_rebuilt != NULL)
        *ret_rebuilt = rebuilt;
    return AV_OK;
}
