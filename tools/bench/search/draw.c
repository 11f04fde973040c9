/*
 * draw.c - queries out of what stands in the messages: a word comes as often as messages have it
 *
 * Words are ASCII letters and digits alone, three at least, so that every program cuts them out of the text alike;
 * classes go by the number of messages that have the word in the index at hand.
 */
#include "tools/bench/search/search.h"

#include <stdio.h>
#include <time.h>

#include "storage/index/token.h"
#include "tools/bench/store/text.h"

enum {
    SAMPLE_OF = 20000, /* messages looked at */
    SAMPLE = 2000,     /* and kept */
    WORDS_MAX = 2000,  /* of a message's body */
    WORD_MAX = 24,
    WORD_MIN = 3,
    PREFIX = 5,
    TRIES = 200000 /* for one class */
};

typedef struct word {
    char text[WORD_MAX + 1];
    uint32_t position;
} word;

typedef struct sample {
    word *body, *subject, *from;
    size_t bodies, subjects, froms;
} sample;

typedef struct draw {
    sample samples[SAMPLE];
    size_t n;
    int64_t first, last; /* dates */
    const av_index_run *runs;
    size_t run_count;
    uint64_t documents;
    bench_random random;
    FILE *out;
} draw;

static bool
is_plain(av_span s)
{
    if (s.n < WORD_MIN || s.n > WORD_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((s.p[i] < 'a' || s.p[i] > 'z') && (s.p[i] < '0' || s.p[i] > '9'))
            return false;
    return !av_span_eq_str(s, "and") && !av_span_eq_str(s, "not") && !av_span_eq_str(s, "near");
}

static word *
words_of(av_span text, size_t *ret)
{
    word *words = av_xcalloc(WORDS_MAX, sizeof *words);
    av_tokens tokens;
    av_token t;
    size_t n = 0;

    av_tokens_init(&tokens, text);
    while (n < WORDS_MAX && av_tokens_next(&tokens, &t)) {
        if (!is_plain(t.folded) || t.cased.n > 0)
            continue;
        memcpy(words[n].text, t.folded.p, t.folded.n);
        words[n++].position = t.position;
    }
    *ret = n;
    return av_xrealloc(words, (n + 1) * sizeof *words);
}

static void
keep_sample(draw *self, const av_match_doc *doc)
{
    sample *s = &self->samples[self->n++];

    s->body = words_of(doc->body, &s->bodies);
    s->subject = words_of(doc->subject, &s->subjects);
    s->from = words_of(doc->from, &s->froms);
}

static void
read_samples(draw *self, const char *path)
{
    bench_mail *mail = search_mail_open(path);
    av_document *document = av_document_new(0);
    uint32_t every = (uint32_t)(AV_MIN(self->documents, SAMPLE_OF) / SAMPLE) + 1, mailbox;
    av_span message;

    for (uint32_t i = 0; i < SAMPLE_OF && self->n < SAMPLE && bench_mail_next(mail, &message, &mailbox); i++) {
        av_match_doc doc = { 0 };

        if (i % every != 0)
            continue;
        (void)av_document_read(document, message, AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_BODY, &doc);
        keep_sample(self, &doc);
    }
    av_document_destroy(&document);
    bench_mail_close(&mail);
    if (self->n == 0)
        bench_fail("there is no mail to draw queries from");
}

/* Dates without the outer hundredths, where clocks were wrong. */
static void
read_dates(draw *self, const av_index_view *view)
{
    double *dates = av_xcalloc(self->documents + 1, sizeof *dates);
    size_t n = 0;
    av_error err;

    for (size_t r = 0; r < self->run_count; r++) {
        const uint64_t *values = av_index_numbers(view, r, AV_COLUMN_DATE, &err);

        if (values == NULL)
            bench_fail("dates: %s", err.msg);
        for (uint32_t d = 0; d < av_run_count(self->runs[r].run); d++)
            if ((int64_t)values[d] != INT64_MIN)
                dates[n++] = (double)(int64_t)values[d];
    }
    self->first = (int64_t)bench_quantile(dates, n, 0.01);
    self->last = (int64_t)bench_quantile(dates, n, 0.99);
    free(dates);
}

static uint64_t
frequency(const draw *self, const char *text)
{
    AV_CLEANUP(av_buf_release) av_buf term = { 0 };
    uint64_t sum = 0, one;
    av_error err;

    av_buf_init(&term, AV_TERM_MAX);
    (void)(av_buf_putc(&term, AV_TERM_FOLDED) && av_buf_puts(&term, text));
    for (size_t r = 0; r < self->run_count; r++) {
        bench_check(av_run_frequency(self->runs[r].run, av_buf_span(&term), &one, &err), "frequency", &err);
        sum += one;
    }
    return sum;
}

static const word *
any(draw *self, const word *words, size_t n)
{
    return n == 0 ? NULL : &words[bench_random_below(&self->random, (uint32_t)n)];
}

/* --- classes: true when a query was written ---------------------------------------------------------------------- */

static bool
draw_between(draw *self, const sample *s, const char *class, uint64_t least, uint64_t most)
{
    const word *w = any(self, s->body, s->bodies);
    uint64_t count;

    if (w == NULL)
        return false;
    count = frequency(self, w->text);
    if (count < least || count > most)
        return false;
    return fprintf(self->out, "%s\t%s\n", class, w->text) > 0;
}

static bool
draw_rare(draw *self, const sample *s)
{
    return draw_between(self, s, "rare", 1, AV_MAX(self->documents / 10000, 8));
}

static bool
draw_common(draw *self, const sample *s)
{
    return draw_between(self, s, "common", self->documents / 10, self->documents);
}

static bool
draw_and(draw *self, const sample *s)
{
    const word *w[3];

    for (size_t i = 0; i < 3; i++) {
        w[i] = any(self, s->body, s->bodies);
        if (w[i] == NULL || frequency(self, w[i]->text) < self->documents / 1000)
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(w[i]->text, w[k]->text) == 0)
                return false;
    }
    return fprintf(self->out, "and\t%s %s %s\n", w[0]->text, w[1]->text, w[2]->text) > 0;
}

