/*
 * recover.c - see recover.h; the job: mending, groups, going on where an earlier run stopped
 */
#include "storage/care/mend.h"
#include "storage/care/recover_priv.h"

#define GROUP_EVENTS 512U
#define GROUP_BYTES  (8U * 1024 * 1024)
#define SET_MAX      (1024U * 1024) /* mailboxes */

/* --- the target -------------------------------------------------------------------------------------------------- */

av_errc
recover_put_body(recovery *self, av_span body, const av_event *event, av_error *err)
{
    av_errc rc = av_store_view_event(self->job->target_view, event, err);

    if (rc == AV_OK)
        rc = av_store_put_event(self->job->target, body, err);
    self->group_bytes += body.n;
    self->group_events++;
    return rc;
}

av_errc
recover_put_event(recovery *self, const av_event *event, av_error *err)
{
    av_errc rc;

    av_buf_clear(&self->body);
    rc = av_event_encode(event, &self->body, err);
    return rc == AV_OK ? recover_put_body(self, av_buf_span(&self->body), event, err) : rc;
}

av_errc
recover_remember(av_map *set, av_span key, av_error *err)
{
    if (av_map_get(set, key) != NULL)
        return AV_OK;
    if (av_map_count(set) >= SET_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "more than %u mailboxes", SET_MAX);
    (void)av_map_put(set, key, set);
    return AV_OK;
}

/* With the note how far it is done, in the same group as what it tells of. */
static av_errc
commit(recovery *self, av_run_state state, av_error *err)
{
    av_event note = { .kind = AV_EVENT_RUN_PROGRESS };
    uint64_t lsn = 0;
    av_errc rc;

    memcpy(note.run.run, self->run, sizeof note.run.run);
    note.run.state = state;
    note.run.last_item = self->last_lsn;
    rc = recover_put_event(self, &note, err);
    if (rc == AV_OK)
        rc = av_store_commit(self->job->target, &lsn, err);
    if (rc == AV_OK)
        rc = av_store_view_group_end(self->job->target_view, lsn, err);
    if (rc == AV_OK)
        rc = av_store_view_commit(self->job->target_view, err);
    self->group_bytes = self->group_events = 0;
    return rc;
}

/* --- what an earlier run did ------------------------------------------------------------------------------------- */

static av_errc
look_at_done(void *ctx, AV_UNUSED uint64_t lsn, av_span body, av_error *err)
{
    recovery *self = ctx;
    av_event event;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc == AV_OK && event.kind == AV_EVENT_MAILBOX_CREATED)
        rc = recover_remember(self->mailboxes, av_span_of(event.mailbox.guid, AV_GUID_SIZE), err);
    if (rc == AV_OK && event.kind == AV_EVENT_RUN_PROGRESS && memcmp(event.run.run, self->run, sizeof self->run) == 0) {
        self->done_lsn = event.run.last_item;
        self->finished = event.run.state == AV_RUN_FINISHED;
    }
    return rc;
}

/* --- the walk over the source ------------------------------------------------------------------------------------ */

static av_errc
on_record(void *ctx, const av_record_header *h, av_span body, av_error *err)
{
    recovery *self = ctx;
    av_errc rc = AV_OK;

    self->read_lsn = h->lsn;
    if (h->lsn <= self->done_lsn)
        return h->kind == AV_RECORD_EVENTS ? recover_follow(self, h, body, err) : AV_OK;
    if (h->kind == AV_RECORD_MESSAGE)
        rc = recover_message(self, h->lsn, err);
    else if (h->kind == AV_RECORD_EVENTS)
        rc = recover_events(self, h, body, err);
    self->last_lsn = h->lsn;
    if (rc == AV_OK && (self->group_events >= GROUP_EVENTS || self->group_bytes >= GROUP_BYTES))
        rc = commit(self, AV_RUN_RUNNING, err);
    return rc;
}

