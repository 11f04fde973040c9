/*
 * wire.h - one local socket that carries one stream between two actors of a node
 *
 * A unix stream socket, not blocking, driven by the loop. The side that connects presents a ticket and its own name; the
 * side that accepts answers with one byte when it has taken the ticket. From then on there are the stream's bytes and
 * nothing else; the socket's own back-pressure is the credit. Knows nothing of calls and requests: carrier.h does.
 *
 *   connects:  "AVW1" ticket[32] length[1] name  --->
 *              <--- 0x01                              then bytes, in the direction of the stream
 *
 * The other process must run as the same user (SO_PEERCRED, looked at by both sides). Belongs to the loop's thread.
 */
#ifndef AV_ACTORS_BUS_WIRE_H
#define AV_ACTORS_BUS_WIRE_H

#include "actors/bus/loop.h"
#include "actors/bus/names.h"
#include "base/span.h"

#define AV_WIRE_TICKET     32    /* bytes, random, good for one stream */
#define AV_WIRE_QUEUE      65536 /* bytes held here when the socket is full */
#define AV_WIRE_READ       (256U * 1024)

#define AV_WIRE_HELLO_HEAD (4 + AV_WIRE_TICKET + 1) /* magic, ticket, length of the name */

typedef struct av_wire av_wire;

/*
 * The greeting of who connects; pure. size: bytes it has in all, as far as `in` tells; 0: it cannot be one.
 * open: all of it is there; false: it is none.
 */
size_t av_wire_hello_size(av_span in);
bool av_wire_hello_open(av_span in, av_span *ret_ticket, char ret_name[AV_SENDER_MAX]);

typedef struct av_wire_events {
    /* Accepting side: a ticket was presented. true: it is good, and av_wire_adopt was called; on_taken of that follows. */
    bool (*on_ticket)(void *ctx, av_wire *wire, const uint8_t ticket[AV_WIRE_TICKET], const char *name);
    void (*on_taken)(void *ctx); /* bytes may go */
    void (*on_bytes)(void *ctx, av_span bytes);
    void (*on_room)(void *ctx);   /* what was queued is in the socket */
    void (*on_closed)(void *ctx); /* the other side has closed, or it is broken; the last event */
} av_wire_events;                 /* those that cannot happen may be NULL */

/*
 * Connect to path and present the ticket. ret is set on success; events come later. AV_ERR_UNAVAILABLE when nobody
 * listens there, it is another user's, or there is no room: at once, nothing blocks. scratch: AV_WIRE_READ bytes, shared.
 */
av_errc av_wire_connect(av_loop *loop, const char *path, const uint8_t ticket[AV_WIRE_TICKET], const char *own_name,
    const av_wire_events *events, void *ctx, uint8_t *scratch, av_wire **ret, av_error *err);
/* Take over an accepted socket; it is closed on failure (another user's). */
av_errc av_wire_accepted(
    av_loop *loop, int fd, const av_wire_events *events, void *ctx, uint8_t *scratch, av_wire **ret, av_error *err);
/* The stream's own events from here on (accepting side, within on_ticket). */
void av_wire_adopt(av_wire *self, const av_wire_events *events, void *ctx);

/* Bytes the socket may hold of what we write, as far as the kernel allows it. */
void av_wire_set_buffer(av_wire *self, int bytes);
/* Bytes that may be written now: 0 until the ticket was taken and while older ones are queued. */
size_t av_wire_room(const av_wire *self);
void av_wire_write(av_wire *self, av_span bytes); /* at most the room */
/* At most n bytes are given to on_bytes from here on; 0 stops reading. */
void av_wire_allow(av_wire *self, uint64_t n);

/* Closed now; what is queued is lost. The memory stays until av_wire_free, so this may be called within an event. */
void av_wire_close(av_wire *self);
bool av_wire_is_closed(const av_wire *self);
/* No more events but on_closed: what is queued goes out, then it closes. */
void av_wire_finish(av_wire *self, const av_wire_events *events, void *ctx);
void av_wire_free(av_wire **self); /* not within an event of it */

#endif
