/*
 * mbox_split.c - see mbox_split.h
 */
#include "actors/worker/mbox_split.h"

#include "storage/mime/date.h"

static const char from_word[] = "From ";
enum { FROM_BYTES = 5 };

void
av_mbox_split_init(av_mbox_split *self, av_mbox_kind kind, bool separators)
{
    assert(kind != AV_MBOX_GUESS);
    *self = (av_mbox_split){ .kind = kind, .separators = separators, .after_empty = true };
}

void
av_mbox_split_hold(av_mbox_split *self, uint64_t n)
{
    self->held = n;
}

static bool
is_one_of(av_span word, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (av_span_ieq_str(word, names[i]))
            return true;
    return false;
}

/* The next word of line; an empty span at its end. */
static av_span
next_word(av_span *line)
{
    size_t from = 0, to;

    while (from < line->n && (line->p[from] == ' ' || line->p[from] == '\t'))
        from++;
    for (to = from; to < line->n && line->p[to] != ' ' && line->p[to] != '\t'; to++)
        continue;
    *line = av_span_skip(*line, to);
    return av_span_slice(av_span_of(line->p - to, to), from, to);
}

/* Where in line "Mon Jan 2 15:04" begins; NULL when nowhere. */
static const uint8_t *
find_date(av_span line)
{
    static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
        "Dec" };

    for (;;) {
        av_span word = next_word(&line), rest = line, day, clock;

        if (word.n == 0)
            return NULL;
        if (word.n != 3 || !is_one_of(word, days, AV_COUNT(days)))
            continue;
        if (!is_one_of(next_word(&rest), months, AV_COUNT(months)))
            continue;
        day = next_word(&rest);
        clock = next_word(&rest);
        if (day.n >= 1 && day.n <= 2 && day.p[0] >= '0' && day.p[0] <= '9' && clock.n >= 4 &&
            av_span_find(clock, ':') < clock.n)
            return word.p;
    }
}

bool
av_mbox_line_is_dated(av_span line)
{
    return line.n > FROM_BYTES && find_date(av_span_skip(line, FROM_BYTES)) != NULL;
}

bool
av_mbox_line_date(av_span line, int64_t *ret_unix_s)
{
    const uint8_t *at = line.n > FROM_BYTES ? find_date(av_span_skip(line, FROM_BYTES)) : NULL;
    av_mime_date date;

    if (at == NULL || !av_mime_date_parse(av_span_of(at, (size_t)(line.p + line.n - at)), &date))
        return false;
    *ret_unix_s = date.unix_s;
    return true;
}

bool
av_mbox_line_is_field(av_span line)
{
    size_t i = 0;

    while (i < line.n && line.p[i] > 0x20 && line.p[i] < 0x7F && line.p[i] != ':')
        i++;
    return i > 0 && i < line.n && line.p[i] == ':';
}

/* Bytes of ">" at the front of s if "From " comes after them, else SIZE_MAX. Longer runs are text in any window. */
static size_t
quotes_before_from(av_span s)
{
    size_t n = 0;

    while (n < s.n && n < AV_MBOX_LINE_MAX && s.p[n] == '>')
        n++;
    return s.n - n >= FROM_BYTES && memcmp(s.p + n, from_word, FROM_BYTES) == 0 ? n : SIZE_MAX;
}

/* The line at the front of in could be a separator, which needs its end and the next line to know. */
static av_parse
judge_separator(av_span in, bool eof, av_mbox_piece *ret)
{
    size_t end = av_span_find(av_span_slice(in, 0, AV_MIN(in.n, (size_t)AV_MBOX_LINE_MAX)), '\n');
    size_t next_end, whole;
    av_span next;

    if (end == AV_MBOX_LINE_MAX)
        return AV_PARSE_BAD;
    if (end == in.n && !eof)
        return AV_PARSE_MORE;
    whole = AV_MIN(end + 1, in.n);
    next = av_span_skip(in, whole);
    next_end = av_span_find(av_span_slice(next, 0, AV_MIN(next.n, (size_t)AV_MBOX_LINE_MAX)), '\n');
    if (next_end == next.n && !eof)
        return AV_PARSE_MORE;
    ret->kind = AV_MBOX_SEPARATOR;
    ret->bytes = av_span_slice(in, 0, whole);
    ret->dated = av_mbox_line_is_dated(av_span_slice(in, 0, end));
    ret->headed = av_mbox_line_is_field(av_span_slice(next, 0, next_end));
    return ret->dated || ret->headed ? AV_PARSE_OK : AV_PARSE_BAD;
}

