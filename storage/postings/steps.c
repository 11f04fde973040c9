/*
 * steps.c - what stands between the words of each document
 */
#include "storage/postings/steps.h"

#include "storage/index/token.h"

enum { ROW_CEILING = 128 << 20, RUN_MAX = 15, SOON = 64 /* documents: a few rows */ };

/* --- reading --- */

static av_errc
broken(av_error *err, uint32_t doc)
{
    return av_error_set(err, AV_ERR_CORRUPT, "steps of document %u are missing or broken", doc);
}

void
av_steps_init(av_steps *self, const av_run_source *source)
{
    memset(self, 0, sizeof *self);
    self->source = source;
}

void
av_steps_release(av_steps *self)
{
    if (self->cursor != NULL)
        self->source->cursor_free(self->cursor);
    self->cursor = NULL;
    self->open = false;
}

/* Take one document off the row. */
static bool
take_doc(av_steps *self)
{
    uint64_t mask, n;
    uint32_t left;

    if (!av_var_get(&self->rest, &mask) || mask > AV_FIELD_ALL)
        return false;
    self->mask = (uint32_t)mask;
    for (left = self->mask; left != 0; left &= left - 1) {
        if (!av_var_get(&self->rest, &n) || n > self->rest.n ||
            !av_span_get_bytes(&self->rest, (size_t)n, &self->fields[__builtin_ctz(left)]))
            return false;
    }
    self->doc++;
    return true;
}

static av_errc
find_row(av_steps *self, uint32_t doc, av_error *err)
{
    uint8_t want[AV_STEPS_KEY] = { 'S' };
    av_span key;
    av_errc rc;

    self->open = false;
    if (self->cursor != NULL)
        self->source->cursor_free(AV_TAKE(self->cursor));
    av_put_be32(want + 1, doc);
    rc = self->source->seek(self->source->ctx, av_span_of(want, sizeof want), &self->cursor, err);
    if (rc != AV_OK)
        return rc == AV_ERR_NOT_FOUND ? broken(err, doc) : rc;
    if (!self->source->next(self->cursor, &key, &self->rest)) {
        rc = self->source->cursor_error(self->cursor, err);
        return rc == AV_OK ? broken(err, doc) : rc;
    }
    if (key.n != AV_STEPS_KEY || av_get_be32(key.p + 1) > doc)
        return broken(err, doc);
    self->doc = av_get_be32(key.p + 1);
    self->open = true;
    return AV_OK;
}

/* The row behind this one, which is cheaper than to look for it. false: look for it. */
static bool
next_row(av_steps *self)
{
    av_span key;

    return self->source->next(self->cursor, &key, &self->rest) && key.n == AV_STEPS_KEY &&
           av_get_be32(key.p + 1) == self->doc;
}

av_errc
av_steps_go(av_steps *self, uint32_t doc, av_error *err)
{
    bool again = false;
    av_errc rc;

    for (;;) {
        if (!self->open || self->doc > doc || self->rest.n == 0) {
            if (again)
                return broken(err, doc);
            again = !self->open || self->doc > doc || doc - self->doc > SOON || !next_row(self);
            rc = again ? find_row(self, doc, err) : AV_OK;
            if (rc != AV_OK)
                return rc;
        }
        while (self->rest.n > 0) {
            if (!take_doc(self))
                return broken(err, doc);
            if (self->doc == doc + 1)
                return AV_OK;
        }
    }
}

static uint32_t
step_of(unsigned kind)
{
    return kind == AV_STEP_APART ? AV_TOKEN_APART : AV_TOKEN_STEP + kind;
}

av_errc
av_steps_map(const av_steps *self, unsigned field, const uint32_t *words, uint32_t n, uint32_t *ret, av_error *err)
{
    av_span s = (self->mask & 1u << field) != 0 ? self->fields[field] : (av_span){ 0 };
    uint64_t word = 1, position = 1; /* where we are */
    unsigned run, kind;
    uint32_t i = 0;
    size_t at;

    for (; i < n && words[i] == 1; i++)
        ret[i] = 1;
    for (at = 0; at < s.n && i < n; at++) {
        run = s.p[at] & RUN_MAX;
        kind = s.p[at] >> 4;
        for (; i < n && words[i] <= word + run; i++)
            ret[i] = (uint32_t)(position + (words[i] - word) * AV_TOKEN_STEP);
        word += run;
        position += (uint64_t)run * AV_TOKEN_STEP;
        if (kind == 0)
            continue;
        word++;
        position += step_of(kind);
        if (i < n && words[i] == word)
            ret[i++] = (uint32_t)position;
        if (kind > AV_STEP_APART || position > UINT32_MAX)
            return broken(err, self->doc - 1);
    }
    return i == n && position <= UINT32_MAX && (self->mask & 1u << field) != 0 ? AV_OK : broken(err, self->doc - 1);
}

