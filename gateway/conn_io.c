/*
 * conn_io.c - the socket side of a connection: handshake, reading, sending, ending in order
 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/conn_priv.h"
#include <openssl/err.h>

/* One event reads at most this: a fast sender does not keep the loop from the others. */
#define READS_PER_EVENT 4

static unsigned
wanted_events(const av_conn *conn)
{
    bool queued = av_conn_pending(conn) > 0 || conn->short_of_room; /* a protocol waits to be told of room */

    switch (conn->state) {
    case AV_CONN_HANDSHAKE:
        return AV_LOOP_READ | (conn->handshake_writes ? (unsigned)AV_LOOP_WRITE : 0U);
    case AV_CONN_OPEN:
        return (conn->paused || conn->start_tls_pending ? 0U : (unsigned)AV_LOOP_READ) |
               (queued || conn->start_tls_pending ? (unsigned)AV_LOOP_WRITE : 0U);
    case AV_CONN_FINISHING:
        return conn->shut ? AV_LOOP_READ : AV_LOOP_WRITE;
    case AV_CONN_DEAD:
        break;
    }
    return 0;
}

void
av_conn_update_watch(av_conn *self)
{
    unsigned want = wanted_events(self);

    if (self->watch == NULL || want == self->watched)
        return;
    self->watched = want;
    av_loop_set_events(self->watch, want);
}

void
av_conn_accept(av_conn *self)
{
    self->accepted = true;
    self->deadline_ms = 0;
    self->door->accept(self->door->ctx, self);
    assert(self->events != NULL || self->state == AV_CONN_DEAD);
    av_conn_update_watch(self);
}

static void
shake_hands(av_conn *conn)
{
    int n, why;

    ERR_clear_error();
    n = SSL_do_handshake(conn->tls);
    if (n == 1) {
        conn->state = AV_CONN_OPEN;
        conn->deadline_ms = 0;
        conn->last_byte_ms = av_clock_mono_ms();
        if (!conn->accepted)
            av_conn_accept(conn);
        else if (conn->events->on_secure != NULL)
            conn->events->on_secure(conn->ctx, conn);
        return;
    }
    why = SSL_get_error(conn->tls, n);
    conn->handshake_writes = why == SSL_ERROR_WANT_WRITE;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return;
    conn->all->counters.handshakes_failed++;
    AV_LOG(AV_LOG_DEBUG, "tls.handshake_failed", AV_U64("conn", conn->number), AV_STR("peer", conn->peer),
        AV_STR("door", conn->door->name), AV_STR("detail", av_tls_reason()));
    av_conn_kill(conn, "tls");
}

static void
begin_tls(av_conn *conn)
{
    conn->start_tls_pending = false;
    conn->tls = av_tls_session(conn->all->tls, conn->fd);
    if (conn->tls == NULL) {
        av_conn_kill(conn, "error");
        return;
    }
    conn->state = AV_CONN_HANDSHAKE;
    conn->deadline_ms = av_clock_mono_ms() + (int64_t)conn->all->settings->handshake_timeout_s * 1000;
}

/* Bytes read, 0: nothing now, -1: the connection is dead. */
static ssize_t
receive(av_conn *conn, uint8_t *p, size_t n)
{
    ssize_t got;
    int why;

    if (conn->tls == NULL) {
        got = recv(conn->fd, p, n, 0);
        if (got > 0)
            return got;
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        av_conn_kill(conn, "peer");
        return -1;
    }
    ERR_clear_error();
    got = SSL_read(conn->tls, p, (int)n);
    if (got > 0)
        return got;
    why = SSL_get_error(conn->tls, (int)got);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    av_conn_kill(conn, why == SSL_ERROR_SSL ? "tls" : "peer");
    ERR_clear_error();
    return -1;
}

static void
read_some(av_conn *conn)
{
    uint8_t bytes[AV_CONN_READ_BYTES];

    for (int i = 0; i < READS_PER_EVENT; i++) {
        ssize_t n;

        if (conn->state != AV_CONN_OPEN || conn->paused || conn->start_tls_pending)
            return;
        n = receive(conn, bytes, sizeof bytes);
        if (n <= 0)
            return;
        conn->last_byte_ms = av_clock_mono_ms();
        conn->events->on_data(conn->ctx, conn, av_span_of(bytes, (size_t)n));
    }
    av_conn_read_again(conn);
}

static void
on_again(void *ctx)
{
    av_conn *conn = ctx;

    conn->again = NULL;
    av_conn_on_fd(conn, conn->fd, AV_LOOP_READ);
}

