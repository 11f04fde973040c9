/*
 * fuzz_imap_session.c - a connection's bytes in pieces: framer and dispatcher, as a session runs them before it acts
 *
 * The first byte says how the bytes are cut. However they are cut, the commands must be the same; what is held stays below
 * the ceilings.
 */
#include "base/encode.h"
#include "gateway/imap/command.h"
#include "gateway/imap/framer.h"

#define MOST_LINE    200
#define MOST_LITERAL 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
note(av_sha256_stream *log, av_imap_frame frame, av_span command)
{
    uint8_t kind = (uint8_t)frame;

    av_sha256_stream_update(log, av_span_of(&kind, 1));
    if (frame == AV_IMAP_FRAME_COMMAND)
        av_sha256_stream_update(log, command);
}

static void
act(av_imap_framer *framer, av_imap_frame frame)
{
    av_imap_command command;
    av_error err;

    if (frame == AV_IMAP_FRAME_COMMAND) {
        (void)av_imap_command_parse(av_imap_framer_command(framer), av_imap_rows, AV_IMAP_SELECTED, &command, &err);
    } else {
        av_imap_command_peek(av_imap_framer_command(framer), av_imap_rows, &command);
    }
    if (frame != AV_IMAP_FRAME_LITERAL)
        av_imap_framer_next(framer);
    else if (command.row != NULL && command.row->detail != NULL)
        av_imap_framer_refuse(framer);
    else
        av_imap_framer_accept(framer);
    av_imap_command_release(&command);
}

static void
run(av_span in, size_t step, uint8_t ret[AV_SHA256_SIZE])
{
    av_sha256_stream *log = av_sha256_stream_new();
    av_imap_framer framer;

    av_imap_framer_init(&framer, MOST_LINE, MOST_LITERAL);
    while (in.n > 0) {
        av_span piece = av_span_slice(in, 0, AV_MIN(step, in.n));

        in = av_span_skip(in, piece.n);
        while (piece.n > 0) {
            av_imap_frame frame = av_imap_framer_feed(&framer, &piece);

            assert(av_imap_framer_command(&framer).n <= MOST_LINE + MOST_LITERAL);
            if (frame == AV_IMAP_FRAME_MORE)
                continue;
            note(log, frame, av_imap_framer_command(&framer));
            if (frame == AV_IMAP_FRAME_HOPELESS) {
                in = av_span_of(NULL, 0);
                break;
            }
            act(&framer, frame);
        }
    }
    av_imap_framer_release(&framer);
    av_sha256_stream_finish(&log, ret);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t whole[AV_SHA256_SIZE], cut[AV_SHA256_SIZE];

    if (n < 2)
        return 0;
    run(av_span_of(data + 1, n - 1), n, whole);
    run(av_span_of(data + 1, n - 1), (size_t)data[0] + 1, cut);
    assert(memcmp(whole, cut, sizeof whole) == 0);
    return 0;
}
