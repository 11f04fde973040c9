/*
 * test_database.c - a sealed database through av_meta: round trips, checkpoints, nothing readable, other keys, files
 * in clear
 */
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

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_round_trip);
    AV_RUN(test_checkpoint);
    AV_RUN(test_other_key);
    AV_RUN(test_in_clear);
    AV_RUN(test_newer);
    return av_check_done();
}
