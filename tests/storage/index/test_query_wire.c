/*
 * test_query_wire.c - trees survive the bus; foreign, cut and surplus bytes do not pass
 */
#include "storage/index/query_wire.h"

#include "tests/check.h"
#include "tests/storage/index/query_show.h"

static const char *const texts[] = {
    "invoice",
    "a b OR c -(d \"e f\" from:g*) subject:*",
    "* -folder:Archive/2003 has:attachment id:Mx size:>1M date:2015..2017 filename:.pdf",
    "((((((a OR b) c) OR d) e) OR f) g)",
    "*voice wom?n subject:NEAR(a b*, 7) -~houses header:x-a:\"b c\" header:x-a:d* received:2016",
    "\xe6\xa0\xaa\xe5\xbc\x8f OR \xc3\x9c",
};

static av_query *
parsed(const char *text)
{
    av_query *q = NULL;
    av_error err;

    AV_CHECK_RC(av_query_parse(av_span_str(text), NULL, &q, &err), AV_OK, &err);
    return q;
}

static av_query *
built_with_imap_kinds(void)
{
    static const av_query_range ranges[] = { { 1, 5 }, { 100, UINT32_MAX } };
    av_query *q = av_query_new(NULL);
    av_query_id ids[5];
    av_error err;

    ids[0] = av_query_uids(q, ranges, 2);
    ids[1] = av_query_flagged(q, AV_QUERY_FLAG_DRAFT);
    ids[2] = av_query_not(q, av_query_header(q, av_span_str("X-Spam"), av_span_str("")));
    ids[3] = av_query_keyword(q, av_span_str("$Junk"));
    ids[4] = av_query_dates(q, AV_QUERY_DATE_SENT_LOCAL, INT64_MIN, -1);
    AV_CHECK_RC(av_query_finish(q, av_query_or(q, ids, 5), &err), AV_OK, &err);
    return q;
}

/* Sent and read back it shows the same; every shorter and longer form is refused. */
static void
check_round_trip(av_query *q)
{
    AV_CLEANUP(av_query_destroy) av_query *again = NULL;
    av_buf wire, a, b;
    av_error err;

    av_buf_init(&wire, 65536);
    av_buf_init(&a, 65536);
    av_buf_init(&b, 65536);
    AV_CHECK_RC(av_query_encode(q, &wire, &err), AV_OK, &err);
    AV_CHECK_RC(av_query_decode(av_buf_span(&wire), NULL, &again, &err), AV_OK, &err);
    if (again != NULL) {
        query_show(q, &a);
        query_show(again, &b);
        AV_CHECK_STR(av_buf_cstr(&b), av_buf_cstr(&a));
    }
    for (size_t n = 0; n < wire.n; n++) {
        av_query *none = NULL;

        AV_CHECK(av_query_decode(av_span_of(wire.p, n), NULL, &none, &err) != AV_OK && none == NULL);
    }
    (void)av_buf_putc(&wire, 1);
    AV_CHECK_RC(av_query_decode(av_buf_span(&wire), NULL, &again, &err), AV_ERR_SYNTAX, &err);
    av_buf_release(&wire);
    av_buf_release(&a);
    av_buf_release(&b);
}

static void
test_round_trips(void)
{
    AV_CLEANUP(av_query_destroy) av_query *imap = built_with_imap_kinds();

    for (size_t i = 0; i < AV_COUNT(texts); i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = parsed(texts[i]);

        av_check_row = (long)i;
        if (q != NULL)
            check_round_trip(q);
    }
    check_round_trip(imap);
}

