/*
 * test_store_row.c - rows and folders of stores, and when a new one is due
 */
#include "actors/instance/auto_create.h"
#include "actors/instance/store_row.h"
#include "tests/check.h"

/* ---- folders ---- */

static void
test_normalize(void)
{
    static const struct {
        const char *given, *kept; /* NULL: refused */
    } cases[] = {
        { "/a/b", "/a/b" },
        { "/a//b/", "/a/b" },
        { "~/x", "~/x" },
        { "~\\Messages-2013-10", "~/Messages-2013-10" },
        { "~\\a\\b/", "~/a/b" },
        { "/a\\b", "/a\\b" },
        { "a/b", NULL },
        { "", NULL },
        { "/", NULL },
        { "~", NULL },
        { "~/", NULL },
        { "~x/y", NULL },
        { "/a/../b", NULL },
        { "~/./b", NULL },
        { "/a\nb", NULL },
        { "/a\xff", NULL },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_free) char *kept = NULL;
        av_errc rc = av_store_path_normalize(cases[i].given, &kept, &err);

        AV_CHECK_INT(rc, cases[i].kept == NULL ? AV_ERR_INVALID : AV_OK);
        if (cases[i].kept != NULL && rc == AV_OK)
            AV_CHECK_STR(kept, cases[i].kept);
    }
}

static void
test_take(void)
{
    static const struct {
        const char *path, *database, *content, *index, *fallback;
        const char *ret_content, *ret_database, *ret_index; /* NULL: refused */
    } cases[] = {
        { "/s", NULL, NULL, NULL, NULL, "/s/content", "/s/database", "/s/index" },
        { NULL, "/s", NULL, NULL, NULL, "/s/content", "/s/database", "/s/index" },
        { NULL, NULL, NULL, NULL, "~/stores/x", "~/stores/x/content", "~/stores/x/database", "~/stores/x/index" },
        { "/s", "/fast/db", NULL, "/fast/ix", NULL, "/s/content", "/fast/db", "/fast/ix" },
        { NULL, "/d", "/c", "/i", NULL, "/c", "/d", "/i" },
        { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
        { NULL, NULL, "/c", NULL, NULL, NULL, NULL, NULL },
        { NULL, "/s", "/s", "/i", NULL, NULL, NULL, NULL },
        { NULL, "/s/a", "/s", "/i", NULL, NULL, NULL, NULL },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_store_paths_release) av_store_paths paths = { 0 };
        av_errc rc = av_store_paths_take(
            cases[i].path, cases[i].database, cases[i].content, cases[i].index, cases[i].fallback, &paths, &err);

        AV_CHECK_INT(rc, cases[i].ret_content == NULL ? AV_ERR_INVALID : AV_OK);
        if (rc != AV_OK || cases[i].ret_content == NULL)
            continue;
        AV_CHECK_STR(paths.content, cases[i].ret_content);
        AV_CHECK_STR(paths.database, cases[i].ret_database);
        AV_CHECK_STR(paths.index, cases[i].ret_index);
    }
    AV_CHECK(av_store_path_overlaps("/a/b", "/a/b"));
    AV_CHECK(av_store_path_overlaps("/a", "/a/b"));
    AV_CHECK(!av_store_path_overlaps("/a/b", "/a/bc"));
    {
        AV_CLEANUP(av_free) char *hidden = av_store_path_propose("~/stores", "../x y");

        AV_CHECK_STR(hidden, "~/stores/store-..-x-y");
    }
    AV_CHECK_INT(av_store_name_check("2026-11", &err), AV_OK);
    AV_CHECK_INT(av_store_name_check("", &err), AV_ERR_INVALID);
    AV_CHECK_INT(av_store_name_check(" x", &err), AV_ERR_INVALID);
}

/* ---- rows ---- */

static void
test_row(void)
{
    av_store_row row = { .id = 7,
        .name = (char *)(uintptr_t) "n",
        .content = (char *)(uintptr_t) "~/c",
        .database = (char *)(uintptr_t) "/d",
        .index = (char *)(uintptr_t) "/i",
        .state = AV_STORE_WRITE_PROTECTED,
        .task = AV_STORE_TASK_ADOPT,
        .locked = true,
        .created_ms = 1234567 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    AV_CLEANUP(av_store_row_destroy) av_store_row *got = NULL;
    av_error err;

    memset(row.uuid, 5, sizeof row.uuid);
    av_buf_init(&out, 4096);
    AV_CHECK_RC(av_store_row_encode(&row, &out, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_row_decode(av_buf_span(&out), &got, &err), AV_OK, &err);
    if (got == NULL)
        return;
    AV_CHECK(got->id == 7 && got->state == AV_STORE_WRITE_PROTECTED && got->task == AV_STORE_TASK_ADOPT);
    AV_CHECK(got->locked && !got->dirty && got->created_ms == 1234567 && memcmp(got->uuid, row.uuid, 16) == 0);
    AV_CHECK_STR(got->content, "~/c");
    for (size_t n = 0; n < out.n; n++) { /* no beginning of it is a row, and none breaks the reader */
        AV_CLEANUP(av_store_row_destroy) av_store_row *part = NULL;

        if (av_store_row_decode(av_span_of(out.p, n), &part, &err) == AV_OK)
            AV_CHECK(part != NULL && n > out.n - 40); /* only what is optional may be missing */
    }
}

static void
test_due(void)
{
    const int64_t nov = 1793500000000, dec = nov + 35LL * 24 * 3600 * 1000; /* 2026-11-01, 2026-12-06 */
    Archivolt__StoreAutoCreateConfiguration config = ARCHIVOLT__STORE_AUTO_CREATE_CONFIGURATION__INIT;
    av_store_row row = { .created_ms = nov };
    av_store_info info = { .row = &row, .messages = 10, .stored = 500 };

    AV_CHECK(!av_auto_create_is_due(&config, &info, dec)); /* not enabled */
    config.enabled = true;
    config.has_messages = config.has_size_bytes = config.has_period = true;
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_NEVER;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec)); /* no limit */
    config.messages = 11;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec));
    config.messages = 10;
    AV_CHECK(av_auto_create_is_due(&config, &info, dec));
    config.messages = 0;
    config.size_bytes = 500;
    AV_CHECK(av_auto_create_is_due(&config, &info, dec));
    config.size_bytes = 0;
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_MONTH;
    AV_CHECK(av_auto_create_is_due(&config, &info, dec));
    AV_CHECK(!av_auto_create_is_due(&config, &info, nov + 1000));
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_QUARTER;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec));
    info.messages = 0;
    config.period = ARCHIVOLT__STORE_PERIOD__STORE_PERIOD_MONTH;
    AV_CHECK(!av_auto_create_is_due(&config, &info, dec)); /* an empty one serves as well */
    {
        AV_CLEANUP(av_free) char *name = av_auto_create_name(&config, dec);

        AV_CHECK_STR(name, "2026-12");
    }
}

int
main(void)
{
    AV_RUN(test_normalize);
    AV_RUN(test_take);
    AV_RUN(test_row);
    AV_RUN(test_due);
    return av_check_done();
}
