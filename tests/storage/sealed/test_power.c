/*
 * test_power.c - the power goes at a random moment under a sealed database: it opens by itself, its state is that after
 * some number of groups, and what was committed with sync is in it
 *
 * Seeds are printed: AV_SEED=n runs one, AV_ROUNDS=n more of them. RocksDB's threads are not under the seed: one seed
 * tries nearly the same, not exactly.
 */
#include "tests/storage/power_ops.h"
#include "tests/storage/sealed/help.h"

#define GENERATIONS 8

static struct {
    long synced;   /* groups that must be there */
    long tried;    /* no more than these can */
    bool any_sync; /* else a view: nothing is promised but a state */
} known;

static void
run_groups(av_meta *meta)
{
    av_error err;

    for (int i = 0; i < 400; i++) {
        bool sync = known.any_sync && power_ops_roll(3) != 0;

        if (put_group(meta, (uint64_t)++known.tried, sync, &err) != AV_OK)
            return;
        if (sync)
            known.synced = known.tried;
        if (power_ops_roll(12) == 0) {
            if (av_meta_trim(meta, &err) != AV_OK)
                return;
            known.synced = known.tried; /* tables are synced */
        }
    }
}

/* From what an open database says of itself. */
static void
take_state(av_meta *meta)
{
    long state = read_state(meta);

    if (!AV_CHECK(state >= known.synced && state <= known.tried))
        printf("    %ld groups, not %ld to %ld\n", state, known.synced, known.tried);
    known.tried = AV_MAX(state, 0);
}

static void
run_session(const char *dir)
{
    av_meta *meta = NULL;
    av_error err;
    av_errc rc;
    bool cut;

    power_ops_on((long)power_ops_roll(power_ops_roll(2) ? 150 : 25));
    rc = sealed_open(dir, &meta, &err);
    if (rc == AV_OK && power_ops_roll(4) != 0)
        take_state(meta); /* reads are no calls that fail */
    else if (rc == AV_OK)
        known.tried = AV_MAX(read_state(meta), 0);
    if (rc == AV_OK)
        run_groups(meta);
    av_meta_close(&meta);
    cut = power_ops_off();
    if (rc != AV_OK && !cut)
        AV_CHECK_RC(rc, AV_OK, &err);
}

static void
run_seed(uint64_t seed)
{
    test_dir d = dir_new();
    unsigned long failed = av_check_failed;
    av_meta *meta = NULL;
    av_error err;

    power_ops_begin(seed);
    memset(&known, 0, sizeof known);
    known.any_sync = power_ops_roll(3) != 0;
    for (int g = 0; g < GENERATIONS && av_check_failed == failed; g++) {
        do
            run_session(d.path);
        while (power_ops_roll(2)); /* at first only the process dies: what it wrote stands in the page cache */
        power_ops_show();
        AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_OK, &err);
        if (meta == NULL)
            break;
        take_state(meta);
        av_meta_close(&meta);
        known.synced = known.tried; /* it was closed well */
    }
    if (av_check_failed != failed)
        printf("    AV_SEED=%llu\n", (unsigned long long)seed);
    dir_remove(&d);
}

static bool
run_lane(void *ctx, long i)
{
    run_seed(*(const uint64_t *)ctx + (uint64_t)i);
    return true;
}

static void
test_power_cuts(void)
{
    const char *one = getenv("AV_SEED"), *rounds = getenv("AV_ROUNDS");
    long n = rounds != NULL ? strtol(rounds, NULL, 10) : 32;
    uint64_t seed = av_random_u64() >> 16;

    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    printf("    seeds from %llu, %ld rounds of %d cuts\n", (unsigned long long)seed, n, GENERATIONS);
    AV_CHECK_INT(in_lanes(run_lane, &seed, n), n);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
