/*
 * param.c - see param.h
 */
#include "storage/mime/param.h"

#include "storage/mime/charset.h"
#include "storage/mime/words.h"

enum { VALUE_MAX_BYTES = 64 * 1024 };

static bool
is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Skip blanks and comments (nested ones counted, never by recursion). */
static void
skip_cfws(av_span *in)
{
    size_t depth = 0;

    while (in->n > 0) {
        uint8_t c = in->p[0];

        if (c == '\\' && depth > 0 && in->n > 1)
            *in = av_span_skip(*in, 1);
        else if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (depth == 0 && !is_space(c))
            return;
        *in = av_span_skip(*in, 1);
    }
}

/* Everything up to the `;` that ends it, comments and blanks left out, lower-case. */
static av_span
take_head(av_span *in, av_mime_pool *pool)
{
    size_t max = AV_MIN(av_span_find(*in, ';'), (size_t)VALUE_MAX_BYTES), n = 0;
    uint8_t *to = av_mime_pool_take(pool, max);

    for (skip_cfws(in); in->n > 0 && in->p[0] != ';'; skip_cfws(in)) {
        uint8_t c = in->p[0];

        if (to != NULL && n < max)
            to[n++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        *in = av_span_skip(*in, 1);
    }
    if (to == NULL)
        return (av_span){ NULL, 0 };
    av_mime_pool_untake(pool, max - n);
    return (av_span){ to, n };
}

/* Contents of the quoted string that starts at in: escapes resolved, folds removed. A missing end quote is the end. */
static av_span
take_quoted(av_span *in, av_mime_pool *pool)
{
    size_t end = 1, n = 0;
    uint8_t *to;

    while (end < in->n && in->p[end] != '"')
        end += in->p[end] == '\\' && end + 1 < in->n ? 2 : 1;
    to = end - 1 > VALUE_MAX_BYTES ? NULL : av_mime_pool_take(pool, end - 1);
    for (size_t i = 1; i < end && to != NULL; i++) {
        uint8_t c = in->p[i];

        /* `\` before anything but a quote or itself is a DOS path of a careless mailer: kept */
        if (c == '\\' && i + 1 < end && (in->p[i + 1] == '"' || in->p[i + 1] == '\\'))
            c = in->p[++i];
        else if (c == '\r' || c == '\n')
            continue;
        to[n++] = c;
    }
    if (to != NULL)
        av_mime_pool_untake(pool, end - 1 - n);
    *in = av_span_skip(*in, AV_MIN(end + 1, in->n));
    return (av_span){ to, to == NULL ? 0 : n };
}

/* An unquoted value: up to `;`, without comments; blanks inside stay (`name=my file.txt` of careless mailers). */
static av_span
take_token(av_span *in, av_mime_pool *pool)
{
    size_t end = 0;
    av_span value;

    while (end < in->n && in->p[end] != ';' && !(in->p[end] == '(' && end > 0 && is_space(in->p[end - 1])))
        end++;
    value = av_span_trim(av_span_slice(*in, 0, end));
    *in = av_span_skip(*in, end);
    skip_cfws(in);
    if (value.n > VALUE_MAX_BYTES)
        return (av_span){ NULL, 0 };
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '\r' || value.p[i] == '\n') { /* folded: only the first line is the value */
            value = av_span_trim(av_span_slice(value, 0, i));
            break;
        }
    return av_mime_pool_copy(pool, value);
}

/* One `name=value`, in at its name. false: no `=`; in is behind whatever stood there. */
static bool
take_param(av_span *in, av_mime_pool *pool, av_mime_param *ret)
{
    size_t n = 0;
    av_span name;

    while (n < in->n && !is_space(in->p[n]) && in->p[n] != '=' && in->p[n] != ';' && in->p[n] != '(')
        n++;
    name = av_span_slice(*in, 0, n);
    *in = av_span_skip(*in, n);
    skip_cfws(in);
    if (in->n == 0 || in->p[0] != '=' || n == 0) {
        *in = av_span_skip(*in, av_span_find(*in, ';'));
        return false;
    }
    *in = av_span_skip(*in, 1);
    skip_cfws(in);
    ret->name = av_mime_pool_lower(pool, av_span_slice(name, 0, AV_MIN(name.n, 128U)));
    ret->value = in->n > 0 && in->p[0] == '"' ? take_quoted(in, pool) : take_token(in, pool);
    return ret->name.n > 0;
}

