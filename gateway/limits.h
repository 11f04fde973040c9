/*
 * limits.h - how many connections, in all and from one address
 *
 * Pure counting over a map; an IPv4 address counts by itself (also when mapped into IPv6), IPv6 by its /64, which is
 * what one customer gets. One owner, no clock.
 */
#ifndef AV_GATEWAY_LIMITS_H
#define AV_GATEWAY_LIMITS_H

#include <sys/socket.h>

#include "base/span.h"

typedef struct av_limits av_limits;

/* What stands for an address: all of IPv4, the /64 of IPv6. */
typedef struct av_address_key {
    uint8_t bytes[9]; /* family mark, then 4 or 8 bytes */
    size_t n;
} av_address_key;
av_address_key av_address_key_of(const struct sockaddr *peer);

av_limits *av_limits_new(uint64_t max_total, uint64_t max_per_address);
/* Counts that were not left are forgotten. */
void av_limits_destroy(av_limits **self);
/* Count one in; false and nothing counted when a limit is met. */
bool av_limits_enter(av_limits *self, const struct sockaddr *peer);
/* Count it out again. Once for each enter that was true, with the same address. */
void av_limits_leave(av_limits *self, const struct sockaddr *peer);
uint64_t av_limits_total(const av_limits *self);

#endif
