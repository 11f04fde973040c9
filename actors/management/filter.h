/*
 * filter.h - the instance filter language of the Management API
 *
 *   "a b"              the instances a and b (id or alias, letter case ignored)
 *   "*"                all
 *   "*host1 *host2"    all on these hosts
 *   "* .running"       all that run; also .stopped, .asleep and .error (failed, or their host does not answer)
 *   ".running"         the same as "* .running"
 *
 * Words are parted by spaces. An instance matches when any of the words that name instances does and, if there are
 * state words, any of those does. Pure.
 */
#ifndef AV_ACTORS_MANAGEMENT_FILTER_H
#define AV_ACTORS_MANAGEMENT_FILTER_H

#include "base/error.h"
#include "base/span.h"
#include "proto/host.pb-c.h"

#define AV_FILTER_WORDS_MAX 10000

typedef struct av_filter {
    char *text;   /* folded to lower case; words point into it */
    av_span *ids; /* words that name one instance */
    size_t id_count;
    av_span *hosts; /* words "*host", without the star */
    size_t host_count;
    bool all;
    unsigned states; /* bits 1 << Archivolt__InstanceState; 0: any */
} av_filter;

/* AV_ERR_INVALID: no word at all, or an unknown state word; AV_ERR_LIMIT. End with av_filter_release. */
av_errc av_filter_parse(av_span text, av_filter *ret, av_error *err);
void av_filter_release(av_filter *self);
/* Does it name this instance, whatever its state? alias may be NULL. */
bool av_filter_names(const av_filter *self, const char *id, const char *alias, const char *host);
/* Is this state wanted? */
bool av_filter_wants_state(const av_filter *self, Archivolt__InstanceState state);

#endif
