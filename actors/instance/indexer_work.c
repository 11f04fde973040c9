/*
 * indexer_work.c - one step of the indexer on one store
 *
 * In this order: what is broken or was asked for is begun anew; messages; merges; then, at the end of the log, what was asked
 * besides. The step ends with the news for whoever waits (index_desk.h).
 */
#include "actors/instance/index_settings.h"
#include "actors/instance/indexer_priv.h"
#include "base/log.h"

#define STEP_DOCUMENTS 64U   /* in one step, live: some tens of ms */
#define BULK_DOCUMENTS 1024U /* in one step of an import */
#define BULK_BEHIND    4096U /* messages from which on it is one */

static uint64_t
messages_of(const av_open_store *open)
{
    av_meta_view *view = av_store_view_snapshot(open->view);
    av_store_counters counters = { 0 };
    av_error ignored;
    av_errc rc = av_store_view_counters(view, &counters, &ignored);

    av_meta_view_destroy(&view);
    return rc == AV_OK ? counters.messages : 0;
}

static av_errc
rebuild(av_indexer *self, const av_open_store *open, bool broken, av_index_news *news, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf settings = { 0 };
    av_errc rc;

    av_buf_init(&settings, AV_INDEX_SETTINGS_MAX);
    av_stores_index_settings(self->archive->stores, &settings);
    AV_LOG(broken ? AV_LOG_WARN : AV_LOG_INFO, "index.rebuild", AV_U64("store", open->id),
        AV_STR("why", broken ? "it is broken" : "asked for"));
    rc = av_index_rebuild(open->index, av_buf_span(&settings), err);
    if (rc != AV_OK)
        return rc;
    news->at_end = false;
    av_index_desk_tell(self->archive->desk, open->id, news); /* before it is said to be done */
    av_index_desk_end(self->archive->desk, open->id, AV_INDEX_REBUILD | AV_INDEX_PURGE);
    return AV_OK;
}

static av_errc
follow(av_indexer *self, const av_open_store *open, bool bulk, av_index_progress *ret, av_error *err)
{
    av_store_source *source = av_store_source_new(open->view, open->store, indexer_attachment, self);
    av_index_source messages = av_store_source_of(source);
    av_errc rc = indexer_attachments_begin(self, open->index, err);

    self->at = open;
    self->source = source;
    if (rc == AV_OK)
        rc = av_index_follow(open->index, &messages, bulk ? BULK_DOCUMENTS : STEP_DOCUMENTS, bulk, ret, err);
    av_store_source_destroy(&source);
    self->at = NULL;
    self->source = NULL;
    return rc;
}

/* ---- erased messages ---- */

/* The messages that are there, walked beside the documents of the index, which come in the same order. */
typedef struct standing {
    av_store_view_iter *walk;
    av_content_row row;
    bool has_row;
    uint64_t asked; /* the LSN asked for last: runs may be asked for again from their beginning */
    av_meta_view *view;
} standing;

static bool
is_gone(void *ctx, uint64_t lsn)
{
    standing *s = ctx;

    if (s->walk == NULL || lsn <= s->asked) {
        av_store_view_iter_destroy(&s->walk);
        s->walk = av_store_view_messages(s->view, lsn);
        s->has_row = av_store_view_next_message(s->walk, &s->row);
    }
    s->asked = lsn;
    while (s->has_row && s->row.lsn < lsn)
        s->has_row = av_store_view_next_message(s->walk, &s->row);
    if (!s->has_row) { /* at the end, or it cannot be read: then nothing is gone */
        av_error ignored;

        return av_store_view_iter_error(s->walk, &ignored) == AV_OK;
    }
    return s->row.lsn != lsn || s->row.erased;
}

static av_errc
purge(const av_open_store *open, av_error *err)
{
    standing s = { .view = av_store_view_snapshot(open->view) };
    av_error why;
    av_errc rc = av_index_purge(open->index, is_gone, &s, err);

    if (rc == AV_OK && s.walk != NULL && av_store_view_iter_error(s.walk, &why) != AV_OK) {
        *err = why;
        rc = why.code;
    }
    av_store_view_iter_destroy(&s.walk);
    av_meta_view_destroy(&s.view);
    AV_LOG(AV_LOG_INFO, "index.purged", AV_U64("store", open->id), AV_STR("state", av_errc_word(rc)));
    return rc;
}

/* ---- the step ---- */

static av_errc
work_at_end(av_indexer *self, const av_open_store *open, unsigned tasks, bool *ret_more, av_error *err)
{
    av_errc rc = av_index_merge(open->index, indexer_is_stopping, self, ret_more, err);

    if (rc != AV_OK || *ret_more)
        return rc;
    if ((tasks & AV_INDEX_PURGE) != 0) { /* what is erased meanwhile asks again */
        av_index_desk_end(self->archive->desk, open->id, AV_INDEX_PURGE);
        rc = purge(open, err);
        if (rc != AV_OK)
            av_index_desk_ask(self->archive->desk, open->id, AV_INDEX_PURGE);
    }
    if (rc == AV_OK && (tasks & AV_INDEX_FLUSH) != 0) {
        rc = av_index_flush(open->index, err);
        if (rc == AV_OK)
            av_index_desk_end(self->archive->desk, open->id, AV_INDEX_FLUSH);
    }
    return rc;
}

static void
tell(av_indexer *self, const av_open_store *open, uint64_t messages, bool at_end, av_errc rc, const av_error *err)
{
    av_index_state state;
    av_index_news news = { 0 };

    (void)av_index_desk_look(self->archive->desk, open->id, &news);
    av_index_get_state(open->index, &state);
    news.at_end |= at_end;
    news.documents = state.documents;
    news.unindexed = at_end || messages <= state.documents ? 0 : messages - state.documents;
    news.unread_attachments = state.partly_read;
    news.problem[0] = '\0';
    if (rc != AV_OK && rc != AV_ERR_CANCELLED)
        (void)snprintf(news.problem, sizeof news.problem, "%.*s", (int)sizeof news.problem - 1, err->msg);
    av_index_desk_tell(self->archive->desk, open->id, &news);
}

av_errc
indexer_work(av_indexer *self, const av_open_store *open, bool *ret_done, av_error *err)
{
    av_index_progress progress = { 0 };
    av_index_news news = { 0 };
    av_index_state state;
    uint64_t messages = messages_of(open);
    bool more = false;
    av_errc rc = AV_OK;

    (void)av_index_desk_look(self->archive->desk, open->id, &news);
    av_index_get_state(open->index, &state);
    if (state.failed || (news.tasks & AV_INDEX_REBUILD) != 0) {
        rc = rebuild(self, open, state.failed, &news, err);
        av_index_get_state(open->index, &state);
    }
    if (rc == AV_OK)
        rc = follow(self, open, messages > state.documents + BULK_BEHIND, &progress, err);
    if (rc == AV_OK && progress.at_end)
        rc = work_at_end(self, open, news.tasks, &more, err);
    tell(self, open, messages, rc == AV_OK && progress.at_end, rc, err);
    *ret_done = rc == AV_OK && progress.at_end && !more;
    return rc;
}
