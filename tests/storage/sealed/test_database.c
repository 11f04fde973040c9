/*
 * test_database.c - a sealed database through av_meta: round trips, checkpoints, nothing readable, other keys, files
 * in clear, torn headers, many readers
 */
#include <pthread.h>
#include <sys/stat.h>

#include "base/encode.h"
#include "storage/sealed/sealed_priv.h"
#include "tests/storage/sealed/help.h"

static av_error err;

/* --- what stands on disk ---------------------------------------------------------------------------------------- */

struct words {
    unsigned files, sealed, plain;
};

/* No word of keys, values or of RocksDB's own in any file; the lock alone has no header, and nothing else either. */
static void
check_unreadable(void *ctx, const char *path)
{
    static const char *const words[] = { "confidential", "merger", "Aldebaran", "Betelgeuse", "row-", "count",
        "rocksdb", "leveldb", "MANIFEST", "BytewiseComparator", "[DBOptions]", "default" };
    AV_CLEANUP(av_buf_release) av_buf b = slurp(path);
    struct words *w = ctx;

    w->files++;
    if (b.n == 0 && strstr(path, "/LOCK") != NULL) {
        w->plain++;
        return;
    }
    if (AV_CHECK(b.n >= SEALED_HEADER && memcmp(av_buf_span(&b).p, "AVSEALDB", 8) == 0))
        w->sealed++;
    else
        printf("    %s\n", path);
    for (size_t i = 0; i < AV_COUNT(words); i++)
        if (!AV_CHECK(memmem(av_buf_span(&b).p, b.n, words[i], strlen(words[i])) == NULL))
            printf("    %s in %s\n", words[i], path);
}

static void
check_folder(const char *dir)
{
    struct words w = { 0 };

    each_file(dir, check_unreadable, &w);
    AV_CHECK(w.sealed >= 5 && w.sealed + w.plain == w.files && w.plain <= 1);
}

/* Groups until tables were written and merged, with reopens. */
static void
test_round_trip(void)
{
    test_dir d = dir_new();
    av_meta *meta = NULL;
    uint64_t g = 0;

    for (int life = 0; life < 6; life++) {
        AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_OK, &err);
        AV_CHECK_INT(read_state(meta), (long)g);
        for (int i = 0; i < 200; i++)
            AV_CHECK_RC(put_group(meta, ++g, i % 50 == 0, &err), AV_OK, &err);
        AV_CHECK_INT(read_state(meta), (long)g);
        check_folder(d.path); /* with a live WAL */
        AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
        AV_CHECK_INT(read_state(meta), (long)g);
        av_meta_close(&meta);
        check_folder(d.path);
    }
    dir_remove(&d);
}

/* --- checkpoints ------------------------------------------------------------------------------------------------- */

static void
count_links(void *ctx, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && st.st_nlink > 1)
        ++*(unsigned *)ctx;
}

