/*
 * carrier.h - the same-node carrier: streams between two actors of a node by a local socket instead of through the broker
 *
 * Who calls a method with a stream listens on <dir>/<own name>.sock and puts a ticket into the request: 32 random bytes,
 * good for one connection. Who serves it connects to the caller's socket and presents the ticket; whether that works is
 * known at once, and when it does not the stream goes through the broker as it always did. Request, answer, cancel,
 * acknowledged items and the end {bytes, SHA-256} go by the bus in both cases. Rules and reasons: docs/bus.md.
 */
#ifndef AV_ACTORS_BUS_CARRIER_H
#define AV_ACTORS_BUS_CARRIER_H

#include "actors/bus/bus.h"
#include "actors/bus/wire.h"

typedef struct av_carrier av_carrier;

/* dir: where the sockets of the node's actors lie; copied. Listens with the first offer. */
av_carrier *av_carrier_new(av_bus *bus, const char *dir);
void av_carrier_destroy(av_carrier **self); /* closes what is left; NULL and *NULL are no-ops */

/*
 * Caller: a ticket for the connection that carries this stream. false: no carrier, or it cannot listen. The events come
 * to the stream (stream_wire.c) when the ticket is presented.
 */
bool av_carrier_offer(av_carrier *self, av_stream *stream, uint8_t ret_ticket[AV_WIRE_TICKET]);
/* The ticket is good for nothing any more. */
void av_carrier_withdraw(av_carrier *self, const uint8_t ticket[AV_WIRE_TICKET]);
/* Callee: connect to `from` and present the ticket; false: not this way. */
bool av_carrier_connect(av_carrier *self, const char *from, const char *own_name, const uint8_t ticket[AV_WIRE_TICKET],
    const av_wire_events *events, void *ctx, av_wire **ret);
/* The stream is done with its wire: closed now (or when its queue is out), freed by av_carrier_sweep. NULL is a no-op. */
void av_carrier_drop(av_carrier *self, av_wire **wire);
void av_carrier_finish(av_carrier *self, av_wire **wire);
void av_carrier_sweep(av_carrier *self); /* no callback of the bus is on the stack */

/* <dir>/<file of the actor's name>.sock; owned by the caller. */
char *av_carrier_path(const char *dir, const char *actor_name);

#endif
