/*
 * query_term.c - words, phrases, patterns and fields of a typed search
 *
 * Not here: operators and groups (query_parse.c), what dates and sizes look like (query_value.c).
 */
#include "storage/index/query_parser.h"

typedef enum field_kind {
    FIELD_TEXT,
    FIELD_FOLDER,
    FIELD_HEADER,
    FIELD_DATE,
    FIELD_RECEIVED,
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
    { "received", FIELD_RECEIVED, 0, "received:2015, received:2015-03 or received:2015..2017" },
    { "header", FIELD_HEADER, 0, "header:x-mailer:word" },
    { "before", FIELD_BEFORE, 0, "before:2016-01-02" },
    { "after", FIELD_AFTER, 0, "after:2016-01-02" },
    { "size", FIELD_SIZE, 0, "size:>1M or size:10K..2M" },
    { "has", FIELD_HAS, 0, "has:attachment" },
    { "id", FIELD_ID, 0, "id:M..." },
};

/* From p->i to white space, a parenthesis or a quote. */
av_span
av_query_parser_word(av_query_parser *p)
{
    size_t from = p->i, n;

    while (p->i < p->text.n) {
        uint32_t c = av_query_parser_peek(p, p->i, &n);

        if (c == '(' || c == ')' || c == '"' || av_query_is_space(c))
            break;
        p->i += n;
    }
    return av_span_slice(p->text, from, p->i);
}

/* Behind the opening quote at p->i up to the closing one. */
static av_errc
take_quoted(av_query_parser *p, av_span *ret)
{
    size_t from = p->i + 1, length = av_span_find(av_span_skip(p->text, from), '"');

    if (from + length == p->text.n)
        return av_query_parser_bad(p, p->i, "this quotation mark is never closed");
    *ret = av_span_slice(p->text, from, from + length);
    p->i = from + length + 1;
    return AV_OK;
}

/* Where a term looks: in fields or, when it has a name, in that header field. */
typedef struct target {
    uint32_t fields;
    av_span header;
} target;

/* A term of this kind onto the stack; at: where it stands, for the message. */
static av_errc
push_text(av_query_parser *p, size_t at, av_query_kind kind, av_span text, const target *where)
{
    const char *wrong;

    if (text.n > p->limits->term_bytes)
        return av_error_set(p->err, AV_ERR_LIMIT, "a search term is longer than %zu bytes", p->limits->term_bytes);
    if (!av_query_is_searchable(text))
        return av_query_parser_bad(p, at, "there is no letter or digit to search for");
    wrong = kind == AV_QUERY_WORD ? NULL : av_query_wrong_with(kind, text);
    if (wrong != NULL)
        return av_query_parser_bad(p, at, "%s", wrong);
    if (where->header.n > 0)
        av_query_parser_push(p, av_query_header_word(p->query, where->header, kind, text));
    else if (kind == AV_QUERY_STEM)
        av_query_parser_push(p, av_query_stem(p->query, where->fields, av_span_of(NULL, 0), text));
    else
        av_query_parser_push(p, av_query_text(p->query, kind, where->fields, text));
    return AV_OK;
}

/* A lone star: every message, or every one that has the field. */
static av_errc
push_star(av_query_parser *p, const target *where)
{
    av_span nothing = { NULL, 0 };

    if (where->header.n > 0)
        av_query_parser_push(p, av_query_header(p->query, where->header, nothing));
    else if (where->fields == AV_QUERY_IN_ANY)
        av_query_parser_push(p, av_query_all(p->query));
    else
        av_query_parser_push(p, av_query_text(p->query, AV_QUERY_SUBSTRING, where->fields, nothing));
    return AV_OK;
}

static size_t
wildcards(av_span text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '*' || text.p[i] == '?';
    return n;
}

static av_errc
quoted(av_query_parser *p, const target *where)
{
    size_t at = p->i;
    av_span text = { NULL, 0 };
    bool star;

    if (take_quoted(p, &text) != AV_OK)
        return p->err->code;
    star = p->i < p->text.n && p->text.p[p->i] == '*';
    p->i += star;
    return push_text(p, at, star ? AV_QUERY_PREFIX : AV_QUERY_WORD, text, where);
}

