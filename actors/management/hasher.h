/*
 * hasher.h - a thread for Argon2id, so that the bus thread never waits for a password
 *
 * Jobs wait in order, at most AV_HASHER_WAITING of them. Answers come in the loop's thread.
 */
#ifndef AV_ACTORS_MANAGEMENT_HASHER_H
#define AV_ACTORS_MANAGEMENT_HASHER_H

#include "actors/bus/loop.h"
#include "base/secret.h"

#define AV_HASHER_WAITING 64

typedef struct av_hasher av_hasher;

/* hash: of a hash job, NULL when it failed or was a check; right: of a check. */
typedef void av_hasher_fn(void *ctx, const char *hash, bool right);

av_errc av_hasher_new(av_loop *loop, av_hasher **ret, av_error *err);
/* Waits for the job at work (some 20 ms); the others end without their answer. Before the loop's destruction. */
void av_hasher_destroy(av_hasher **self);
/* password and hash are copied and wiped. false: too many wait, done will not be called. */
bool av_hasher_check(av_hasher *self, const char *password, const char *hash, av_hasher_fn *done, void *ctx);
bool av_hasher_hash(av_hasher *self, const char *password, av_hasher_fn *done, void *ctx);

#endif
