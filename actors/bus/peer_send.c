/*
 * peer_send.c - frames out of the peer, and the bounded queue of what does not fit into the socket
 *
 * Knows nothing of how the connection comes and goes: it reads up and ready, and others drop what does not outlive it.
 */
#include <errno.h>

#include "actors/bus/peer_priv.h"

/* ---- the queue ---- */

void
av_peer_frames_close(zmq_msg_t *frame)
{
    for (int i = 0; i < AV_PEER_FRAMES; i++)
        (void)zmq_msg_close(&frame[i]);
}

static void
queued_free(struct queued *q)
{
    av_peer_frames_close(q->frame);
    free(q);
}

static void
queue_push(av_peer *self, zmq_msg_t *frame, size_t bytes, av_peer_order order)
{
    struct queued *q = av_xcalloc(1, sizeof *q);

    for (int i = 0; i < AV_PEER_FRAMES; i++) {
        (void)zmq_msg_init(&q->frame[i]);
        (void)zmq_msg_move(&q->frame[i], &frame[i]);
    }
    q->bytes = bytes;
    q->order = order;
    *self->last = q;
    self->last = &q->next;
    self->queued_bytes += bytes;
}

void
av_peer_queue_drop(av_peer *self, bool all)
{
    struct queued **at = &self->first;

    while (*at != NULL) {
        struct queued *q = *at;

        if (!all && q->order == AV_PEER_KEEP) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        self->queued_bytes -= q->bytes;
        queued_free(q);
    }
    self->last = at;
}

/* ---- sending ---- */

typedef enum sent { SENT, SENT_FULL, SENT_LOST } sent;

static sent
socket_send(av_peer *self, zmq_msg_t *frame)
{
    self->sent = true;
    for (int i = 0; i < AV_PEER_FRAMES; i++) {
        int rc;

        do
            rc = zmq_msg_send(&frame[i], self->dealer, ZMQ_DONTWAIT | (i + 1 < AV_PEER_FRAMES ? ZMQ_SNDMORE : 0));
        while (rc < 0 && errno == EINTR);
        /* Commands of the I/O thread may have stood unread: a new pipe, or room. */
        if (rc < 0 && i == 0 && av_peer_can(self, ZMQ_POLLOUT))
            rc = zmq_msg_send(&frame[i], self->dealer, ZMQ_DONTWAIT | ZMQ_SNDMORE);
        if (rc >= 0)
            continue;
        if (i == 0)
            return SENT_FULL;
        /*
         * The pipe went away within the message: libzmq rolled it back and drops its other parts. The loss is that of
         * the connection, and is healed as such.
         */
        for (i++; i < AV_PEER_FRAMES; i++)
            (void)zmq_msg_send(&frame[i], self->dealer, ZMQ_DONTWAIT | (i + 1 < AV_PEER_FRAMES ? ZMQ_SNDMORE : 0));
        return SENT_LOST;
    }
    return SENT;
}

void
av_peer_flush(av_peer *self)
{
    while (self->first != NULL && self->up && self->ready) {
        struct queued *q = self->first;

        if (socket_send(self, q->frame) == SENT_FULL)
            return;
        self->first = q->next;
        if (self->first == NULL)
            self->last = &self->first;
        self->queued_bytes -= q->bytes;
        self->counters.bytes_out += q->bytes;
        queued_free(q);
    }
}

static bool
may_go(const av_peer *self, av_peer_order order)
{
    return self->up && (self->ready || order == AV_PEER_FIRST);
}

static void
make_frames(zmq_msg_t *frame, const char *to, const Archivolt__Envelope *env, zmq_msg_t *blob)
{
    size_t to_n = strlen(to), env_n = archivolt__envelope__get_packed_size(env);
    int rc;

    rc = zmq_msg_init_size(&frame[AV_FRAME_TO], to_n);
    assert(rc == 0);
    memcpy(zmq_msg_data(&frame[AV_FRAME_TO]), to, to_n);
    rc = zmq_msg_init_size(&frame[AV_FRAME_ENVELOPE], env_n);
    assert(rc == 0);
    (void)archivolt__envelope__pack(env, zmq_msg_data(&frame[AV_FRAME_ENVELOPE]));
    (void)zmq_msg_init(&frame[AV_FRAME_BLOB]);
    if (blob != NULL)
        (void)zmq_msg_move(&frame[AV_FRAME_BLOB], blob);
}

bool
av_peer_send(av_peer *self, const char *to, const Archivolt__Envelope *env, zmq_msg_t *blob, av_peer_order order)
{
    size_t ceiling = order == AV_PEER_KEEP ? 2U * AV_PEER_QUEUE_MAX : AV_PEER_QUEUE_MAX, bytes;
    zmq_msg_t frame[AV_PEER_FRAMES];
    bool go = may_go(self, order), went;

    if ((!go && order != AV_PEER_KEEP) || self->queued_bytes > ceiling) {
        if (go)
            self->counters.refused_full++;
        if (blob != NULL)
            (void)zmq_msg_close(blob), (void)zmq_msg_init(blob);
        return false;
    }
    make_frames(frame, to, env, blob);
    bytes = zmq_msg_size(&frame[AV_FRAME_TO]) + zmq_msg_size(&frame[AV_FRAME_ENVELOPE]) +
            zmq_msg_size(&frame[AV_FRAME_BLOB]);
    assert(zmq_msg_size(&frame[AV_FRAME_ENVELOPE]) <= AV_ENVELOPE_FRAME_MAX &&
           zmq_msg_size(&frame[AV_FRAME_BLOB]) <= AV_PEER_BLOB_MAX);
    if (!self->working) /* a send from outside may swallow ZMQ_FD's edge: look again before waiting */
        av_loop_again(self->config.loop);
    went = go && (self->first == NULL || order == AV_PEER_FIRST) && socket_send(self, frame) != SENT_FULL;
    if (went)
        self->counters.bytes_out += bytes;
    else if (order != AV_PEER_FIRST) /* what is kept must not go out before hello: hello never waits behind it */
        queue_push(self, frame, bytes, order);
    av_peer_frames_close(frame);
    return went || order != AV_PEER_FIRST;
}
