/*
 * query_parse.c - what a person typed -> tree
 *
 * One pass, no recursion: an array of open groups stands for the nesting, a stack of ids for the terms read so far.
 *
 *   frame:  items[ or_base ... and_base ... ]      finished operands of OR, then those of the AND being read
 *
 * The grammar is in query.h. Not here: words, phrases and fields (query_term.c), dates and
 * sizes (query_value.c), the nodes (query.c).
 */
#include "storage/index/query_parser.h"

#include "base/unicode.h"

/* A syntax error at that byte, told by its column in characters. */
av_errc
av_query_parser_bad(av_query_parser *p, size_t at, const char *fmt, ...)
{
    av_span before = av_span_slice(p->text, 0, at);
    size_t column = 1;
    char text[220];
    va_list ap;

    for (; before.n > 0; column++)
        (void)av_utf8_next(&before);
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return av_error_set(p->err, AV_ERR_SYNTAX, "column %zu: %s", column, text);
}

av_query_frame *
av_query_parser_top(av_query_parser *p)
{
    return &p->frames[p->depth - 1];
}

uint32_t
av_query_parser_peek(const av_query_parser *p, size_t at, size_t *ret_n)
{
    av_span rest = av_span_skip(p->text, at);
    uint32_t c;

    if (rest.n == 0) {
        *ret_n = 0;
        return ' ';
    }
    c = av_utf8_next(&rest);
    *ret_n = p->text.n - at - rest.n;
    return c;
}

void
av_query_parser_skip_space(av_query_parser *p)
{
    size_t n;

    while (p->i < p->text.n && av_query_is_space(av_query_parser_peek(p, p->i, &n)))
        p->i += n;
}

/* A term or closed group: negate it if a NOT waits, put it on the stack. */
void
av_query_parser_push(av_query_parser *p, av_query_id id)
{
    av_query_frame *f = av_query_parser_top(p);

    if (f->pending_not)
        id = av_query_not(p->query, id);
    f->pending_not = f->want_operand = false;
    if (p->item_count < p->limits->nodes)
        p->items[p->item_count++] = id; /* beyond that the query holds its own failure */
}

/* The operands of the AND being read become one. */
static void
fold_and(av_query_parser *p)
{
    av_query_frame *f = av_query_parser_top(p);
    av_query_id id = av_query_and(p->query, p->items + f->and_base, p->item_count - f->and_base);

    p->item_count = f->and_base;
    p->items[p->item_count++] = id;
}

/* The innermost av_query_frame's result; the av_query_frame's items are taken off. */
static av_query_id
fold_frame(av_query_parser *p)
{
    av_query_frame *f = av_query_parser_top(p);
    av_query_id id;

    fold_and(p);
    id = av_query_or(p->query, p->items + f->or_base, p->item_count - f->or_base);
    p->item_count = f->or_base;
    return id;
}

av_errc
av_query_parser_open(av_query_parser *p, uint32_t fields)
{
    av_query_frame *outer = av_query_parser_top(p);

    if (p->depth >= p->limits->depth)
        return av_error_set(p->err, AV_ERR_LIMIT, "the search is nested deeper than %zu levels", p->limits->depth);
    p->frames[p->depth++] = (av_query_frame){
        .at = p->i, .or_base = p->item_count, .and_base = p->item_count, .fields = fields, .negate = outer->pending_not
    };
    outer->pending_not = false;
    p->i++;
    return AV_OK;
}

static av_errc
missing_operand(av_query_parser *p)
{
    av_query_frame *f = av_query_parser_top(p);

    return av_query_parser_bad(p, f->operator_at, "there is nothing to search for on the right of this operator");
}

static av_errc
close_group(av_query_parser *p)
{
    av_query_frame *f = av_query_parser_top(p);
    bool negate = f->negate;
    av_query_id id;

    if (p->depth == 1)
        return av_query_parser_bad(p, p->i, "this \")\" closes nothing");
    if (f->want_operand)
        return missing_operand(p);
    if (p->item_count == f->and_base)
        return av_query_parser_bad(p, f->at, "there is nothing between these parentheses");
    id = fold_frame(p);
    p->depth--;
    av_query_parser_top(p)->pending_not = negate;
    av_query_parser_push(p, id);
    p->i++;
    return AV_OK;
}

