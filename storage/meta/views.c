/*
 * views.c - one group of a store: log, store view, catalog
 */
#include "storage/meta/views.h"

#include "base/log.h"

void
av_views_begin(av_catalog *catalog, uint32_t store_no)
{
    av_store_view *view = av_catalog_view(catalog, store_no);

    assert(view != NULL);
    av_store_view_begin(view);
    av_catalog_begin(catalog);
}

/* The thread of a placement's message: from its new attributes, or from those that the view has. */
static av_errc
thread_of(
    av_store_view *view, const av_event *event, av_span attributes, uint8_t ret[AV_THREAD_ID_BYTES], av_error *err)
{
    memset(ret, 0, AV_THREAD_ID_BYTES);
    if (event->kind != AV_EVENT_PLACEMENT_ADDED)
        return AV_OK;
    if (attributes.n == 0)
        return av_store_view_thread(av_store_view_writer(view), event->placement.content_lsn, ret, err);
    if (attributes.n >= AV_THREAD_ID_BYTES) /* else they are refused */
        memcpy(ret, attributes.p, AV_THREAD_ID_BYTES);
    return AV_OK;
}

av_errc
av_views_put_event(av_catalog *catalog, uint32_t store_no, const av_event *event, av_span attributes, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    av_store_view *view = av_catalog_view(catalog, store_no);
    uint8_t thread[AV_THREAD_ID_BYTES];
    av_errc rc;

    av_buf_init(&body, AV_STORE_EVENT_MAX);
    rc = av_event_encode(event, &body, err);
    if (rc == AV_OK)
        rc = thread_of(view, event, attributes, thread, err);
    if (rc == AV_OK)
        rc = av_catalog_apply(catalog, store_no, event, thread, err);
    if (rc == AV_OK)
        rc = av_store_view_event(view, event, err);
    if (rc == AV_OK && attributes.n > 0 && event->kind == AV_EVENT_PLACEMENT_ADDED)
        rc = av_store_view_attributes_put(view, event->placement.content_lsn, attributes, err);
    return rc == AV_OK ? av_store_put_event(av_catalog_store(catalog, store_no), av_buf_span(&body), err) : rc;
}

static av_errc
commit_views(av_catalog *catalog, uint32_t store_no, uint64_t lsn, av_error *err)
{
    av_store_view *view = av_catalog_view(catalog, store_no);
    av_errc rc = av_store_view_group_end(view, lsn, err);

    if (rc == AV_OK)
        rc = av_store_view_commit(view, err);
    if (rc == AV_OK)
        return av_catalog_commit(catalog, store_no, lsn, err);
    av_store_view_rollback(view);
    av_catalog_rollback(catalog);
    return rc;
}

av_errc
av_views_commit(av_catalog *catalog, uint32_t store_no, bool *ret_behind, av_error *err)
{
    av_error ignored;
    uint64_t lsn = 0;
    av_errc rc = av_store_commit(av_catalog_store(catalog, store_no), &lsn, err);

    if (rc != AV_OK) {
        (void)av_views_rollback(catalog, store_no, &ignored);
        return rc;
    }
    rc = commit_views(catalog, store_no, lsn, err);
    *ret_behind = rc != AV_OK;
    if (rc != AV_OK)
        AV_LOG(AV_LOG_ERROR, "view.commit_failed", AV_U64("store", store_no), AV_U64("lsn", lsn), AV_ERRF(err));
    return AV_OK;
}

av_errc
av_views_rollback(av_catalog *catalog, uint32_t store_no, av_error *err)
{
    av_errc rc = av_store_rollback(av_catalog_store(catalog, store_no), err);

    av_store_view_rollback(av_catalog_view(catalog, store_no));
    av_catalog_rollback(catalog);
    return rc;
}
