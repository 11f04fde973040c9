/*
 * test_crash.c - a writer is killed (SIGKILL) at random moments: what it acknowledged is there, and nothing is there
 * twice
 *
 * AV_ROUNDS=n for a soak; else as many rounds as fit into some seconds.
 */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/storage/store/help.h"

#define MESSAGES     (1U << 20)
#define PATIENCE_MS  10000
#define DEFAULT_MS   8000
#define STORE_ROUNDS UINT64_C(50) /* kills of writers of one store: opening it takes longer with each */

/* What the writer tells: message `number` stands at `lsn`, in a group that ended with `commit`. */
struct told {
    uint64_t number, lsn, commit;
};

static struct seen {
    uint64_t lsn;
    bool acked;
} * seen; /* by number */

static size_t
size_of(uint64_t number)
{
    return number % 50 == 0 ? 600000 : (size_t)(number * 131 % 6000);
}

/* --- the writer ------------------------------------------------------------------------------------------------- */

static uint64_t
put_one(av_store *store, uint64_t number)
{
    av_span m = message_new(size_of(number), number);
    uint64_t lsn = 0, body[2];
    av_store_put *p = NULL;
    av_error err;
    av_errc rc;

    if (number % 50 != 0) {
        rc = av_store_put_message(store, m, NULL, &lsn, &err);
    } else { /* through provisional segments */
        rc = av_store_put_begin(store, m.n, &p, &err);
        if (rc == AV_OK)
            rc = av_store_put_write(p, m, &err);
        if (rc == AV_OK)
            rc = av_store_put_finish(&p, &lsn, NULL, &err);
    }
    message_free(m);
    body[0] = number;
    body[1] = lsn;
    if (rc == AV_OK)
        rc = av_store_put_event(store, av_span_of(body, sizeof body), &err);
    if (rc != AV_OK)
        _exit(3);
    return lsn;
}

static void
write_until_killed(const av_store_config *config, uint64_t witness, uint64_t number, int to)
{
    av_store *store = NULL;
    test_watch watch = { 0 };
    av_error err;

    if (av_store_open(config, witness, &store, &err) != AV_OK || av_store_problem(store) != NULL ||
        watch_begin(&watch, store) != AV_OK)
        _exit(2);
    for (;;) {
        struct told told[8];
        size_t n = number % 7 + 1;
        uint64_t end = 0;

        for (size_t i = 0; i < n; i++) {
            told[i].number = number;
            told[i].lsn = put_one(store, number++);
        }
        if (number % 11 == 0 && av_store_rollback(store, &err) == AV_OK) {
            watch_rolled_back(&watch, store);
            continue;
        }
        if (av_store_commit(store, &end, &err) != AV_OK)
            _exit(4);
        if (number % 37 == 0 && av_store_roll(store, &err) != AV_OK)
            _exit(6);
        for (size_t i = 0; i < n; i++)
            told[i].commit = end;
        if (write(to, told, n * sizeof *told) < 0)
            _exit(5);
    }
}

/* --- the witness ------------------------------------------------------------------------------------------------ */

static av_errc
take_event(void *ctx, AV_UNUSED uint64_t lsn, av_span body, AV_UNUSED av_error *err)
{
    uint64_t *next = ctx, number = 0, content = 0;

    AV_CHECK(av_span_get_u64(&body, &number) && av_span_get_u64(&body, &content) && number < MESSAGES);
    if (number >= MESSAGES)
        return AV_OK;
    AV_CHECK(seen[number].lsn == 0 || (seen[number].acked && seen[number].lsn == content)); /* twice? */
    seen[number].lsn = content;
    *next = AV_MAX(*next, number + 1);
    return AV_OK;
}

