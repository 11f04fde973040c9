/*
 * help.h - what the tests of the keys share: a folder of their own, random numbers from a seed, files read and written
 */
#ifndef AV_TESTS_KEYS_HELP_H
#define AV_TESTS_KEYS_HELP_H

#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "storage/keys/keyring.h"
#include "tests/check.h"

#define FILE_CEILING (64U << 20)

static const uint8_t test_uuid[16] = { 0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static const uint8_t test_key[32] = { 0x42, 0x43 };
static const uint8_t test_salt[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

typedef struct test_dir {
    char path[128];
} test_dir;

/* Where syncs cost nothing, if there is such a place: these tests sync thousands of times. */
__attribute__((unused)) static test_dir
dir_new(void)
{
    test_dir d;
    const char *tmp = getenv("TMPDIR");

    if (tmp == NULL)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(d.path, sizeof d.path, "%s/avkeys-XXXXXX", tmp);
    if (mkdtemp(d.path) == NULL) {
        perror(d.path);
        exit(1);
    }
    return d;
}

__attribute__((unused)) static void
dir_remove(const test_dir *d)
{
    av_error err;
    char parent[128];

    (void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(d->path, '/') - d->path), d->path);
    (void)av_dir_remove(d->path, parent, &err);
}

/* path of a name in a folder; four of them live at a time */
__attribute__((unused)) static const char *
in_dir(const char *dir, const char *name)
{
    static char path[4][400];
    static unsigned turn;

    turn = (turn + 1) % 4;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

/* xorshift64*, so that a run can be had again from its seed */
__attribute__((unused)) static uint64_t
roll(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 2685821657736338717ULL >> 20) % below;
}

__attribute__((unused)) static uint64_t
seed_of_run(void)
{
    const char *seed = getenv("ARCHIVOLT_SEED");

    return seed != NULL ? strtoull(seed, NULL, 10) * 2 + 1 : 20261122;
}

__attribute__((unused)) static unsigned long
rounds_of_run(unsigned long usual)
{
    const char *rounds = getenv("AV_ROUNDS");

    return rounds != NULL ? strtoul(rounds, NULL, 10) : usual;
}

__attribute__((unused)) static void
read_file(const char *path, av_buf *out)
{
    av_error err;

    av_buf_init(out, FILE_CEILING);
    AV_CHECK_RC(av_file_read_all(path, out, &err), AV_OK, &err);
}

__attribute__((unused)) static void
write_file(const char *path, av_span bytes)
{
    av_error err;

    AV_CHECK_RC(av_file_replace(path, bytes, 0600, &err), AV_OK, &err);
}

/* A record's key, or the code why not. */
__attribute__((unused)) static av_errc
key_of(av_store_keys *keys, uint32_t container, uint32_t slot, uint8_t ret[32])
{
    av_error err;

    return av_store_keys_record(keys, container, slot, test_salt, ret, &err);
}

/* Is the sentence there, and is this in it? */
__attribute__((unused)) static void
check_says(const av_error *err, const char *word)
{
    if (!AV_CHECK(strstr(err->msg, word) != NULL))
        printf("    \"%s\" is not in \"%s\"\n", word, err->msg);
}

#endif
