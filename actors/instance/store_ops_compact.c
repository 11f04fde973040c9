/*
 * store_ops_compact.c - CompactStore: beside the writer (store_ops_check.c), which follows at the end
 */
#include "actors/instance/erase.h"
#include "actors/instance/store_ops_check_priv.h"
#include "storage/care/compact.h"
#include "storage/meta/store_view_check.h"

#define MIN_DEAD_PERCENT 1U

/* ---- beside the writer ---- */

static av_errc
on_compacted(void *ctx, uint32_t container, av_error *err)
{
    store_check *self = ctx;

    return av_buf_put_u32(&self->compacted, container)
               ? AV_OK
               : av_error_set(err, AV_ERR_LIMIT, "too many containers to compact at once");
}

static av_errc
compact_beside(store_op *op, av_error *err)
{
    store_check *self = op->state;
    const av_care_watch watch = { .ctx = self, .go_on = store_check_on_go_on, .say = store_check_on_say };
    const av_care_compaction job = { .store = self->store->store,
        .view = self->view,
        .min_dead_percent = MIN_DEAD_PERCENT,
        .open_puts_lsn = self->open_puts_lsn,
        .ctx = self,
        .compacted = on_compacted };
    av_care_compact_result result = { 0 };
    av_errc rc = av_care_compact(&job, &watch, &result, err);

    op->again = true; /* what is done is done, whatever ended it */
    store_op_say(op, "%s: %llu containers written anew, %llu records dropped, %llu MB before, %llu MB after",
        self->name, (unsigned long long)result.containers, (unsigned long long)result.records,
        (unsigned long long)(result.bytes_before >> 20), (unsigned long long)(result.bytes_after >> 20));
    return rc;
}

/* ---- on the writer ---- */

/* The writer's part: the counters follow, and the database gives back its space. */
static av_errc
compact_end(store_check *self, uint32_t id, av_error *err)
{
    const av_open_store *store = NULL;
    av_span rest = av_buf_span(&self->compacted);
    uint32_t container;
    av_errc rc = av_stores_write(self->op->archive->stores, id, true, &store, err);

    while (rc == AV_OK && av_span_get_u32(&rest, &container))
        rc = av_store_view_compacted(store->view, container, err);
    if (rc == AV_OK && self->compacted.n > 0)
        rc = av_store_view_compact_database(store->view, err);
    if (rc == AV_OK)
        av_stores_committed(self->op->archive->stores, store);
    av_stores_written(self->op->archive->stores, &store);
    return rc;
}

/* The container that is being written is never compacted: go on in a new one. */
static av_errc
roll(store_op *op, av_error *err)
{
    const av_open_store *store = NULL;
    av_errc rc = av_stores_write(op->archive->stores, op->store_id, true, &store, err);

    if (rc == AV_OK)
        rc = av_store_roll(store->store, err);
    av_stores_written(op->archive->stores, &store);
    return rc;
}

av_errc
store_op_compact(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__StoreRequest *body = (const void *)op->body;
    store_check *self = store_check_of(op);
    av_errc rc = store_check_take_id(op, body->id, err);

    *ret_done = true;
    if (rc != AV_OK)
        return rc;
    if (op->phase == 1) {
        store_check_let_go(self);
        rc = compact_end(self, op->store_id, err);
        av_index_desk_ask(op->archive->desk, op->store_id, AV_INDEX_PURGE);
        return rc == AV_OK ? av_erase_finish(op->archive, op->store_id, err) : rc;
    }
    op->phase = 1;
    rc = av_erase_finish(op->archive, op->store_id, err);
    if (rc == AV_ERR_LIMIT) { /* a key tree that is full: what compaction drops needs no key of its own any more */
        store_op_say(op, "an erasure is finished by this compaction: %s", err->msg);
        rc = AV_OK;
    }
    if (rc == AV_OK)
        rc = av_archive_catch_up(op->archive, err);
    if (rc == AV_OK)
        rc = roll(op, err);
    if (rc == AV_OK)
        rc = store_check_take_up(self, op->store_id, AV_CARE_COMPACT, err);
    if (rc == AV_OK)
        op->beside = compact_beside;
    return rc;
}
