/*
 * query_parse.c - what a person typed -> tree
 *
 * One pass, no recursion: an array of open groups stands for the nesting, a stack of ids for the terms read so far.
 *
 *   frame:  items[ or_base ... and_base ... ]      finished operands of OR, then those of the AND being read
 *
 * The grammar is in query.h. Not here: dates and sizes (query_value.c), the nodes (query.c).
 */
#include "storage/index/query_priv.h"

#include "base/unicode.h"

typedef struct frame {
    size_t at; /* byte of the "(" */
    size_t or_base, and_base;
    uint32_t fields;    /* where bare words look inside */
    bool negate;        /* of the group's result, once it is closed */
    bool want_operand;  /* after AND, OR, NOT, - */
    size_t operator_at; /* which one, for the message */
    bool pending_not;
} frame;

typedef struct parser {
    av_span text;
    size_t i;
    av_query *query;
    const av_query_limits *limits;
    frame frames[AV_QUERY_DEPTH_MAX];
    size_t depth; /* frames in use, at least 1 */
    av_query_id *items;
    size_t item_count;
    av_error *err;
} parser;

typedef enum field_kind {
    FIELD_TEXT,
    FIELD_FOLDER,
    FIELD_DATE,
    FIELD_BEFORE,
    FIELD_AFTER,
    FIELD_SIZE,
    FIELD_HAS,
    FIELD_ID
} field_kind;

static const struct field {
    const char *name;
    field_kind kind;
    uint32_t fields;
    const char *example; /* what a value looks like, for the message */
} field_table[] = {
    { "from", FIELD_TEXT, AV_QUERY_IN_FROM, "from:smith" },
    { "to", FIELD_TEXT, AV_QUERY_IN_TO, "to:smith" },
    { "cc", FIELD_TEXT, AV_QUERY_IN_CC, "cc:smith" },
    { "bcc", FIELD_TEXT, AV_QUERY_IN_BCC, "bcc:smith" },
    { "subject", FIELD_TEXT, AV_QUERY_IN_SUBJECT, "subject:\"two words\"" },
    { "body", FIELD_TEXT, AV_QUERY_IN_BODY, "body:word" },
    { "attachment", FIELD_TEXT, AV_QUERY_IN_ATTACHMENT | AV_QUERY_IN_FILENAME, "attachment:word" },
    { "filename", FIELD_TEXT, AV_QUERY_IN_FILENAME, "filename:report.pdf" },
    { "folder", FIELD_FOLDER, 0, "folder:Archive/2015" },
    { "date", FIELD_DATE, 0, "date:2015, date:2015-03 or date:2015..2017" },
    { "before", FIELD_BEFORE, 0, "before:2016-01-02" },
    { "after", FIELD_AFTER, 0, "after:2016-01-02" },
    { "size", FIELD_SIZE, 0, "size:>1M or size:10K..2M" },
    { "has", FIELD_HAS, 0, "has:attachment" },
    { "id", FIELD_ID, 0, "id:M..." },
};