/* NEAR(a b, 10): p->i stands at the parenthesis, the word began at byte at. */
static av_errc
near(av_query_parser *p, size_t at, const target *where)
{
    size_t from = p->i + 1, to = from + av_span_find(av_span_skip(p->text, from), ')'), comma;
    uint64_t distance = AV_QUERY_NEAR_DEFAULT;
    av_span inside;
    const char *wrong;

    if (to == p->text.n)
        return av_query_parser_bad(p, p->i, "this \"(\" is never closed");
    inside = av_span_slice(p->text, from, to);
    if (av_span_find(inside, '(') < inside.n || av_span_find(inside, '"') < inside.n)
        return av_query_parser_bad(p, from, "NEAR takes words alone, like NEAR(one two, 10)");
    comma = av_span_find(inside, ',');
    if (comma < inside.n &&
        (!av_span_u64(av_span_trim(av_span_skip(inside, comma + 1)), AV_QUERY_NEAR_MAX, &distance) || distance == 0))
        return av_query_parser_bad(
            p, from + comma + 1, "the distance of NEAR is a number of words from 1 to %d", AV_QUERY_NEAR_MAX);
    inside.n = comma;
    if (inside.n > p->limits->term_bytes)
        return av_error_set(p->err, AV_ERR_LIMIT, "a search term is longer than %zu bytes", p->limits->term_bytes);
    if (where->header.n > 0)
        return av_query_parser_bad(p, at, "NEAR cannot be used in header:");
    wrong = av_query_wrong_with(AV_QUERY_NEAR, inside);
    if (wrong != NULL)
        return av_query_parser_bad(p, from, "%s", wrong);
    av_query_parser_push(p, av_query_near(p->query, where->fields, (uint32_t)distance, inside));
    p->i = to + 1;
    return AV_OK;
}

/* A word without quotation marks: ~stem, pref*, *suffix, pat?ern, or as it is. */
static av_errc
unquoted(av_query_parser *p, const target *where)
{
    size_t at = p->i, n;
    av_span word = av_query_parser_word(p);

    if (av_span_eq_str(word, "NEAR") && p->i < p->text.n && p->text.p[p->i] == '(')
        return near(p, at, where);
    n = wildcards(word);
    if (word.n > 1 && word.p[0] == '~') {
        if (where->header.n > 0)
            return av_query_parser_bad(p, at, "~ cannot be used in header:");
        return push_text(p, at, AV_QUERY_STEM, av_span_skip(word, 1), where);
    }
    if (n == 1 && word.n == 1 && word.p[0] == '*')
        return push_star(p, where);
    if (n == 1 && word.p[word.n - 1] == '*')
        return push_text(p, at, AV_QUERY_PREFIX, av_span_slice(word, 0, word.n - 1), where);
    if (n == 1 && word.p[0] == '*')
        return push_text(p, at, AV_QUERY_SUFFIX, av_span_skip(word, 1), where);
    return push_text(p, at, n > 0 ? AV_QUERY_WILDCARD : AV_QUERY_WORD, word, where);
}

av_errc
av_query_parser_quoted(av_query_parser *p, uint32_t fields)
{
    return quoted(p, &(target){ .fields = fields });
}

av_errc
av_query_parser_term(av_query_parser *p, uint32_t fields)
{
    return unquoted(p, &(target){ .fields = fields });
}

/* The name of a header field, its colon and what is searched in it stand at p->i; the field began at byte at. */
static av_errc
header_value(av_query_parser *p, const struct field *field, size_t at)
{
    size_t colon = p->i + av_span_find(av_span_skip(p->text, p->i), ':');
    target where = { .fields = 0 };

    for (size_t i = p->i; i < colon && i < p->text.n; i++)
        if (p->text.p[i] <= ' ' || p->text.p[i] >= 0x7F || strchr("()\"", p->text.p[i]) != NULL)
            colon = p->text.n;
    if (colon == p->text.n || colon == p->i)
        return av_query_parser_bad(p, at, "header: needs a name and a value, like %s", field->example);
    where.header = av_span_slice(p->text, p->i, colon);
    p->i = colon + 1;
    av_query_parser_skip_space(p);
    if (p->i == p->text.n || p->text.p[p->i] == ')' || p->text.p[p->i] == '(')
        return av_query_parser_bad(p, at, "header: needs a name and a value, like %s", field->example);
    return p->text.p[p->i] == '"' ? quoted(p, &where) : unquoted(p, &where);
}

