/*
 * peers.c - see peers.h
 */
#include "broker/peers.h"

#include <sys/socket.h>

#include "base/secret.h"

#define KEEP_GONE_MS 2000 /* what a dead connection had sent is taken within milliseconds */

struct av_peers {
    av_map *by_routing_id; /* 5 bytes -> av_peer, owned */
    av_map *by_id;         /* uint32_t -> av_peer */
    av_map *by_name;       /* name -> first av_peer of it; the others hang on `next` */
    av_map *by_fd;         /* int -> struct fd_owner, owned */
    uint32_t last_id;
    uint64_t hellos;
};

struct fd_owner {
    uint8_t key[AV_KEY_SIZE];
    av_peer *peer; /* NULL: a subscriber, or a peer that was removed */
};

static av_span
id_span(const uint32_t *id)
{
    return av_span_of(id, sizeof *id);
}

static av_span
fd_span(const int *fd)
{
    return av_span_of(fd, sizeof *fd);
}

av_peers *
av_peers_new(void)
{
    av_peers *self = av_xcalloc(1, sizeof *self);

    self->by_routing_id = av_map_new();
    self->by_id = av_map_new();
    self->by_name = av_map_new();
    self->by_fd = av_map_new();
    av_random_bytes(&self->last_id, sizeof self->last_id); /* not to be mistaken for one before a restart */
    return self;
}

static void
free_peer(void *p)
{
    av_peer *peer = p;

    for (size_t i = 0; i < peer->lane_count; i++)
        av_flow_unref(&peer->lanes[i].flow);
    av_flow_unref(&peer->held);
    free(peer->lanes);
    free(peer);
}

void
av_peers_destroy(av_peers **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->by_fd, free);
    av_map_destroy(&(*self)->by_name, NULL);
    av_map_destroy(&(*self)->by_id, NULL);
    av_map_destroy(&(*self)->by_routing_id, free_peer);
    free(*self);
    *self = NULL;
}

size_t
av_peers_count(const av_peers *self)
{
    return av_map_count(self->by_routing_id);
}

av_span
av_peer_name(const av_peer *self)
{
    return av_span_of(self->stamp, self->name_n);
}

av_peer *
av_peers_add(av_peers *self, const uint8_t routing_id[AV_PEER_ROUTING_ID], const char *name,
    const uint8_t key[AV_KEY_SIZE], int fd, int64_t now_unix_ms)
{
    av_peer *peer = av_xcalloc(1, sizeof *peer), *others;

    do {
        peer->id = ++self->last_id;
    } while (av_map_get(self->by_id, id_span(&peer->id)) != NULL);
    memcpy(peer->routing_id, routing_id, AV_PEER_ROUTING_ID);
    memcpy(peer->key, key, AV_KEY_SIZE);
    peer->name_n = strlen(name);
    assert(peer->name_n <= AV_ACTOR_NAME_MAX);
    peer->stamp_n = (size_t)snprintf(peer->stamp, sizeof peer->stamp, "%s#%08x", name, peer->id);
    peer->caller = av_actor_name_class(av_peer_name(peer));
    peer->fd = fd;
    peer->held = av_flow_new();
    peer->connected_unix_ms = now_unix_ms;
    (void)av_map_put(self->by_routing_id, av_span_of(routing_id, AV_PEER_ROUTING_ID), peer);
    (void)av_map_put(self->by_id, id_span(&peer->id), peer);
    others = av_map_put(self->by_name, av_peer_name(peer), peer);
    peer->next = others;
    if (fd >= 0)
        av_peers_fd_seen(self, fd, key, peer);
    return peer;
}

static void
unlink_name(av_peers *self, av_peer *peer)
{
    av_peer *first = av_map_get(self->by_name, av_peer_name(peer));

    if (first == peer) {
        if (peer->next == NULL)
            (void)av_map_remove(self->by_name, av_peer_name(peer));
        else
            (void)av_map_put(self->by_name, av_peer_name(peer), peer->next);
        return;
    }
    for (; first != NULL; first = first->next) {
        if (first->next == peer) {
            first->next = peer->next;
            return;
        }
    }
}

void
av_peers_remove(av_peers *self, av_peer **peer)
{
    struct fd_owner *owner = av_map_get(self->by_fd, fd_span(&(*peer)->fd));

    /* The descriptor may be open still: it stays known by its key, for cutting. */
    if (owner != NULL && owner->peer == *peer)
        owner->peer = NULL;
    unlink_name(self, *peer);
    (void)av_map_remove(self->by_id, id_span(&(*peer)->id));
    (void)av_map_remove(self->by_routing_id, av_span_of((*peer)->routing_id, AV_PEER_ROUTING_ID));
    free_peer(*peer);
    *peer = NULL;
}

