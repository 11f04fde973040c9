/*
 * replay.h - answers given lately, by sender's name and idempotency key (decisions.md 20); pure
 *
 * A request that changes state and comes again after its answer was lost gets the same answer and is not run again.
 * Bounded by count, bytes and age; lasting results are the actor's own matter.
 */
#ifndef AV_ACTORS_BUS_REPLAY_H
#define AV_ACTORS_BUS_REPLAY_H

#include "base/encode.h"

#define AV_REPLAY_KEY_SIZE 16

typedef struct av_replay av_replay;

av_replay *av_replay_new(size_t max_count, size_t max_bytes, int64_t max_age_ms);
void av_replay_destroy(av_replay **self);

typedef enum av_replay_answer {
    AV_REPLAY_NONE, /* not seen, or forgotten */
    AV_REPLAY_SAME, /* ret_reply is the answer given */
    AV_REPLAY_OTHER /* the key was used for something else */
} av_replay_answer;

/* body_hash covers method and body. ret_reply is borrowed until the next change. */
av_replay_answer av_replay_find(av_replay *self, av_span sender_name, const uint8_t key[AV_REPLAY_KEY_SIZE],
    const uint8_t body_hash[AV_SHA256_SIZE], int64_t now_ms, av_span *ret_reply);
/* A reply too large for the cache is not remembered. */
void av_replay_put(av_replay *self, av_span sender_name, const uint8_t key[AV_REPLAY_KEY_SIZE],
    const uint8_t body_hash[AV_SHA256_SIZE], int64_t now_ms, av_span reply);
size_t av_replay_count(const av_replay *self);

#endif
