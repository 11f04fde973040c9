/*
 * test_lists.c - dense and sparse lists, fields and sets of documents: what was put in comes out, whichever way it is asked
 */
#include "storage/postings/list.h"
#include "tests/storage/postings/model.h"

enum { ROUNDS = 3000 };

static uint64_t state;

/* n ascending numbers from base on, one of `every` numbers on average. */
static void
make_docs(uint32_t *docs, uint32_t n, uint32_t base, uint32_t every)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        docs[i] = base + (every <= 1 ? 0 : model_random(&state, 2 * every - 1));
        base = docs[i] + 1;
    }
}

static void
check_set(const av_buf *bits, const uint32_t *docs, uint32_t n, uint32_t base)
{
    roaring_bitmap_t *want = roaring_bitmap_create(), *got = roaring_bitmap_create();
    av_bits_in b = { .p = bits->p, .n = bits->n };
    uint32_t shift = model_random(&state, 200000), i;
    av_docset set;

    av_docset_init(&set, shift, got);
    AV_CHECK(av_chunk_get_set(&b, &set, n, base, docs[n - 1]));
    av_docset_finish(&set);
    for (i = 0; i < n; i++)
        roaring_bitmap_add(want, docs[i] + shift);
    AV_CHECK(roaring_bitmap_equals(got, want));
    roaring_bitmap_free(got);
    roaring_bitmap_free(want);
}

static void
test_chunks(void)
{
    static const uint32_t every[] = { 1, 1, 2, 3, 4, 7, 20, 300, 70000 };
    AV_CLEANUP(av_buf_release) av_buf bits = { 0 };
    uint32_t docs[AV_CHUNK_DOCS], got[AV_CHUNK_DOCS], round, n, base, i;

    av_buf_init(&bits, 1 << 16);
    for (round = 0; round < ROUNDS; round++) {
        av_bits_out out = { .buf = &bits };
        av_bits_in b;

        av_check_row = (long)round;
        n = model_random(&state, 4) == 0 ? 1 + model_random(&state, AV_CHUNK_DOCS) : AV_CHUNK_DOCS;
        base = model_random(&state, 1000000);
        make_docs(docs, n, base, every[model_random(&state, AV_COUNT(every))]);
        av_buf_clear(&bits);
        av_chunk_put_dense(&out, docs, n, base);
        av_bits_put(&out, 5, 3); /* what follows is found */
        av_bits_flush(&out);
        b = (av_bits_in){ .p = bits.p, .n = bits.n };
        AV_CHECK(av_chunk_get_dense(&b, got, n, base, docs[n - 1]));
        AV_CHECK_INT(av_bits_get(&b, 3), 5);
        for (i = 0; i < n; i++)
            AV_CHECK(got[i] == docs[i]);
        check_set(&bits, docs, n, base);
        b = (av_bits_in){ .p = bits.p, .n = bits.n };
        AV_CHECK(!av_chunk_get_dense(&b, got, n, base, docs[n - 1] + 1));
        if (n > 1) {
            b = (av_bits_in){ .p = bits.p, .n = bits.n };
            AV_CHECK(!av_chunk_get_dense(&b, got, n - 1, base, docs[n - 1]));
        }
    }
    av_check_row = -1;
}

static void
test_fields(void)
{
    AV_CLEANUP(av_buf_release) av_buf bits = { 0 };
    uint16_t masks[AV_PLANE_DOCS], got[AV_PLANE_DOCS];
    uint32_t round, n, i, wanted, some, rare;

    av_buf_init(&bits, 1 << 16);
    for (round = 0; round < ROUNDS; round++) {
        av_bits_out out = { .buf = &bits };
        uint64_t any[AV_PLANE_WORDS];
        av_fields fields;
        av_bits_in b;

        av_check_row = (long)round;
        n = 1 + model_random(&state, AV_PLANE_DOCS);
        some = 1 + model_random(&state, AV_FIELD_ALL);
        rare = 1 + model_random(&state, 30);
        for (i = 0; i < n; i++) {
            masks[i] = (uint16_t)(model_random(&state, rare) == 0 ? 1 + model_random(&state, AV_FIELD_ALL) : some);
        }
        av_buf_clear(&bits);
        av_fields_put(&out, masks, n);
        av_bits_put(&out, 5, 3);
        av_bits_flush(&out);
        b = (av_bits_in){ .p = bits.p, .n = bits.n };
        AV_CHECK(av_fields_get(&b, n, 0, &fields) && av_fields_spread(&fields, got));
        AV_CHECK_INT(av_bits_get(&b, 3), 5);
        AV_CHECK_MEM(got, n * sizeof *got, masks, n * sizeof *masks);
        wanted = 1 + model_random(&state, AV_FIELD_ALL);
        b = (av_bits_in){ .p = bits.p, .n = bits.n };
        AV_CHECK(av_fields_get(&b, n, wanted, &fields));
        av_fields_any(&fields, wanted, any);
        for (i = 0; i < AV_PLANE_DOCS; i++)
            AV_CHECK((any[i / 64] >> i % 64 & 1) == (i < n && (masks[i] & wanted) != 0));
    }
    av_check_row = -1;
}

