/*
 * flow.c - see flow.h; the counts go down in libzmq's I/O threads, hence the atomics
 */
#include "broker/flow.h"

#include "base/util.h"

/* A frame under way: keeps the received message alive, whose bytes the wrapping message borrows. */
struct parcel {
    zmq_msg_t inner;
    size_t n;
    av_flow_set flows;
};

av_flow *
av_flow_new(void)
{
    av_flow *self = av_xalloc(sizeof *self);

    atomic_init(&self->bytes, 0);
    atomic_init(&self->refs, 1);
    return self;
}

static void
ref(av_flow *self, size_t n)
{
    atomic_fetch_add_explicit(&self->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&self->bytes, n, memory_order_relaxed);
}

static void
drop(av_flow *self)
{
    if (atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) == 1)
        free(self);
}

void
av_flow_unref(av_flow **self)
{
    if (*self == NULL)
        return;
    drop(*self);
    *self = NULL;
}

size_t
av_flow_bytes(const av_flow *self)
{
    return atomic_load_explicit(&self->bytes, memory_order_relaxed);
}

size_t
av_flow_counted(size_t n)
{
    return n < AV_FLOW_COUNTED_MIN ? 0 : n;
}

static void
leave(av_flow *self, size_t n)
{
    atomic_fetch_sub_explicit(&self->bytes, n, memory_order_relaxed);
    drop(self);
}

/* Called by libzmq in whatever thread lets go of the bytes last. */
static void
on_sent(void *data, void *hint)
{
    struct parcel *parcel = hint;

    (void)data;
    if (parcel->flows.lane != NULL)
        leave(parcel->flows.lane, parcel->n);
    leave(parcel->flows.peer, parcel->n);
    leave(parcel->flows.total, parcel->n);
    (void)zmq_msg_close(&parcel->inner);
    free(parcel);
}

void
av_flow_wrap(zmq_msg_t *frame, const av_flow_set *flows)
{
    size_t n = zmq_msg_size(frame);
    struct parcel *parcel;

    if (av_flow_counted(n) == 0)
        return;
    parcel = av_xalloc(sizeof *parcel);
    parcel->n = n;
    parcel->flows = *flows;
    (void)zmq_msg_init(&parcel->inner);
    (void)zmq_msg_move(&parcel->inner, frame);
    if (flows->lane != NULL)
        ref(flows->lane, n);
    ref(flows->peer, n);
    ref(flows->total, n);
    (void)zmq_msg_close(frame);
    if (zmq_msg_init_data(frame, zmq_msg_data(&parcel->inner), n, on_sent, parcel) != 0)
        abort(); /* ENOMEM alone: the house ends the process when small memory is gone (base/util.h) */
}