void
av_conn_read_again(av_conn *self)
{
    if (self->state != AV_CONN_OPEN || self->paused || self->again != NULL)
        return;
    if (self->tls != NULL && SSL_pending(self->tls) > 0)
        self->again = av_loop_add_timer(self->all->loop, 0, 0, on_again, self);
}

/* Bytes taken, 0: no room now, -1: the connection is dead. */
static ssize_t
transmit(av_conn *conn, const uint8_t *p, size_t n)
{
    ssize_t put;
    int why;

    if (conn->tls == NULL) {
        put = send(conn->fd, p, n, MSG_NOSIGNAL);
        if (put >= 0)
            return put;
        if (errno == EAGAIN || errno == EINTR)
            return 0;
        av_conn_kill(conn, "peer");
        return -1;
    }
    ERR_clear_error();
    put = SSL_write(conn->tls, p, (int)AV_MIN(n, (size_t)1 << 20));
    if (put > 0)
        return put;
    why = SSL_get_error(conn->tls, (int)put);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return 0;
    av_conn_kill(conn, why == SSL_ERROR_SSL ? "tls" : "peer");
    ERR_clear_error();
    return -1;
}

/* All is sent: half-close, then let the peer's last bytes run out, for closing on unread bytes would reset the peer. */
static void
half_close(av_conn *conn)
{
    if (conn->tls != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->tls);
        ERR_clear_error();
    }
    if (shutdown(conn->fd, SHUT_WR) != 0) {
        av_conn_kill(conn, "closed");
        return;
    }
    conn->shut = true;
}

static void
drain(av_conn *conn)
{
    uint8_t bytes[AV_CONN_READ_BYTES];
    ssize_t n = recv(conn->fd, bytes, sizeof bytes, 0);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        av_conn_kill(conn, "closed");
}

static void
after_drained(av_conn *conn)
{
    if (conn->out.cap > AV_CONN_READ_BYTES) { /* an idle connection keeps no large buffer */
        size_t max = conn->out.max;

        av_buf_release(&conn->out);
        av_buf_init(&conn->out, max);
    } else {
        av_buf_clear(&conn->out);
    }
    conn->out_at = 0;
    if (conn->start_tls_pending)
        begin_tls(conn);
    else if (conn->state == AV_CONN_FINISHING && !conn->shut)
        half_close(conn);
}

void
av_conn_flush(av_conn *self)
{
    while (self->state != AV_CONN_DEAD && av_conn_pending(self) > 0) {
        ssize_t n = transmit(self, self->out.p + self->out_at, av_conn_pending(self));

        if (n <= 0)
            break;
        self->out_at += (size_t)n;
        self->last_taken_ms = self->last_byte_ms = av_clock_mono_ms();
    }
    if (self->state == AV_CONN_DEAD)
        return;
    if (av_conn_pending(self) == 0)
        after_drained(self);
    av_conn_update_watch(self);
}

/* The protocol is told of room once; what it then writes goes out at once. */
static void
tell_room(av_conn *conn)
{
    if (conn->state != AV_CONN_OPEN || !conn->short_of_room)
        return;
    if (av_conn_pending(conn) > conn->all->settings->output_buffer_bytes / 2)
        return;
    conn->short_of_room = false;
    if (conn->events->on_writable == NULL)
        return;
    conn->events->on_writable(conn->ctx, conn);
    if (conn->state != AV_CONN_DEAD)
        av_conn_flush(conn);
}

void
av_conn_on_fd(void *ctx, int fd, unsigned events)
{
    av_conn *conn = ctx;

    assert(conn->magic == AV_CONN_MAGIC && conn->fd == fd);
    conn->in_event = true;
    if (conn->state == AV_CONN_HANDSHAKE)
        shake_hands(conn);
    else if (conn->shut)
        drain(conn);
    else if ((events & AV_LOOP_HANGUP) != 0 && (conn->watched & AV_LOOP_READ) == 0)
        av_conn_kill(conn, "peer"); /* nobody reads now, and the loop would tell us again and again */
    if (conn->state == AV_CONN_OPEN && (events & (AV_LOOP_READ | AV_LOOP_HANGUP)) != 0)
        read_some(conn);
    if (conn->state == AV_CONN_OPEN || (conn->state == AV_CONN_FINISHING && !conn->shut))
        av_conn_flush(conn);
    tell_room(conn);
    conn->in_event = false;
    av_conn_update_watch(conn);
}
