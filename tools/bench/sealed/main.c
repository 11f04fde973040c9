/*
 * bench-sealed - RocksDB plain against sealed below: puts of 200 bytes, random gets with a small cache
 *
 *   bench-sealed [-n rows] [-r rounds] FOLDER
 *
 * Rounds alternate between the two, each in a fresh folder inside FOLDER. Options as in storage/meta/meta.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/secret.h"
#include "storage/sealed/env.h"

#define VALUE 200U
#define GROUP 64U /* rows of one write */

static double
now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
stop_on(char *status)
{
    if (status == NULL)
        return;
    (void)fprintf(stderr, "%s\n", status);
    exit(1);
}

static uint64_t
mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9E3779B97F4A7C15ULL;
    return x ^ x >> 29;
}

static void
fill_row(uint64_t i, char key[17], uint8_t value[VALUE])
{
    (void)snprintf(key, 17, "%016llx", (unsigned long long)mix(i + 1));
    for (unsigned k = 0; k < VALUE; k++)
        value[k] = (uint8_t)(k % 2 ? mix(i * VALUE + k) : k);
}

static rocksdb_options_t *
make_options(rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10.0));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_write_buffer_size(options, 2U << 20);
    rocksdb_options_set_max_open_files(options, 32);
    rocksdb_options_set_max_background_jobs(options, 1);
    return options;
}

struct result {
    double put_us, get_us;
};

static struct result
run(const char *dir, av_sealed_env *env, uint64_t rows)
{
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(1U << 20);
    rocksdb_options_t *options = make_options(cache);
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    struct result r;
    uint8_t value[VALUE];
    char key[17], *status = NULL;
    double start;
    rocksdb_t *db;

    if (env != NULL)
        av_sealed_env_apply(env, options);
    db = rocksdb_open(options, dir, &status);
    stop_on(status);
    start = now_s();
    for (uint64_t i = 0; i < rows; i++) {
        fill_row(i, key, value);
        rocksdb_writebatch_put(batch, key, 16, (const char *)value, VALUE);
        if ((i + 1) % GROUP == 0 || i + 1 == rows) {
            rocksdb_write(db, write, batch, &status);
            stop_on(status);
            rocksdb_writebatch_clear(batch);
        }
    }
    rocksdb_compact_range(db, NULL, 0, NULL, 0); /* both pay for all of their compaction */
    r.put_us = (now_s() - start) * 1e6 / (double)rows;
    start = now_s();
    for (uint64_t i = 0; i < rows; i++) {
        size_t n = 0;
        char *got;

        fill_row(mix(i) % rows, key, value);
        got = rocksdb_get(db, read, key, 16, &n, &status);
        stop_on(status);
        if (n != VALUE || memcmp(got, value, n) != 0)
            stop_on(av_xstrdup("other bytes"));
        rocksdb_free(got);
    }
    r.get_us = (now_s() - start) * 1e6 / (double)rows;
    rocksdb_close(db);
    rocksdb_writebatch_destroy(batch);
    rocksdb_writeoptions_destroy(write);
    rocksdb_readoptions_destroy(read);
    rocksdb_options_destroy(options);
    rocksdb_cache_destroy(cache);
    return r;
}

int
main(int argc, char **argv)
{
    uint64_t rows = 200000;
    long rounds = 3;
    uint8_t key[32];
    int c;

    while ((c = getopt(argc, argv, "n:r:")) != -1) {
        if (c == 'n')
            rows = strtoull(optarg, NULL, 10);
        else if (c == 'r')
            rounds = strtol(optarg, NULL, 10);
        else
            return 2;
    }
    if (optind + 1 != argc || rows == 0) {
        (void)fprintf(stderr, "usage: bench-sealed [-n rows] [-r rounds] FOLDER\n");
        return 2;
    }
    av_secret_init();
    av_random_bytes(key, sizeof key);
    for (long i = 0; i < 2 * rounds; i++) {
        AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/bench-sealed.%ld", argv[optind], i);
        av_sealed_env *env = NULL;
        struct result r;
        av_error err;

        if (i % 2 != 0 && av_sealed_env_new(key, &env, &err) != AV_OK)
            stop_on(av_xstrdup(err.msg));
        r = run(dir, env, rows);
        printf("%s  put %.2f us  get %.2f us\n", env == NULL ? "plain " : "sealed", r.put_us, r.get_us);
        (void)fflush(stdout);
        av_sealed_env_destroy(&env);
        if (av_dir_remove(dir, argv[optind], &err) != AV_OK)
            stop_on(av_xstrdup(err.msg));
    }
    return 0;
}
