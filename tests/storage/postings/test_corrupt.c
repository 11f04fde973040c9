/*
 * test_corrupt.c - bytes of a run that rot: an error or some answer, never a crash, never more memory than the ceilings
 */
#include "tests/storage/postings/hostile.h"
#include "tests/storage/postings/model.h"

/* A copy of a run in which one byte, counted over all rows, is another one. */
static av_memory_run *
copy_with(const av_memory_run *from, size_t place, uint8_t flip, size_t *ret_bytes)
{
    av_run_source source = av_memory_run_source(from);
    av_memory_run *to = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(to);
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    const char *kind;
    size_t bytes = 0;
    av_error err;

    av_buf_init(&row, 1 << 24);
    for (kind = AV_RUN_KINDS; *kind != '\0'; kind++) {
        av_run_cursor *cursor;
        av_span key, value;

        AV_CHECK_RC(source.seek(source.ctx, av_span_of(kind, 1), &cursor, &err), AV_OK, &err);
        while (source.next(cursor, &key, &value)) {
            av_buf_clear(&row);
            (void)av_buf_append_span(&row, value);
            if (place >= bytes && place - bytes < row.n)
                row.p[place - bytes] ^= flip;
            bytes += value.n;
            AV_CHECK_RC(sink.put(sink.ctx, key, av_buf_span(&row), &err), AV_OK, &err);
        }
        source.cursor_free(cursor);
    }
    *ret_bytes = bytes;
    return to;
}

static void
flip_all(uint32_t docs, uint32_t words, uint32_t vocabulary, size_t step)
{
    uint64_t state = model_seed();
    av_builder *builder = av_builder_new();
    av_memory_run *whole, *copy;
    size_t place, bytes, flips = 0;
    model m;

    model_make(&m, &state, docs, words, vocabulary);
    whole = model_build(&m, builder, 0, docs);
    copy = copy_with(whole, SIZE_MAX, 0, &bytes);
    AV_CHECK(model_same(whole, copy));
    av_memory_run_destroy(&copy);
    for (place = 0; place < bytes; place += 1 + model_random(&state, (uint32_t)step)) {
        av_run_source source;

        copy = copy_with(whole, place, (uint8_t)(1u << model_random(&state, 8)), &bytes);
        source = av_memory_run_source(copy);
        hostile_ask(&source);
        av_memory_run_destroy(&copy);
        flips++;
    }
    printf("  %zu bytes, %zu flipped\n", bytes, flips);
    av_memory_run_destroy(&whole);
    av_builder_destroy(&builder);
    model_free(&m);
}

static void
test_flips(void)
{
    const char *env = getenv("AV_ROUNDS");

    flip_all(12, 20, 60, 1);
    flip_all(700, 6, 8, env == NULL ? 300 : 1);
}

/* Rows that are not there. */
static void
test_missing_rows(void)
{
    av_memory_run *memory = av_memory_run_new();
    av_run_source source = av_memory_run_source(memory);
    av_run *run = NULL;
    av_error err;

    AV_CHECK_RC(av_run_open(&source, &run, &err), AV_ERR_CORRUPT, &err);
    av_memory_run_destroy(&memory);
}

static void
test_other_version(void)
{
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    av_run_source source = av_memory_run_source(memory);
    const uint8_t head[25] = { 1 };
    av_run *run = NULL;
    av_error err;

    AV_CHECK_RC(sink.put(sink.ctx, av_span_str("H"), av_span_of(head, sizeof head), &err), AV_OK, &err);
    AV_CHECK_RC(av_run_open(&source, &run, &err), AV_ERR_VERSION, &err);
    av_memory_run_destroy(&memory);
}

int
main(void)
{
    AV_RUN(test_flips);
    AV_RUN(test_missing_rows);
    AV_RUN(test_other_version);
    return av_check_done();
}
