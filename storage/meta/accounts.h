/*
 * accounts.h - an instance's own truth: users, settings, results of repeatable requests
 *
 * Not a view: nothing rebuilds it, so it has a folder of its own (accounts/ beside the catalog), every group is synced,
 * and a damaged one is an error and is never thrown away. Rows are the caller's bytes.
 *
 * Threads: one writer; readers use av_accounts_snapshot. Blocks on disk.
 */
#ifndef AV_META_ACCOUNTS_H
#define AV_META_ACCOUNTS_H

#include "storage/meta/meta.h"

#define AV_USER_NAME_MAX 255
#define AV_ROW_MAX       (64U * 1024)

typedef struct av_accounts av_accounts;

/* key: 32 bytes, seals its files; borrowed for the call. AV_ERR_AUTH: sealed with another key; AV_ERR_CORRUPT;
 * AV_ERR_BUSY. */
av_errc av_accounts_open(const char *dir, const uint8_t key[32], av_accounts **ret, av_error *err);
void av_accounts_close(av_accounts **self);

/* One group: begin, changes, commit (synced) or rollback. */
void av_accounts_begin(av_accounts *self);
av_errc av_accounts_commit(av_accounts *self, av_error *err);
void av_accounts_rollback(av_accounts *self);
/* Give memory back, between groups, for a longer rest: av_meta_trim, av_meta_close_tables. */
av_errc av_accounts_trim(av_accounts *self, av_error *err);
/* Any thread: av_meta_is_failed. */
bool av_accounts_is_failed(const av_accounts *self);
/* A copy of them as they stand now, between groups: av_meta_checkpoint. */
av_errc av_accounts_checkpoint(av_accounts *self, const char *dir, av_error *err);

/* Views for the reading functions: the writer's, or a frozen one (av_meta_view_destroy ends it). */
const av_meta_view *av_accounts_writer(av_accounts *self);
av_meta_view *av_accounts_snapshot(av_accounts *self);

/* name: UTF-8, 1 to 255 bytes, no '/' and no control character; compared without case (NFC, full folding). The row
 * keeps what the caller puts in. AV_ERR_INVALID for a bad name, AV_ERR_NOT_FOUND. */
av_errc av_accounts_user_put(av_accounts *self, av_span name, av_span row, av_error *err);
av_errc av_accounts_user_delete(av_accounts *self, av_span name, av_error *err);
av_errc av_accounts_user_get(const av_meta_view *view, av_span name, av_buf *row, av_error *err);
/* In order of the folded names: iterate with av_accounts_next; ret_key is the folded name. */
av_meta_iter *av_accounts_users(const av_meta_view *view);

/* key: any 1 to 255 bytes of the caller's. */
av_errc av_accounts_setting_put(av_accounts *self, av_span key, av_span row, av_error *err);
av_errc av_accounts_setting_delete(av_accounts *self, av_span key, av_error *err);
av_errc av_accounts_setting_get(const av_meta_view *view, av_span key, av_buf *row, av_error *err);
av_meta_iter *av_accounts_settings(const av_meta_view *view, av_span prefix);

/* false at the end; check av_meta_iter_error then. Key without the table's own prefix. */
bool av_accounts_next(av_meta_iter *iter, av_span *ret_key, av_span *ret_row);

/*
 * Results of requests by idempotency key (decisions.md 20), in the same group as their effect. body_digest: SHA-256 of
 * the request, so that a key that comes back with another body is told apart.
 * get: AV_OK and the result; AV_ERR_NOT_FOUND (also when it has run out); AV_ERR_CONFLICT for another body.
 */
av_errc av_accounts_result_put(av_accounts *self, av_span key, const uint8_t body_digest[32], av_span result,
    int64_t expires_at_ms, av_error *err);
av_errc av_accounts_result_get(const av_meta_view *view, av_span key, const uint8_t body_digest[32], int64_t now_ms,
    av_buf *result, av_error *err);
/* Delete up to `most` results that have run out; in the open group. */
av_errc av_accounts_results_expire(av_accounts *self, int64_t now_ms, size_t most, size_t *ret_count, av_error *err);

#endif
