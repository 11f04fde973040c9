/*
 * replay.c - see replay.h
 */
#include "storage/care/replay.h"

#include "storage/care/recover.h"
#include "storage/container/scan.h"
#include "storage/meta/store_view_check.h"
#include "storage/store/inspect.h"

#define GROUP_BYTES (4U * 1024 * 1024)

typedef struct replay {
    av_store_view *view;
    const av_care_watch *watch;
    uint64_t until_lsn, done, total;
} replay;

static av_errc
on_content(void *ctx, const av_store_content *content, av_error *err)
{
    return av_store_view_content(((replay *)ctx)->view, content, err);
}

static av_errc
on_event(void *ctx, AV_UNUSED uint64_t lsn, av_span body, av_error *err)
{
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    return rc == AV_OK ? av_store_view_event(((replay *)ctx)->view, &event, err) : rc;
}

static av_errc
on_commit(void *ctx, uint64_t lsn, av_error *err)
{
    replay *self = ctx;
    av_errc rc = av_store_view_group_end(self->view, lsn, err);

    if (rc == AV_OK && (lsn >= self->until_lsn || av_store_view_group_bytes(self->view) >= GROUP_BYTES))
        rc = av_store_view_commit(self->view, err);
    return rc == AV_OK ? av_care_go_on(self->watch, self->done, self->total, err) : rc;
}

static av_errc
run(replay *self, av_scan *scan, av_store_inspector *inspector, av_error *err)
{
    const av_store_visitor visitor = { .ctx = self, .content = on_content, .event = on_event, .commit = on_commit };
    uint64_t from = av_store_view_applied_lsn(self->view);
    av_errc rc = from == 0 ? AV_OK : av_scan_from(scan, from, err);

    while (rc == AV_OK && av_scan_chain(scan)->commit_lsn < self->until_lsn) {
        av_record_header header;
        av_span body;
        bool end = false;

        rc = av_scan_next(scan, &header, &body, &end, err);
        if (rc == AV_OK && end)
            return av_error_set(
                err, AV_ERR_CORRUPT, "the log ends before LSN %llx", (unsigned long long)self->until_lsn);
        self->done += AV_RECORD_HEADER + (uint64_t)header.length;
        if (rc == AV_OK)
            rc = av_store_inspect(inspector, &header, body, &visitor, err);
    }
    return rc;
}

av_errc
av_care_replay(
    const av_store *store, av_store_view *view, uint64_t until_lsn, const av_care_watch *watch, av_error *err)
{
    AV_CLEANUP(av_store_inspector_destroy) av_store_inspector *inspector = NULL;
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    replay self = { .view = view, .watch = watch, .until_lsn = until_lsn };
    av_container_files *files = av_store_files(store);
    av_errc rc;

    if (av_store_view_applied_lsn(view) >= until_lsn)
        return AV_OK;
    rc = av_container_files_bytes(files, &self.total, err);
    if (rc == AV_OK)
        rc = av_store_inspector_new(store, &inspector, err);
    if (rc == AV_OK)
        rc = av_scan_new(files, av_store_keys_log(av_store_keys_of(store)), &scan, err);
    if (rc != AV_OK)
        return rc;
    av_store_view_set_replaying(view, true);
    rc = run(&self, scan, inspector, err);
    av_store_view_rollback(view); /* what was whole has been committed */
    av_store_view_set_replaying(view, false);
    return rc;
}

av_errc
av_care_rebuild_view(av_store *store, av_store_view *view, const av_care_watch *watch, av_error *err)
{
    av_errc rc = av_store_view_discard(view, "it is made anew from its log", err);

    return rc == AV_OK ? av_care_replay(store, view, av_store_committed_lsn(store), watch, err) : rc;
}
