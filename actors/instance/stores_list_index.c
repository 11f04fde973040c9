/*
 * stores_list_index.c - see stores_list_index.h
 */
#include "actors/instance/stores_list_index.h"

#define WALK_MOST 200000U /* messages counted one by one; beyond it is messages less documents: erased ones blur it */

/* Messages behind the last one that is in the index. */
static av_errc
count_behind(const av_meta_view *view, uint64_t lsn, uint64_t *ret, av_error *err)
{
    av_store_view_iter *walk = av_store_view_messages(view, lsn + 1);
    av_content_row row;
    uint64_t n = 0;
    av_errc rc;

    while (n < WALK_MOST && av_store_view_next_message(walk, &row))
        n += !row.erased;
    rc = av_store_view_iter_error(walk, err);
    av_store_view_iter_destroy(&walk);
    *ret = n;
    return rc;
}

av_errc
av_stores_index_coverage(const av_open_store *open, uint64_t *ret_messages, uint64_t *ret_unindexed, av_error *err)
{
    av_index_state state = { 0 };
    av_store_counters counters;
    av_meta_view *view;
    av_errc rc;

    if (open->index != NULL)
        av_index_get_state(open->index, &state);
    view = av_store_view_snapshot(open->view);
    rc = av_store_view_counters(view, &counters, err);
    if (rc == AV_OK)
        rc = count_behind(view, state.lsn, ret_unindexed, err);
    av_meta_view_destroy(&view);
    if (rc != AV_OK)
        return rc;
    if (*ret_unindexed == WALK_MOST && counters.messages > state.documents)
        *ret_unindexed = AV_MAX(*ret_unindexed, counters.messages - state.documents);
    *ret_messages = counters.messages;
    *ret_unindexed = AV_MIN(*ret_unindexed, counters.messages);
    return AV_OK;
}

/* Why it is being made again, or waits; the first that holds. Heap or NULL. */
static char *
problem_of(const av_store_info *info, const av_index_state *state, bool is_known, const av_index_news *news,
    uint64_t unindexed)
{
    bool again = (news->tasks & AV_INDEX_REBUILD) != 0;

    if (news->problem[0] != '\0')
        return av_xasprintf("it does not follow: %s", news->problem);
    if (state->failed)
        return av_xstrdup("it was found broken and is being made again");
    if (unindexed > 0 && state->discarded[0] != '\0')
        return av_xasprintf("it was thrown away and is being made again: %s", state->discarded);
    if (again)
        return av_xstrdup("it is being made again");
    if (state->settings_differ)
        return av_xstrdup("it was made with another configuration and waits for RebuildSelectedStoreIndexes");
    if ((info->row->index_mark & AV_INDEX_MARK_SELECTED) != 0 || (!is_known && info->row->index_mark != 0))
        return av_xstrdup((info->row->index_mark & AV_INDEX_MARK_SELECTED) != 0
                              ? "it is marked and waits for RebuildSelectedStoreIndexes"
                              : "it may have been made with another configuration: RebuildSelectedStoreIndexes looks");
    return NULL;
}

static void
tell_open(const av_open_store *open, const av_index_state *state, uint64_t *ret_unindexed, Archivolt__StoreInfo *row)
{
    uint64_t messages = 0;
    av_error ignored;

    if (av_stores_index_coverage(open, &messages, ret_unindexed, &ignored) == AV_OK) {
        row->has_index_coverage = true;
        row->index_coverage = messages == 0 ? 1.0 : (double)(messages - *ret_unindexed) / (double)messages;
    }
    row->has_index_size = row->has_index_unread_attachments = true;
    row->index_size = state->disk_bytes;
    row->index_unread_attachments = state->partly_read;
}

void
av_stores_tell_index(const av_archive *archive, const av_store_info *info, Archivolt__StoreInfo *row)
{
    const av_open_store *open = NULL;
    av_index_state state = { 0 };
    av_index_news news = { 0 };
    uint64_t unindexed = 0;
    bool is_open = info->is_open && av_stores_use_id(archive->stores, info->row->id, &open, &(av_error){ 0 }) == AV_OK;
    bool has_index = is_open && open->index != NULL;

    (void)av_index_desk_look(archive->desk, info->row->id, &news);
    if (has_index) {
        av_index_get_state(open->index, &state);
        tell_open(open, &state, &unindexed, row);
    }
    av_stores_done(archive->stores, &open);
    row->index_problem = problem_of(info, &state, has_index, &news, unindexed);
    row->search_indexes_need_rebuild = state.failed || state.settings_differ ||
                                       (info->row->index_mark & AV_INDEX_MARK_SELECTED) != 0 ||
                                       (!has_index && info->row->index_mark != 0);
}
