/*
 * flow.h - how many bytes the broker holds for whom, counted exactly and without reading an Envelope
 *
 * A frame of AV_FLOW_COUNTED_MIN bytes or more is handed to libzmq in a wrapping whose free function runs when the
 * I/O thread has encrypted it towards the receiver's socket. Between hand-over and that moment its bytes stand in
 * three counts: of the lane (one sender to one receiving connection), of the receiver, and of all. What the kernel's
 * socket buffers hold is not counted: it is not this process's memory. Smaller frames are bounded by ZMQ_SNDHWM
 * (1,000 messages a connection).
 *
 * Credit was not chosen as the measure: it would mean parsing every chunk and credit Envelope (decisions.md 14: the
 * broker reads `to` alone), and it counts what the receiver's application owes, not what this process holds.
 */
#ifndef AV_BROKER_FLOW_H
#define AV_BROKER_FLOW_H

#include <stdatomic.h>
#include <stddef.h>
#include <zmq.h>

#define AV_FLOW_COUNTED_MIN 1024

/* Lives until the owner and every frame under way let go of it. */
typedef struct av_flow {
    atomic_size_t bytes;
    atomic_uint refs;
} av_flow;

av_flow *av_flow_new(void);
void av_flow_unref(av_flow **self); /* NULL is a no-op */
size_t av_flow_bytes(const av_flow *self);

typedef struct av_flow_set {
    av_flow *lane, *peer, *total; /* lane may be NULL: the broker's own messages */
} av_flow_set;

/* Bytes of n that would be counted. */
size_t av_flow_counted(size_t n);
/* Move *frame into a counted wrapping of itself; frames under the minimum stay as they are. Never fails. */
void av_flow_wrap(zmq_msg_t *frame, const av_flow_set *flows);

#endif
