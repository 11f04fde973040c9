/*
 * fields.c - fields of up to 128 documents as bits
 */
#include "storage/postings/fields.h"

#include "storage/postings/chunk.h"

enum {
    MASK_ESCAPE = 15,
    LISTED_MAX = 24, /* documents of a plane that are named one by one; with more it stands there as it is */
    KIND_BITS = 2
};
typedef enum plane_kind { PLANE_ALL, PLANE_WITH, PLANE_WITHOUT, PLANE_BITS } plane_kind;

/* Masks by how often mail has them; frozen with the format. */
static const uint16_t usual_masks[MASK_ESCAPE] = {
    AV_FIELD_BODY,
    AV_FIELD_SUBJECT | AV_FIELD_BODY,
    AV_FIELD_SUBJECT,
    AV_FIELD_FROM,
    AV_FIELD_FROM | AV_FIELD_BODY,
    AV_FIELD_TO,
    AV_FIELD_CC,
    AV_FIELD_TO | AV_FIELD_BODY,
    AV_FIELD_CC | AV_FIELD_BODY,
    AV_FIELD_TO | AV_FIELD_CC,
    AV_FIELD_FILENAME,
    AV_FIELD_ATTACHMENT,
    AV_FIELD_ATTACHMENT | AV_FIELD_BODY,
    AV_FIELD_HEADER,
    AV_FIELD_BCC,
};

void
av_mask_put(av_bits_out *b, uint16_t mask)
{
    uint32_t i;

    for (i = 0; i < MASK_ESCAPE && usual_masks[i] != mask; i++)
        ;
    av_bits_put_eg(b, i, 0);
    if (i == MASK_ESCAPE)
        av_bits_put(b, mask, AV_FIELD_COUNT);
}

uint16_t
av_mask_get(av_bits_in *b)
{
    uint32_t i = av_bits_get_eg(b, 0), mask;

    if (i < MASK_ESCAPE)
        return usual_masks[i];
    mask = i == MASK_ESCAPE ? av_bits_get(b, AV_FIELD_COUNT) : 0;
    b->bad |= mask == 0;
    return (uint16_t)(mask == 0 ? AV_FIELD_BODY : mask);
}

/* --- writing --- */

static uint32_t
listed_max(uint32_t n)
{
    return AV_MIN(n / 2, (uint32_t)LISTED_MAX);
}

/* Documents with the field, or those without it when they are fewer; places count from 1. */
static void
put_plane(av_bits_out *b, const uint16_t *masks, uint32_t n, uint32_t field)
{
    uint32_t with[AV_PLANE_DOCS], without[AV_PLANE_DOCS], n_with = 0, n_without = 0, i;
    bool fewer;

    for (i = 0; i < n; i++) {
        if ((masks[i] & field) != 0)
            with[n_with++] = i + 1;
        else
            without[n_without++] = i + 1;
    }
    if (n_without == 0) {
        av_bits_put(b, PLANE_ALL, KIND_BITS);
        return;
    }
    if (AV_MIN(n_with, n_without) > listed_max(n)) {
        av_bits_put(b, PLANE_BITS, KIND_BITS);
        for (i = 0; i < n; i++)
            av_bits_put(b, (masks[i] & field) != 0, 1);
        return;
    }
    fewer = n_without < n_with;
    av_bits_put(b, fewer ? PLANE_WITHOUT : PLANE_WITH, KIND_BITS);
    av_bits_put_below(b, AV_MIN(n_with, n_without) - 1, listed_max(n));
    av_between_put(b, fewer ? without : with, AV_MIN(n_with, n_without), 1, n);
}

void
av_fields_put(av_bits_out *b, const uint16_t *masks, uint32_t n)
{
    uint32_t any = 0, i, left;
    bool same = true;

    assert(n > 0 && n <= AV_PLANE_DOCS);
    for (i = 0; i < n; i++) {
        any |= masks[i];
        same = same && masks[i] == masks[0];
    }
    av_bits_put(b, same, 1); /* by far the most frequent case */
    av_mask_put(b, (uint16_t)any);
    for (left = same ? 0 : any; left != 0; left &= left - 1)
        put_plane(b, masks, n, left & -left);
}

