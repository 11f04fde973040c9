/*
 * feed.h - a streamed answer: a reader thread makes pieces, the bus thread sends them as there is room
 *
 * A piece has 64 KB, those behind the first 256 KB while there are not many answers: each costs a few changes of threads.
 * One is made ahead, while the one before it leaves: a slow receiver holds at most two and a place in no queue. The closing
 * reply goes behind the last byte. Loop's thread, but for `make`.
 */
#ifndef AV_INSTANCE_FEED_H
#define AV_INSTANCE_FEED_H

#include "actors/bus/bus.h"
#include "actors/instance/threads.h"

#define AV_FEED_PIECE 65536
#define AV_FEED_LARGE (4 * AV_FEED_PIECE)
#define AV_FEED_MANY  16 /* answers from which on all pieces are small */

typedef struct av_feed av_feed;
struct av_instance;

typedef struct av_feed_ops {
    /* Reader thread: append to out (empty, at most out->max bytes, AV_FEED_PIECE or more; nothing is fine). *more false: that was all. */
    av_errc (*make)(void *ctx, av_buf *out, bool *more, av_error *err);
    /* The closing reply; owned by ctx. */
    const ProtobufCMessage *(*reply)(void *ctx);
    void (*release)(void *ctx);
} av_feed_ops;

/* In the handler of a stream_out method. Takes ctx. Until av_feed_run the owner holds it and must run or fail it. */
av_feed *av_feed_new(struct av_instance *in, av_request *request, const av_feed_ops *ops, void *ctx);
void av_feed_run(av_feed *self);
/* Only while held, by an owner who does nothing but wait: a caller that goes away ends the feed now (release is called). */
void av_feed_wait(av_feed *self);
/* The wait is over: held again, and the owner looks at av_feed_is_gone. */
void av_feed_hold(av_feed *self);
/* Only while held: fails the request, releases ctx and the feed. Not while it waits. */
void av_feed_fail(av_feed *self, const av_error *err);
/* Any thread: nobody wants the answer any more. */
bool av_feed_is_gone(const av_feed *self);
uint64_t av_feed_lane(const av_feed *self);
/* After the pools were stopped: fail what is left. */
void av_feeds_stop(struct av_instance *in);

#endif
