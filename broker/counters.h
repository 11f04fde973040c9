/*
 * counters.h - what the broker counts, one row a counter: name and member come from one list
 */
#ifndef AV_BROKER_COUNTERS_H
#define AV_BROKER_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/status.pb-c.h"

#define AV_BROKER_COUNTERS(ROW)                                                                                        \
    ROW(messages_in, "messages taken from admitted peers")                                                             \
    ROW(messages_out, "messages handed on to actors")                                                                  \
    ROW(bytes_in, "their bytes")                                                                                       \
    ROW(bytes_out, "their bytes")                                                                                      \
    ROW(no_actor, "requests to unknown names")                                                                         \
    ROW(asleep, "requests to instances that are not connected")                                                        \
    ROW(unavailable, "messages to other actors that are not connected")                                                \
    ROW(busy, "messages refused because the receiver is slow")                                                         \
    ROW(too_large, "messages over the size limits")                                                                    \
    ROW(malformed, "messages dropped: not the three frames, or no Envelope")                                           \
    ROW(undeliverable, "answers, credits and cancels dropped: nobody there")                                           \
    ROW(revoked, "messages dropped: the sender's key is revoked")                                                      \
    ROW(cut, "connections cut: key revoked, own routing id, or sending on into busy")                                  \
    ROW(admitted, "handshakes admitted")                                                                               \
    ROW(denied, "handshakes refused: unknown or revoked key")                                                          \
    ROW(deferred, "handshakes put off: no registry yet")                                                               \
    ROW(handshakes_failed, "connections that broke the protocol or said nothing")                                      \
    ROW(disconnected, "connections that ended")                                                                        \
    ROW(status_taken, "status values taken")                                                                           \
    ROW(status_refused, "status values on a topic not the sender's own, or too large")                                 \
    ROW(subscriptions, "subscriptions put in force")                                                                   \
    ROW(subscriptions_refused, "subscriptions not put in force")                                                       \
    ROW(registry_updates, "registry updates taken over")

#define AV_BROKER_COUNTER_MEMBER(name, help) uint64_t name;
typedef struct av_counters {
    AV_BROKER_COUNTERS(AV_BROKER_COUNTER_MEMBER)
} av_counters;
#undef AV_BROKER_COUNTER_MEMBER

typedef struct av_counter_row {
    const char *name, *help;
    size_t offset;
} av_counter_row;

extern const av_counter_row av_counter_rows[];
extern const size_t av_counter_count;

uint64_t av_counters_get(const av_counters *self, size_t row);

#endif
