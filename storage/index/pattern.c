/*
 * pattern.c - see pattern.h
 */
#include "storage/index/pattern.h"

#include "base/unicode.h"

enum { STEM_COMMON = 3 }; /* bytes that a word and its forms share at their beginning */

static bool
is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The first bytes of a form up to a wildcard, or as much as forms of one stem share. */
static size_t
fixed_length(const av_pattern *self, const av_piece *piece)
{
    size_t n = 0, most = piece->word.form.n;

    if (piece->contains || piece->word.how == AV_WORD_ENDS)
        return 0;
    if (self->stemmer != NULL)
        most = AV_MIN(most, (size_t)STEM_COMMON);
    if (piece->word.how == AV_WORD_LIKE)
        while (n < most && piece->word.form.p[n] != '*' && piece->word.form.p[n] != '?')
            n++;
    else
        n = most;
    while (n > 0 && n < piece->word.form.n && (piece->word.form.p[n] & 0xC0) == 0x80)
        n--; /* to a whole character */
    return n;
}

static void
finish_piece(av_pattern *self, av_piece *piece)
{
    av_buf_init(&piece->term, AV_WORD_MAX + 1);
    (void)av_buf_putc(&piece->term, piece->word.accented ? AV_TERM_CASED : AV_TERM_FOLDED);
    (void)av_buf_append(&piece->term, piece->word.form.p, fixed_length(self, piece));
}

/* The kind of words that phrase.h makes of it: all of a substring's words are whole ones, until its ends are opened. */
static av_query_kind
kind_of(const av_query_node *node)
{
    switch (node->kind) {
    case AV_QUERY_SUBSTRING:
    case AV_QUERY_HEADER:
        return AV_QUERY_WORD;
    case AV_QUERY_HEADER_WORD:
        return node->how;
    default:
        return node->kind;
    }
}

/* White space in a substring is meant as it stands, which a position does not tell: only one word is decided here. */
static void
open_ends(av_pattern *self, av_span text)
{
    const av_phrase_item *first = &self->phrase.items[0], *last = &self->phrase.items[self->phrase.count - 1];
    bool left = first->kind == AV_PHRASE_WORD && !is_space(text.p[0]);
    bool right = last->kind == AV_PHRASE_WORD && !is_space(text.p[text.n - 1]);
    av_piece *front = &self->pieces[0], *back = &self->pieces[self->n - 1];

    self->exact = self->exact && self->n == 1 && self->phrase.count == 1;
    if (self->n == 1 && left && right)
        front->contains = true;
    else if (left)
        front->word.how = AV_WORD_ENDS;
    if (right && !back->contains && back->word.how == AV_WORD_IS)
        back->word.how = AV_WORD_BEGINS;
}

void
av_pattern_init(av_pattern *self, const av_query_node *node)
{
    uint32_t offset = 0;

    memset(self, 0, sizeof *self);
    av_phrase_init(&self->phrase, kind_of(node), node->text);
    self->exact = self->phrase.exact && self->phrase.term_count <= AV_PATTERN_PIECES;
    self->n = AV_MIN(self->phrase.term_count, (size_t)AV_PATTERN_PIECES);
    for (size_t i = 0; i < self->n; i++) {
        offset += self->phrase.terms[i].step;
        self->pieces[i] = (av_piece){ .word = self->phrase.terms[i].word, .offset = offset };
    }
    if (self->n == 0)
        return;
    if (node->kind == AV_QUERY_SUBSTRING || node->kind == AV_QUERY_HEADER)
        open_ends(self, node->text);
    if (node->kind == AV_QUERY_NEAR)
        self->within = AV_TOKEN_WITHIN(node->distance);
    if (node->kind == AV_QUERY_STEM)
        self->stemmer = av_stemmer_new(node->name, self->pieces[0].word.form);
    for (size_t i = 0; i < self->n; i++)
        finish_piece(self, &self->pieces[i]);
}

void
av_pattern_release(av_pattern *self)
{
    for (size_t i = 0; i < self->n; i++)
        av_buf_release(&self->pieces[i].term);
    av_stemmer_destroy(&self->stemmer);
    av_phrase_release(&self->phrase);
}

bool
av_pattern_is_closed(const av_pattern *self, size_t piece)
{
    const av_piece *p = &self->pieces[piece];

    return p->word.how == AV_WORD_IS && !p->contains && self->stemmer == NULL;
}

bool
av_pattern_is_prefix(const av_pattern *self, size_t piece)
{
    const av_piece *p = &self->pieces[piece];

    return p->word.how == AV_WORD_BEGINS && !p->contains && self->stemmer == NULL;
}

bool
av_pattern_admits(const av_pattern *self, size_t piece, av_span term)
{
    const av_piece *p = &self->pieces[piece];
    av_span form = av_span_skip(term, 1);

    if (self->stemmer != NULL)
        return av_stemmer_agrees(self->stemmer, form);
    if (p->contains)
        return memmem(form.p, form.n, p->word.form.p, p->word.form.n) != NULL;
    return av_word_fits(&p->word, form, form); /* a form of the kind that is asked for: it stands for both */
}
