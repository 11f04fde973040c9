/*
 * run_docs.c - which documents have a term, or terms that begin so
 */
#include "storage/postings/run_priv.h"

/* Numbers on their way into a bitmap: it takes many at once far faster than one by one. */
typedef struct batch {
    roaring_bitmap_t *out;
    uint32_t base, n;
    uint32_t docs[32 * AV_CHUNK_DOCS];
} batch;

static void
flush(batch *b)
{
    roaring_bitmap_add_many(b->out, b->n, b->docs);
    b->n = 0;
}

static void
take_all(batch *b, const av_chunk *chunk)
{
    uint32_t i;

    if (AV_COUNT(b->docs) - b->n < chunk->n)
        flush(b);
    for (i = 0; i < chunk->n; i++)
        b->docs[b->n + i] = chunk->docs[i] + b->base;
    b->n += chunk->n;
}

static void
take_some(batch *b, const av_chunk *chunk, uint32_t fields)
{
    uint32_t i, n;

    if (AV_COUNT(b->docs) - b->n < chunk->n)
        flush(b);
    for (i = 0, n = b->n; i < chunk->n; i++) {
        b->docs[n] = chunk->docs[i] + b->base;
        n += (chunk->masks[i] & fields) != 0;
    }
    b->n = n;
}

static av_errc
small_docs(av_inline_list *list, uint32_t count, uint32_t fields, batch *b, av_error *err)
{
    av_chunk chunk;
    av_errc rc;

    for (;;) {
        rc = av_inline_next(list, count, &chunk, err);
        if (rc != AV_OK || chunk.n == 0)
            return rc;
        take_some(b, &chunk, fields);
    }
}

/* Fields are only spread where some masks of a chunk count and others do not. */
static av_errc
large_docs(av_list *list, uint32_t fields, batch *b, av_error *err)
{
    av_palette palette;
    av_chunk chunk;
    uint32_t i, fit;
    av_errc rc;

    for (;;) {
        rc = av_list_next(list, 0, &chunk, err);
        if (rc != AV_OK || chunk.n == 0)
            return rc;
        if (fields == AV_FIELD_ALL) {
            take_all(b, &chunk);
            continue;
        }
        rc = av_list_palette(list, &chunk, &palette, err);
        if (rc != AV_OK)
            return rc;
        for (i = fit = 0; i < palette.n; i++)
            fit += (palette.masks[i] & fields) != 0;
        if (fit == palette.n) {
            take_all(b, &chunk);
        } else if (fit > 0) {
            rc = av_list_masks(list, &palette, &chunk, err);
            if (rc != AV_OK)
                return rc;
            take_some(b, &chunk, fields);
        }
    }
}

static av_errc
walk_docs(av_term_walk *walk, uint32_t fields, batch *b, av_error *err)
{
    av_inline_list small;
    av_list list;
    av_errc rc;

    if (walk->block.large) {
        av_list_open(&list, &walk->run->source, walk->block.list, walk->block.df, walk->run->count, false);
        rc = large_docs(&list, fields, b, err);
        av_list_release(&list);
    } else {
        rc = av_block_list(&walk->block, &small, err);
        if (rc == AV_OK)
            rc = small_docs(&small, walk->run->count, fields, b, err);
        if (rc == AV_OK && walk->lengths == NULL)
            av_block_done(&walk->block, &small);
    }
    return rc;
}

av_errc
av_walk_docs(av_term_walk *walk, uint32_t fields, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    batch b;
    av_errc rc;

    b.out = out;
    b.base = base;
    b.n = 0;
    rc = walk_docs(walk, fields & AV_FIELD_ALL, &b, err);
    if (rc == AV_OK)
        flush(&b);
    return rc;
}

av_errc
av_run_docs(const av_run *self, av_span term, uint32_t fields, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found, more;
    av_errc rc;

    av_term_walk_init(&walk, self, NULL);
    if (term.n == 0 || term.n > AV_TERM_MAX)
        return AV_OK;
    rc = av_term_walk_to(&walk, term, &found, &more, err);
    if (rc != AV_OK || !found)
        return rc;
    return av_walk_docs(&walk, fields, base, out, err);
}

av_errc
av_run_docs_where(const av_run *self, av_span prefix, bool (*admits)(void *ctx, av_span term, bool *stop), void *ctx,
    uint32_t fields, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found, more, stop = false;
    av_errc rc;

    av_term_walk_init(&walk, self, NULL);
    if (prefix.n > AV_TERM_MAX)
        return AV_OK;
    rc = av_term_walk_to(&walk, prefix, &found, &more, err);
    while (rc == AV_OK && more && av_span_begins(av_term_walk_term(&walk), prefix)) {
        if (admits == NULL || admits(ctx, av_term_walk_term(&walk), &stop))
            rc = av_walk_docs(&walk, fields, base, out, err);
        if (stop)
            return av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
        if (rc == AV_OK)
            rc = av_term_walk_next(&walk, &more, err);
    }
    return rc;
}

av_errc
av_run_docs_prefix(
    const av_run *self, av_span prefix, uint32_t fields, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    return av_run_docs_where(self, prefix, NULL, NULL, fields, base, out, err);
}

av_errc
av_run_frequency(const av_run *self, av_span term, uint64_t *ret, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found = false, more;
    av_errc rc = AV_OK;

    av_term_walk_init(&walk, self, NULL);
    if (term.n > 0 && term.n <= AV_TERM_MAX)
        rc = av_term_walk_to(&walk, term, &found, &more, err);
    if (rc == AV_OK)
        *ret = found ? walk.block.df : 0;
    return rc;
}

av_errc
av_run_each_term(
    const av_run *self, av_span prefix, bool (*each)(void *ctx, av_span term, uint64_t count), void *ctx, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found, more;
    av_errc rc;

    av_term_walk_init(&walk, self, NULL);
    if (prefix.n > AV_TERM_MAX)
        return AV_OK;
    rc = av_term_walk_to(&walk, prefix, &found, &more, err);
    while (rc == AV_OK && more && av_span_begins(av_term_walk_term(&walk), prefix)) {
        if (!each(ctx, av_term_walk_term(&walk), walk.block.df))
            break;
        rc = av_term_walk_next(&walk, &more, err);
    }
    return rc;
}
