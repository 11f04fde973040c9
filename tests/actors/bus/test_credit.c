/*
 * test_credit.c - what may be sent, what is granted, what a gap is
 */
#include "actors/bus/credit.h"

#include "tests/check.h"

static void
test_sender(void)
{
    av_credit_sender s = { 0 };

    AV_CHECK_INT(av_credit_room(&s), 0);
    av_credit_granted(&s, 100);
    av_credit_sent(&s, 60);
    AV_CHECK_INT(av_credit_room(&s), 40);
    av_credit_granted(&s, 80); /* late: grants are absolute */
    av_credit_granted(&s, 100);
    AV_CHECK_INT(av_credit_room(&s), 40);
    av_credit_granted(&s, 200);
    AV_CHECK_INT(av_credit_room(&s), 140);
}

static const struct {
    uint64_t offset, n;
    av_errc want;
    av_credit_take take;
} chunks[] = {
    /* 100 of 200 granted bytes were received */
    { 100, 50, AV_OK, AV_CREDIT_TAKE },
    { 100, 100, AV_OK, AV_CREDIT_TAKE },
    { 100, 0, AV_OK, AV_CREDIT_TAKE },
    { 100, 101, AV_ERR_LIMIT, 0 },
    { 101, 1, AV_ERR_IO, 0 },
    { 101, 0, AV_ERR_IO, 0 },
    { 0, 100, AV_OK, AV_CREDIT_DOUBLE },
    { 50, 50, AV_OK, AV_CREDIT_DOUBLE },
    { 50, 51, AV_ERR_IO, 0 },
    { 99, 1, AV_OK, AV_CREDIT_DOUBLE },
    { UINT64_MAX, UINT64_MAX, AV_ERR_IO, 0 },
    { 100, UINT64_MAX, AV_ERR_LIMIT, 0 },
};

static void
test_receiver(void)
{
    for (size_t i = 0; i < AV_COUNT(chunks); i++) {
        av_credit_receiver r = { .received = 100, .granted = 200 };
        av_credit_take take = AV_CREDIT_TAKE;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_credit_received(&r, chunks[i].offset, chunks[i].n, &take, &err), chunks[i].want, &err);
        if (chunks[i].want != AV_OK)
            continue;
        AV_CHECK_INT(take, chunks[i].take);
        AV_CHECK_INT(r.received, take == AV_CREDIT_TAKE ? 100 + chunks[i].n : 100);
    }
    av_check_row = -1;
}

static void
test_grant(void)
{
    av_credit_receiver r = { 0 };
    av_credit_take take;
    av_error err;

    AV_CHECK_INT(av_credit_grant(&r, 1000), 1000);
    AV_CHECK_INT(av_credit_grant(&r, 1000), 0);
    AV_CHECK_RC(av_credit_received(&r, 0, 900, &take, &err), AV_OK, &err);
    av_credit_consumed(&r, 499);
    AV_CHECK_INT(av_credit_grant(&r, 1000), 0);
    av_credit_consumed(&r, 1);
    AV_CHECK_INT(av_credit_grant(&r, 1000), 1500);
    av_credit_consumed(&r, 400);
    AV_CHECK_INT(av_credit_grant(&r, 100), 0); /* a smaller window takes nothing back */
    AV_CHECK_INT(r.granted, 1500);
}

static void
test_window(void)
{
    AV_CHECK_INT(av_credit_window(48 << 20, 1, 0), 1 << 20);
    AV_CHECK_INT(av_credit_window(48 << 20, 96, 0), 512 << 10);
    AV_CHECK_INT(av_credit_window(48 << 20, 100000, 0), 64 << 10);
    AV_CHECK_INT(av_credit_window(48 << 20, 2, 1 << 20), 512 << 10);
    AV_CHECK_INT(av_credit_window(48 << 20, 3, 9 << 20), 64 << 10);
    AV_CHECK_INT(av_credit_window(0, 0, 0), 64 << 10);
}

int
main(void)
{
    AV_RUN(test_sender);
    AV_RUN(test_receiver);
    AV_RUN(test_grant);
    AV_RUN(test_window);
    return av_check_done();
}
