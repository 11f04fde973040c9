/*
 * test_merge.c - the same documents give the same bytes, however they were spread over runs
 */
#include "tests/storage/postings/model.h"

static av_memory_run *
merge(av_memory_run *const *parts, size_t n, const roaring_bitmap_t *keep)
{
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    av_run **runs = av_xcalloc(n + 1, sizeof *runs);
    av_error err;
    size_t i;

    for (i = 0; i < n; i++)
        runs[i] = model_open(parts[i]);
    AV_CHECK_RC(av_runs_merge(runs, n, keep, &sink, NULL, NULL, &err), AV_OK, &err);
    for (i = 0; i < n; i++)
        av_run_destroy(&runs[i]);
    free(runs);
    return memory;
}

static void
check_whole(const av_memory_run *memory)
{
    av_run *run = model_open(memory);
    av_error err;

    AV_CHECK_RC(av_run_check(run, &err), AV_OK, &err);
    av_run_destroy(&run);
}

/* All at once, in random pieces, and in pieces of pieces. */
static void
spread(uint64_t *state, uint32_t docs, uint32_t words, uint32_t vocabulary)
{
    enum { PARTS = 6 };
    av_builder *builder = av_builder_new();
    av_memory_run *whole, *parts[PARTS], *merged, *halves[2];
    uint32_t from = 0, to, i;
    model m;

    model_make(&m, state, docs, words, vocabulary);
    whole = model_build(&m, builder, 0, docs);
    for (i = 0; i < PARTS; i++) {
        to = i == PARTS - 1 ? docs : from + model_random(state, docs - from + 1);
        parts[i] = model_build(&m, builder, from, to);
        from = to;
    }
    merged = merge(parts, PARTS, NULL);
    AV_CHECK(model_same(whole, merged));
    check_whole(merged);
    halves[0] = merge(parts, 2, NULL);
    halves[1] = merge(parts + 2, PARTS - 2, NULL);
    av_memory_run_destroy(&merged);
    merged = merge(halves, 2, NULL);
    AV_CHECK(model_same(whole, merged));
    av_memory_run_destroy(&merged);
    merged = merge(&whole, 1, NULL);
    AV_CHECK(model_same(whole, merged));
    av_memory_run_destroy(&merged);
    for (i = 0; i < PARTS; i++)
        av_memory_run_destroy(&parts[i]);
    av_memory_run_destroy(&halves[0]);
    av_memory_run_destroy(&halves[1]);
    av_memory_run_destroy(&whole);
    av_builder_destroy(&builder);
    model_free(&m);
}

static void
test_same_bytes(void)
{
    uint64_t state = model_seed();
    const char *env = getenv("AV_ROUNDS");
    uint32_t rounds = env == NULL ? 20 : (uint32_t)strtoul(env, NULL, 10), i;

    for (i = 0; i < rounds; i++) {
        av_check_row = (long)i;
        spread(&state, model_random(&state, 60), 40, 300);
    }
    av_check_row = -1;
    printf("  %u rounds\n", rounds);
    spread(&state, 1200, 30, 10);
    spread(&state, 200, 60, 5000);
    spread(&state, 9000, 3, 40);
}

/* Who is not kept looks like a document without words that has a number and an LSN. */
static void
test_keep(void)
{
    uint64_t state = model_seed();
    av_builder *builder = av_builder_new();
    roaring_bitmap_t *keep = roaring_bitmap_create();
    av_memory_run *parts[2], *merged, *bare;
    uint32_t i, f;
    model m;

    model_make(&m, &state, 900, 20, 200);
    parts[0] = model_build(&m, builder, 0, 300);
    parts[1] = model_build(&m, builder, 300, 900);
    for (i = 0; i < m.n; i++) {
        if (model_random(&state, 3) != 0) {
            roaring_bitmap_add(keep, i);
            continue;
        }
        for (f = 0; f < AV_FIELD_COUNT; f++) {
            free(m.docs[i].texts[f]);
            m.docs[i].texts[f] = NULL;
        }
        m.docs[i].facts = (av_doc_facts){ .numbers = { m.docs[i].facts.numbers[AV_COLUMN_LSN], (uint64_t)INT64_MIN } };
    }
    merged = merge(parts, 2, keep);
    bare = model_build(&m, builder, 0, m.n);
    AV_CHECK(model_same(merged, bare));
    check_whole(merged);
    roaring_bitmap_free(keep);
    av_memory_run_destroy(&merged);
    av_memory_run_destroy(&bare);
    av_memory_run_destroy(&parts[0]);
    av_memory_run_destroy(&parts[1]);
    av_builder_destroy(&builder);
    model_free(&m);
}

static bool
at_once(void *ctx)
{
    (*(int *)ctx)++;
    return true;
}

static void
test_cancel(void)
{
    uint64_t state = model_seed();
    av_builder *builder = av_builder_new();
    av_memory_run *part, *merged = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(merged);
    av_run *run;
    av_error err;
    int asked = 0;
    model m;

    model_make(&m, &state, 20, 20, 200);
    part = model_build(&m, builder, 0, m.n);
    run = model_open(part);
    AV_CHECK_RC(av_runs_merge(&run, 1, NULL, &sink, at_once, &asked, &err), AV_ERR_CANCELLED, &err);
    AV_CHECK_INT(asked, 1);
    av_run_destroy(&run);
    av_memory_run_destroy(&merged);
    av_memory_run_destroy(&part);
    av_builder_destroy(&builder);
    model_free(&m);
}

int
main(void)
{
    AV_RUN(test_same_bytes);
    AV_RUN(test_keep);
    AV_RUN(test_cancel);
    return av_check_done();
}
