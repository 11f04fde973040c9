/*
 * test_scan.c - searches over an archive give what a look at every message gives, and only what the user may read
 *
 * Messages: the loose fixtures of the corpus. The oracle opens each message and asks the matcher; the scan answers from
 * summary rows where it can, on two parts, and has to come to the same set.
 */
#include <dirent.h>

#include "actors/instance/scan.h"
#include "storage/index/source.h"
#include "tests/actors/instance/rig.h"

#define MESSAGES_MAX 1200

typedef struct oracle {
    av_buf messages[MESSAGES_MAX];
    size_t n;
} oracle;

static void
load_folder(oracle *o, const char *dir, unsigned depth)
{
    struct dirent **names;
    int i, n = scandir(dir, &names, NULL, alphasort);
    av_error err;

    for (i = 0; i < n; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, names[i]->d_name);
        bool dot = names[i]->d_name[0] == '.', folder = names[i]->d_type == DT_DIR;

        free(names[i]);
        if (dot)
            continue;
        if (folder && depth > 0) {
            load_folder(o, path, depth - 1);
        } else if (!folder && o->n < MESSAGES_MAX) {
            av_buf_init(&o->messages[o->n], 1 << 20);
            if (av_file_read_all(path, &o->messages[o->n], &err) == AV_OK && o->messages[o->n].n > 0)
                o->n++;
            else
                av_buf_release(&o->messages[o->n]);
        }
    }
    if (n >= 0)
        free(names);
}

static void
fill(rig *r, oracle *o)
{
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake = rig_intake(r, 1);
    av_error err = { 0 };
    size_t i;

    av_buf_init(&stream, 4 << 20);
    for (i = 0; i < o->n; i++) {
        rig_put(&stream, &(rig_item){ .number = i + 1,
                             .folder = i % 2 == 0 ? "Even" : NULL,
                             .bytes = av_buf_span(&o->messages[i]),
                             .received_ms = 1600000000000 });
        AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
        av_buf_clear(&stream);
    }
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    AV_CHECK_INT(av_intake_durable(intake)->refused, 0);
    AV_CHECK_INT(av_intake_durable(intake)->last_item, o->n);
    av_intake_destroy(&intake);
}

/* Distinct digests of the messages that match, by the bytes alone. */
static size_t
expected(oracle *o, const char *query)
{
    static uint8_t seen[MESSAGES_MAX][32];
    av_document *document = av_document_new(0);
    av_matcher *matcher = NULL;
    av_query *tree = NULL;
    size_t i, k, n = 0;
    av_error err = { 0 };

    AV_CHECK_RC(av_query_parse(av_span_str(query), NULL, &tree, &err), AV_OK, &err);
    AV_CHECK_RC(av_matcher_new(tree, &matcher, &err), AV_OK, &err);
    for (i = 0; i < o->n; i++) {
        av_match_doc doc = { .folder = av_span_str("alice"), .received_unix_s = 1600000000 };

        doc.size_bytes = o->messages[i].n;
        (void)av_document_read(document, av_buf_span(&o->messages[i]), av_matcher_needs(matcher), &doc);
        if (!av_matcher_test(matcher, &doc))
            continue;
        av_sha256(av_buf_span(&o->messages[i]), seen[n]);
        for (k = 0; k < n && memcmp(seen[k], seen[n], 32) != 0; k++)
            continue;
        n += k == n;
    }
    av_matcher_destroy(&matcher);
    av_query_destroy(&tree);
    av_document_destroy(&document);
    return n;
}

typedef struct outcome {
    size_t total, rows;
    uint64_t truncated;
    double coverage;
} outcome;

static outcome
search(rig *r, const char *user, const char *query, size_t wanted)
{
    outcome out;
    av_scan_part a, b;
    av_scan scan;
    av_error err = { 0 };
    bool more = true;
    size_t i;

    av_scan_wish wish = { .query = av_span_str(query), .wanted = wanted, .unindexed_max = MESSAGES_MAX };

    AV_CHECK_RC(av_scan_init(&scan, r->archive, user, &wish, &err), AV_OK, &err);
    av_scan_part_init(&a, &scan);
    av_scan_part_init(&b, &scan);
    while (more) {
        more = av_scan_part_step(&a);
        more = av_scan_part_step(&b) || more;
    }
    av_scan_part_merge(&a, &b);
    AV_CHECK_RC(av_scan_finish(&scan, &a, &err), AV_OK, &err);
    for (i = 1; i < a.hits.n; i++)
        AV_CHECK(a.hits.heap[i - 1].date_unix_s >= a.hits.heap[i].date_unix_s);
    out = (outcome){ a.total, a.hits.n, a.truncated, av_scan_coverage(&scan, &a) };
    av_scan_part_release(&b);
    av_scan_part_release(&a);
    av_scan_release(&scan);
    return out;
}

/* The indexer's work: every message that the index does not have. */
static void
index_all(rig *r)
{
    const av_open_store *open = NULL;
    av_index_progress progress = { 0 };
    av_error err = { 0 };

    AV_CHECK_RC(av_stores_use_id(r->archive->stores, 1, &open, &err), AV_OK, &err);
    av_store_source *source = av_store_source_new(open->view, open->store, NULL, NULL);
    av_index_source messages = av_store_source_of(source);

    while (!progress.at_end)
        AV_CHECK_RC(av_index_follow(open->index, &messages, 50, false, &progress, &err), AV_OK, &err);
    av_store_source_destroy(&source);
    av_stores_done(r->archive->stores, &open);
}

