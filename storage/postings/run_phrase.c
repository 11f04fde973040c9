/*
 * run_phrase.c - words in a row, words near each other
 *
 * Documents first: only those that have all the words are asked for positions.
 */
#include "storage/index/token.h"
#include "storage/postings/slot.h"
#include "storage/postings/steps.h"

typedef struct search {
    const av_run *run;
    const uint32_t *offsets; /* NULL: near */
    uint32_t distance, fields, base;
    size_t n;
    av_slot *slots;
    av_flat starts; /* positions at which a row may begin */
    av_steps steps;
    /* Of the document and field that is asked, for each slot: the words, how many are left of them, and room. */
    const uint32_t **at, **all_at;
    uint32_t *left, *all_left;
    av_flat *mapped;
    av_docset hits;
} search;

static void
search_release(search *self)
{
    size_t i;

    for (i = 0; self->slots != NULL && i < self->n; i++) {
        av_slot_release(&self->slots[i]);
        av_flat_release(&self->mapped[i]);
    }
    if (self->slots != NULL)
        av_steps_release(&self->steps);
    free(self->slots);
    free(self->at);
    free(self->left);
    free(self->all_at);
    free(self->all_left);
    free(self->mapped);
    av_flat_release(&self->starts);
    av_docset_release(&self->hits);
}

static void
bitmap_release(roaring_bitmap_t **b)
{
    if (*b != NULL)
        roaring_bitmap_free(*b);
}

/* Documents with all of the words; *ret is the caller's. */
static av_errc
candidates(const search *self, const av_terms *terms, roaring_bitmap_t **ret, av_error *err)
{
    AV_CLEANUP(bitmap_release) roaring_bitmap_t *all = NULL;
    size_t i;
    av_errc rc;

    for (i = 0; i < self->n; i++) {
        AV_CLEANUP(bitmap_release) roaring_bitmap_t *these = roaring_bitmap_create();

        rc = av_run_docs_any(self->run, &terms[i], self->fields, all, self->base, these, err);
        if (rc != AV_OK)
            return rc;
        if (all == NULL)
            all = AV_TAKE(these);
        else
            roaring_bitmap_and_inplace(all, these);
        if (roaring_bitmap_is_empty(all))
            break;
    }
    *ret = AV_TAKE(all);
    return AV_OK;
}

/* The words of all slots in this document and field; false: one has none. */
static bool
take_words(search *self, uint32_t i, unsigned field)
{
    size_t s;

    for (s = 0; s < self->n; s++) {
        self->left[s] = av_slot_positions(&self->slots[s], i, field, &self->at[s]);
        if (self->left[s] == 0)
            return false;
    }
    return true;
}

/* Of the starts, keep those with one of v from start + low to start + high. */
static void
keep_starts(av_flat *starts, const uint32_t *v, uint32_t n, uint32_t low, uint32_t high)
{
    size_t i, kept = 0;
    uint32_t j = 0;

    for (i = 0; i < starts->n; i++) {
        while (j < n && v[j] < (uint64_t)starts->v[i] + low)
            j++;
        if (j == n)
            break;
        if (v[j] <= (uint64_t)starts->v[i] + high)
            starts->v[kept++] = starts->v[i];
    }
    starts->n = kept;
}

static void
begin_starts(search *self)
{
    self->starts.n = 0;
    av_flat_grow(&self->starts, self->left[0]);
    memcpy(self->starts.v, self->at[0], self->left[0] * sizeof *self->starts.v);
    self->starts.n = self->left[0];
}

/* By the numbers of words alone: each step is AV_TOKEN_STEP to twice that less one, or between texts far more. */
static bool
may_be_in_a_row(search *self)
{
    uint32_t low, high;
    size_t s;

    begin_starts(self);
    for (s = 1; s < self->n && self->starts.n > 0; s++) {
        high = self->offsets[s] / AV_TOKEN_STEP;
        low = self->offsets[s] < AV_TOKEN_APART ? (self->offsets[s] + 2 * AV_TOKEN_STEP - 2) / (2 * AV_TOKEN_STEP - 1)
                                                : 0;
        keep_starts(&self->starts, self->at[s], self->left[s], low, high);
    }
    return self->starts.n > 0;
}

