/*
 * split_body.c - what the body of a leaf part becomes: literal, raw, or base64 decoded line by line
 *
 * A body is looked at up to min_raw or, declared base64, min_base64 and a line more: then it is decided, and streams.
 * The decision is about the same bytes however they come in.
 */
#include "storage/mime/split_priv.h"

void
split_body_begin(split_body *self, bool base64)
{
    self->mode = SPLIT_PENDING;
    self->maybe_base64 = base64;
    self->pending_n = self->line_n = self->scratch_n = self->scratch_raw = 0;
}

/* The first min_base64 bytes of the body are canonical, to the end of a line. Sets lines. */
static bool
is_base64(split_body *self, av_span head, bool at_end)
{
    size_t at = 0, min = self->out->options.min_base64;
    av_base64_lines lines;

    if (head.n < min || !split_out_room(self->out) || !split_guess_lines(head, &lines))
        return false;
    self->lines = lines;
    while (at < min) {
        size_t n = AV_MIN(split_step_size(&lines), head.n - at);
        split_step s = split_prove(&lines, av_span_slice(head, at, at + n), at_end && at + n == head.n, self->scratch);

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

/* One step of the proof, its bytes to scratch; it may end the part. */
static void
take_step(split_body *self, av_span in, bool at_end, size_t *ret_used)
{
    split_step s = split_prove(&self->lines, in, at_end, scratch_room(self));

    self->scratch_n += s.decoded;
    self->scratch_raw += s.used;
    *ret_used = s.used;
    if (s.end)
        end_base64(self, s.newline);
}

/* Lines, or the groups of the unbroken line, as long as nothing but them stands in in. Returns the bytes taken. */
static size_t
take_plain(split_body *self, av_span in)
{
    size_t at = 0, size = split_step_size(&self->lines), decoded = self->lines.line_chars / 4 * 3;

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
    while (in.n - at >= size && split_decode_line(&self->lines, in.p + at, scratch_room(self))) {
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
    size_t take = AV_MIN(split_step_size(&self->lines) - self->line_n, in.n), used, rest;
    bool at_end = last && take == in.n;

    memcpy(self->line + self->line_n, in.p, take);
    self->line_n += take;
    if (self->line_n < split_step_size(&self->lines) && !at_end)
        return take;
    take_step(self, av_span_of(self->line, self->line_n), at_end, &used);
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
        if (in.n - at < split_step_size(&self->lines) && !last)
            break;
        if (at == in.n) { /* the body ends with a whole line */
            end_base64(self, self->lines.line_chars != 0);
            return at;
        }
        take_step(self, av_span_slice(in, at, at + AV_MIN(split_step_size(&self->lines), in.n - at)),
            last && in.n - at <= split_step_size(&self->lines), &used);
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
