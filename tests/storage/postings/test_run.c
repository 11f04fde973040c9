/*
 * test_run.c - a run answers what a look at every document answers
 */
#include "tests/storage/postings/model.h"

typedef struct asked {
    model m;
    av_run *run;
    uint64_t state;
    uint32_t vocabulary;
} asked;

static av_span
random_term(asked *a, char *to, size_t size)
{
    char word[32];
    av_tokens tokens;
    av_token t;
    bool cased;

    model_word(word, sizeof word, model_random(&a->state, a->vocabulary + 2));
    av_tokens_init(&tokens, av_span_str(word));
    (void)av_tokens_next(&tokens, &t);
    cased = t.cased.n > 0 && model_random(&a->state, 2) == 0;
    (void)snprintf(to, size, "%c%.*s", cased ? AV_TERM_CASED : AV_TERM_FOLDED, (int)(cased ? t.cased.n : t.folded.n),
        (const char *)(cased ? t.cased.p : t.folded.p));
    return av_span_str(to);
}

static uint32_t
random_fields(asked *a)
{
    static const uint32_t some[] = { AV_FIELD_ALL, AV_FIELD_BODY, AV_FIELD_SUBJECT, AV_FIELD_FROM | AV_FIELD_TO,
        AV_FIELD_HEADER | AV_FIELD_ATTACHMENT, 0 };

    return some[model_random(&a->state, AV_COUNT(some))];
}

static void
check_same(roaring_bitmap_t *got, roaring_bitmap_t *want, const char *what)
{
    if (!AV_CHECK(roaring_bitmap_equals(got, want)))
        printf("    %s: got %" PRIu64 ", want %" PRIu64 " documents\n", what, roaring_bitmap_get_cardinality(got),
            roaring_bitmap_get_cardinality(want));
    roaring_bitmap_free(got);
    roaring_bitmap_free(want);
}

static void
ask_docs(asked *a)
{
    char text[80];
    av_span term = random_term(a, text, sizeof text);
    uint32_t fields = random_fields(a), base = model_random(&a->state, 3) * 70000;
    bool prefix = model_random(&a->state, 2) == 0;
    roaring_bitmap_t *got = roaring_bitmap_create(), *want = roaring_bitmap_create();
    uint64_t frequency;
    av_error err;

    if (prefix)
        AV_CHECK_RC(av_run_docs_prefix(a->run, term, fields, NULL, base, got, &err), AV_OK, &err);
    else
        AV_CHECK_RC(av_run_docs(a->run, term, fields, NULL, base, got, &err), AV_OK, &err);
    model_docs(&a->m, term, prefix, fields, base, want);
    if (!prefix && fields == AV_FIELD_ALL) {
        AV_CHECK_RC(av_run_frequency(a->run, term, &frequency, &err), AV_OK, &err);
        AV_CHECK_INT(frequency, roaring_bitmap_get_cardinality(want));
    }
    check_same(got, want, text);
}

typedef struct collect {
    av_span terms[2000];
    char bytes[2000][80];
    size_t n;
} collect;

static bool
collect_term(void *ctx, av_span term, AV_UNUSED uint64_t count)
{
    collect *c = ctx;

    if (c->n == AV_COUNT(c->terms))
        return false;
    memcpy(c->bytes[c->n], term.p, term.n);
    c->terms[c->n] = av_span_of(c->bytes[c->n], term.n);
    c->n++;
    return true;
}

enum { MOST = 400, SLOTS = 3 };

/* The naive way: every start, every slot. */
static bool
model_phrase(
    const model_doc *d, uint32_t f, const av_span *terms, const bool *prefixes, const uint32_t *offsets, size_t n)
{
    static uint32_t v[SLOTS][MOST];
    uint32_t counts[SLOTS], i, j;
    size_t s;

    for (s = 0; s < n; s++)
        counts[s] = model_positions(d, f, terms[s], prefixes[s], v[s], MOST);
    for (i = 0; i < counts[0]; i++) {
        for (s = 1; s < n; s++) {
            for (j = 0; j < counts[s] && v[s][j] != v[0][i] + offsets[s]; j++)
                ;
            if (j == counts[s])
                break;
        }
        if (s == n)
            return true;
    }
    return false;
}

static bool
model_near(const model_doc *d, uint32_t f, const av_span *terms, const bool *prefixes, uint32_t distance)
{
    static uint32_t v[2][MOST];
    uint32_t n[2], i, j;

    for (i = 0; i < 2; i++)
        n[i] = model_positions(d, f, terms[i], prefixes[i], v[i], MOST);
    for (i = 0; i < n[0]; i++) {
        for (j = 0; j < n[1]; j++) {
            if (v[0][i] <= v[1][j] + distance && v[1][j] <= v[0][i] + distance)
                return true;
        }
    }
    return false;
}

