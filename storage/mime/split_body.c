/*
 * split_body.c - what the body of a leaf part becomes: literal, raw, or base64 decoded line by line
 *
 * A body is looked at up to min_raw or, declared base64, min_base64 and a line more: then it is decided, and streams. The
 * decision is about the same bytes however they come in.
 */
#include "storage/mime/split_priv.h"

enum {
    UNBROKEN_END = 6 /* the last group and its line end: what must be seen together where there are no lines */
};

void
split_body_begin(split_body *self, bool base64)
{
    self->mode = SPLIT_PENDING;
    self->maybe_base64 = base64;
    self->pending_n = self->line_n = self->scratch_n = self->scratch_raw = 0;
}

static unsigned
newline_size(const av_base64_lines *lines)
{
    return lines->crlf ? 2 : 1;
}

/* Bytes that one step of the proof looks at: a line with its line end. */
static size_t
step_size(const av_base64_lines *lines)
{
    return lines->line_chars == 0 ? UNBROKEN_END : lines->line_chars + newline_size(lines);
}

/* A whole line, as all but the last are, at p; step_size bytes are there. */
static inline bool
decode_line(const av_base64_lines *lines, const uint8_t *p, uint8_t *ret)
{
    uint32_t n = lines->line_chars;

    return p[n + newline_size(lines) - 1] == '\n' && (!lines->crlf || p[n] == '\r') &&
           av_base64_decode_groups(av_span_of(p, n), ret) == n;
}

/* What one step found. */
typedef struct step {
    size_t used;    /* bytes of the message */
    size_t decoded; /* bytes of it */
    bool end;       /* base64 ends here: with its last line, or before a line that deviates (used 0) */
    bool newline;   /* with end: the last line, this or the one before, ends with one */
} step;

/* The last line, or no base64 line at all. */
static step
last_line(const av_base64_lines *lines, av_span in, bool at_end, uint8_t *ret)
{
    size_t chars = av_span_find(in, '\n');
    step s = { .end = true, .newline = true };
    bool newline = chars < in.n;

    if (!newline && !at_end)
        return s;
    if (newline && lines->crlf) {
        if (chars == 0 || in.p[chars - 1] != '\r')
            return s;
        chars--;
    }
    if (chars == 0 || chars % 4 != 0 || chars > lines->line_chars ||
        !av_base64_decode_end(av_span_slice(in, 0, chars), ret, &s.decoded))
        return (step){ .end = true, .newline = true };
    s.used = chars + (newline ? newline_size(lines) : 0);
    s.newline = newline;
    return s;
}

/* The end of a line that had no end so far; it tells what its line end is. */
static step
unbroken_end(av_base64_lines *lines, av_span in, uint8_t *ret)
{
    step s = { .end = true };
    size_t n;

    if (in.n >= 4 && av_base64_decode_end(av_span_slice(in, 0, 4), ret, &n)) {
        s.used = 4;
        s.decoded = n;
    }
    in = av_span_skip(in, s.used);
    if (in.n > 0 && in.p[0] == '\n') {
        s.newline = true;
        s.used += 1;
    } else if (in.n > 1 && in.p[0] == '\r' && in.p[1] == '\n') {
        s.newline = lines->crlf = true;
        s.used += 2;
    }
    return s;
}

/*
 * One step of the proof over in: step_size bytes, or fewer at_end (the body ends with them). ret has room for a line
 * decoded and a byte.
 */
static step
prove(av_base64_lines *lines, av_span in, bool at_end, uint8_t *ret)
{
    if (lines->line_chars == 0) {
        if (in.n >= 4 && av_base64_decode_groups(av_span_slice(in, 0, 4), ret) == 4)
            return (step){ .used = 4, .decoded = 3 };
        return unbroken_end(lines, in, ret);
    }
    if (in.n == step_size(lines) && decode_line(lines, in.p, ret))
        return (step){ .used = in.n, .decoded = lines->line_chars / 4 * 3 };
    return last_line(lines, in, at_end, ret);
}