/* --- reading --- */

static void
all_ones(uint64_t plane[AV_PLANE_WORDS], uint32_t n)
{
    plane[0] = n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
    plane[1] = n <= 64 ? 0 : n == 128 ? UINT64_MAX : (UINT64_C(1) << (n - 64)) - 1;
}

static void
get_listed(av_bits_in *b, uint32_t n, bool with, uint64_t plane[AV_PLANE_WORDS])
{
    uint32_t places[LISTED_MAX], count = (uint32_t)av_bits_get_below(b, listed_max(n)) + 1, i;

    plane[0] = plane[1] = 0;
    if (!with)
        all_ones(plane, n);
    if (count > listed_max(n)) { /* of one document there are no planes */
        b->bad = true;
        return;
    }
    av_between_get(b, places, count, 1, n);
    for (i = 0; i < count; i++)
        plane[(places[i] - 1) / 64] ^= UINT64_C(1) << (places[i] - 1) % 64;
}

static void
get_bits(av_bits_in *b, uint32_t n, uint64_t plane[AV_PLANE_WORDS])
{
    uint32_t i, some;

    plane[0] = plane[1] = 0;
    for (i = 0; i < n; i += some) {
        some = AV_MIN(n - i, (uint32_t)32);
        plane[i / 64] |= (uint64_t)av_bits_get(b, some) << i % 64;
    }
}

bool
av_fields_get(av_bits_in *b, uint32_t n, uint32_t upto, av_fields *ret)
{
    bool same = av_bits_get(b, 1) != 0;
    uint32_t any = av_mask_get(b), left, f;
    plane_kind kind;

    assert(n > 0 && n <= AV_PLANE_DOCS);
    ret->n = n;
    ret->common = (uint16_t)(same ? any : 0);
    ret->some = 0;
    for (left = same ? 0 : any; left != 0; left &= left - 1) {
        f = (uint32_t)__builtin_ctz(left);
        if (upto != 0 && upto >> f == 0)
            break;
        kind = (plane_kind)av_bits_get(b, KIND_BITS);
        if (kind == PLANE_ALL) {
            ret->common |= (uint16_t)(1u << f);
            continue;
        }
        ret->some |= (uint16_t)(1u << f);
        if (kind == PLANE_BITS)
            get_bits(b, n, ret->planes[f]);
        else
            get_listed(b, n, kind == PLANE_WITH, ret->planes[f]);
    }
    return av_bits_fine(b);
}

void
av_fields_any(const av_fields *self, uint32_t fields, uint64_t ret[AV_PLANE_WORDS])
{
    uint32_t left;

    ret[0] = ret[1] = 0;
    if ((self->common & fields) != 0) {
        all_ones(ret, self->n);
        return;
    }
    for (left = self->some & fields; left != 0; left &= left - 1) {
        ret[0] |= self->planes[__builtin_ctz(left)][0];
        ret[1] |= self->planes[__builtin_ctz(left)][1];
    }
}

bool
av_fields_spread(const av_fields *self, uint16_t *masks)
{
    uint32_t i, left, f, missing = 0;
    uint64_t word;

    for (i = 0; i < self->n; i++)
        masks[i] = self->common;
    for (left = self->some; left != 0; left &= left - 1) {
        f = (uint32_t)__builtin_ctz(left);
        for (i = 0; i < AV_PLANE_WORDS; i++)
            for (word = self->planes[f][i]; word != 0; word &= word - 1)
                masks[i * 64 + (uint32_t)__builtin_ctzll(word)] |= (uint16_t)(1u << f);
    }
    for (i = 0; self->common == 0 && i < self->n; i++)
        missing |= masks[i] == 0;
    return missing == 0;
}