static void
test_scan(void)
{
    static const char *const queries[] = { "*", "subject:re", "from:com", "the", "\"in the\"", "has:attachment",
        "size:>4K", "date:2000..2010", "filename:txt", "body:and subject:test", "-the", "to:user OR cc:user",
        "before:2003-01-01 -has:attachment" };
    static oracle o;
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/fixtures/mime", av_check_corpus());
    size_t i, want;
    outcome out;
    rig r;

    rig_new(&r);
    load_folder(&o, dir, 4);
    if (o.n == 0)
        AV_SKIP("no fixtures in the corpus");
    printf("  %zu messages\n", o.n);
    fill(&r, &o);
    rig_user(&r, "Alice");
    rig_user(&r, "mallory");
    for (i = 0; i < 2 * AV_COUNT(queries); i++) { /* without the index, and with it */
        av_check_row = (long)i;
        if (i == AV_COUNT(queries))
            index_all(&r);
        want = expected(&o, queries[i % AV_COUNT(queries)]);
        out = search(&r, "Alice", queries[i % AV_COUNT(queries)], 10);
        AV_CHECK_INT(out.total, want);
        AV_CHECK_INT(out.rows, AV_MIN(want, 10U));
        AV_CHECK_INT(out.truncated, 0);
        AV_CHECK(out.coverage > 0.999);
        AV_CHECK_INT(search(&r, "mallory", queries[i % AV_COUNT(queries)], 10).total, 0);
    }
    av_check_row = -1;
    out = search(&r, "Alice", "folder:alice/Even", 0);
    AV_CHECK(out.total > 0);
    AV_CHECK_INT(out.rows, 0);
    AV_CHECK_INT(search(&r, "Alice", "folder:nowhere", 5).total, 0);
    for (i = 0; i < o.n; i++)
        av_buf_release(&o.messages[i]);
    rig_end(&r);
}

#define MB     (1024U * 1024)
#define LARGE  (70U * MB)
#define FIRST  "middleneedle\n" /* at 60 MB: inside what is searched by default */
#define SECOND "lastneedle\n"   /* at the very end */

static void
put_large(rig *r)
{
    static const char header[] = "From: a@example.org\nSubject: large\nDate: Mon, 2 Mar 2015 10:00:00 +0000\n\n";
    static const char line[] = "plain words of a line that is like all the others\n";
    AV_CLEANUP(av_buf_release) av_buf message = { 0 };
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake = rig_intake(r, 1);
    av_error err = { 0 };
    av_span rest;

    av_buf_init(&message, 2 * (size_t)LARGE);
    av_buf_init(&stream, 2 * (size_t)LARGE);
    (void)av_buf_puts(&message, header);
    while (message.n < 60 * (size_t)MB)
        (void)av_buf_puts(&message, line);
    (void)av_buf_puts(&message, FIRST);
    while (message.n < LARGE)
        (void)av_buf_puts(&message, line);
    (void)av_buf_puts(&message, SECOND);
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = av_buf_span(&message) });
    for (rest = av_buf_span(&stream); rest.n > 0; rest = av_span_skip(rest, AV_MIN(rest.n, (size_t)MB)))
        AV_CHECK_RC(av_intake_feed(intake, av_span_slice(rest, 0, AV_MIN(rest.n, (size_t)MB)), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    AV_CHECK_INT(av_intake_durable(intake)->stored, 1);
    av_intake_destroy(&intake);
}

/* What is longer than a search looks at is told as a number, and leaves coverage alone. */
static void
test_large(void)
{
    static const struct {
        uint64_t search_bytes;
        const char *query;
        size_t total;
        uint64_t truncated;
    } rows[] = {
        { 0, "middleneedle", 1, 1 },
        { 0, "lastneedle", 0, 1 },
        { 0, "subject:large", 1, 0 }, /* nothing behind the header is asked for */
        { 0, "size:>69M", 1, 0 },
        { 128 * (uint64_t)MB, "lastneedle", 1, 0 },
        { 128 * (uint64_t)MB, "nowhere", 0, 0 },
        { 4 * (uint64_t)MB, "middleneedle", 0, 1 },
    };
    outcome out;
    size_t i;
    rig r;

    rig_new(&r);
    rig_close(&r);
    r.max_message_bytes = 2 * (uint64_t)LARGE;
    rig_open(&r);
    put_large(&r);
    rig_user(&r, "Alice");
    for (i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        if (r.search_bytes != rows[i].search_bytes) {
            rig_close(&r);
            r.search_bytes = rows[i].search_bytes;
            rig_open(&r);
        }
        out = search(&r, "Alice", rows[i].query, 10);
        AV_CHECK_INT(out.total, rows[i].total);
        AV_CHECK_INT(out.truncated, rows[i].truncated);
        AV_CHECK(out.coverage > 0.999);
    }
    av_check_row = -1;
    rig_end(&r);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_large);
    AV_RUN(test_scan);
    return av_check_done();
}
