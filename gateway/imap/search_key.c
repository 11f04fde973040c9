/*
 * search_key.c - the keys of SEARCH, one row each (RFC 3501, 6.4.4)
 */
#include "base/unicode.h"
#include "gateway/imap/grammar.h"
#include "gateway/imap/search_priv.h"
#include "storage/mime/charset.h"

#define DAY_S 86400

typedef struct key_row key_row;
typedef av_errc key_fn(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err);

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

/* As UTF-8; borrowed until the next. */
static av_errc
take_text(av_imap_search *self, const key_row *row, av_span *ret, av_error *err)
{
    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_astring(&self->in, &self->text, ret))
        return bad_argument(row, err);
    if (self->charset.n > 0) {
        av_buf_clear(&self->utf8);
        if (!av_charset_to_utf8(self->charset, *ret, &self->utf8))
            return av_error_set(err, AV_ERR_LIMIT, "SEARCH: the text behind %s is too long", row->name);
        *ret = av_buf_span(&self->utf8);
    }
    if (!av_utf8_valid(*ret))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: the text behind %s is not of its charset", row->name);
    return AV_OK;
}

static av_query_id
nothing(av_imap_search *self)
{
    return av_query_not(self->query, av_query_all(self->query));
}

static av_errc
key_all(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err AV_UNUSED)
{
    *ret = row->negated ? nothing(self) : av_query_all(self->query);
    return AV_OK;
}

static av_errc
key_flag(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err AV_UNUSED)
{
    *ret = av_query_flagged(self->query, (av_query_flag)row->detail);
    if (row->negated)
        *ret = av_query_not(self->query, *ret);
    return AV_OK;
}

static av_errc
key_keyword(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
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
key_text(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span text = { 0 };
    av_errc rc = take_text(self, row, &text, err);

    if (rc != AV_OK)
        return rc;
    if (text.n == 0) /* in every field of the name, also in an empty one */
        *ret = av_query_header(self->query, av_span_str(row->name), text);
    else
        *ret = av_query_text(self->query, AV_QUERY_SUBSTRING, row->detail, text);
    return AV_OK;
}

/* RFC 9051, 6.4.4: BODY and TEXT may match more flexibly than by substring. */
static av_errc
key_body(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span text = { 0 };
    av_errc rc = take_text(self, row, &text, err);

    if (rc != AV_OK)
        return rc;
    if (self->options->exact)
        *ret = av_query_text(self->query, AV_QUERY_SUBSTRING, row->detail, text);
    else
        *ret = av_query_contains(self->query,
            (row->detail & AV_QUERY_IN_HEADER) != 0
                ? (row->detail & ~(uint32_t)AV_QUERY_IN_HEADER) | AV_QUERY_IN_BCC | AV_QUERY_IN_ANY
                : row->detail,
            text);
    return AV_OK;
}

static av_errc
key_header(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span name = { 0 }, text = { 0 };
    av_errc rc = AV_OK;

    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_astring(&self->in, &self->text, &name) || name.n == 0)
        rc = bad_argument(row, err);
    if (rc == AV_OK && !av_utf8_valid(name))
        rc = bad_argument(row, err);
    if (rc == AV_OK)
        rc = take_text(self, row, &text, err);
    if (rc == AV_OK)
        *ret = av_query_header(self->query, name, text);
    return rc;
}

/* detail: the date meant, and which side of the day: 'b'efore, 'o'n, 's'ince in the upper bytes. */
#define DATE(which, side) ((uint32_t)(which) | ((uint32_t)(side) << 8))

