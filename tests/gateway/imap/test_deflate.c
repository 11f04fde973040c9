/*
 * test_deflate.c - packed and unpacked in pieces of every size, what a peer must be able to read, what cannot be unpacked
 */
#include "gateway/imap/deflate.h"

#include "base/buf.h"
#include "base/secret.h"
#include "tests/check.h"

#define TEXT_MAX (1024U * 1024)

static const av_deflate_options usual = { .window_bits = 15, .memory_level = 8, .level = 3 };

static void
pack_all(av_deflate *d, av_span in, bool sync, size_t room, av_buf *out)
{
    uint8_t bytes[4096];
    size_t n;

    do {
        n = av_deflate_pack(d, &in, sync, bytes, room);
        (void)av_buf_append(out, bytes, n);
    } while (in.n > 0 || n == room);
}

static av_errc
unpack_all(av_deflate *d, av_span in, size_t room, av_buf *out, av_error *err)
{
    uint8_t bytes[4096];
    size_t n = 0;
    av_errc rc;

    do {
        rc = av_deflate_unpack(d, &in, bytes, room, &n, err);
        if (rc == AV_OK)
            (void)av_buf_append(out, bytes, n);
    } while (rc == AV_OK && (in.n > 0 || n == room));
    return rc;
}

/* Each response can be read as soon as it was synced, whatever the sizes of the pieces, with rests in between. */
static void
test_responses(void)
{
    static const size_t rooms[] = { 7, 8, 9, 64, 1000, 4096 };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rooms); av_check_row++) {
        size_t room = rooms[av_check_row];
        av_deflate *server = av_deflate_new(&usual), *client = av_deflate_new(&usual);

        for (int i = 0; i < 50; i++) {
            AV_CLEANUP(av_buf_release) av_buf text = { 0 };
            AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
            AV_CLEANUP(av_buf_release) av_buf got = { 0 };
            av_error err = { 0 };

            av_buf_init(&text, TEXT_MAX);
            av_buf_init(&packed, TEXT_MAX);
            av_buf_init(&got, TEXT_MAX);
            for (int k = 0; k <= i * 7; k++)
                (void)av_buf_printf(&text, "* %d FETCH (FLAGS () UID %d)\r\n", k, k * 3);
            pack_all(server, av_span_slice(av_buf_span(&text), 0, text.n / 2), false, room, &packed);
            pack_all(server, av_span_skip(av_buf_span(&text), text.n / 2), true, room, &packed);
            AV_CHECK(!av_deflate_owes(server));
            AV_CHECK(i < 5 || packed.n < text.n / 2);
            AV_CHECK_RC(unpack_all(client, av_buf_span(&packed), room, &got, &err), AV_OK, &err);
            AV_CHECK_MEM(got.p, got.n, text.p, text.n);
            if (i % 3 == 0)
                AV_CHECK(av_deflate_rest(server));
        }
        av_deflate_destroy(&server);
        av_deflate_destroy(&client);
    }
    av_check_row = -1;
}

/* What does not pack comes out hardly longer. */
static void
test_noise(void)
{
    AV_CLEANUP(av_deflate_destroy) av_deflate *server = av_deflate_new(&usual);
    AV_CLEANUP(av_deflate_destroy) av_deflate *client = av_deflate_new(&usual);
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };
    static uint8_t noise[300000];
    av_error err = { 0 };

    av_random_bytes(noise, sizeof noise);
    av_buf_init(&packed, TEXT_MAX);
    av_buf_init(&got, TEXT_MAX);
    pack_all(server, av_span_of(noise, sizeof noise), true, 4096, &packed);
    AV_CHECK(packed.n < sizeof noise + 1000);
    AV_CHECK_RC(unpack_all(client, av_buf_span(&packed), 4096, &got, &err), AV_OK, &err);
    AV_CHECK_MEM(got.p, got.n, noise, sizeof noise);
}

/* A megabyte out of a thousand bytes comes in the pieces asked for. */
static void
test_bomb(void)
{
    AV_CLEANUP(av_deflate_destroy) av_deflate *server = av_deflate_new(&usual);
    AV_CLEANUP(av_deflate_destroy) av_deflate *client = av_deflate_new(&usual);
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    static uint8_t zeros[1000000];
    uint8_t bytes[100];
    size_t n, all = 0, calls = 0;
    av_error err = { 0 };
    av_span in;

    av_buf_init(&packed, TEXT_MAX);
    pack_all(client, av_span_of(zeros, sizeof zeros), true, 4096, &packed);
    AV_CHECK(packed.n < 6000);
    in = av_buf_span(&packed);
    do {
        AV_CHECK_RC(av_deflate_unpack(server, &in, bytes, sizeof bytes, &n, &err), AV_OK, &err);
        all += n;
        calls++;
    } while (n == sizeof bytes);
    AV_CHECK_INT(all, sizeof zeros);
    AV_CHECK_INT(calls, sizeof zeros / sizeof bytes + 1);
}

static void
test_bad(void)
{
    AV_CLEANUP(av_deflate_destroy) av_deflate *server = av_deflate_new(&usual);
    uint8_t bytes[100];
    size_t n = 77;
    av_error err = { 0 };
    av_span in = av_span_str("a NOOP\r\n"), end = av_span_of("\x03\x00", 2); /* a last block, empty */

    AV_CHECK_RC(av_deflate_unpack(server, &in, bytes, sizeof bytes, &n, &err), AV_ERR_SYNTAX, &err);
    av_deflate_destroy(&server);
    server = av_deflate_new(&usual);
    AV_CHECK_RC(av_deflate_unpack(server, &end, bytes, sizeof bytes, &n, &err), AV_ERR_SYNTAX, &err);
    AV_CHECK_STR(err.msg, "the client has ended its compressed stream");
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_responses);
    AV_RUN(test_noise);
    AV_RUN(test_bomb);
    AV_RUN(test_bad);
    return av_check_done();
}
