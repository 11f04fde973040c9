/*
 * wait.c - the bus for programs that do one thing at a time: turns the loop until something is there
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"

struct waiting {
    bool done;
    ProtobufCMessage *reply;
    bool want_reply;
    av_error err;
};

/* The callback's reply lives only as long as the callback: a copy by way of its bytes. */
static ProtobufCMessage *
copy_message(const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    AV_CLEANUP(av_free) uint8_t *packed = av_xalloc(n + 1);

    n = protobuf_c_message_pack(message, packed);
    return protobuf_c_message_unpack(message->descriptor, NULL, n, packed);
}

static void
on_done(void *ctx, av_call *call, const ProtobufCMessage *reply, const av_error *err)
{
    struct waiting *w = ctx;

    (void)call;
    w->done = true;
    if (err != NULL)
        w->err = *err;
    else if (w->want_reply)
        w->reply = copy_message(reply);
}

av_errc
av_bus_call_wait(av_bus *self, const av_call_spec *spec, ProtobufCMessage **ret_reply, av_error *err)
{
    struct waiting w = { .want_reply = ret_reply != NULL };
    av_call *call = av_bus_call(self, spec);

    call->done = on_done; /* the streams keep spec->ctx */
    call->ctx = &w;
    while (!w.done)
        av_loop_turn(self->config.loop, -1);
    if (w.err.code != AV_OK) {
        *err = w.err;
        return err->code;
    }
    if (ret_reply != NULL)
        *ret_reply = w.reply;
    return AV_OK;
}

av_errc
av_bus_wait_ready(av_bus *self, uint32_t timeout_ms, av_error *err)
{
    int64_t until = av_clock_mono_ms() + timeout_ms;

    while (!self->ready) {
        int64_t left = until - av_clock_mono_ms();

        if (av_peer_is_refused(self->peer))
            return av_error_set(err, AV_ERR_DENIED, "%s", av_peer_trouble(self->peer));
        if (left <= 0)
            return av_error_set(err, AV_ERR_TIMEOUT, "not on the bus: %s", av_peer_trouble(self->peer));
        av_loop_turn(self->config.loop, (int)AV_MIN(left, 1000));
    }
    return AV_OK;
}