static av_errc
operator_or(av_query_parser *p, size_t at)
{
    av_query_frame *f = av_query_parser_top(p);

    if (f->want_operand)
        return missing_operand(p);
    if (p->item_count == f->and_base)
        return av_query_parser_bad(p, at, "there is nothing to search for on the left of OR");
    fold_and(p);
    f->and_base = p->item_count;
    f->want_operand = true;
    f->operator_at = at;
    return AV_OK;
}

static av_errc
operator_and(av_query_parser *p, size_t at)
{
    av_query_frame *f = av_query_parser_top(p);

    if (f->want_operand)
        return missing_operand(p);
    if (p->item_count == f->and_base)
        return av_query_parser_bad(p, at, "there is nothing to search for on the left of AND");
    f->want_operand = true;
    f->operator_at = at;
    return AV_OK;
}

static void
operator_not(av_query_parser *p, size_t at)
{
    av_query_frame *f = av_query_parser_top(p);

    f->pending_not = !f->pending_not; /* NOT NOT a is a */
    f->want_operand = true;
    f->operator_at = at;
}

/* Byte of the colon if letters and a colon stand at p->i, else 0. */
static size_t
colon_of_field(const av_query_parser *p)
{
    size_t i = p->i;

    while (i < p->text.n && ((p->text.p[i] | 0x20) >= 'a' && (p->text.p[i] | 0x20) <= 'z'))
        i++;
    return i > p->i && i < p->text.n && p->text.p[i] == ':' ? i : 0;
}

/* One token at p->i, which is not white space. */
static av_errc
token(av_query_parser *p)
{
    uint8_t c = p->text.p[p->i];
    size_t at = p->i, colon, n;
    av_span word;

    if (c == '(')
        return av_query_parser_open(p, av_query_parser_top(p)->fields);
    if (c == ')')
        return close_group(p);
    if (c == '"')
        return av_query_parser_quoted(p, av_query_parser_top(p)->fields);
    if (c == '-' && at + 1 < p->text.n && !av_query_is_space(av_query_parser_peek(p, at + 1, &n))) {
        p->i++;
        operator_not(p, at);
        return AV_OK;
    }
    colon = colon_of_field(p);
    if (colon > 0)
        return av_query_parser_field(p, colon);
    word = av_query_parser_word(p);
    if (av_span_eq_str(word, "OR"))
        return operator_or(p, at);
    if (av_span_eq_str(word, "AND"))
        return operator_and(p, at);
    if (av_span_eq_str(word, "NOT")) {
        operator_not(p, at);
        return AV_OK;
    }
    p->i = at;
    return av_query_parser_term(p, av_query_parser_top(p)->fields);
}

static av_errc
run(av_query_parser *p, av_error *err)
{
    if (p->text.n > p->limits->text_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "the search is longer than %zu bytes", p->limits->text_bytes);
    if (!av_utf8_valid(p->text))
        return av_error_set(err, AV_ERR_SYNTAX, "column 1: the search is not valid UTF-8");
    for (av_query_parser_skip_space(p); p->i < p->text.n; av_query_parser_skip_space(p)) {
        av_errc rc = token(p);

        if (rc != AV_OK)
            return rc;
        if (av_query_failed(p->query))
            return av_query_finish(p->query, AV_QUERY_NONE, err);
    }
    if (p->depth > 1)
        return av_query_parser_bad(p, av_query_parser_top(p)->at, "this \"(\" is never closed");
    if (av_query_parser_top(p)->want_operand)
        return missing_operand(p);
    if (p->item_count == 0)
        return av_query_parser_bad(p, 0, "there is nothing to search for; * finds every message");
    return av_query_finish(p->query, fold_frame(p), err);
}

av_errc
av_query_parse(av_span text, const av_query_limits *limits, av_query **ret, av_error *err)
{
    AV_CLEANUP(av_query_destroy) av_query *query = av_query_new(limits);
    AV_CLEANUP(av_free) av_query_id *items = NULL;
    const av_query_limits *bounds = av_query_limits_of(query);
    av_query_parser p = { .text = text, .query = query, .limits = bounds, .depth = 1, .err = err };
    av_errc rc;

    /* Two to spare: a fold puts its result back after it took at least one off, and a full stack still takes one. */
    items = av_xcalloc(bounds->nodes + 2, sizeof *items);
    p.items = items;
    p.frames[0].fields = AV_QUERY_IN_ANY;
    rc = run(&p, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(query);
    return rc;
}
