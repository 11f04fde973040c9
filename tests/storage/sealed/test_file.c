/*
 * test_file.c - one sealed file: any offset, torn headers, guarded ones, many readers at once
 */
#include <pthread.h>

#include "storage/sealed/sealed_priv.h"
#include "tests/storage/sealed/help.h"

static av_error err;

static sealed_base *
base_new(void)
{
    sealed_base *base = NULL;

    AV_CHECK_RC(sealed_base_new(sealed_key, &base, &err), AV_OK, &err);
    return base;
}

/* A whole file made by another implementation of docs/format-database.md (Python's hmac, openssl enc). */
static void
test_known_file(void)
{
    static const uint8_t known[] = { 0x41, 0x56, 0x53, 0x45, 0x41, 0x4C, 0x44, 0x42, 0x01, 0x00, 0x01, 0x00, 0x00, 0x01,
        0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0xF6, 0x6D, 0x60, 0xDE,
        0x89, 0xFC, 0x5E, 0xD1, 0x23, 0x4A, 0x43, 0xF7, 0x02, 0x21, 0xAE, 0xE1, 0x16, 0x03, 0x01, 0x49, 0x22, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x17, 0x05, 0x4E, 0x19, 0x00, 0x79, 0x21, 0x55, 0xBB, 0x6D, 0xB9, 0x4A,
        0x5E, 0xB8, 0xAC, 0x99, 0x7C, 0xBE, 0x8A, 0x7E, 0xE2, 0xF1, 0x2F, 0xFD, 0x8A, 0xEC, 0x73, 0xEA, 0x2B, 0xE0,
        0x82, 0xF6, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x8E, 0xE2, 0xAA, 0x0D, 0xC3, 0x32, 0x30, 0x31,
        0x8F, 0x5D, 0x76, 0xE5, 0x3A, 0xC6, 0x8E, 0xE7, 0x11, 0x4B, 0xBB, 0x8B, 0xF0, 0x54, 0x06, 0xB2, 0xA6, 0x23,
        0x1F, 0x30, 0xDA, 0x6D, 0x58, 0x4B, 0x97, 0xF5 };
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/f", d.path);
    sealed_base *base = base_new();
    sealed_file *file = NULL;
    char text[64];
    size_t n = 0;

    spill(path, av_span_of(known, sizeof known));
    AV_CHECK_RC(sealed_file_open(base, path, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_read(file, text, sizeof text, 0, &n, &err), AV_OK, &err);
    AV_CHECK_MEM(text, n, "An archive keeps what it is given.", 34);
    sealed_file_close(&file);
    sealed_base_destroy(&base);
    dir_remove(&d);
}

/* A file cut at every length: inside its header it is an empty one, behind it a shorter one. */
static void
test_torn_header(void)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/f", d.path);
    sealed_base *base = base_new();
    sealed_file *file = NULL;
    uint8_t zeros[SEALED_HEADER + 20] = { 0 };
    char text[32];
    size_t n = 0;
    av_buf all;

    AV_CHECK_RC(sealed_file_create(base, path, false, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, "a cat ", 6, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, "on the roof", 11, &err), AV_OK, &err);
    AV_CHECK_INT(sealed_file_size(file), 17);
    sealed_file_close(&file);
    all = slurp(path);
    AV_CHECK_INT(all.n, SEALED_HEADER + 17);
    for (size_t cut = 0; cut <= all.n; cut++) {
        uint64_t size = 99;
        size_t want = cut > SEALED_HEADER ? cut - SEALED_HEADER : 0;

        spill(path, av_span_slice(av_buf_span(&all), 0, cut));
        AV_CHECK_RC(sealed_file_open(base, path, &file, &err), AV_OK, &err);
        AV_CHECK_RC(sealed_file_read(file, text, sizeof text, 0, &n, &err), AV_OK, &err);
        AV_CHECK_MEM(text, n, "a cat on the roof", want);
        AV_CHECK_RC(sealed_size_of(path, &size, &err), AV_OK, &err);
        AV_CHECK_INT(size, want);
        sealed_file_close(&file);
    }
    spill(path, av_span_of(zeros, sizeof zeros)); /* a sector that never came */
    AV_CHECK_RC(sealed_file_open(base, path, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_read(file, text, sizeof text, 0, &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, 0);
    sealed_file_close(&file);
    for (size_t i = 0; i < SEALED_HEADER - SEALED_WITNESS; i++) { /* rot in the header is told */
        ((uint8_t *)(uintptr_t)av_buf_span(&all).p)[i] ^= 0x10;
        spill(path, av_buf_span(&all));
        AV_CHECK_RC(sealed_file_open(base, path, &file, &err), AV_ERR_CORRUPT, &err);
        ((uint8_t *)(uintptr_t)av_buf_span(&all).p)[i] ^= 0x10;
    }
    av_buf_release(&all);
    sealed_base_destroy(&base);
    dir_remove(&d);
}

/* A guarded file: whatever is cut off, put on or changed behind its back is told; what was not synced is not there. */
static void
test_guarded(void)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/f", d.path);
    sealed_base *base = base_new();
    sealed_file *file = NULL, *reader = NULL;
    char text[32];
    size_t n = 0;
    av_buf all;

    AV_CHECK_RC(sealed_file_create(base, path, true, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, "one", 3, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_open(base, path, &reader, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_read(reader, text, sizeof text, 0, &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, 0);
    sealed_file_close(&reader);
    AV_CHECK_RC(sealed_file_sync(file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, "two", 3, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_sync(file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, "three", 5, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_open(base, path, &reader, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_read(reader, text, sizeof text, 0, &n, &err), AV_OK, &err);
    AV_CHECK_MEM(text, n, "onetwo", 6);
    AV_CHECK_RC(sealed_file_read(reader, text, 2, 5, &n, &err), AV_OK, &err);
    AV_CHECK_MEM(text, n, "o", 1);
    sealed_file_close(&reader);
    sealed_file_close(&file);
    all = slurp(path);
    AV_CHECK_INT(all.n, SEALED_HEADER + 11);
    for (size_t i = 0; i < all.n; i++) {
        uint8_t *p = (uint8_t *)(uintptr_t)av_buf_span(&all).p + i;

        *p ^= 0x04;
        spill(path, av_buf_span(&all));
        AV_CHECK_RC(sealed_file_open(base, path, &reader, &err), AV_ERR_CORRUPT, &err);
        *p ^= 0x04;
    }
    for (size_t n_left = SEALED_HEADER; n_left < all.n; n_left++) {
        spill(path, av_span_slice(av_buf_span(&all), 0, n_left));
        AV_CHECK_RC(sealed_file_open(base, path, &reader, &err), AV_ERR_CORRUPT, &err);
    }
    av_buf_release(&all);
    sealed_base_destroy(&base);
    dir_remove(&d);
}

/* Bytes come back from any offset, whatever the sizes of the appends; the same bytes look different in every file. */
static void
test_offsets(void)
{
    enum { SIZE = 700000 };
    static const size_t sizes[] = { 1, 15, 16, 17, 4095, 4097, 70000, 300000 };
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/f", d.path), *twin = av_xasprintf("%s/g", d.path);
    AV_CLEANUP(av_free) uint8_t *bytes = av_xalloc(SIZE), *got = av_xalloc(SIZE);
    sealed_base *base = base_new();
    sealed_file *file = NULL, *second = NULL;
    uint64_t x = 12345;
    size_t n = 0;
    av_buf a, b;

    message_fill(bytes, SIZE, 3);
    AV_CHECK_RC(sealed_file_create(base, path, false, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_create(base, twin, false, &second, &err), AV_OK, &err);
    for (size_t at = 0, i = 0; at < SIZE; at += n, i++) {
        n = AV_MIN(sizes[i % AV_COUNT(sizes)], SIZE - at);
        AV_CHECK_RC(sealed_file_append(file, bytes + at, n, &err), AV_OK, &err);
    }
    AV_CHECK_RC(sealed_file_append(second, bytes, SIZE, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_sync(file, &err), AV_OK, &err);
    sealed_file_close(&file);
    sealed_file_close(&second);
    a = slurp(path);
    b = slurp(twin);
    AV_CHECK(a.n == b.n && memcmp(av_buf_span(&a).p + SEALED_HEADER, av_buf_span(&b).p + SEALED_HEADER, 64) != 0);
    AV_CHECK_RC(sealed_file_open(base, path, &file, &err), AV_OK, &err);
    for (int i = 0; i < 2000; i++) {
        size_t at, want;

        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        at = (size_t)(x >> 20) % (SIZE + 10);
        want = (size_t)(x >> 45) % 5000;
        AV_CHECK_RC(sealed_file_read(file, got, want, at, &n, &err), AV_OK, &err);
        AV_CHECK_INT(n, at >= SIZE ? 0 : AV_MIN(want, SIZE - at));
        AV_CHECK(n == 0 || memcmp(got, bytes + at, n) == 0);
    }
    sealed_file_close(&file);
    av_buf_release(&a);
    av_buf_release(&b);
    sealed_base_destroy(&base);
    dir_remove(&d);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

struct reader {
    sealed_file *file;
    const uint8_t *bytes;
    size_t size;
    unsigned wrong;
    uint64_t seed;
};

static void *
read_much(void *arg)
{
    struct reader *r = arg;
    uint8_t got[4096];
    av_error mine;

    for (int i = 0; i < 4000; i++) {
        size_t at, n = 0;

        r->seed = r->seed * 6364136223846793005ULL + 1442695040888963407ULL;
        at = (size_t)(r->seed >> 20) % (r->size - sizeof got);
        if (sealed_file_read(r->file, got, sizeof got, at, &n, &mine) != AV_OK || n != sizeof got ||
            memcmp(got, r->bytes + at, n) != 0)
            r->wrong++;
    }
    return NULL;
}

/* More at once than a file keeps ciphers for. */
static void
test_threads(void)
{
    enum { SIZE = 200000, THREADS = 8 };
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/f", d.path);
    AV_CLEANUP(av_free) uint8_t *bytes = av_xalloc(SIZE);
    sealed_base *base = base_new();
    sealed_file *file = NULL;
    struct reader readers[THREADS];
    pthread_t threads[THREADS];

    message_fill(bytes, SIZE, 4);
    AV_CHECK_RC(sealed_file_create(base, path, false, &file, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_file_append(file, bytes, SIZE, &err), AV_OK, &err);
    sealed_file_close(&file);
    AV_CHECK_RC(sealed_file_open(base, path, &file, &err), AV_OK, &err);
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){ .file = file, .bytes = bytes, .size = SIZE, .seed = i + 1 };
        AV_CHECK_INT(pthread_create(&threads[i], NULL, read_much, &readers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        AV_CHECK_INT(readers[i].wrong, 0);
    }
    sealed_file_close(&file);
    sealed_base_destroy(&base);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_known_file);
    AV_RUN(test_offsets);
    AV_RUN(test_torn_header);
    AV_RUN(test_guarded);
    AV_RUN(test_threads);
    return av_check_done();
}
