/*
 * fuzz_frames.c - three frames of a peer, as the broker judges and answers them: [n of to][n of envelope, 2
 * bytes][bytes]
 */
#include "broker/frames.h"

#include "proto/envelope.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span in = av_span_of(data, size), frames[3] = { { NULL, 0 } };
    av_frames_address address;
    av_frames_peek peek;
    bool from_caller;
    uint8_t n_to;
    uint16_t n_envelope;
    av_buf out;

    if (!av_span_get_u8(&in, &n_to) || !av_span_get_u16(&in, &n_envelope))
        return 0;
    (void)av_span_get_bytes(&in, AV_MIN(n_to, in.n), &frames[0]);
    (void)av_span_get_bytes(&in, AV_MIN(n_envelope, in.n), &frames[1]);
    frames[2] = in;
    for (size_t count = 0; count < 5; count++)
        (void)av_frames_judge(frames, count);
    if (frames[0].n > 0 && av_frames_address_parse(frames[0], &address))
        assert(address.name.n > 0 && address.exact == (address.name.n < frames[0].n));
    if (!av_frames_peek_envelope(frames[1], &peek) || !av_frames_answerable(&peek, &from_caller))
        return 0;
    av_buf_init(&out, AV_FRAMES_ENVELOPE_MAX);
    av_frames_put_error(&peek, from_caller, AV_ERR_BUSY, "busy", frames[0], &out);
    Archivolt__Envelope *answer = archivolt__envelope__unpack(NULL, out.n, out.p);
    assert(answer != NULL && answer->correlation == peek.correlation);
    /* What we answer is never answered again. */
    assert(av_frames_peek_envelope(av_buf_span(&out), &peek) && !av_frames_answerable(&peek, &from_caller));
    archivolt__envelope__free_unpacked(answer, NULL);
    av_buf_release(&out);
    return 0;
}
