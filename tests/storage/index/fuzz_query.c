/*
 * fuzz_query.c - any text: parsed without harm, and what parses survives the wire and a match
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
    AV_CLEANUP(av_buf_release) av_buf wire = { 0 };
    av_match_doc doc = { .body = av_span_of(data, size), .subject = av_span_str("Re: best regards") };
    av_error err;

    if (av_query_parse(av_span_of(data, size), NULL, &query, &err) != AV_OK) {
        assert(err.msg[0] != '\0');
        return 0;
    }
    av_buf_init(&wire, 1 << 20);
    assert(av_query_encode(query, &wire, &err) == AV_OK);
    assert(av_query_decode(av_buf_span(&wire), NULL, &again, &err) == AV_OK);
    assert(av_matcher_new(again, &matcher, &err) == AV_OK);
    (void)av_matcher_test(matcher, &doc);
    return 0;
}
