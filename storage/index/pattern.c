/*
 * pattern.c - see pattern.h
 */
#include "storage/index/pattern.h"

#include "storage/index/fold.h"
#include "storage/index/token.h"

/* One character of a script that does not part words, by itself. */
static bool
is_single(av_span folded)
{
    return av_fold_of(av_utf8_next(&folded))->class == AV_FOLD_ROW && folded.n == 0;
}

static bool
is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
add_piece(av_pattern *self, const av_token *token, uint32_t first_position)
{
    av_span form = token->cased.n > 0 ? token->cased : token->folded;
    av_piece *piece = &self->pieces[self->n++];

    *piece = (av_piece){ .at = self->bytes.n, .n = 1 + form.n, .offset = token->position - first_position };
    (void)av_buf_putc(&self->bytes, token->cased.n > 0 ? AV_TERM_CASED : AV_TERM_FOLDED);
    (void)av_buf_append_span(&self->bytes, form);
    piece->open_right = is_single(token->folded);
    self->exact = self->exact && !token->cut;
}

static void
add_all(av_pattern *self, av_span text)
{
    av_tokens tokens;
    av_token token;
    uint32_t first_position = 0;
    size_t last_to = SIZE_MAX;

    av_tokens_init(&tokens, text);
    while (av_tokens_next(&tokens, &token)) {
        /* The end of a run whose last pair was taken says nothing new. */
        bool is_tail = self->n > 0 && token.to == last_to && is_single(token.folded);

        last_to = token.to;
        if (is_tail)
            continue;
        if (self->n == AV_PATTERN_PIECES) {
            self->exact = false;
            return;
        }
        if (self->n == 0)
            first_position = token.position;
        else if (token.step == AV_TOKEN_STEP_MIXED)
            self->exact = false;
        add_piece(self, &token, first_position);
    }
}

void
av_pattern_init(av_pattern *self, av_query_kind kind, av_span text)
{
    bool before, behind;

    memset(self, 0, sizeof *self);
    av_buf_init(&self->bytes, AV_PATTERN_PIECES * (AV_TERM_MAX + 16));
    self->exact = true;
    av_tokens_edges(text, &before, &behind);
    add_all(self, text);
    if (before || behind || self->n == 0)
        self->exact = false;
    if (self->n == 0)
        return;
    if (kind == AV_QUERY_PREFIX && !behind)
        self->pieces[self->n - 1].open_right = true;
    if (kind != AV_QUERY_SUBSTRING)
        return;
    /* White space in it is meant as it stands, a position does not tell one from many. */
    self->exact = self->exact && self->n == 1;
    self->pieces[0].open_left = !before && !is_space(text.p[0]);
    self->pieces[self->n - 1].open_right |= !behind && !is_space(text.p[text.n - 1]);
}

void
av_pattern_release(av_pattern *self)
{
    av_buf_release(&self->bytes);
}

av_span
av_pattern_term(const av_pattern *self, size_t piece)
{
    return av_span_of(self->bytes.p + self->pieces[piece].at, self->pieces[piece].n);
}

bool
av_pattern_admits(const av_pattern *self, size_t piece, av_span term)
{
    const av_piece *p = &self->pieces[piece];
    av_span wanted = av_span_skip(av_pattern_term(self, piece), 1);

    if (term.n < 1 + wanted.n || term.p[0] != self->bytes.p[p->at])
        return false;
    term = av_span_skip(term, 1);
    if (!p->open_left)
        return memcmp(term.p, wanted.p, wanted.n) == 0 && (p->open_right || term.n == wanted.n);
    if (!p->open_right)
        return memcmp(term.p + term.n - wanted.n, wanted.p, wanted.n) == 0;
    return memmem(term.p, term.n, wanted.p, wanted.n) != NULL;
}
