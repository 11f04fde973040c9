/*
 * help.h - what the store's tests share: a folder of their own, messages that can be told apart, opening in one line
 */
#ifndef AV_TESTS_STORE_HELP_H
#define AV_TESTS_STORE_HELP_H

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/keys/store_keys.h"
#include "storage/store/store.h"
#include "tests/check.h"

typedef struct test_dir {
    char path[128];
} test_dir;

/* For tests that open a store thousands of times and do not need a real disk's syncs. */
__attribute__((unused)) static void
use_memory_folder(void)
{
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
}

__attribute__((unused)) static test_dir
dir_new(void)
{
    test_dir d;
    const char *tmp = getenv("TMPDIR");

    (void)snprintf(d.path, sizeof d.path, "%s/avstore-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(d.path) == NULL) {
        perror(d.path);
        exit(1);
    }
    return d;
}

/* The keys of the tests' stores, in a folder beside; made when missing. Kept open until keys_close. */
__attribute__((unused)) static av_store_keys *
keys_open(const char *dir)
{
    static const uint8_t uuid[16] = "a store of tests", store_key[32] = "a key that tests may know of...";
    char path[160];
    av_store_keys *keys = NULL;
    av_error err;
    av_errc rc;

    (void)snprintf(path, sizeof path, "%s.keys", dir);
    rc = av_store_keys_open(path, uuid, store_key, &keys, &err);
    if (rc == AV_ERR_NOT_FOUND)
        rc = av_store_keys_create(path, uuid, store_key, &keys, &err);
    AV_CHECK_RC(rc, AV_OK, &err);
    return keys;
}

/* One set of keys a folder, as long as the folder is there. */
static struct {
    char dir[128];
    av_store_keys *keys;
} test_keys[16];

__attribute__((unused)) static av_store_config
config_of(const char *dir)
{
    size_t i = 0, empty = AV_COUNT(test_keys);

    for (; i < AV_COUNT(test_keys) && (test_keys[i].keys == NULL || strcmp(test_keys[i].dir, dir) != 0); i++)
        if (test_keys[i].keys == NULL)
            empty = i;
    if (i == AV_COUNT(test_keys)) {
        i = empty;
        (void)snprintf(test_keys[i].dir, sizeof test_keys[i].dir, "%s", dir);
        test_keys[i].keys = keys_open(dir);
    }
    return (av_store_config){ .dir = dir, .keys = test_keys[i].keys };
}

__attribute__((unused)) static void
dir_remove(const test_dir *d)
{
    av_error err;
    const char *slash = strrchr(d->path, '/');
    char parent[128], keys[160];

    for (size_t i = 0; i < AV_COUNT(test_keys); i++)
        if (test_keys[i].keys != NULL && strcmp(test_keys[i].dir, d->path) == 0)
            av_store_keys_unref(&test_keys[i].keys);
    (void)snprintf(parent, sizeof parent, "%.*s", (int)(slash - d->path), d->path);
    (void)av_dir_remove(d->path, parent, &err);
    (void)snprintf(keys, sizeof keys, "%s.keys", d->path);
    (void)av_dir_remove(keys, parent, &err);
}

__attribute__((unused)) static av_store *
store_new(const av_store_config *config)
{
    av_store *store = NULL;
    av_error err;

    AV_CHECK_RC(av_store_create(config, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(config, 0, &store, &err), AV_OK, &err);
    return store;
}

/* n bytes that say who they are and pack to about half; the same for the same (n, seed). */
__attribute__((unused)) static void
message_fill(uint8_t *p, size_t n, uint64_t seed)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15ULL + 1;

    for (size_t i = 0; i < n; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        p[i] = i % 2 ? (uint8_t)(x >> 56) : (uint8_t)(seed + i / 64);
    }
}

__attribute__((unused)) static av_span
message_new(size_t n, uint64_t seed)
{
    uint8_t *p = malloc(n + 1);

    message_fill(p, n, seed);
    return av_span_of(p, n);
}

__attribute__((unused)) static void
message_free(av_span m)
{
    free((void *)(uintptr_t)m.p);
}

__attribute__((unused)) static uint64_t
put(av_store *store, size_t n, uint64_t seed)
{
    av_span m = message_new(n, seed);
    uint64_t lsn = 0;
    av_error err;

    AV_CHECK_RC(av_store_put_message(store, m, NULL, &lsn, &err), AV_OK, &err);
    message_free(m);
    return lsn;
}

__attribute__((unused)) static uint64_t
commit(av_store *store)
{
    uint64_t lsn = 0;
    av_error err;

    AV_CHECK_RC(av_store_commit(store, &lsn, &err), AV_OK, &err);
    return lsn;
}

/* What stands at lsn: 1 the very message, 0 an error, -1 other bytes (never right). */
__attribute__((unused)) static int
look(const av_store *store, uint64_t lsn, size_t n, uint64_t seed)
{
    av_span want = message_new(n, seed);
    av_buf got;
    av_error err;
    int answer = 0;

    av_buf_init(&got, 64U << 20);
    if (av_store_read_message(store, lsn, &got, &err) == AV_OK)
        answer = av_span_eq(av_buf_span(&got), want) ? 1 : -1;
    av_buf_release(&got);
    message_free(want);
    return answer;
}

#endif