static av_errc bad(parser *p, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A syntax error at that byte, told by its column in characters. */
static av_errc
bad(parser *p, size_t at, const char *fmt, ...)
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

static frame *
top(parser *p)
{
    return &p->frames[p->depth - 1];
}

static uint32_t
peek(const parser *p, size_t at, size_t *ret_n)
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

static void
skip_space(parser *p)
{
    size_t n;

    while (p->i < p->text.n && av_query_is_space(peek(p, p->i, &n)))
        p->i += n;
}

/* A term or closed group: negate it if a NOT waits, put it on the stack. */
static void
push(parser *p, av_query_id id)
{
    frame *f = top(p);

    if (f->pending_not)
        id = av_query_not(p->query, id);
    f->pending_not = f->want_operand = false;
    if (p->item_count < p->limits->nodes)
        p->items[p->item_count++] = id; /* beyond that the query holds its own failure */
}

/* The operands of the AND being read become one. */
static void
fold_and(parser *p)
{
    frame *f = top(p);
    av_query_id id = av_query_and(p->query, p->items + f->and_base, p->item_count - f->and_base);

    p->item_count = f->and_base;
    p->items[p->item_count++] = id;
}

/* The innermost frame's result; the frame's items are taken off. */
static av_query_id
fold_frame(parser *p)
{
    frame *f = top(p);
    av_query_id id;

    fold_and(p);
    id = av_query_or(p->query, p->items + f->or_base, p->item_count - f->or_base);
    p->item_count = f->or_base;
    return id;
}

static av_errc
open_group(parser *p, uint32_t fields)
{
    frame *outer = top(p);

    if (p->depth >= p->limits->depth)
        return av_error_set(p->err, AV_ERR_LIMIT, "the search is nested deeper than %zu levels", p->limits->depth);
    p->frames[p->depth++] = (frame){
        .at = p->i, .or_base = p->item_count, .and_base = p->item_count, .fields = fields, .negate = outer->pending_not
    };
    outer->pending_not = false;
    p->i++;
    return AV_OK;
}

static av_errc
missing_operand(parser *p)
{
    frame *f = top(p);

    return bad(p, f->operator_at, "there is nothing to search for on the right of this operator");
}

static av_errc
close_group(parser *p)
{
    frame *f = top(p);
    bool negate = f->negate;
    av_query_id id;

    if (p->depth == 1)
        return bad(p, p->i, "this \")\" closes nothing");
    if (f->want_operand)
        return missing_operand(p);
    if (p->item_count == f->and_base)
        return bad(p, f->at, "there is nothing between these parentheses");
    id = fold_frame(p);
    p->depth--;
    top(p)->pending_not = negate;
    push(p, id);
    p->i++;
    return AV_OK;
}

static av_errc
operator_or(parser *p, size_t at)
{
    frame *f = top(p);

    if (f->want_operand)
        return missing_operand(p);
    if (p->item_count == f->and_base)
        return bad(p, at, "there is nothing to search for on the left of OR");
    fold_and(p);
    f->and_base = p->item_count;
    f->want_operand = true;
    f->operator_at = at;
    return AV_OK;
}

static av_errc
operator_and(parser *p, size_t at)
{
    frame *f = top(p);

    if (f->want_operand)
        return missing_operand(p);
    if (p->item_count == f->and_base)
        return bad(p, at, "there is nothing to search for on the left of AND");
    f->want_operand = true;
    f->operator_at = at;
    return AV_OK;
}

static void
operator_not(parser *p, size_t at)
{
    frame *f = top(p);

    f->pending_not = !f->pending_not; /* NOT NOT a is a */
    f->want_operand = true;
    f->operator_at = at;
}

/* From p->i to white space, a parenthesis or a quote. */
static av_span
take_word(parser *p)
{
    size_t from = p->i, n;

    while (p->i < p->text.n) {
        uint32_t c = peek(p, p->i, &n);

        if (c == '(' || c == ')' || c == '"' || av_query_is_space(c))
            break;
        p->i += n;
    }
    return av_span_slice(p->text, from, p->i);
}

/* Behind the opening quote at p->i up to the closing one. */
static av_errc
take_quoted(parser *p, av_span *ret)
{
    size_t from = p->i + 1, length = av_span_find(av_span_skip(p->text, from), '"');

    if (from + length == p->text.n)
        return bad(p, p->i, "this quotation mark is never closed");
    *ret = av_span_slice(p->text, from, from + length);
    p->i = from + length + 1;
    return AV_OK;
}

static bool
has_letter_or_digit(av_span s)
{
    while (s.n > 0) {
        uint32_t c = av_utf8_next(&s);

        if (av_unicode_is_word(c) || (c >= 0x80 && !av_query_is_space(c)))
            return true;
    }
    return false;
}

/* A word, prefix or phrase that was read, starting at byte `at`. star: a * stood at its end. */
static av_errc
term(parser *p, size_t at, av_span text, bool star, bool quoted, uint32_t fields)
{
    size_t inner = av_span_find(text, '*');

    if (!quoted && inner < text.n)
        return bad(p, at + inner, "a * may stand only at the end of a word");
    if (text.n == 0 && star && !quoted) {
        push(p, fields == AV_QUERY_IN_ANY ? av_query_all(p->query)
                                          : av_query_text(p->query, AV_QUERY_SUBSTRING, fields, text));
        return AV_OK;
    }
    if (text.n > p->limits->term_bytes)
        return av_error_set(p->err, AV_ERR_LIMIT, "a search term is longer than %zu bytes", p->limits->term_bytes);
    if (!has_letter_or_digit(text))
        return bad(p, at, "there is no letter or digit to search for");
    push(p, av_query_text(p->query, star ? AV_QUERY_PREFIX : AV_QUERY_WORD, fields, text));
    return AV_OK;
}

static av_errc
quoted_term(parser *p, uint32_t fields)
{
    size_t at = p->i;
    av_span text = { NULL, 0 };
    bool star;

    if (take_quoted(p, &text) != AV_OK)
        return p->err->code;
    star = p->i < p->text.n && p->text.p[p->i] == '*';
    p->i += star;
    return term(p, at, text, star, true, fields);
}

static av_errc
word_term(parser *p, uint32_t fields)
{
    size_t at = p->i;
    av_span word = take_word(p);
    bool star = word.n > 0 && word.p[word.n - 1] == '*';

    if (star)
        word.n--;
    return term(p, at, word, star, false, fields);
}

static av_errc
date_value(parser *p, const struct field *field, size_t at, av_span value)
{
    int64_t from = INT64_MIN, to = INT64_MAX, start, end;
    bool ok;

    if (field->kind == FIELD_DATE) {
        ok = av_query_period_range(value, p->limits->zone_min, &from, &to);
    } else {
        ok = av_query_period(value, p->limits->zone_min, &start, &end);
        if (ok && field->kind == FIELD_BEFORE)
            to = start;
        else if (ok)
            from = end;
    }
    if (!ok)
        return bad(p, at, "this is no date; dates look like this: %s", field->example);
    if (from >= to)
        return bad(p, at, "the range ends before it begins");
    push(p, av_query_dates(p->query, AV_QUERY_DATE_SENT, from, to));
    return AV_OK;
}

static av_errc
size_value(parser *p, const struct field *field, size_t at, av_span value)
{
    uint64_t min, max;

    if (!av_query_size_range(value, &min, &max))
        return bad(p, at, "this is no size; sizes look like this: %s", field->example);
    if (min > max)
        return bad(p, at, "the range ends before it begins");
    push(p, av_query_size(p->query, min, max));
    return AV_OK;
}

/* The value of a field that takes one plain value. */
static av_errc
plain_value(parser *p, const struct field *field)
{
    size_t at = p->i;
    av_span value = { NULL, 0 };

    if (p->text.p[p->i] != '"')
        value = take_word(p);
    else if (take_quoted(p, &value) != AV_OK)
        return p->err->code;
    if (value.n == 0)
        return bad(p, at, "%s: needs a value, like %s", field->name, field->example);
    if (value.n > p->limits->term_bytes)
        return av_error_set(p->err, AV_ERR_LIMIT, "a search term is longer than %zu bytes", p->limits->term_bytes);
    switch (field->kind) {
    case FIELD_FOLDER:
        push(p, av_query_folder(p->query, value));
        return AV_OK;
    case FIELD_ID:
        push(p, av_query_message_id(p->query, value));
        return AV_OK;
    case FIELD_SIZE:
        return size_value(p, field, at, value);
    case FIELD_HAS:
        if (!av_span_ieq_str(value, "attachment"))
            return bad(p, at, "the only thing a message can be asked to have is has:attachment");
        push(p, av_query_has_attachment(p->query));
        return AV_OK;
    default:
        return date_value(p, field, at, value);
    }
}

/* "name:" stands at p->i, colon at byte `colon`. */
static av_errc
field_term(parser *p, size_t colon)
{
    size_t at = p->i;
    av_span name = av_span_slice(p->text, at, colon);
    const struct field *field = NULL;

    for (size_t i = 0; i < AV_COUNT(field_table) && field == NULL; i++)
        if (av_span_ieq_str(name, field_table[i].name))
            field = &field_table[i];
    if (field == NULL)
        return bad(p, at, "\"%.*s:\" is not a field; to search for these words put quotation marks around them",
            (int)AV_MIN(name.n, (size_t)40), (const char *)name.p);
    p->i = colon + 1;
    skip_space(p);
    if (p->i == p->text.n || p->text.p[p->i] == ')')
        return bad(p, at, "%s: needs a value, like %s", field->name, field->example);
    if (field->kind != FIELD_TEXT)
        return plain_value(p, field);
    if (p->text.p[p->i] == '(')
        return open_group(p, field->fields);
    return p->text.p[p->i] == '"' ? quoted_term(p, field->fields) : word_term(p, field->fields);
}

/* Byte of the colon if letters and a colon stand at p->i, else 0. */
static size_t
colon_of_field(const parser *p)
{
    size_t i = p->i;

    while (i < p->text.n && ((p->text.p[i] | 0x20) >= 'a' && (p->text.p[i] | 0x20) <= 'z'))
        i++;
    return i > p->i && i < p->text.n && p->text.p[i] == ':' ? i : 0;
}

/* One token at p->i, which is not white space. */
static av_errc
token(parser *p)
{
    uint8_t c = p->text.p[p->i];
    size_t at = p->i, colon, n;
    av_span word;

    if (c == '(')
        return open_group(p, top(p)->fields);
    if (c == ')')
        return close_group(p);
    if (c == '"')
        return quoted_term(p, top(p)->fields);
    if (c == '-' && at + 1 < p->text.n && !av_query_is_space(peek(p, at + 1, &n))) {
        p->i++;
        operator_not(p, at);
        return AV_OK;
    }
    colon = colon_of_field(p);
    if (colon > 0)
        return field_term(p, colon);
    word = take_word(p);
    if (av_span_eq_str(word, "OR"))
        return operator_or(p, at);
    if (av_span_eq_str(word, "AND"))
        return operator_and(p, at);
    if (av_span_eq_str(word, "NOT")) {
        operator_not(p, at);
        return AV_OK;
    }
    p->i = at;
    return word_term(p, top(p)->fields);
}

static av_errc
run(parser *p, av_error *err)
{
    if (p->text.n > p->limits->text_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "the search is longer than %zu bytes", p->limits->text_bytes);
    if (!av_utf8_valid(p->text))
        return av_error_set(err, AV_ERR_SYNTAX, "column 1: the search is not valid UTF-8");
    for (skip_space(p); p->i < p->text.n; skip_space(p)) {
        av_errc rc = token(p);

        if (rc != AV_OK)
            return rc;
        if (av_query_failed(p->query))
            return av_query_finish(p->query, AV_QUERY_NONE, err);
    }
    if (p->depth > 1)
        return bad(p, top(p)->at, "this \"(\" is never closed");
    if (top(p)->want_operand)
        return missing_operand(p);
    if (p->item_count == 0)
        return bad(p, 0, "there is nothing to search for; * finds every message");
    return av_query_finish(p->query, fold_frame(p), err);
}

av_errc
av_query_parse(av_span text, const av_query_limits *limits, av_query **ret, av_error *err)
{
    AV_CLEANUP(av_query_destroy) av_query *query = av_query_new(limits);
    AV_CLEANUP(av_free) av_query_id *items = NULL;
    const av_query_limits *bounds = av_query_limits_of(query);
    parser p = { .text = text, .query = query, .limits = bounds, .depth = 1, .err = err };
    av_errc rc;

    /* Two to spare: a fold puts its result back after it took at least one off, and a full stack still takes one. */
    p.items = items = av_xcalloc(bounds->nodes + 2, sizeof *items);
    p.frames[0].fields = AV_QUERY_IN_ANY;
    rc = run(&p, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(query);
    return rc;
}
