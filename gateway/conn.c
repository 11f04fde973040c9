/*
 * conn.c - see conn.h: what protocols call
 */
#include "gateway/conn.h"

#include "base/clock.h"
#include "gateway/conn_priv.h"

static void
check(const av_conn *self)
{
    assert(self != NULL && self->magic == AV_CONN_MAGIC);
}

void
av_conn_attach(av_conn *self, const av_conn_events *events, void *ctx)
{
    check(self);
    assert(self->events == NULL && events->on_data != NULL && events->on_close != NULL);
    self->events = events;
    self->ctx = ctx;
}

size_t
av_conn_room(const av_conn *self)
{
    size_t soft = (size_t)self->all->settings->output_buffer_bytes;
    size_t pending = av_conn_pending(self);

    return self->state != AV_CONN_OPEN || pending >= soft ? 0 : soft - pending;
}

size_t
av_conn_queued(const av_conn *self)
{
    return av_conn_pending(self);
}

/* Drop what is sent already when it is worth the move. */
static void
compact(av_conn *self)
{
    if (self->out_at > 0 && self->out_at >= self->out.n / 2) {
        av_buf_consume(&self->out, self->out_at);
        self->out_at = 0;
    }
}

size_t
av_conn_write(av_conn *self, av_span bytes)
{
    check(self);
    if (self->state != AV_CONN_OPEN || self->start_tls_pending)
        return 0;
    if (av_conn_pending(self) == 0)
        self->last_taken_ms = av_clock_mono_ms(); /* the peer's time to take something begins now */
    compact(self);
    if (!av_buf_append_span(&self->out, bytes)) {
        av_conn_kill(self, "slow");
        return 0;
    }
    if (av_conn_room(self) == 0)
        self->short_of_room = true;
    if (!self->in_event)
        av_conn_update_watch(self);
    return av_conn_room(self);
}

void
av_conn_pause(av_conn *self)
{
    check(self);
    self->paused = true;
    av_conn_update_watch(self);
}

void
av_conn_resume(av_conn *self)
{
    check(self);
    if (!self->paused)
        return;
    self->paused = false;
    av_conn_update_watch(self);
    av_conn_read_again(self);
}

av_errc
av_conn_start_tls(av_conn *self, av_error *err)
{
    check(self);
    if (self->tls != NULL || self->start_tls_pending)
        return av_error_set(err, AV_ERR_INVALID, "the connection is encrypted already");
    if (self->state != AV_CONN_OPEN)
        return av_error_set(err, AV_ERR_INVALID, "the connection is closing");
    self->start_tls_pending = true;
    av_conn_update_watch(self);
    if (!self->in_event)
        av_conn_flush(self);
    return AV_OK;
}

bool
av_conn_is_secure(const av_conn *self)
{
    return self->tls != NULL && self->state != AV_CONN_HANDSHAKE;
}

const char *
av_conn_tls_version(const av_conn *self)
{
    return av_conn_is_secure(self) ? SSL_get_version(self->tls) : NULL;
}

bool
av_conn_channel_binding(const av_conn *self, av_span name, av_buf *out)
{
    return av_conn_is_secure(self) && av_tls_channel_binding(self->tls, name, out);
}

void
av_conn_finish(av_conn *self)
{
    check(self);
    if (self->state == AV_CONN_HANDSHAKE)
        av_conn_kill(self, "closed");
    if (self->state != AV_CONN_OPEN)
        return;
    self->state = AV_CONN_FINISHING;
    self->start_tls_pending = false;
    self->deadline_ms = av_clock_mono_ms() + AV_CONN_FINISH_MS;
    if (!self->in_event)
        av_conn_flush(self);
}

void
av_conn_close(av_conn *self)
{
    check(self);
    av_conn_kill(self, "closed");
}

void
av_conn_set_idle(av_conn *self, uint32_t idle_ms)
{
    check(self);
    self->idle_ms = idle_ms;
    self->last_byte_ms = av_clock_mono_ms();
}

void
av_conn_set_deadline(av_conn *self, uint32_t from_now_ms)
{
    check(self);
    if (self->state == AV_CONN_OPEN)
        self->deadline_ms = from_now_ms == 0 ? 0 : av_clock_mono_ms() + (int64_t)from_now_ms;
}

const char *
av_conn_peer(const av_conn *self)
{
    return self->peer;
}

const struct sockaddr *
av_conn_sockaddr(const av_conn *self, socklen_t *ret_size)
{
    *ret_size = self->address_size;
    return (const struct sockaddr *)&self->address;
}

uint64_t
av_conn_number(const av_conn *self)
{
    return self->number;
}
