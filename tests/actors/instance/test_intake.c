/*
 * test_intake.c - the account of a run: stored, duplicate, refused, resumed, rolled back, killed
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/actors/instance/rig.h"

static av_span
message(av_buf *buf, unsigned number, size_t body)
{
    size_t i;

    av_buf_clear(buf);
    (void)av_buf_printf(buf,
        "From: a%u@example.org\nTo: b@example.org\nSubject: message %u\nMessage-ID: <%u@x>\n"
        "Date: Mon, 2 Mar 2015 10:00:00 +0100\n\n",
        number, number, number);
    for (i = 0; i < body; i += 60)
        (void)av_buf_printf(buf, "line %zu of message %u, and some more words for it\n", i, number);
    return av_buf_span(buf);
}

static void
feed_all(av_intake *intake, av_buf *stream, size_t slice)
{
    av_span rest = av_buf_span(stream);
    av_error err = { 0 };
    size_t n;

    while (rest.n > 0) {
        n = AV_MIN(slice, rest.n);
        AV_CHECK_RC(av_intake_feed(intake, av_span_slice(rest, 0, n), &err), AV_OK, &err);
        rest = av_span_skip(rest, n);
    }
    av_buf_clear(stream);
}

static void
check_account(const av_account *a, uint64_t last, uint64_t stored, uint64_t duplicate, uint64_t refused)
{
    AV_CHECK_INT(a->last_item, last);
    AV_CHECK_INT(a->stored, stored);
    AV_CHECK_INT(a->duplicate, duplicate);
    AV_CHECK_INT(a->refused, refused);
}

static void
test_account(void)
{
    static const uint8_t wrong[32] = { 1 };
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    av_placement p;
    av_mailbox box;
    av_run run;
    uint8_t id[16];
    av_intake *intake;
    av_error err = { 0 };
    rig r;

    av_buf_init(&stream, 64 << 20);
    av_buf_init(&m, 64 << 20);
    rig_new(&r);
    intake = rig_intake(&r, 1);
    rig_put(&stream, &(rig_item){ .number = 1, .folder = "In", .bytes = message(&m, 1, 500), .flag = "\\Seen" });
    rig_put(&stream, &(rig_item){ .number = 2, .folder = "In", .bytes = message(&m, 1, 500) });  /* the same again */
    rig_put(&stream, &(rig_item){ .number = 3, .folder = "Out", .bytes = message(&m, 1, 500) }); /* elsewhere */
    rig_put(&stream, &(rig_item){ .number = 4, .refused = "the file cannot be read" });
    rig_put(&stream, &(rig_item){ .number = 5, .bytes = message(&m, 2, 100), .sha256 = wrong });
    rig_put(&stream, &(rig_item){ .number = 6, .bytes = av_span_of("", 0) });
    rig_put(&stream, &(rig_item){ .number = 7, .folder = "a\nb", .bytes = message(&m, 3, 100) }); /* no such name */
    rig_put(&stream, &(rig_item){ .number = 8, .bytes = message(&m, 4, 100), .received_ms = 1234567890123 });
    feed_all(intake, &stream, 7); /* across every boundary */
    check_account(av_intake_seen(intake), 8, 4, 1, 3);
    check_account(av_intake_durable(intake), 0, 0, 0, 0);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    check_account(av_intake_durable(intake), 8, 4, 1, 3);
    av_intake_destroy(&intake);

    memset(id, 1, sizeof id);
    AV_CHECK_RC(av_catalog_run(av_catalog_writer(r.archive->catalog), id, &run, &err), AV_OK, &err);
    AV_CHECK_INT(run.state, AV_RUN_FINISHED);
    AV_CHECK_INT(rig_mailbox(&r, "alice/In", &box), AV_OK);
    AV_CHECK_INT(box.messages, 1);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r.archive->catalog), box.guid, 1, &p, &err), AV_OK, &err);
    AV_CHECK_INT(p.flags, AV_FLAG_SEEN);
    AV_CHECK_INT(p.received_at_ms, 1425286800000); /* the Date header */
    AV_CHECK_INT(p.raw_size, message(&m, 1, 500).n);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &box), AV_OK);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r.archive->catalog), box.guid, 1, &p, &err), AV_OK, &err);
    AV_CHECK_INT(p.raw_size, 0); /* an empty file is kept like any other */
    AV_CHECK_RC(av_store_read_message(rig_store(&r), p.content_lsn, &m, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r.archive->catalog), box.guid, 2, &p, &err), AV_OK, &err);
    AV_CHECK_INT(p.received_at_ms, 1234567890123);

    /* A run that has ended takes nothing more. */
    {
        av_intake_config config = { r.archive, r.group, { 0 }, "alice", NULL };

        memset(config.run, 1, sizeof config.run);
        AV_CHECK_RC(av_intake_new(&config, &intake, &err), AV_ERR_CANCELLED, &err);
    }
    rig_end(&r);
}

