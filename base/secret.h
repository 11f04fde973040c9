/*
 * secret.h - random bytes, memory that is wiped, comparison that takes the same time
 */
#ifndef AV_BASE_SECRET_H
#define AV_BASE_SECRET_H

#include "base/error.h"
#include "base/span.h"

/* Once per process, before anything else of this file; ends the process when the machine has no randomness. */
void av_secret_init(void);
void av_random_bytes(void *p, size_t n);
uint64_t av_random_u64(void);
void av_secret_wipe(void *p, size_t n);
/* For AV_CLEANUP(av_secret_free): wipes and frees a char* variable. */
void av_secret_free(char **s);
bool av_secret_eq(const void *a, const void *b, size_t n);

/*
 * Argon2id password hashes (decisions.md 26: 19 MiB, t=2) as the usual "$argon2id$..." string of at most 128 bytes.
 * Blocks for some 20 ms: not on a bus thread.
 */
#define AV_PASSWORD_HASH_MAX 128
av_errc av_password_hash(const char *password, char ret[AV_PASSWORD_HASH_MAX], av_error *err);
bool av_password_verify(const char *hash, const char *password);
/* A readable random password of 20 letters and digits (about 100 bits). */
void av_password_generate(char ret[24]);

#endif