static av_errc
date_value(av_query_parser *p, const struct field *field, size_t at, av_span value)
{
    int64_t from = INT64_MIN, to = INT64_MAX, start, end;
    bool ok;

    if (field->kind == FIELD_DATE || field->kind == FIELD_RECEIVED) {
        ok = av_query_period_range(value, p->limits->zone_min, &from, &to);
    } else {
        ok = av_query_period(value, p->limits->zone_min, &start, &end);
        if (ok && field->kind == FIELD_BEFORE)
            to = start;
        else if (ok)
            from = end;
    }
    if (!ok)
        return av_query_parser_bad(p, at, "this is no date; dates look like this: %s", field->example);
    if (from >= to)
        return av_query_parser_bad(p, at, "the range ends before it begins");
    av_query_parser_push(p, av_query_dates(p->query,
                                field->kind == FIELD_RECEIVED ? AV_QUERY_DATE_RECEIVED : AV_QUERY_DATE_SENT, from, to));
    return AV_OK;
}

static av_errc
size_value(av_query_parser *p, const struct field *field, size_t at, av_span value)
{
    uint64_t min, max;

    if (!av_query_size_range(value, &min, &max))
        return av_query_parser_bad(p, at, "this is no size; sizes look like this: %s", field->example);
    if (min > max)
        return av_query_parser_bad(p, at, "the range ends before it begins");
    av_query_parser_push(p, av_query_size(p->query, min, max));
    return AV_OK;
}

/* The value of a field that takes one plain value. */
static av_errc
plain_value(av_query_parser *p, const struct field *field)
{
    size_t at = p->i;
    av_span value = { NULL, 0 };

    if (p->text.p[p->i] != '"')
        value = av_query_parser_word(p);
    else if (take_quoted(p, &value) != AV_OK)
        return p->err->code;
    if (value.n == 0)
        return av_query_parser_bad(p, at, "%s: needs a value, like %s", field->name, field->example);
    if (value.n > p->limits->term_bytes)
        return av_error_set(p->err, AV_ERR_LIMIT, "a search term is longer than %zu bytes", p->limits->term_bytes);
    switch (field->kind) {
    case FIELD_FOLDER:
        av_query_parser_push(p, av_query_folder(p->query, value));
        return AV_OK;
    case FIELD_ID:
        av_query_parser_push(p, av_query_message_id(p->query, value));
        return AV_OK;
    case FIELD_SIZE:
        return size_value(p, field, at, value);
    case FIELD_HAS:
        if (!av_span_ieq_str(value, "attachment"))
            return av_query_parser_bad(p, at, "the only thing a message can be asked to have is has:attachment");
        av_query_parser_push(p, av_query_has_attachment(p->query));
        return AV_OK;
    default:
        return date_value(p, field, at, value);
    }
}

/* "name:" stands at p->i, colon at byte `colon`. */
av_errc
av_query_parser_field(av_query_parser *p, size_t colon)
{
    size_t at = p->i;
    av_span name = av_span_slice(p->text, at, colon);
    const struct field *field = NULL;

    for (size_t i = 0; i < AV_COUNT(field_table) && field == NULL; i++)
        if (av_span_ieq_str(name, field_table[i].name))
            field = &field_table[i];
    if (field == NULL)
        return av_query_parser_bad(p, at,
            "\"%.*s:\" is not a field; to search for these words put quotation marks around them",
            (int)AV_MIN(name.n, (size_t)40), (const char *)name.p);
    p->i = colon + 1;
    av_query_parser_skip_space(p);
    if (p->i == p->text.n || p->text.p[p->i] == ')')
        return av_query_parser_bad(p, at, "%s: needs a value, like %s", field->name, field->example);
    if (field->kind == FIELD_HEADER)
        return header_value(p, field, at);
    if (field->kind != FIELD_TEXT)
        return plain_value(p, field);
    if (p->text.p[p->i] == '(')
        return av_query_parser_open(p, field->fields);
    return p->text.p[p->i] == '"' ? av_query_parser_quoted(p, field->fields) : av_query_parser_term(p, field->fields);
}
