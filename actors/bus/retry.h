/*
 * retry.h - when something is tried again, and after how long; pure
 */
#ifndef AV_ACTORS_BUS_RETRY_H
#define AV_ACTORS_BUS_RETRY_H

#include "base/error.h"
#include "base/util.h"

typedef struct av_retry {
    uint32_t first_ms, max_ms;
    uint32_t tries;
} av_retry;

/*
 * The next pause: doubled each time up to max_ms, of which a random half (1/2 to 1) is waited so that many do not come
 * at once. random: any 64 random bits. Counts the try.
 */
uint32_t av_retry_next(av_retry *self, uint64_t random);
void av_retry_reset(av_retry *self);

/* Codes that may pass by themselves: busy, unavailable, a broken connection. The others are answers. */
bool av_retry_helps(av_errc code);

#endif
