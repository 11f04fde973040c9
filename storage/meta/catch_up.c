/*
 * catch_up.c - bring the view to the end of a store's log
 */
#include "base/log.h"
#include "storage/meta/catalog_priv.h"

#define BATCH_EVENTS 2000U
#define BATCH_BYTES  (4U * 1024 * 1024)

struct catch_up {
    av_catalog *catalog;
    const catalog_store *store;
    av_catalog_summary_fn *summary;
    void *ctx;
    av_buf row;
    uint64_t events, total;
};

/* The summary of a placement's content: from the view when it has it, else from the caller. */
static av_errc
make_summary(struct catch_up *self, const av_event_placement *placement, av_error *err)
{
    const av_meta_view *view = av_catalog_writer(self->catalog);
    av_errc rc = av_catalog_summary(view, self->store->no, placement->content_lsn, &self->row, err);

    av_buf_clear(&self->row); /* a row that is there stays */
    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    return self->summary == NULL ? AV_OK : self->summary(self->ctx, self->store->store, placement, &self->row, err);
}

static av_errc
apply_event(struct catch_up *self, uint64_t lsn, av_span body, av_error *err)
{
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    av_buf_clear(&self->row);
    if (rc == AV_OK && event.kind == AV_EVENT_PLACEMENT_ADDED)
        rc = make_summary(self, &event.placement, err);
    if (rc == AV_OK)
        rc = av_catalog_apply(self->catalog, self->store->no, lsn, &event, av_buf_span(&self->row), err);
    if (rc != AV_OK)
        return av_error_prefix(err, "event at LSN %llx", (unsigned long long)lsn);
    self->events++;
    self->total++;
    return AV_OK;
}

static av_errc
visit(void *ctx, uint64_t lsn, av_record_kind kind, av_span body, av_error *err)
{
    struct catch_up *self = ctx;
    av_errc rc;

    if (kind == AV_RECORD_EVENT)
        return apply_event(self, lsn, body, err);
    if (kind != AV_RECORD_COMMIT)
        return AV_OK;
    if (self->events < BATCH_EVENTS && av_meta_group_bytes(self->catalog->meta) < BATCH_BYTES &&
        lsn < av_store_committed_lsn(self->store->store))
        return AV_OK;
    rc = av_catalog_commit(self->catalog, self->store->no, lsn, err);
    if (rc != AV_OK)
        return rc;
    self->events = 0;
    av_catalog_begin(self->catalog);
    return AV_OK;
}

static av_errc
replay(av_catalog *self, const catalog_store *s, av_catalog_summary_fn *summary, void *ctx, uint64_t *ret_total,
    av_error *err)
{
    struct catch_up work = { .catalog = self, .store = s, .summary = summary, .ctx = ctx };
    av_errc rc;

    av_buf_init(&work.row, CATALOG_ROW_MAX);
    av_catalog_begin(self);
    rc = av_store_replay(s->store, s->applied_lsn, visit, &work, err);
    av_catalog_rollback(self); /* what was whole has been committed */
    av_buf_release(&work.row);
    *ret_total = work.total;
    return rc;
}

av_errc
av_catalog_catch_up(
    av_catalog *self, uint32_t store_no, av_catalog_summary_fn *summary, void *ctx, bool *ret_rebuilt, av_error *err)
{
    catalog_store *s = catalog_find_no(self, store_no);
    uint64_t total = 0;
    bool rebuilt = false, ahead;
    av_errc rc = AV_OK;

    if (s == NULL || s->store == NULL)
        return av_error_set(err, AV_ERR_INTERNAL, "catalog: store %u is not attached", store_no);
    ahead = s->applied_lsn > av_store_committed_lsn(s->store);
    if (!ahead)
        rc = replay(self, s, summary, ctx, &total, err);
    /* Nothing of a sound log could be read from where the view stands: it is the view of another log. */
    if (!av_store_is_corrupt(s->store) && (ahead || (rc == AV_ERR_CORRUPT && total == 0 && s->applied_lsn != 0))) {
        rebuilt = true;
        rc = catalog_reset(self, err);
        s = catalog_find_no(self, store_no);
        if (rc == AV_OK)
            rc = replay(self, s, summary, ctx, &total, err);
    }
    if (rc == AV_ERR_CORRUPT && av_store_is_corrupt(s->store))
        rc = AV_OK; /* the store says so itself; what could be read is served */
    if (rc != AV_OK)
        return av_error_prefix(err, "catalog");
    if (total > 0)
        AV_LOG(AV_LOG_INFO, "catalog.caught_up", AV_U64("store", store_no), AV_U64("events", total),
            AV_U64("lsn", s->applied_lsn));
    if (ret_rebuilt != NULL)
        *ret_rebuilt = rebuilt;
    return AV_OK;
}
