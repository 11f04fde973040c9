/*
 * help.h - what the sealed databases' tests share: one small database whose every state says which it is
 *
 * Group g puts the row "count" = g and, for some of ROWS rows, "row-NN" = words and g. So the state of a database read
 * back names the number of groups in it, and every row of it can be checked against that number.
 */
#ifndef AV_TESTS_SEALED_HELP_H
#define AV_TESTS_SEALED_HELP_H

#include <dirent.h>
#include <sys/wait.h>

#include "storage/meta/meta.h"
#include "tests/storage/store/help.h"

#define ROWS  16U
#define WORDS "confidential merger between Aldebaran and Betelgeuse"

static const uint8_t sealed_key[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

__attribute__((unused)) static av_errc
sealed_open(const char *dir, av_meta **ret, av_error *err)
{
    av_meta_options options = { .key = sealed_key, .cache_bytes = 65536, .write_buffer_bytes = 65536 };

    return av_meta_open(dir, &options, ret, err);
}

/* Does group g change row r? Group 1 puts them all, and the first four never change after it. */
static inline bool
touches(uint64_t g, unsigned r)
{
    return g == 1 || (r >= 4 && (g * 7 + r * 3) % 5 == 0);
}

static inline void
row_key(unsigned r, char key[16])
{
    (void)snprintf(key, 16, "row-%02u", r);
}

/* Longer for some groups, so that writes reach over sectors. */
static inline void
row_value(uint64_t g, unsigned r, av_buf *out)
{
    av_buf_clear(out);
    (void)av_buf_printf(out, "%s %u of group %llu;", WORDS, r, (unsigned long long)g);
    for (uint64_t i = 0; i < (g * 5 + r) % 11; i++)
        (void)av_buf_printf(out, " %016llx", (unsigned long long)((g * 31 + r) * 0x9E3779B97F4A7C15ULL + i));
}

__attribute__((unused)) static av_errc
put_group(av_meta *meta, uint64_t g, bool sync, av_error *err)
{
    av_buf value = { 0 };
    char key[16], count[24];

    av_buf_init(&value, 4096);
    av_meta_begin(meta);
    for (unsigned r = 0; r < ROWS; r++) {
        if (!touches(g, r))
            continue;
        row_key(r, key);
        row_value(g, r, &value);
        av_meta_put(meta, av_span_str(key), av_buf_span(&value));
    }
    (void)snprintf(count, sizeof count, "%llu", (unsigned long long)g);
    av_meta_put(meta, av_span_str("count"), av_span_str(count));
    av_buf_release(&value);
    return av_meta_commit(meta, sync, err);
}

enum { STATE_ERROR = -1, STATE_WRONG = -2 };

/* The number of groups in the database; STATE_ERROR when a read says it cannot, STATE_WRONG for other rows. */
__attribute__((unused)) static long
read_state(av_meta *meta)
{
    av_buf got = { 0 }, want = { 0 };
    const av_meta_view *view = av_meta_writer(meta);
    long groups = 0;
    av_error err;
    av_errc rc;

    av_buf_init(&got, 4096);
    av_buf_init(&want, 4096);
    rc = av_meta_get(view, av_span_str("count"), &got, &err);
    if (rc == AV_OK)
        groups = strtol(av_buf_cstr(&got), NULL, 10);
    else if (rc != AV_ERR_NOT_FOUND)
        groups = STATE_ERROR;
    for (unsigned r = 0; r < ROWS && groups >= 0; r++) {
        uint64_t g = (uint64_t)groups;
        char key[16];

        row_key(r, key);
        while (g > 0 && !touches(g, r))
            g--;
        rc = av_meta_get(view, av_span_str(key), &got, &err);
        if (rc != AV_OK && rc != AV_ERR_NOT_FOUND) {
            groups = STATE_ERROR;
            break;
        }
        row_value(g, r, &want);
        if (rc == AV_ERR_NOT_FOUND ? g > 0 : g == 0 || !av_span_eq(av_buf_span(&got), av_buf_span(&want)))
            groups = STATE_WRONG;
    }
    av_buf_release(&got);
    av_buf_release(&want);
    return groups;
}

#define LANES 16

enum { LANE_ON = 40, LANE_END, LANE_FAILED }; /* exit codes; a sanitizer's is 1 */

/*
 * fn(ctx, i) for i from 0, each in a process of its own and several at a time (RocksDB waits a second after some failures),
 * until one says false or i is most. Checks that failed there fail here. Nothing in this process may have opened a
 * database before. Returns how many said true.
 */
__attribute__((unused)) static long
in_lanes(bool (*fn)(void *ctx, long i), void *ctx, long most)
{
    bool on = true;
    long done = 0;

    for (long first = 0; on && first < most; first += LANES) {
        pid_t pids[LANES];
        long n = AV_MIN(most - first, LANES);

        (void)fflush(stdout);
        for (long k = 0; k < n; k++) {
            pids[k] = fork();
            if (pids[k] == 0) {
                av_check_failed = 0;
                on = fn(ctx, first + k);
                (void)fflush(stdout);
                _exit(av_check_failed != 0 ? LANE_FAILED : on ? LANE_ON : LANE_END);
            }
        }
        for (long k = 0; k < n; k++) {
            int status = -1;

            AV_CHECK(pids[k] > 0 && waitpid(pids[k], &status, 0) == pids[k]);
            status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            if (!AV_CHECK(status == LANE_ON || status == LANE_END))
                printf("    process %ld ended with %d\n", first + k, status);
            done += status == LANE_ON;
            on = on && status == LANE_ON;
        }
    }
    return done;
}

/* Call fn for each plain file of the folder. */
__attribute__((unused)) static void
each_file(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    AV_CHECK(d != NULL);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[512];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        fn(ctx, path);
    }
    if (d != NULL)
        (void)closedir(d);
}

__attribute__((unused)) static av_buf
slurp(const char *path)
{
    av_buf b;
    av_error err;

    av_buf_init(&b, 64U << 20);
    AV_CHECK_RC(av_file_read_all(path, &b, &err), AV_OK, &err);
    return b;
}

__attribute__((unused)) static void
spill(const char *path, av_span bytes)
{
    FILE *f = fopen(path, "wb");

    AV_CHECK(f != NULL && (bytes.n == 0 || fwrite(bytes.p, 1, bytes.n, f) == bytes.n));
    if (f != NULL)
        (void)fclose(f);
}

#endif
