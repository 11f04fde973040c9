/*
 * test_power.c - the power goes at a random moment: writes since the last sync are lost, torn at sectors, reordered
 *
 * A model of the disk (power_ops.h) stands behind the store and its keys. At the cut every later call fails; then,
 * after some such deaths of the process alone, the files are rewritten as a disk might show them. Seeds are printed:
 * AV_SEED=n runs one.
 */
#include "tests/storage/power_ops.h"
#include "tests/storage/store/help.h"

#define GENERATIONS 12
#define ACKED       2048

/* --- the session ------------------------------------------------------------------------------------------------ */

struct acked {
    uint64_t lsn, seed;
    size_t size;
};

static struct acked acked[ACKED];
static size_t acked_n;
static uint64_t witness, next_seed;

static size_t
size_of(uint64_t seed)
{
    return seed % 66 == 0 ? 600000 : seed % 7 == 0 ? 30000 : (size_t)(seed * 37 % 4500);
}

/* Small, with parts, or streamed; now and then an event. */
static bool
put_one(av_store *store, uint64_t seed, uint64_t *ret_lsn)
{
    av_span m = message_new(size_of(seed), seed);
    av_store_put *p = NULL;
    av_error err;
    av_errc rc;

    if (seed % 11 != 0) {
        rc = av_store_put_message(store, m, NULL, ret_lsn, &err);
    } else {
        rc = av_store_put_begin(store, AV_STORE_SIZE_UNKNOWN, &p, &err);
        for (size_t at = 0; rc == AV_OK && at < m.n; at += 50000)
            rc = av_store_put_write(p, av_span_slice(m, at, AV_MIN(at + 50000, m.n)), &err);
        if (rc == AV_OK)
            rc = av_store_put_finish(&p, ret_lsn, NULL, &err);
        av_store_put_abort(&p);
    }
    if (rc == AV_OK && seed % 4 == 0)
        rc = av_store_put_event(store, av_span_of(&seed, sizeof seed), &err);
    message_free(m);
    return rc == AV_OK;
}

static bool
run_group(av_store *store, test_watch *watch)
{
    size_t count = (size_t)power_ops_roll(4) + 1, first = acked_n;
    bool give_up = power_ops_roll(8) == 0;
    av_error err;
    uint64_t end = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = next_seed++, lsn = 0;

        if (!put_one(store, seed, &lsn))
            return false;
        acked[first + i] = (struct acked){ .lsn = lsn, .seed = seed, .size = size_of(seed) };
    }
    if (power_ops_roll(6) == 0 && av_store_roll(store, &err) != AV_OK)
        return false;
    if (give_up) {
        if (av_store_rollback(store, &err) != AV_OK)
            return false;
        watch_rolled_back(watch, store);
        return true;
    }
    if (av_store_commit(store, &end, &err) != AV_OK)
        return false;
    acked_n += count;
    witness = end;
    return true;
}

/* Until the calls fail. */
static void
run_writer(av_store_config *config)
{
    av_store *store = NULL;
    test_watch watch = { 0 };
    av_error err;

    power_ops_on((long)power_ops_roll(power_ops_roll(2) ? 120 : 12)); /* often right after the open */
    if (config_renew(config) && av_store_open(config, power_ops_roll(2) ? witness : 0, &store, &err) == AV_OK) {
        AV_CHECK(av_store_problem(store) == NULL);
        /* A group whose writer died before its fdatasync may be here: from now on the view has it, and it must stay. */
        witness = av_store_committed_lsn(store);
        AV_CHECK_RC(watch_begin(&watch, store), AV_OK, &err);
        while (acked_n + 8 < ACKED && run_group(store, &watch))
            ;
        av_store_close(&store);
        watch_end(&watch);
    }
    (void)power_ops_off();
}

static void
run_until_cut(av_store_config *config)
{
    do
        run_writer(config);
    while (power_ops_roll(2)); /* at first only the process dies: what it wrote stands in the page cache */
    power_ops_show();
    AV_CHECK(config_renew(config));
}

static void
check_disk(av_store_config *config)
{
    av_store *store = NULL;
    av_error err;

    AV_CHECK_RC(av_store_open(config, power_ops_roll(2) ? witness : 0, &store, &err), AV_OK, &err);
    if (store == NULL)
        return;
    if (!AV_CHECK(av_store_problem(store) == NULL))
        printf("    %s\n", av_store_problem(store));
    AV_CHECK(av_store_committed_lsn(store) >= witness);
    for (size_t i = 0; i < acked_n; i++)
        if (!AV_CHECK(look(store, acked[i].lsn, acked[i].size, acked[i].seed) == 1)) {
            av_store_reader *reader = NULL;

            err = (av_error){ .msg = "other bytes" };
            if (av_store_reader_open(store, acked[i].lsn, &reader, &err) == AV_OK)
                (void)av_store_reader_verify(reader, &err);
            printf("    LSN %llx, seed %llu: %s\n", (unsigned long long)acked[i].lsn, (unsigned long long)acked[i].seed,
                err.msg);
            av_store_reader_close(&reader);
        }
    av_store_close(&store);
}

static void
run_seed(uint64_t seed)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    av_store *store;
    unsigned long failed = av_check_failed;

    power_ops_begin(seed);
    acked_n = 0;
    witness = next_seed = 0;
    config.max_container_bytes = 65536;
    config.spool_bytes = 100000;
    store = store_new(&config);
    av_store_close(&store);
    for (int g = 0; g < GENERATIONS && av_check_failed == failed; g++) {
        run_until_cut(&config);
        check_disk(&config);
    }
    if (av_check_failed != failed)
        printf("    AV_SEED=%llu\n", (unsigned long long)seed);
    dir_remove(&d);
}

static void
test_power_cuts(void)
{
    const char *one = getenv("AV_SEED"), *rounds = getenv("AV_ROUNDS");
    uint64_t n = rounds != NULL ? strtoull(rounds, NULL, 10) : 8, seed = av_random_u64() >> 16;

    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    printf(
        "    seeds from %llu, %llu rounds of %d cuts\n", (unsigned long long)seed, (unsigned long long)n, GENERATIONS);
    for (uint64_t i = 0; i < n; i++)
        run_seed(seed + i);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_power_cuts);
    return av_check_done();
}