static void
test_refused(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        av_errc want;
    } cases[] = {
        { "", 0, AV_ERR_SYNTAX }, { "\x02\x01", 2, AV_ERR_VERSION }, { "\x01", 1, AV_ERR_SYNTAX },
        { "\x01\x00", 2, AV_ERR_SYNTAX }, { "\x01\x63", 2, AV_ERR_SYNTAX }, /* kind 99 */
        { "\x01\x02\x00\x00", 4, AV_ERR_SYNTAX },                           /* AND of nothing */
        { "\x01\x02\x01\x00\x01", 5, AV_ERR_SYNTAX },                       /* AND of one */
        { "\x01\x05\x00\x00\x00\x00\x01\x00x", 9, AV_ERR_INVALID },         /* no field */
        { "\x01\x05\x01\x00\x00\x00\x01\x00\xff", 9, AV_ERR_INVALID },      /* not UTF-8 */
        { "\x01\x11\x01\x00\x00\x00\x01\x00.", 9, AV_ERR_INVALID },         /* a suffix of no letter */
        { "\x01\x12\x01\x00\x00\x00\x01\x00*", 9, AV_ERR_INVALID },         /* wildcards alone */
        { "\x01\x13\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00"
          "a b",
            15, AV_ERR_INVALID }, /* distance 0 */
        { "\x01\x13\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00"
          "a",
            13, AV_ERR_INVALID }, /* NEAR of one */
        { "\x01\x14\x01\x00\x00\x00\x00\x00\x01\x00"
          "a",
            11, AV_ERR_SYNTAX }, /* no language */
        { "\x01\x14\x01\x00\x00\x00\x01\x00"
          "x\x01\x00"
          "a",
            12, AV_ERR_INVALID }, /* none known */
        { "\x01\x15\x07\x01\x00x\x01\x00"
          "a",
            9, AV_ERR_INVALID },                                                /* as a substring */
        { "\x01\x0e\x03", 3, AV_ERR_INVALID },                                  /* two flags */
        { "\x01\x0a\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19, AV_ERR_INVALID }, /* no such date */
        { "\x01\x10\xff\xff\xff\xff", 6, AV_ERR_SYNTAX },                       /* ranges that are not there */
        { "\x01\x10\x00\x00\x00\x00", 6, AV_ERR_INVALID },                      /* no range */
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_query *q = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_decode(av_span_of(cases[i].bytes, cases[i].n), NULL, &q, &err), cases[i].want, &err);
        AV_CHECK(q == NULL);
    }
}

/* Deeper, wider or with more ranges than allowed: AV_ERR_LIMIT, before memory goes. */
static void
test_limits(void)
{
    av_query *q = NULL;
    av_error err;
    av_buf b;

    av_buf_init(&b, 1 << 20);
    (void)av_buf_putc(&b, 1);
    for (int i = 0; i < 1000; i++)
        (void)av_buf_putc(&b, AV_QUERY_NOT);
    (void)av_buf_putc(&b, AV_QUERY_ALL);
    AV_CHECK_RC(av_query_decode(av_buf_span(&b), NULL, &q, &err), AV_ERR_LIMIT, &err);

    av_buf_clear(&b);
    (void)av_buf_puts(&b, "\x01\x03\xff\xff");
    for (int i = 0; i < 65535; i++)
        (void)av_buf_putc(&b, AV_QUERY_ALL);
    AV_CHECK_RC(av_query_decode(av_buf_span(&b), NULL, &q, &err), AV_ERR_LIMIT, &err);

    av_buf_clear(&b);
    (void)av_buf_puts(&b, "\x01\x10");
    (void)av_buf_put_u32(&b, 5000);
    for (int i = 0; i < 5000; i++)
        (void)av_buf_put_u64(&b, 1);
    AV_CHECK_RC(av_query_decode(av_buf_span(&b), NULL, &q, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(q == NULL);
    av_buf_release(&b);
}

static void
test_ceiling_of_out(void)
{
    AV_CLEANUP(av_query_destroy) av_query *q = parsed("invoice");
    av_error err;
    av_buf b;

    av_buf_init(&b, 4);
    AV_CHECK_RC(av_query_encode(q, &b, &err), AV_ERR_LIMIT, &err);
    av_buf_release(&b);
}

int
main(void)
{
    AV_RUN(test_round_trips);
    AV_RUN(test_refused);
    AV_RUN(test_limits);
    AV_RUN(test_ceiling_of_out);
    return av_check_done();
}