static av_errc
key_date(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
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
key_size(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
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
add_set(av_imap_search *self, bool by_uid, av_query_id *ret)
{
    AV_CLEANUP(av_free) av_query_range *set = NULL;
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    size_t n;

    if (!av_imap_take_seqset(&self->in, &set, &n))
        return AV_ERR_SYNTAX;
    if (self->options->uids == NULL && (!by_uid || set[0].first == 0)) {
        self->numbers_refused = true;
        return AV_ERR_INVALID;
    }
    if (self->options->uids == NULL) {
        *ret = av_query_uids(self->query, set, n);
        return AV_OK;
    }
    av_imap_uids_resolve(self->options->uids, set, n, by_uid, &ranges, &n);
    *ret = n == 0 ? nothing(self) : av_query_uids(self->query, ranges, n);
    return AV_OK;
}

static av_errc
key_uid(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    if (!av_imap_take_char(&self->in, ' ') || add_set(self, true, ret) != AV_OK)
        return bad_argument(row, err);
    return AV_OK;
}

/* RFC 5032, 2: by INTERNALDATE, to the second. */
static av_errc
key_within(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    int64_t now = self->options->now_unix_s;
    uint32_t seconds;

    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_number(&self->in, &seconds) || seconds == 0)
        return bad_argument(row, err);
    if (row->detail == 'o')
        *ret = av_query_dates(self->query, AV_QUERY_DATE_RECEIVED, INT64_MIN, now - seconds + 1);
    else
        *ret = av_query_dates(self->query, AV_QUERY_DATE_RECEIVED, now - seconds, INT64_MAX);
    return AV_OK;
}

/* RFC 7162, 3.1.5. Flags of the archive do not change by themselves: one entry's mod-sequence is its message's. */
static av_errc
key_modseq(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span entry;
    uint64_t n;

    if (!av_imap_take_char(&self->in, ' '))
        return bad_argument(row, err);
    if (av_imap_take_string(&self->in, &self->text, &entry)) {
        bool known = av_span_eq(av_span_slice(entry, 0, AV_MIN(entry.n, (size_t)7)), av_span_str("/flags/"));

        if (!known || !av_imap_take_char(&self->in, ' ') ||
            (!av_imap_take_keyword(&self->in, "priv") && !av_imap_take_keyword(&self->in, "shared") &&
                !av_imap_take_keyword(&self->in, "all")) ||
            !av_imap_take_char(&self->in, ' '))
            return bad_argument(row, err);
    }
    if (!av_imap_take_number64(&self->in, &n))
        return bad_argument(row, err);
    self->uses_modseq = true;
    *ret = av_query_modseq(self->query, n);
    return AV_OK;
}

/* RFC 8474, 4: 1 to 255 of A-Z a-z 0-9 _ -. */
static av_errc
key_object(av_imap_search *self, const key_row *row, av_query_id *ret, av_error *err)
{
    av_span id;

    if (!av_imap_take_char(&self->in, ' ') || !av_imap_take_atom(&self->in, &id) || id.n > 255)
        return bad_argument(row, err);
    for (size_t i = 0; i < id.n; i++)
        if (!((id.p[i] | 0x20) >= 'a' && (id.p[i] | 0x20) <= 'z') && !(id.p[i] >= '0' && id.p[i] <= '9') &&
            id.p[i] != '_' && id.p[i] != '-')
            return bad_argument(row, err);
    *ret = row->detail == 't' ? av_query_thread(self->query, id) : av_query_message_id(self->query, id);
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
    { "BODY", key_body, BODY_FIELDS, false },
    { "TEXT", key_body, BODY_FIELDS | AV_QUERY_IN_HEADER, false },
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
    { "OLDER", key_within, 'o', false },
    { "YOUNGER", key_within, 'y', false },
    { "MODSEQ", key_modseq, 0, false },
    { "EMAILID", key_object, 'e', false },
    { "THREADID", key_object, 't', false },
    { "SAVEDBEFORE", key_date, DATE(AV_QUERY_DATE_SAVED, 'b'), false },
    { "SAVEDON", key_date, DATE(AV_QUERY_DATE_SAVED, 'o'), false },
    { "SAVEDSINCE", key_date, DATE(AV_QUERY_DATE_SAVED, 's'), false },
    { "SAVEDATESUPPORTED", key_all, 0, false },
};

av_errc
av_imap_search_key(av_imap_search *self, av_query_id *ret, av_error *err)
{
    av_span word;

    if (add_set(self, false, ret) == AV_OK)
        return AV_OK;
    if (self->numbers_refused)
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: sequence numbers and $ mean nothing in several mailboxes");
    if (!av_imap_take_atom(&self->in, &word))
        return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: a key is missing");
    for (size_t i = 0; i < AV_COUNT(keys); i++) {
        if (av_span_ieq_str(word, keys[i].name))
            return keys[i].run(self, &keys[i], ret, err);
    }
    return av_error_set(err, AV_ERR_SYNTAX, "SEARCH: unknown key %.*s", (int)AV_MIN(word.n, 40U), (const char *)word.p);
}
