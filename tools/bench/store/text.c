/*
 * text.c - words, lines and paragraphs out of a seed
 *
 * The vocabulary is the same in every run: 16,384 words of syllables, the frequent ones short.
 */
#include "tools/bench/store/text.h"

#include "base/encode.h"

#define WORDS       16384U
#define SLOT        16U /* bytes of a word's place: words are at most 15 long and are copied whole */
#define PICKS       65536U
#define TOPIC_WORDS 48U
#define LINE        72U

struct bench_words {
    char word[WORDS][SLOT];
    uint8_t length[WORDS];
    uint16_t pick[PICKS]; /* by Zipf: frequent words have many places */
};

static const char *const syllables[] = { "ta", "re", "in", "on", "de", "la", "mo", "ver", "si", "con", "ber", "ment",
    "al", "ing", "er", "st", "pro", "ca", "ni", "lo", "ter", "ex", "per", "ti", "an", "com", "is", "ro", "ul", "dis",
    "age", "en", "su", "ly", "po", "ar", "ide", "th", "we", "qu", "fi", "ge", "ma", "ness", "ous", "tra", "vi", "ke" };

static void
make_word(bench_words *self, uint32_t rank, bench_random *random)
{
    unsigned n = rank < 40 ? 1 : rank < 600 ? 2 : 2 + bench_random_below(random, 3);
    size_t at = 0, length;
    const char *s;

    for (unsigned i = 0; i < n; i++) {
        s = syllables[bench_random_below(random, AV_COUNT(syllables))];
        length = strlen(s);
        if (at + length >= SLOT)
            break;
        memcpy(self->word[rank] + at, s, length);
        at += length;
    }
    self->length[rank] = (uint8_t)at;
}

bench_words *
bench_words_new(void)
{
    bench_words *self = av_xcalloc(1, sizeof *self);
    bench_random random = { 42 };
    double sum = 0, reached = 0;
    uint32_t place = 0;

    for (uint32_t i = 0; i < WORDS; i++) {
        make_word(self, i, &random);
        sum += 1.0 / (i + 2.7); /* Mandelbrot's form of Zipf's law */
    }
    for (uint32_t i = 0; i < WORDS; i++) {
        reached += PICKS / (i + 2.7) / sum;
        for (; place < PICKS && place < reached; place++)
            self->pick[place] = (uint16_t)i;
    }
    for (; place < PICKS; place++)
        self->pick[place] = WORDS - 1;
    return self;
}

void
bench_words_destroy(bench_words **self)
{
    free(*self);
    *self = NULL;
}

/* Where a text stands: its words come out of random and topic alone, whatever the lines around them look like. */
typedef struct flow {
    const bench_words *words;
    bench_random random;
    uint64_t topic;
    unsigned left;    /* words to come */
    unsigned pending; /* the next word, when it did not fit into the last line; WORDS: none */
    bool capital;     /* a sentence begins */
    bool bare;        /* no punctuation */
} flow;

static flow
flow_new(const bench_words *words, uint64_t seed, uint64_t topic, unsigned n)
{
    return (flow){ words, { seed }, topic, n, WORDS, true, false };
}

static uint32_t
next_word(flow *self)
{
    uint64_t r = bench_random_next(&self->random);
    uint64_t a = (r >> 8) % TOPIC_WORDS, b = (r >> 16) % TOPIC_WORDS;

    if ((r & 3) == 0) /* the product is skewed: some words of a topic come all the time */
        return (uint32_t)(bench_random_mix(self->topic, a * b / TOPIC_WORDS) % WORDS);
    return self->words->pick[(r >> 32) % PICKS];
}

/*
 * One line of at most LINE characters, without its end, into to (LINE + SLOT bytes). *ret_paragraph: it is the last of
 * its paragraph. Returns its length, 0 when there are no words left.
 */
static size_t
flow_line(flow *self, uint8_t *to, bool *ret_paragraph)
{
    size_t at = 0, length;
    uint64_t r;
    uint32_t word;

    *ret_paragraph = true;
    while (self->left > 0) {
        word = self->pending < WORDS ? self->pending : next_word(self);
        length = self->words->length[word];
        if (at + length + 2 > LINE) {
            self->pending = word;
            *ret_paragraph = false;
            return at;
        }
        self->pending = WORDS;
        if (at > 0)
            to[at++] = ' ';
        memcpy(to + at, self->words->word[word], SLOT);
        if (self->capital)
            to[at] = (uint8_t)(to[at] - 'a' + 'A');
        at += length;
        self->left--;
        r = bench_random_next(&self->random);
        self->capital = !self->bare && (r % 12 == 0 || self->left == 0);
        if (self->capital)
            to[at++] = '.';
        else if (!self->bare && r % 11 == 0)
            to[at++] = ',';
        if (self->capital && (r >> 32) % 5 == 0)
            return at;
    }
    return at;
}

void
bench_words_line(const bench_words *self, uint64_t seed, unsigned n, av_buf *out)
{
    flow f = flow_new(self, seed, seed, n);
    uint8_t line[LINE + SLOT];
    bool paragraph;

    f.bare = true;
    (void)av_buf_append(out, line, flow_line(&f, line, &paragraph));
}

/* The next line of f at the end of out. False: there is no room. */
static bool
put_line(flow *f, av_buf *out, bool *ret_paragraph)
{
    uint8_t *to = av_buf_reserve(out, LINE + SLOT);

    if (to == NULL)
        return false;
    out->n += flow_line(f, to, ret_paragraph);
    return true;
}

void
bench_words_text(const bench_words *self, uint64_t seed, uint64_t topic, unsigned n, const char *prefix, av_buf *out)
{
    flow f = flow_new(self, seed, topic, n);
    size_t prefix_n = strlen(prefix);
    bool paragraph;

    while (f.left > 0) {
        (void)av_buf_append(out, prefix, prefix_n);
        if (!put_line(&f, out, &paragraph))
            return;
        (void)av_buf_append(out, "\r\n", 2);
        if (paragraph && f.left > 0) {
            (void)av_buf_append(out, prefix, prefix_n);
            (void)av_buf_append(out, "\r\n", 2);
        }
    }
}

void
bench_words_html(const bench_words *self, uint64_t seed, uint64_t topic, unsigned n, const char *open,
    const char *close, av_buf *out)
{
    flow f = flow_new(self, seed, topic, n);
    bool paragraph = true;

    while (f.left > 0) {
        if (paragraph)
            (void)av_buf_puts(out, open);
        if (!put_line(&f, out, &paragraph))
            return;
        (void)av_buf_append(out, " =\r\n", 4); /* a soft line break */
        if (paragraph || f.left == 0)
            (void)av_buf_puts(out, close);
    }
}

void
bench_token(bench_random *random, unsigned n, av_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t *to = av_buf_reserve(out, n);
    uint64_t r = 0;

    if (to == NULL)
        return;
    for (unsigned i = 0; i < n; i++, r >>= 6) {
        if (i % 10 == 0)
            r = bench_random_next(random);
        to[i] = (uint8_t)digits[r & 63];
    }
    out->n += n;
}

void
bench_base64(av_span data, av_buf *out)
{
    size_t n;

    for (; data.n > 0; data = av_span_skip(data, n)) {
        n = AV_MIN(data.n, 57);
        (void)av_base64_encode(av_span_slice(data, 0, n), out);
        (void)av_buf_puts(out, "\r\n");
    }
}
