/*
 * search_keys.c - see search_keys.h
 *
 * The keys are read from left to right over a stack of open groups (parentheses, NOT, OR), so nothing recurses on what a
 * client sends. Finished keys wait on a stack of their own; a group that is complete takes its own off it and leaves one.
 */
#include "gateway/imap/search_keys.h"

#include "base/unicode.h"
#include "gateway/imap/grammar.h"

#define DEPTH_MAX  32
#define VALUES_MAX 512
#define DAY_S      86400

typedef enum group_kind { GROUP_ALL, GROUP_PAREN, GROUP_NOT, GROUP_OR } group_kind;

typedef struct parser {
    av_span in;
    av_buf text; /* unescaped strings; never grows beyond what was reserved */
    const av_imap_uids *uids;
    av_query *query;
    struct {
        group_kind kind;
        size_t base; /* its first value */
    } groups[DEPTH_MAX];
    size_t depth;
    av_query_id values[VALUES_MAX];
    size_t value_count;
} parser;

/* ---- keys with their arguments ---- */

typedef struct key_row key_row;
typedef av_errc key_fn(parser *self, const key_row *row, av_query_id *ret, av_error *err);

struct key_row {
    const char *name;
    key_fn *run;
    uint32_t detail; /* flag, fields or date kind */
    bool negated;
};

static av_errc
bad_argument(const key_row *row, av_error *err)
{
    return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: what stands behind %s is not what it takes", row->name);
}

static av_errc
take_text(parser *self, const key_row *row, av_span *ret, av_error *err)
{
    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_astring(&self->in, &self->text, ret))
        return bad_argument(row, err);
    if (!av_utf8_valid(*ret))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: the text behind %s is not UTF-8", row->name);
    return AV_OK;
}

static av_query_id
nothing(parser *self)
{
    return av_query_not(self->query, av_query_all(self->query));
}

static av_errc
key_all(parser *self, const key_row *row, av_query_id *ret, av_error *err AV_UNUSED)
{
    *ret = row->negated ? nothing(self) : av_query_all(self->query);
    return AV_OK;
}

static av_errc
key_flag(parser *self, const key_row *row, av_query_id *ret, av_error *err AV_UNUSED)
{
    *ret = av_query_flagged(self->query, (av_query_flag)row->detail);
    if (row->negated)
        *ret = av_query_not(self->query, *ret);
    return AV_OK;
}

static av_errc
key_keyword(parser *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span atom;

    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_atom(&self->in, &atom))
        return bad_argument(row, err);
    *ret = av_query_keyword(self->query, atom);
    if (row->negated)
        *ret = av_query_not(self->query, *ret);
    return AV_OK;
}

static av_errc
key_text(parser *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span text;
    av_errc rc = take_text(self, row, &text, err);

    if (rc == AV_OK)
        *ret = av_query_text(self->query, AV_QUERY_SUBSTRING, row->detail, text);
    return rc;
}

static av_errc
key_header(parser *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span name, text;
    av_errc rc = take_text(self, row, &name, err);

    if (rc == AV_OK)
        rc = take_text(self, row, &text, err);
    if (rc == AV_OK)
        *ret = av_query_header(self->query, name, text);
    return rc;
}

/* detail: the date meant, and which side of the day: 'b'efore, 'o'n, 's'ince in the upper bytes. */
#define DATE(which, side) ((uint32_t)(which) | ((uint32_t)(side) << 8))

static av_errc
key_date(parser *self, const key_row *row, av_query_id *ret, av_error *err)
{
    int64_t day, from = INT64_MIN, to = INT64_MAX;

    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_date(&self->in, &day))
        return bad_argument(row, err);
    if (row->detail >> 8 != 'b')
        from = day;
    if (row->detail >> 8 != 's')
        to = row->detail >> 8 == 'b' ? day : day + DAY_S;
    *ret = av_query_dates(self->query, (av_query_date)(row->detail & 0xff), from, to);
    return AV_OK;
}

/* RFC 3501, 6.4.4: LARGER is more than n, SMALLER less than n. */
static av_errc
key_size(parser *self, const key_row *row, av_query_id *ret, av_error *err)
{
    uint64_t n;

    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_number64(&self->in, &n))
        return bad_argument(row, err);
    if (row->detail == '>')
        *ret = av_query_size(self->query, n + 1, UINT64_MAX);
    else
        *ret = n == 0 ? nothing(self) : av_query_size(self->query, 0, n - 1);
    return AV_OK;
}

