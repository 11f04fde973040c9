/*
 * test_meta.c - a database opened and closed many times without a change: no files gather; memory given back
 */
#include "storage/meta/meta.h"

#include <dirent.h>

#include "tests/storage/store/help.h"

static const uint8_t key[32] = { 5 };
static av_error err;

static unsigned
count_files(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    AV_CHECK(dir != NULL);
    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

/* Changes with every file made or removed. */
static uint64_t
sum_names(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    uint64_t sum = 0;

    AV_CHECK(dir != NULL);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        uint64_t h = 0;

        for (const char *p = entry->d_name; *p != '\0'; p++)
            h = h * 131 + (uint8_t)*p;
        sum += h;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return sum;
}

static void
test_opened_often(void)
{
    static const av_meta_options options = { .key = key };
    test_dir d = dir_new();
    av_meta *meta = NULL;
    av_buf row;

    av_buf_init(&row, 16);
    for (int i = 0; i < 40; i++) {
        AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
        if (i == 0) {
            av_meta_begin(meta);
            av_meta_put(meta, av_span_str("k"), av_span_str("v"));
            AV_CHECK_RC(av_meta_commit(meta, true, &err), AV_OK, &err);
        }
        AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_str("k"), &row, &err), AV_OK, &err);
        AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_str(""), &row, &err), AV_ERR_NOT_FOUND, &err);
        av_meta_close(&meta);
        AV_CHECK(count_files(d.path) < 24);
    }
    av_buf_release(&row);
    dir_remove(&d);
}

static void
test_trim(void)
{
    static const av_meta_options options = { .key = key };
    test_dir d = dir_new();
    av_meta *meta = NULL;
    uint64_t before;
    av_buf row;

    av_buf_init(&row, 16);
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
    av_meta_begin(meta);
    for (uint32_t i = 0; i < 20000; i++)
        av_meta_put(meta, av_span_of(&i, sizeof i), av_span_str("0123456789"));
    AV_CHECK_RC(av_meta_commit(meta, false, &err), AV_OK, &err);
    before = av_meta_memory(meta);
    AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    AV_CHECK(av_meta_memory(meta) < before / 4);
    for (uint32_t i = 0; i < 20000; i += 500)
        AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_of(&i, sizeof i), &row, &err), AV_OK, &err);
    av_meta_close(&meta);
    av_buf_release(&row);
    dir_remove(&d);
}

/* Tables that were read are open; closing them lets all go but what RocksDB ties, and once more changes no file. */
static void
test_close_tables(void)
{
    static const av_meta_options options = { .key = key };
    enum { TABLES = 7, ROWS = 100 }; /* one more would start a compaction */
    test_dir d = dir_new();
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_meta *meta = NULL;
    uint64_t open, tied;
    uint32_t n = 0;
    uint64_t names;

    av_buf_init(&row, 16);
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
    for (int table = 0; table < TABLES; table++) {
        av_meta_begin(meta);
        for (int i = 0; i < ROWS; i++, n++)
            av_meta_put(meta, av_span_of(&n, sizeof n), av_span_str("v"));
        AV_CHECK_RC(av_meta_commit(meta, false, &err), AV_OK, &err);
        AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    }
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++)
            AV_CHECK_RC(av_meta_get(av_meta_writer(meta), av_span_of(&i, sizeof i), &row, &err), AV_OK, &err);
        AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
        open = av_meta_tables_bytes(meta);
        AV_CHECK_RC(av_meta_close_tables(meta, &err), AV_OK, &err);
        tied = av_meta_tables_bytes(meta);
        AV_CHECK(tied < open);
        names = sum_names(d.path);
        AV_CHECK_RC(av_meta_close_tables(meta, &err), AV_OK, &err);
        AV_CHECK_INT(sum_names(d.path), names);
        av_meta_renew_threads();
    }
    av_meta_close(&meta);
    dir_remove(&d);
}

/* --- groups beside a model -------------------------------------------------------------------------------------- */

#define KEYS 64

struct model {
    char value[KEYS][12]; /* empty: no row */
};

