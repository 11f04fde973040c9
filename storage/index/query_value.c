/*
 * query_value.c - typed dates and sizes, and the rule of folder:
 *
 * Pure. Not here: which field takes which (query_parse.c).
 */
#include "storage/index/query_priv.h"

#include "base/unicode.h"

#include <unicode/uchar.h>

bool
av_query_is_space(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= 0x09 && c <= 0x0D);
    return u_isUWhiteSpace((UChar32)c) != 0;
}

/* Days since 1970-01-01 of a Gregorian date; the year begins in March, so that the leap day is its last. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t
month_days(int64_t year, int64_t month)
{
    return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

/* Exactly n digits off the front. */
static bool
digits(av_span *in, size_t n, int64_t *ret)
{
    int64_t value = 0;

    if (in->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (in->p[i] < '0' || in->p[i] > '9')
            return false;
        value = value * 10 + (in->p[i] - '0');
    }
    *in = av_span_skip(*in, n);
    *ret = value;
    return true;
}

static bool
dash(av_span *in)
{
    if (in->n == 0 || in->p[0] != '-')
        return false;
    *in = av_span_skip(*in, 1);
    return true;
}

bool
av_query_period(av_span text, int32_t zone_min, int64_t *ret_start, int64_t *ret_end)
{
    int64_t year, month, day, start, end;

    if (!digits(&text, 4, &year) || year < 1)
        return false;
    start = days_of(year, 1, 1);
    end = days_of(year + 1, 1, 1);
    if (text.n > 0) {
        if (!dash(&text) || !digits(&text, 2, &month) || month < 1 || month > 12)
            return false;
        start = days_of(year, month, 1);
        end = start + month_days(year, month);
    }
    if (text.n > 0) {
        if (!dash(&text) || !digits(&text, 2, &day) || day < 1 || day > month_days(year, month))
            return false;
        start += day - 1;
        end = start + 1;
    }
    if (text.n > 0)
        return false;
    *ret_start = start * 86400 - (int64_t)zone_min * 60;
    *ret_end = end * 86400 - (int64_t)zone_min * 60;
    return true;
}

/* Split at the first "..". */
static bool
split_range(av_span text, av_span *ret_from, av_span *ret_to)
{
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] == '.' && text.p[i + 1] == '.') {
            *ret_from = av_span_slice(text, 0, i);
            *ret_to = av_span_skip(text, i + 2);
            return ret_from->n > 0 || ret_to->n > 0;
        }
    }
    return false;
}

bool
av_query_period_range(av_span text, int32_t zone_min, int64_t *ret_from, int64_t *ret_to)
{
    av_span first, last;
    int64_t from = INT64_MIN, to = INT64_MAX, skip;

    if (!split_range(text, &first, &last))
        return av_query_period(text, zone_min, ret_from, ret_to);
    if (first.n > 0 && !av_query_period(first, zone_min, &from, &skip))
        return false;
    if (last.n > 0 && !av_query_period(last, zone_min, &skip, &to))
        return false;
    *ret_from = from;
    *ret_to = to;
    return true;
}

/* 1234, 10K, 2MB. */
static bool
size_of(av_span text, uint64_t *ret)
{
    unsigned shift = 0;
    uint64_t value;

    if (text.n > 1 && (text.p[text.n - 1] | 0x20) == 'b')
        text.n--;
    if (text.n > 0) {
        uint8_t unit = text.p[text.n - 1] | 0x20;

        shift = unit == 'k' ? 10 : unit == 'm' ? 20 : unit == 'g' ? 30 : 0;
        text.n -= shift != 0;
    }
    if (!av_span_u64(text, UINT64_MAX >> 31, &value))
        return false;
    *ret = value << shift;
    return true;
}

bool
av_query_size_range(av_span text, uint64_t *ret_min, uint64_t *ret_max)
{
    uint64_t min = 0, max = UINT64_MAX, value;
    av_span first, last;

    if (text.n > 0 && (text.p[0] == '>' || text.p[0] == '<')) {
        bool greater = text.p[0] == '>', equal = text.n > 1 && text.p[1] == '=';

        if (!size_of(av_span_skip(text, equal ? 2 : 1), &value) || (!greater && !equal && value == 0))
            return false;
        if (greater)
            min = value + !equal;
        else
            max = value - !equal;
    } else if (split_range(text, &first, &last)) {
        if ((first.n > 0 && !size_of(first, &min)) || (last.n > 0 && !size_of(last, &max)))
            return false;
    } else {
        if (!size_of(text, &min))
            return false;
        max = min;
    }
    *ret_min = min;
    *ret_max = max;
    return true;
}

/* path begins with wanted (case folded), and a name ends there. */
static bool
begins_with_names(av_span path, av_span wanted)
{
    while (wanted.n > 0) {
        if (path.n == 0 || av_unicode_fold_char(av_utf8_next(&path)) != av_unicode_fold_char(av_utf8_next(&wanted)))
            return false;
    }
    return path.n == 0 || path.p[0] == '/';
}

bool
av_query_folder_matches(av_span path, av_span wanted)
{
    if (wanted.p == NULL)
        return true;
    while (wanted.n > 0 && wanted.p[0] == '/')
        wanted = av_span_skip(wanted, 1);
    while (wanted.n > 0 && wanted.p[wanted.n - 1] == '/')
        wanted.n--;
    if (wanted.n == 0)
        return true;
    for (;;) {
        size_t slash;

        if (begins_with_names(path, wanted))
            return true;
        slash = av_span_find(path, '/');
        if (slash == path.n)
            return false;
        path = av_span_skip(path, slash + 1);
    }
}
