/*
 * split_check.h - a sink that keeps the pieces of a message and joins them again, and what must hold for them
 */
#ifndef AV_TESTS_SPLIT_CHECK_H
#define AV_TESTS_SPLIT_CHECK_H

#include "base/buf.h"
#include "storage/mime/split.h"

typedef struct split_piece {
    bool literal;
    av_split_part part;   /* unless literal */
    size_t at, n;         /* in stored */
    size_t raw_at, raw_n; /* in joined */
    size_t calls;         /* of part_data */
} split_piece;

typedef struct split_record {
    av_buf stored; /* literals and part data as they came */
    av_buf joined; /* the message again */
    split_piece *pieces;
    size_t count, cap;
    size_t literal_bytes, parts;
    bool open;
    av_span inside;    /* when not empty: literals and raw data must be spans of it */
    const char *wrong; /* the first thing that does not hold */
} split_record;

static inline void
split_record_clear(split_record *self)
{
    av_buf_clear(&self->stored);
    av_buf_clear(&self->joined);
    self->count = self->literal_bytes = self->parts = 0;
    self->open = false;
    self->inside = (av_span){ NULL, 0 };
    self->wrong = NULL;
}

static inline void
split_record_init(split_record *self, size_t max_bytes)
{
    *self = (split_record){ .stored = { .max = max_bytes }, .joined = { .max = max_bytes } };
    split_record_clear(self);
}

static inline void
split_record_release(split_record *self)
{
    av_buf_release(&self->stored);
    av_buf_release(&self->joined);
    free(self->pieces);
}

static inline void
split_must(split_record *self, bool holds, const char *what)
{
    if (!holds && self->wrong == NULL)
        self->wrong = what;
}

static inline split_piece *
split_record_add(split_record *self, bool literal)
{
    if (self->count == self->cap) {
        self->cap = self->cap == 0 ? 64 : self->cap * 2;
        self->pieces = av_xrealloc(self->pieces, self->cap * sizeof *self->pieces);
    }
    self->pieces[self->count] = (split_piece){ .literal = literal, .at = self->stored.n, .raw_at = self->joined.n };
    return &self->pieces[self->count++];
}

static inline void
split_must_be_inside(split_record *self, av_span bytes)
{
    split_must(self,
        self->inside.n == 0 || (bytes.p >= self->inside.p && bytes.p + bytes.n <= self->inside.p + self->inside.n),
        "a literal or raw span is a copy");
}

static inline av_errc
split_on_literal(void *ctx, av_span bytes, av_error *err)
{
    split_record *self = ctx;
    split_piece *piece;

    (void)err;
    split_must(self, !self->open, "a literal inside a part");
    split_must(self, bytes.n > 0, "an empty literal");
    split_must_be_inside(self, bytes);
    piece = self->count > 0 && self->pieces[self->count - 1].literal ? &self->pieces[self->count - 1]
                                                                     : split_record_add(self, true);
    split_must(self, av_buf_append_span(&self->stored, bytes) && av_buf_append_span(&self->joined, bytes), "memory");
    piece->n += bytes.n;
    piece->raw_n += bytes.n;
    self->literal_bytes += bytes.n;
    return AV_OK;
}

static inline av_errc
split_on_part_begin(void *ctx, av_split_coding coding, av_error *err)
{
    split_record *self = ctx;

    (void)err;
    split_must(self, !self->open, "a part inside a part");
    self->open = true;
    self->parts++;
    split_record_add(self, false)->part.coding = coding;
    return AV_OK;
}

static inline av_errc
split_on_part_data(void *ctx, av_span bytes, av_error *err)
{
    split_record *self = ctx;

    (void)err;
    split_must(self, self->open, "data of no part");
    split_must(self, bytes.n > 0, "empty data");
    if (self->wrong != NULL)
        return AV_OK;
    if (self->pieces[self->count - 1].part.coding == AV_SPLIT_RAW)
        split_must_be_inside(self, bytes);
    self->pieces[self->count - 1].n += bytes.n;
    self->pieces[self->count - 1].calls++;
    split_must(self, av_buf_append_span(&self->stored, bytes), "memory");
    return AV_OK;
}