static av_errc
add_set(parser *self, bool by_uid, av_query_id *ret)
{
    AV_CLEANUP(av_free) av_query_range *set = NULL;
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    size_t n;

    if (!av_imap_take_seqset(&self->in, &set, &n))
        return AV_ERR_SYNTAX;
    av_imap_uids_resolve(self->uids, set, n, by_uid, &ranges, &n);
    *ret = n == 0 ? nothing(self) : av_query_uids(self->query, ranges, n);
    return AV_OK;
}

static av_errc
key_uid(parser *self, const key_row *row, av_query_id *ret, av_error *err)
{
    if (!av_imap_take_char(&self->in, ' ') || add_set(self, true, ret) != AV_OK)
        return bad_argument(row, err);
    return AV_OK;
}

#define BODY_FIELDS (AV_QUERY_IN_BODY | AV_QUERY_IN_ATTACHMENT)

static const key_row keys[] = {
    { "ALL", key_all, 0, false },
    { "OLD", key_all, 0, false },
    { "NEW", key_all, 0, true },
    { "RECENT", key_all, 0, true },
    { "ANSWERED", key_flag, AV_QUERY_FLAG_ANSWERED, false },
    { "DELETED", key_flag, AV_QUERY_FLAG_DELETED, false },
    { "DRAFT", key_flag, AV_QUERY_FLAG_DRAFT, false },
    { "FLAGGED", key_flag, AV_QUERY_FLAG_FLAGGED, false },
    { "SEEN", key_flag, AV_QUERY_FLAG_SEEN, false },
    { "UNANSWERED", key_flag, AV_QUERY_FLAG_ANSWERED, true },
    { "UNDELETED", key_flag, AV_QUERY_FLAG_DELETED, true },
    { "UNDRAFT", key_flag, AV_QUERY_FLAG_DRAFT, true },
    { "UNFLAGGED", key_flag, AV_QUERY_FLAG_FLAGGED, true },
    { "UNSEEN", key_flag, AV_QUERY_FLAG_SEEN, true },
    { "KEYWORD", key_keyword, 0, false },
    { "UNKEYWORD", key_keyword, 0, true },
    { "BCC", key_text, AV_QUERY_IN_BCC, false },
    { "CC", key_text, AV_QUERY_IN_CC, false },
    { "FROM", key_text, AV_QUERY_IN_FROM, false },
    { "SUBJECT", key_text, AV_QUERY_IN_SUBJECT, false },
    { "TO", key_text, AV_QUERY_IN_TO, false },
    { "BODY", key_text, BODY_FIELDS, false },
    { "TEXT", key_text, BODY_FIELDS | AV_QUERY_IN_HEADER, false },
    { "HEADER", key_header, 0, false },
    { "BEFORE", key_date, DATE(AV_QUERY_DATE_RECEIVED, 'b'), false },
    { "ON", key_date, DATE(AV_QUERY_DATE_RECEIVED, 'o'), false },
    { "SINCE", key_date, DATE(AV_QUERY_DATE_RECEIVED, 's'), false },
    { "SENTBEFORE", key_date, DATE(AV_QUERY_DATE_SENT_LOCAL, 'b'), false },
    { "SENTON", key_date, DATE(AV_QUERY_DATE_SENT_LOCAL, 'o'), false },
    { "SENTSINCE", key_date, DATE(AV_QUERY_DATE_SENT_LOCAL, 's'), false },
    { "LARGER", key_size, '>', false },
    { "SMALLER", key_size, '<', false },
    { "UID", key_uid, 0, false },
};

/* ---- groups ---- */

static av_errc
open_group(parser *self, group_kind kind, av_error *err)
{
    if (self->depth == DEPTH_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "SEARCH: more than %d groups in each other", DEPTH_MAX);
    self->groups[self->depth].kind = kind;
    self->groups[self->depth++].base = self->value_count;
    return AV_OK;
}

static av_errc
open_operator(parser *self, group_kind kind, av_error *err)
{
    if (!av_imap_take_char(&self->in, ' '))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: a key is missing behind NOT or OR");
    return open_group(self, kind, err);
}

static av_errc
push_value(parser *self, av_query_id id, av_error *err)
{
    if (self->value_count == VALUES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "SEARCH: more than %d keys", VALUES_MAX);
    self->values[self->value_count++] = id;
    return AV_OK;
}

