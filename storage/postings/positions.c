/*
 * positions.c - where the words of a chunk stand, as bits
 *
 * A word that stands n times in a text of so many words says little more than which of the possible places
 * it has: the middle one of the n first, in the range that the others leave to it, then both halves the same way
 * (binary interpolative coding; Moffat and Stuiver, 2000). Against Golomb codes of the steps it saved a quarter of all
 * bytes of positions on mail.
 */
#include "storage/postings/chunk.h"

enum {
    COUNTS_BITS = 3,
    COUNTS_ALL_ONE = 7 /* instead of the k of their code: no counts follow */
};

/* As deep as n has bits: 17 at most. */
void
av_between_put(av_bits_out *b, const uint32_t *v, uint32_t n, uint64_t low, uint64_t high)
{
    uint32_t m;

    while (n > 0) {
        m = n / 2;
        av_bits_put_below(b, v[m] - low - m, high - low - n + 2);
        av_between_put(b, v, m, low, (uint64_t)v[m] - 1);
        low = (uint64_t)v[m] + 1;
        v += m + 1;
        n -= m + 1;
    }
}

/* Three at most: no calls, which is what most words of most documents are. */
static inline void
get_few(av_bits_in *b, uint32_t *v, uint32_t n, uint64_t low, uint64_t high)
{
    if (n == 1) {
        v[0] = (uint32_t)(low + av_bits_get_below(b, high - low + 1));
        return;
    }
    v[1] = (uint32_t)(low + 1 + av_bits_get_below(b, high - low + 2 - n));
    v[0] = (uint32_t)(low + av_bits_get_below(b, v[1] - low));
    if (n == 3)
        v[2] = (uint32_t)(v[1] + 1 + av_bits_get_below(b, high - v[1]));
}

void
av_between_get(av_bits_in *b, uint32_t *v, uint32_t n, uint64_t low, uint64_t high)
{
    uint32_t m;

    while (n > 3) {
        m = n / 2;
        v[m] = (uint32_t)(low + m + av_bits_get_below(b, high - low - n + 2));
        av_between_get(b, v, m, low, (uint64_t)v[m] - 1);
        low = (uint64_t)v[m] + 1;
        v += m + 1;
        n -= m + 1;
    }
    if (n > 0)
        get_few(b, v, n, low, high);
}

/* The code of the counts of a chunk: from their mean. */
static unsigned
counts_code(const uint16_t *masks, uint32_t n, const uint32_t *flat)
{
    uint64_t sum = 0, fields = 0;
    uint32_t i, left;
    unsigned k;

    for (i = 0; i < n; i++) {
        for (left = (uint32_t)__builtin_popcount(masks[i]); left > 0; left--) {
            sum += *flat - 1;
            flat += *flat + 1;
            fields++;
        }
    }
    if (sum == 0)
        return COUNTS_ALL_ONE;
    for (k = 0, sum /= fields; k < COUNTS_ALL_ONE - 1 && sum >> k > 2; k++)
        ;
    return k;
}

void
av_chunk_put_positions(av_bits_out *b, const av_lengths *lengths, const uint32_t *docs, const uint16_t *masks,
    uint32_t n, const uint32_t *flat, bool few)
{
    unsigned k = 0;
    uint32_t i, left, limit;

    if (!few) {
        k = counts_code(masks, n, flat);
        av_bits_put(b, k, COUNTS_BITS);
    }
    for (i = 0; i < n; i++) {
        for (left = masks[i]; left != 0; left &= left - 1) {
            limit = av_length_limit(av_lengths_at(lengths, docs[i])[av_length_of_field((unsigned)__builtin_ctz(left))]);
            assert(flat[0] > 0 && flat[flat[0]] <= limit);
            if (k != COUNTS_ALL_ONE)
                av_bits_put_eg(b, flat[0] - 1, k);
            av_between_put(b, flat + 1, flat[0], 1, limit);
            flat += flat[0] + 1;
        }
    }
}

bool
av_chunk_get_positions(
    av_bits_in *b, const av_lengths *lengths, const av_chunk *chunk, bool few, av_flat *out, size_t *starts)
{
    uint32_t i, left, limit, count, total, k;

    k = few ? 0 : av_bits_get(b, COUNTS_BITS);
    for (i = 0; i < chunk->n; i++) {
        if (starts != NULL)
            starts[i] = out->n;
        total = 0;
        for (left = chunk->masks[i]; left != 0; left &= left - 1) {
            limit = av_length_limit(
                av_lengths_at(lengths, chunk->docs[i])[av_length_of_field((unsigned)__builtin_ctz(left))]);
            count = k == COUNTS_ALL_ONE ? 0 : av_bits_get_eg(b, k);
            if (count >= AV_POSITIONS_MAX - total || count >= limit || !av_bits_fine(b)) {
                b->bad = true;
                return false;
            }
            total += ++count;
            av_flat_grow(out, (size_t)count + 1);
            out->v[out->n++] = count;
            av_between_get(b, out->v + out->n, count, 1, limit);
            out->n += count;
        }
    }
    if (starts != NULL)
        starts[chunk->n] = out->n;
    return av_bits_fine(b);
}
