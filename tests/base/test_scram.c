/*
 * test_scram.c - SCRAM-SHA-256 against the exchange of RFC 7677, 3, and what must not pass
 */
#include "base/encode.h"
#include "base/scram.h"
#include "base/secret.h"
#include "tests/check.h"

static const char first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
static const char answer[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char final[] = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char signature[] = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/* The RFC's verifier: StoredKey and ServerKey of "pencil" with its salt, from its own proof and signature. */
static void
rfc_verifier(av_scram_verifier *ret)
{
    static const char salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";
    static const char stored[] = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";
    static const char server[] = "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    av_buf b;

    *ret = (av_scram_verifier){ .rounds = 4096 };
    av_buf_init(&b, 64);
    AV_CHECK(av_base64_decode(av_span_str(salt), &b) && b.n == AV_SCRAM_SALT);
    memcpy(ret->salt, b.p, AV_SCRAM_SALT);
    av_buf_clear(&b);
    AV_CHECK(av_base64_decode(av_span_str(stored), &b) && b.n == AV_SCRAM_KEY);
    memcpy(ret->stored_key, b.p, AV_SCRAM_KEY);
    av_buf_clear(&b);
    AV_CHECK(av_base64_decode(av_span_str(server), &b) && b.n == AV_SCRAM_KEY);
    memcpy(ret->server_key, b.p, AV_SCRAM_KEY);
    av_buf_release(&b);
}

static void
test_rfc(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    uint8_t got[AV_SCRAM_KEY];
    av_scram_verifier v;
    av_scram_first f;
    av_scram_final l;
    av_error err = { 0 };

    rfc_verifier(&v);
    av_buf_init(&out, 1024);
    AV_CHECK_RC(av_scram_first_parse(av_span_str(first), &f, &err), AV_OK, &err);
    AV_CHECK_INT(f.binding, 'n');
    AV_CHECK_MEM(f.header.p, f.header.n, "n,,", 3);
    AV_CHECK_MEM(f.name.p, f.name.n, "user", 4);
    AV_CHECK(av_scram_first_answer(&v, f.nonce, av_span_str("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"), &out));
    AV_CHECK_STR(av_buf_cstr(&out), answer);
    AV_CHECK_RC(av_scram_final_parse(av_span_str(final), &l, &err), AV_OK, &err);
    AV_CHECK(av_scram_final_is_bound(&l, f.header, av_span_of(NULL, 0)));
    AV_CHECK(!av_scram_final_is_bound(&l, av_span_str("y,,"), av_span_of(NULL, 0)));
    AV_CHECK(!av_scram_final_is_bound(&l, f.header, av_span_str("x")));
    AV_CHECK(av_scram_final_check(&l, &v, f.bare, av_span_str(answer), got));
    av_buf_clear(&out);
    AV_CHECK(av_base64_encode(av_span_of(got, sizeof got), &out));
    AV_CHECK_STR(av_buf_cstr(&out), signature);
    l.proof[5] ^= 1;
    AV_CHECK(!av_scram_final_check(&l, &v, f.bare, av_span_str(answer), got));
}

static void
test_verifier(void)
{
    av_scram_verifier a, b, c;
    const uint8_t key[32] = { 7 };
    av_error err = { 0 };

    AV_CHECK_RC(av_scram_verifier_make("correct horse", 4096, &a, &err), AV_OK, &err);
    AV_CHECK_RC(av_scram_verifier_make("correct horse", 4096, &b, &err), AV_OK, &err);
    AV_CHECK(memcmp(a.salt, b.salt, sizeof a.salt) != 0 && memcmp(a.stored_key, b.stored_key, AV_SCRAM_KEY) != 0);
    AV_CHECK_RC(av_scram_verifier_make("bell\a", 4096, &a, &err), AV_ERR_INVALID, &err);
    av_scram_verifier_decoy(key, av_span_str("nobody"), 4096, &a);
    av_scram_verifier_decoy(key, av_span_str("nobody"), 4096, &b);
    av_scram_verifier_decoy(key, av_span_str("nobody else"), 4096, &c);
    AV_CHECK(memcmp(a.salt, b.salt, sizeof a.salt) == 0 && memcmp(a.salt, c.salt, sizeof a.salt) != 0);
    AV_CHECK(memcmp(a.stored_key, b.stored_key, AV_SCRAM_KEY) != 0);
}

/* RFC 4013, 3. */
static void
test_saslprep(void)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "I\xc2\xadX", "IX" },
        { "user", "user" },
        { "USER", "USER" },
        { "\xc2\xaa", "a" },
        { "\xe2\x85\xa8", "IX" },
        { "\a", NULL },
        { "\xd8\xa7\x31", NULL },
        { "\xff", NULL },
    };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        bool ok;

        av_buf_init(&out, 8192);
        ok = av_saslprep(av_span_str(rows[av_check_row].in), &out);
        AV_CHECK_INT(ok, rows[av_check_row].out != NULL);
        if (ok && rows[av_check_row].out != NULL)
            AV_CHECK_STR(av_buf_cstr(&out), rows[av_check_row].out);
    }
    av_check_row = -1;
}

static void
test_bad(void)
{
    static const char *const firsts[] = { "", "n", "n,", "n,,", "x,,n=a,r=b", "n,a,n=a,r=b", "n,,n=,r=b",
        "n,,n=a,r=", "n,,n=a", "n,,r=b,n=a", "p=,,n=a,r=b", "n,,n=a,r=b\x7f", "nn,,n=a,r=b", "n,,m=x,n=a,r=b" };
    static const char *const finals[] = { "", "p=", "c=biws,r=x", "c=biws,r=x,p=AAAA",
        "r=x,c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=x,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,y=1" };
    static const struct {
        const char *in, *out;
    } names[] = { { "a=2Cb=3D", "a,b=" }, { "demo/alice", "demo/alice" }, { "a=2c", NULL }, { "a=", NULL } };
    av_scram_first f;
    av_scram_final l;
    av_error err;

    for (size_t i = 0; i < AV_COUNT(firsts); i++)
        AV_CHECK(av_scram_first_parse(av_span_str(firsts[i]), &f, &err) != AV_OK);
    for (size_t i = 0; i < AV_COUNT(finals); i++)
        AV_CHECK(av_scram_final_parse(av_span_str(finals[i]), &l, &err) == AV_ERR_SYNTAX);
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };

        av_buf_init(&out, 100);
        AV_CHECK_INT(av_scram_name_put(av_span_str(names[i].in), &out), names[i].out != NULL);
        if (names[i].out != NULL)
            AV_CHECK_STR(av_buf_cstr(&out), names[i].out);
    }
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_rfc);
    AV_RUN(test_verifier);
    AV_RUN(test_saslprep);
    AV_RUN(test_bad);
    return av_check_done();
}
