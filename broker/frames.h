/*
 * frames.h - what a message's frames say before anything is parsed, and the little of an Envelope that an answer needs
 *
 * Pure: reads only the spans it is given, no sockets, no allocation. Everything here meets the bytes of peers first.
 */
#ifndef AV_BROKER_FRAMES_H
#define AV_BROKER_FRAMES_H

#include "base/buf.h"
#include "base/error.h"

#define AV_FRAMES_PER_MESSAGE  3     /* [to][Envelope][blob] */
#define AV_FRAMES_ENVELOPE_MAX 16384 /* decisions.md 17 */
#define AV_FRAMES_BLOB_MAX     65536
#define AV_FRAMES_TO_MAX       209 /* longest name, '#', 8 digits */

typedef enum av_frames_kind {
    AV_FRAMES_FORWARD,   /* for another actor */
    AV_FRAMES_BROKER,    /* for the broker itself */
    AV_FRAMES_PROBE,     /* one empty frame: a connection announces itself (ZMQ_PROBE_ROUTER) */
    AV_FRAMES_TOO_LARGE, /* well formed, but Envelope or blob over its limit */
    AV_FRAMES_MALFORMED
} av_frames_kind;

/*
 * frames are those after the routing id; count is how many came, of which at most AV_FRAMES_PER_MESSAGE are looked
 * at.
 */
av_frames_kind av_frames_judge(const av_span *frames, size_t count);

typedef struct av_frames_address {
    av_span name;
    bool exact; /* name#connection */
    uint32_t connection;
} av_frames_address;

/* Take `to` apart. false: a '#' not followed by exactly 8 lower-case hex digits, or no name. */
bool av_frames_address_parse(av_span to, av_frames_address *ret);

/* Of an Envelope (proto/envelope.proto) only what is needed to answer it. */
typedef struct av_frames_peek {
    uint64_t version, kind, correlation, required_bits;
    bool has_correlation, from_caller;
} av_frames_peek;

/*
 * Walks the top-level fields. false: not protobuf, or no version or kind. Repeated fields: the last counts, as in
 * protobuf.
 */
bool av_frames_peek_envelope(av_span envelope, av_frames_peek *ret);

/*
 * Whether an undeliverable message of this kind is answered, and in whose place (proto/envelope.proto):
 * ret_from_caller is what the answer's from_caller shall say.
 */
bool av_frames_answerable(const av_frames_peek *peek, bool *ret_from_caller);

/* Append a packed error Envelope that answers peek. actor may be empty. message is cut to what fits. */
void av_frames_put_error(
    const av_frames_peek *peek, bool from_caller, av_errc code, const char *message, av_span actor, av_buf *out);

#endif