/* Large messages go to the log while they come: stored, the same again, the same elsewhere, over the limit. */
static void
test_large(void)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };
    av_placement p;
    av_mailbox box;
    av_intake *intake;
    av_error err = { 0 };
    rig r;

    av_buf_init(&stream, 256 << 20);
    av_buf_init(&m, 64 << 20);
    av_buf_init(&got, 64 << 20);
    rig_new(&r);
    intake = rig_intake(&r, 2);
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = message(&m, 1, 9 << 20) });
    rig_put(&stream, &(rig_item){ .number = 2, .bytes = av_buf_span(&m) });
    rig_put(&stream, &(rig_item){ .number = 3, .folder = "Other", .bytes = av_buf_span(&m) });
    rig_put(&stream, &(rig_item){ .number = 4, .bytes = message(&m, 2, 40 << 20) });
    rig_put(&stream, &(rig_item){ .number = 5, .bytes = message(&m, 3, 10) });
    feed_all(intake, &stream, 1 << 20);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    check_account(av_intake_durable(intake), 5, 3, 1, 1);
    av_intake_destroy(&intake);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &box), AV_OK);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r.archive->catalog), box.guid, 1, &p, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_read_message(rig_store(&r), p.content_lsn, &got, &err), AV_OK, &err);
    (void)message(&m, 1, 9 << 20);
    AV_CHECK(av_span_eq(av_buf_span(&m), av_buf_span(&got)));
    rig_end(&r);
}

/* A malformed stream harms only itself: the items before it are kept, the run goes on behind them. */
static void
test_broken_stream(void)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    av_intake *intake;
    av_error err = { 0 };
    rig r;

    av_buf_init(&stream, 1 << 20);
    av_buf_init(&m, 1 << 20);
    rig_new(&r);
    intake = rig_intake(&r, 3);
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = message(&m, 1, 100) });
    feed_all(intake, &stream, 100000);
    rig_put(&stream, &(rig_item){ .number = 3, .bytes = message(&m, 3, 100) }); /* 2 is missing */
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_ERR_SYNTAX, &err);
    AV_CHECK_RC(av_group_commit(r.group, &err), AV_OK, &err);
    check_account(av_intake_durable(intake), 1, 1, 0, 0);
    AV_CHECK(av_intake_end(intake, AV_RUN_FINISHED, &err) != AV_OK);
    av_intake_destroy(&intake);

    /* Ends inside an item: its part is dropped, whole items stay. */
    intake = rig_intake(&r, 4);
    av_buf_clear(&stream);
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = message(&m, 11, 100) });
    rig_put(&stream, &(rig_item){ .number = 2, .bytes = message(&m, 12, 100) });
    AV_CHECK_RC(av_intake_feed(intake, av_span_slice(av_buf_span(&stream), 0, stream.n - 5), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_ERR_SYNTAX, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_CANCELLED, &err), AV_OK, &err);
    check_account(av_intake_durable(intake), 1, 1, 0, 0);
    av_intake_destroy(&intake);
    rig_end(&r);
}

/* ---- disk full ---- */

static int writes_left;

static ssize_t
full_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (writes_left-- <= 0) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, p, n, at);
}

