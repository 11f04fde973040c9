/*
 * positions.c - where the words of a chunk stand, as bits
 */
#include "storage/postings/chunk.h"

enum {
    COUNTS_BITS = 3,
    COUNTS_ALL_ONE = 7 /* instead of the k of their code: no counts follow */
};
/* Lists of a document or two: what suits most of them, frozen with the format. */
static const av_code few_firsts = { .k = 8 }, few_rests = { .k = 4 };

void
av_positions_scratch_release(av_positions_scratch *self)
{
    av_flat_release(&self->counts);
    av_flat_release(&self->firsts);
    av_flat_release(&self->rests);
}

/* Apart by kind: counts less one, first positions less one, further ones less one. */
static void
split_flat(av_positions_scratch *s, const uint16_t *masks, uint32_t n, const uint32_t *flat)
{
    uint32_t i, fields, count, j;

    s->counts.n = s->firsts.n = s->rests.n = 0;
    for (i = 0; i < n; i++) {
        for (fields = (uint32_t)__builtin_popcount(masks[i]); fields > 0; fields--) {
            count = *flat++;
            av_flat_grow(&s->counts, 1);
            av_flat_grow(&s->firsts, 1);
            av_flat_grow(&s->rests, count);
            s->counts.v[s->counts.n++] = count - 1;
            s->firsts.v[s->firsts.n++] = *flat++ - 1;
            for (j = 1; j < count; j++)
                s->rests.v[s->rests.n++] = *flat++ - 1;
        }
    }
}

static void
put_counts_code(av_bits_out *b, const av_positions_scratch *s, unsigned *ret_k)
{
    uint64_t sum = 0;
    unsigned k;
    size_t i;

    for (i = 0; i < s->counts.n; i++)
        sum += s->counts.v[i];
    if (sum == 0) {
        *ret_k = COUNTS_ALL_ONE;
    } else {
        sum /= s->counts.n;
        for (k = 0; k < COUNTS_ALL_ONE - 1 && sum >> k > 2; k++)
            ;
        *ret_k = k;
    }
    av_bits_put(b, *ret_k, COUNTS_BITS);
}

void
av_chunk_put_positions(
    av_bits_out *b, av_positions_scratch *scratch, const uint16_t *masks, uint32_t n, const uint32_t *flat, bool few)
{
    av_code firsts = few_firsts, rests = few_rests;
    unsigned k = 0;
    size_t i, j, rest = 0;

    split_flat(scratch, masks, n, flat);
    if (!few) {
        put_counts_code(b, scratch, &k);
        firsts = av_code_choose(scratch->firsts.v, scratch->firsts.n);
        av_bits_put_param(b, firsts);
        if (k != COUNTS_ALL_ONE) {
            rests = av_code_choose(scratch->rests.v, scratch->rests.n);
            av_bits_put_param(b, rests);
        }
    }
    for (i = 0; i < scratch->counts.n; i++) {
        if (k != COUNTS_ALL_ONE)
            av_bits_put_eg(b, scratch->counts.v[i], k);
        av_bits_put_code(b, scratch->firsts.v[i], firsts);
        for (j = 0; j < scratch->counts.v[i]; j++)
            av_bits_put_code(b, scratch->rests.v[rest++], rests);
    }
}

/* The positions of one field behind the first, less one each. */
static void
get_rests(av_bits_in *b, av_code code, uint32_t *v, uint32_t n)
{
    uint32_t i;

    if (code.rice) {
        for (i = 0; i < n; i++)
            v[i] = av_bits_get_rice(b, code.k) + 1;
    } else {
        for (i = 0; i < n; i++)
            v[i] = av_bits_get_eg(b, code.k) + 1;
    }
}

/* No position is beyond UINT32_MAX, no step is 0 (a sum that ran over). */
static bool
sums_fine(const uint32_t *v, uint32_t n)
{
    uint64_t at = 0;
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (v[i] == 0)
            return false;
        at += v[i];
    }
    return at <= UINT32_MAX;
}

bool
av_chunk_get_positions(av_bits_in *b, const uint16_t *masks, uint32_t n, bool few, av_flat *out, size_t *starts)
{
    av_code firsts = few_firsts, rests = few_rests;
    uint32_t i, fields, count, total, k = 0;
    uint32_t *v;

    if (!few) {
        k = av_bits_get(b, COUNTS_BITS);
        firsts = av_bits_get_param(b);
        if (k != COUNTS_ALL_ONE)
            rests = av_bits_get_param(b);
    }
    for (i = 0; i < n; i++) {
        if (starts != NULL)
            starts[i] = out->n;
        total = 0;
        for (fields = (uint32_t)__builtin_popcount(masks[i]); fields > 0; fields--) {
            count = k == COUNTS_ALL_ONE ? 0 : av_bits_get_eg(b, k);
            if (count >= AV_POSITIONS_MAX - total || !av_bits_fine(b)) {
                b->bad = true;
                return false;
            }
            total += ++count;
            av_flat_grow(out, (size_t)count + 1);
            v = out->v + out->n;
            v[0] = count;
            v[1] = av_bits_get_code(b, firsts) + 1;
            get_rests(b, rests, v + 2, count - 1);
            if (!sums_fine(v + 1, count)) {
                b->bad = true;
                return false;
            }
            out->n += (size_t)count + 1;
        }
    }
    if (starts != NULL)
        starts[n] = out->n;
    return av_bits_fine(b);
}
