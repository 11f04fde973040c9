/*
 * store_ops_check.c - VerifyStore, VerifyStores, CompactStore: the engines of storage/care/ beside the writer
 *
 * The writer gives a frozen look at a store and holds it; the work is done on a thread of its own, while mail comes in
 * and users read; then the writer takes over what has to follow. One store after the other.
 */
#include "actors/instance/erase.h"
#include "actors/instance/store_ops_priv.h"

#include "base/file.h"
#include "storage/care/compact.h"
#include "storage/care/verify.h"
#include "storage/meta/message_id.h"
#include "storage/meta/store_view_check.h"
#include "storage/store/inspect.h"

#define FAULTS_SHOWN     1000U /* of one store; the rest is counted */
#define MIN_DEAD_PERCENT 1U

typedef struct check {
    store_op *op;
    const av_open_store *store; /* held */
    av_meta_view *view;
    uint64_t open_puts_lsn;
    char *name, *scratch;
    av_buf compacted; /* numbers of containers, u32 */
    uint64_t faults;  /* of this store */
    uint32_t id;      /* of it */
    unsigned care;    /* it is under; 0: none is taken up */
} check;

static void
let_go(check *self)
{
    av_meta_view_destroy(&self->view);
    if (self->care != 0)
        av_stores_cared(self->op->archive->stores, self->id, self->care);
    self->care = 0;
    av_stores_done(self->op->archive->stores, &self->store);
    free(self->name);
    free(self->scratch);
    self->name = self->scratch = NULL;
    self->faults = 0;
}

static void
check_free(void *state)
{
    check *self = state;

    let_go(self);
    av_buf_release(&self->compacted);
    free(self);
}

static check *
check_of(store_op *op)
{
    check *self = op->state;

    if (self == NULL) {
        self = av_xcalloc(1, sizeof *self);
        self->op = op;
        av_buf_init(&self->compacted, 64U * 1024 * 1024);
        op->state = self;
        op->state_free = check_free;
    }
    return self;
}

/* ---- what the engines say ---- */

static bool
on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    return store_op_on_go_on(((check *)ctx)->op, done, total);
}

static void
on_say(void *ctx, av_log_level level, AV_UNUSED uint64_t lsn, const char *sentence)
{
    check *self = ctx;

    if (level >= AV_LOG_INFO)
        store_op_say(self->op, "%s: %s", self->name, sentence);
}

static av_errc
on_fault(void *ctx, const av_fault *fault, AV_UNUSED av_error *err)
{
    char id[AV_MESSAGE_ID_TEXT + 1] = "";
    check *self = ctx;

    if (++self->faults > FAULTS_SHOWN)
        return AV_OK;
    if (fault->digest != NULL)
        av_message_id_format(fault->digest, id);
    store_op_say(self->op, "%s: %s at %llx%s%s: %s", self->name, av_fault_kind_word(fault->kind),
        (unsigned long long)fault->lsn, id[0] == '\0' ? "" : ", message ", id, fault->sentence);
    return AV_OK;
}

/* ---- a store is taken up ---- */

/* On the writer, whose word the frozen look needs. */
static av_errc
take_up(check *self, uint32_t id, unsigned care, av_error *err)
{
    av_store_info *info = NULL;
    AV_CLEANUP(av_free) char *database = NULL;
    av_errc rc = av_stores_info(self->op->archive->stores, id, &info, err);

    if (rc == AV_OK)
        rc = av_stores_care(self->op->archive->stores, id, care, err);
    if (rc == AV_OK) {
        self->id = id;
        self->care = care;
        rc = av_stores_use_id(self->op->archive->stores, id, &self->store, err);
    }
    if (rc == AV_OK) {
        self->name = av_xstrdup(info->row->name);
        database = av_store_path_resolve(self->op->archive->dir, info->row->database);
        self->scratch = av_xasprintf("%s/verify", database);
        self->view = av_store_view_snapshot(self->store->view);
        self->open_puts_lsn = av_store_open_puts_lsn(self->store->store);
        store_op_text(self->op, "%s", self->name);
        store_op_result(self->op)->stores++;
    }
    av_store_infos_free(info, info != NULL);
    return rc;
}

/* ---- verify ---- */

static av_errc
verify_beside(store_op *op, av_error *err)
{
    check *self = op->state;
    const av_care_watch watch = { .ctx = self, .go_on = on_go_on, .say = on_say };
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

static void
say_of_indexes(store_op *op, bool wanted)
{
    if (wanted && op->phase == 0)
        store_op_say(op, "search indexes: there are none, searches read the messages themselves");
    op->phase = 1;
}

av_errc
store_op_verify_all(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__VerifyStoresRequest *body = (const void *)op->body;
    check *self = check_of(op);
    uint32_t id = 0;
    av_error why;

    (void)err;
    let_go(self);
    say_of_indexes(op, body->has_include_indexes && body->include_indexes);
    if (!next_id(op, &id)) {
        (void)store_op_result(op);
        *ret_done = true;
        return AV_OK;
    }
    if (take_up(self, id, AV_CARE_VERIFY, &why) != AV_OK) {
        store_op_say(op, "%s", why.msg);
        store_op_result(op)->problems++;
        return AV_OK;
    }
    op->beside = verify_beside;
    *ret_done = true;
    return AV_OK;
}

static av_errc
take_id(store_op *op, uint64_t id, av_error *err)
{
    if (id > UINT32_MAX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)id);
    op->store_id = (uint32_t)id;
    return AV_OK;
}

av_errc
store_op_verify(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__VerifyStoreRequest *body = (const void *)op->body;
    check *self = check_of(op);
    av_errc rc = take_id(op, body->id, err);

    *ret_done = true;
    if (rc != AV_OK || op->phase == 1) {
        let_go(self);
        return rc;
    }
    say_of_indexes(op, body->has_include_indexes && body->include_indexes);
    rc = take_up(self, op->store_id, AV_CARE_VERIFY, err);
    if (rc == AV_OK)
        op->beside = verify_beside;
    return rc;
}

/* ---- compact ---- */

static av_errc
on_compacted(void *ctx, uint32_t container, av_error *err)
{
    check *self = ctx;

    return av_buf_put_u32(&self->compacted, container)
               ? AV_OK
               : av_error_set(err, AV_ERR_LIMIT, "too many containers to compact at once");
}

static av_errc
compact_beside(store_op *op, av_error *err)
{
    check *self = op->state;
    const av_care_watch watch = { .ctx = self, .go_on = on_go_on, .say = on_say };
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

/* The writer's part: the counters follow, and the database gives back its space. */
static av_errc
compact_end(check *self, uint32_t id, av_error *err)
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
    check *self = check_of(op);
    av_errc rc = take_id(op, body->id, err);

    *ret_done = true;
    if (rc != AV_OK)
        return rc;
    if (op->phase == 1) {
        let_go(self);
        rc = compact_end(self, op->store_id, err);
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
        rc = take_up(self, op->store_id, AV_CARE_COMPACT, err);
    if (rc == AV_OK)
        op->beside = compact_beside;
    return rc;
}
