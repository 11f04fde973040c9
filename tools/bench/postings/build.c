/*
 * build.c - bench-postings build: from texts to a run, and what its rows weigh
 */
#include <stdio.h>
#include <zstd.h>

#include "storage/index/token.h"
#include "tools/bench/postings/bench.h"

enum { DATABASE_BLOCK = 16384, ZSTD_LEVEL = 3 };

/* A sink that weighs rows and passes them on: by kind, plain and in compressed blocks as a database makes them. */
typedef struct scales {
    struct kind {
        uint64_t rows, bytes, compressed;
        av_buf block;
    } kinds[sizeof AV_RUN_KINDS - 1];
} scales;

static void
weigh_block(struct kind *k)
{
    static uint8_t out[ZSTD_COMPRESSBOUND(64 << 20)];
    size_t n = ZSTD_compress(out, sizeof out, k->block.p, k->block.n, ZSTD_LEVEL);

    k->compressed += n < k->block.n ? n : k->block.n;
    av_buf_clear(&k->block);
}

static av_errc
weigh(void *ctx, av_span key, av_span value, AV_UNUSED av_error *err)
{
    scales *self = ctx;
    struct kind *k = &self->kinds[strchr(AV_RUN_KINDS, key.p[0]) - AV_RUN_KINDS];

    if (k->block.max == 0)
        av_buf_init(&k->block, 64 << 20);
    k->rows++;
    k->bytes += key.n + value.n;
    (void)av_buf_append_span(&k->block, key);
    (void)av_buf_append_span(&k->block, value);
    if (k->block.n >= DATABASE_BLOCK)
        weigh_block(k);
    return AV_OK;
}

static uint64_t
count_words(const bench_mail *mail)
{
    uint64_t words = 0;
    uint32_t i, f;
    av_tokens tokens;
    av_token t;

    for (i = 0; i < mail->n; i++) {
        for (f = 0; f < AV_FIELD_COUNT; f++) {
            av_tokens_init(&tokens, mail->messages[i].fields[f]);
            while (av_tokens_next(&tokens, &t))
                words++;
        }
    }
    return words;
}

static void
print_weights(scales *s, const bench_mail *mail)
{
    uint64_t bytes = 0, compressed = 0;
    size_t i;

    for (i = 0; i < AV_COUNT(s->kinds); i++) {
        struct kind *k = &s->kinds[i];

        if (k->block.n > 0)
            weigh_block(k);
        printf("  %c %8llu rows %11llu bytes %5.2f %% of raw, zstd %11llu %5.2f %%\n", AV_RUN_KINDS[i],
            (unsigned long long)k->rows, (unsigned long long)k->bytes,
            100.0 * (double)k->bytes / (double)mail->raw_bytes, (unsigned long long)k->compressed,
            100.0 * (double)k->compressed / (double)mail->raw_bytes);
        bytes += k->bytes;
        compressed += k->compressed;
        av_buf_release(&k->block);
    }
    printf("  all %.1f MB %.2f %% of raw, zstd %.1f MB %.2f %%\n", (double)bytes / 1e6,
        100.0 * (double)bytes / (double)mail->raw_bytes, (double)compressed / 1e6,
        100.0 * (double)compressed / (double)mail->raw_bytes);
}

int
bench_build(const bench_mail *mail, uint32_t documents)
{
    av_builder *builder = av_builder_new();
    scales s = { 0 };
    double words_s, add_s = 0, finish_s = 0, at, then;
    uint32_t step = documents == 0 ? mail->n : documents, i;
    uint64_t words;
    size_t memory = 0;
    av_error err;
    av_run_sink sink = { .ctx = &s, .put = weigh };

    at = bench_cpu_s();
    words = count_words(mail);
    words_s = bench_cpu_s() - at;
    for (i = 0; i < mail->n; i += step) {
        av_memory_run *run = av_memory_run_new();
        av_run_sink plain = av_memory_run_sink(run);

        at = bench_cpu_s();
        bench_mail_add(mail, builder, i, AV_MIN(mail->n, i + step));
        then = bench_cpu_s();
        memory = AV_MAX(memory, av_builder_bytes(builder));
        bench_fine(av_builder_finish(builder, &plain, SIZE_MAX, &err), &err);
        add_s += then - at;
        finish_s += bench_cpu_s() - then;
        av_memory_run_destroy(&run);
        bench_mail_add(mail, builder, i, AV_MIN(mail->n, i + step));
        bench_fine(av_builder_finish(builder, &sink, SIZE_MAX, &err), &err);
    }
    printf("%.1f M words, %.1f a message; words alone %.2f s\n", (double)words / 1e6, (double)words / mail->n, words_s);
    printf("words and inversion %.2f s, encoding %.2f s: %.0f messages/s, without words %.0f/s; builder %.1f MB\n",
        add_s, finish_s, mail->n / (add_s + finish_s), mail->n / (add_s + finish_s - words_s), (double)memory / 1e6);
    print_weights(&s, mail);
    av_builder_destroy(&builder);
    return 0;
}
