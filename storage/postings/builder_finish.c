/*
 * builder_finish.c - what a builder holds is written as a run: terms sorted, positions by field
 */
#include "storage/postings/builder_priv.h"
#include "storage/postings/writer.h"

/* First eight bytes of a term as a number that sorts like them, and which term it is. */
typedef struct sorted {
    uint64_t key;
    uint32_t term;
} sorted;

typedef struct sorting {
    const av_builder *builder;
} sorting;

static int
compare_terms(const void *a, const void *b, void *ctx)
{
    const sorted *x = a, *y = b;
    const av_builder *self = ((const sorting *)ctx)->builder;
    const av_build_term *s, *t;
    int order;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    s = &self->terms[x->term];
    t = &self->terms[y->term];
    order = memcmp(av_pool_at(&self->pool, s->word), av_pool_at(&self->pool, t->word), AV_MIN(s->n, t->n));
    return order != 0 ? order : s->n - t->n;
}

static sorted *
sort_terms(const av_builder *self)
{
    sorted *order = av_xalloc(((size_t)self->n + 1) * sizeof *order);
    sorting ctx = { self };
    uint8_t first[8];
    uint32_t i;

    for (i = 0; i < self->n; i++) {
        memset(first, 0, sizeof first);
        memcpy(first, av_pool_at(&self->pool, self->terms[i].word), AV_MIN(self->terms[i].n, sizeof first));
        memcpy(&order[i].key, first, sizeof first);
        order[i].key = __builtin_bswap64(order[i].key);
        order[i].term = i;
    }
    qsort_r(order, self->n, sizeof *order, compare_terms, &ctx);
    return order;
}

/* Positions of one document, by field; a field that came twice goes on. */
typedef struct fields {
    av_flat positions[AV_FIELD_COUNT];
    uint16_t mask;
    av_flat flat; /* as the writer takes them */
} fields;

static void
fields_release(fields *self)
{
    unsigned i;

    for (i = 0; i < AV_FIELD_COUNT; i++)
        av_flat_release(&self->positions[i]);
    av_flat_release(&self->flat);
}

static av_errc
flush_doc(av_run_writer *writer, fields *f, uint32_t doc, av_error *err)
{
    uint32_t left = f->mask;
    av_errc rc;

    if (f->mask == 0)
        return AV_OK;
    f->flat.n = 0;
    for (; left != 0; left &= left - 1) {
        av_flat *positions = &f->positions[__builtin_ctz(left)];

        av_flat_grow(&f->flat, positions->n + 1);
        f->flat.v[f->flat.n++] = (uint32_t)positions->n;
        memcpy(f->flat.v + f->flat.n, positions->v, positions->n * sizeof *positions->v);
        f->flat.n += positions->n;
        positions->n = 0;
    }
    rc = av_run_writer_doc(writer, doc, f->mask, f->flat.v, f->flat.n, err);
    f->mask = 0;
    return rc;
}

/* Is the chain of this term at its end? */
static bool
at_end(const av_builder *self, const av_build_term *t, const av_slice_in *in)
{
    return in->p == av_pool_at(&self->pool, t->end.at);
}

static av_errc
write_term(const av_builder *self, const av_build_term *t, av_run_writer *writer, fields *f, av_error *err)
{
    uint32_t doc = 0, field = 0, position = 0;
    av_slice_in in;
    uint64_t v;
    av_errc rc;

    av_slice_read(&self->pool, t->postings, &in);
    av_run_writer_term(writer, av_span_of(av_pool_at(&self->pool, t->word), t->n));
    while (!at_end(self, t, &in)) {
        v = av_slice_get(&in);
        if ((v & 1) != 0) {
            if (v >> 5 != 0 && doc != 0) {
                rc = flush_doc(writer, f, doc - 1, err);
                if (rc != AV_OK)
                    return rc;
            }
            doc += (uint32_t)(v >> 5);
            field = (uint32_t)(v >> 1 & 15);
            position = 0;
            f->mask |= (uint16_t)(1u << field);
            continue;
        }
        position += (uint32_t)(v >> 1);
        av_flat_grow(&f->positions[field], 1);
        f->positions[field].v[f->positions[field].n++] = position;
    }
    rc = flush_doc(writer, f, doc - 1, err);
    return rc == AV_OK ? av_run_writer_term_end(writer, err) : rc;
}

static av_errc
write_numbers(const av_builder *self, unsigned column, av_column_out *out, av_error *err)
{
    av_errc rc = AV_OK;
    uint32_t i;

    av_column_out_begin(out, column);
    for (i = 0; i < self->count && rc == AV_OK; i++)
        rc = av_column_out_number(out, self->numbers[(size_t)i * AV_COLUMN_NUMBERS + column], err);
    return rc == AV_OK ? av_column_out_end(out, err) : rc;
}

