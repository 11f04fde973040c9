/*
 * store_ops_housekeeping.c - what is done to stores without being asked: destroying what was deleted long enough ago,
 *                            learning dictionaries when there is enough mail for them
 */
#include "actors/instance/store_ops_priv.h"

#include "actors/instance/erase.h"
#include "actors/instance/index_purges.h"
#include "base/clock.h"
#include "base/log.h"
#include "storage/store/train.h"

#define ERASE_EVERY_MS 3600000 /* what waits to be erased is looked for every hour */
#define ERASE_AT_ONCE  256U
#define TRAIN_EVERY_MS 10000

static const store_op_kind train_kind = { "", "TrainDictionary", store_op_train, false };

struct store_housekeeping {
    av_store_ops *owner;
    av_job erase;
    bool erasing;
    int64_t erase_mono_ms; /* when it is due */
    int64_t train_mono_ms;
    uint32_t trained_id; /* current store that was looked at for training, */
    uint64_t trained_at; /* when it had so many messages */
    av_store_info *list;
    size_t count, at;
    av_erased erased;
    av_waiting waiting; /* where the walk over the present store stands */
};

/* ---- erasing ---- */

/* One store's share a step. */
static av_step
on_erase_step(av_job *job)
{
    store_housekeeping *self = AV_CONTAINER(job, store_housekeeping, erase);
    av_archive *archive = self->owner->in->archive;
    int64_t before = av_clock_wall_ms() - archive->grace_ms;
    const av_store_row *row;
    bool more = false;
    av_error err;

    if (av_group_commit(self->owner->in->group, &err) != AV_OK)
        return AV_STEP_DONE;
    if (self->list == NULL) {
        if (av_erase_resume(archive, &err) != AV_OK)
            AV_LOG(AV_LOG_ERROR, "erase.not_resumed", AV_ERRF(&err));
        if (av_index_purges_settle(archive, &err) != AV_OK)
            AV_LOG(AV_LOG_WARN, "index.purges_noted", AV_ERRF(&err));
        self->list = av_stores_list(archive->stores, &self->count);
    }
    if (self->at >= self->count)
        return AV_STEP_DONE;
    row = self->list[self->at].row;
    if ((row->state == AV_STORE_CURRENT || row->state == AV_STORE_NORMAL) && row->task == AV_STORE_TASK_NONE &&
        !row->locked &&
        av_erase_expired(archive, row->id, before, ERASE_AT_ONCE, &self->waiting, &self->erased, &more, &err) !=
            AV_OK) {
        AV_LOG(AV_LOG_ERROR, "erase.failed", AV_STR("store", row->name), AV_ERRF(&err));
        more = false;
    }
    if (!more) {
        self->at++;
        self->waiting = (av_waiting){ 0 };
    }
    return AV_STEP_AGAIN;
}

static void
on_erase_done(av_job *job)
{
    store_housekeeping *self = AV_CONTAINER(job, store_housekeeping, erase);

    if (!job->dropped && self->erased.messages + self->erased.parts > 0)
        AV_LOG(
            AV_LOG_INFO, "erase.done", AV_U64("messages", self->erased.messages), AV_U64("parts", self->erased.parts));
    av_store_infos_free(self->list, self->count);
    self->list = NULL;
    self->count = self->at = 0;
    self->erased = (av_erased){ 0 };
    self->waiting = (av_waiting){ 0 };
    self->erasing = false;
}

/* ---- training ---- */

/* Messages at which to look again: twice as many, but not later than there are enough for good dictionaries. */
static uint64_t
next_training(uint64_t last)
{
    return last < AV_TRAIN_MESSAGES ? AV_MIN(2 * last, (uint64_t)AV_TRAIN_MESSAGES) : 2 * last;
}

/* The current store has enough mail to learn dictionaries from, or more than when it was last looked at. */
static void
train_when_due(store_housekeeping *self, int64_t now)
{
    size_t n = 0;
    av_store_info *list;
    store_op *op;

    if (now < self->train_mono_ms)
        return;
    self->train_mono_ms = now + TRAIN_EVERY_MS;
    list = av_stores_list(self->owner->in->archive->stores, &n);
    for (size_t i = 0; i < n; i++) {
        const av_store_info *info = &list[i];

        if (info->row->state != AV_STORE_CURRENT || info->messages < AV_TRAIN_FIRST ||
            (info->row->id == self->trained_id && info->messages < next_training(self->trained_at)))
            continue;
        self->trained_id = info->row->id;
        self->trained_at = info->messages;
        op = store_op_start(self->owner, &train_kind, NULL, "instance");
        av_pool_submit(self->owner->in->writer, &op->job);
    }
    av_store_infos_free(list, n);
}

/* ---- both ---- */

void
store_housekeeping_tick(store_housekeeping *self, int64_t now_mono_ms)
{
    train_when_due(self, now_mono_ms);
    if (self->erasing || now_mono_ms < self->erase_mono_ms)
        return;
    self->erase_mono_ms = now_mono_ms + ERASE_EVERY_MS;
    self->erasing = true;
    av_pool_submit(self->owner->in->writer, &self->erase);
}

store_housekeeping *
store_housekeeping_new(av_store_ops *owner)
{
    store_housekeeping *self = av_xcalloc(1, sizeof *self);

    self->owner = owner;
    self->erase.step = on_erase_step;
    self->erase.done = on_erase_done;
    self->erase.lane = av_lane_of(av_span_str("erase"));
    return self;
}
