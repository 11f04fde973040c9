/*
 * accounts.c - see accounts.h
 *
 * Keys: 'U' folded name, 'T' setting key, 'Q' idempotency key; 'q' expiry (8, big-endian) idempotency key, so that what
 * has run out stands first.
 */
#include "storage/meta/accounts.h"

#include "base/unicode.h"
#include "storage/meta/keys.h"

struct av_accounts {
    av_meta *meta;
};

av_errc
av_accounts_open(const char *dir, const uint8_t key[32], av_accounts **ret, av_error *err)
{
    av_meta_options options = { .key = key, .cache_bytes = 256 * 1024, .write_buffer_bytes = 512 * 1024 };
    av_meta *meta = NULL;
    av_errc rc = av_meta_open(dir, &options, &meta, err);

    if (rc != AV_OK)
        return av_error_prefix(err, "accounts");
    *ret = av_xcalloc(1, sizeof **ret);
    (*ret)->meta = meta;
    return AV_OK;
}

void
av_accounts_close(av_accounts **self)
{
    if (*self == NULL)
        return;
    av_meta_close(&(*self)->meta);
    free(*self);
    *self = NULL;
}

void
av_accounts_begin(av_accounts *self)
{
    av_meta_begin(self->meta);
}

av_errc
av_accounts_commit(av_accounts *self, av_error *err)
{
    return av_meta_commit(self->meta, true, err);
}

void
av_accounts_rollback(av_accounts *self)
{
    av_meta_rollback(self->meta);
}

bool
av_accounts_is_failed(const av_accounts *self)
{
    return av_meta_is_failed(self->meta);
}

av_errc
av_accounts_trim(av_accounts *self, av_error *err)
{
    av_errc rc = av_meta_trim(self->meta, err);

    return rc == AV_OK ? av_meta_close_tables(self->meta, err) : rc;
}

av_errc
av_accounts_checkpoint(av_accounts *self, const char *dir, av_error *err)
{
    return av_meta_checkpoint(self->meta, dir, err);
}

const av_meta_view *
av_accounts_writer(av_accounts *self)
{
    return av_meta_writer(self->meta);
}

av_meta_view *
av_accounts_snapshot(av_accounts *self)
{
    return av_meta_snapshot(self->meta);
}

static av_errc
check_row(av_span row, av_error *err)
{
    return row.n <= AV_ROW_MAX ? AV_OK : av_error_set(err, AV_ERR_LIMIT, "a row of %zu bytes is too large", row.n);
}

static av_errc
user_key(av_span name, av_meta_key *key, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    av_span rest = name;

    av_buf_init(&folded, 4 * AV_USER_NAME_MAX);
    av_meta_key_init(key, 'U');
    if (name.n == 0 || name.n > AV_USER_NAME_MAX || !av_utf8_valid(name) || av_span_find(name, '/') < name.n)
        return av_error_set(err, AV_ERR_INVALID, "a user name has 1 to %d bytes of UTF-8 and no '/'", AV_USER_NAME_MAX);
    while (rest.n > 0) {
        uint32_t c = av_utf8_next(&rest);

        if (c < 0x20 || (c >= 0x7F && c < 0xA0))
            return av_error_set(err, AV_ERR_INVALID, "a user name has no control characters");
    }
    if (!av_unicode_fold(name, &folded))
        return av_error_set(err, AV_ERR_INVALID, "the user name is too long");
    av_meta_key_bytes(key, av_buf_span(&folded));
    return AV_OK;
}

av_errc
av_accounts_user_put(av_accounts *self, av_span name, av_span row, av_error *err)
{
    av_meta_key key;
    av_errc rc = user_key(name, &key, err);

    if (rc == AV_OK)
        rc = check_row(row, err);
    if (rc == AV_OK)
        av_meta_put(self->meta, av_meta_key_span(&key), row);
    return rc;
}