static bool
in_a_row(search *self)
{
    size_t s;

    begin_starts(self);
    for (s = 1; s < self->n && self->starts.n > 0; s++)
        keep_starts(&self->starts, self->at[s], self->left[s], self->offsets[s], self->offsets[s]);
    return self->starts.n > 0;
}

/* Spoils at and left: the lowest one moves on until all are within the distance, or one has no more. */
static bool
near_each_other(search *self, uint32_t distance)
{
    uint32_t low, high;
    size_t s, lowest;

    for (;;) {
        low = UINT32_MAX;
        high = 0;
        for (s = lowest = 0; s < self->n; s++) {
            if (*self->at[s] < low) {
                low = *self->at[s];
                lowest = s;
            }
            high = AV_MAX(high, *self->at[s]);
        }
        if (high - low <= distance)
            return true;
        if (--self->left[lowest] == 0)
            return false;
        self->at[lowest]++;
    }
}

/* at and left become positions. */
static av_errc
map_words(search *self, uint32_t doc, unsigned field, av_error *err)
{
    size_t s;
    av_errc rc = av_steps_go(&self->steps, doc, err);

    for (s = 0; s < self->n && rc == AV_OK; s++) {
        self->mapped[s].n = 0;
        av_flat_grow(&self->mapped[s], self->left[s]);
        rc = av_steps_map(&self->steps, field, self->at[s], self->left[s], self->mapped[s].v, err);
        self->at[s] = self->mapped[s].v;
    }
    return rc;
}

/* Numbers of words first: what cannot match by these is not asked for its steps. */
static av_errc
ask_field(search *self, uint32_t i, uint32_t doc, unsigned field, bool *ret, av_error *err)
{
    av_errc rc;

    *ret = false;
    if (!take_words(self, i, field))
        return AV_OK;
    if (self->offsets != NULL) {
        if (!may_be_in_a_row(self))
            return AV_OK;
        rc = map_words(self, doc, field, err);
        *ret = rc == AV_OK && in_a_row(self);
        return rc;
    }
    memcpy(self->all_at, self->at, self->n * sizeof *self->at);
    memcpy(self->all_left, self->left, self->n * sizeof *self->left);
    if (!near_each_other(self, self->distance / AV_TOKEN_STEP))
        return AV_OK;
    memcpy(self->at, self->all_at, self->n * sizeof *self->at);
    memcpy(self->left, self->all_left, self->n * sizeof *self->left);
    rc = map_words(self, doc, field, err);
    *ret = rc == AV_OK && near_each_other(self, self->distance);
    return rc;
}

