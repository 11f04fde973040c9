/*
 * credit.h - how many bytes of a stream may be on their way (decisions.md 17, 18); pure
 *
 *   sender    |--- sent ------------|--- room ---| granted   (absolute counts, from the stream's beginning)
 *   receiver  |--- consumed --|--- received -----|--- granted = consumed + window at the time of the last grant
 *
 * Credit is an absolute count, so a grant that comes twice or late does no harm. The receiver's window is what bounds
 * memory.
 */
#ifndef AV_ACTORS_BUS_CREDIT_H
#define AV_ACTORS_BUS_CREDIT_H

#include "base/error.h"
#include "base/util.h"

typedef struct av_credit_sender {
    uint64_t sent, granted;
} av_credit_sender;

static inline uint64_t
av_credit_room(const av_credit_sender *self)
{
    return self->granted - self->sent;
}

/* n is at most the room. */
void av_credit_sent(av_credit_sender *self, uint64_t n);
/* A grant arrived. A lower one than before is old and changes nothing. */
void av_credit_granted(av_credit_sender *self, uint64_t granted);

typedef struct av_credit_receiver {
    uint64_t received, consumed, granted;
} av_credit_receiver;

typedef enum av_credit_take {
    AV_CREDIT_TAKE,  /* the next n bytes */
    AV_CREDIT_DOUBLE /* all of it was here before: drop it */
} av_credit_take;

/*
 * A chunk of n bytes that stands at offset. AV_OK sets ret; AV_ERR_IO: bytes before it are missing, or it overlaps what
 * was there half; AV_ERR_LIMIT: more than was granted.
 */
av_errc av_credit_received(av_credit_receiver *self, uint64_t offset, uint64_t n, av_credit_take *ret, av_error *err);
/* n bytes are no longer held; n is at most what is. */
void av_credit_consumed(av_credit_receiver *self, uint64_t n);
/* The grant to send now, or 0 when it is not yet worth a message (less than half a window would be gained). */
uint64_t av_credit_grant(av_credit_receiver *self, uint64_t window);

/*
 * Window of one stream among `streams`: its share of the budget; what the other streams of its sender leave of 1.5 MB
 * (the broker holds 2 MB of a sender for a receiver and refuses more); at most 1 MB, at least one blob.
 * granted_to_sender: bytes its sender may still send, or has sent and are held, on its other streams.
 */
uint64_t av_credit_window(uint64_t budget, uint64_t streams, uint64_t granted_to_sender);

#endif