av_errc
av_accounts_user_delete(av_accounts *self, av_span name, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta_key key;
    av_errc rc = user_key(name, &key, err);

    av_buf_init(&row, AV_ROW_MAX);
    if (rc == AV_OK)
        rc = av_accounts_user_get(av_meta_writer(self->meta), name, &row, err);
    if (rc == AV_OK)
        av_meta_delete(self->meta, av_meta_key_span(&key));
    return rc;
}

av_errc
av_accounts_user_get(const av_meta_view *view, av_span name, av_buf *row, av_error *err)
{
    av_meta_key key;
    av_errc rc = user_key(name, &key, err);

    if (rc == AV_OK)
        rc = av_meta_get(view, av_meta_key_span(&key), row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no user %.*s", (int)name.n, (const char *)name.p);
    return rc;
}

av_meta_iter *
av_accounts_users(const av_meta_view *view)
{
    return av_meta_iter_new(view, av_span_str("U"), av_span_str(NULL));
}

static av_errc
setting_key(av_span name, av_meta_key *key, av_error *err)
{
    av_meta_key_init(key, 'T');
    if (name.n == 0 || name.n > 255)
        return av_error_set(err, AV_ERR_INVALID, "a setting's key has 1 to 255 bytes");
    av_meta_key_bytes(key, name);
    return AV_OK;
}

av_errc
av_accounts_setting_put(av_accounts *self, av_span name, av_span row, av_error *err)
{
    av_meta_key key;
    av_errc rc = setting_key(name, &key, err);

    if (rc == AV_OK)
        rc = check_row(row, err);
    if (rc == AV_OK)
        av_meta_put(self->meta, av_meta_key_span(&key), row);
    return rc;
}

av_errc
av_accounts_setting_delete(av_accounts *self, av_span name, av_error *err)
{
    av_meta_key key;
    av_errc rc = setting_key(name, &key, err);

    if (rc == AV_OK)
        av_meta_delete(self->meta, av_meta_key_span(&key));
    return rc;
}

av_errc
av_accounts_setting_get(const av_meta_view *view, av_span name, av_buf *row, av_error *err)
{
    av_meta_key key;
    av_errc rc = setting_key(name, &key, err);

    return rc == AV_OK ? av_meta_get(view, av_meta_key_span(&key), row, err) : rc;
}

av_meta_iter *
av_accounts_settings(const av_meta_view *view, av_span prefix)
{
    av_meta_key key;

    av_meta_key_init(&key, 'T');
    av_meta_key_bytes(&key, av_span_slice(prefix, 0, AV_MIN(prefix.n, 255)));
    return av_meta_iter_new(view, av_meta_key_span(&key), av_span_str(NULL));
}

bool
av_accounts_next(av_meta_iter *iter, av_span *ret_key, av_span *ret_row)
{
    if (!av_meta_iter_next(iter, ret_key, ret_row))
        return false;
    *ret_key = av_span_skip(*ret_key, 1);
    return true;
}

/* --- results: value is expiry (8), digest of the request (32), result ------------------------------------------- */

static av_errc
result_keys(av_span name, int64_t expires_at_ms, av_meta_key *key, av_meta_key *by_expiry, av_error *err)
{
    av_meta_key_init(key, 'Q');
    av_meta_key_init(by_expiry, 'q');
    if (name.n == 0 || name.n > 255)
        return av_error_set(err, AV_ERR_INVALID, "an idempotency key has 1 to 255 bytes");
    av_meta_key_bytes(key, name);
    av_meta_key_u64(by_expiry, (uint64_t)AV_MAX(expires_at_ms, 0));
    av_meta_key_bytes(by_expiry, name);
    return AV_OK;
}

av_errc
av_accounts_result_put(av_accounts *self, av_span name, const uint8_t body_digest[32], av_span result,
    int64_t expires_at_ms, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf value = { 0 };
    av_meta_key key, by_expiry;
    av_errc rc = result_keys(name, expires_at_ms, &key, &by_expiry, err);

    av_buf_init(&value, AV_ROW_MAX + 64);
    if (rc == AV_OK)
        rc = check_row(result, err);
    if (rc != AV_OK)
        return rc;
    (void)av_buf_put_u64(&value, (uint64_t)AV_MAX(expires_at_ms, 0));
    (void)av_buf_append(&value, body_digest, 32);
    (void)av_buf_append_span(&value, result);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&value));
    av_meta_put(self->meta, av_meta_key_span(&by_expiry), av_span_of(NULL, 0));
    return AV_OK;
}

