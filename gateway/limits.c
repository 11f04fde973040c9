/*
 * limits.c - see limits.h
 */
#include "gateway/limits.h"

#include <netinet/in.h>

#include "base/map.h"

struct av_limits {
    uint64_t total, max_total, max_per_address;
    av_map *by_address; /* key of the address -> uint64_t count, never 0 */
};

av_address_key
av_address_key_of(const struct sockaddr *peer)
{
    av_address_key key = { .bytes = { 0 }, .n = 1 };
    const void *from = NULL;
    size_t n = 0;

    if (peer->sa_family == AF_INET) {
        from = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
        n = 4;
    } else if (peer->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(a);

        from = mapped ? &a->s6_addr[12] : &a->s6_addr[0];
        n = mapped ? 4 : 8;
    }
    key.bytes[0] = (uint8_t)n;
    if (from != NULL)
        memcpy(key.bytes + 1, from, n);
    key.n += n;
    return key;
}

av_limits *
av_limits_new(uint64_t max_total, uint64_t max_per_address)
{
    av_limits *self = av_xcalloc(1, sizeof *self);

    self->max_total = max_total;
    self->max_per_address = max_per_address;
    self->by_address = av_map_new();
    return self;
}

void
av_limits_destroy(av_limits **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_address, free);
    free(*self);
    *self = NULL;
}

bool
av_limits_enter(av_limits *self, const struct sockaddr *peer)
{
    av_address_key key = av_address_key_of(peer);
    uint64_t *count = av_map_get(self->by_address, av_span_of(key.bytes, key.n));

    if (self->total >= self->max_total || self->max_per_address == 0)
        return false;
    if (count != NULL && *count >= self->max_per_address)
        return false;
    if (count == NULL) {
        count = av_xcalloc(1, sizeof *count);
        (void)av_map_put(self->by_address, av_span_of(key.bytes, key.n), count);
    }
    (*count)++;
    self->total++;
    return true;
}

void
av_limits_leave(av_limits *self, const struct sockaddr *peer)
{
    av_address_key key = av_address_key_of(peer);
    uint64_t *count = av_map_get(self->by_address, av_span_of(key.bytes, key.n));

    assert(count != NULL && *count > 0 && self->total > 0);
    self->total--;
    if (--*count == 0)
        free(av_map_remove(self->by_address, av_span_of(key.bytes, key.n)));
}

uint64_t
av_limits_total(const av_limits *self)
{
    return self->total;
}
