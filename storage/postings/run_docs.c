/*
 * run_docs.c - which documents have a term, or terms that begin so
 */
#include "storage/postings/run_priv.h"

/* Among fewer documents than a part of the list, only the chunks that may have one of them are decoded. */
enum { FEW_PART = 128, FEW_DOCS = 64 };

typedef struct ask {
    uint32_t fields;
    const roaring_bitmap_t *among; /* NULL: any */
    uint64_t among_n;
    av_docset set;
} ask;

static void
ask_release(ask *self)
{
    av_docset_release(&self->set);
}

/* A few documents are added one by one, unless the set is in use anyway. */
static av_errc
small_docs(av_inline_list *list, uint32_t count, ask *a, av_error *err)
{
    uint32_t few[FEW_DOCS], n = 0, i;
    bool is_few = list->df <= FEW_DOCS && a->set.open == 0;
    av_chunk chunk;
    av_errc rc;

    for (;;) {
        rc = av_inline_next(list, count, &chunk, err);
        if (rc != AV_OK || chunk.n == 0)
            break;
        for (i = 0; i < chunk.n; i++) {
            if ((chunk.masks[i] & a->fields) == 0)
                continue;
            if (is_few)
                few[n++] = chunk.docs[i] + a->set.base;
            else
                av_docset_add(&a->set, chunk.docs[i]);
        }
    }
    roaring_bitmap_add_many(a->set.out, n, few);
    return rc;
}

/* Documents of a chunk with one of the fields; bits: which have it. */
static void
take_some(const av_chunk *chunk, const uint64_t bits[AV_PLANE_WORDS], av_docset *set)
{
    uint32_t some[AV_CHUNK_DOCS], n = 0, i;

    for (i = 0; i < chunk->n; i++) {
        some[n] = chunk->docs[i];
        n += (uint32_t)(bits[i / 64] >> i % 64 & 1);
    }
    av_docset_add_many(set, some, n);
}

/* The chunk a list stands at. Its fields stand behind its numbers, so these are decoded in every case. */
static av_errc
take_chunk(av_list *list, ask *a, av_error *err)
{
    uint64_t bits[AV_PLANE_WORDS];
    av_fields fields;
    av_chunk chunk;
    av_errc rc;

    if (a->fields == AV_FIELD_ALL || av_list_is_within(list, a->fields))
        return av_list_set(list, &a->set, err);
    rc = av_list_docs(list, &chunk, err);
    if (rc == AV_OK)
        rc = av_list_fields(list, a->fields, &fields, err);
    if (rc != AV_OK)
        return rc;
    av_fields_any(&fields, a->fields, bits);
    take_some(&chunk, bits, &a->set);
    return AV_OK;
}

static av_errc
large_docs(av_list *list, ask *a, av_error *err)
{
    av_errc rc;

    for (;;) {
        rc = av_list_step(list, 0, err);
        if (rc != AV_OK || list->n == 0)
            return rc;
        rc = take_chunk(list, a, err);
        if (rc != AV_OK)
            return rc;
    }
}

/* Only chunks that go over one of the documents that are asked about; a chunk of them may have none. */
static av_errc
large_docs_among(av_list *list, ask *a, av_error *err)
{
    uint32_t base = a->set.base;
    roaring_uint32_iterator_t it;
    av_errc rc;

    roaring_init_iterator(a->among, &it);
    (void)roaring_move_uint32_iterator_equalorlarger(&it, base);
    while (it.has_value && it.current_value - base < list->count) {
        rc = av_list_step(list, it.current_value - base, err);
        if (rc != AV_OK || list->n == 0)
            return rc;
        rc = take_chunk(list, a, err);
        if (rc != AV_OK)
            return rc;
        if (list->last > UINT32_MAX - 1 - base)
            break;
        (void)roaring_move_uint32_iterator_equalorlarger(&it, list->last + base + 1);
    }
    return AV_OK;
}

