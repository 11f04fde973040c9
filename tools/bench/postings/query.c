/*
 * query.c - bench-postings query: what answers of a run cost, by how many documents have the word
 */
#include <stdio.h>
#include <time.h>

#include "storage/index/token.h"
#include "tools/bench/postings/bench.h"

enum { TERMS = 200, PHRASE_WORDS = 3 };

typedef struct frequent {
    uint8_t term[AV_TERM_MAX];
    size_t n;
    uint64_t count;
} frequent;

typedef struct chosen {
    uint64_t low, high, every, seen;
    frequent terms[TERMS];
    size_t n;
} chosen;

static double
now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
choose(void *ctx, av_span term, uint64_t count)
{
    chosen *c = ctx;

    if (count < c->low || count > c->high || c->seen++ % c->every != 0)
        return true;
    memcpy(c->terms[c->n].term, term.p, term.n);
    c->terms[c->n].n = term.n;
    c->terms[c->n++].count = count;
    return c->n < TERMS;
}

static int
by_time(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void
print_times(const char *what, double *times, size_t n, uint64_t documents, double all)
{
    if (n == 0)
        return;
    qsort(times, n, sizeof *times, by_time);
    printf("%-28s %4zu: p50 %7.1f us, p99 %7.1f us, %8.0f documents each, %6.1f M documents/s\n", what, n,
        times[n / 2] * 1e6, times[n * 99 / 100] * 1e6, (double)documents / (double)n,
        all > 0 ? (double)documents / all / 1e6 : 0);
}

static void
ask_terms(const av_run *run, const char *what, uint64_t low, uint64_t high, uint64_t every, uint32_t fields)
{
    static chosen c;
    double times[TERMS], at, all = 0;
    uint64_t documents = 0;
    size_t i;
    av_error err;

    memset(&c, 0, sizeof c);
    c.low = low;
    c.high = high;
    c.every = every;
    bench_fine(av_run_each_term(run, av_span_str("f"), choose, &c, &err), &err);
    for (i = 0; i < c.n; i++) {
        roaring_bitmap_t *out = roaring_bitmap_create();

        at = now_s();
        bench_fine(av_run_docs(run, av_span_of(c.terms[i].term, c.terms[i].n), fields, NULL, 0, out, &err), &err);
        times[i] = now_s() - at;
        all += times[i];
        documents += roaring_bitmap_get_cardinality(out);
        roaring_bitmap_free(out);
    }
    print_times(what, times, c.n, documents, all);
}

/* Words that stand in a row in some message's body. */
static void
ask_phrases(const av_run *run, const bench_mail *mail, size_t words)
{
    double times[TERMS], at, all = 0;
    uint64_t documents = 0;
    uint32_t offsets[PHRASE_WORDS];
    uint8_t bytes[PHRASE_WORDS][AV_TERM_MAX];
    av_span terms[PHRASE_WORDS];
    av_terms lists[PHRASE_WORDS];
    char what[32];
    size_t i, w;
    av_error err;

    assert(mail->n > 0);
    for (i = 0; i < TERMS; i++) {
        const bench_message *m = &mail->messages[i * 7919 % mail->n];
        roaring_bitmap_t *out = roaring_bitmap_create();
        av_tokens tokens;
        av_token t;

        av_tokens_init(&tokens, m->fields[1]);
        for (w = 0; w < 20 && av_tokens_next(&tokens, &t); w++)
            ;
        for (w = 0; w < words && av_tokens_next(&tokens, &t); w++) {
            bytes[w][0] = AV_TERM_FOLDED;
            memcpy(bytes[w] + 1, t.folded.p, t.folded.n);
            terms[w] = av_span_of(bytes[w], 1 + t.folded.n);
            lists[w] = (av_terms){ &terms[w], 1 };
            offsets[w] = t.position - (w == 0 ? 0 : offsets[0]);
        }
        offsets[0] = 0;
        at = now_s();
        if (w == words)
            bench_fine(av_run_phrase(run, lists, offsets, words, AV_FIELD_ALL, NULL, 0, out, &err), &err);
        times[i] = now_s() - at;
        all += times[i];
        documents += roaring_bitmap_get_cardinality(out);
        roaring_bitmap_free(out);
    }
    (void)snprintf(what, sizeof what, "phrase of %zu", words);
    print_times(what, times, TERMS, documents, all);
}

/* The same messages again and again: the shape of postings of a larger run. */
int
bench_query(const bench_mail *mail, uint32_t documents)
{
    av_builder *builder = av_builder_new();
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    uint32_t at, n = documents == 0 ? mail->n : documents;
    av_run_source source;
    av_run *run;
    av_error err;

    for (at = 0; at < n; at += AV_MIN(mail->n, n - at))
        bench_mail_add(mail, builder, 0, AV_MIN(mail->n, n - at));
    bench_fine(av_builder_finish(builder, &sink, 0, &err), &err);
    source = av_memory_run_source(memory);
    bench_fine(av_run_open(&source, &run, &err), &err);
    printf("%u documents, %llu terms, %.1f MB\n", n, (unsigned long long)av_run_terms(run),
        (double)av_run_bytes(run) / 1e6);
    ask_terms(run, "rare, 1 to 8", 1, 8, 997, AV_FIELD_ALL);
    ask_terms(run, "100 to 500", 100, 500, 13, AV_FIELD_ALL);
    ask_terms(run, "1 % to 10 %", n / 100, n / 10, 7, AV_FIELD_ALL);
    ask_terms(run, "over 10 %", n / 10, n, 1, AV_FIELD_ALL);
    ask_terms(run, "over 10 %, in bodies", n / 10, n, 1, AV_FIELD_BODY);
    ask_terms(run, "over 40 %", n / 10 * 4, n, 1, AV_FIELD_ALL);
    ask_phrases(run, mail, 2);
    ask_phrases(run, mail, 3);
    av_run_destroy(&run);
    av_memory_run_destroy(&memory);
    av_builder_destroy(&builder);
    return 0;
}
