/*
 * copy.c - see copy.h
 */
#include "storage/care/copy.h"

#include "storage/care/bring.h"
#include "storage/container/scan.h"
#include "storage/meta/store_view_check.h"
#include "storage/store/inspect.h"

#define GROUP_BYTES  (8U * 1024 * 1024)
#define GROUP_EVENTS 512U
#define WHOLE_MAX    (1024U * 1024) /* a message below this is held in memory */

typedef struct copier {
    const av_care_copy_job *job;
    const av_care_watch *watch;
    av_care_copy_result *result;
    av_buf row, other, bytes;
    uint64_t group_bytes;
    uint32_t group_events;
    uint64_t until_lsn, done, total;
} copier;

/* --- messages ---------------------------------------------------------------------------------------------------- */

/* LSN of the message in the target; put there when it is missing. */
static av_errc
bring(copier *self, const av_event_placement *p, uint64_t *ret_lsn, av_error *err)
{
    AV_CLEANUP(av_store_reader_close) av_store_reader *reader = NULL;
    av_store_view *view = self->job->target_view;
    uint64_t size;
    av_errc rc = av_store_view_find_message(view, av_store_view_writer(view), p->digest, ret_lsn, err);

    if (rc != AV_ERR_NOT_FOUND)
        return rc;
    rc = av_store_reader_open(self->job->source, p->content_lsn, &reader, err);
    if (rc != AV_OK)
        return rc;
    if (memcmp(av_store_reader_digest(reader), p->digest, sizeof p->digest) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the message has another digest than its placement");
    size = av_store_reader_size(reader);
    rc = av_care_bring(reader, self->job->target, &self->bytes, ret_lsn, err);
    if (rc != AV_OK)
        return rc;
    self->group_bytes += size;
    self->result->messages++;
    self->result->bytes += size;
    return AV_OK;
}

/* --- events ------------------------------------------------------------------------------------------------------ */

/* Is what the target has under this UID that message? Another one must not stand for it: whoever asked for the copy is
 * about to let the source go. */
static av_errc
is_same(copier *self, const av_event_placement *p, const av_store_placement *have, bool *ret, av_error *err)
{
    const av_meta_view *target = av_store_view_writer(self->job->target_view);
    uint8_t dedup[AV_STORE_DEDUP_SIZE];
    av_content_row content;
    av_errc rc = av_store_view_get(target, have->content_lsn, &content, NULL, err);

    if (rc != AV_OK)
        return rc;
    av_store_dedup_of(self->job->target, p->digest, dedup);
    *ret = !content.erased && memcmp(content.dedup, dedup, sizeof dedup) == 0;
    return AV_OK;
}

static av_errc
hand_on(copier *self, const av_event *event, av_error *err)
{
    self->group_events++;
    return self->job->event(self->job->ctx, event, err);
}

static bool
is_unreadable(av_errc rc)
{
    return rc == AV_ERR_CORRUPT || rc == AV_ERR_NOT_FOUND || rc == AV_ERR_VERSION;
}

/* As the source tells it: it can be restored from the target, too, and its grace period goes on. */
static av_errc
hand_on_removal(copier *self, const av_event_placement *p, const av_store_placement *removed, av_error *err)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_REMOVED };

    memcpy(event.placement.guid, p->guid, sizeof event.placement.guid);
    event.placement.uid = p->uid;
    event.placement.modseq = removed->modseq;
    event.placement.removed_at_ms = removed->removed_at_ms;
    event.placement.who = removed->who;
    event.placement.reason = removed->reason;
    return hand_on(self, &event, err);
}

/* The target has had it under this UID: what was removed there stays so. */
static av_errc
on_there(copier *self, const av_event_placement *p, const av_store_placement *from, const av_store_placement *have,
    av_error *err)
{
    bool same = false;
    av_errc rc = is_same(self, p, have, &same, err);

    if (rc != AV_OK)
        return rc;
    if (same) {
        self->result->known++;
        return from->removed && !have->removed ? hand_on_removal(self, p, from, err) : AV_OK;
    }
    self->result->unreadable++;
    av_care_say(self->watch, AV_LOG_ERROR, p->content_lsn,
        "a message is left out: the target has another one under its UID %u", (unsigned)p->uid);
    return AV_OK;
}

