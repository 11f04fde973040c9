/*
 * conn_priv.h - inside of connections: shared by conn.c, conn_io.c, conns.c and listener.c
 *
 * Life of a connection:
 *
 *   adopted -> HANDSHAKE -> OPEN -> FINISHING -> DEAD -> (reaped: on_close, freed)
 *              plain doors begin at OPEN; STARTTLS goes OPEN -> HANDSHAKE -> OPEN; any state may go to DEAD
 */
#ifndef AV_GATEWAY_CONN_PRIV_H
#define AV_GATEWAY_CONN_PRIV_H

#include "actors/bus/loop.h"
#include "base/buf.h"
#include "gateway/conn.h"
#include "gateway/gateway.h"
#include "gateway/limits.h"
#include "gateway/tls.h"

#define AV_CONN_MAGIC      0x434f4e4eU
#define AV_CONN_READ_BYTES 16384
#define AV_CONN_FINISH_MS  10000

typedef enum av_conn_state {
    AV_CONN_HANDSHAKE,
    AV_CONN_OPEN,
    AV_CONN_FINISHING, /* sends what is queued, then ends */
    AV_CONN_DEAD
} av_conn_state;

/* All connections of a gateway. */
typedef struct av_conns {
    av_loop *loop;
    av_tls *tls;
    const av_gateway_settings *settings;
    av_limits *limits;    /* all doors together */
    av_conn *live, *dead; /* doubly linked; singly linked */
    av_loop_timer *tick;  /* every second: times */
    av_loop_timer *reap;  /* at once: on_close and free; NULL when nothing is dead */
    uint64_t next_number;
    av_gateway_counters counters;
    uint64_t peak_open; /* since memory was last given back */
} av_conns;

struct av_conn {
    unsigned magic;
    av_conns *all;
    av_conn *prev, *next;
    uint64_t number;
    int fd;
    av_loop_fd *watch;
    SSL *tls;
    av_conn_state state;
    bool paused, short_of_room, start_tls_pending, accepted;
    bool handshake_writes; /* OpenSSL waits for room in the socket */
    bool in_event;         /* inside av_conn_on_fd, which flushes at its end: small writes share a record */
    bool shut;             /* finishing: our side is closed, the peer's last bytes are let run out */
    unsigned watched;      /* events asked of the loop */
    const char *why;
    const av_conn_events *events;
    void *ctx;
    const av_door *door;
    av_limits *door_limits;
    av_buf out;
    size_t out_at;        /* bytes of out sent already */
    av_loop_timer *again; /* bytes are left inside OpenSSL: epoll does not tell */
    int64_t last_byte_ms, last_taken_ms;
    uint32_t idle_ms;
    int64_t deadline_ms; /* monotonic; 0: none */
    char peer[INET6_ADDRSTRLEN];
    struct sockaddr_storage address;
    socklen_t address_size;
};

/* conns.c */
void av_conns_init(av_conns *self, av_loop *loop, const av_gateway_settings *settings, av_tls *tls);
/* Every connection closed and reaped, timers gone. */
void av_conns_release(av_conns *self);
/*
 * Take over an accepted non-blocking socket (closed on refusal). door and limits are counted in already; leaving is
 * done when the connection is reaped.
 */
void av_conns_adopt(av_conns *self, int fd, const struct sockaddr_storage *address, socklen_t address_size,
    const av_door *door, av_limits *door_limits);
/* Mark dead with a reason; reaped from the loop. Repeated calls keep the first reason. */
void av_conn_kill(av_conn *self, const char *why);

/* conn_io.c */
void av_conn_on_fd(void *ctx, int fd, unsigned events);
/* Send what can be sent now, and see to what follows from an empty queue. */
void av_conn_flush(av_conn *self);
/* Ask the loop for the events the state needs. */
void av_conn_update_watch(av_conn *self);
/* Go on reading soon, when bytes may wait inside OpenSSL. */
void av_conn_read_again(av_conn *self);
/* Hand the connection to its door. */
void av_conn_accept(av_conn *self);

static inline size_t
av_conn_pending(const av_conn *self)
{
    return self->out.n - self->out_at;
}

#endif
