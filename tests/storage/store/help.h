/*
 * help.h - what the store's tests share: a folder of their own, messages that can be told apart, opening in one line
 */
#ifndef AV_TESTS_STORE_HELP_H
#define AV_TESTS_STORE_HELP_H

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
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

/* The keys of the tests' stores, in a folder beside; made when missing. NULL: the disk failed. */
__attribute__((unused)) static av_store_keys *
keys_try(const char *dir)
{
    static const uint8_t store_key[32] = "a key that tests may know of...";
    uint8_t uuid[AV_SHA256_SIZE]; /* of the folder's name */
    char path[160];
    av_store_keys *keys = NULL;
    av_error err;
    av_errc rc;

    av_sha256(av_span_str(dir), uuid);
    (void)snprintf(path, sizeof path, "%s.keys", dir);
    rc = av_store_keys_open(path, uuid, store_key, &keys, &err);
    if (rc == AV_ERR_NOT_FOUND)
        rc = av_store_keys_create(path, uuid, store_key, &keys, &err);
    return rc == AV_OK ? keys : NULL;
}

__attribute__((unused)) static av_store_keys *
keys_open(const char *dir)
{
    av_store_keys *keys = keys_try(dir);

    AV_CHECK(keys != NULL);
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

/* Keys that met a failure change nothing more: open them again. false: the disk fails still, and there are none. */
__attribute__((unused)) static bool
config_renew(av_store_config *config)
{
    for (size_t i = 0; i < AV_COUNT(test_keys); i++)
        if (strcmp(test_keys[i].dir, config->dir) == 0) {
            av_store_keys_unref(&test_keys[i].keys);
            config->keys = test_keys[i].keys = keys_try(config->dir);
        }
    return config->keys != NULL;
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
noise_fill(uint8_t *p, size_t n, uint64_t seed)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15ULL + 1;

    for (size_t i = 0; i < n; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        p[i] = i % 2 ? (uint8_t)(x >> 56) : (uint8_t)(seed + i / 64);
    }
}

/* Lines of base64, 76 characters and LF each; returns the bytes written (lines * 77). */
__attribute__((unused)) static size_t
base64_fill(uint8_t *p, size_t lines, uint64_t seed)
{
    uint8_t *data = malloc(57 * lines + 1);
    av_buf text;

    noise_fill(data, 57 * lines, seed);
    av_buf_init(&text, 78);
    for (size_t i = 0; i < lines; i++) {
        av_buf_clear(&text);
        (void)av_base64_encode(av_span_of(data + 57 * i, 57), &text);
        memcpy(p + 77 * i, text.p, 76);
        p[77 * i + 76] = '\n';
    }
    av_buf_release(&text);
    free(data);
    return 77 * lines;
}

/* Every third message that is large enough is multipart, with an attachment that others have, too. */
__attribute__((unused)) static void
message_fill(uint8_t *p, size_t n, uint64_t seed)
{
    static const char middle[] = "\n--b\nContent-Transfer-Encoding: base64\n\n", end[] = "--b--\n";
    size_t lines = n >= 600000 ? 7000 : n >= 20000 ? 200 : 20, at, text = 300;
    char head[256];

    noise_fill(p, n, seed);
    if (seed % 3 != 1 || n < 2500)
        return;
    at = (size_t)snprintf(head, sizeof head,
        "Received: from %llu\nFrom: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n",
        (unsigned long long)seed);
    memcpy(p, head, at);
    at += text; /* a text of its own */
    memcpy(p + at, middle, sizeof middle - 1);
    at += sizeof middle - 1;
    at += base64_fill(p + at, lines, seed % 5);
    memcpy(p + at, end, sizeof end - 1);
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

/* --- who knows the parts: what storage/meta/store_view does, in memory ------------------------------------------- */

typedef struct test_watch {
    av_map *parts; /* dedup key -> LSN as a pointer */
} test_watch;

__attribute__((unused)) static av_errc
watch_find(void *ctx, const uint8_t dedup[AV_STORE_DEDUP_SIZE], uint64_t *ret_lsn, AV_UNUSED av_error *err)
{
    test_watch *w = ctx;

    *ret_lsn = (uint64_t)(uintptr_t)av_map_get(w->parts, av_span_of(dedup, AV_STORE_DEDUP_SIZE));
    return AV_OK;
}

__attribute__((unused)) static av_errc
watch_wrote(void *ctx, const av_store_content *content, AV_UNUSED av_error *err)
{
    test_watch *w = ctx;

    if (content->kind == AV_RECORD_PART && !content->erased)
        (void)av_map_put(w->parts, av_span_of(content->dedup, AV_STORE_DEDUP_SIZE), (void *)(uintptr_t)content->lsn);
    return AV_OK;
}

/* What the log has, and what comes from now on. */
__attribute__((unused)) static av_errc
watch_begin(test_watch *w, av_store *store)
{
    av_store_visitor visitor = { .ctx = w, .content = watch_wrote };
    av_store_watch watch = { w, watch_find, watch_wrote };
    av_error err;

    av_map_destroy(&w->parts, NULL);
    w->parts = av_map_new();
    av_store_set_watch(store, &watch);
    return av_store_replay(store, 0, &visitor, &err);
}

__attribute__((unused)) static void
watch_rolled_back(test_watch *w, const av_store *store)
{
    size_t at = 0;
    av_span key;
    void *lsn;

    while (av_map_next(w->parts, &at, &key, &lsn))
        if ((uint64_t)(uintptr_t)lsn > av_store_committed_lsn(store))
            (void)av_map_remove(w->parts, key);
}

__attribute__((unused)) static void
watch_end(test_watch *w)
{
    av_map_destroy(&w->parts, NULL);
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
