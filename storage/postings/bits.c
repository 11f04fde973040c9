/*
 * bits.c - streams of bits, least significant first
 */
#include "storage/postings/bits.h"

uint64_t
av_bits_peek_end(const av_bits_in *b)
{
    uint64_t w = 0;
    size_t byte = (size_t)(b->at >> 3);

    if (byte < b->n)
        memcpy(&w, b->p + byte, AV_MIN(b->n - byte, sizeof w));
    return w >> (b->at & 7);
}

/* A number of more bits than one look shows. */
uint32_t
av_bits_get_long(av_bits_in *b, unsigned k)
{
    uint64_t w = av_bits_peek(b), x;
    unsigned c = w == 0 ? 64 : (unsigned)__builtin_ctzll(w);

    if (c > 32 || k + c > 32) {
        b->bad = true;
        return 0;
    }
    b->at += c + 1;
    x = (uint64_t)av_bits_get(b, k + c) + (UINT64_C(1) << (k + c)) - (UINT64_C(1) << k);
    b->bad |= x > UINT32_MAX;
    return (uint32_t)x;
}

static uint64_t
cost_eg(const uint32_t *v, size_t n, unsigned k)
{
    uint64_t bits = 0;
    size_t i;

    for (i = 0; i < n; i++)
        bits += 63u - (unsigned)__builtin_clzll((uint64_t)v[i] + (UINT64_C(1) << k));
    return 2 * bits + n - n * k;
}

static uint64_t
cost_rice(const uint32_t *v, size_t n, unsigned k)
{
    uint64_t zeros = 0;
    size_t i;

    for (i = 0; i < n; i++)
        zeros += v[i] >> k;
    return zeros + n * (k + 1);
}

/* Rice is best with k near the logarithm of the mean, eg somewhat below it: how much depends on the tail. */
av_code
av_code_choose(const uint32_t *v, size_t n)
{
    uint64_t sum = 0, best = UINT64_MAX, cost;
    uint32_t top = 0;
    unsigned mean, k;
    av_code code = { 0 };
    size_t i;

    for (i = 0; i < n; i++) {
        sum += v[i];
        top = AV_MAX(top, v[i]);
    }
    if (n == 0 || top == 0)
        return (av_code){ .rice = true };
    mean = 63 - (unsigned)__builtin_clzll(sum / n + 1);
    mean = AV_MIN(mean, 31);
    for (k = mean > 0 ? mean - 1 : 0; k <= AV_MIN(mean + 1, 31); k++) {
        if (top >> k <= AV_RICE_ZEROS && (cost = cost_rice(v, n, k)) < best) {
            best = cost;
            code = (av_code){ .k = (uint8_t)k, .rice = true };
        }
    }
    /* From the mean downwards for as long as it gets better. */
    for (k = mean;; k--) {
        cost = cost_eg(v, n, k);
        if (cost >= best && k < mean)
            break;
        if (cost < best) {
            best = cost;
            code = (av_code){ .k = (uint8_t)k };
        }
        if (k == 0)
            break;
    }
    return code;
}
