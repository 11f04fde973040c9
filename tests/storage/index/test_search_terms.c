/*
 * test_search_terms.c - the 87 terms of the corpus asked of an index over all of its bulk messages: the expected counts
 *
 * What the index leaves open is read, as a search does; how much that was is printed. With a sanitizer only one set is
 * indexed (AV_BULK_WHOLE=1: all).
 */
#include <ftw.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "storage/index/evaluate.h"
#include "tests/storage/index/bulk_terms.h"

enum { FILES_MAX = 20000 };

static struct {
    char *files[FILES_MAX]; /* number i has LSN i + 1 */
    size_t n;
    av_document *reader;
    av_buf raw;
    size_t sure, open;
    int64_t ask_us;
} run;

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    if (type == FTW_F && AV_CHECK(run.n < FILES_MAX))
        run.files[run.n++] = av_xstrdup(path);
    return 0;
}

static av_errc
next(void *ctx, uint64_t after_lsn, uint64_t *ret_lsn, uint64_t *ret_size, av_buf *out, av_error *err)
{
    size_t before = out->n;

    (void)ctx;
    if (after_lsn >= run.n)
        return av_error_set(err, AV_ERR_NOT_FOUND, "that was the last one");
    *ret_lsn = after_lsn + 1;
    AV_CHECK_RC(av_file_read_all(run.files[after_lsn], out, err), AV_OK, err);
    *ret_size = out->n - before;
    return AV_OK;
}

static void
fill(av_index *index)
{
    av_index_source source = { .next = next };
    av_index_progress progress = { .at_end = false };
    int64_t begin = av_clock_mono_us();
    av_index_state state;
    bool more = true;
    av_error err = { 0 };

    while (!progress.at_end && av_check_failed == 0)
        AV_CHECK_RC(av_index_follow(index, &source, 5000, true, &progress, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    while (more && av_check_failed == 0)
        AV_CHECK_RC(av_index_merge(index, NULL, NULL, &more, &err), AV_OK, &err);
    av_index_get_state(index, &state);
    AV_CHECK_INT(state.documents, bulk_messages());
    printf("    %zu messages indexed in %lld ms, %u runs, %llu bytes\n", run.n,
        (long long)(av_clock_mono_us() - begin) / 1000, state.runs, (unsigned long long)state.disk_bytes);
}

/* How many of these documents match, by their texts. */
static size_t
read_open(const av_query *query, const roaring_bitmap_t *open)
{
    AV_CLEANUP(av_matcher_destroy) av_matcher *matcher = NULL;
    roaring_uint32_iterator_t it;
    size_t found = 0;
    av_error err;

    AV_CHECK_RC(av_matcher_new(query, &matcher, &err), AV_OK, &err);
    for (roaring_init_iterator(open, &it); it.has_value; (void)roaring_advance_uint32_iterator(&it)) {
        av_match_doc doc = { 0 };

        av_buf_clear(&run.raw);
        AV_CHECK_RC(av_file_read_all(run.files[it.current_value], &run.raw, &err), AV_OK, &err);
        (void)av_document_read(run.reader, av_buf_span(&run.raw), av_matcher_needs(matcher), &doc);
        found += av_matcher_test(matcher, &doc);
    }
    return found;
}

static size_t
ask(const av_index_view *view, const roaring_bitmap_t *all, const char *text)
{
    uint32_t fields = AV_QUERY_IN_SUBJECT | AV_QUERY_IN_BODY;
    AV_CLEANUP(av_query_destroy) av_query *q = av_query_new(NULL);
    AV_CLEANUP(av_bounds_release) av_bounds bounds = { NULL, NULL };
    int64_t begin = av_clock_mono_us();
    size_t sure;
    av_error err;
    av_errc rc;

    AV_CHECK_RC(av_query_finish(q, av_query_text(q, AV_QUERY_WORD, fields, av_span_str(text)), &err), AV_OK, &err);
    rc = av_evaluate(view, q, all, NULL, &bounds, &err);
    AV_CHECK_RC(rc, AV_OK, &err);
    if (rc != AV_OK)
        return 0;
    run.ask_us += av_clock_mono_us() - begin;
    sure = (size_t)roaring_bitmap_get_cardinality(bounds.sure);
    roaring_bitmap_andnot_inplace(bounds.maybe, bounds.sure);
    run.sure += sure;
    run.open += (size_t)roaring_bitmap_get_cardinality(bounds.maybe);
    return sure + read_open(q, bounds.maybe);
}

static void
test_terms(void)
{
    static const uint8_t key[32] = { 1 }, uuid[16] = { 2 };
    const char *corpus = av_check_corpus();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/expect/bulk-search.json", corpus);
    char dir[] = "/tmp/av-terms-XXXXXX";
    AV_CLEANUP(av_free) char *remove_line = NULL;
    AV_CLEANUP(av_free) char *index_dir = NULL;
    json_t *expected = json_load_file(path, 0, NULL), *value;
    roaring_bitmap_t *all = roaring_bitmap_create();
    av_index *index = NULL;
    av_index_view *view;
    const char *text;
    av_error err;

    bulk_whole = bulk_is_whole();
    AV_CHECK(expected != NULL && mkdtemp(dir) != NULL);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    bulk_unpack(corpus, dir);
    AV_CHECK_INT(nftw(dir, visit, 16, FTW_PHYS), 0);
    index_dir = av_xasprintf("%s/index", dir);
    run.reader = av_document_new(0);
    av_buf_init(&run.raw, 64 << 20);
    AV_CHECK_RC(av_index_open(&(av_index_config){ .dir = index_dir, .key = key, .store_uuid = uuid }, &index, &err),
        AV_OK, &err);
    fill(index);
    view = av_index_snapshot(index);
    roaring_bitmap_add_range(all, 0, av_index_documents(view));
    json_object_foreach(json_object_get(expected, "terms"), text, value)
    {
        long want = bulk_wanted(text, json_object_get(value, "per_set")), got = (long)ask(view, all, text);

        if (!AV_CHECK(got == want))
            printf("    \"%s\": %ld, want %ld\n", text, got, want);
    }
    AV_CHECK_INT(json_object_size(json_object_get(expected, "terms")), 87);
    printf("    87 terms asked in %lld us; %zu messages by the index alone, %zu more were read\n",
        (long long)run.ask_us, run.sure, run.open);
    av_index_view_release(&view);
    av_index_close(&index);
    roaring_bitmap_free(all);
    av_document_destroy(&run.reader);
    av_buf_release(&run.raw);
    for (size_t i = 0; i < run.n; i++)
        free(run.files[i]);
    json_decref(expected);
    AV_CHECK_INT(system(remove_line), 0);
}

int
main(void)
{
    AV_RUN(test_terms);
    return av_check_done();
}
