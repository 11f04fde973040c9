/*
 * store_ops_merge.c - MergeStore: the messages of one store into another, and the one that was merged detached
 *
 *   both are reserved: nothing is written to them but by the merge -> copied beside the writer, log and view of the
 *   target alone -> the catalog reads the target's log: each placement, under its own UID with a higher MODSEQ, is the
 *   target's now -> the source is detached
 *
 * A crash before the last step leaves the source as it was and copies in the target; merging again passes them over.
 */
#include "actors/instance/holds.h"
#include "actors/instance/store_ops_priv.h"
#include "storage/care/copy.h"

typedef struct merging {
    store_op *op;
    uint32_t target_id, source_id;
    bool reserved;
    const av_open_store *target, *source; /* held */
    av_meta_view *view;                   /* of the source */
    av_care_copy_result result;
} merging;

static void
let_go(merging *self)
{
    av_stores *stores = self->op->archive->stores;

    av_meta_view_destroy(&self->view);
    av_stores_done(stores, &self->source);
    av_stores_done(stores, &self->target);
    if (self->reserved) {
        av_stores_reserve(stores, self->target_id, false);
        av_stores_reserve(stores, self->source_id, false);
    }
    self->reserved = false;
}

static void
merging_free(void *state)
{
    let_go(state);
    free(state);
}

/* ---- copying ---- */

static av_errc
on_event(void *ctx, const av_event *event, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    merging *self = ctx;
    av_event ours = *event;
    av_errc rc;

    if (event->kind == AV_EVENT_HOLD_SET || event->kind == AV_EVENT_HOLD_LIFTED)
        return AV_OK; /* they stand in accounts and follow at the end */
    if (event->kind == AV_EVENT_PLACEMENT_ADDED)
        ours.placement.modseq++; /* so that it takes over from the source's */
    av_buf_init(&body, AV_STORE_EVENT_MAX);
    rc = av_store_view_event(self->target->view, &ours, err);
    if (rc == AV_OK)
        rc = av_event_encode(&ours, &body, err);
    return rc == AV_OK ? av_store_put_event(self->target->store, av_buf_span(&body), err) : rc;
}

static av_errc
on_commit(void *ctx, av_error *err)
{
    merging *self = ctx;
    uint64_t lsn = 0;
    av_errc rc = av_store_commit(self->target->store, &lsn, err);

    if (rc == AV_OK)
        rc = av_store_view_group_end(self->target->view, lsn, err);
    return rc == AV_OK ? av_store_view_commit(self->target->view, err) : rc;
}

static av_errc
copy_beside(store_op *op, av_error *err)
{
    merging *self = op->state;
    const av_store_watch watch = av_store_view_watch(self->target->view);
    const av_care_watch progress = { .ctx = op, .go_on = store_op_on_go_on, .say = store_op_on_say };
    const av_care_copy_job job = { .source = self->source->store,
        .source_view = self->view,
        .target = self->target->store,
        .target_view = self->target->view,
        .ctx = self,
        .event = on_event,
        .commit = on_commit };
    av_error why;
    av_errc rc;

    av_store_set_watch(self->target->store, &watch);
    rc = av_care_copy(&job, &progress, &self->result, err);
    if (rc != AV_OK) {
        (void)av_store_rollback(self->target->store, &why);
        av_store_view_rollback(self->target->view);
    }
    op->again = true;
    return rc;
}

/* ---- before and after ---- */

static av_errc
check_one(const av_store_info *info, bool is_target, av_error *err)
{
    const av_store_row *row;

    assert(info != NULL);
    row = info->row;
    if (row->state == AV_STORE_CURRENT)
        return av_error_set(err, AV_ERR_CONFLICT,
            "archive store %s is current: make another one current, mail goes on coming in there", row->name);
    if (row->state == AV_STORE_DISABLED || row->locked || row->task != AV_STORE_TASK_NONE)
        return av_error_set(
            err, AV_ERR_CONFLICT, "archive store %s is disabled, locked or not taken over yet", row->name);
    if (is_target && row->state == AV_STORE_WRITE_PROTECTED)
        return av_error_set(err, AV_ERR_READONLY, "the archive store %s is write protected", row->name);
    return AV_OK;
}

static av_errc
check_id(store_op *op, uint64_t id, bool is_target, uint32_t *ret, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = id > UINT32_MAX
                     ? av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)id)
                     : av_stores_info(op->archive->stores, (uint32_t)id, &info, err);

    if (rc == AV_OK)
        rc = check_one(info, is_target, err);
    av_store_infos_free(info, info != NULL);
    *ret = (uint32_t)id;
    return rc;
}

static void
make_dirty(av_store_row *row, AV_UNUSED const void *ctx)
{
    row->dirty = true;
}

static av_errc
begin(store_op *op, av_error *err)
{
    const Archivolt__MergeStoreRequest *body = (const void *)op->body;
    av_stores *stores = op->archive->stores;
    merging *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->op = op;
    op->state = self;
    op->state_free = merging_free;
    if (body->id == body->source_id)
        return av_error_set(err, AV_ERR_INVALID, "an archive store cannot be merged into itself");
    rc = check_id(op, body->id, true, &self->target_id, err);
    if (rc == AV_OK)
        rc = check_id(op, body->source_id, false, &self->source_id, err);
    if (rc == AV_OK) /* the next start brings the catalog to the end of its log, come what may */
        rc = store_op_change_row(op, self->target_id, make_dirty, NULL, err);
    if (rc == AV_OK)
        rc = av_stores_use_id(stores, self->target_id, &self->target, err);
    if (rc == AV_OK)
        rc = av_stores_use_id(stores, self->source_id, &self->source, err);
    if (rc != AV_OK)
        return rc;
    op->store_id = self->target_id;
    av_stores_reserve(stores, self->target_id, true);
    av_stores_reserve(stores, self->source_id, true);
    self->reserved = true;
    self->view = av_store_view_snapshot(self->source->view);
    store_op_text(op, "copying");
    op->beside = copy_beside;
    return AV_OK;
}

/* The catalog follows the target's log. */
static av_errc
take_over(store_op *op, merging *self, av_error *err)
{
    const av_open_store *target = NULL;
    av_errc rc;

    let_go(self);
    store_op_say(op, "%llu messages copied, %llu placements, %llu there already, %llu unreadable",
        (unsigned long long)self->result.messages, (unsigned long long)self->result.placements,
        (unsigned long long)self->result.known, (unsigned long long)self->result.unreadable);
    rc = av_stores_write(op->archive->stores, self->target_id, false, &target, err);
    if (rc == AV_OK)
        rc = av_holds_follow(op->archive, target, err);
    av_stores_written(op->archive->stores, &target);
    if (rc == AV_OK && self->result.unreadable > 0)
        rc = av_error_set(err, AV_ERR_CORRUPT,
            "%llu messages of the archive store cannot be read: it is not detached, recover it first",
            (unsigned long long)self->result.unreadable);
    return rc;
}

av_errc
store_op_merge(store_op *op, bool *ret_done, av_error *err)
{
    merging *self = op->state;
    av_errc rc;

    if (self == NULL) {
        *ret_done = true; /* the step is; the copying follows beside */
        return begin(op, err);
    }
    if (op->kept.code != AV_OK) {
        *ret_done = true;
        let_go(self);
        return AV_OK;
    }
    if (op->phase > 0)
        return store_op_detach(op, ret_done, err);
    rc = take_over(op, self, err);
    if (rc == AV_OK)
        rc = store_op_begin_detach(op, self->source_id, err);
    op->phase = 1;
    return rc;
}
