/*
 * saved_searches.c - see saved_searches.h
 *
 * Key: "saved/", SHA-256 of the folded user name, SHA-256 of the folded name of the search: both names may be longer than a
 * key has room for. Row: the SavedSearch, packed, with its name as given.
 */
#include "actors/instance/saved_searches.h"

#include "base/encode.h"
#include "base/unicode.h"
#include "proto/archive.pb-c.h"
#include "storage/index/query.h"

#define PREFIX     "saved/"
#define PREFIX_N   (sizeof PREFIX - 1)
#define FOLDED_MAX 4096U

typedef struct saved_key {
    uint8_t bytes[PREFIX_N + 2 * (size_t)AV_SHA256_SIZE];
} saved_key;

static av_errc
hash_folded(av_span name, uint8_t ret[AV_SHA256_SIZE], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };

    av_buf_init(&folded, FOLDED_MAX);
    if (!av_unicode_fold(name, &folded))
        return av_error_set(err, AV_ERR_INVALID, "the name is not valid UTF-8");
    av_sha256(av_buf_span(&folded), ret);
    return AV_OK;
}

static av_errc
key_of_user(const char *user, saved_key *ret, av_error *err)
{
    memcpy(ret->bytes, PREFIX, PREFIX_N);
    return hash_folded(av_span_str(user), ret->bytes + PREFIX_N, err);
}

static av_span
all_of(const saved_key *key)
{
    return av_span_of(key->bytes, PREFIX_N + AV_SHA256_SIZE);
}

static av_errc
key_of(const char *user, const char *name, saved_key *ret, av_error *err)
{
    av_errc rc = key_of_user(user, ret, err);

    return rc == AV_OK ? hash_folded(av_span_str(name), ret->bytes + PREFIX_N + AV_SHA256_SIZE, err) : rc;
}

static av_errc
check(const Archivolt__SavedSearch *search, av_error *err)
{
    av_query *query = NULL;
    av_span name = av_span_str(search->name);
    av_errc rc;

    if (name.n == 0 || name.n > AV_SAVED_NAME_MAX)
        return av_error_set(err, AV_ERR_INVALID, "the name of a search has 1 to %d bytes", AV_SAVED_NAME_MAX);
    if (name.p[0] == ' ' || name.p[name.n - 1] == ' ')
        return av_error_set(err, AV_ERR_INVALID, "the name of a search neither begins nor ends with a space");
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] < ' ' || name.p[i] == 127)
            return av_error_set(err, AV_ERR_INVALID, "the name of a search has no control characters");
    rc = av_query_parse(av_span_str(search->query), &av_query_limits_default, &query, err);
    av_query_destroy(&query);
    return rc;
}

static size_t
count_of(const av_meta_view *view, av_span prefix)
{
    av_meta_iter *it = av_accounts_settings(view, prefix);
    av_span key, row;
    size_t n = 0;

    while (av_accounts_next(it, &key, &row))
        n++;
    av_meta_iter_destroy(&it);
    return n;
}

static av_errc
put(av_accounts *accounts, const saved_key *key, const Archivolt__SavedSearch *search, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_ask_pack(&search->base, &row);
    return av_accounts_setting_put(accounts, av_span_of(key->bytes, sizeof key->bytes), av_buf_span(&row), err);
}

av_errc
av_saved_ask_save(av_ask *ask, av_error *err)
{
    const Archivolt__SavedSearch *body = (const Archivolt__SavedSearch *)ask->body;
    const av_meta_view *view = av_accounts_writer(ask->archive->accounts);
    AV_CLEANUP(av_buf_release) av_buf before = { 0 };
    saved_key key;
    av_errc rc = check(body, err);

    if (rc == AV_OK)
        rc = key_of(ask->user, body->name, &key, err);
    if (rc != AV_OK)
        return rc;
    av_buf_init(&before, AV_ROW_MAX);
    rc = av_accounts_setting_get(view, av_span_of(key.bytes, sizeof key.bytes), &before, err);
    if (rc == AV_ERR_NOT_FOUND && count_of(view, all_of(&key)) >= ask->archive->saved_searches)
        return av_error_set(
            err, AV_ERR_LIMIT, "a user has at most %zu saved searches (saved_searches)", ask->archive->saved_searches);
    return rc == AV_OK || rc == AV_ERR_NOT_FOUND ? put(ask->archive->accounts, &key, body, err) : rc;
}

