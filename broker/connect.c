/*
 * connect.c - connections: who a new one is, the end of old ones, and what a changed registry entry means for them
 *
 * Sends and receives nothing on the bus.
 */
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/router_priv.h"

void
av_connect_entry_changed(void *router, const av_registry_entry *entry)
{
    av_router *self = router;
    const av_registry_entry *current;
    av_peer *peer;
    size_t at = 0;

    if (entry->revoked || strcmp(entry->node, self->node) != 0) {
        self->counters.cut += av_peers_cut_key(self->peers, entry->key);
        current = av_registry_by_name(self->registry, av_span_str(entry->name));
        if (entry->revoked && (current == NULL || memcmp(current->key, entry->key, AV_KEY_SIZE) == 0))
            av_topics_forget(self->topics, entry->name);
        return;
    }
    /* The key has another name now: its connections must ask again. */
    while (av_peers_next(self->peers, &at, &peer)) {
        if (memcmp(peer->key, entry->key, AV_KEY_SIZE) == 0 && !av_span_eq_str(av_peer_name(peer), entry->name)) {
            self->counters.cut += av_peers_cut_key(self->peers, entry->key);
            return;
        }
    }
}

static void
take_event(av_router *self, av_span event)
{
    uint16_t kind;
    uint32_t value;
    av_peer *peer;

    if (!av_span_get_u16(&event, &kind) ||
        !av_span_get_u32(&event, &value)) /* x86 and arm: little-endian, as libzmq's host order */
        return;
    if (kind != ZMQ_EVENT_DISCONNECTED) {
        self->counters.handshakes_failed++;
        return;
    }
    peer = av_peers_fd_closed(self->peers, (int)value);
    if (peer == NULL)
        return;
    self->counters.disconnected++;
    av_peers_gone(peer, av_clock_mono_ms());
    AV_LOG(AV_LOG_DEBUG, "broker.disconnected", AV_STR("peer", peer->stamp));
}

bool
av_connect_monitor(av_router *self)
{
    zmq_msg_t frame;
    bool first = true, more;

    for (;;) {
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, self->monitor, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&frame);
            return false;
        }
        more = zmq_msg_more(&frame) != 0;
        if (first)
            take_event(self, av_span_of(zmq_msg_data(&frame), zmq_msg_size(&frame)));
        first = !more;
        (void)zmq_msg_close(&frame);
    }
}

av_peer *
av_connect_peer(av_router *self, zmq_msg_t *routing_id, zmq_msg_t *first)
{
    const av_registry_entry *entry;
    const char *chosen = zmq_msg_gets(first, "Identity");
    int fd = zmq_msg_get(first, ZMQ_SRCFD);
    struct sockaddr_storage address;
    socklen_t address_n = sizeof address;
    uint8_t key[AV_KEY_SIZE];
    av_peer *peer;

    /* The end of the connection that had this descriptor before was reported before its successor could speak. */
    (void)av_connect_monitor(self);
    if (!av_zap_user_key(first, key))
        return NULL;
    entry = av_registry_by_key(self->registry, key);
    if (entry == NULL || entry->revoked || zmq_msg_size(routing_id) != AV_PEER_ROUTING_ID ||
        (chosen != NULL && chosen[0] != '\0')) {
        if (fd >= 0) {
            av_peers_fd_seen(self->peers, fd, key, NULL);
            self->counters.cut += shutdown(fd, SHUT_RDWR) == 0;
        }
        return NULL;
    }
    /* The last messages of a connection that ended already: its descriptor is closed or another's. */
    if (fd < 0 || getpeername(fd, (struct sockaddr *)&address, &address_n) != 0)
        fd = -1;
    peer = av_peers_add(self->peers, zmq_msg_data(routing_id), entry->name, key, fd, av_clock_wall_ms());
    if (fd == -1)
        av_peers_gone(peer, av_clock_mono_ms());
    AV_LOG(AV_LOG_DEBUG, "broker.connected", AV_STR("peer", peer->stamp));
    return peer;
}