static void
test_checkpoint(void)
{
    test_dir d = dir_new();
    AV_CLEANUP(av_free) char *db = av_xasprintf("%s/db", d.path), *copy = av_xasprintf("%s/copy", d.path);
    av_meta *meta = NULL, *other = NULL;
    unsigned linked = 0;

    AV_CHECK_RC(sealed_open(db, &meta, &err), AV_OK, &err);
    for (uint64_t g = 1; g <= 20; g++)
        AV_CHECK_RC(put_group(meta, g, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    for (uint64_t g = 21; g <= 30; g++) /* these stand in the WAL alone */
        AV_CHECK_RC(put_group(meta, g, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_meta_checkpoint(meta, copy, &err), AV_OK, &err);
    AV_CHECK_RC(av_meta_checkpoint(meta, copy, &err), AV_ERR_EXISTS, &err);
    each_file(copy, count_links, &linked);
    AV_CHECK(linked >= 1);
    check_folder(copy);
    AV_CHECK_RC(put_group(meta, 31, false, &err), AV_OK, &err);
    AV_CHECK_RC(sealed_open(copy, &other, &err), AV_OK, &err);
    AV_CHECK_INT(read_state(other), 30);
    AV_CHECK_RC(put_group(other, 31, true, &err), AV_OK, &err);
    AV_CHECK_RC(put_group(other, 32, true, &err), AV_OK, &err);
    av_meta_close(&other);
    AV_CHECK_INT(read_state(meta), 31);
    av_meta_close(&meta);
    AV_CHECK_RC(sealed_open(copy, &other, &err), AV_OK, &err);
    AV_CHECK_INT(read_state(other), 32);
    av_meta_close(&other);
    dir_remove(&d);
}

/* --- what does not open ------------------------------------------------------------------------------------------ */

static void
make_small(const char *dir)
{
    av_meta *meta = NULL;

    AV_CHECK_RC(sealed_open(dir, &meta, &err), AV_OK, &err);
    AV_CHECK_RC(put_group(meta, 1, true, &err), AV_OK, &err);
    av_meta_close(&meta);
}

static void
test_other_key(void)
{
    test_dir d = dir_new();
    uint8_t other[32];
    av_meta_options options = { .key = other };
    av_meta *meta = NULL;

    make_small(d.path);
    memcpy(other, sealed_key, sizeof other);
    other[31] ^= 1;
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_ERR_AUTH, &err);
    AV_CHECK(strstr(err.msg, "another key") != NULL && meta == NULL);
    AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_OK, &err); /* and it is as it was */
    AV_CHECK_INT(read_state(meta), 1);
    av_meta_close(&meta);
    dir_remove(&d);
}

static void
test_in_clear(void)
{
    test_dir d = dir_new();
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    char *status = NULL;
    av_meta *meta = NULL;
    rocksdb_t *db;

    rocksdb_options_set_create_if_missing(options, 1);
    db = rocksdb_open(options, d.path, &status);
    AV_CHECK(status == NULL);
    rocksdb_put(db, write, "k", 1, "v", 1, &status);
    AV_CHECK(status == NULL);
    rocksdb_close(db);
    AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK(strstr(err.msg, "not a sealed file") != NULL);
    rocksdb_writeoptions_destroy(write);
    rocksdb_options_destroy(options);
    dir_remove(&d);
}

static void
make_newer(void *ctx, const char *path)
{
    AV_CLEANUP(av_buf_release) av_buf b = slurp(path);
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span all = av_buf_span(&b);

    (void)ctx;
    if (b.n < SEALED_HEADER)
        return;
    av_buf_init(&out, b.n);
    (void)av_buf_append(&out, all.p, 8);
    (void)av_buf_put_u16(&out, 2);
    (void)av_buf_append(&out, all.p + 10, SEALED_HEADER - SEALED_WITNESS - 14);
    (void)av_buf_put_u32(&out, av_crc32c(0, av_buf_span(&out)));
    (void)av_buf_append_span(&out, av_span_skip(all, SEALED_HEADER - SEALED_WITNESS));
    spill(path, av_buf_span(&out));
}

static void
test_newer(void)
{
    test_dir d = dir_new();
    av_meta *meta = NULL;

    make_small(d.path);
    each_file(d.path, make_newer, NULL);
    AV_CHECK_RC(sealed_open(d.path, &meta, &err), AV_ERR_VERSION, &err);
    AV_CHECK(strstr(err.msg, "newer version") != NULL);
    dir_remove(&d);
}

/* --- one file ---------------------------------------------------------------------------------------------------- */

static sealed_base *
base_new(void)
{
    sealed_base *base = NULL;

    AV_CHECK_RC(sealed_base_new(sealed_key, &base, &err), AV_OK, &err);
    return base;
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
    AV_RUN(test_offsets);
    AV_RUN(test_torn_header);
    AV_RUN(test_guarded);
    AV_RUN(test_threads);
    AV_RUN(test_round_trip);
    AV_RUN(test_checkpoint);
    AV_RUN(test_other_key);
    AV_RUN(test_in_clear);
    AV_RUN(test_newer);
    return av_check_done();
}
