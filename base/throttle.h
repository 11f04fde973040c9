/*
 * throttle.h - failed logins cost time: counts per key, with a wait that doubles
 *
 * Keys are user names and client addresses. The first `free_tries` failures cost nothing, each further one doubles the wait
 * from 1 s up to max_wait_s; 15 quiet minutes forget all. Known and unknown users are treated the same. At most 8,192 keys:
 * beyond that the oldest make room. Pure but for memory: the caller says what time it is.
 */
#ifndef AV_BASE_THROTTLE_H
#define AV_BASE_THROTTLE_H

#include "base/span.h"

typedef struct av_throttle av_throttle;

av_throttle *av_throttle_new(unsigned free_tries, uint32_t max_wait_s);
void av_throttle_destroy(av_throttle **self);
/* Milliseconds to wait until the next try is looked at; 0: now. */
int64_t av_throttle_wait_ms(av_throttle *self, av_span key, int64_t now_mono_ms);
void av_throttle_failed(av_throttle *self, av_span key, int64_t now_mono_ms);
void av_throttle_succeeded(av_throttle *self, av_span key);

#endif