size_t
av_mime_params_parse(av_span value, av_mime_pool *pool, av_span *ret_head, av_mime_param *ret, size_t max)
{
    size_t n = 0;

    *ret_head = take_head(&value, pool);
    while (value.n > 0 && n < max) {
        if (value.p[0] == ';' || is_space(value.p[0])) {
            value = av_span_skip(value, 1);
            skip_cfws(&value);
            continue;
        }
        if (take_param(&value, pool, &ret[n]))
            n++;
    }
    return n;
}

av_span
av_mime_param_raw(const av_mime_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (av_span_eq_str(params[i].name, name))
            return params[i].value;
    return (av_span){ NULL, 0 };
}

static int
hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
append_percent(av_span in, av_buf *out)
{
    for (size_t i = 0; i < in.n; i++) {
        int high = in.p[i] == '%' && i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_value(in.p[i + 2]);

        (void)av_buf_putc(out, low < 0 ? in.p[i] : (uint8_t)(high * 16 + low));
        i += low < 0 ? 0 : 2;
    }
}

/* Take `charset'language'` off the front of an extended value (RFC 2231, 4). */
static av_span
take_charset(av_span *value)
{
    size_t first = av_span_find(*value, '\''), second;
    av_span charset;

    if (first == value->n)
        return (av_span){ NULL, 0 };
    second = av_span_find(av_span_skip(*value, first + 1), '\'');
    if (first + 1 + second == value->n)
        return (av_span){ NULL, 0 };
    charset = av_span_slice(*value, 0, first);
    *value = av_span_skip(*value, first + 2 + second);
    return charset;
}

/* The parameter `name*k` or `name*k*`; NULL when there is none. */
static const av_mime_param *
find_segment(const av_mime_param *params, size_t n, av_span name, unsigned k, bool *ret_extended)
{
    char tail[24];
    int tail_n = snprintf(tail, sizeof tail, "*%u*", k);
    av_span with = av_span_of(tail, (size_t)tail_n), without = av_span_of(tail, (size_t)tail_n - 1);

    for (size_t i = 0; i < n; i++) {
        av_span rest;

        if (params[i].name.n <= name.n || memcmp(params[i].name.p, name.p, name.n) != 0)
            continue;
        rest = av_span_skip(params[i].name, name.n);
        *ret_extended = av_span_eq(rest, with);
        if (*ret_extended || av_span_eq(rest, without))
            return &params[i];
    }
    return NULL;
}

static bool
decode_continued(const av_mime_param *params, size_t n, av_span name, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { .max = 4 * VALUE_MAX_BYTES };
    av_span charset = { NULL, 0 };
    bool extended, any_extended = false;

    for (unsigned k = 0; k < AV_MIME_PARAMS_MAX; k++) {
        const av_mime_param *segment = find_segment(params, n, name, k, &extended);
        av_span value;

        if (segment == NULL)
            break;
        value = segment->value;
        if (k == 0 && extended)
            charset = take_charset(&value);
        any_extended |= extended;
        if (extended)
            append_percent(value, &bytes);
        else
            (void)av_buf_append_span(&bytes, value);
    }
    if (bytes.n == 0)
        return false;
    if (any_extended)
        (void)av_charset_to_utf8(charset, av_buf_span(&bytes), out);
    else
        (void)av_words_decode(av_buf_span(&bytes), out);
    return true;
}

bool
av_mime_param_decode(const av_mime_param *params, size_t n, const char *name, av_buf *out)
{
    av_span key = av_span_str(name);

    for (size_t i = 0; i < n; i++) { /* RFC 2231, 4: name*=charset'lang'value wins over the plain form */
        AV_CLEANUP(av_buf_release) av_buf bytes = { .max = VALUE_MAX_BYTES };
        av_span value = params[i].value, charset;

        if (params[i].name.n != key.n + 1 || params[i].name.p[key.n] != '*' ||
            memcmp(params[i].name.p, key.p, key.n) != 0)
            continue;
        charset = take_charset(&value);
        append_percent(value, &bytes);
        (void)av_charset_to_utf8(charset, av_buf_span(&bytes), out);
        return true;
    }
    if (decode_continued(params, n, key, out))
        return true;
    for (size_t i = 0; i < n; i++)
        if (av_span_eq(params[i].name, key)) {
            (void)av_words_decode(params[i].value, out);
            return true;
        }
    return false;
}
