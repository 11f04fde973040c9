/*
 * store_ops_verify.c - VerifyStore, VerifyStores: beside the writer (store_ops_check.c)
 */
#include "actors/instance/store_ops_check_priv.h"
#include "storage/care/verify.h"
#include "storage/meta/message_id.h"

#define FAULTS_SHOWN 1000U /* of one store; the rest is counted */

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
    if (rc != AV_OK)
        return rc;
    store_op_result(op)->problems += result.faults;
    store_op_say(op, "%s: %llu containers, %llu groups, %llu messages, %llu parts, %llu MB: %llu faults", self->name,
        (unsigned long long)result.containers, (unsigned long long)result.groups, (unsigned long long)result.messages,
        (unsigned long long)result.parts, (unsigned long long)(result.bytes >> 20), (unsigned long long)result.faults);
    return AV_OK;
}

static void
say_of_indexes(store_op *op, bool wanted)
{
    if (wanted && op->phase == 0)
        store_op_say(op, "search indexes: there are none, searches read the messages themselves");
    op->phase = 1;
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
    say_of_indexes(op, body->has_include_indexes && body->include_indexes);
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
    const Archivolt__VerifyStoresRequest *body = (const void *)op->body;
    store_check *self = store_check_of(op);
    uint32_t id = 0;
    av_error why;

    (void)err;
    store_check_let_go(self);
    say_of_indexes(op, body->has_include_indexes && body->include_indexes);
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
