/*
 * conn.h - one client's connection: TCP, with TLS from the start or later by STARTTLS, on the gateway's loop
 *
 * A protocol gets an av_conn from its listener (gateway.h) once it may speak: for an implicit TLS listener that is
 * after the handshake, for a plain one right after accept. It then calls av_conn_attach once and from there on lives
 * from the events. Nothing here blocks; everything belongs to the loop's thread.
 *
 * Output is bounded: av_conn_write always takes what it is given, and av_conn_room says how much more is welcome (0:
 * wait for on_writable). A protocol that goes on writing without looking at the room is cut at the hard ceiling (twice
 * the soft one): no peer that does not read makes us grow. Input is not collected here: on_data hands over at most 16
 * KB at a time; a protocol that cannot take more calls av_conn_pause.
 *
 * The connection is freed after on_close has returned, never inside another call of the protocol: a protocol may call
 * av_conn_close or av_conn_finish anywhere, and gets on_close from the loop later, exactly once.
 */
#ifndef AV_GATEWAY_CONN_H
#define AV_GATEWAY_CONN_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/span.h"

typedef struct av_conn av_conn;

typedef struct av_conn_events {
    /* Bytes of the peer, 1 to 16384, borrowed for the call. All of them count as taken. Not called while paused. */
    void (*on_data)(void *ctx, av_conn *conn, av_span bytes);
    /* There is room again: called once the queue has drained to half after av_conn_room was 0. May be NULL. */
    void (*on_writable)(void *ctx, av_conn *conn);
    /* The handshake begun by av_conn_start_tls is done. May be NULL where STARTTLS is not offered. */
    void (*on_secure)(void *ctx, av_conn *conn);
    /*
     * The idle time (av_conn_set_idle) or the deadline (av_conn_set_deadline) has passed. The protocol may say good-bye
     * and call av_conn_finish, or set new times; when it does nothing, or is NULL, the connection is closed.
     */
    void (*on_timeout)(void *ctx, av_conn *conn);
    /*
     * The last call, for every attached connection. why is a word for the log: "peer", "closed", "timeout", "tls",
     * "slow", "stopping", "error". conn is valid during the call.
     */
    void (*on_close)(void *ctx, av_conn *conn, const char *why);
} av_conn_events;

/* Give the connection its owner, once, in the listener's accept callback. events must outlive the connection. */
void av_conn_attach(av_conn *self, const av_conn_events *events, void *ctx);

/* Queue bytes (copied). Returns the room left afterwards. Ignored once the connection is closing. */
size_t av_conn_write(av_conn *self, av_span bytes);
/* Bytes that are welcome now; the setting output_buffer_bytes when nothing is queued. */
size_t av_conn_room(const av_conn *self);
/* Bytes queued and not yet taken by the kernel. */
size_t av_conn_queued(const av_conn *self);

/* Stop and go on reading; pausing within on_data takes effect after that call. Both may be repeated. */
void av_conn_pause(av_conn *self);
void av_conn_resume(av_conn *self);

/*
 * STARTTLS: what is queued (the "go ahead" line) is sent in clear, then the handshake begins, then on_secure is called.
 * No on_data comes in between. The caller must drop what it has itself buffered behind the command, else a man in the
 * middle slips commands into the secured session (RFC 9051, 6.2.1; CVE-2011-0411). AV_ERR_INVALID when the connection
 * is secure already.
 */
av_errc av_conn_start_tls(av_conn *self, av_error *err);
bool av_conn_is_secure(const av_conn *self);
/*
 * Channel binding data onto out: "tls-exporter" (RFC 9266), "tls-server-end-point" (RFC 5929, 4). false: in clear, another
 * name, or the session cannot give it.
 */
bool av_conn_channel_binding(const av_conn *self, av_span name, av_buf *out);
/* "TLSv1.3", or NULL in clear. */
const char *av_conn_tls_version(const av_conn *self);

/* Send what is queued, end TLS in order, then close. Reading stops. A peer that does not take it is cut after 10 s. */
void av_conn_finish(av_conn *self);
/* Close now; what is queued is dropped. */
void av_conn_close(av_conn *self);

/* Longest time without a byte in either direction, in ms, to the second; 0: none. Starts anew with each byte. */
void av_conn_set_idle(av_conn *self, uint32_t idle_ms);
/* A moment by which the protocol wants to have seen something (a login, a whole header), from now; 0: none. */
void av_conn_set_deadline(av_conn *self, uint32_t from_now_ms);

/* Address of the peer as text ("192.0.2.1", "2001:db8::1"), without the port. */
const char *av_conn_peer(const av_conn *self);
const struct sockaddr *av_conn_sockaddr(const av_conn *self, socklen_t *ret_size);
/* Number of the connection in this process, for the log. */
uint64_t av_conn_number(const av_conn *self);

#endif
