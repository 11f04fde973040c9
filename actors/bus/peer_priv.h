/*
 * peer_priv.h - what the files of the peer share: its state, its sockets, its queue (peer*.c only)
 *
 *   peer.c          the sockets: options, opening and closing, receiving, the loop's hook
 *   peer_send.c     frames out, and the queue of what does not fit
 *   peer_monitor.c  what libzmq's monitor says of the connection; the back-off after a refused key
 */
#ifndef AV_ACTORS_BUS_PEER_PRIV_H
#define AV_ACTORS_BUS_PEER_PRIV_H

#include "actors/bus/peer.h"
#include "actors/bus/retry.h"

#define AV_PEER_FRAMES           3
#define AV_PEER_BLOB_MAX         65536U
#define AV_PEER_REFUSED_FIRST_MS 1000
#define AV_PEER_REFUSED_MAX_MS   300000

enum { AV_FRAME_TO, AV_FRAME_ENVELOPE, AV_FRAME_BLOB };

struct queued {
    zmq_msg_t frame[AV_PEER_FRAMES];
    size_t bytes;
    av_peer_order order;
    struct queued *next;
};

struct av_peer {
    av_peer_config config;
    char *endpoint;
    void *zmq, *dealer, *monitor;
    av_loop_fd *dealer_fd, *monitor_fd;
    av_loop_timer *again; /* a new socket after a refused key */
    av_retry refused_retry;
    bool up, ready, refused, working;
    bool events_wait; /* the monitor's descriptor fired; nothing but av_peer_read_events touches that socket */
    bool sent;        /* since the last empty receive: ZMQ_EVENTS must be looked at before waiting */
    struct queued *first, **last;
    size_t queued_bytes;
    char trouble[160];
    av_peer_counters counters;
};

/* ---- peer.c ---- */
av_errc av_peer_open_sockets(av_peer *self, av_error *err);
void av_peer_close_sockets(av_peer *self, int linger_ms);
/* Reads the I/O thread's commands and says whether the socket would do what (ZMQ_POLLIN, ZMQ_POLLOUT) now. */
bool av_peer_can(const av_peer *self, int what);

/* ---- peer_send.c ---- */
void av_peer_frames_close(zmq_msg_t *frame); /* AV_PEER_FRAMES of them */
void av_peer_flush(av_peer *self);           /* send what is queued, as far as the socket takes it */
/* Take out the entries that do not outlive the connection, or all. */
void av_peer_queue_drop(av_peer *self, bool all);

/* ---- peer_monitor.c ---- */
/* Take in what the monitor has to say. true: there was something. */
bool av_peer_read_events(av_peer *self);

#endif