static inline av_errc
split_on_part_end(void *ctx, const av_split_part *part, av_error *err)
{
    split_record *self = ctx;
    split_piece *piece;
    uint8_t *to;

    (void)err;
    split_must(self, self->open, "an end of no part");
    if (self->wrong != NULL)
        return AV_OK;
    piece = &self->pieces[self->count - 1];
    self->open = false;
    split_must(self, piece->part.coding == part->coding && part->size == piece->n && part->size > 0, "a part's size");
    piece->part = *part;
    piece->raw_n = (size_t)part->raw_size;
    to = av_buf_reserve(&self->joined, piece->raw_n);
    split_must(self, to != NULL, "memory");
    if (part->coding == AV_SPLIT_RAW) {
        split_must(self, part->raw_size == part->size, "a raw part's size");
        split_must(self, part->lines.line_chars == 0 && !part->lines.crlf && !part->lines.last_newline, "lines of raw");
        split_must(self, self->inside.n == 0 || piece->calls == 1, "a raw part in one piece");
        if (self->wrong == NULL)
            memcpy(to, self->stored.p + piece->at, piece->n);
    } else {
        split_must(self, av_base64_lines_valid(&part->lines, part->size), "line parameters");
        split_must(self, av_base64_lines_size(&part->lines, part->size) == part->raw_size, "an encoded part's size");
        if (self->wrong == NULL)
            av_base64_lines_encode(&part->lines, part->size,
                av_span_slice(av_buf_span(&self->stored), piece->at, piece->at + piece->n), 0, piece->raw_n, to);
    }
    if (self->wrong == NULL)
        self->joined.n += piece->raw_n;
    return AV_OK;
}

static inline av_split_sink
split_record_sink(split_record *self)
{
    return (av_split_sink){ self, split_on_literal, split_on_part_begin, split_on_part_data, split_on_part_end };
}

/* The message in one piece. NULL, or what is wrong: the bytes are the same again and the bounds are kept. */
static inline const char *
split_whole(av_splitter *s, av_span message, const av_split_options *options, split_record *ret)
{
    av_split_sink sink = split_record_sink(ret);
    av_error err;

    split_record_clear(ret);
    ret->inside = message;
    split_must(ret, av_splitter_message(s, message, options, &sink, &err) == AV_OK, "splitting failed");
    split_must(ret, av_span_eq(av_buf_span(&ret->joined), message), "joined bytes are others");
    split_must(ret, !ret->open, "a part is left open");
    split_must(ret, ret->literal_bytes <= options->max_literal && ret->parts <= options->max_parts, "bounds");
    return ret->wrong;
}

/* xorshift64* */
static inline uint64_t
split_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

/* The same in pieces of random sizes up to max_chunk; each is a copy of its own, so that a kept span is found out. */
static inline const char *
split_chunks(av_splitter *s, av_span message, const av_split_options *options, size_t max_chunk, uint64_t *seed,
    split_record *ret)
{
    av_split_sink sink = split_record_sink(ret);
    av_error err;

    split_record_clear(ret);
    av_splitter_begin(s, options, &sink);
    for (size_t at = 0; at < message.n;) {
        size_t n = 1 + (size_t)(split_random(seed) % max_chunk);
        uint8_t *copy;

        n = AV_MIN(n, message.n - at);
        copy = av_xalloc(n);

        memcpy(copy, message.p + at, n);
        split_must(ret, av_splitter_feed(s, av_span_of(copy, n), &err) == AV_OK, "feeding failed");
        free(copy);
        at += n;
    }
    split_must(ret, av_splitter_end(s, &err) == AV_OK, "the end failed");
    split_must(ret, av_span_eq(av_buf_span(&ret->joined), message), "joined bytes of chunks are others");
    return ret->wrong;
}

static inline bool
split_same(const split_record *a, const split_record *b)
{
    if (a->count != b->count || !av_span_eq(av_buf_span(&a->stored), av_buf_span(&b->stored)))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const split_piece *x = &a->pieces[i], *y = &b->pieces[i];

        if (x->literal != y->literal || x->n != y->n || x->raw_n != y->raw_n || x->part.coding != y->part.coding ||
            x->part.lines.line_chars != y->part.lines.line_chars || x->part.lines.crlf != y->part.lines.crlf ||
            x->part.lines.last_newline != y->part.lines.last_newline)
            return false;
    }
    return true;
}

/* A random range of a base64 part from the decoded bytes it needs alone. */
static inline bool
split_range_holds(const split_record *r, const split_piece *piece, uint64_t *seed)
{
    uint64_t at = split_random(seed) % (piece->raw_n + 1), from, need;
    size_t n = (size_t)(split_random(seed) % (piece->raw_n - at + 1));
    AV_CLEANUP(av_free) uint8_t *got = av_xalloc(n + 1), *decoded = NULL;

    if (split_random(seed) % 2 == 0)
        n = AV_MIN(n, 100U);
    av_base64_lines_range(&piece->part.lines, piece->n, at, n, &from, &need);
    if (from % 3 != 0 || from + need > piece->n || (n > 0 && need > n / 4 * 3 + 6))
        return false;
    decoded = av_xalloc(need > 0 ? (size_t)need : 1); /* a copy: reading beyond it is found out */
    memcpy(decoded, r->stored.p + piece->at + from, (size_t)need);
    av_base64_lines_encode(&piece->part.lines, piece->n, av_span_of(decoded, (size_t)need), at, n, got);
    return memcmp(got, r->joined.p + piece->raw_at + at, n) == 0;
}

#endif