/* Documents of the term a walk stands at with one of the fields; those outside of among may be left out. */
static av_errc
walk_docs(av_term_walk *walk, ask *a, av_error *err)
{
    av_inline_list small;
    av_list list;
    av_errc rc;

    if (walk->block.large) {
        av_list_open(&list, &walk->run->source, walk->block.list, walk->block.df, walk->run->count, false);
        rc = a->among != NULL && a->among_n < walk->block.df / FEW_PART ? large_docs_among(&list, a, err)
                                                                        : large_docs(&list, a, err);
        av_list_release(&list);
    } else {
        rc = av_block_list(&walk->block, &small, err);
        if (rc == AV_OK)
            rc = small_docs(&small, walk->run->count, a, err);
        if (rc == AV_OK)
            av_block_done(&walk->block, &small);
    }
    return rc;
}

static void
ask_init(ask *self, uint32_t fields, const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out)
{
    *self = (ask){ .fields = fields & AV_FIELD_ALL, .among = among };
    self->among_n = among == NULL ? 0 : roaring_bitmap_get_cardinality(among);
    av_docset_init(&self->set, base, out);
}

av_errc
av_run_docs_any(const av_run *self, const av_terms *terms, uint32_t fields, const roaring_bitmap_t *among,
    uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    AV_CLEANUP(ask_release) ask a;
    bool found, more;
    size_t i;
    av_errc rc = AV_OK;

    av_term_walk_init(&walk, self, false);
    ask_init(&a, fields, among, base, out);
    for (i = 0; i < terms->n && rc == AV_OK && a.fields != 0; i++) {
        if (terms->terms[i].n == 0 || terms->terms[i].n > AV_TERM_MAX)
            continue;
        rc = av_term_walk_to(&walk, terms->terms[i], &found, &more, err);
        if (rc == AV_OK && found)
            rc = walk_docs(&walk, &a, err);
    }
    if (rc == AV_OK)
        av_docset_finish(&a.set);
    return rc;
}

av_errc
av_run_docs(const av_run *self, av_span term, uint32_t fields, const roaring_bitmap_t *among, uint32_t base,
    roaring_bitmap_t *out, av_error *err)
{
    const av_terms one = { &term, 1 };

    return av_run_docs_any(self, &one, fields, among, base, out, err);
}

av_errc
av_run_docs_where(const av_run *self, av_span prefix, bool (*admits)(void *ctx, av_span term, bool *stop), void *ctx,
    uint32_t fields, const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    AV_CLEANUP(ask_release) ask a;
    bool found, more, stop = false;
    av_errc rc;

    av_term_walk_init(&walk, self, false);
    ask_init(&a, fields, among, base, out);
    if (prefix.n > AV_TERM_MAX || a.fields == 0)
        return AV_OK;
    rc = av_term_walk_to(&walk, prefix, &found, &more, err);
    while (rc == AV_OK && more && av_span_begins(av_term_walk_term(&walk), prefix)) {
        if (admits == NULL || admits(ctx, av_term_walk_term(&walk), &stop))
            rc = walk_docs(&walk, &a, err);
        if (stop)
            return av_error_set(err, AV_ERR_CANCELLED, "the search was cancelled");
        if (rc == AV_OK)
            rc = av_term_walk_next(&walk, &more, err);
    }
    if (rc == AV_OK)
        av_docset_finish(&a.set);
    return rc;
}

av_errc
av_run_docs_prefix(const av_run *self, av_span prefix, uint32_t fields, const roaring_bitmap_t *among, uint32_t base,
    roaring_bitmap_t *out, av_error *err)
{
    return av_run_docs_where(self, prefix, NULL, NULL, fields, among, base, out, err);
}

av_errc
av_run_frequency(const av_run *self, av_span term, uint64_t *ret, av_error *err)
{
    AV_CLEANUP(av_term_walk_release) av_term_walk walk;
    bool found = false, more;
    av_errc rc = AV_OK;

    av_term_walk_init(&walk, self, false);
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

    av_term_walk_init(&walk, self, false);
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
