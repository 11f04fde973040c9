/*
 * store_ops_check.c - a store taken up for the engines of storage/care/ that work beside the writer
 *
 * The writer gives a frozen look at a store and holds it; the work is done on a thread of its own, while mail comes in
 * and users read; then the writer takes over what has to follow. One store after the other.
 */
#include "actors/instance/store_ops_check_priv.h"
#include "storage/store/inspect.h"

void
store_check_let_go(store_check *self)
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
    store_check *self = state;

    store_check_let_go(self);
    av_buf_release(&self->compacted);
    free(self);
}

store_check *
store_check_of(store_op *op)
{
    store_check *self = op->state;

    if (self == NULL) {
        self = av_xcalloc(1, sizeof *self);
        self->op = op;
        av_buf_init(&self->compacted, 64U * 1024 * 1024);
        op->state = self;
        op->state_free = check_free;
    }
    return self;
}

av_errc
store_check_take_up(store_check *self, uint32_t id, unsigned care, av_error *err)
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

av_errc
store_check_take_id(store_op *op, uint64_t id, av_error *err)
{
    if (id > UINT32_MAX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)id);
    op->store_id = (uint32_t)id;
    return AV_OK;
}

/* ---- what the engines say ---- */

bool
store_check_on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    return store_op_on_go_on(((store_check *)ctx)->op, done, total);
}

void
store_check_on_say(void *ctx, av_log_level level, AV_UNUSED uint64_t lsn, const char *sentence)
{
    store_check *self = ctx;

    if (level >= AV_LOG_INFO)
        store_op_say(self->op, "%s: %s", self->name, sentence);
}