/* Move in past the piece and keep the books. */
static av_parse
take(av_mbox_split *self, av_span *in, av_mbox_piece_kind kind, size_t n, av_mbox_piece *ret)
{
    ret->kind = kind;
    ret->bytes = av_span_slice(*in, 0, n);
    *in = av_span_skip(*in, n);
    if (kind == AV_MBOX_EMPTY) {
        self->after_empty = true;
        self->in_body = true;
    } else if (kind != AV_MBOX_QUOTE) {
        self->after_empty = false;
    }
    if (kind == AV_MBOX_SEPARATOR)
        self->in_body = false;
    if (self->held > 0) {
        self->held -= n;
        if (self->held == 0) { /* the caller has seen that an empty line, a separator or the end comes now */
            self->in_line = false;
            self->after_empty = true;
        }
    }
    return AV_PARSE_OK;
}

/*
 * Bytes at the front of in that are data whatever comes after: whole lines up to one that must be looked at, or to the
 * end of what is held; at least one byte.
 */
static size_t
data_run(const av_mbox_split *self, av_span in, bool *ret_in_line)
{
    size_t limit = self->held > 0 && self->held < in.n ? (size_t)self->held : in.n, at = 0;

    for (;;) {
        const uint8_t *lf = memchr(in.p + at, '\n', limit - at);

        if (lf == NULL) {
            *ret_in_line = true;
            return limit;
        }
        at = (size_t)(lf - in.p) + 1;
        if (at == limit || in.p[at] == '\n' || in.p[at] == '\r' || in.p[at] == 'F' || in.p[at] == '>') {
            *ret_in_line = false;
            return at;
        }
    }
}

/* Bytes of the empty line at the front of in: 1 or 2, or 0 when it is none. */
static size_t
empty_line(av_span in)
{
    return in.p[0] == '\n' ? 1 : in.n > 1 && in.p[0] == '\r' && in.p[1] == '\n' ? 2 : 0;
}

/* The ">" at the front of in was added by the writer. */
static bool
is_quoted(const av_mbox_split *self, av_span in)
{
    size_t quotes = SIZE_MAX;

    if (self->held > 0 && self->held < in.n)
        in.n = (size_t)self->held;
    if (self->in_body && self->kind != AV_MBOX_CL2)
        quotes = quotes_before_from(in);
    return quotes != SIZE_MAX && (self->kind == AV_MBOX_RD ? quotes > 0 : quotes == 1);
}

av_parse
av_mbox_split_next(av_mbox_split *self, av_span *in, bool eof, av_mbox_piece *ret)
{
    size_t empty;

    *ret = (av_mbox_piece){ .kind = AV_MBOX_DATA };
    if (in->n == 0)
        return AV_PARSE_MORE;
    if (!self->in_line) {
        if (!eof && in->n < AV_MBOX_WINDOW_MIN)
            return AV_PARSE_MORE;
        empty = empty_line(*in);
        if (empty > 0 && self->held == 0)
            return take(self, in, AV_MBOX_EMPTY, empty, ret);
        if (self->separators && self->held == 0 && self->after_empty && quotes_before_from(*in) == 0) {
            av_parse rc = judge_separator(*in, eof, ret);

            if (rc == AV_PARSE_MORE)
                return rc;
            if (rc == AV_PARSE_OK)
                return take(self, in, AV_MBOX_SEPARATOR, ret->bytes.n, ret);
        }
        if (is_quoted(self, *in)) {
            self->in_line = true; /* what follows is the line itself */
            return take(self, in, AV_MBOX_QUOTE, 1, ret);
        }
    }
    return take(self, in, AV_MBOX_DATA, data_run(self, *in, &self->in_line), ret);
}