bool
av_steps_count(const av_steps *self, unsigned field, uint64_t *ret)
{
    av_span s = self->fields[field];
    size_t i;

    *ret = 0;
    if ((self->mask & 1u << field) == 0)
        return true;
    *ret = 1;
    for (i = 0; i < s.n; i++) {
        if (s.p[i] >> 4 > AV_STEP_APART)
            return false;
        *ret += (s.p[i] & RUN_MAX) + (s.p[i] >> 4 != 0);
    }
    return true;
}

/* --- writing --- */

void
av_steps_out_init(av_steps_out *self, const av_run_sink *sink, uint64_t *bytes)
{
    memset(self, 0, sizeof *self);
    self->sink = sink;
    self->bytes = bytes;
    av_buf_init(&self->value, ROW_CEILING);
    av_buf_init(&self->field, ROW_CEILING);
}

void
av_steps_out_release(av_steps_out *self)
{
    av_buf_release(&self->value);
    av_buf_release(&self->field);
}

static av_errc
flush(av_steps_out *self, av_error *err)
{
    uint8_t key[AV_STEPS_KEY] = { 'S' };
    av_errc rc;

    if (self->value.full || self->field.full)
        return av_error_set(err, AV_ERR_LIMIT, "the words of a document are too many for a row");
    av_put_be32(key + 1, self->first);
    *self->bytes += sizeof key + self->value.n;
    rc = self->sink->put(self->sink->ctx, av_span_of(key, sizeof key), av_buf_span(&self->value), err);
    av_buf_clear(&self->value);
    self->first = self->next;
    return rc;
}

/* A byte: how many steps of white space (lower half), then one of this kind (upper half, 0: none). */
static void
pack(av_buf *out, const uint8_t *steps, size_t n)
{
    unsigned run = 0;
    size_t i;

    av_buf_clear(out);
    for (i = 1; i < n; i++) {
        if (steps[i] != 0) {
            (void)av_buf_putc(out, (uint8_t)(steps[i] << 4 | run));
            run = 0;
        } else if (++run == RUN_MAX) {
            (void)av_buf_putc(out, RUN_MAX);
            run = 0;
        }
    }
    if (run > 0)
        (void)av_buf_putc(out, (uint8_t)run);
}

static av_errc
end_doc(av_steps_out *self, av_error *err)
{
    self->next++;
    return self->value.n >= AV_STEPS_ROW_BYTES ? flush(self, err) : AV_OK;
}

av_errc
av_steps_out_doc(av_steps_out *self, const av_buf fields[AV_FIELD_COUNT], av_error *err)
{
    uint32_t mask = 0, left;
    unsigned f;

    for (f = 0; f < AV_FIELD_COUNT; f++)
        mask |= fields != NULL && fields[f].n > 0 ? 1u << f : 0;
    (void)av_var_put(&self->value, mask);
    for (left = mask; left != 0; left &= left - 1) {
        f = (unsigned)__builtin_ctz(left);
        pack(&self->field, fields[f].p, fields[f].n);
        (void)av_var_put(&self->value, self->field.n);
        (void)av_buf_append_span(&self->value, av_buf_span(&self->field));
    }
    return end_doc(self, err);
}

av_errc
av_steps_out_copy(av_steps_out *self, const av_steps *from, av_error *err)
{
    uint32_t left;

    (void)av_var_put(&self->value, from->mask);
    for (left = from->mask; left != 0; left &= left - 1) {
        (void)av_var_put(&self->value, from->fields[__builtin_ctz(left)].n);
        (void)av_buf_append_span(&self->value, from->fields[__builtin_ctz(left)]);
    }
    return end_doc(self, err);
}

av_errc
av_steps_out_end(av_steps_out *self, av_error *err)
{
    return self->value.n > 0 ? flush(self, err) : AV_OK;
}
