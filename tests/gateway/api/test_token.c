/*
 * test_token.c - tokens: back out what went in, nothing in other hands
 */
#include "base/secret.h"
#include "gateway/api/token.h"
#include "tests/check.h"

static const av_api_token sample = {
    .operation = "00112233445566778899aabbccddeeff",
    .actor = "instance/demo",
    .method = "archivolt.Management.StartInstances",
};

static void
make_key(uint8_t first, uint8_t ret[AV_API_TOKEN_KEY])
{
    uint8_t secret[32] = { first };

    av_api_token_key(secret, ret);
}

static void
test_round_trip(void)
{
    uint8_t key[AV_API_TOKEN_KEY], same[AV_API_TOKEN_KEY];
    char text[AV_API_TOKEN_MAX];
    av_api_token got;

    make_key(1, key);
    make_key(1, same); /* a restarted gateway */
    AV_CHECK(av_api_token_seal(&sample, "admin", key, text));
    AV_CHECK(strlen(text) >= 32 && strspn(text, "0123456789abcdef") == strlen(text));
    AV_CHECK(av_api_token_open(av_span_str(text), "admin", same, &got));
    AV_CHECK_STR(got.operation, sample.operation);
    AV_CHECK_STR(got.actor, sample.actor);
    AV_CHECK_STR(got.method, sample.method);
}

static void
test_other_hands(void)
{
    uint8_t key[AV_API_TOKEN_KEY], other[AV_API_TOKEN_KEY];
    char text[AV_API_TOKEN_MAX];
    av_api_token got;

    make_key(1, key);
    make_key(2, other);
    AV_CHECK(av_api_token_seal(&sample, "admin", key, text));
    AV_CHECK(!av_api_token_open(av_span_str(text), "eve", key, &got));
    AV_CHECK(!av_api_token_open(av_span_str(text), "", key, &got));
    AV_CHECK(!av_api_token_open(av_span_str(text), "admin", other, &got));
}

static void
test_changed(void)
{
    uint8_t key[AV_API_TOKEN_KEY];
    char text[AV_API_TOKEN_MAX];
    av_api_token got;
    size_t n;

    make_key(1, key);
    AV_CHECK(av_api_token_seal(&sample, "admin", key, text));
    n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        char was = text[i];

        av_check_row = (long)i;
        text[i] = was == '0' ? '1' : '0';
        AV_CHECK(!av_api_token_open(av_span_str(text), "admin", key, &got));
        text[i] = was;
        AV_CHECK(!av_api_token_open(av_span_of(text, i), "admin", key, &got));
    }
    AV_CHECK(av_api_token_open(av_span_str(text), "admin", key, &got));
}

static void
test_bad_parts(void)
{
    uint8_t key[AV_API_TOKEN_KEY];
    char text[AV_API_TOKEN_MAX];
    av_api_token bad;

    make_key(1, key);
    bad = sample;
    bad.operation[5] = 'x';
    AV_CHECK(!av_api_token_seal(&bad, "admin", key, text));
    bad = sample;
    bad.actor[0] = '\0';
    AV_CHECK(!av_api_token_seal(&bad, "admin", key, text));
    bad = sample;
    memset(bad.method, 'm', sizeof bad.method - 1);
    AV_CHECK(av_api_token_seal(&bad, "admin", key, text));
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_round_trip);
    AV_RUN(test_other_hands);
    AV_RUN(test_changed);
    AV_RUN(test_bad_parts);
    return av_check_done();
}
