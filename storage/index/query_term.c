/*
 * query_term.c - words, phrases, prefixes and fields of a typed search
 *
 * Not here: operators and groups (query_parse.c), what dates and sizes look like (query_value.c).
 */
#include "storage/index/query_parser.h"

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

/* A word, prefix or phrase that was read, starting at byte `at`. star: a * stood at its end. */
static av_errc
term(av_query_parser *p, size_t at, av_span text, bool star, bool quoted, uint32_t fields)
{
    size_t inner = av_span_find(text, '*');

    if (!quoted && inner < text.n)
        return av_query_parser_bad(p, at + inner, "a * may stand only at the end of a word");
    if (text.n == 0 && star && !quoted) {
        av_query_parser_push(p, fields == AV_QUERY_IN_ANY ? av_query_all(p->query)
                                                          : av_query_text(p->query, AV_QUERY_SUBSTRING, fields, text));
        return AV_OK;
    }
    if (text.n > p->limits->term_bytes)
        return av_error_set(p->err, AV_ERR_LIMIT, "a search term is longer than %zu bytes", p->limits->term_bytes);
    if (!av_query_is_searchable(text))
        return av_query_parser_bad(p, at, "there is no letter or digit to search for");
    av_query_parser_push(p, av_query_text(p->query, star ? AV_QUERY_PREFIX : AV_QUERY_WORD, fields, text));
    return AV_OK;
}

av_errc
av_query_parser_quoted(av_query_parser *p, uint32_t fields)
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

av_errc
av_query_parser_term(av_query_parser *p, uint32_t fields)
{
    size_t at = p->i;
    av_span word = av_query_parser_word(p);
    bool star = word.n > 0 && word.p[word.n - 1] == '*';

    if (star)
        word.n--;
    return term(p, at, word, star, false, fields);
}

static av_errc
date_value(av_query_parser *p, const struct field *field, size_t at, av_span value)
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
        return av_query_parser_bad(p, at, "this is no date; dates look like this: %s", field->example);
    if (from >= to)
        return av_query_parser_bad(p, at, "the range ends before it begins");
    av_query_parser_push(p, av_query_dates(p->query, AV_QUERY_DATE_SENT, from, to));
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
    if (field->kind != FIELD_TEXT)
        return plain_value(p, field);
    if (p->text.p[p->i] == '(')
        return av_query_parser_open(p, field->fields);
    return p->text.p[p->i] == '"' ? av_query_parser_quoted(p, field->fields) : av_query_parser_term(p, field->fields);
}
