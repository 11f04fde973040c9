/*
 * fuzz_part_decoder.c - any bytes as base64 and quoted-printable: the same however they are cut, and as of the whole
 *
 * The first byte says how long the pieces are.
 */
#include "storage/mime/decode.h"
#include "storage/mime/part_decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
decode(av_mime_encoding encoding, av_span in, size_t step, av_buf *out)
{
    av_part_decoder decoder;
    bool ok = av_part_decoder_init(&decoder, encoding);

    do {
        av_span piece = av_span_slice(in, 0, AV_MIN(step, in.n));

        in = av_span_skip(in, piece.n);
        ok = ok && av_part_decoder_feed(&decoder, piece, in.n == 0, out);
    } while (in.n > 0);
    assert(ok);
}

static void
compare(av_mime_encoding encoding, av_span in, size_t step)
{
    AV_CLEANUP(av_buf_release) av_buf once = { 0 };
    AV_CLEANUP(av_buf_release) av_buf cut = { 0 };
    AV_CLEANUP(av_buf_release) av_buf whole = { 0 };

    av_buf_init(&once, in.n + 4096);
    av_buf_init(&cut, in.n + 4096);
    av_buf_init(&whole, in.n + 4096);
    decode(encoding, in, in.n + 1, &once);
    decode(encoding, in, step, &cut);
    assert(av_span_eq(av_buf_span(&once), av_buf_span(&cut)));
    if (in.n > AV_PART_DECODER_HELD)
        return; /* a longer run of blanks is taken as it is */
    if (encoding == AV_MIME_QP ? av_decode_qp(in, &whole) : av_decode_base64(in, &whole))
        assert(av_span_eq(av_buf_span(&once), av_buf_span(&whole)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1)
        return 0;
    compare(AV_MIME_QP, av_span_of(data + 1, n - 1), (size_t)data[0] + 1);
    compare(AV_MIME_BASE64, av_span_of(data + 1, n - 1), (size_t)data[0] + 1);
    return 0;
}
