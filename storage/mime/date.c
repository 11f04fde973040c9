/*
 * date.c - see date.h
 */
#include "storage/mime/date.h"

enum { UNSET = -1, NO_ZONE = 100000, TOKENS_MAX = 32, VALUE_MAX_BYTES = 512 };

typedef struct parser {
    av_span in;
    int year, month, day; /* month 1 to 12 */
    int hour, minute, second;
    int zone;            /* minutes east, or NO_ZONE */
    bool zone_is_number; /* the first number stands: `GMT+0100`, but not `+0000-62495` */
    bool pm, am;
} parser;

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static const struct zone {
    const char *name;
    int minutes;
} zones[] = {
    { "ut", 0 },
    { "utc", 0 },
    { "gmt", 0 },
    { "z", 0 }, /* RFC 5322, 4.3 */
    { "est", -300 },
    { "edt", -240 },
    { "cst", -360 },
    { "cdt", -300 },
    { "mst", -420 },
    { "mdt", -360 },
    { "pst", -480 },
    { "pdt", -420 }, /* these are not in the RFC, but in mail */
    { "bst", 60 },
    { "wet", 0 },
    { "west", 60 },
    { "cet", 60 },
    { "cest", 120 },
    { "met", 60 },
    { "mest", 120 },
    { "mez", 60 },
    { "mesz", 120 },
    { "eet", 120 },
    { "eest", 180 },
    { "msk", 180 },
    { "msd", 240 },
    { "jst", 540 },
    { "kst", 540 },
    { "hkt", 480 },
    { "sgt", 480 },
    { "aest", 600 },
    { "aedt", 660 },
    { "nzst", 720 },
    { "nzdt", 780 },
    { "akst", -540 },
    { "akdt", -480 },
    { "hst", -600 },
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alpha(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Take a run of digits; ret_digits is their number. Values stop growing at a million. */
static int
take_number(av_span *in, size_t *ret_digits)
{
    int value = 0;
    size_t n = 0;

    for (; n < in->n && is_digit(in->p[n]); n++)
        value = value < 100000 ? value * 10 + (in->p[n] - '0') : 1000000;
    *in = av_span_skip(*in, n);
    *ret_digits = n;
    return value;
}

static void
skip_comment(av_span *in)
{
    size_t depth = 0;

    while (in->n > 0) {
        depth += in->p[0] == '(';
        depth -= in->p[0] == ')';
        *in = av_span_skip(*in, 1);
        if (depth == 0)
            return;
    }
}

/* in is behind the hours, at the `:` (or `.`, as some write). */
static bool
take_time(parser *self, int hour)
{
    uint8_t colon = self->in.p[0];
    size_t digits;

    if (self->hour != UNSET) { /* a second time says nothing */
        self->in = av_span_skip(self->in, 1);
        return true;
    }
    self->hour = hour;
    self->second = 0;
    self->in = av_span_skip(self->in, 1);
    self->minute = take_number(&self->in, &digits);
    if (digits == 0)
        return false;
    if (self->in.n > 1 && self->in.p[0] == colon && is_digit(self->in.p[1])) {
        self->in = av_span_skip(self->in, 1);
        self->second = take_number(&self->in, &digits);
    }
    if (self->in.n > 1 && self->in.p[0] == '.' && is_digit(self->in.p[1])) { /* ISO 8601: fractions */
        self->in = av_span_skip(self->in, 1);
        (void)take_number(&self->in, &digits);
    }
    return true;
}

/* `2006-01-02`, the year taken already, in at the first `-`. */
static bool
take_iso_date(parser *self, int year)
{
    size_t digits;

    self->year = year;
    self->in = av_span_skip(self->in, 1);
    self->month = take_number(&self->in, &digits);
    if (self->in.n == 0 || (self->in.p[0] != '-' && self->in.p[0] != '/'))
        return false;
    self->in = av_span_skip(self->in, 1);
    self->day = take_number(&self->in, &digits);
    return digits > 0;
}

/* RFC 5322, 4.3: two digits 00 to 49 are this century, three digits (also `0102`) and the other two since 1900. */
static int
full_year(int year, size_t digits)
{
    return digits >= 4 && year >= 1000 ? year : digits == 2 && year < 50 ? year + 2000 : year + 1900;
}

static bool
on_number(parser *self)
{
    size_t digits;
    int value = take_number(&self->in, &digits);
    uint8_t after = self->in.n > 0 ? self->in.p[0] : 0;
    bool more = self->in.n > 1 && is_digit(self->in.p[1]);

    if (more && (after == ':' || (after == '.' && self->day != UNSET && self->month != UNSET && digits <= 2)))
        return take_time(self, value);
    if (more && digits == 4 && (after == '-' || after == '/') && self->year == UNSET && self->day == UNSET)
        return take_iso_date(self, value);
    if (digits <= 2 && self->day == UNSET)
        self->day = value;
    else if (digits >= 2 && self->year == UNSET)
        self->year = full_year(value, digits);
    else
        return true; /* a number too many says nothing */
    return true;
}

/* `+0100`, `-08:00`, `+1`; in at the sign. Before the time a `-` is the one of 12-Nov-2002. */
static void
on_sign(parser *self)
{
    int sign = self->in.p[0] == '-' ? -1 : 1, value, minutes = 0;
    size_t digits;

    self->in = av_span_skip(self->in, 1);
    if (self->hour == UNSET || self->in.n == 0 || !is_digit(self->in.p[0]))
        return;
    value = take_number(&self->in, &digits);
    if (digits > 2) {
        minutes = value % 100;
        value /= 100;
    } else if (self->in.n > 2 && self->in.p[0] == ':' && is_digit(self->in.p[1])) {
        self->in = av_span_skip(self->in, 1);
        minutes = take_number(&self->in, &digits);
    }
    if (value >= 24 || minutes >= 60 || self->zone_is_number || (self->zone != NO_ZONE && self->zone != 0))
        return;
    self->zone = sign * (value * 60 + minutes);
    self->zone_is_number = true;
}

static void
on_word(parser *self)
{
    size_t n = 0;
    char word[8] = "";

    for (; n < self->in.n && is_alpha(self->in.p[n]); n++)
        if (n < sizeof word - 1)
            word[n] = (char)(self->in.p[n] | 0x20);
    self->in = av_span_skip(self->in, n);
    if (strcmp(word, "pm") == 0 || strcmp(word, "am") == 0) {
        self->pm = word[0] == 'p';
        self->am = word[0] == 'a';
        return;
    }
    for (int i = 0; n >= 3 && i < 12; i++)
        if (self->month == UNSET && memcmp(word, months + 3 * i, 3) == 0) {
            self->month = i + 1;
            return;
        }
    for (size_t i = 0; i < AV_COUNT(zones); i++)
        if (self->hour != UNSET && self->zone == NO_ZONE && strcmp(word, zones[i].name) == 0)
            self->zone = zones[i].minutes;
}

/* Days since 1970-01-01 of a date in the Gregorian calendar (years from March keep leap days at the end). */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
to_unix(parser *self, av_mime_date *ret)
{
    int zone = self->zone == NO_ZONE ? 0 : self->zone;

    if (self->hour == UNSET) /* a date alone is the start of that day */
        self->hour = self->minute = self->second = 0;
    if (self->pm && self->hour < 12)
        self->hour += 12;
    if (self->am && self->hour == 12)
        self->hour = 0;
    if (self->year < 1900 || self->year > 9999 || self->month < 1 || self->month > 12 || self->day < 1 ||
        self->day > 31 || self->hour > 24 || self->minute > 59 || self->second > 60)
        return false;
    self->second = AV_MIN(self->second, 59);
    ret->zone_minutes = zone;
    ret->unix_s = days_from_civil(self->year, self->month, self->day) * 86400 + self->hour * 3600 + self->minute * 60 +
                  self->second - zone * 60;
    return true;
}

bool
av_mime_date_parse(av_span value, av_mime_date *ret)
{
    parser self = { .in = av_span_slice(value, 0, AV_MIN(value.n, (size_t)VALUE_MAX_BYTES)),
        .year = UNSET,
        .month = UNSET,
        .day = UNSET,
        .hour = UNSET,
        .zone = NO_ZONE };

    for (int tokens = 0; self.in.n > 0 && tokens < TOKENS_MAX; tokens++) {
        uint8_t c = self.in.p[0];

        if (is_digit(c)) {
            if (!on_number(&self))
                return false;
        } else if (is_alpha(c)) {
            on_word(&self);
        } else if (c == '+' || c == '-') {
            on_sign(&self);
        } else if (c == '(') {
            skip_comment(&self.in);
        } else {
            self.in = av_span_skip(self.in, 1);
        }
    }
    return to_unix(&self, ret);
}