/* The lines that the first line of head announces. false: no line of base64. */
static bool
guess_lines(av_span head, av_base64_lines *ret)
{
    size_t chars = av_span_find(av_span_slice(head, 0, AV_MIN(head.n, AV_BASE64_LINE_MAX + 2U)), '\n');

    *ret = (av_base64_lines){ .line_chars = 0 };
    if (chars == AV_MIN(head.n, AV_BASE64_LINE_MAX + 2U))
        return true;
    ret->crlf = chars > 0 && head.p[chars - 1] == '\r';
    chars -= ret->crlf;
    ret->line_chars = (uint32_t)chars;
    return chars > 0 && chars % 4 == 0 && chars <= AV_BASE64_LINE_MAX;
}

/* The first min_base64 bytes of the body are canonical, to the end of a line. Sets lines. */
static bool
is_base64(split_body *self, av_span head, bool at_end)
{
    size_t at = 0, min = self->out->options.min_base64;
    av_base64_lines lines;

    if (head.n < min || !split_out_room(self->out) || !guess_lines(head, &lines))
        return false;
    self->lines = lines;
    while (at < min) {
        size_t n = AV_MIN(step_size(&lines), head.n - at);
        step s = prove(&lines, av_span_slice(head, at, at + n), at_end && at + n == head.n, self->scratch);

        at += s.used;
        if (s.end)
            break;
    }
    return at >= min;
}

static void
flush_scratch(split_body *self)
{
    split_out_data(self->out, av_span_of(self->scratch, self->scratch_n), self->scratch_raw);
    split_out_flush(self->out);
    self->scratch_n = self->scratch_raw = 0;
}

/* Room for one more line decoded and the byte behind it. */
static uint8_t *
scratch_room(split_body *self)
{
    if (SPLIT_SCRATCH_MAX - self->scratch_n < SPLIT_PROOF)
        flush_scratch(self);
    return self->scratch + self->scratch_n;
}

static void
end_base64(split_body *self, bool newline)
{
    flush_scratch(self);
    self->lines.last_newline = newline;
    split_out_part_end(self->out, &self->lines);
    self->mode = SPLIT_PENDING;
    self->maybe_base64 = false;
}

static bool
take_step(split_body *self, av_span in, bool at_end, size_t *ret_used)
{
    step s = prove(&self->lines, in, at_end, scratch_room(self));

    self->scratch_n += s.decoded;
    self->scratch_raw += s.used;
    *ret_used = s.used;
    if (s.end)
        end_base64(self, s.newline);
    return !s.end;
}

/* Lines, or the groups of the unbroken line, as long as nothing but them stands in in. Returns the bytes taken. */
static size_t
take_plain(split_body *self, av_span in)
{
    size_t at = 0, size = step_size(&self->lines), decoded = self->lines.line_chars / 4 * 3;

    if (self->lines.line_chars == 0) {
        while (in.n - at >= 4) {
            uint8_t *to = scratch_room(self);
            size_t max = (SPLIT_SCRATCH_MAX - self->scratch_n - 1) / 3 * 4;
            size_t used = av_base64_decode_groups(av_span_slice(in, at, at + AV_MIN(max, in.n - at)), to);

            if (used == 0)
                break;
            self->scratch_n += used / 4 * 3;
            self->scratch_raw += used;
            at += used;
        }
        return at;
    }
    while (in.n - at >= size && decode_line(&self->lines, in.p + at, scratch_room(self))) {
        self->scratch_n += decoded;
        self->scratch_raw += size;
        at += size;
    }
    return at;
}

/* Fill up the line that the window before began, and take it. Returns the bytes taken of in. */
static size_t
take_cut_line(split_body *self, av_span in, bool last)
{
    size_t take = AV_MIN(step_size(&self->lines) - self->line_n, in.n), used, rest;
    bool at_end = last && take == in.n;

    memcpy(self->line + self->line_n, in.p, take);
    self->line_n += take;
    if (self->line_n < step_size(&self->lines) && !at_end)
        return take;
    (void)take_step(self, av_span_of(self->line, self->line_n), at_end, &used);
    rest = self->line_n - used;
    self->line_n = 0;
    if (rest <= take)
        return take - rest; /* they are in the window, and better taken there */
    if (self->mode == SPLIT_BASE64) {
        memmove(self->line, self->line + used, rest);
        self->line_n = rest;
    } else {
        memcpy(self->pending, self->line + used, rest);
        self->pending_n = rest;
    }
    return take;
}

