/*
 * erase.c - destroying messages for good: the note, the event, the keys
 */
#include "actors/instance/erase.h"
#include "actors/instance/holds.h"
#include "actors/instance/index_purges.h"
#include "base/clock.h"
#include "base/log.h"

#define NOTE_PREFIX "erase/"
#define GROUP_MOST  256U /* contents in one event and one note */
#define LSNS_BYTES  (AV_ROW_MAX - 1024)
#define LATER_BYTES (64U * 1024 * 1024)

typedef struct note_key {
    uint8_t bytes[sizeof NOTE_PREFIX - 1 + 4];
} note_key;

static note_key
key_of(uint32_t store_id)
{
    note_key key;

    memcpy(key.bytes, NOTE_PREFIX, sizeof NOTE_PREFIX - 1);
    for (unsigned i = 0; i < 4; i++)
        key.bytes[sizeof NOTE_PREFIX - 1 + i] = (uint8_t)(store_id >> (24 - 8 * i));
    return key;
}

/* lsns empty: the note goes. */
static av_errc
note(av_archive *self, uint32_t store_id, av_span lsns, av_error *err)
{
    note_key key = key_of(store_id);
    av_errc rc;

    av_accounts_begin(self->accounts);
    rc = lsns.n == 0 ? av_accounts_setting_delete(self->accounts, av_span_of(key.bytes, sizeof key.bytes), err)
                     : av_accounts_setting_put(self->accounts, av_span_of(key.bytes, sizeof key.bytes), lsns, err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

static uint64_t
lsn_at(av_span lsns, size_t i)
{
    uint64_t lsn;

    memcpy(&lsn, lsns.p + i * sizeof lsn, sizeof lsn);
    return lsn;
}

/*
 * Plan and event of one content, into the open group. ret_all: what is erased with it is appended. What a note has no
 * room for goes to later: parts of a message that stands before them, so nobody uses them then.
 */
static av_errc
erase_one(av_archive *self, const av_open_store *store, uint64_t lsn, const char *who, av_buf *ret_all, av_buf *later,
    av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf plan = { 0 };
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_event event = { .kind = AV_EVENT_CONTENT_ERASED };
    av_span now;
    av_errc rc;

    av_buf_init(&plan, AV_STORE_EVENT_MAX);
    av_buf_init(&list, AV_STORE_EVENT_MAX);
    rc = av_store_view_erase_plan(store->view, lsn, &plan, err);
    if (rc != AV_OK)
        return rc;
    now = av_span_slice(av_buf_span(&plan), 0, AV_MIN(plan.n, (LSNS_BYTES - ret_all->n) / sizeof lsn * sizeof lsn));
    for (size_t i = 0; i < now.n / sizeof(uint64_t); i++)
        if (!av_event_list_put_item(&list, lsn_at(now, i)))
            return av_error_set(err, AV_ERR_LIMIT, "a message with too many parts to erase at once");
    event.erased.lsns = av_buf_span(&list);
    event.erased.time_ms = av_clock_wall_ms();
    event.erased.who = av_span_str(who);
    rc = av_archive_event(self, &event, (av_span){ NULL, 0 }, err);
    if (rc == AV_OK &&
        (!av_buf_append_span(ret_all, now) || !av_buf_append_span(later, av_span_skip(av_buf_span(&plan), now.n))))
        rc = av_error_set(err, AV_ERR_LIMIT, "too much to erase at once");
    return rc;
}

/* One group: its events stand in the log, noted before. *ret_next: the first that was not looked at. */
static av_errc
commit_group(av_archive *self, const av_open_store *store, av_span lsns, bool strict, const char *who, size_t *ret_next,
    av_buf *ret_all, av_buf *later, av_erased *ret, av_error *err)
{
    av_content_row row;
    size_t n = lsns.n / sizeof(uint64_t), i = *ret_next, before;
    av_errc rc = av_archive_begin(self, store, err);

    for (; rc == AV_OK && i < n && i < *ret_next + GROUP_MOST && ret_all->n < LSNS_BYTES / 2; i++) {
        before = ret_all->n;
        rc = av_store_view_get(av_store_view_writer(store->view), lsn_at(lsns, i), &row, NULL, err);
        if (rc == AV_OK && !row.erased)
            rc = erase_one(self, store, lsn_at(lsns, i), who, ret_all, later, err);
        if (!strict && (rc == AV_ERR_DENIED || rc == AV_ERR_NOT_FOUND))
            rc = AV_OK;
        if (rc == AV_OK && ret_all->n > before) {
            ret->messages += row.kind == AV_RECORD_MESSAGE;
            ret->parts += (ret_all->n - before) / sizeof(uint64_t) - (row.kind == AV_RECORD_MESSAGE);
        }
    }
    *ret_next = i;
    if (rc == AV_OK && ret_all->n > 0)
        rc = note(self, store->id, av_buf_span(ret_all), err);
    if (rc == AV_OK && ret_all->n > 0)
        return av_archive_commit(self, err);
    av_archive_rollback(self);
    return rc;
}

static av_errc
destroy_keys(av_archive *self, const av_open_store *store, av_span lsns, av_error *err)
{
    size_t n = lsns.n / sizeof(uint64_t);
    uint64_t *list = av_xalloc(lsns.n + 1);
    av_errc rc;

    if (lsns.n > 0)
        memcpy(list, lsns.p, lsns.n);
    rc = av_store_erase(store->store, list, n, err);
    free(list);
    if (rc == AV_ERR_LIMIT) /* a key tree is full: noted it stays, and what compaction drops is erased with it */
        AV_LOG(AV_LOG_ERROR, "erase.waits_for_compaction", AV_U64("store", store->id), AV_ERRF(err));
    return rc == AV_OK ? note(self, store->id, (av_span){ NULL, 0 }, err) : rc;
}

/* Those whose event was committed: the view, which is at its log's end, knows them as erased or not at all. */
static av_errc
finish_noted(av_archive *self, const av_open_store *store, av_span lsns, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf erased = { 0 };
    av_content_row row;
    av_errc rc = AV_OK, found;

    av_buf_init(&erased, LSNS_BYTES);
    for (size_t i = 0; rc == AV_OK && i < lsns.n / sizeof(uint64_t); i++) {
        uint64_t lsn = lsn_at(lsns, i);

        found = av_store_view_get(av_store_view_writer(store->view), lsn, &row, NULL, err);
        if (found == AV_ERR_NOT_FOUND || (found == AV_OK && row.erased))
            (void)av_buf_append(&erased, &lsn, sizeof lsn);
        else if (found != AV_OK)
            rc = found;
    }
    return rc == AV_OK ? destroy_keys(self, store, av_buf_span(&erased), err) : rc;
}

static av_errc
get_note(av_archive *self, uint32_t store_id, av_buf *ret, av_error *err)
{
    note_key key = key_of(store_id);
    av_errc rc;

    av_buf_init(ret, AV_ROW_MAX);
    rc = av_accounts_setting_get(av_accounts_writer(self->accounts), av_span_of(key.bytes, sizeof key.bytes), ret, err);
    if (rc == AV_ERR_NOT_FOUND)
        av_buf_clear(ret);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

/* What an erasure before could not finish comes first: its note is about to be replaced. */
static av_errc
finish_before(av_archive *self, const av_open_store *store, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf noted = { 0 };
    av_errc rc = get_note(self, store->id, &noted, err);

    if (rc == AV_OK)
        rc = av_archive_catch_up(self, err);
    if (rc == AV_OK && noted.n > 0)
        rc = finish_noted(self, store, av_buf_span(&noted), err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "an erasure before this one is not finished");
}

/* Group after group. later: what did not fit into the note of its message's group is appended. */
static av_errc
erase_all(av_archive *self, const av_open_store *store, av_span lsns, bool strict, const char *who, av_buf *later,
    av_erased *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf all = { 0 };
    size_t next = 0;
    av_errc rc = AV_OK;

    av_buf_init(&all, LSNS_BYTES);
    while (rc == AV_OK && next < lsns.n / sizeof(uint64_t)) {
        av_buf_clear(&all);
        rc = commit_group(self, store, lsns, strict, who, &next, &all, later, ret, err);
        if (rc == AV_OK && all.n > 0)
            rc = destroy_keys(self, store, av_buf_span(&all), err);
    }
    return rc;
}

av_errc
av_erase_contents(
    av_archive *self, uint32_t store_id, av_span lsns, bool strict, const char *who, av_erased *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf later = { 0 };
    AV_CLEANUP(av_buf_release) av_buf none = { 0 };
    const av_open_store *store = NULL;
    av_errc rc = av_stores_write(self->stores, store_id, false, &store, err);

    av_buf_init(&later, LATER_BYTES);
    if (rc == AV_OK)
        rc = finish_before(self, store, err);
    if (rc == AV_OK)
        rc = av_holds_follow(self, store, err);
    if (rc == AV_OK)
        rc = av_index_purge_note(self, store_id, err);
    if (rc == AV_OK)
        rc = erase_all(self, store, lsns, strict, who, &later, ret, err);
    if (rc ==
        AV_OK) /* parts alone, none of which takes another along; a crash before leaves them to the grace period */
        rc = erase_all(self, store, av_buf_span(&later), false, who, &none, ret, err);
    if (ret->messages > 0)
        av_index_desk_ask(self->desk, store_id, AV_INDEX_PURGE);
    av_stores_written(self->stores, &store);
    return rc;
}

static av_errc
resume_one(av_archive *self, const av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf noted = { 0 };
    const av_open_store *store = NULL;
    av_errc rc = get_note(self, row->id, &noted, err);

    if (rc != AV_OK || noted.n == 0 || row->state == AV_STORE_DISABLED)
        return rc;
    AV_LOG(AV_LOG_INFO, "erase.goes_on", AV_STR("store", row->name));
    rc = av_stores_write(self->stores, row->id, true, &store, err);
    if (rc == AV_OK)
        rc = finish_before(self, store, err);
    av_stores_written(self->stores, &store);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", row->name);
}

av_errc
av_erase_finish(av_archive *self, uint32_t store_id, av_error *err)
{
    av_store_info *info = NULL;
    av_errc rc = av_stores_info(self->stores, store_id, &info, err);

    if (rc == AV_OK)
        rc = resume_one(self, info->row, err);
    av_store_infos_free(info, info != NULL);
    return rc;
}

av_errc
av_erase_resume(av_archive *self, av_error *err)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(self->stores, &n);
    av_error why;
    av_errc rc = AV_OK;

    for (size_t i = 0; i < n; i++) /* one that fails keeps no other from going on */
        if (resume_one(self, list[i].row, &why) != AV_OK) {
            *err = why;
            rc = why.code;
        }
    av_store_infos_free(list, n);
    return rc;
}

av_errc
av_erase_expired(av_archive *self, uint32_t store_id, int64_t before_ms, size_t most, av_waiting *cursor,
    av_erased *ret, bool *ret_more, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    const av_open_store *store = NULL;
    av_meta_view *view;
    size_t n = 0;
    av_errc rc = av_stores_use_id(self->stores, store_id, &store, err);

    *ret_more = false;
    if (rc != AV_OK)
        return rc;
    av_buf_init(&lsns, most * sizeof(uint64_t) + 1);
    view = av_store_view_snapshot(store->view);
    while (n < most && (rc = av_store_view_next_expired(view, before_ms, cursor, err)) == AV_OK) {
        (void)av_buf_append(&lsns, &cursor->lsn, sizeof cursor->lsn);
        n++;
    }
    *ret_more = n == most;
    av_meta_view_destroy(&view);
    av_stores_done(self->stores, &store);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    return n == 0 ? AV_OK : av_erase_contents(self, store_id, av_buf_span(&lsns), false, "grace period over", ret, err);
}