static bool
draw_phrase(draw *self, const sample *s)
{
    const word *w = s->bodies < 2 ? NULL : any(self, s->body, s->bodies - 1);

    if (w == NULL || w[1].position - w[0].position != AV_TOKEN_STEP_SPACE)
        return false;
    return fprintf(self->out, "phrase\t\"%s %s\"\n", w[0].text, w[1].text) > 0;
}

static bool
draw_prefix(draw *self, const sample *s)
{
    const word *w = any(self, s->body, s->bodies);

    if (w == NULL || strlen(w->text) <= PREFIX)
        return false;
    return fprintf(self->out, "prefix\t%.*s*\n", PREFIX, w->text) > 0;
}

static bool
draw_from(draw *self, const sample *s)
{
    const word *w = any(self, s->from, s->froms);

    return w != NULL && fprintf(self->out, "from\tfrom:%s\n", w->text) > 0;
}

static bool
draw_subject(draw *self, const sample *s)
{
    const word *w = any(self, s->subject, s->subjects);

    return w != NULL && fprintf(self->out, "subject\tsubject:%s\n", w->text) > 0;
}

/* From a day to all of it, shorter ones as likely as longer ones. */
static bool
draw_dates(draw *self, const sample *s)
{
    uint64_t days = (uint64_t)(self->last - self->first) / 86400 + 1, length = days;
    char from[16], to[16];
    struct tm a, b;
    time_t at, end;

    (void)s;
    for (uint32_t half = bench_random_below(&self->random, 10); half > 0 && length > 1; half--)
        length /= 2;
    at = (time_t)(self->first + (int64_t)bench_random_below(&self->random, (uint32_t)(days - length + 1)) * 86400);
    end = at + (time_t)(length - 1) * 86400;
    if (gmtime_r(&at, &a) == NULL || gmtime_r(&end, &b) == NULL)
        return false;
    (void)strftime(from, sizeof from, "%Y-%m-%d", &a);
    (void)strftime(to, sizeof to, "%Y-%m-%d", &b);
    return fprintf(self->out, "date\tdate:%s..%s\n", from, to) > 0;
}

void
search_draw(const char *mail, const char *dir, const char *path, unsigned each)
{
    static bool (*const classes[])(draw *, const sample *) = { draw_rare, draw_common, draw_and, draw_phrase,
        draw_prefix, draw_from, draw_subject, draw_dates };
    draw *self = av_xcalloc(1, sizeof *self);
    av_index *index = search_index_open(dir);
    av_index_view *view = av_index_snapshot(index);

    self->run_count = av_index_runs(view, &self->runs);
    self->documents = av_index_documents(view);
    self->random = (bench_random){ 11 };
    self->out = fopen(path, "we");
    if (self->out == NULL)
        bench_fail("cannot write %s", path);
    read_samples(self, mail);
    read_dates(self, view);
    for (size_t c = 0; c < AV_COUNT(classes); c++)
        for (unsigned n = 0, tries = 0; n < each && tries < TRIES; tries++)
            n += classes[c](self, &self->samples[bench_random_below(&self->random, (uint32_t)self->n)]);
    if (fclose(self->out) != 0)
        bench_fail("cannot write %s", path);
    for (size_t i = 0; i < self->n; i++) {
        free(self->samples[i].body);
        free(self->samples[i].subject);
        free(self->samples[i].from);
    }
    free(self);
    av_index_view_release(&view);
    av_index_close(&index);
}
