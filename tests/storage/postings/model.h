/*
 * model.h - documents as lists of words, asked without any index: what a run must answer, too
 */
#ifndef AV_TESTS_STORAGE_POSTINGS_MODEL_H
#define AV_TESTS_STORAGE_POSTINGS_MODEL_H

#include "storage/index/token.h"
#include "storage/postings/run.h"
#include "tests/check.h"

typedef struct model_doc {
    char *texts[AV_FIELD_COUNT]; /* NULL: none */
    char strings[AV_STRINGS][300];
    av_doc_facts facts;
} model_doc;

typedef struct model {
    model_doc *docs;
    uint32_t n;
} model;

/* xorshift: the same seed, the same test. */
static inline uint32_t
model_random(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state >> 11) % below);
}

static inline uint64_t
model_seed(void)
{
    const char *env = getenv("ARCHIVOLT_SEED");

    return env == NULL ? 20031 : strtoull(env, NULL, 10) | 1;
}

static const char *const model_marks[] = { " ", " ", " ", " ", "-", ".", ", ", "@", "\n", " -- " };

/* The word number w: some are frequent, some share beginnings, some have accents. */
static inline void
model_word(char *to, size_t size, uint32_t w)
{
    static const char *const stems[] = { "re", "the", "invoice", "inv", "m\xc3\xbcll", "x", "archiv", "of" };

    (void)snprintf(to, size, w % 5 == 0 ? "%s" : "%s%u", stems[w % AV_COUNT(stems)], w / 3);
}

static inline char *
model_text(uint64_t *state, uint32_t words, uint32_t vocabulary)
{
    char *text = av_xcalloc((size_t)words + 1, 40), word[32];
    size_t at = 0;
    uint32_t i, w;

    for (i = 0; i < words; i++) {
        w = model_random(state, vocabulary);
        w = model_random(state, w + 1); /* low ones more often */
        model_word(word, sizeof word, w);
        at += (size_t)snprintf(text + at, 40, "%s%s", word, model_marks[model_random(state, AV_COUNT(model_marks))]);
    }
    return text;
}

static inline void
model_make(model *self, uint64_t *state, uint32_t n, uint32_t words, uint32_t vocabulary)
{
    uint32_t i, f;

    self->docs = av_xcalloc((size_t)n + 1, sizeof *self->docs);
    self->n = n;
    for (i = 0; i < n; i++) {
        model_doc *d = &self->docs[i];

        for (f = 0; f < AV_FIELD_COUNT; f++) {
            if (f == 1 || model_random(state, 4) == 0)
                d->texts[f] = model_text(state, model_random(state, f == 1 ? words : 6), vocabulary);
        }
        d->facts.numbers[AV_COLUMN_LSN] = UINT64_C(0x100000000) + (uint64_t)i * 3001;
        d->facts.numbers[AV_COLUMN_DATE] =
            i % 7 == 0 ? (uint64_t)INT64_MIN : (uint64_t)((int64_t)model_random(state, 2000000000) - 500000000);
        d->facts.numbers[AV_COLUMN_SIZE] = model_random(state, 100000);
        d->facts.numbers[AV_COLUMN_BITS] = UINT64_C(2108) << 48 | model_random(state, 4);
        (void)snprintf(d->strings[0], sizeof d->strings[0], "user%u@example.org", model_random(state, 20));
        (void)snprintf(d->strings[1], sizeof d->strings[1], i % 11 == 0 ? "%0290u" : "%u", model_random(state, 50));
        d->facts.strings[0] = av_span_str(d->strings[0]);
        d->facts.strings[1] = av_span_str(d->strings[1]);
    }
}

static inline void
model_free(model *self)
{
    uint32_t i, f;

    for (i = 0; i < self->n; i++) {
        for (f = 0; f < AV_FIELD_COUNT; f++)
            free(self->docs[i].texts[f]);
    }
    free(self->docs);
}

/* Put documents from to to - 1 into a run in memory. */
static inline av_memory_run *
model_build(const model *self, av_builder *builder, uint32_t from, uint32_t to)
{
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    uint32_t i, f;
    av_error err;

    for (i = from; i < to; i++) {
        av_builder_begin(builder, &self->docs[i].facts);
        for (f = 0; f < AV_FIELD_COUNT; f++) {
            if (self->docs[i].texts[f] != NULL)
                av_builder_text(builder, (av_text_field)(1 << f), av_span_str(self->docs[i].texts[f]));
        }
    }
    AV_CHECK_INT(av_builder_count(builder), to - from);
    AV_CHECK_RC(av_builder_finish(builder, &sink, 0, &err), AV_OK, &err);
    return memory;
}

static inline av_run *
model_open(const av_memory_run *memory)
{
    av_run_source source = av_memory_run_source(memory);
    av_run *run = NULL;
    av_error err;

    AV_CHECK_RC(av_run_open(&source, &run, &err), AV_OK, &err);
    return run;
}

/* Is this word here (as a term: form and bytes)? */
static inline bool
model_is(const av_token *t, av_span term, bool prefix)
{
    av_span word = term.p[0] == AV_TERM_CASED ? t->cased : t->folded;

    term = av_span_skip(term, 1);
    if (prefix)
        return word.n >= term.n && word.n > 0 && memcmp(word.p, term.p, term.n) == 0;
    return word.n > 0 && av_span_eq(word, term);
}

/* Positions of a term in a field, up to most; returns how many. */
static inline uint32_t
model_positions(const model_doc *d, uint32_t f, av_span term, bool prefix, uint32_t *ret, uint32_t most)
{
    av_tokens tokens;
    av_token t;
    uint32_t n = 0;

    if (d->texts[f] == NULL)
        return 0;
    av_tokens_init(&tokens, av_span_str(d->texts[f]));
    while (av_tokens_next(&tokens, &t) && n < most) {
        if (model_is(&t, term, prefix))
            ret[n++] = t.position;
    }
    return n;
}

static inline void
model_docs(const model *self, av_span term, bool prefix, uint32_t fields, uint32_t base, roaring_bitmap_t *out)
{
    uint32_t i, f, one;

    for (i = 0; i < self->n; i++) {
        for (f = 0; f < AV_FIELD_COUNT; f++) {
            if ((fields & 1u << f) != 0 && model_positions(&self->docs[i], f, term, prefix, &one, 1) > 0)
                roaring_bitmap_add(out, i + base);
        }
    }
}

/* The same rows in the same order? */
static inline bool
model_same(const av_memory_run *a, const av_memory_run *b)
{
    av_run_source x = av_memory_run_source(a), y = av_memory_run_source(b);
    const char *kind;
    bool same = true;

    for (kind = AV_RUN_KINDS; *kind != '\0' && same; kind++) {
        av_run_cursor *c, *d;
        av_span k, l, v, w;
        av_error err;
        bool more, other;

        AV_CHECK_RC(x.seek(x.ctx, av_span_of(kind, 1), &c, &err), AV_OK, &err);
        AV_CHECK_RC(y.seek(y.ctx, av_span_of(kind, 1), &d, &err), AV_OK, &err);
        do {
            more = x.next(c, &k, &v);
            other = y.next(d, &l, &w);
            same = more == other && (!more || (av_span_eq(k, l) && av_span_eq(v, w)));
        } while (more && same);
        x.cursor_free(c);
        y.cursor_free(d);
    }
    return same;
}

#endif