av_peer *
av_peers_by_routing_id(const av_peers *self, av_span routing_id)
{
    return av_map_get(self->by_routing_id, routing_id);
}

static bool
receives(const av_peer *peer)
{
    return peer->gone_ms == 0 && !peer->revoked;
}

av_peer *
av_peers_by_connection(const av_peers *self, uint32_t id, av_span name)
{
    av_peer *peer = av_map_get(self->by_id, id_span(&id));

    return peer != NULL && receives(peer) && av_span_eq(av_peer_name(peer), name) ? peer : NULL;
}

av_peer *
av_peers_by_name(const av_peers *self, av_span name)
{
    av_peer *best = NULL;

    for (av_peer *peer = av_map_get(self->by_name, name); peer != NULL; peer = peer->next)
        if (peer->hello > (best == NULL ? 0 : best->hello) && receives(peer))
            best = peer;
    return best;
}

bool
av_peers_next(const av_peers *self, size_t *at, av_peer **ret)
{
    av_span key;
    void *value;

    if (!av_map_next(self->by_routing_id, at, &key, &value))
        return false;
    *ret = value;
    return true;
}

void
av_peers_hello(av_peers *self, av_peer *peer)
{
    peer->hello = ++self->hellos;
}

void
av_peers_gone(av_peer *peer, int64_t now_ms)
{
    if (peer->gone_ms == 0)
        peer->gone_ms = AV_MAX(now_ms, 1);
}

void
av_peers_sweep(av_peers *self, int64_t now_ms)
{
    av_peer *peer;

    for (size_t at = 0; av_peers_next(self, &at, &peer);)
        if (peer->gone_ms != 0 && now_ms - peer->gone_ms >= KEEP_GONE_MS)
            av_peers_remove(self, &peer);
}

av_flow *
av_peer_lane_to(av_peer *self, uint32_t to)
{
    av_peer_lane *empty = NULL;

    for (size_t i = 0; i < self->lane_count; i++) {
        if (self->lanes[i].to == to)
            return self->lanes[i].flow;
        if (av_flow_bytes(self->lanes[i].flow) == 0)
            empty = &self->lanes[i];
    }
    if (empty != NULL) { /* nothing under way in it: it may count for somebody else */
        empty->to = to;
        return empty->flow;
    }
    self->lanes = av_xrealloc(self->lanes, (self->lane_count + 1) * sizeof *self->lanes);
    self->lanes[self->lane_count] = (av_peer_lane){ .to = to, .flow = av_flow_new() };
    return self->lanes[self->lane_count++].flow;
}

void
av_peers_fd_seen(av_peers *self, int fd, const uint8_t key[AV_KEY_SIZE], av_peer *peer)
{
    struct fd_owner *owner = av_map_get(self->by_fd, fd_span(&fd));

    if (owner == NULL) {
        owner = av_xcalloc(1, sizeof *owner);
        (void)av_map_put(self->by_fd, fd_span(&fd), owner);
    }
    memcpy(owner->key, key, AV_KEY_SIZE);
    owner->peer = peer;
}

av_peer *
av_peers_fd_closed(av_peers *self, int fd)
{
    struct fd_owner *owner = av_map_remove(self->by_fd, fd_span(&fd));
    av_peer *peer = owner == NULL ? NULL : owner->peer;

    free(owner);
    return peer;
}

/* Only ever a connected socket: a listener would be cut for good. */
static bool
shut(int fd)
{
    struct sockaddr_storage address;
    socklen_t n = sizeof address;

    return getpeername(fd, (struct sockaddr *)&address, &n) == 0 && shutdown(fd, SHUT_RDWR) == 0;
}

unsigned
av_peers_cut_key(av_peers *self, const uint8_t key[AV_KEY_SIZE])
{
    unsigned count = 0;
    av_peer *peer;
    av_span fd_bytes;
    void *value;
    size_t at = 0;
    int fd;

    while (av_peers_next(self, &at, &peer))
        if (memcmp(peer->key, key, AV_KEY_SIZE) == 0)
            peer->revoked = true;
    for (at = 0; av_map_next(self->by_fd, &at, &fd_bytes, &value);) {
        memcpy(&fd, fd_bytes.p, sizeof fd);
        if (memcmp(((struct fd_owner *)value)->key, key, AV_KEY_SIZE) == 0)
            count += shut(fd);
    }
    return count;
}

void
av_peers_cut(av_peers *self, av_peer *peer)
{
    struct fd_owner *owner = av_map_get(self->by_fd, fd_span(&peer->fd));

    peer->revoked = true;
    if (owner != NULL && owner->peer == peer)
        (void)shut(peer->fd);
}
