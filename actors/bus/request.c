/*
 * request.c - the life of a request that was admitted: deadline, streams, a caller that goes away, the end
 *
 * What its handler may ask of it is here, too. How it came in: admit.c. How it is answered: reply.c.
 */
#include "actors/bus/bus_priv.h"
#include "base/clock.h"

static void on_timer(void *ctx);

/* ---- life ---- */

void
av_request_arm(av_request *self)
{
    int64_t left = self->deadline_ms - av_clock_mono_ms();

    av_loop_remove_timer(&self->timer);
    self->timer = av_loop_add_timer(self->bus->config.loop, (uint64_t)AV_MAX(left, 0), 0, on_timer, self);
}

bool
av_request_has_stream(const av_request *self)
{
    return self->method->stream_in || self->method->stream_out || self->reply_body.n > 0;
}

void
av_request_set_gone(av_request *self, const av_error *err)
{
    if (self->gone)
        return;
    self->gone = true;
    av_loop_remove_timer(&self->timer);
    if (self->answered) { /* was still sending a long reply */
        av_request_retire(self);
        return;
    }
    av_stream_break(&self->up, err);
    av_stream_break(&self->down, err);
    if (self->on_gone != NULL && !self->answered) {
        void (*fn)(void *, av_request *) = self->on_gone;

        self->on_gone = NULL;
        fn(self->on_gone_ctx, self);
    }
}

static void
on_timer(void *ctx)
{
    av_request *self = ctx;
    av_error err;

    self->timer = NULL;
    if (av_clock_mono_ms() < self->deadline_ms) {
        av_request_arm(self);
        return;
    }
    (void)av_error_set(&err, AV_ERR_TIMEOUT, "the caller's deadline has passed");
    av_bus_enter(self->bus);
    av_request_set_gone(self, &err);
    av_bus_leave(self->bus);
}

void
av_request_retire(av_request *self)
{
    av_loop_remove_timer(&self->timer);
    av_request_map_remove(self);
    av_link_remove(&self->link);
    av_link_add(&self->bus->retired_requests, &self->link);
    self->bus->request_n--;
    self->gone = true;
    av_stream_release(&self->up);
    av_stream_release(&self->down);
    av_loop_again(self->bus->config.loop);
}

void
av_request_progress(av_request *self)
{
    if (av_request_has_stream(self))
        self->deadline_ms = av_clock_mono_ms() + self->timeout_ms;
}

void
av_request_stream_failed(av_request *self, const av_error *err)
{
    if (self->gone)
        return;
    av_bus_send_error(self->bus, self->from, self->correlation, err);
    av_request_set_gone(self, err);
}

/* ---- what else arrives ---- */

static void
on_undeliverable(av_bus *bus, const Archivolt__Envelope *env)
{
    const char *to = env->error->actor;
    av_request *request = to == NULL || strlen(to) >= AV_SENDER_MAX ? NULL : av_request_find(bus, to, env->correlation);
    av_error err;

    if (request == NULL)
        return;
    av_envelope_get_error(env, &err);
    av_request_set_gone(request, &err);
}

void
av_requests_on_message(av_bus *self, const char *from, const Archivolt__Envelope *env, av_span blob)
{
    av_request *request;
    av_error err;

    if (env->kind == ARCHIVOLT__KIND__KIND_ERROR) {
        if (av_sender_is_broker(av_span_str(from)))
            on_undeliverable(self, env);
        return;
    }
    request = av_request_find(self, from, env->correlation);
    if (request == NULL)
        return;
    switch (env->kind) {
    case ARCHIVOLT__KIND__KIND_CHUNK:
        av_stream_on_chunk(&request->up, env, blob);
        break;
    case ARCHIVOLT__KIND__KIND_CREDIT:
        av_stream_on_credit(&request->down, env);
        break;
    case ARCHIVOLT__KIND__KIND_CANCEL:
        (void)av_error_set(&err, AV_ERR_CANCELLED, "the caller has cancelled");
        av_request_set_gone(request, &err);
        break;
    default:
        break;
    }
}

