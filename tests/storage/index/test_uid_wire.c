/*
 * test_uid_wire.c - runs of UIDs there and back, and bytes that are none
 */
#include "storage/index/uid_wire.h"
#include "tests/check.h"

static void
test_round_trip(void)
{
    static const av_query_range runs[] = { { 1, 1 }, { 3, 1000000 }, { 1000002, 1000002 },
        { 4000000000U, 4294967294U } };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_query_range got;
    uint32_t before = 0;
    av_span in;

    av_buf_init(&out, 1000);
    for (size_t i = 0; i < AV_COUNT(runs); before = runs[i++].last)
        AV_CHECK(av_uid_wire_put(&out, before, runs[i]));
    in = av_buf_span(&out);
    before = 0;
    for (size_t i = 0; i < AV_COUNT(runs); before = runs[i++].last) {
        if (!AV_CHECK(av_uid_wire_take(&in, before, &got)))
            return;
        AV_CHECK_INT(got.first, runs[i].first);
        AV_CHECK_INT(got.last, runs[i].last);
    }
    AV_CHECK_INT(in.n, 0);
    AV_CHECK(!av_uid_wire_take(&in, before, &got));
}

static void
test_refused(void)
{
    static const struct {
        uint32_t before;
        const char *bytes;
        size_t n;
    } cases[] = {
        { 0, "\x00", 1 },                                         /* half of a run */
        { 0, "\x80", 1 },                                         /* half of a number */
        { 0, "\xff\xff\xff\xff\x0f\x00", 6 },                     /* beyond 32 bits */
        { 0, "\x00\xfe\xff\xff\xff\x0f", 6 },                     /* ends at UINT32_MAX */
        { 4294967293U, "\x01\x00", 2 },                           /* the same */
        { 1, "\x80\x00\x00", 3 },                                 /* not the shortest form */
        { 5, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 11 } /* 2^64 - 1 */
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_span in = av_span_of(cases[i].bytes, cases[i].n);
        av_query_range got;

        av_check_row = (long)i;
        AV_CHECK(!av_uid_wire_take(&in, cases[i].before, &got));
        AV_CHECK_INT(in.n, cases[i].n); /* nothing was taken */
    }
}

int
main(void)
{
    AV_RUN(test_round_trip);
    AV_RUN(test_refused);
    return av_check_done();
}
