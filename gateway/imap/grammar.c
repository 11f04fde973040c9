/*
 * grammar.c - see grammar.h
 */
#include "gateway/imap/grammar.h"

#include <time.h>

#define NUMBER64_MAX INT64_MAX

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool
av_imap_is_atom_char(uint8_t c)
{
    return c > 0x20 && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

static bool
is_astring_char(uint8_t c)
{
    return av_imap_is_atom_char(c) || c == ']';
}

static bool
is_list_char(uint8_t c)
{
    return is_astring_char(c) || c == '%' || c == '*';
}

/* RFC 3501, 9: any ASTRING-CHAR except "+". */
static bool
is_tag_char(uint8_t c)
{
    return is_astring_char(c) && c != '+';
}

static bool
take_run(av_span *in, bool (*is_member)(uint8_t), av_span *ret)
{
    size_t n = 0;

    while (n < in->n && is_member(in->p[n]))
        n++;
    if (n == 0)
        return false;
    *ret = av_span_slice(*in, 0, n);
    *in = av_span_skip(*in, n);
    return true;
}

bool
av_imap_take_char(av_span *in, uint8_t c)
{
    if (in->n == 0 || in->p[0] != c)
        return false;
    *in = av_span_skip(*in, 1);
    return true;
}

bool
av_imap_take_keyword(av_span *in, const char *word)
{
    av_span left = *in, got;

    if (!take_run(&left, av_imap_is_atom_char, &got) || !av_span_ieq_str(got, word))
        return false;
    *in = left;
    return true;
}

bool
av_imap_take_tag(av_span *in, av_span *ret)
{
    return take_run(in, is_tag_char, ret);
}

bool
av_imap_take_atom(av_span *in, av_span *ret)
{
    return take_run(in, av_imap_is_atom_char, ret);
}

bool
av_imap_take_number64(av_span *in, uint64_t *ret)
{
    av_span left = *in, digits;

    if (!take_run(&left, is_digit, &digits) || !av_span_u64(digits, NUMBER64_MAX, ret))
        return false;
    *in = left;
    return true;
}

bool
av_imap_take_number(av_span *in, uint32_t *ret)
{
    av_span left = *in;
    uint64_t value;

    if (!av_imap_take_number64(&left, &value) || value > UINT32_MAX)
        return false;
    *in = left;
    *ret = (uint32_t)value;
    return true;
}

static bool
take_quoted(av_span *in, av_buf *text, av_span *ret)
{
    size_t from = text->n, i = 1;

    for (; i < in->n && in->p[i] != '"'; i++) {
        uint8_t c = in->p[i];

        if (c == '\\' && i + 1 < in->n && (in->p[i + 1] == '"' || in->p[i + 1] == '\\'))
            c = in->p[++i];
        else if (c == '\\' || c == '\r' || c == '\n' || c == '\0')
            break;
        if (!av_buf_putc(text, c))
            break;
    }
    if (i >= in->n || in->p[i] != '"') {
        text->n = from;
        return false;
    }
    *ret = av_span_slice(av_buf_span(text), from, text->n);
    *in = av_span_skip(*in, i + 1);
    return true;
}

/* {n} or {n+}, CRLF, n bytes. The framer takes a bare LF as the end of a line, so it is one here. */
static bool
take_literal(av_span *in, av_span *ret)
{
    av_span left = av_span_skip(*in, 1);
    uint64_t n;

    if (!av_imap_take_number64(&left, &n))
        return false;
    (void)av_imap_take_char(&left, '+');
    if (!av_imap_take_char(&left, '}'))
        return false;
    (void)av_imap_take_char(&left, '\r');
    if (!av_imap_take_char(&left, '\n') || n > left.n || (n > 0 && memchr(left.p, '\0', (size_t)n) != NULL))
        return false;
    *ret = av_span_slice(left, 0, (size_t)n);
    *in = av_span_skip(left, (size_t)n);
    return true;
}

bool
av_imap_take_string(av_span *in, av_buf *text, av_span *ret)
{
    if (in->n == 0)
        return false;
    if (in->p[0] == '"')
        return take_quoted(in, text, ret);
    return in->p[0] == '{' && take_literal(in, ret);
}

bool
av_imap_take_astring(av_span *in, av_buf *text, av_span *ret)
{
    return av_imap_take_string(in, text, ret) || take_run(in, is_astring_char, ret);
}

bool
av_imap_take_list_mailbox(av_span *in, av_buf *text, av_span *ret)
{
    return av_imap_take_string(in, text, ret) || take_run(in, is_list_char, ret);
}

bool
av_imap_take_nstring(av_span *in, av_buf *text, av_span *ret, bool *ret_nil)
{
    *ret_nil = av_imap_take_keyword(in, "NIL");
    if (*ret_nil)
        *ret = av_span_of(NULL, 0);
    return *ret_nil || av_imap_take_string(in, text, ret);
}

/* The end of a quoted string that begins at i, or in.n. */
static size_t
skip_quoted(av_span in, size_t i)
{
    for (i++; i < in.n && in.p[i] != '"'; i++)
        i += in.p[i] == '\\';
    return AV_MIN(i, in.n);
}

/* The last byte of a literal that begins at i, or in.n; a "{" that begins none stands for itself. */
static size_t
skip_literal(av_span in, size_t i)
{
    av_span left = av_span_skip(in, i), got;

    return take_literal(&left, &got) ? in.n - left.n - 1 : i;
}

bool
av_imap_take_list(av_span *in, av_span *ret)
{
    size_t depth = 0, i = 0;

    if (in->n == 0 || in->p[0] != '(')
        return false;
    for (; i < in->n; i++) {
        if (in->p[i] == '(')
            depth++;
        else if (in->p[i] == ')' && --depth == 0)
            break;
        else if (in->p[i] == '"')
            i = skip_quoted(*in, i);
        else if (in->p[i] == '{')
            i = skip_literal(*in, i);
    }
    if (i >= in->n)
        return false;
    *ret = av_span_slice(*in, 0, i + 1);
    *in = av_span_skip(*in, i + 1);
    return true;
}

/* ---- dates ---- */

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
    "Dec" };

