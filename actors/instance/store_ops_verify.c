/*
 * store_ops_verify.c - VerifyStore, VerifyStores: beside the writer (store_ops_check.c)
 */
#include <unistd.h>

#include "actors/instance/store_ops_check_priv.h"
#include "actors/instance/stores_list_index.h"
#include "base/clock.h"
#include "base/encode.h"
#include "storage/care/verify.h"
#include "storage/meta/message_id.h"

#define FLUSH_WAIT_MS 60000
#define FLUSH_LOOK_US 50000
#define FAULTS_SHOWN  1000U /* of one store; the rest is counted */

static av_errc
on_fault(void *ctx, const av_fault *fault, AV_UNUSED av_error *err)
{
    char id[AV_MESSAGE_ID_TEXT + 1] = "";
    store_check *self = ctx;

    if (++self->faults > FAULTS_SHOWN)
        return AV_OK;
    if (fault->digest != NULL)
        av_message_id_format(fault->digest, id);
    store_op_say(self->op, "%s: %s at %llx%s%s: %s", self->name, av_fault_kind_word(fault->kind),
        (unsigned long long)fault->lsn, id[0] == '\0' ? "" : ", message ", id, fault->sentence);
    return AV_OK;
}

static bool
wants_indexes(const store_op *op)
{
    const Archivolt__VerifyStoreRequest *one = (const void *)op->body;
    const Archivolt__VerifyStoresRequest *all = (const void *)op->body;

    if (op->kind->step == store_op_verify)
        return one->has_include_indexes && one->include_indexes;
    return all->has_include_indexes && all->include_indexes;
}

static bool
is_cancelled(void *op)
{
    return atomic_load(&((store_op *)op)->cancel);
}

/* The digest is of what is on disk: wait until the indexer has written it all, but not for ever. */
static void
wait_for_flush(store_op *op, uint32_t id)
{
    av_index_news news = { .tasks = AV_INDEX_FLUSH };

    av_index_desk_ask(op->archive->desk, id, AV_INDEX_FLUSH);
    for (int64_t until = av_clock_mono_ms() + FLUSH_WAIT_MS;
         (news.tasks & AV_INDEX_FLUSH) != 0 && av_clock_mono_ms() < until && !is_cancelled(op);
         (void)av_index_desk_look(op->archive->desk, id, &news))
        (void)usleep(FLUSH_LOOK_US);
    av_index_desk_end(op->archive->desk, id, AV_INDEX_FLUSH);
}

/* A broken one is no fault of the store: it is told, counted, and made again by itself. */
static av_errc
verify_index(store_op *op, store_check *self, av_error *err)
{
    uint8_t digest[AV_SHA256_SIZE];
    char hex[2 * AV_SHA256_SIZE + 1];
    uint64_t messages = 0, unindexed = 0;
    av_index_state state;
    av_errc rc;

    if (self->store->index == NULL) {
        store_op_say(op, "%s: it has no search index, searches look at the messages themselves", self->name);
        return AV_OK;
    }
    wait_for_flush(op, self->id);
    rc = av_index_verify(self->store->index, is_cancelled, op, digest, err);
    if (rc == AV_ERR_CORRUPT) {
        store_op_say(op, "%s: search index: %s; it is made again", self->name, err->msg);
        store_op_result(op)->problems++;
        av_index_desk_ask(op->archive->desk, self->id, 0);
        return AV_OK;
    }
    if (rc == AV_OK)
        rc = av_stores_index_coverage(self->store, &messages, &unindexed, err);
    if (rc != AV_OK)
        return rc;
    av_index_get_state(self->store->index, &state);
    av_hex_encode(av_span_of(digest, sizeof digest), hex);
    store_op_say(op,
        "%s: search index: %llu of %llu messages, %llu unreadable, %llu with an unread attachment, digest %s",
        self->name, (unsigned long long)(messages - unindexed), (unsigned long long)messages,
        (unsigned long long)state.unreadable, (unsigned long long)state.partly_read, hex);
    return AV_OK;
}

static av_errc
verify_beside(store_op *op, av_error *err)
{
    store_check *self = op->state;
    const av_care_watch watch = { .ctx = self, .go_on = store_check_on_go_on, .say = store_check_on_say };
    av_verify_options options = {
        .contents = true, .view = self->view, .scratch_dir = self->scratch, .ctx = self, .fault = on_fault
    };
    av_verify_result result = { 0 };
    av_errc rc = av_care_verify(self->store->store, &options, &watch, &result, err);

    op->again = true;
    op->phase = 1;
    if (rc == AV_OK && wants_indexes(op))
        rc = verify_index(op, self, err);
    if (rc != AV_OK)
        return rc;
    store_op_result(op)->problems += result.faults;
    store_op_say(op, "%s: %llu containers, %llu groups, %llu messages, %llu parts, %llu MB: %llu faults", self->name,
        (unsigned long long)result.containers, (unsigned long long)result.groups, (unsigned long long)result.messages,
        (unsigned long long)result.parts, (unsigned long long)(result.bytes >> 20), (unsigned long long)result.faults);
    return AV_OK;
}

av_errc
store_op_verify(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__VerifyStoreRequest *body = (const void *)op->body;
    store_check *self = store_check_of(op);
    av_errc rc = store_check_take_id(op, body->id, err);

    *ret_done = true;
    if (rc != AV_OK || op->phase == 1) {
        store_check_let_go(self);
        return rc;
    }
    rc = store_check_take_up(self, op->store_id, AV_CARE_VERIFY, err);
    if (rc == AV_OK)
        op->beside = verify_beside;
    return rc;
}

/* ---- all ---- */

/* Disabled and locked ones are passed over with a line; false: there is none left. */
static bool
next_id(store_op *op, uint32_t *ret)
{
    if (op->list == NULL)
        op->list = av_stores_list(op->archive->stores, &op->count);
    while (op->at < op->count) {
        const av_store_row *row = op->list[op->at++].row;

        *ret = row->id;
        if (row->state != AV_STORE_DISABLED && !row->locked)
            return true;
        store_op_say(op, "%s: %s, passed over", row->name, row->locked ? "locked" : "disabled");
    }
    return false;
}

av_errc
store_op_verify_all(store_op *op, bool *ret_done, av_error *err)
{
    store_check *self = store_check_of(op);
    uint32_t id = 0;
    av_error why;

    (void)err;
    store_check_let_go(self);
    if (!next_id(op, &id)) {
        (void)store_op_result(op);
        *ret_done = true;
        return AV_OK;
    }
    if (store_check_take_up(self, id, AV_CARE_VERIFY, &why) != AV_OK) {
        store_op_say(op, "%s", why.msg);
        store_op_result(op)->problems++;
        return AV_OK;
    }
    op->beside = verify_beside;
    *ret_done = true;
    return AV_OK;
}