av_errc
av_accounts_result_get(const av_meta_view *view, av_span name, const uint8_t body_digest[32], int64_t now_ms,
    av_buf *result, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf value = { 0 };
    av_meta_key key, by_expiry;
    av_span rest, digest;
    uint64_t expires = 0;
    av_errc rc = result_keys(name, 0, &key, &by_expiry, err);

    av_buf_init(&value, AV_ROW_MAX + 64);
    if (rc == AV_OK)
        rc = av_meta_get(view, av_meta_key_span(&key), &value, err);
    if (rc != AV_OK)
        return rc;
    rest = av_buf_span(&value);
    if (!av_span_get_u64(&rest, &expires) || !av_span_get_bytes(&rest, 32, &digest))
        return av_error_set(err, AV_ERR_CORRUPT, "a stored result is too short");
    if (expires <= (uint64_t)AV_MAX(now_ms, 0))
        return av_error_set(err, AV_ERR_NOT_FOUND, "the result has run out");
    if (memcmp(digest.p, body_digest, 32) != 0)
        return av_error_set(err, AV_ERR_CONFLICT, "this idempotency key was used for another request");
    av_buf_clear(result);
    return av_buf_append_span(result, rest) ? AV_OK : av_error_set(err, AV_ERR_LIMIT, "the result is too large");
}

av_errc
av_accounts_results_expire(av_accounts *self, int64_t now_ms, size_t most, size_t *ret_count, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf found = { 0 };
    av_meta_iter *iter = av_meta_iter_new(av_meta_writer(self->meta), av_span_str("q"), av_span_str(NULL));
    av_span key, value, rest;
    av_errc rc;

    *ret_count = 0;
    av_buf_init(&found, 1024 * 1024);
    while (*ret_count < most && av_meta_iter_next(iter, &key, &value)) {
        uint64_t expires = 0;

        for (size_t i = 0; i < 8 && i + 1 < key.n; i++)
            expires = expires << 8 | key.p[i + 1];
        if (key.n < 10 || expires > (uint64_t)AV_MAX(now_ms, 0) || !av_buf_put_u16(&found, (uint16_t)key.n) ||
            !av_buf_append_span(&found, key))
            break;
        ++*ret_count;
    }
    rc = av_meta_iter_error(iter, err);
    av_meta_iter_destroy(&iter);
    rest = av_buf_span(&found);
    for (uint16_t n = 0; rc == AV_OK && av_span_get_u16(&rest, &n) && av_span_get_bytes(&rest, n, &key);) {
        AV_CLEANUP(av_buf_release) av_buf row = { 0 };
        av_meta_key by_name;
        uint64_t expires = 0;
        av_span head;

        av_buf_init(&row, AV_ROW_MAX + 64);
        av_meta_key_init(&by_name, 'Q');
        av_meta_key_bytes(&by_name, av_span_skip(key, 9));
        /* The row may have been put again since with a later end. */
        if (av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&by_name), &row, err) == AV_OK) {
            head = av_buf_span(&row);
            if (av_span_get_u64(&head, &expires) && expires <= (uint64_t)AV_MAX(now_ms, 0))
                av_meta_delete(self->meta, av_meta_key_span(&by_name));
        }
        av_meta_delete(self->meta, key);
    }
    return rc;
}