static av_span
key_of(unsigned i, char ret[20])
{
    (void)snprintf(ret, 20, "%c%s%u", "abc"[i % 3], i % 5 == 0 ? "long" : "", i / 3);
    return av_span_str(ret);
}

/* All rows with the prefix, from `from` on, are those of the model, in order. */
static void
check_walk(const av_meta_view *view, const struct model *m, const char *prefix, const char *from)
{
    av_meta_iter *it = av_meta_iter_new(view, av_span_str(prefix), av_span_str(from));
    char last[20] = "", name[20];
    av_span row_key, value;
    unsigned want = 0, got = 0;

    for (unsigned i = 0; i < KEYS; i++)
        if (m->value[i][0] != '\0' && strncmp((const char *)key_of(i, name).p, prefix, strlen(prefix)) == 0 &&
            strcmp(name, from) >= 0)
            want++;
    while (av_meta_iter_next(it, &row_key, &value)) {
        char now[20] = "";

        memcpy(now, row_key.p, AV_MIN(row_key.n, sizeof now - 1));
        AV_CHECK(strcmp(now, last) > 0);
        memcpy(last, now, sizeof last);
        for (unsigned i = 0; i < KEYS; i++)
            if (av_span_eq(key_of(i, name), row_key))
                got += av_span_eq_str(value, m->value[i]) ? 1U : 1000U;
    }
    AV_CHECK_INT(got, want);
    av_meta_iter_destroy(&it);
}

static void
check_model(const av_meta_view *view, const struct model *m, av_buf *row)
{
    static const char *const walks[][2] = { { "", "" }, { "b", "" }, { "a", "a3" }, { "c", "clong" }, { "d", "" } };
    char name[20];

    for (unsigned i = 0; i < KEYS; i++) {
        av_errc rc = av_meta_get(view, key_of(i, name), row, &err);

        AV_CHECK_RC(rc, m->value[i][0] != '\0' ? AV_OK : AV_ERR_NOT_FOUND, &err);
        AV_CHECK(rc != AV_OK || av_span_eq_str(av_buf_span(row), m->value[i]));
    }
    for (size_t i = 0; i < AV_COUNT(walks); i++)
        check_walk(view, m, walks[i][0], walks[i][1]);
}

static void
test_groups(void)
{
    static const av_meta_options options = { .key = key };
    struct model now = { 0 }, committed = { 0 };
    test_dir d = dir_new();
    av_meta *meta = NULL;
    char name[20];
    av_buf row;

    av_buf_init(&row, 100);
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
    for (unsigned group = 0; group < 200 && av_check_failed == 0; group++) {
        av_meta_view *before = av_meta_snapshot(meta);

        av_meta_begin(meta);
        for (unsigned n = (unsigned)(av_random_u64() % 20); n > 0; n--) {
            unsigned i = (unsigned)(av_random_u64() % KEYS);

            if (av_random_u64() % 3 == 0) {
                now.value[i][0] = '\0';
                av_meta_delete(meta, key_of(i, name));
            } else {
                (void)snprintf(now.value[i], sizeof now.value[i], "%u", (unsigned)(av_random_u64() % 1000000000U));
                av_meta_put(meta, key_of(i, name), av_span_str(now.value[i]));
            }
            if (n % 7 == 0)
                check_model(av_meta_writer(meta), &now, &row);
        }
        check_model(av_meta_writer(meta), &now, &row);
        check_model(before, &committed, &row);
        if (group % 4 == 0) {
            av_meta_rollback(meta);
            now = committed;
        } else {
            AV_CHECK_RC(av_meta_commit(meta, false, &err), AV_OK, &err);
        }
        check_model(av_meta_writer(meta), &now, &row);
        check_model(before, &committed, &row);
        av_meta_view_destroy(&before);
        committed = now;
        if (group % 50 == 49)
            AV_CHECK_RC(av_meta_trim(meta, &err), AV_OK, &err);
    }
    av_meta_close(&meta);
    av_buf_release(&row);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    test_groups();
    test_opened_often();
    test_trim();
    test_close_tables();
    return av_check_done();
}