static av_errc
on_damage(void *ctx, const av_care_damage *damage, av_error *err)
{
    recovery *self = ctx;

    self->result->lost_records++;
    av_care_say(self->watch, AV_LOG_WARN, damage->from, "%s", damage->sentence);
    return av_care_ranges_add(&self->damaged, damage->from, damage->to, err);
}

/* To the very end: a group that nobody acknowledged does no harm, and what looks torn may be rot. */
static av_errc
walk(recovery *self, av_error *err)
{
    const av_care_visitor visitor = { .ctx = self, .record = on_record, .damage = on_damage };
    const av_care_walk job = {
        .files = av_store_files(self->source),
        .log_key = av_store_keys_log(self->job->source_keys),
        .until_lsn = UINT64_MAX,
        .visitor = &visitor,
        .watch = self->watch,
    };
    uint64_t bytes;
    av_errc rc = av_care_walk_log(&job, &bytes, err);

    if (rc == AV_OK && self->read_lsn < self->job->witnessed_lsn)
        rc = on_damage(self,
            &(av_care_damage){ .from = self->read_lsn + 1,
                .to = self->job->witnessed_lsn + 1,
                .sentence = "the log has lost its end, which was acknowledged" },
            err);
    return rc;
}

static av_errc
run(recovery *self, av_error *err)
{
    const av_store_config config = { .dir = self->job->work_dir, .keys = self->job->source_keys, .read_only = true };
    av_errc rc = av_care_mend(self->job->source_dir, self->job->source_keys, self->job->work_dir, self->watch, err);

    if (rc == AV_OK)
        rc = av_store_open(&config, 0, &self->source, err);
    if (rc == AV_OK)
        rc = av_store_inspector_new(self->source, &self->inspector, err);
    if (rc == AV_OK)
        rc = walk(self, err);
    if (rc == AV_OK)
        rc = recover_known(self, err);
    if (rc == AV_OK && (!self->finished || self->group_events > 0))
        rc = commit(self, AV_RUN_FINISHED, err);
    return rc == AV_OK ? recover_tell_lost(self, err) : rc;
}

static void
init(recovery *self)
{
    memcpy(self->run, av_store_keys_uuid(self->job->source_keys), sizeof self->run);
    self->mailboxes = av_map_new();
    self->revived = av_map_new();
    self->lost = av_map_new();
    av_buf_init(&self->bytes, AV_MAX(AV_EVENTS_LIST_MAX, GROUP_BYTES));
    av_buf_init(&self->body, AV_STORE_EVENT_MAX);
    av_buf_init(&self->list, AV_STORE_EVENT_MAX);
}

static void
release(recovery *self)
{
    av_error ignored;

    av_store_inspector_destroy(&self->inspector);
    av_store_close(&self->source);
    (void)av_care_mend_drop(self->job->work_dir, &ignored);
    av_care_ranges_release(&self->damaged);
    av_map_destroy(&self->mailboxes, NULL);
    av_map_destroy(&self->revived, NULL);
    av_map_destroy(&self->lost, free);
    av_buf_release(&self->bytes);
    av_buf_release(&self->body);
    av_buf_release(&self->list);
}

av_errc
av_care_recover(const av_recover_job *job, const av_care_watch *watch, av_recover_result *ret, av_error *err)
{
    recovery self = { .job = job, .watch = watch, .result = ret };
    const av_store_visitor visitor = { .ctx = &self, .event = look_at_done };
    av_store_counters counters;
    av_error ignored;
    av_errc rc;

    *ret = (av_recover_result){ 0 };
    init(&self);
    rc = av_store_replay(job->target, 0, &visitor, err);
    self.last_lsn = self.done_lsn;
    if (rc == AV_OK)
        rc = run(&self, err);
    if (rc != AV_OK) {
        (void)av_store_rollback(job->target, &ignored);
        av_store_view_rollback(job->target_view);
    }
    if (av_store_view_counters(av_store_view_writer(job->target_view), &counters, &ignored) == AV_OK) {
        ret->messages = counters.messages;
        ret->placements = counters.placements;
    }
    release(&self);
    return rc;
}