/* Numbers that come from several lists, into a bitmap that has some; more windows than a set holds. */
static void
test_sets(void)
{
    roaring_bitmap_t *want = roaring_bitmap_create(), *got = roaring_bitmap_create();
    uint32_t i, doc, base = 123457;
    av_docset set;

    roaring_bitmap_add_range(want, 100000, 300000);
    roaring_bitmap_add_range(got, 100000, 300000);
    av_docset_init(&set, base, got);
    for (i = 0; i < 20000; i++) {
        doc =
            model_random(&state, 2) == 0 ? model_random(&state, 400000) : model_random(&state, UINT32_MAX / 16 - base);
        av_docset_add(&set, doc);
        roaring_bitmap_add(want, doc + base);
    }
    for (i = 0; i < 3000; i++) {
        doc = i * 32;
        av_docset_add_bits(&set, doc, 0xF00FF00Fu);
        for (unsigned k = 0; k < 32; k++)
            if ((0xF00FF00Fu >> k & 1) != 0)
                roaring_bitmap_add(want, doc + k + base);
    }
    av_docset_finish(&set);
    AV_CHECK(roaring_bitmap_equals(got, want));
    av_docset_init(&set, 0, got);
    av_docset_add(&set, 7);
    av_docset_release(&set);
    AV_CHECK(!roaring_bitmap_contains(got, 7));
    roaring_bitmap_free(got);
    roaring_bitmap_free(want);
}

static uint32_t
fields_of_document(uint32_t i)
{
    return i % 97 == 0 ? AV_FIELD_SUBJECT : i % 5 == 0 ? AV_FIELD_SUBJECT | AV_FIELD_BODY : AV_FIELD_BODY;
}

/* Words in every document, in each third, in blocks that lie far apart, in a few. */
static bool
document_has(unsigned word, uint32_t i)
{
    switch (word) {
    case 0:
        return true;
    case 1:
        return i % 3 == 0 || i % 7 == 2;
    case 2:
        return i / 2000 % 5 == 3;
    default:
        return i % 601 == 11;
    }
}

enum { WORDS = 4, DOCUMENTS = 30000 };

static void
ask_word(const av_run *run, unsigned word, uint32_t fields, uint32_t among_every, uint32_t base)
{
    const char text[3] = { AV_TERM_FOLDED, (char)('a' + word), 0 };
    roaring_bitmap_t *got = roaring_bitmap_create(), *want = roaring_bitmap_create(), *among = NULL;
    uint32_t i;
    av_error err;

    if (among_every > 0) {
        among = roaring_bitmap_create();
        for (i = model_random(&state, among_every); i < DOCUMENTS; i += 1 + model_random(&state, 2 * among_every))
            roaring_bitmap_add(among, i + base);
        roaring_bitmap_add(among, 3);
        roaring_bitmap_add(among, DOCUMENTS + base + 5);
    }
    AV_CHECK_RC(av_run_docs(run, av_span_str(text), fields, among, base, got, &err), AV_OK, &err);
    for (i = 0; i < DOCUMENTS; i++)
        if (document_has(word, i) && (fields_of_document(i) & fields) != 0)
            roaring_bitmap_add(want, i + base);
    AV_CHECK(roaring_bitmap_is_subset(got, want));
    if (among != NULL) {
        roaring_bitmap_and_inplace(got, among);
        roaring_bitmap_and_inplace(want, among);
        roaring_bitmap_free(among);
    }
    AV_CHECK(roaring_bitmap_equals(got, want));
    roaring_bitmap_free(got);
    roaring_bitmap_free(want);
}

static void
test_among(void)
{
    static const uint32_t fields[] = { AV_FIELD_ALL, AV_FIELD_BODY, AV_FIELD_SUBJECT, AV_FIELD_FROM };
    static const uint32_t every[] = { 0, 2, 300, 3000, 20000 };
    av_builder *builder = av_builder_new();
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    av_doc_facts facts = { 0 };
    char text[2 * WORDS + 1];
    av_run *run;
    size_t n, f, e;
    uint32_t i, left;
    unsigned w;
    av_error err;

    for (i = 0; i < DOCUMENTS; i++) {
        for (w = 0, n = 0; w < WORDS; w++) {
            if (document_has(w, i)) {
                text[n++] = (char)('a' + w);
                text[n++] = ' ';
            }
        }
        av_builder_begin(builder, &facts);
        for (left = fields_of_document(i); left != 0; left &= left - 1)
            av_builder_text(builder, (av_text_field)(left & -left), av_span_of(text, n));
    }
    AV_CHECK_RC(av_builder_finish(builder, &sink, 0, &err), AV_OK, &err);
    run = model_open(memory);
    AV_CHECK_RC(av_run_check(run, &err), AV_OK, &err);
    for (w = 0; w < WORDS; w++)
        for (f = 0; f < AV_COUNT(fields); f++)
            for (e = 0; e < AV_COUNT(every); e++)
                for (i = 0; i < 3; i++)
                    ask_word(run, w, fields[f], every[e], i * 70001);
    av_run_destroy(&run);
    av_memory_run_destroy(&memory);
    av_builder_destroy(&builder);
}

int
main(void)
{
    state = model_seed();
    AV_RUN(test_chunks);
    AV_RUN(test_fields);
    AV_RUN(test_sets);
    AV_RUN(test_among);
    return av_check_done();
}