av_errc
av_saved_ask_delete(av_ask *ask, av_error *err)
{
    const Archivolt__SavedSearchRequest *body = (const Archivolt__SavedSearchRequest *)ask->body;
    AV_CLEANUP(av_buf_release) av_buf before = { 0 };
    av_span bytes;
    saved_key key;
    av_errc rc = key_of(ask->user, body->name, &key, err);

    if (rc != AV_OK)
        return rc;
    bytes = av_span_of(key.bytes, sizeof key.bytes);
    av_buf_init(&before, AV_ROW_MAX);
    rc = av_accounts_setting_get(av_accounts_writer(ask->archive->accounts), bytes, &before, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no saved search \"%.150s\"", body->name);
    return rc == AV_OK ? av_accounts_setting_delete(ask->archive->accounts, bytes, err) : rc;
}

static int
by_name(const void *a, const void *b)
{
    const Archivolt__SavedSearch *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

av_errc
av_saved_ask_list(av_ask *ask, av_error *err)
{
    Archivolt__SavedSearchesReply *reply = av_reply_new(&archivolt__saved_searches_reply__descriptor);
    av_meta_view *view = av_accounts_snapshot(ask->archive->accounts);
    av_meta_iter *it = NULL;
    av_span key, row;
    saved_key mine;
    av_errc rc = key_of_user(ask->user, &mine, err);

    ask->reply = &reply->base;
    if (rc == AV_OK)
        it = av_accounts_settings(view, all_of(&mine));
    while (rc == AV_OK && av_accounts_next(it, &key, &row)) {
        Archivolt__SavedSearch *search = archivolt__saved_search__unpack(NULL, row.n, row.p);

        if (search == NULL)
            rc = av_error_set(err, AV_ERR_CORRUPT, "a saved search cannot be read");
        else
            av_reply_push(&reply->searches, &reply->n_searches, search);
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    av_meta_view_destroy(&view);
    if (reply->n_searches > 1)
        qsort(reply->searches, reply->n_searches, sizeof *reply->searches, by_name);
    return rc;
}

/* ---- with the user ---- */

/* All of a user's into `to` (NULL: nowhere). Gathered first: an iterator of the writer is not valid past a change. */
static av_errc
move_all(av_accounts *accounts, const saved_key *from, const saved_key *to, av_error *err)
{
    av_meta_iter *it = av_accounts_settings(av_accounts_writer(accounts), all_of(from));
    AV_CLEANUP(av_buf_release) av_buf keys = { 0 };
    AV_CLEANUP(av_buf_release) av_buf value = { 0 };
    saved_key other = { { 0 } };
    av_span key, row;
    av_errc rc;

    av_buf_init(&keys, sizeof other * 100000);
    av_buf_init(&value, AV_ROW_MAX);
    while (av_accounts_next(it, &key, &row))
        if (key.n == sizeof other)
            (void)av_buf_append_span(&keys, key);
    rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    for (size_t at = 0; rc == AV_OK && at < keys.n; at += sizeof other) {
        key = av_span_of(keys.p + at, sizeof other);
        if (to != NULL) {
            memcpy(&other, key.p, sizeof other);
            memcpy(&other, to, PREFIX_N + AV_SHA256_SIZE);
            av_buf_clear(&value);
            rc = av_accounts_setting_get(av_accounts_writer(accounts), key, &value, err);
        }
        if (rc == AV_OK)
            rc = av_accounts_setting_delete(accounts, key, err);
        if (rc == AV_OK && to != NULL)
            rc = av_accounts_setting_put(
                accounts, av_span_of(other.bytes, sizeof other.bytes), av_buf_span(&value), err);
    }
    return rc;
}

av_errc
av_saved_forget(av_accounts *accounts, const char *user, av_error *err)
{
    saved_key key;
    av_errc rc = key_of_user(user, &key, err);

    return rc == AV_OK ? move_all(accounts, &key, NULL, err) : rc;
}

av_errc
av_saved_rename(av_accounts *accounts, const char *from, const char *to, av_error *err)
{
    saved_key before, after;
    av_errc rc = key_of_user(from, &before, err);

    if (rc == AV_OK)
        rc = key_of_user(to, &after, err);
    if (rc != AV_OK || memcmp(&before, &after, PREFIX_N + AV_SHA256_SIZE) == 0)
        return rc;
    return move_all(accounts, &before, &after, err);
}