/* Words that do stand side by side somewhere, most of the time. */
static void
ask_row(asked *a)
{
    static collect alternatives[SLOTS];
    static const uint32_t steps[] = { AV_TOKEN_STEP_SPACE, AV_TOKEN_STEP_MARK, AV_TOKEN_STEP_MIXED,
        AV_TOKEN_STEP_MARK + 1, AV_TOKEN_STEP_MARK + 2 };
    char text[SLOTS][80];
    av_span terms[SLOTS];
    av_terms lists[SLOTS];
    bool prefixes[SLOTS], near = model_random(&a->state, 3) == 0;
    uint32_t offsets[SLOTS] = { 0 }, fields = random_fields(a), base = model_random(&a->state, 2) * 100000, i, f;
    size_t n = near ? 2 : 1 + model_random(&a->state, SLOTS), s;
    roaring_bitmap_t *got = roaring_bitmap_create(), *want = roaring_bitmap_create(), *among = NULL;
    uint32_t distance = AV_TOKEN_WITHIN(1 + model_random(&a->state, 5));
    av_error err;

    for (s = 0; s < n; s++) {
        terms[s] = random_term(a, text[s], sizeof text[s]);
        prefixes[s] = model_random(&a->state, 4) == 0;
        lists[s] = (av_terms){ &terms[s], 1 };
        if (prefixes[s]) {
            alternatives[s].n = 0;
            AV_CHECK_RC(av_run_each_term(a->run, terms[s], collect_term, &alternatives[s], &err), AV_OK, &err);
            lists[s] = (av_terms){ alternatives[s].terms, alternatives[s].n };
        }
        if (s > 0)
            offsets[s] = offsets[s - 1] + steps[model_random(&a->state, AV_COUNT(steps))];
    }
    if (model_random(&a->state, 3) == 0) {
        among = roaring_bitmap_create();
        for (i = 0; i < a->m.n; i++) {
            if (model_random(&a->state, 2) == 0)
                roaring_bitmap_add(among, i + base);
        }
    }
    if (near)
        AV_CHECK_RC(av_run_near(a->run, lists, n, distance, fields, among, base, got, &err), AV_OK, &err);
    else
        AV_CHECK_RC(av_run_phrase(a->run, lists, offsets, n, fields, among, base, got, &err), AV_OK, &err);
    for (i = 0; i < a->m.n; i++) {
        bool hit = false;

        for (f = 0; f < AV_FIELD_COUNT && !hit; f++)
            hit = (fields & 1u << f) != 0 && (near ? model_near(&a->m.docs[i], f, terms, prefixes, distance)
                                                   : model_phrase(&a->m.docs[i], f, terms, prefixes, offsets, n));
        if (hit && (among == NULL || roaring_bitmap_contains(among, i + base)))
            roaring_bitmap_add(want, i + base);
    }
    check_same(got, want, near ? "near" : "phrase");
    if (among != NULL)
        roaring_bitmap_free(among);
}

static void
check_columns(const asked *a)
{
    AV_CLEANUP(av_buf_release) av_buf numbers = { 0 };
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_buf_release) av_buf offsets = { 0 };
    uint32_t i, c, from, to;
    uint64_t v;
    av_error err;

    for (c = 0; c < AV_COLUMN_NUMBERS; c++) {
        av_buf_init(&numbers, 1 << 24);
        AV_CHECK_RC(av_run_column(a->run, (av_column)c, &numbers, &err), AV_OK, &err);
        AV_CHECK_INT(numbers.n, a->m.n * sizeof v);
        for (i = 0; i < a->m.n; i++) {
            memcpy(&v, numbers.p + i * sizeof v, sizeof v);
            AV_CHECK(v == a->m.docs[i].facts.numbers[c]);
        }
        av_buf_release(&numbers);
    }
    for (c = 0; c < AV_STRINGS; c++) {
        av_buf_init(&bytes, 1 << 24);
        av_buf_init(&offsets, 1 << 24);
        AV_CHECK_RC(av_run_strings(a->run, (av_string_column)c, &bytes, &offsets, &err), AV_OK, &err);
        AV_CHECK_INT(offsets.n, (a->m.n + 1) * sizeof from);
        for (i = 0; i < a->m.n; i++) {
            av_span s = a->m.docs[i].facts.strings[c];

            memcpy(&from, offsets.p + i * sizeof from, sizeof from);
            memcpy(&to, offsets.p + (i + 1) * sizeof to, sizeof to);
            AV_CHECK_MEM(bytes.p + from, to - from, s.p, AV_MIN(s.n, 255));
        }
        av_buf_release(&bytes);
        av_buf_release(&offsets);
    }
}

static void
ask_all(uint32_t docs, uint32_t words, uint32_t vocabulary, uint32_t rounds)
{
    asked a = { .state = model_seed(), .vocabulary = vocabulary };
    av_builder *builder = av_builder_new();
    av_memory_run *memory;
    uint32_t i;
    av_error err;

    model_make(&a.m, &a.state, docs, words, vocabulary);
    memory = model_build(&a.m, builder, 0, docs);
    a.run = model_open(memory);
    AV_CHECK_INT(av_run_count(a.run), docs);
    AV_CHECK_RC(av_run_check(a.run, &err), AV_OK, &err);
    check_columns(&a);
    for (i = 0; i < rounds; i++) {
        av_check_row = (long)i;
        ask_docs(&a);
        ask_row(&a);
    }
    av_check_row = -1;
    printf("  %u documents, %u words, %u rounds\n", docs, vocabulary, rounds);
    av_run_destroy(&a.run);
    av_memory_run_destroy(&memory);
    av_builder_destroy(&builder);
    model_free(&a.m);
}

