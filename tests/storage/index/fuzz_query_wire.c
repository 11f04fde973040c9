/*
 * fuzz_query_wire.c - any bytes as a query from the bus: refused, or a tree that is written back as the same bytes
 */
#include "storage/index/match.h"
#include "storage/index/query_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    AV_CLEANUP(av_query_destroy) av_query *again = NULL;
    AV_CLEANUP(av_matcher_destroy) av_matcher *matcher = NULL;
    AV_CLEANUP(av_buf_release) av_buf one = { 0 };
    AV_CLEANUP(av_buf_release) av_buf two = { 0 };
    av_match_doc doc = { .subject = av_span_str("Re: best regards"), .body = av_span_of(data, size), .uid = 7 };
    av_error err;

    if (av_query_decode(av_span_of(data, size), NULL, &query, &err) != AV_OK) {
        assert(err.msg[0] != '\0');
        return 0;
    }
    /* The first writing may differ (NFC, ranges turned round); the second must be the first. */
    av_buf_init(&one, 1 << 20);
    av_buf_init(&two, 1 << 20);
    assert(av_query_encode(query, &one, &err) == AV_OK);
    assert(av_query_decode(av_buf_span(&one), NULL, &again, &err) == AV_OK);
    assert(av_query_encode(again, &two, &err) == AV_OK);
    assert(av_span_eq(av_buf_span(&one), av_buf_span(&two)));
    assert(av_matcher_new(again, &matcher, &err) == AV_OK);
    (void)av_matcher_test(matcher, &doc);
    return 0;
}