static void
test_disk_full(void)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    av_file_ops ops = *av_file_ops_get();
    av_intake *intake;
    av_mailbox box;
    av_error err = { 0 };
    av_errc rc;
    unsigned i;
    rig r;

    av_buf_init(&stream, 8 << 20);
    av_buf_init(&m, 1 << 20);
    rig_new(&r);
    intake = rig_intake(&r, 5);
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = message(&m, 1, 100) });
    feed_all(intake, &stream, 100000);
    AV_CHECK_RC(av_group_commit(r.group, &err), AV_OK, &err);
    for (i = 2; i < 50; i++)
        rig_put(&stream, &(rig_item){ .number = i, .bytes = message(&m, i, 20000) });
    ops.pwrite = full_pwrite;
    writes_left = 0;
    av_file_ops_set(&ops);
    rc = av_intake_feed(intake, av_buf_span(&stream), &err);
    if (rc == AV_OK)
        rc = av_group_commit(r.group, &err);
    av_file_ops_set(NULL);
    AV_CHECK_RC(rc, AV_ERR_NOSPACE, &err);
    check_account(av_intake_durable(intake), 1, 1, 0, 0);
    av_intake_destroy(&intake);
    /* Reads go on, and with room again the run does. */
    AV_CHECK_INT(rig_mailbox(&r, "alice", &box), AV_OK);
    AV_CHECK_INT(box.messages, 1);
    intake = rig_intake(&r, 5);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    check_account(av_intake_durable(intake), 49, 49, 0, 0);
    av_intake_destroy(&intake);
    rig_end(&r);
}

/* Large messages of two runs at once: the group is committed in the middle of them, as often as it is full. */
static void
test_large_groups(void)
{
    enum { RUNS = 2, SIZE = 40 << 20, STEP = 1 << 20 };
    av_buf streams[RUNS] = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    av_intake *intakes[RUNS];
    av_error err = { 0 };
    uint64_t before;
    size_t at = 0, n;
    rig r;

    av_buf_init(&m, 64 << 20);
    rig_new(&r);
    r.max_message_bytes = 64 << 20;
    rig_close(&r);
    rig_open(&r);
    before = atomic_load(&r.archive->commits);
    for (unsigned i = 0; i < RUNS; i++) {
        av_buf_init(&streams[i], 64 << 20);
        intakes[i] = rig_intake(&r, (uint8_t)(10 + i));
        rig_put(&streams[i], &(rig_item){ .number = 1, .bytes = message(&m, 10 + i, SIZE) });
    }
    n = AV_MIN(streams[0].n, streams[1].n) - STEP;
    for (; at + STEP <= n; at += STEP)
        for (unsigned i = 0; i < RUNS; i++)
            AV_CHECK_RC(
                av_intake_feed(intakes[i], av_span_slice(av_buf_span(&streams[i]), at, at + STEP), &err), AV_OK, &err);
    AV_CHECK(atomic_load(&r.archive->commits) - before >= RUNS * at / AV_GROUP_BYTES_MAX - 1);
    for (unsigned i = 0; i < RUNS; i++) {
        AV_CHECK_RC(av_intake_feed(intakes[i], av_span_skip(av_buf_span(&streams[i]), at), &err), AV_OK, &err);
        AV_CHECK_RC(av_intake_end(intakes[i], AV_RUN_FINISHED, &err), AV_OK, &err);
        check_account(av_intake_durable(intakes[i]), 1, 1, 0, 0);
        av_intake_destroy(&intakes[i]);
        av_buf_release(&streams[i]);
    }
    rig_end(&r);
}

/*
 * A large message of one run crosses another run's commit, then another's rollback: what it writes belongs to the open
 * group, and what it lost makes it begin anew instead of failing for good.
 */