/* The fields in which a document has all of the words; 0: in none. The positions there can be asked for then. */
static av_errc
go_to(search *self, uint32_t i, uint32_t doc, uint32_t *ret, av_error *err)
{
    uint32_t fields;
    size_t s;
    av_errc rc;

    *ret = self->fields;
    for (s = 0; s < self->n && *ret != 0; s++) {
        rc = av_slot_go(&self->slots[s], i, doc, &fields, err);
        if (rc != AV_OK)
            return rc;
        *ret &= fields;
    }
    for (s = 0; s < self->n && *ret != 0; s++) {
        rc = av_slot_need(&self->slots[s], err);
        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

static av_errc
ask_batch(search *self, const uint32_t *docs, uint32_t n, av_error *err)
{
    uint32_t i, left;
    bool hit;
    size_t s;
    av_errc rc;

    for (s = 0; s < self->n; s++) {
        rc = av_slot_batch(&self->slots[s], docs, n, self->fields, err);
        if (rc != AV_OK)
            return rc;
    }
    for (i = 0; i < n; i++) {
        rc = go_to(self, i, docs[i], &left, err);
        for (hit = false; rc == AV_OK && left != 0 && !hit; left &= left - 1)
            rc = ask_field(self, i, docs[i], (unsigned)__builtin_ctz(left), &hit, err);
        if (rc != AV_OK)
            return rc;
        if (hit)
            av_docset_add(&self->hits, docs[i]);
    }
    return AV_OK;
}

/* In batches; one with too many places for the memory is halved. Single words read on, so they are not disturbed by that. */
static av_errc
ask_all(search *self, const roaring_bitmap_t *all, av_error *err)
{
    uint64_t total = roaring_bitmap_get_cardinality(all), at;
    uint32_t size = AV_SLOT_BATCH, n, i;
    AV_CLEANUP(av_free) uint32_t *docs = av_xalloc((size_t)AV_MIN(total, AV_SLOT_BATCH) * sizeof *docs);
    av_errc rc;

    for (at = 0; at < total;) {
        n = (uint32_t)AV_MIN(total - at, size);
        if (!roaring_bitmap_range_uint32_array(all, at, n, docs))
            return av_error_set(err, AV_ERR_NOMEM, "no memory for candidates");
        for (i = 0; i < n; i++)
            docs[i] -= self->base;
        rc = ask_batch(self, docs, n, err);
        if (rc == AV_ERR_LIMIT && n > 1) {
            size = AV_MAX(n / 2, 1);
            continue;
        }
        if (rc != AV_OK)
            return rc;
        at += n;
    }
    return AV_OK;
}

static av_errc
run_search(search *self, const av_terms *terms, const roaring_bitmap_t *among, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(bitmap_release) roaring_bitmap_t *all = NULL;
    size_t i;
    av_errc rc = AV_OK;

    assert(self->n > 0);
    self->fields &= AV_FIELD_ALL;
    if (self->run->count == 0)
        return AV_OK;
    if (among == NULL || self->n == 1)
        rc = candidates(self, terms, &all, err);
    else
        all = roaring_bitmap_from_range(self->base, (uint64_t)self->base + self->run->count, 1);
    if (rc == AV_OK && among != NULL)
        roaring_bitmap_and_inplace(all, among);
    if (rc != AV_OK || roaring_bitmap_is_empty(all))
        return rc;
    if (self->n == 1) {
        roaring_bitmap_or_inplace(out, all);
        return AV_OK;
    }
    self->slots = av_xcalloc(self->n, sizeof *self->slots);
    self->at = av_xcalloc(self->n, sizeof *self->at);
    self->left = av_xcalloc(self->n, sizeof *self->left);
    self->all_at = av_xcalloc(self->n, sizeof *self->all_at);
    self->all_left = av_xcalloc(self->n, sizeof *self->all_left);
    self->mapped = av_xcalloc(self->n, sizeof *self->mapped);
    av_steps_init(&self->steps, &self->run->source);
    av_docset_init(&self->hits, self->base, out);
    for (i = 0; i < self->n; i++)
        av_slot_init(&self->slots[i], self->run, &terms[i]);
    rc = ask_all(self, all, err);
    if (rc == AV_OK)
        av_docset_finish(&self->hits);
    return rc;
}

av_errc
av_run_phrase(const av_run *self, const av_terms *terms, const uint32_t *offsets, size_t n, uint32_t fields,
    const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(search_release) search s = { .run = self, .offsets = offsets, .fields = fields, .base = base, .n = n };

    return run_search(&s, terms, among, out, err);
}

av_errc
av_run_near(const av_run *self, const av_terms *terms, size_t n, uint32_t distance, uint32_t fields,
    const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(search_release) search s = { .run = self, .distance = distance, .fields = fields, .base = base, .n = n };

    return run_search(&s, terms, among, out, err);
}
