/*
 * test_index_crash.c - the process is killed, or the power goes, at a random moment under an index: it opens by itself,
 * its position is no earlier than what was on disk, its answers are those of a scan up to there
 *
 * Seeds are printed: AV_SEED=n runs one of the power cuts, AV_ROUNDS=n more of both.
 */
#include <signal.h>
#include <sys/mman.h>

#include "tests/storage/index/index_help.h"
#include "tests/storage/power_ops.h"

#define GENERATIONS 6
#define MOST        1200U /* messages */

static long
rounds(long normal)
{
    const char *wanted = getenv("AV_ROUNDS");

    return wanted != NULL ? strtol(wanted, NULL, 10) : normal;
}

/* Some steps of an indexer's life. *flushed: the LSN known to be on disk. false: something failed. */
static bool
live(av_index *index, test_log *log, uint64_t *flushed, uint64_t (*roll)(uint64_t below))
{
    av_index_source source = log_source(log);
    av_index_progress progress;
    av_index_state s;
    av_error err;
    bool more;

    for (int i = 0; i < 60 && log->count < MOST; i++) {
        log->count += (uint32_t)roll(40);
        if (av_index_follow(index, &source, 100, roll(3) == 0, &progress, &err) != AV_OK)
            return false;
        if (roll(2) == 0 && av_index_flush(index, &err) != AV_OK)
            return false;
        if (roll(4) == 0 && av_index_merge(index, NULL, NULL, &more, &err) != AV_OK)
            return false;
        av_index_get_state(index, &s);
        *flushed = s.flushed_lsn;
    }
    return true;
}

/* Opens, and says what a scan says. flushed becomes what is there. */
static void
check_index(const char *dir, uint64_t *flushed)
{
    test_log log = { .count = MOST };
    av_index_config config = index_config(dir);
    av_index *index = NULL;
    av_index_state s;
    av_error err;

    if (!AV_CHECK(av_index_open(&config, &index, &err) == AV_OK)) {
        printf("    %s\n", err.msg);
        return;
    }
    av_index_get_state(index, &s);
    if (!AV_CHECK(s.discarded[0] == '\0'))
        printf("    %s\n", s.discarded);
    if (!AV_CHECK(s.lsn >= *flushed))
        printf("    at %llu, not %llu\n", (unsigned long long)s.lsn, (unsigned long long)*flushed);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    *flushed = s.lsn;
    av_index_close(&index);
}

static uint64_t
any(uint64_t below)
{
    return av_random_u64() % below;
}

/* --- killed -------------------------------------------------------------------------------------------------------- */

struct shared {
    uint64_t flushed;
    uint32_t count; /* documents there are */
};

static void
live_until_killed(const char *dir, struct shared *shared)
{
    av_index_config config = index_config(dir);
    test_log log = { .count = shared->count };
    av_index *index = NULL;
    av_error err;

    if (av_index_open(&config, &index, &err) != AV_OK)
        _exit(3);
    while (log.count < MOST)
        if (!live(index, &log, &shared->flushed, any))
            _exit(4);
    for (;;)
        (void)pause();
}

static bool
kill_lane(void *ctx, long lane)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/index", d.path);
    struct shared *shared = (struct shared *)ctx + lane;

    for (int g = 0; g < GENERATIONS && av_check_failed == 0; g++) {
        pid_t pid = fork();
        int status;

        if (pid == 0)
            live_until_killed(dir, shared);
        (void)usleep((useconds_t)any(g == 0 ? 400000 : 150000));
        (void)kill(pid, SIGKILL);
        AV_CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        pid = fork(); /* what opened a database here could not fork */
        if (pid == 0) {
            check_index(dir, &shared->flushed);
            (void)fflush(stdout);
            _exit(av_check_failed != 0);
        }
        AV_CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        shared->count = (uint32_t)(shared->flushed / LOG_STEP);
    }
    dir_remove(&d);
    return true;
}

static void
test_killed(void)
{
    long n = rounds(16);
    struct shared *shared =
        mmap(NULL, (size_t)n * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    AV_CHECK(shared != MAP_FAILED);
    printf("    %ld rounds of %d kills\n", n, GENERATIONS);
    AV_CHECK_INT(in_lanes(kill_lane, shared, n), n);
}

/* --- power --------------------------------------------------------------------------------------------------------- */

static void
run_session(const char *dir, uint64_t *flushed)
{
    av_index_config config = index_config(dir);
    test_log log = { .count = (uint32_t)(*flushed / LOG_STEP) };
    av_index *index = NULL;
    av_index_state s;
    av_error err;

    power_ops_on((long)power_ops_roll(power_ops_roll(2) ? 300 : 60));
    if (av_index_open(&config, &index, &err) == AV_OK) {
        av_index_get_state(index, &s);
        AV_CHECK(s.discarded[0] == '\0' && s.lsn >= *flushed);
        log.count = AV_MAX(log.count, (uint32_t)s.documents);
        (void)live(index, &log, flushed, power_ops_roll);
        AV_CHECK(ask_index(index, &(test_log){ .count = MOST }) != WRONG);
    }
    av_index_close(&index);
    (void)power_ops_off();
}

static bool
power_lane(void *ctx, long lane)
{
    uint64_t seed = *(const uint64_t *)ctx + (uint64_t)lane, flushed = 0;
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/index", d.path);

    power_ops_begin(seed);
    for (int g = 0; g < GENERATIONS && av_check_failed == 0; g++) {
        do
            run_session(dir, &flushed);
        while (power_ops_roll(2)); /* at first only the process dies */
        power_ops_show();
        check_index(dir, &flushed);
    }
    if (av_check_failed != 0)
        printf("    AV_SEED=%llu\n", (unsigned long long)seed);
    dir_remove(&d);
    return true;
}

static void
test_power_cuts(void)
{
    const char *one = getenv("AV_SEED");
    uint64_t seed = one != NULL ? strtoull(one, NULL, 10) : av_random_u64() >> 16;
    long n = one != NULL ? 1 : rounds(24);

    printf("    seeds from %llu, %ld rounds of %d cuts\n", (unsigned long long)seed, n, GENERATIONS);
    AV_CHECK_INT(in_lanes(power_lane, &seed, n), n);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_killed);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
