/*
 * run_phrase.c - words in a row, words near each other
 *
 * Documents first: only those that have all the words are asked for positions.
 */
#include "storage/postings/slot.h"

typedef struct search {
    const av_run *run;
    const uint32_t *offsets; /* NULL: near */
    uint32_t distance, fields, base;
    size_t n;
    av_slot *slots;
    av_lengths lengths;
    av_flat starts;      /* positions at which a row may begin */
    const uint32_t **at; /* near: what is left of each slot's positions, */
    uint32_t *left;      /* and how many these are */
    roaring_bitmap_t *out;
} search;

static void
search_release(search *self)
{
    size_t i;

    for (i = 0; self->slots != NULL && i < self->n; i++)
        av_slot_release(&self->slots[i]);
    free(self->slots);
    free(self->at);
    free(self->left);
    av_lengths_release(&self->lengths);
    av_flat_release(&self->starts);
}

static void
bitmap_release(roaring_bitmap_t **b)
{
    if (*b != NULL)
        roaring_bitmap_free(*b);
}

/* Documents with one of the alternatives. */
static av_errc
docs_of(const av_run *run, const av_terms *terms, uint32_t fields, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found, more;
    av_errc rc = AV_OK;
    size_t i;

    av_term_walk_init(&walk, run, NULL);
    for (i = 0; i < terms->n && rc == AV_OK; i++) {
        if (terms->terms[i].n == 0 || terms->terms[i].n > AV_TERM_MAX)
            continue;
        rc = av_term_walk_to(&walk, terms->terms[i], &found, &more, err);
        if (rc == AV_OK && found)
            rc = av_walk_docs(&walk, fields, base, out, err);
    }
    return rc;
}

/* Documents of among with all of the words; *ret is the caller's. */
static av_errc
candidates(
    const search *self, const av_terms *terms, const roaring_bitmap_t *among, roaring_bitmap_t **ret, av_error *err)
{
    AV_CLEANUP(bitmap_release) roaring_bitmap_t *all = NULL;
    size_t i;
    av_errc rc;

    for (i = 0; i < self->n; i++) {
        AV_CLEANUP(bitmap_release) roaring_bitmap_t *these = roaring_bitmap_create();

        rc = docs_of(self->run, &terms[i], self->fields, self->base, these, err);
        if (rc != AV_OK)
            return rc;
        if (all == NULL) {
            all = AV_TAKE(these);
            if (among != NULL)
                roaring_bitmap_and_inplace(all, among);
        } else {
            roaring_bitmap_and_inplace(all, these);
        }
        if (roaring_bitmap_is_empty(all))
            break;
    }
    *ret = AV_TAKE(all);
    return AV_OK;
}

/* Of the starts, keep those with a position of v at start + offset. */
static void
keep_starts(av_flat *starts, const uint32_t *v, uint32_t n, uint32_t offset)
{
    size_t i, kept = 0;
    uint32_t j = 0;

    for (i = 0; i < starts->n; i++) {
        uint64_t want = (uint64_t)starts->v[i] + offset;

        while (j < n && v[j] < want)
            j++;
        if (j == n)
            break;
        if (v[j] == want)
            starts->v[kept++] = starts->v[i];
    }
    starts->n = kept;
}

static bool
in_a_row(search *self, uint32_t i, unsigned field)
{
    const uint32_t *v = NULL;
    uint32_t n;
    size_t s;

    self->starts.n = 0;
    for (s = 0; s < self->n; s++) {
        n = av_slot_positions(&self->slots[s], i, field, &v);
        if (n == 0)
            return false;
        if (s == 0) {
            av_flat_grow(&self->starts, n);
            memcpy(self->starts.v, v, n * sizeof *v);
            self->starts.n = n;
        } else {
            keep_starts(&self->starts, v, n, self->offsets[s]);
        }
        if (self->starts.n == 0)
            return false;
    }
    return true;
}

/* The lowest position moves on until all are within the distance, or one has no more. */
static bool
near_each_other(search *self, uint32_t i, unsigned field)
{
    uint32_t low, high;
    size_t s, lowest;

    for (s = 0; s < self->n; s++) {
        self->left[s] = av_slot_positions(&self->slots[s], i, field, &self->at[s]);
        if (self->left[s] == 0)
            return false;
    }
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
        if (high - low <= self->distance)
            return true;
        if (--self->left[lowest] == 0)
            return false;
        self->at[lowest]++;
    }
}

static av_errc
ask_batch(search *self, const uint32_t *docs, uint32_t n, av_error *err)
{
    unsigned field;
    uint32_t i;
    bool hit;
    size_t s;
    av_errc rc;

    for (s = 0; s < self->n; s++) {
        rc = av_slot_batch(&self->slots[s], docs, n, self->fields, err);
        if (rc != AV_OK)
            return rc;
    }
    for (i = 0; i < n; i++) {
        for (s = 0; s < self->n; s++) {
            rc = av_slot_go(&self->slots[s], i, docs[i], err);
            if (rc != AV_OK)
                return rc;
        }
        for (field = 0, hit = false; field < AV_FIELD_COUNT && !hit; field++)
            hit = (self->fields & 1u << field) != 0 &&
                  (self->offsets != NULL ? in_a_row(self, i, field) : near_each_other(self, i, field));
        if (hit)
            roaring_bitmap_add(self->out, docs[i] + self->base);
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
run_search(search *self, const av_terms *terms, const roaring_bitmap_t *among, av_error *err)
{
    AV_CLEANUP(bitmap_release) roaring_bitmap_t *all = NULL;
    size_t i;
    av_errc rc;

    assert(self->n > 0);
    self->fields &= AV_FIELD_ALL;
    rc = candidates(self, terms, among, &all, err);
    if (rc != AV_OK || roaring_bitmap_is_empty(all))
        return rc;
    if (self->n == 1) {
        roaring_bitmap_or_inplace(self->out, all);
        return AV_OK;
    }
    rc = av_lengths_read(&self->lengths, self->run->count, &self->run->source, err);
    if (rc != AV_OK)
        return rc;
    self->slots = av_xcalloc(self->n, sizeof *self->slots);
    self->at = av_xcalloc(self->n, sizeof *self->at);
    self->left = av_xcalloc(self->n, sizeof *self->left);
    for (i = 0; i < self->n; i++)
        av_slot_init(&self->slots[i], self->run, &self->lengths, &terms[i]);
    return ask_all(self, all, err);
}

av_errc
av_run_phrase(const av_run *self, const av_terms *terms, const uint32_t *offsets, size_t n, uint32_t fields,
    const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(search_release) search s = { .run = self, .offsets = offsets, .fields = fields, .base = base, .n = n };

    s.out = out;
    return run_search(&s, terms, among, err);
}

av_errc
av_run_near(const av_run *self, const av_terms *terms, size_t n, uint32_t distance, uint32_t fields,
    const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(search_release) search s = { .run = self, .distance = distance, .fields = fields, .base = base, .n = n };

    s.out = out;
    return run_search(&s, terms, among, err);
}
