/*
 * test_retry.c - pauses and what is worth another try; answers given lately
 */
#include "actors/bus/retry.h"

#include "actors/bus/replay.h"
#include "tests/check.h"

static void
test_pauses(void)
{
    static const uint32_t want[] = { 100, 200, 400, 800, 1000, 1000, 1000 };
    av_retry low = { .first_ms = 100, .max_ms = 1000 }, high = low;

    for (size_t i = 0; i < AV_COUNT(want); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_retry_next(&low, 0), want[i] / 2);
        AV_CHECK_INT(av_retry_next(&high, want[i] / 2), want[i]);
    }
    av_check_row = -1;
    av_retry_reset(&low);
    AV_CHECK_INT(av_retry_next(&low, 0), 50);
    for (int i = 0; i < 100; i++) {
        uint32_t pause = av_retry_next(&high, (uint64_t)i * 7919);

        AV_CHECK(pause >= 500 && pause <= 1000);
    }
}

static void
test_codes(void)
{
    for (int code = 0; code < AV_ERRC_COUNT; code++)
        AV_CHECK_INT(av_retry_helps((av_errc)code), code == AV_ERR_BUSY || code == AV_ERR_UNAVAILABLE);
}

static void
test_replay(void)
{
    av_replay *r = av_replay_new(3, 10000, 1000);
    uint8_t key[4][16] = { { 1 }, { 2 }, { 3 }, { 4 } }, hash[32] = { 1 }, other[32] = { 2 };
    static const uint8_t large[4000];
    av_span name = av_span_str("cli/op"), reply = { NULL, 0 };

    AV_CHECK_INT(av_replay_find(r, name, key[0], hash, 0, &reply), AV_REPLAY_NONE);
    av_replay_put(r, name, key[0], hash, 0, av_span_str("answer"));
    av_replay_put(r, name, key[0], hash, 0, av_span_str("second")); /* the first stays */
    AV_CHECK_INT(av_replay_find(r, name, key[0], hash, 10, &reply), AV_REPLAY_SAME);
    AV_CHECK(av_span_eq_str(reply, "answer"));
    AV_CHECK_INT(av_replay_find(r, name, key[0], other, 10, &reply), AV_REPLAY_OTHER);
    AV_CHECK_INT(av_replay_find(r, av_span_str("cli/other"), key[0], hash, 10, &reply), AV_REPLAY_NONE);
    av_replay_put(r, name, key[1], hash, 500, av_span_of(large, sizeof large)); /* too large to remember */
    AV_CHECK_INT(av_replay_count(r), 1);
    AV_CHECK_INT(av_replay_find(r, name, key[0], hash, 1001, &reply), AV_REPLAY_NONE); /* too old */
    AV_CHECK_INT(av_replay_count(r), 0);
    for (size_t i = 0; i < 4; i++)
        av_replay_put(r, name, key[i], hash, 2000, av_span_of(large, 2000));
    AV_CHECK_INT(av_replay_count(r), 3);
    AV_CHECK_INT(av_replay_find(r, name, key[0], hash, 2000, &reply), AV_REPLAY_NONE); /* the oldest went */
    AV_CHECK_INT(av_replay_find(r, name, key[3], hash, 2000, &reply), AV_REPLAY_SAME);
    av_replay_destroy(&r);
    AV_CHECK(r == NULL);
}

int
main(void)
{
    AV_RUN(test_pauses);
    AV_RUN(test_codes);
    AV_RUN(test_replay);
    return av_check_done();
}
