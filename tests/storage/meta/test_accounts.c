/*
 * test_accounts.c - users, settings and results: names without case, groups, what survives
 */
#include "storage/meta/accounts.h"

#include "tests/storage/store/help.h"

static const uint8_t database_key[32] = { 5 };
static av_error err;
static av_buf row;

static av_accounts *
open_accounts(const test_dir *d)
{
    av_accounts *a = NULL;

    AV_CHECK_RC(av_accounts_open(d->path, database_key, &a, &err), AV_OK, &err);
    return a;
}

static void
test_users(void)
{
    static const char *const bad[] = { "", "a/b", "a\nb", "\xFF", "a\x7F" };
    test_dir d = dir_new();
    av_accounts *a = open_accounts(&d);
    av_meta_view *before;
    av_meta_iter *users;
    av_span key, value;

    before = av_accounts_snapshot(a);
    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_user_put(a, av_span_str("J\xC3\xBCrgen"), av_span_str("one"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_user_put(a, av_span_str("alice"), av_span_str("two"), &err), AV_OK, &err);
    for (size_t i = 0; i < AV_COUNT(bad); i++)
        AV_CHECK_RC(av_accounts_user_put(a, av_span_str(bad[i]), av_span_str("x"), &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_accounts_user_get(av_accounts_writer(a), av_span_str("ALICE"), &row, &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_user_get(before, av_span_str("alice"), &row, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_accounts_commit(a, &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_user_get(before, av_span_str("alice"), &row, &err), AV_ERR_NOT_FOUND, &err);
    av_meta_view_destroy(&before);
    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_user_delete(a, av_span_str("alice"), &err), AV_OK, &err);
    av_accounts_rollback(a);
    av_accounts_close(&a);
    a = open_accounts(&d);
    /* U with a combining diaeresis, upper case: the same name */
    AV_CHECK_RC(av_accounts_user_get(av_accounts_writer(a), av_span_str("JU\xCC\x88RGEN"), &row, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&row), "one");
    users = av_accounts_users(av_accounts_writer(a));
    AV_CHECK(av_accounts_next(users, &key, &value) && av_span_eq_str(key, "alice"));
    AV_CHECK(av_accounts_next(users, &key, &value) && av_span_eq_str(key, "j\xC3\xBCrgen"));
    AV_CHECK(!av_accounts_next(users, &key, &value));
    av_meta_iter_destroy(&users);
    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_user_delete(a, av_span_str("Alice"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_user_delete(a, av_span_str("Alice"), &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_accounts_commit(a, &err), AV_OK, &err);
    av_accounts_close(&a);
    dir_remove(&d);
}

static void
test_settings(void)
{
    test_dir d = dir_new();
    av_accounts *a = open_accounts(&d);
    av_meta_iter *it;
    av_span key, value;

    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_setting_put(a, av_span_str("web.title"), av_span_str("t"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_setting_put(a, av_span_str("web.logo"), av_span_str("l"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_setting_put(a, av_span_str("smtp.host"), av_span_str("h"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_commit(a, &err), AV_OK, &err);
    it = av_accounts_settings(av_accounts_writer(a), av_span_str("web."));
    AV_CHECK(av_accounts_next(it, &key, &value) && av_span_eq_str(key, "web.logo") && av_span_eq_str(value, "l"));
    AV_CHECK(av_accounts_next(it, &key, &value) && av_span_eq_str(key, "web.title"));
    AV_CHECK(!av_accounts_next(it, &key, &value));
    av_meta_iter_destroy(&it);
    AV_CHECK_RC(
        av_accounts_setting_get(av_accounts_writer(a), av_span_str("web."), &row, &err), AV_ERR_NOT_FOUND, &err);
    av_accounts_close(&a);
    dir_remove(&d);
}

static void
test_results(void)
{
    test_dir d = dir_new();
    av_accounts *a = open_accounts(&d);
    uint8_t body[32] = { 1 }, other[32] = { 2 };
    size_t n = 0;

    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_result_put(a, av_span_str("k1"), body, av_span_str("done"), 1000, &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_result_put(a, av_span_str("k2"), body, av_span_str("later"), 5000, &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_commit(a, &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_result_get(av_accounts_writer(a), av_span_str("k1"), body, 999, &row, &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&row), "done");
    AV_CHECK_RC(av_accounts_result_get(av_accounts_writer(a), av_span_str("k1"), other, 999, &row, &err),
        AV_ERR_CONFLICT, &err);
    AV_CHECK_RC(av_accounts_result_get(av_accounts_writer(a), av_span_str("k1"), body, 1000, &row, &err),
        AV_ERR_NOT_FOUND, &err);
    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_results_expire(a, 2000, 10, &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, 1);
    AV_CHECK_RC(av_accounts_commit(a, &err), AV_OK, &err);
    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_results_expire(a, 2000, 10, &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, 0);
    av_accounts_rollback(a);
    AV_CHECK_RC(av_accounts_result_get(av_accounts_writer(a), av_span_str("k2"), body, 2000, &row, &err), AV_OK, &err);
    av_accounts_close(&a);
    dir_remove(&d);
}

static void
test_open_twice(void)
{
    test_dir d = dir_new();
    av_accounts *a = open_accounts(&d), *b = NULL;

    AV_CHECK_RC(av_accounts_open(d.path, database_key, &b, &err), AV_ERR_BUSY, &err);
    av_accounts_close(&a);
    dir_remove(&d);
}

/* Accounts are truth: what does not open is an error, and every file stays. */
static void
test_other_key(void)
{
    static const uint8_t other[32] = { 6 };
    test_dir d = dir_new();
    av_accounts *a = open_accounts(&d);
    AV_CLEANUP(av_free) char *current = av_xasprintf("%s/CURRENT", d.path);
    AV_CLEANUP(av_buf_release) av_buf kept = { 0 };

    av_buf_init(&kept, 4096);
    av_accounts_begin(a);
    AV_CHECK_RC(av_accounts_user_put(a, av_span_str("alice"), av_span_str("row"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_commit(a, &err), AV_OK, &err);
    av_accounts_close(&a);
    AV_CHECK_RC(av_accounts_open(d.path, other, &a, &err), AV_ERR_AUTH, &err);
    AV_CHECK_RC(av_file_read_all(current, &kept, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_replace(current, av_span_str("MANIFEST-000004\n"), 0600, &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_open(d.path, database_key, &a, &err), AV_ERR_CORRUPT, &err); /* in clear */
    AV_CHECK_RC(av_file_replace(current, av_buf_span(&kept), 0600, &err), AV_OK, &err);
    a = open_accounts(&d);
    AV_CHECK_RC(av_accounts_user_get(av_accounts_writer(a), av_span_str("alice"), &row, &err), AV_OK, &err);
    av_accounts_close(&a);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    av_buf_init(&row, AV_ROW_MAX);
    AV_RUN(test_users);
    AV_RUN(test_settings);
    AV_RUN(test_results);
    AV_RUN(test_open_twice);
    AV_RUN(test_other_key);
    av_buf_release(&row);
    return av_check_done();
}