/* The innermost group is complete: its values become one. */
static void
close_group(parser *self)
{
    size_t base = self->groups[--self->depth].base, n = self->value_count - base;
    const av_query_id *values = self->values + base;
    av_query_id id;

    switch (self->groups[self->depth].kind) {
    case GROUP_NOT:
        id = av_query_not(self->query, values[0]);
        break;
    case GROUP_OR:
        id = av_query_or(self->query, values, n);
        break;
    default:
        id = av_query_and(self->query, values, n);
        break;
    }
    self->value_count = base + 1;
    self->values[base] = id;
}

/* One key, or the beginning of a group (then *ret_opened, and a key must follow). */
static av_errc
take_key(parser *self, bool *ret_opened, av_error *err)
{
    av_query_id id = AV_QUERY_NONE;
    av_span word;
    av_errc rc = AV_OK;

    *ret_opened = true;
    if (av_imap_take_char(&self->in, '('))
        return open_group(self, GROUP_PAREN, err);
    if (av_imap_take_keyword(&self->in, "NOT"))
        return open_operator(self, GROUP_NOT, err);
    if (av_imap_take_keyword(&self->in, "OR"))
        return open_operator(self, GROUP_OR, err);
    *ret_opened = false;
    if (add_set(self, false, &id) == AV_OK)
        return push_value(self, id, err);
    if (!av_imap_take_atom(&self->in, &word))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: a key is missing");
    for (size_t i = 0; i < AV_COUNT(keys); i++) {
        if (!av_span_ieq_str(word, keys[i].name))
            continue;
        rc = keys[i].run(self, &keys[i], &id, err);
        return rc != AV_OK ? rc : push_value(self, id, err);
    }
    return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: unknown key %.*s", (int)AV_MIN(word.n, 40U), (const char *)word.p);
}

/* Behind a key: close what is complete, up to where the next key must come (true) or to the end (false). */
static av_errc
after_key(parser *self, bool *ret_more, av_error *err)
{
    for (;;) {
        group_kind kind = self->groups[self->depth - 1].kind;
        size_t values = self->value_count - self->groups[self->depth - 1].base;

        if (kind == GROUP_NOT || (kind == GROUP_OR && values == 2)) {
            close_group(self);
        } else if (av_imap_take_char(&self->in, ' ')) {
            *ret_more = true;
            return AV_OK;
        } else if (kind == GROUP_PAREN && av_imap_take_char(&self->in, ')')) {
            close_group(self);
        } else if (kind == GROUP_ALL && self->in.n == 0) {
            *ret_more = false;
            return AV_OK;
        } else {
            return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: a key, a blank or a parenthesis is missing or too many");
        }
    }
}

/* RFC 3501, 6.4.4: a charset that is not known is NO [BADCHARSET]. */
static av_errc
take_charset(parser *self, av_error *err)
{
    av_span name;

    if (!av_imap_take_keyword(&self->in, "CHARSET"))
        return AV_OK;
    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_astring(&self->in, &self->text, &name) ||
        !av_imap_take_char(&self->in, ' '))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: CHARSET takes a name, then come the keys");
    if (!av_span_ieq_str(name, "UTF-8") && !av_span_ieq_str(name, "US-ASCII"))
        return av_error_set(err, AV_ERR_UNSUPPORTED, "SEARCH: the charset must be UTF-8 or US-ASCII");
    return AV_OK;
}

static av_errc
parse(parser *self, av_error *err)
{
    bool more = true, opened;
    av_errc rc = take_charset(self, err);

    if (rc == AV_OK)
        rc = open_group(self, GROUP_ALL, err);
    while (rc == AV_OK && more) {
        rc = take_key(self, &opened, err);
        if (rc == AV_OK && !opened)
            rc = after_key(self, &more, err);
    }
    if (rc != AV_OK)
        return rc;
    close_group(self);
    return av_query_finish(self->query, self->values[0], err);
}

av_errc
av_imap_search_parse(av_span in, const av_imap_uids *uids, av_query **ret, av_error *err)
{
    AV_CLEANUP(av_free) parser *self = av_xcalloc(1, sizeof *self);
    AV_CLEANUP(av_query_destroy) av_query *query = av_query_new(NULL);
    av_errc rc;

    self->in = in;
    self->uids = uids;
    self->query = query;
    av_buf_init(&self->text, in.n + 1);
    (void)av_buf_reserve(&self->text, in.n + 1);
    rc = parse(self, err);
    av_buf_release(&self->text);
    if (rc == AV_OK)
        *ret = AV_TAKE(query);
    return rc;
}
