/*
 * pattern.c - see pattern.h
 */
#include "storage/index/pattern.h"

#include "storage/index/token_priv.h"

/* The first bytes of a form up to a wildcard, or as much as forms of one stem share. */
static size_t
fixed_length(const av_pattern *self, const av_piece *piece)
{
    size_t n = 0, most = piece->word.form.n;

    if (piece->contains || piece->word.how == AV_WORD_ENDS)
        return 0;
    if (self->stemmer != NULL)
        most = AV_MIN(most, av_stemmer_common(self->stemmer));
    if (piece->word.how == AV_WORD_LIKE)
        while (n < most && piece->word.form.p[n] != '*' && piece->word.form.p[n] != '?')
            n++;
    else
        n = most;
    while (n > 0 && n < piece->word.form.n && (piece->word.form.p[n] & 0xC0) == 0x80)
        n--; /* to a whole character */
    return n;
}

/* A pattern whose only wildcards are * at its ends needs no walk along it: the rest is looked for as it is. */
static void
open_ends(av_piece *piece)
{
    av_span form = piece->word.form;
    bool left, right;

    if (piece->word.how != AV_WORD_LIKE || form.n < 2)
        return;
    left = form.p[0] == '*';
    right = form.p[form.n - 1] == '*';
    form = av_span_slice(form, left, form.n - right);
    if (form.n == 0 || (!left && !right) || av_span_find(form, '*') < form.n || av_span_find(form, '?') < form.n)
        return;
    piece->contains = left && right;
    piece->word.how = left ? AV_WORD_ENDS : AV_WORD_BEGINS;
    piece->word.form = form;
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

/* ---- substrings ---- */

/*
 * What stands beside a substring in a text is not known, and a substring counts characters (simple case folding)
 * where an index knows folded words. So an index never decides: it is asked for what any text with the substring in
 * it must have.
 *
 *   - The first and the last word may go on: their other ends are open, and what was cut off a long word may hold them.
 *   - Accents and sound marks at the front belong to what stands before: a word right behind them is no beginning.
 *   - Only folded forms are asked: another accent may stand between a letter and its own in the cased one.
 *   - What follows the last character of a row may make another one of the two; but not of a Han character.
 */

/* The word of the text may begin before the substring's does. */
static bool
opens_left(const av_phrase *phrase, av_span text)
{
    const av_phrase_item *items = phrase->items;
    av_span rest = text;
    uint8_t class = AV_FOLD_IGNORED;
    size_t i = 0;

    while (rest.n > 0 && (class == AV_FOLD_IGNORED || class == AV_FOLD_ACCENT || class == AV_FOLD_VOICE))
        class = av_fold_of(av_utf8_next(&rest))->class;
    if (class != AV_FOLD_WORD)
        return false;
    while (i < phrase->count && items[i].kind == AV_PHRASE_MARK)
        i++;
    return i < phrase->count && items[i].kind == AV_PHRASE_WORD;
}

/* A part of a syllable, which makes one character with what stands before it. */
static bool
is_hangul_part(uint32_t c)
{
    return c >= 0x1161 && c <= 0x11FF;
}

/* No mark that may follow makes another character of it. */
static bool
is_han(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

static void
fold_piece(av_piece *piece)
{
    uint8_t folded[AV_WORD_MAX], cased[AV_WORD_MAX];
    av_forms forms = { .folded = folded, .cased = cased, .max = AV_WORD_MAX };

    if (!piece->word.accented)
        return;
    (void)av_forms_take(&forms, piece->word.form, 0);
    av_buf_init(&piece->form, AV_WORD_MAX);
    (void)av_buf_append(&piece->form, folded, forms.folded_n);
    piece->word.accented = false;
    piece->word.form = av_buf_span(&piece->form);
}

/* The last piece is made of a row: less of it, or nothing. */
static void
shorten_row(av_pattern *self)
{
    const av_phrase *phrase = &self->phrase;
    const av_phrase_item *last = &phrase->items[phrase->count - 1];
    av_piece *piece = &self->pieces[self->n - 1];
    av_span rest;

    if (last->kind != AV_PHRASE_ROW || is_han(last->code_point) || self->n < phrase->term_count)
        return;
    if (phrase->count == 1 || phrase->items[phrase->count - 2].kind != AV_PHRASE_ROW) {
        self->n--;
        return;
    }
    rest = piece->word.form;
    (void)av_utf8_next(&rest);
    piece->word.form.n -= rest.n;
    piece->word.how = AV_WORD_BEGINS;
}

static void
make_substring(av_pattern *self, av_span text)
{
    const av_phrase_item *last = &self->phrase.items[self->phrase.count - 1];
    bool left = opens_left(&self->phrase, text);
    bool right = last->kind == AV_PHRASE_WORD && self->n == self->phrase.term_count;
    av_piece *front = &self->pieces[0], *back = &self->pieces[self->n - 1];

    self->exact = false;
    self->substring = true;
    if (self->phrase.items[0].kind == AV_PHRASE_ROW && is_hangul_part(self->phrase.items[0].code_point)) {
        self->n = 0;
        return;
    }
    for (size_t i = 0; i < self->n; i++)
        fold_piece(&self->pieces[i]);
    if (left && ((self->n == 1 && right) || front->word.how != AV_WORD_IS))
        front->contains = true;
    else if (left)
        front->word.how = AV_WORD_ENDS;
    if (right && back->word.how == AV_WORD_IS)
        back->word.how = AV_WORD_BEGINS;
    shorten_row(self);
}

/* The word as one of a text, since it is words of texts whose stems are the same: folded, and no longer than these. */
static void
make_stem(av_pattern *self, const av_query_node *node)
{
    av_piece *piece = &self->pieces[0];
    av_tokens tokens;
    av_token t;

    av_tokens_init(&tokens, node->text);
    if (!av_tokens_next(&tokens, &t))
        return;
    av_buf_init(&piece->form, AV_WORD_MAX);
    (void)av_buf_append_span(&piece->form, t.folded);
    piece->word = (av_word){ .how = AV_WORD_IS, .form = av_buf_span(&piece->form) };
    self->exact = true;
    self->stemmer = av_stemmer_new(node->name, piece->word.form);
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
        make_substring(self, node->text);
    if (node->kind == AV_QUERY_NEAR)
        self->within = AV_TOKEN_WITHIN(node->distance);
    if (node->kind == AV_QUERY_STEM)
        make_stem(self, node);
    for (size_t i = 0; i < self->n; i++) {
        open_ends(&self->pieces[i]);
        finish_piece(self, &self->pieces[i]);
    }
}

void
av_pattern_release(av_pattern *self)
{
    for (size_t i = 0; i < self->n; i++) {
        av_buf_release(&self->pieces[i].form);
        av_buf_release(&self->pieces[i].term);
    }
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
    /* What was cut off may end or hold it. */
    if (self->substring && (p->contains || p->word.how == AV_WORD_ENDS) && form.n > AV_TOKEN_MAX - AV_FOLD_BYTES)
        return true;
    if (p->contains)
        return memmem(form.p, form.n, p->word.form.p, p->word.form.n) != NULL;
    return av_word_fits(&p->word, form, form); /* a form of the kind that is asked for: it stands for both */
}