static void
test_large_beside_others(void)
{
    AV_CLEANUP(av_buf_release) av_buf large = { 0 };
    AV_CLEANUP(av_buf_release) av_buf small = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    av_file_ops ops = *av_file_ops_get();
    av_intake *a, *b;
    av_error err = { 0 };
    av_errc rc;
    av_span rest;
    rig r;

    av_buf_init(&large, 64 << 20);
    av_buf_init(&small, 8 << 20);
    av_buf_init(&m, 64 << 20);
    rig_new(&r);
    a = rig_intake(&r, 6);
    b = rig_intake(&r, 7);
    rig_put(&large, &(rig_item){ .number = 1, .bytes = message(&m, 1, 12 << 20) });
    rest = av_buf_span(&large);
    AV_CHECK_RC(av_intake_feed(a, av_span_slice(rest, 0, 3 << 20), &err), AV_OK, &err);
    rig_put(&small, &(rig_item){ .number = 1, .folder = "b", .bytes = message(&m, 2, 100) });
    feed_all(b, &small, 1 << 20);
    AV_CHECK_RC(av_group_commit(r.group, &err), AV_OK, &err);
    AV_CHECK(!av_group_is_open(r.group));
    AV_CHECK_RC(av_intake_feed(a, av_span_slice(rest, 3 << 20, 6 << 20), &err), AV_OK, &err);
    AV_CHECK(av_group_is_open(r.group));
    rig_put(&small, &(rig_item){ .number = 2, .folder = "b", .bytes = message(&m, 3, 7 << 20) });
    ops.pwrite = full_pwrite;
    writes_left = 0;
    av_file_ops_set(&ops);
    rc = av_intake_feed(b, av_buf_span(&small), &err);
    if (rc == AV_OK)
        rc = av_group_commit(r.group, &err);
    av_file_ops_set(NULL);
    AV_CHECK_RC(rc, AV_ERR_NOSPACE, &err);
    AV_CHECK_RC(av_intake_feed(a, av_span_skip(rest, 6 << 20), &err), AV_ERR_BUSY, &err);
    check_account(av_intake_durable(a), 0, 0, 0, 0);
    check_account(av_intake_durable(b), 1, 1, 0, 0);
    av_intake_destroy(&a);
    av_intake_destroy(&b);
    a = rig_intake(&r, 6);
    AV_CHECK_RC(av_intake_feed(a, rest, &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(a, AV_RUN_FINISHED, &err), AV_OK, &err);
    check_account(av_intake_durable(a), 1, 1, 0, 0);
    av_intake_destroy(&a);
    rig_end(&r);
}

/* Bytes that stand behind the last commit with no group open do not stay there to spoil the next one. */
static void
test_rollback_without_group(void)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    av_store_put *put = NULL;
    av_store_stats before, after;
    av_error err = { 0 };
    rig r;

    av_buf_init(&bytes, 16 << 20);
    rig_new(&r);
    av_store_get_stats(rig_store(&r), &before);
    AV_CHECK_RC(av_store_put_begin(rig_store(&r), 12 << 20, &put, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(put, message(&bytes, 1, 4 << 20), &err), AV_OK, &err);
    av_store_get_stats(rig_store(&r), &after);
    AV_CHECK(after.bytes > before.bytes);
    (void)av_error_set(&err, AV_ERR_CANCELLED, "a test");
    AV_CHECK(!av_group_is_open(r.group));
    av_group_rollback(r.group, &err);
    av_store_get_stats(rig_store(&r), &after);
    AV_CHECK_INT(after.bytes, before.bytes);
    AV_CHECK_RC(av_store_put_write(put, av_buf_span(&bytes), &err), AV_ERR_CONFLICT, &err);
    av_store_put_abort(&put);
    rig_end(&r);
}

/* ---- killed writers ---- */

enum { ROUNDS = 12, MESSAGES = 1500 };

/* Child: go on with the run from where the archive says, until killed or done. */
static void
writer(rig *r, int ready)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    AV_CLEANUP(av_buf_release) av_buf m = { 0 };
    av_intake *intake;
    av_error err;
    uint64_t i;

    av_buf_init(&stream, 1 << 20);
    av_buf_init(&m, 1 << 20);
    rig_open(r);
    intake = rig_intake(r, 9);
    (void)!write(ready, "x", 1);
    for (i = av_intake_durable(intake)->last_item + 1; i <= MESSAGES; i++) {
        av_buf_clear(&stream);
        /* every 7th is a duplicate of the first, every 11th is refused */
        if (i % 11 == 0)
            rig_put(&stream, &(rig_item){ .number = i, .refused = "no" });
        else
            rig_put(&stream, &(rig_item){ .number = i, .bytes = message(&m, i % 7 == 0 ? 1 : (unsigned)i, 200) });
        if (av_intake_feed(intake, av_buf_span(&stream), &err) != AV_OK ||
            (i % 16 == 0 && av_group_commit(r->group, &err) != AV_OK))
            _exit(3);
    }
    if (av_intake_end(intake, AV_RUN_FINISHED, &err) != AV_OK)
        _exit(4);
    _exit(0);
}

