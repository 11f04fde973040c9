/*
 * store_ops_index.c - RebuildStoreIndex, RebuildSelectedStoreIndexes: the indexer works, this waits and tells
 *
 * A store is marked no longer once its index was begun anew: from there on it makes itself, whatever happens to the
 * operation. Cancelling takes back what was not begun.
 */
#include <unistd.h>

#include "actors/instance/store_ops_priv.h"

#define LOOK_US 100000

typedef struct rebuilding {
    uint32_t *ids;
    size_t count, at;
    uint32_t id; /* at work */
    char *name;
} rebuilding;

static void
rebuilding_free(void *state)
{
    rebuilding *self = state;

    free(self->ids);
    free(self->name);
    free(self);
}

/* ---- beside the writer ---- */

/* *ret_end: begun anew and at the end of the log. A store that was closed meanwhile is opened again by this. */
static av_errc
look(store_op *op, uint32_t id, bool *ret_end, av_error *err)
{
    const av_open_store *open = NULL;
    av_index_news news = { 0 };
    av_errc rc = av_stores_use_id(op->archive->stores, id, &open, err);

    if (rc != AV_OK)
        return rc;
    (void)av_index_desk_look(op->archive->desk, id, &news);
    if (open->index == NULL)
        rc = av_error_set(err, AV_ERR_UNAVAILABLE,
            "its search index is not open: the log says why, or setting search_index "
            "is no");
    else if (news.problem[0] != '\0')
        rc = av_error_set(err, AV_ERR_IO, "%.180s", news.problem);
    av_stores_done(op->archive->stores, &open);
    *ret_end = (news.tasks & AV_INDEX_REBUILD) == 0 && news.at_end;
    store_op_progress(op, news.documents, news.documents + news.unindexed);
    return rc;
}

static av_errc
wait_beside(store_op *op, av_error *err)
{
    rebuilding *self = op->state;
    bool end = false;
    av_errc rc = AV_OK;

    op->again = true;
    while (rc == AV_OK && !end) {
        rc = look(op, self->id, &end, err);
        if (rc == AV_OK && !end && atomic_load(&op->cancel))
            rc = av_error_set(err, AV_ERR_CANCELLED, "cancelled; the index that was begun makes itself");
        if (rc == AV_OK && !end)
            (void)usleep(LOOK_US);
    }
    if (rc != AV_OK) {
        av_index_desk_end(op->archive->desk, self->id, AV_INDEX_REBUILD);
        return rc == AV_ERR_CANCELLED ? rc : av_error_prefix(err, "%.60s", self->name);
    }
    store_op_say(op, "%s: made again", self->name);
    return AV_OK;
}

/* ---- on the writer ---- */

static void
unmark(av_store_row *row, AV_UNUSED const void *ctx)
{
    row->index_mark = 0;
}

/* Broken, marked, made with other settings. One that is closed shows only what its row says; it is no trouble to open. */
static bool
is_selected(av_archive *archive, const av_store_info *info)
{
    const av_open_store *open = NULL;
    av_index_state state = { 0 };
    av_error why;

    if (info->row->state == AV_STORE_DISABLED || info->row->locked)
        return false;
    if ((info->row->index_mark & AV_INDEX_MARK_SELECTED) != 0)
        return true;
    if (av_stores_use_id(archive->stores, info->row->id, &open, &why) != AV_OK)
        return false;
    if (open->index != NULL)
        av_index_get_state(open->index, &state);
    av_stores_done(archive->stores, &open);
    return state.failed || state.settings_differ;
}

static rebuilding *
rebuilding_new(store_op *op)
{
    rebuilding *self = av_xcalloc(1, sizeof *self);

    op->state = self;
    op->state_free = rebuilding_free;
    return self;
}

/* The next store's index is asked for; false: none is left. */
static bool
begin_next(store_op *op, rebuilding *self, av_error *err)
{
    av_store_info *info = NULL;

    if (self->at == self->count || av_stores_info(op->archive->stores, self->ids[self->at], &info, err) != AV_OK)
        return false;
    self->id = self->ids[self->at++];
    free(self->name);
    self->name = av_xstrdup(info->row->name);
    av_store_infos_free(info, 1);
    op->store_id = self->id;
    store_op_text(op, "%s", self->name);
    store_op_result(op)->stores++;
    av_index_desk_tell_problem(op->archive->desk, self->id, NULL); /* of a step before this */
    av_index_desk_ask(op->archive->desk, self->id, AV_INDEX_REBUILD);
    op->beside = wait_beside;
    return true;
}

/* The one that was waited for is done; the next one. */
static av_errc
go_on(store_op *op, bool *ret_done, av_error *err)
{
    rebuilding *self = op->state;
    av_errc rc = AV_OK;

    *ret_done = true;
    if (self->id != 0 && op->kept.code == AV_OK)
        rc = store_op_change_row(op, self->id, unmark, NULL, err);
    if (rc == AV_OK && op->kept.code == AV_OK && !begin_next(op, self, err) && self->at < self->count)
        rc = err->code; /* it was detached meanwhile */
    if (rc == AV_OK)
        (void)store_op_result(op);
    return rc;
}

av_errc
store_op_rebuild(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__StoreRequest *body = (const void *)op->body;
    rebuilding *self = op->state;

    if (self == NULL) {
        self = rebuilding_new(op);
        *ret_done = true;
        if (body->id > UINT32_MAX || body->id == 0)
            return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)body->id);
        self->ids = av_xcalloc(1, sizeof *self->ids);
        self->ids[self->count++] = (uint32_t)body->id;
    }
    return go_on(op, ret_done, err);
}

av_errc
store_op_rebuild_selected(store_op *op, bool *ret_done, av_error *err)
{
    rebuilding *self = op->state;
    size_t n = 0;
    av_store_info *list;

    if (self == NULL) {
        self = rebuilding_new(op);
        list = av_stores_list(op->archive->stores, &n);
        self->ids = av_xcalloc(n + 1, sizeof *self->ids);
        for (size_t i = 0; i < n; i++)
            if (is_selected(op->archive, &list[i]))
                self->ids[self->count++] = list[i].row->id;
        av_store_infos_free(list, n);
        if (self->count == 0)
            store_op_say(op, "no search index is broken, marked or made with another configuration");
    }
    return go_on(op, ret_done, err);
}