static av_errc
write_strings(const av_builder *self, unsigned column, av_column_out *out, av_error *err)
{
    av_errc rc = AV_OK;
    const uint8_t *p;
    uint32_t i;

    av_column_out_begin(out, AV_STRING_COLUMN_FIRST + column);
    for (i = 0; i < self->count && rc == AV_OK; i++) {
        p = av_pool_at(&self->pool, self->strings[(size_t)i * AV_STRINGS + column]);
        rc = av_column_out_string(out, av_span_of(p + 1, p[0]), err);
    }
    return rc == AV_OK ? av_column_out_end(out, err) : rc;
}

/* The texts of a document, field by field. */
static av_errc
write_steps(const av_builder *self, av_run_writer *writer, av_error *err)
{
    av_buf texts[AV_FIELD_COUNT];
    av_errc rc = AV_OK;
    uint8_t number;
    uint32_t i, n;
    unsigned f;
    av_span s, steps;

    for (f = 0; f < AV_FIELD_COUNT; f++)
        av_buf_init(&texts[f], SIZE_MAX / 2);
    for (i = 0; i < self->count && rc == AV_OK; i++) {
        for (f = 0; f < AV_FIELD_COUNT; f++)
            av_buf_clear(&texts[f]);
        s = av_span_slice(
            av_buf_span(&self->steps), self->steps_at[i], i + 1 < self->count ? self->steps_at[i + 1] : self->steps.n);
        while (av_span_get_u8(&s, &number) && av_span_get_u32(&s, &n) && av_span_get_bytes(&s, n, &steps))
            (void)av_buf_append_span(&texts[number], steps);
        rc = av_steps_out_doc(&writer->steps, texts, err);
    }
    for (f = 0; f < AV_FIELD_COUNT; f++)
        av_buf_release(&texts[f]);
    return rc == AV_OK ? av_steps_out_end(&writer->steps, err) : rc;
}

static av_errc
write_columns(const av_builder *self, av_run_writer *writer, av_error *err)
{
    av_errc rc = AV_OK;
    unsigned c;

    for (c = 0; c < AV_COLUMN_NUMBERS && rc == AV_OK; c++)
        rc = write_numbers(self, c, &writer->columns, err);
    if (rc == AV_OK)
        rc = av_lengths_write(&writer->lengths, writer->sink, &writer->bytes, err);
    for (c = 0; c < AV_STRINGS && rc == AV_OK; c++)
        rc = write_strings(self, c, &writer->columns, err);
    return rc == AV_OK ? write_steps(self, writer, err) : rc;
}

static av_errc
write_run(const av_builder *self, const av_run_sink *sink, av_error *err)
{
    AV_CLEANUP(av_free) sorted *order = sort_terms(self);
    AV_CLEANUP(av_run_writer_release) av_run_writer writer = { 0 };
    AV_CLEANUP(fields_release) fields f = { 0 };
    uint32_t i;
    av_errc rc;

    av_run_writer_init(&writer, sink, self->count);
    av_lengths_append(&writer.lengths, self->lengths, self->count);
    rc = write_columns(self, &writer, err);
    for (i = 0; i < self->n && rc == AV_OK; i++)
        rc = write_term(self, &self->terms[order[i].term], &writer, &f, err);
    return rc == AV_OK ? av_run_writer_finish(&writer, err) : rc;
}

/* Memory is kept for the next run: the pool first, tables when there is room beside it. */
static void
reset(av_builder *self, size_t keep_bytes)
{
    size_t tables;

    self->n = self->count = 0;
    av_buf_clear(&self->steps);
    tables = av_builder_bytes(self) - av_pool_bytes(&self->pool);
    if (tables > keep_bytes / 2) {
        free(self->terms);
        free(self->numbers);
        free(self->strings);
        free(self->lengths);
        free(self->steps_at);
        av_buf_release(&self->steps);
        av_buf_init(&self->steps, SIZE_MAX / 2);
        free(self->slots);
        self->terms = NULL;
        self->numbers = NULL;
        self->strings = NULL;
        self->lengths = NULL;
        self->steps_at = NULL;
        self->cap = self->count_cap = 0;
        self->mask = (1 << 12) - 1;
        self->slots = av_xcalloc((size_t)self->mask + 1, sizeof *self->slots);
        tables = 0;
    } else {
        memset(self->slots, 0, ((size_t)self->mask + 1) * sizeof *self->slots);
    }
    av_pool_clear(&self->pool, keep_bytes - tables);
}

av_errc
av_builder_finish(av_builder *self, const av_run_sink *sink, size_t keep_bytes, av_error *err)
{
    av_errc rc = write_run(self, sink, err);

    reset(self, keep_bytes);
    return rc;
}