/* Base64 goes on. Returns the bytes taken: all, or up to the end of the part (mode is pending then). */
static size_t
take_base64(split_body *self, av_span in, bool last)
{
    size_t at = 0, used;

    while (self->line_n > 0) {
        if (at == in.n && !last)
            return at;
        at += take_cut_line(self, at == in.n ? (av_span){ (const uint8_t *)"", 0 } : av_span_skip(in, at), last);
        if (self->mode != SPLIT_BASE64)
            return at;
    }
    for (;;) {
        at += take_plain(self, av_span_skip(in, at));
        if (in.n - at < step_size(&self->lines) && !last)
            break;
        if (at == in.n) { /* the body ends with a whole line */
            end_base64(self, self->lines.line_chars != 0);
            return at;
        }
        (void)take_step(self, av_span_slice(in, at, at + AV_MIN(step_size(&self->lines), in.n - at)),
            last && in.n - at <= step_size(&self->lines), &used);
        at += used;
        if (self->mode != SPLIT_BASE64)
            return at;
    }
    self->line_n = in.n - at;
    if (self->line_n > 0)
        memcpy(self->line, in.p + at, self->line_n);
    return in.n;
}

/* Bytes of the body that must be known to decide it. */
static size_t
needed(const split_body *self)
{
    return self->maybe_base64 ? self->out->options.min_base64 + SPLIT_PROOF : self->out->options.min_raw;
}

/*
 * Try to decide a body of which known are the first bytes: needed() of them, or all there is (at_end). false: more must
 * be known, or it has become literal (at_end).
 */
static bool
decide(split_body *self, av_span known, bool at_end)
{
    if (self->maybe_base64) {
        size_t n = needed(self);

        if (is_base64(self, av_span_slice(known, 0, AV_MIN(n, known.n)), at_end && known.n <= n)) {
            self->mode = SPLIT_BASE64;
            split_out_part(self->out, AV_SPLIT_BASE64);
            return true;
        }
        self->maybe_base64 = false;
    }
    if (known.n >= self->out->options.min_raw) {
        self->mode = SPLIT_RAW;
        split_out_part(self->out, AV_SPLIT_RAW);
        return true;
    }
    if (at_end)
        split_out_literal(self->out, known);
    return false;
}

/* Bytes of a decided body, raw or base64. Returns the bytes taken: all, unless the base64 part ended before. */
static size_t
take_decided(split_body *self, av_span bytes, bool last)
{
    if (self->mode == SPLIT_BASE64)
        return take_base64(self, bytes, last);
    split_out_data(self->out, bytes, bytes.n);
    if (last) {
        split_out_part_end(self->out, NULL);
        self->mode = SPLIT_PENDING;
    }
    return bytes.n;
}

/* Gather in pending until the body is decided, then hand pending on. Returns the bytes taken. */
static size_t
gather(split_body *self, av_span bytes, bool last)
{
    size_t need = needed(self), take, used, n;
    bool at_end;

    take = need > self->pending_n ? AV_MIN(need - self->pending_n, bytes.n) : 0;
    if (take > 0)
        memcpy(self->pending + self->pending_n, bytes.p, take);
    n = self->pending_n += take;
    at_end = last && take == bytes.n;
    if (n < need && !at_end)
        return take;
    if (decide(self, av_span_of(self->pending, n), at_end)) {
        self->pending_n = 0;
        used = take_decided(self, av_span_of(self->pending, n), at_end);
        split_out_flush(self->out);
        if (used < n) { /* base64 ended inside: what is left is a raw body */
            memmove(self->pending, self->pending + used, n - used);
            self->pending_n = n - used;
        }
    } else if (at_end) {
        split_out_flush(self->out);
        self->pending_n = 0;
    }
    return take;
}

void
split_body_take(split_body *self, av_span bytes, bool last)
{
    while (bytes.n > 0 || (last && (self->mode != SPLIT_PENDING || self->pending_n > 0))) {
        size_t used;

        if (self->mode != SPLIT_PENDING)
            used = take_decided(self, bytes, last);
        else if (self->pending_n > 0 || (bytes.n < needed(self) && !last))
            used = gather(self, bytes, last);
        else if (decide(self, bytes, last)) /* nothing is copied where all is in the window */
            continue;
        else
            used = last ? bytes.n : 0; /* not base64, and too short to be raw so far */
        bytes = av_span_skip(bytes, used);
    }
}
