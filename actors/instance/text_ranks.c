/*
 * text_ranks.c - see text_ranks.h
 */
#include "actors/instance/text_ranks.h"

#define FIRST_SLOTS 1024U /* a power of two */

void
av_text_ranks_init(av_text_ranks *self, size_t most_bytes)
{
    *self = (av_text_ranks){ .slot_count = FIRST_SLOTS };
    av_buf_init(&self->bytes, most_bytes);
    self->slots = av_xcalloc(FIRST_SLOTS, sizeof *self->slots);
}

void
av_text_ranks_release(av_text_ranks *self)
{
    av_buf_release(&self->bytes);
    free(self->ends);
    free(self->slots);
    free(self->ranks);
    *self = (av_text_ranks){ 0 };
}

av_span
av_text_ranks_text(const av_text_ranks *self, uint32_t number)
{
    size_t from = number == 0 ? 0 : self->ends[number - 1];

    return av_span_slice(av_buf_span(&self->bytes), from, self->ends[number]);
}

/* FNV-1a: whoever crowds the table makes his own search slow, and its time limit ends that. */
static uint64_t
hash_of(av_span text)
{
    uint64_t h = 14695981039346656037U;

    for (size_t i = 0; i < text.n; i++)
        h = (h ^ text.p[i]) * 1099511628211U;
    return h ^ h >> 29;
}

static void
grow(av_text_ranks *self)
{
    size_t count = self->slot_count * 2;
    uint32_t *slots = av_xcalloc(count, sizeof *slots);

    for (size_t i = 0; i < self->n; i++) {
        size_t at = (size_t)hash_of(av_text_ranks_text(self, (uint32_t)i)) & (count - 1);

        while (slots[at] != 0)
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)i + 1;
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = count;
}

av_errc
av_text_ranks_add(av_text_ranks *self, av_span text, uint32_t *ret, av_error *err)
{
    size_t at = (size_t)hash_of(text) & (self->slot_count - 1);

    for (; self->slots[at] != 0; at = (at + 1) & (self->slot_count - 1))
        if (av_span_eq(av_text_ranks_text(self, self->slots[at] - 1), text)) {
            *ret = self->slots[at] - 1;
            return AV_OK;
        }
    if (!av_buf_append_span(&self->bytes, text))
        return av_error_set(
            err, AV_ERR_LIMIT, "what is to be sorted by has over %zu MB: search for less", self->bytes.max >> 20);
    if (self->n == self->cap) {
        self->cap = self->cap == 0 ? 64 : self->cap + self->cap / 2;
        self->ends = av_xrealloc(self->ends, self->cap * sizeof *self->ends);
    }
    self->ends[self->n] = self->bytes.n;
    self->slots[at] = (uint32_t)++self->n;
    *ret = (uint32_t)self->n - 1;
    if (self->n > self->slot_count / 2)
        grow(self);
    return AV_OK;
}

static int
by_text(const void *a, const void *b, void *ctx)
{
    av_span x = av_text_ranks_text(ctx, *(const uint32_t *)a), y = av_text_ranks_text(ctx, *(const uint32_t *)b);
    size_t n = AV_MIN(x.n, y.n);
    int c = n == 0 ? 0 : memcmp(x.p, y.p, n);

    return c != 0 ? c : x.n < y.n ? -1 : x.n > y.n;
}

void
av_text_ranks_finish(av_text_ranks *self)
{
    AV_CLEANUP(av_free) uint32_t *order = av_xcalloc(self->n + 1, sizeof *order);

    self->ranks = av_xcalloc(self->n + 1, sizeof *self->ranks);
    for (size_t i = 0; i < self->n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, self->n, sizeof *order, by_text, self);
    for (size_t i = 0; i < self->n; i++)
        self->ranks[order[i]] = (uint32_t)i;
}

uint32_t
av_text_ranks_of(const av_text_ranks *self, uint32_t number)
{
    return self->ranks[number];
}
