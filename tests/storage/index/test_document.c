/*
 * test_document.c - from message bytes to what a query looks at
 */
#include "storage/index/document.h"

#include "base/buf.h"
#include "tests/check.h"

static const char message[] =
    "From a@b Mon Jan  2 15:04:05 2006\n"
    "From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\n"
    "To: one@example.org\nTo: two@example.org\nCc: three@example.org\nBcc: four@example.org\n"
    "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\n aus Rom\n"
    "Date: Mon, 2 Jan 2006 15:04:05 +0100\n"
    "X-Test: one\nx-test: two\n"
    "Content-Type: multipart/mixed; boundary=b\n\n"
    "--b\nContent-Type: text/plain; charset=utf-8\n\ninline words\n"
    "--b\nContent-Type: text/html\nContent-Disposition: attachment; filename=\"page one.html\"\n\n"
    "<p>hidden <b>words</b></p>\n--b--\n";

static bool
found(const char *query, const char *bytes)
{
    AV_CLEANUP(av_query_destroy) av_query *q = NULL;
    AV_CLEANUP(av_matcher_destroy) av_matcher *m = NULL;
    AV_CLEANUP(av_document_destroy) av_document *reader = av_document_new(0);
    av_match_doc doc = { 0 };
    av_error err;

    AV_CHECK_RC(av_query_parse(av_span_str(query), NULL, &q, &err), AV_OK, &err);
    AV_CHECK_RC(av_matcher_new(q, &m, &err), AV_OK, &err);
    AV_CHECK(av_document_read(reader, av_span_str(bytes), av_matcher_needs(m), &doc));
    return av_matcher_test(m, &doc);
}

static void
test_members(void)
{
    AV_CLEANUP(av_document_destroy) av_document *reader = av_document_new(0);
    av_match_doc doc = { 0 };
    av_span value;

    AV_CHECK(av_document_read(reader, av_span_str(message), UINT32_MAX, &doc));
    AV_CHECK(av_span_eq_str(doc.subject, "Gr\xc3\xbc\xc3\x9f"
                                         "e aus Rom"));
    AV_CHECK(av_span_eq_str(doc.from, "J\xc3\xbcrgen <j@example.com>"));
    AV_CHECK(av_span_eq_str(doc.to, "one@example.org\ntwo@example.org"));
    AV_CHECK(av_span_eq_str(doc.cc, "three@example.org"));
    AV_CHECK(av_span_eq_str(doc.bcc, "four@example.org"));
    AV_CHECK(av_span_eq_str(doc.filenames, "page one.html\n"));
    AV_CHECK(doc.has_attachment && doc.has_date);
    AV_CHECK_INT(doc.date_unix_s, 1136210645);
    AV_CHECK_INT(doc.date_zone_min, 60);
    AV_CHECK_INT(doc.size_bytes, sizeof message - 1);
    AV_CHECK(doc.header(doc.header_context, av_span_str("X-TEST"), 0, &value) && av_span_eq_str(value, "one"));
    AV_CHECK(doc.header(doc.header_context, av_span_str("X-TEST"), 1, &value) && av_span_eq_str(value, "two"));
    AV_CHECK(!doc.header(doc.header_context, av_span_str("X-TEST"), 2, &value));
}

static void
test_found(void)
{
    static const struct {
        const char *query;
        bool want;
    } cases[] = {
        { "inline", true },
        { "body:hidden", false },
        { "attachment:hidden", true },
        { "attachment:\"hidden words\"", true },
        { "attachment:p", false },
        { "j\xc3\x9crgen", true },
        { "subject:rom", true },
        { "filename:.html", true },
        { "has:attachment", true },
        { "date:2006-01-02", true },
        { "size:<100", false },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(found(cases[i].query, message), cases[i].want);
    }
    AV_CHECK(!found("x", ""));
    AV_CHECK(found("NOT x", ""));
}

/* What is needed is filled in, nothing else is touched. */
static void
test_needs_only(void)
{
    AV_CLEANUP(av_document_destroy) av_document *reader = av_document_new(0);
    av_match_doc doc = { .body = av_span_str("kept"), .uid = 7 };

    AV_CHECK(av_document_read(reader, av_span_str(message), AV_MATCH_NEED_HEADERS, &doc));
    AV_CHECK(av_span_eq_str(doc.body, "kept"));
    AV_CHECK_INT(doc.uid, 7);
    AV_CHECK(doc.subject.n > 0 && doc.header == NULL && !doc.has_date && doc.size_bytes == 0);
}

static void
test_ceiling(void)
{
    AV_CLEANUP(av_document_destroy) av_document *reader = av_document_new(100);
    av_match_doc doc = { 0 };
    av_buf b;

    av_buf_init(&b, 65536);
    (void)av_buf_puts(&b, "Subject: x\n\n");
    for (int i = 0; i < 100; i++)
        (void)av_buf_puts(&b, "words ");
    AV_CHECK(!av_document_read(reader, av_buf_span(&b), AV_MATCH_NEED_BODY, &doc));
    AV_CHECK(doc.body.n <= 100 && doc.body.n > 90);
    AV_CHECK(av_document_read(reader, av_span_str(message), AV_MATCH_NEED_BODY, &doc));
    av_buf_release(&b);
}

int
main(void)
{
    AV_RUN(test_members);
    AV_RUN(test_found);
    AV_RUN(test_needs_only);
    AV_RUN(test_ceiling);
    return av_check_done();
}