/* Opens with what was acknowledged as witness, reads what is new. Returns the next free number. */
static uint64_t
check_store(const av_store_config *config, uint64_t witness, uint64_t after, uint64_t next, uint64_t *ret_end)
{
    av_store *store = NULL;
    av_error err;
    uint64_t from = next;
    av_store_visitor visitor = { .ctx = &next, .event = take_event };

    AV_CHECK_RC(av_store_open(config, witness, &store, &err), AV_OK, &err);
    if (store == NULL)
        exit(1);
    if (!AV_CHECK(av_store_problem(store) == NULL))
        printf("    %s\n", av_store_problem(store));
    AV_CHECK_RC(av_store_replay(store, after, &visitor, &err), AV_OK, &err);
    for (uint64_t i = from; i < next; i++)
        if (seen[i].lsn != 0)
            AV_CHECK_INT(look(store, seen[i].lsn, size_of(i), i), 1);
    *ret_end = av_store_committed_lsn(store);
    av_store_close(&store);
    return next;
}

/* One writer, killed some ms after it began, or (two of three) after its first commit: on a busy machine it would not come
 * to one otherwise. Returns the last commit it told of, or witness. */
static uint64_t
run_writer(const av_store_config *config, uint64_t witness, uint64_t next, struct told **told, size_t *told_n)
{
    int ends[2];
    pid_t pid;
    struct told one;

    if (pipe(ends) != 0)
        exit(1);
    pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        write_until_killed(config, witness, next, ends[1]);
    }
    (void)close(ends[1]);
    if (av_random_u64() % 3 != 0)
        (void)poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, PATIENCE_MS);
    (void)usleep((useconds_t)(1000 + av_random_u64() % 90000));
    (void)kill(pid, SIGKILL);
    *told_n = 0;
    while (read(ends[0], &one, sizeof one) == (ssize_t)sizeof one) {
        *told = realloc(*told, (*told_n + 1) * sizeof one);
        (*told)[(*told_n)++] = one;
        witness = one.commit;
    }
    (void)close(ends[0]);
    AV_CHECK(waitpid(pid, &ends[0], 0) == pid && WIFSIGNALED(ends[0]));
    return witness;
}

/* Writers of one store, until it is `rounds` or the time is up; *all: messages acknowledged. Returns how many were killed. */
static uint64_t
kill_writers(uint64_t rounds, int64_t until, uint64_t *all)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    struct told *told = NULL;
    uint64_t next = 1, end = 0, round = 0;
    size_t told_n = 0;

    config.max_container_bytes = 4U << 20;
    config.spool_bytes = 65536;
    store = store_new(&config);
    av_store_close(&store);
    for (; round < rounds && av_clock_mono_ms() < until && next < MESSAGES / 2 && av_check_failed == 0; round++) {
        uint64_t witness = run_writer(&config, end, next, &told, &told_n), before = end;

        AV_CHECK(config_renew(&config)); /* what the dead writer did to them stands on disk alone */

        for (size_t i = 0; i < told_n; i++)
            seen[told[i].number] = (struct seen){ .lsn = told[i].lsn, .acked = true };
        next = check_store(&config, witness, before, next, &end);
        for (size_t i = 0; i < told_n; i++)
            AV_CHECK(told[i].number < next); /* the log has its event */
        *all += told_n;
    }
    memset(seen, 0, MESSAGES * sizeof *seen); /* the whole log once more: no number twice */
    (void)check_store(&config, 0, 0, 1, &end);
    free(told);
    dir_remove(&d);
    return round;
}

static void
test_kill(void)
{
    const char *wanted = getenv("AV_ROUNDS");
    uint64_t rounds = wanted != NULL ? strtoull(wanted, NULL, 10) : UINT64_MAX, round = 0, all = 0;
    int64_t until = av_clock_mono_ms() + (wanted != NULL ? INT64_MAX / 2 : DEFAULT_MS);

    seen = calloc(MESSAGES, sizeof *seen);
    while (round < rounds && av_clock_mono_ms() < until && av_check_failed == 0) {
        memset(seen, 0, MESSAGES * sizeof *seen);
        round += kill_writers(AV_MIN(rounds - round, STORE_ROUNDS), until, &all);
    }
    printf("    %llu kills, %llu messages acknowledged\n", (unsigned long long)round, (unsigned long long)all);
    AV_CHECK(all > 0);
    free(seen);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_kill);
    return av_check_done();
}