void
av_requests_on_down(av_bus *self, const av_error *why)
{
    for (av_link *l = self->request_list.next; l != &self->request_list;) {
        av_request *request = AV_CONTAINER(l, av_request, link);

        if (request->gone || !av_request_has_stream(request)) {
            l = l->next;
            continue;
        }
        av_request_set_gone(request, why);
        l = self->request_list.next; /* a handler may have answered others; those gone are passed over */
    }
}

/* ---- the end ---- */

void
av_requests_end_all(av_bus *self)
{
    av_error err;

    (void)av_error_set(&err, AV_ERR_UNAVAILABLE, "%s is stopping", self->keys.name);
    while (!av_link_empty(&self->request_list)) {
        av_request *request = AV_CONTAINER(self->request_list.next, av_request, link);

        if (!request->gone && !request->answered)
            av_bus_send_error(self, request->from, request->correlation, &err);
        av_request_set_gone(request, &err);
        if (self->request_list.next == &request->link) /* the handler did not answer: it cannot any more */
            av_request_retire(request);
    }
}

void
av_requests_sweep(av_bus *self)
{
    for (av_link *l = self->retired_requests.next; l != &self->retired_requests;) {
        av_request *request = AV_CONTAINER(l, av_request, link);

        l = l->next; /* nothing below touches the rest of the list */
        av_link_remove(&request->link);
        protobuf_c_message_free_unpacked(request->body, NULL);
        if (request->ticket != NULL)
            archivolt__admin_ticket__free_unpacked(request->ticket, NULL);
        av_buf_release(&request->reply_body);
        request->magic = 0;
        free(request);
    }
}

/* ---- the handler's side ---- */

av_stream *
av_request_upstream(av_request *self, const av_stream_events *events, void *ctx)
{
    assert(self->magic == AV_REQUEST_MAGIC && !self->up.used);
    if (!self->method->stream_in)
        return NULL;
    (void)av_stream_open_in(&self->up, self->bus, events, ctx, true);
    if (!self->has_offer || !av_stream_ask_wire(&self->up))
        av_stream_send_credit(&self->up, NULL);
    return &self->up;
}

av_stream *
av_request_downstream(av_request *self, const av_stream_events *events, void *ctx)
{
    assert(self->magic == AV_REQUEST_MAGIC && !self->down.used);
    if (!self->method->stream_out)
        return NULL;
    av_stream_open_out(&self->down, self->bus, events, ctx, self->first_credit);
    if (self->has_offer && self->bus->carrier != NULL)
        self->down.way = AV_WAY_FREE;
    return &self->down;
}

void
av_request_on_gone(av_request *self, void (*fn)(void *ctx, av_request *request), void *ctx)
{
    self->on_gone = fn;
    self->on_gone_ctx = ctx;
}

const av_method_info *
av_request_method(const av_request *self)
{
    return self->method;
}

const char *
av_request_from(const av_request *self)
{
    return self->from;
}

Archivolt__Caller
av_request_caller(const av_request *self)
{
    return self->caller;
}

const char *
av_request_admin(const av_request *self)
{
    return self->ticket == NULL ? NULL : self->ticket->user_name;
}

void *
av_request_session(const av_request *self)
{
    return self->session;
}

av_span
av_request_idempotency_key(const av_request *self)
{
    return av_span_of(self->key, self->has_key ? sizeof self->key : 0);
}

const char *
av_request_trace(const av_request *self)
{
    return self->trace_hex;
}

av_span
av_request_trace_id(const av_request *self)
{
    return av_span_of(self->trace, sizeof self->trace);
}

void
av_request_set_logged(av_request *self)
{
    self->logged = true;
}

int64_t
av_request_deadline_mono_ms(const av_request *self)
{
    return self->deadline_ms;
}

av_bus *
av_request_bus(const av_request *self)
{
    return self->bus;
}
