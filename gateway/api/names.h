/*
 * names.h - names of instances that were resolved lately: id or alias -> id
 *
 * A memory only; who asks management is invoke.c. An id is remembered until it is dropped, for it is never another's;
 * an alias for AV_API_ALIAS_MS, for it may be changed. Bounded.
 */
#ifndef AV_GATEWAY_API_NAMES_H
#define AV_GATEWAY_API_NAMES_H

#include "base/span.h"

#define AV_API_NAMES_MAX 256
#define AV_API_ALIAS_MS  30000

typedef struct av_api_names av_api_names;

av_api_names *av_api_names_new(void);
void av_api_names_destroy(av_api_names **self); /* NULL and *NULL are no-ops */
/* The id behind a name (lower case); NULL when it is not known, or not any more. Valid until the next call. */
const char *av_api_names_get(av_api_names *self, const char *name, int64_t now_mono_ms);
/* Remember; with AV_API_NAMES_MAX of them, all others are forgotten first. */
void av_api_names_put(av_api_names *self, const char *name, const char *id, int64_t now_mono_ms);
void av_api_names_drop(av_api_names *self, const char *name);
void av_api_names_clear(av_api_names *self);

#endif
