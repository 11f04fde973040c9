/*
 * zap.c - who may connect: the ZAP handler (ZeroMQ RFC 27) in the broker's own loop
 *
 * Decides by the CURVE key alone. User-Id is that key in hex: two keys of one name, as during a rotation, stay apart.
 * Refusals are only counted: a stranger must not be able to fill the log.
 */
#include "base/encode.h"
#include "broker/router_priv.h"
#include "proto/options.pb-c.h"

#define ZAP_FRAMES 7 /* version, request id, domain, address, routing id, mechanism, key */
#define USER_ID_N  (2 * AV_KEY_SIZE)

bool
av_zap_may_subscribe(av_span name)
{
    switch (av_actor_name_class(name)) {
    case ARCHIVOLT__CALLER__CALLER_MANAGEMENT:
    case ARCHIVOLT__CALLER__CALLER_HOST:
    case ARCHIVOLT__CALLER__CALLER_GATEWAY:
    case ARCHIVOLT__CALLER__CALLER_OPERATOR:
    case ARCHIVOLT__CALLER__CALLER_MONITOR:
        return true;
    default: /* instances and workers learn nothing of other tenants */
        return false;
    }
}

const char *
av_zap_decide(const av_registry *registry, const char *node, av_span domain, av_span key)
{
    const av_registry_entry *entry;

    if (!av_registry_paired(registry))
        return "300"; /* the client tries again by itself; after 400 its socket would be dead for good */
    if (key.n != AV_KEY_SIZE)
        return "400";
    entry = av_registry_by_key(registry, key.p);
    if (entry == NULL || entry->revoked || strcmp(entry->node, node) != 0)
        return "400";
    if (av_span_eq_str(domain, "bus"))
        return "200";
    return av_span_eq_str(domain, "status") && av_zap_may_subscribe(av_span_str(entry->name)) ? "200" : "400";
}

bool
av_zap_user_key(zmq_msg_t *frame, uint8_t ret[AV_KEY_SIZE])
{
    const char *user = zmq_msg_gets(frame, "User-Id");

    return user != NULL && av_hex_decode(av_span_str(user), ret, AV_KEY_SIZE);
}

static void
reply(av_router *self, av_span request_id, const char *status, const char *user_id)
{
    const char *const frames[] = { "1.0", NULL, status, "", user_id, "" };

    for (size_t i = 0; i < AV_COUNT(frames); i++) {
        av_span bytes = frames[i] == NULL ? request_id : av_span_str(frames[i]);
        int flags = ZMQ_DONTWAIT | (i + 1 < AV_COUNT(frames) ? ZMQ_SNDMORE : 0);

        if (zmq_send(self->zap, bytes.p == NULL ? (const void *)"" : bytes.p, bytes.n, flags) < 0)
            return; /* the connection that asked is gone */
    }
}

static void
count(av_router *self, const char *status)
{
    if (status[0] == '2')
        self->counters.admitted++;
    else if (status[0] == '3')
        self->counters.deferred++;
    else
        self->counters.denied++;
}

static av_span
span_of(zmq_msg_t *frame)
{
    return av_span_of(zmq_msg_data(frame), zmq_msg_size(frame));
}

bool
av_zap_one(av_router *self)
{
    zmq_msg_t frames[ZAP_FRAMES], extra;
    char user_id[USER_ID_N + 1] = "";
    const char *status = "500";
    size_t n = 0;
    bool more = true;

    while (more) {
        zmq_msg_t *frame = n < ZAP_FRAMES ? &frames[n] : &extra;

        (void)zmq_msg_init(frame);
        if (zmq_msg_recv(frame, self->zap, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(frame);
            break;
        }
        more = zmq_msg_more(frame) != 0;
        if (n < ZAP_FRAMES)
            n++;
        else
            (void)zmq_msg_close(frame);
    }
    if (n == 0)
        return false;
    if (n == ZAP_FRAMES && av_span_eq_str(span_of(&frames[0]), "1.0") && av_span_eq_str(span_of(&frames[5]), "CURVE")) {
        status = av_zap_decide(self->registry, self->node, span_of(&frames[2]), span_of(&frames[6]));
        if (status[0] == '2')
            av_hex_encode(span_of(&frames[6]), user_id);
        count(self, status);
    }
    reply(self, n > 1 ? span_of(&frames[1]) : av_span_str(""), status, user_id);
    for (size_t i = 0; i < n; i++)
        (void)zmq_msg_close(&frames[i]);
    return true;
}