static av_errc
take_placement(copier *self, const av_event_placement *p, const av_store_placement *from, av_error *err)
{
    av_event event = { .kind = AV_EVENT_PLACEMENT_ADDED, .placement = *p };
    av_errc rc = bring(self, p, &event.placement.content_lsn, err);

    if (is_unreadable(rc)) {
        self->result->unreadable++;
        av_care_say(self->watch, AV_LOG_ERROR, p->content_lsn, "a message is left out: %s", err->msg);
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc == AV_ERR_GONE && from->removed ? AV_OK : rc; /* its keys went with an erasure */
    self->result->placements++;
    self->result->removed += from->removed;
    rc = hand_on(self, &event, err);
    return rc == AV_OK && from->removed ? hand_on_removal(self, p, from, err) : rc;
}

static av_errc
on_placement(copier *self, const av_event_placement *p, av_error *err)
{
    const av_meta_view *target = av_store_view_writer(self->job->target_view);
    av_store_placement from, have;
    av_errc rc = av_store_view_placement(self->job->source_view, p->guid, p->uid, &self->row, &from, err);

    if (rc == AV_ERR_NOT_FOUND || (rc == AV_OK && from.content_lsn != p->content_lsn))
        return AV_OK; /* erased, or another has its UID */
    if (rc == AV_OK)
        rc = av_store_view_placement(target, p->guid, p->uid, &self->other, &have, err);
    if (rc == AV_OK)
        return on_there(self, p, &from, &have, err);
    return rc == AV_ERR_NOT_FOUND ? take_placement(self, p, &from, err) : rc;
}

static av_errc
take_event(copier *self, av_span body, av_error *err)
{
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc != AV_OK)
        return rc;
    switch (event.kind) {
    case AV_EVENT_PLACEMENT_ADDED:
        return on_placement(self, &event.placement, err);
    case AV_EVENT_MAILBOX_CREATED:
    case AV_EVENT_MAILBOX_RENAMED:
    case AV_EVENT_MAILBOX_REMOVED:
    case AV_EVENT_HOLD_SET:
    case AV_EVENT_HOLD_LIFTED:
        return hand_on(self, &event, err);
    case AV_EVENT_PLACEMENT_REMOVED:
    case AV_EVENT_CONTENT_ERASED:
    case AV_EVENT_RUN_PROGRESS:
    case AV_EVENT_UNKNOWN:
        break;
    }
    return AV_OK;
}

static av_errc
on_event(void *ctx, AV_UNUSED uint64_t lsn, av_span body, av_error *err)
{
    return take_event(ctx, body, err);
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

static av_errc
commit(copier *self, av_error *err)
{
    self->group_bytes = 0;
    self->group_events = 0;
    return self->job->commit(self->job->ctx, err);
}

static av_errc
run(copier *self, av_scan *scan, av_store_inspector *inspector, av_error *err)
{
    const av_store_visitor visitor = { .ctx = self, .event = on_event };
    av_errc rc = AV_OK;

    while (rc == AV_OK && av_scan_chain(scan)->commit_lsn < self->until_lsn) {
        av_record_header header;
        av_span body;
        bool end = false;

        rc = av_scan_next(scan, &header, &body, &end, err);
        if (rc == AV_OK && end)
            return av_error_set(err, AV_ERR_CORRUPT, "the source's log ends before its view does");
        self->done += AV_RECORD_HEADER + (uint64_t)header.length;
        if (rc == AV_OK && header.kind == AV_RECORD_EVENTS)
            rc = av_store_inspect(inspector, &header, body, &visitor, err);
        if (rc == AV_OK && (self->group_bytes >= GROUP_BYTES || self->group_events >= GROUP_EVENTS))
            rc = commit(self, err);
        if (rc == AV_OK)
            rc = av_care_go_on(self->watch, AV_MIN(self->done, self->total), self->total, err);
    }
    return rc == AV_OK ? commit(self, err) : rc;
}

av_errc
av_care_copy(const av_care_copy_job *job, const av_care_watch *watch, av_care_copy_result *ret, av_error *err)
{
    AV_CLEANUP(av_store_inspector_destroy) av_store_inspector *inspector = NULL;
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    copier self = { .job = job, .watch = watch, .result = ret };
    av_container_files *files = av_store_files(job->source);
    av_errc rc;

    *ret = (av_care_copy_result){ 0 };
    av_buf_init(&self.row, 8U << 20);
    av_buf_init(&self.other, 8U << 20);
    av_buf_init(&self.bytes, WHOLE_MAX);
    rc = av_store_view_lsn_of(job->source_view, &self.until_lsn, err);
    if (rc == AV_OK)
        rc = av_container_files_bytes(files, &self.total, err);
    if (rc == AV_OK)
        rc = av_store_inspector_new(job->source, &inspector, err);
    if (rc == AV_OK)
        rc = av_scan_new(files, av_store_keys_log(av_store_keys_of(job->source)), &scan, err);
    if (rc == AV_OK)
        rc = run(&self, scan, inspector, err);
    av_buf_release(&self.row);
    av_buf_release(&self.other);
    av_buf_release(&self.bytes);
    return rc;
}