/* delay_us 0: not killed. true: it came to its end. */
static bool
round_done(rig *r, unsigned delay_us)
{
    int ready[2], status = 0;
    char c;
    pid_t pid;

    if (pipe(ready) != 0)
        exit(1);
    pid = fork();
    if (pid == 0)
        writer(r, ready[1]);
    (void)close(ready[1]);
    (void)!read(ready[0], &c, 1);
    (void)close(ready[0]);
    if (delay_us > 0) {
        (void)usleep(delay_us);
        (void)kill(pid, SIGKILL);
    }
    (void)waitpid(pid, &status, 0);
    AV_CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

static void
test_killed_writers(void)
{
    uint64_t refused = MESSAGES / 11, dups = 0, i;
    av_catalog_iter *it;
    av_placement p;
    av_mailbox box;
    uint8_t id[16];
    unsigned round;
    av_error err = { 0 };
    av_run run;
    rig r;

    for (i = 1; i <= MESSAGES; i++)
        dups += i % 11 != 0 && i % 7 == 0;
    rig_new(&r);
    rig_close(&r);
    for (round = 0; round < ROUNDS && !round_done(&r, 2000 + (unsigned)(av_random_u64() % 40000)); round++)
        continue;
    if (round == ROUNDS)
        AV_CHECK(round_done(&r, 0)); /* the last one may finish */
    rig_open(&r);
    memset(id, 9, sizeof id);
    AV_CHECK_RC(av_catalog_run(av_catalog_writer(r.archive->catalog), id, &run, &err), AV_OK, &err);
    AV_CHECK_INT(run.state, AV_RUN_FINISHED);
    AV_CHECK_INT(run.last_item, MESSAGES);
    AV_CHECK_INT(run.refused, refused);
    AV_CHECK_INT(run.duplicate, dups);
    AV_CHECK_INT(run.stored, MESSAGES - refused - dups);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &box), AV_OK);
    AV_CHECK_INT(box.messages, run.stored);
    it = av_catalog_placements(av_catalog_writer(r.archive->catalog), box.guid, 1, UINT32_MAX);
    for (i = 1; av_catalog_next_placement(it, &p); i++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };

        av_buf_init(&bytes, 1 << 20);
        AV_CHECK_INT(p.uid, i);
        AV_CHECK_RC(av_store_read_message(rig_store(&r), p.content_lsn, &bytes, &err), AV_OK, &err);
    }
    AV_CHECK_INT(i - 1, run.stored);
    av_catalog_iter_destroy(&it);
    rig_end(&r);
}

static void
test_lock(void)
{
    av_error err = { 0 };
    rig r, other;

    rig_new(&r);
    other = r;
    other.archive = NULL;
    AV_CHECK_RC(rig_try_open(&other, &err), AV_ERR_BUSY, &err);
    rig_end(&r);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_account);
    AV_RUN(test_large);
    AV_RUN(test_broken_stream);
    AV_RUN(test_disk_full);
    AV_RUN(test_large_groups);
    AV_RUN(test_large_beside_others);
    AV_RUN(test_rollback_without_group);
    AV_RUN(test_killed_writers);
    AV_RUN(test_lock);
    return av_check_done();
}