static bool
take_month(av_span *in, int *ret)
{
    if (in->n < 3)
        return false;
    for (int i = 0; i < 12; i++) {
        if (av_span_ieq_str(av_span_slice(*in, 0, 3), months[i])) {
            *in = av_span_skip(*in, 3);
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool
take_digits(av_span *in, size_t least, size_t most, int *ret)
{
    av_span digits;
    uint64_t value;

    if (!take_run(in, is_digit, &digits) || digits.n < least || digits.n > most || !av_span_u64(digits, 9999, &value))
        return false;
    *ret = (int)value;
    return true;
}

bool
av_imap_take_date(av_span *in, int64_t *ret_unix_s)
{
    av_span left = *in;
    bool quoted = av_imap_take_char(&left, '"');
    struct tm day = { 0 }, made;
    time_t at;
    int year;

    if (!take_digits(&left, 1, 2, &day.tm_mday) || !av_imap_take_char(&left, '-') || !take_month(&left, &day.tm_mon) ||
        !av_imap_take_char(&left, '-') || !take_digits(&left, 4, 4, &year) ||
        (quoted && !av_imap_take_char(&left, '"')))
        return false;
    day.tm_year = year - 1900;
    made = day;
    at = timegm(&made);
    if (made.tm_mday != day.tm_mday || made.tm_mon != day.tm_mon) /* 31-Feb is moved to March by timegm */
        return false;
    *in = left;
    *ret_unix_s = (int64_t)at;
    return true;
}

/* ---- sequence sets ---- */

/* seq-number: nz-number or "*", which is UINT32_MAX here. No message has that number: written out it is one less. */
static bool
take_seq_number(av_span *in, uint32_t *ret)
{
    if (av_imap_take_char(in, '*')) {
        *ret = UINT32_MAX;
        return true;
    }
    if (in->n == 0 || in->p[0] == '0' || !av_imap_take_number(in, ret))
        return false;
    *ret = AV_MIN(*ret, UINT32_MAX - 1);
    return true;
}

static bool
take_range(av_span *in, av_query_range *ret)
{
    uint32_t a, b;

    if (!take_seq_number(in, &a))
        return false;
    b = a;
    if (av_imap_take_char(in, ':') && !take_seq_number(in, &b))
        return false;
    *ret = (av_query_range){ AV_MIN(a, b), AV_MAX(a, b) };
    return true;
}

bool
av_imap_take_seqset(av_span *in, av_query_range **ret, size_t *ret_n)
{
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    av_span left = *in;
    size_t most = 1, n = 0;

    for (size_t i = 0; i < left.n && left.p[i] != ' '; i++) /* the set's own length bounds it */
        most += left.p[i] == ',';
    ranges = av_xcalloc(most, sizeof *ranges);
    if (av_imap_take_char(&left, '$')) {
        if (left.n > 0 && av_imap_is_atom_char(left.p[0])) /* a keyword */
            return false;
        *in = left;
        *ret_n = 1;
        *ret = AV_TAKE(ranges);
        return true;
    }
    do {
        if (n == most || !take_range(&left, &ranges[n]))
            return false;
        n++;
    } while (av_imap_take_char(&left, ','));
    *in = left;
    *ret_n = n;
    *ret = AV_TAKE(ranges);
    return true;
}

bool
av_imap_literal_announced(av_span line, uint64_t *ret_bytes, bool *ret_sync)
{
    size_t at = line.n;
    av_span text;
    bool sync;

    if (line.n == 0 || line.p[line.n - 1] != '}')
        return false;
    sync = line.n < 2 || line.p[line.n - 2] != '+';
    while (at > 0 && line.p[at - 1] != '{')
        at--;
    if (at == 0)
        return false;
    text = av_span_slice(line, at, line.n - (sync ? 1 : 2));
    if (!av_span_u64(text, NUMBER64_MAX, ret_bytes))
        return false;
    *ret_sync = sync;
    return true;
}
