/*
 * test_group.c - gets and walks in the writer's view of an open group against a plain list of rows
 */
#include "storage/meta/meta.h"

#include "tests/storage/store/help.h"

#define KEYS 200U

/* What the database and the open group hold together, by key number; -1: no row. */
typedef struct model {
    int committed[KEYS], now[KEYS];
} model;

static uint64_t
next(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return *random >> 33;
}

/* Keys of two or three bytes of which some are the beginning of others. */
static av_span
key_of(unsigned i, char ret[8])
{
    int n = snprintf(ret, 8, "%c%u", "abc"[i % 3], i / 3);

    return av_span_of(ret, (size_t)n);
}

static int
compare(av_span a, av_span b)
{
    int order = memcmp(a.p, b.p, AV_MIN(a.n, b.n));

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static av_span
value_of(int v, char ret[64])
{
    int n = snprintf(ret, 64, "%0*d", v % 50 + 1, v);

    return av_span_of(ret, (size_t)n);
}

static void
change(av_meta *meta, model *m, uint64_t *random)
{
    unsigned i = (unsigned)(next(random) % KEYS);
    char key[8], value[64];

    if (next(random) % 3 == 0) {
        av_meta_delete(meta, key_of(i, key));
        m->now[i] = -1;
    } else {
        m->now[i] = (int)(next(random) % 1000);
        av_meta_put(meta, key_of(i, key), value_of(m->now[i], value));
    }
}

static void
check_gets(const av_meta_view *view, const int *rows)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    char key[8], value[64];
    av_error err;

    av_buf_init(&out, 1000);
    for (unsigned i = 0; i < KEYS; i++) {
        av_errc rc = av_meta_get(view, key_of(i, key), &out, &err);

        AV_CHECK(rc == (rows[i] < 0 ? AV_ERR_NOT_FOUND : AV_OK));
        AV_CHECK(rows[i] < 0 || av_span_eq(av_buf_span(&out), value_of(rows[i], value)));
    }
}

/* Every row of the prefix from `from` on, once, in order, with its newest value. */
static void
check_walk(const av_meta_view *view, const int *rows, const char *prefix, const char *from)
{
    av_meta_iter *it = av_meta_iter_new(view, av_span_str(prefix), av_span_str(from));
    unsigned want = 0, seen = 0;
    uint8_t last[8];
    size_t last_n = 0;
    char name[8], text[64];
    av_span key, value;
    av_error err;

    for (unsigned i = 0; i < KEYS; i++) {
        av_span k = key_of(i, name);

        want += rows[i] >= 0 && k.n >= strlen(prefix) && memcmp(k.p, prefix, strlen(prefix)) == 0 &&
                (from[0] == 0 || compare(k, av_span_str(from)) >= 0);
    }
    while (av_meta_iter_next(it, &key, &value)) {
        unsigned i = 0;

        AV_CHECK(last_n == 0 || compare(av_span_of(last, last_n), key) < 0);
        memcpy(last, key.p, key.n);
        last_n = key.n;
        while (i < KEYS && !av_span_eq(key_of(i, name), key))
            i++;
        AV_CHECK(i < KEYS && rows[i] >= 0 && av_span_eq(value, value_of(rows[i], text)));
        seen++;
    }
    AV_CHECK(seen == want);
    AV_CHECK_RC(av_meta_iter_error(it, &err), AV_OK, &err);
    av_meta_iter_destroy(&it);
}

static void
check_view(const av_meta_view *view, const int *rows)
{
    check_gets(view, rows);
    check_walk(view, rows, "", "");
    check_walk(view, rows, "a", "");
    check_walk(view, rows, "b", "b3");
    check_walk(view, rows, "b1", "b15");
    check_walk(view, rows, "d", "");
}

static void
one_group(av_meta *meta, model *m, uint64_t *random)
{
    av_meta_view *outside;
    av_error err;

    av_meta_begin(meta);
    for (uint64_t n = next(random) % 60; n > 0; n--)
        change(meta, m, random);
    check_view(av_meta_writer(meta), m->now);
    outside = av_meta_snapshot(meta); /* nobody else sees the group */
    check_view(outside, m->committed);
    av_meta_view_destroy(&outside);
    if (next(random) % 4 == 0) {
        av_meta_rollback(meta);
        memcpy(m->now, m->committed, sizeof m->now);
    } else {
        AV_CHECK_RC(av_meta_commit(meta, false, &err), AV_OK, &err);
        memcpy(m->committed, m->now, sizeof m->committed);
    }
    check_view(av_meta_writer(meta), m->committed);
}

static void
test_groups(void)
{
    static const uint8_t database_key[32] = { 7 };
    static const av_meta_options options = { .key = database_key };
    const char *seed = getenv("ARCHIVOLT_SEED");
    uint64_t random = seed == NULL ? 1 : strtoull(seed, NULL, 10);
    test_dir d = dir_new();
    av_meta *meta = NULL;
    av_error err;
    model m;

    memset(&m, 0xFF, sizeof m);
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
    for (unsigned i = 0; i < 40; i++)
        one_group(meta, &m, &random);
    av_meta_close(&meta);
    AV_CHECK_RC(av_meta_open(d.path, &options, &meta, &err), AV_OK, &err);
    check_view(av_meta_writer(meta), m.committed);
    av_meta_close(&meta);
    dir_remove(&d);
}

int
main(void)
{
    AV_RUN(test_groups);
    return av_check_done();
}
