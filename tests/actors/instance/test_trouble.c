/*
 * test_trouble.c - a database or log of an archive whose disk failed a write is found, told with its disk, and well when
 * the archive is opened again; nothing acknowledged is lost
 */
#include "actors/instance/trouble.h"

#include <errno.h>

#include "base/log.h"
#include "tests/actors/instance/rig.h"

/* Writes to files with this in their path fail. */
static const char *failing;
static int failing_errno;

static ssize_t
failing_pwrite(int fd, const void *p, size_t n, off_t at)
{
    char link[64], path[512];
    ssize_t length;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    path[AV_MAX(length, 0)] = '\0';
    if (failing == NULL || strstr(path, failing) == NULL)
        return pwrite(fd, p, n, at);
    errno = failing_errno;
    return -1;
}

static void
fail(const char *path, int error)
{
    failing = path;
    failing_errno = error;
}

static void
put(av_buf *stream, uint64_t number)
{
    char text[200];

    av_buf_clear(stream);
    (void)snprintf(text, sizeof text, "From: a@b.example\r\nSubject: %llu\r\n\r\nhello %llu\r\n",
        (unsigned long long)number, (unsigned long long)number);
    rig_put(stream, &(rig_item){ .number = number, .bytes = av_span_str(text) });
}

/* Exactly one, of this name. */
static void
check_trouble(rig *r, const char *what, const char *dir, bool accounts)
{
    size_t n = 0;
    av_trouble *list = av_troubles_find(r->archive, &n);

    AV_CHECK_INT(n, what == NULL ? 0 : 1);
    if (n == 1 && what != NULL) {
        AV_CHECK_STR(list[0].what, what);
        AV_CHECK(strncmp(list[0].dir, r->dir, strlen(r->dir)) == 0 && strstr(list[0].dir, dir) != NULL);
        AV_CHECK(list[0].accounts == accounts);
    }
    av_troubles_free(list, n);
}

static void
check_sentences(rig *r)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_NOSPACE, "what was said");
    AV_CHECK_INT(av_trouble_explain(r->archive, UINT64_MAX, &err), AV_ERR_NOSPACE);
    AV_CHECK(strstr(err.msg, r->dir) != NULL && strstr(err.msg, "MB free") != NULL);
    AV_CHECK(strstr(err.msg, "what was said") != NULL);
    (void)av_error_set(&err, AV_ERR_NOSPACE, "what was said");
    AV_CHECK_INT(av_trouble_explain(r->archive, 1, &err), AV_ERR_UNAVAILABLE);
    (void)av_error_set(&err, AV_ERR_IO, "what was said");
    AV_CHECK_INT(av_trouble_explain(r->archive, 1, &err), AV_ERR_IO);
    AV_CHECK_STR(err.msg, "what was said");
}

static uint64_t
messages(rig *r)
{
    av_mailbox box = { 0 };

    return rig_mailbox(r, "alice", &box) == AV_OK ? box.messages : 0;
}

/* A run goes on behind what was acknowledged. */
static void
check_heals(rig *r, uint64_t acknowledged)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake;
    av_error err = { 0 };

    fail(NULL, 0);
    rig_close(r);
    rig_open(r);
    check_trouble(r, NULL, NULL, false);
    AV_CHECK_INT(messages(r), acknowledged);
    av_buf_init(&stream, 1 << 20);
    intake = rig_intake(r, 5);
    AV_CHECK_INT(av_intake_durable(intake)->last_item, acknowledged);
    put(&stream, acknowledged + 1);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    AV_CHECK_INT(messages(r), acknowledged + 1);
    av_intake_destroy(&intake);
}

static void
fail_view(const char *path, const char *what, const char *dir)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake;
    av_error err = { 0 };
    rig r;

    av_buf_init(&stream, 1 << 20);
    rig_new(&r);
    check_trouble(&r, NULL, NULL, false);
    intake = rig_intake(&r, 5);
    put(&stream, 1);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_group_commit(r.group, &err), AV_OK, &err);
    put(&stream, 2);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    fail(path, ENOSPC);
    AV_CHECK_RC(av_group_commit(r.group, &err), AV_OK, &err); /* the log has it */
    AV_CHECK_INT(av_intake_durable(intake)->last_item, 2);
    check_trouble(&r, what, dir, false);
    check_sentences(&r);
    fail(NULL, 0);
    put(&stream, 3);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_ERR_NOSPACE, &err);
    AV_CHECK_INT(av_intake_durable(intake)->last_item, 2);
    AV_CHECK_INT(messages(&r), 1);
    av_intake_destroy(&intake);
    check_heals(&r, 2);
    rig_end(&r);
}

static void
test_views(void)
{
    fail_view("/database/", "the database of archive store store-1", "/database");
    fail_view("/catalog/", "the catalog", "");
}

static void
test_accounts(void)
{
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    fail("/accounts/", ENOSPC);
    av_accounts_begin(r.archive->accounts);
    AV_CHECK_RC(av_accounts_setting_put(r.archive->accounts, av_span_str("k"), av_span_str("v"), &err), AV_OK, &err);
    AV_CHECK_RC(av_accounts_commit(r.archive->accounts, &err), AV_ERR_NOSPACE, &err);
    check_trouble(&r, "the database of accounts", "", true);
    check_sentences(&r);
    check_heals(&r, 0);
    rig_end(&r);
}

static void
test_log(void)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake;
    av_error err = { 0 };
    av_errc rc;
    rig r;

    av_buf_init(&stream, 1 << 20);
    rig_new(&r);
    intake = rig_intake(&r, 5);
    put(&stream, 1);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_group_commit(r.group, &err), AV_OK, &err);
    put(&stream, 2);
    fail("/content/", EIO);
    rc = av_intake_feed(intake, av_buf_span(&stream), &err);
    if (rc == AV_OK)
        rc = av_group_commit(r.group, &err);
    AV_CHECK_RC(rc, AV_ERR_IO, &err);
    check_trouble(&r, "the archive store store-1", "/content", false);
    av_intake_destroy(&intake);
    check_heals(&r, 1);
    rig_end(&r);
}

static void
test_disk(void)
{
    AV_CLEANUP(av_free) char *path = NULL;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    path = av_xasprintf("%s/write.tmp", r.dir);
    AV_CHECK_RC(av_trouble_try_disk(r.dir, 1, &err), AV_OK, &err);
    AV_CHECK(!av_file_exists(path));
    AV_CHECK_RC(av_trouble_try_disk(r.dir, UINT64_MAX, &err), AV_ERR_NOSPACE, &err);
    AV_CHECK(strstr(err.msg, "MB are wanted") != NULL);
    fail("write.tmp", EIO);
    AV_CHECK_RC(av_trouble_try_disk(r.dir, 1, &err), AV_ERR_IO, &err);
    AV_CHECK(!av_file_exists(path));
    fail("write.tmp", ENOSPC);
    AV_CHECK_RC(av_trouble_try_disk(r.dir, 1, &err), AV_ERR_NOSPACE, &err);
    fail(NULL, 0);
    (void)av_error_set(&err, AV_ERR_NOSPACE, "accounts");
    AV_CHECK_INT(av_trouble_explain_dir(r.dir, &err), AV_ERR_NOSPACE);
    AV_CHECK(strstr(err.msg, "MB free") != NULL);
    rig_end(&r);
}

int
main(void)
{
    av_file_ops ops = *av_file_ops_get();

    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    ops.pwrite = failing_pwrite;
    av_file_ops_set(&ops);
    AV_RUN(test_views);
    AV_RUN(test_accounts);
    AV_RUN(test_log);
    AV_RUN(test_disk);
    return av_check_done();
}