static uint32_t
rounds(uint32_t usual)
{
    const char *env = getenv("AV_ROUNDS");

    return env == NULL ? usual : (uint32_t)strtoul(env, NULL, 10);
}

static void
test_few_documents(void)
{
    ask_all(0, 1, 1, 3);
    ask_all(1, 30, 20, 30);
    ask_all(40, 60, 50, rounds(200));
}

static void
test_many_words(void)
{
    ask_all(300, 80, 4000, rounds(100));
}

static void
test_long_lists(void)
{
    ask_all(1500, 25, 12, rounds(25));
}

static void
test_one_field_twice(void)
{
    av_builder *builder = av_builder_new();
    av_doc_facts facts = { 0 };
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    av_span a = av_span_str("fa"), b = av_span_str("fb");
    av_terms row[2] = { { &a, 1 }, { &b, 1 } };
    const uint32_t side[2] = { 0, AV_TOKEN_STEP_SPACE };
    roaring_bitmap_t *got = roaring_bitmap_create();
    av_run *run;
    av_error err;

    av_builder_begin(builder, &facts);
    av_builder_text(builder, AV_FIELD_BODY, av_span_str("x a"));
    av_builder_text(builder, AV_FIELD_SUBJECT, av_span_str("a"));
    av_builder_text(builder, AV_FIELD_BODY, av_span_str("b y"));
    av_builder_begin(builder, &facts);
    av_builder_text(builder, AV_FIELD_BODY, av_span_str("c"));
    av_builder_text(builder, AV_FIELD_BODY, av_span_str("a b a"));
    AV_CHECK_RC(av_builder_finish(builder, &sink, 0, &err), AV_OK, &err);
    run = model_open(memory);
    AV_CHECK_RC(av_run_check(run, &err), AV_OK, &err);
    AV_CHECK_RC(av_run_phrase(run, row, side, 2, AV_FIELD_ALL, NULL, 0, got, &err), AV_OK, &err);
    AV_CHECK_INT(roaring_bitmap_get_cardinality(got), 1);
    AV_CHECK(roaring_bitmap_contains(got, 1));
    roaring_bitmap_free(got);
    av_run_destroy(&run);
    av_memory_run_destroy(&memory);
    av_builder_destroy(&builder);
}

/* More places of one word than are kept: the document says so, what is kept is found. */
static void
test_word_too_often(void)
{
    enum { TIMES = 70000 };
    av_builder *builder = av_builder_new();
    av_doc_facts facts = { 0 };
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    char *text = av_xalloc(2 * TIMES);
    av_span a = av_span_str("fa");
    av_terms row[2] = { { &a, 1 }, { &a, 1 } };
    const uint32_t side[2] = { 0, AV_TOKEN_STEP_SPACE };
    roaring_bitmap_t *got = roaring_bitmap_create();
    AV_CLEANUP(av_buf_release) av_buf bits = { 0 };
    av_run *run;
    av_error err;
    size_t i;

    for (i = 0; i < TIMES; i++) {
        text[2 * i] = 'a';
        text[2 * i + 1] = ' ';
    }
    av_builder_begin(builder, &facts);
    av_builder_text(builder, AV_FIELD_BODY, av_span_of(text, 2 * TIMES));
    av_builder_text(builder, AV_FIELD_SUBJECT, av_span_of(text, 2));
    AV_CHECK_RC(av_builder_finish(builder, &sink, 0, &err), AV_OK, &err);
    run = model_open(memory);
    AV_CHECK_RC(av_run_check(run, &err), AV_OK, &err);
    AV_CHECK_RC(av_run_phrase(run, row, side, 2, AV_FIELD_ALL, NULL, 0, got, &err), AV_OK, &err);
    AV_CHECK_INT(roaring_bitmap_get_cardinality(got), 1);
    av_buf_init(&bits, 64);
    AV_CHECK_RC(av_run_column(run, AV_COLUMN_BITS, &bits, &err), AV_OK, &err);
    AV_CHECK(bits.n == 8 && (bits.p[0] & AV_DOC_TRUNCATED) != 0);
    free(text);
    roaring_bitmap_free(got);
    av_run_destroy(&run);
    av_memory_run_destroy(&memory);
    av_builder_destroy(&builder);
}

int
main(void)
{
    AV_RUN(test_few_documents);
    AV_RUN(test_many_words);
    AV_RUN(test_long_lists);
    AV_RUN(test_one_field_twice);
    AV_RUN(test_word_too_often);
    return av_check_done();
}
