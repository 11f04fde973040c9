/*
 * test_bulk_search.c - the 87 terms of the corpus over all of its bulk messages: exactly the expected messages
 *
 * The expected counts were made by another program; its definition of a match is the first field of bulk-search.json:
 * Subject and inline text, whole words, phrases over any white space, CJK as substring. bulk_terms.h has the terms where
 * we differ, and why. With a sanitizer only one set is read (AV_BULK_WHOLE=1: all), since counts are there for each set.
 */
#include "storage/index/document.h"

#include "base/clock.h"
#include "base/file.h"
#include "tests/storage/index/bulk_terms.h"

#include <ftw.h>
#include <unistd.h>

enum { TERMS_MAX = 200 };

typedef struct term {
    const char *text;
    long want, got;
    av_matcher *matcher;
    json_t *files; /* paths of the expected messages, for some terms */
} term;

static struct {
    term terms[TERMS_MAX];
    size_t count, messages;
    uint64_t bytes, text_bytes;
    int64_t match_us, read_us;
    av_document *reader;
    av_buf raw;
    size_t root_bytes;
} run;

/* A matcher for the term as one word or phrase in Subject and text. */
static av_matcher *
matcher_of(const char *text)
{
    uint32_t fields = AV_QUERY_IN_SUBJECT | AV_QUERY_IN_BODY;
    AV_CLEANUP(av_query_destroy) av_query *q = av_query_new(NULL);
    av_matcher *m = NULL;
    av_error err;

    AV_CHECK_RC(av_query_finish(q, av_query_text(q, AV_QUERY_WORD, fields, av_span_str(text)), &err), AV_OK, &err);
    AV_CHECK_RC(av_matcher_new(q, &m, &err), AV_OK, &err);
    return m;
}

static void
load_terms(json_t *expected)
{
    json_t *terms = json_object_get(expected, "terms"), *value;
    const char *text;

    json_object_foreach(terms, text, value)
    {
        term *t = &run.terms[run.count++];

        AV_CHECK(run.count < TERMS_MAX);
        *t = (term){ .text = text,
            .want = bulk_wanted(text, json_object_get(value, "per_set")),
            .matcher = matcher_of(text),
            .files = json_object_get(value, "files") };
    }
    AV_CHECK_INT(run.count, 87);
}

static bool
is_listed(const term *t, const char *path)
{
    for (size_t i = 0; i < json_array_size(t->files); i++)
        if (strcmp(json_string_value(json_array_get(t->files, i)), path) == 0)
            return true;
    return false;
}

static void
match_message(const char *path, const av_match_doc *doc)
{
    for (size_t i = 0; i < run.count; i++) {
        term *t = &run.terms[i];
        bool yes = av_matcher_test(t->matcher, doc);

        t->got += yes;
        if (json_array_size(t->files) > 0 && !AV_CHECK(is_listed(t, path) == yes))
            printf("    \"%s\": %s %s\n", t->text, yes ? "found, not expected in" : "expected, not found in", path);
    }
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    av_match_doc doc = { 0 };
    int64_t begin = av_clock_mono_us(), middle;
    av_error err;

    (void)st;
    (void)at;
    if (type != FTW_F)
        return 0;
    av_buf_clear(&run.raw);
    AV_CHECK_RC(av_file_read_all(path, &run.raw, &err), AV_OK, &err);
    AV_CHECK(av_document_read(run.reader, av_buf_span(&run.raw), AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_BODY, &doc));
    middle = av_clock_mono_us();
    match_message(path + run.root_bytes + 1, &doc);
    run.match_us += av_clock_mono_us() - middle;
    run.read_us += middle - begin;
    run.messages++;
    run.bytes += run.raw.n;
    run.text_bytes += doc.body.n + doc.subject.n;
    return 0;
}

static void
report(void)
{
    printf("    %zu messages, %llu bytes, %llu of text; read %lld ms, %zu terms %lld ms, %.0f MB/s a term\n",
        run.messages, (unsigned long long)run.bytes, (unsigned long long)run.text_bytes, (long long)run.read_us / 1000,
        run.count, (long long)run.match_us / 1000, (double)run.text_bytes * (double)run.count / (double)run.match_us);
    for (size_t i = 0; i < run.count; i++) {
        const term *t = &run.terms[i];

        av_check_row = (long)i;
        if (!AV_CHECK(t->got == t->want))
            printf("    \"%s\": %ld, want %ld\n", t->text, t->got, t->want);
    }
}

static void
test_bulk(void)
{
    const char *corpus = av_check_corpus();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/expect/bulk-search.json", corpus);
    char dir[] = "/tmp/av-bulk-XXXXXX";
    AV_CLEANUP(av_free) char *remove_line = NULL;
    json_t *expected = json_load_file(path, 0, NULL);

    AV_CHECK(expected != NULL && mkdtemp(dir) != NULL);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    bulk_whole = bulk_is_whole();
    load_terms(expected);
    run.reader = av_document_new(0);
    run.root_bytes = strlen(dir);
    av_buf_init(&run.raw, 64 << 20);
    bulk_unpack(corpus, dir);
    AV_CHECK_INT(nftw(dir, visit, 16, FTW_PHYS), 0);
    AV_CHECK_INT(run.messages, bulk_messages());
    report();
    for (size_t i = 0; i < run.count; i++) {
        av_matcher_destroy(&run.terms[i].matcher);
    }
    av_document_destroy(&run.reader);
    av_buf_release(&run.raw);
    json_decref(expected);
    AV_CHECK_INT(system(remove_line), 0);
}

int
main(void)
{
    AV_RUN(test_bulk);
    return av_check_done();
}
