/*
 * bridge.c - bytes between a client's connection and libmicrohttpd's end of a socket pair
 *
 * Bounded: the pair's kernel buffers, 16 KB of input that did not fit, the connection's output buffer. When one is full
 * the one before it is paused. The times of HTTP are kept here: a request must arrive whole in time, an answer must be
 * taken at a least pace, an idle connection is closed. libmicrohttpd's own timeout is not used: it knows only silence.
 */
#include <errno.h>
#include <unistd.h>

#include "gateway/http/http_priv.h"

#define PAIR_BUFFER_BYTES 65536
#define CHUNK             16384
#define REPLY_GRACE_MS    60000

static void
free_if_done(av_bridge *self)
{
    if (self->conn != NULL || self->mhd_has_it)
        return;
    self->server->bridges--;
    av_buf_release_secret(&self->in);
    free(self);
}

static void
close_pair(av_bridge *self)
{
    av_loop_remove_fd(&self->watch);
    av_fd_close(&self->fd);
}

static unsigned
wanted(const av_bridge *self)
{
    return (self->conn != NULL && av_conn_room(self->conn) > 0 ? (unsigned)AV_LOOP_READ : 0U) |
           (self->in.n > 0 ? (unsigned)AV_LOOP_WRITE : 0U);
}

static void
update_watch(av_bridge *self)
{
    if (self->watch != NULL)
        av_loop_set_events(self->watch, wanted(self));
}

/* Bytes the pair took. When libmicrohttpd reads no more, bytes vanish: its answer may still be on the way out. */
static size_t
push(av_bridge *self, av_span bytes)
{
    size_t done = 0;

    while (done < bytes.n && !self->peer_shut) {
        ssize_t n = send(self->fd, bytes.p + done, bytes.n - done, MSG_NOSIGNAL);

        if (n > 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            return done;
        else if (errno != EINTR)
            self->peer_shut = true;
    }
    return bytes.n;
}

/* Our end is at its end: the last bytes are with the connection already. */
static void
end_of_answer(av_bridge *self)
{
    close_pair(self);
    if (self->conn != NULL)
        av_conn_finish(self->conn);
}

static void
pull(av_bridge *self)
{
    uint8_t bytes[CHUNK];
    size_t room = self->conn == NULL ? 0 : av_conn_room(self->conn);

    while (room > 0) {
        ssize_t n = recv(self->fd, bytes, AV_MIN(room, sizeof bytes), 0);

        if (n > 0) {
            room = av_conn_write(self->conn, av_span_of(bytes, (size_t)n));
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            return;
        } else {
            end_of_answer(self);
            return;
        }
    }
}

static void
on_pair(void *ctx, int fd AV_UNUSED, unsigned events)
{
    av_bridge *self = ctx;

    if ((events & AV_LOOP_WRITE) != 0 && self->in.n > 0) {
        av_buf_consume(&self->in, push(self, av_buf_span(&self->in)));
        if (self->in.n == 0 && self->conn != NULL)
            av_conn_resume(self->conn);
    }
    if ((events & (AV_LOOP_READ | AV_LOOP_HANGUP)) != 0)
        pull(self);
    if ((events & AV_LOOP_HANGUP) != 0 && self->fd >= 0 && self->conn != NULL && av_conn_room(self->conn) == 0)
        av_loop_remove_fd(&self->watch); /* a hang-up is told again and again; on_writable reads the rest */
    update_watch(self);
}

/* ---- the client's side ---- */

static void
on_data(void *ctx, av_conn *conn, av_span bytes)
{
    av_bridge *self = ctx;
    size_t taken;

    if (self->fd < 0)
        return;
    if (self->state == AV_BRIDGE_WAITING)
        av_bridge_set_state(self, AV_BRIDGE_READING, 0);
    taken = push(self, bytes);
    if (taken < bytes.n) {
        (void)av_buf_append_span(&self->in, av_span_skip(bytes, taken));
        av_conn_pause(conn);
        update_watch(self);
    }
}

static void
on_writable(void *ctx, av_conn *conn AV_UNUSED)
{
    av_bridge *self = ctx;

    if (self->fd < 0)
        return;
    if (self->watch == NULL)
        self->watch = av_loop_add_fd(self->server->loop, self->fd, 0, on_pair, self);
    pull(self);
    update_watch(self);
}

static void
on_close(void *ctx, av_conn *conn AV_UNUSED, const char *why AV_UNUSED)
{
    av_bridge *self = ctx;

    self->conn = NULL;
    close_pair(self);
    if (self->request != NULL)
        av_http_request_abandon(self->request);
    av_http_server_wake(self->server);
    free_if_done(self);
}

static const av_conn_events events = {
    .on_data = on_data,
    .on_writable = on_writable,
    .on_close = on_close,
};

/* ---- joining ---- */

void
av_bridge_set_state(av_bridge *self, av_bridge_state state, uint64_t reply_bytes)
{
    const av_gateway_settings *s = self->server->settings;

    self->state = state;
    if (self->conn == NULL)
        return;
    av_conn_set_idle(self->conn, state == AV_BRIDGE_WAITING ? (uint32_t)s->http_idle_timeout_s * 1000 : 0);
    if (state == AV_BRIDGE_READING)
        av_conn_set_deadline(self->conn, (uint32_t)s->http_request_timeout_s * 1000);
    else if (state == AV_BRIDGE_SENDING)
        av_conn_set_deadline(self->conn,
            (uint32_t)AV_MIN(REPLY_GRACE_MS + reply_bytes * 1000 / s->http_reply_bytes_per_s, (uint64_t)INT32_MAX));
    else if (state == AV_BRIDGE_WORKING || av_conn_queued(self->conn) == 0)
        av_conn_set_deadline(self->conn, 0); /* else the answer's last bytes keep the deadline of the answer */
}

void
av_bridge_released(av_bridge *self)
{
    self->mhd_has_it = false;
    self->request = NULL;
    free_if_done(self);
}

static bool
make_pair(int ret[2])
{
    int bytes = PAIR_BUFFER_BYTES;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        (void)setsockopt(ret[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return true;
}

void
av_bridge_accept(void *door, av_conn *conn)
{
    const av_http_door *from = door;
    av_http_server *server = from->server;
    socklen_t size = 0;
    const struct sockaddr *address = av_conn_sockaddr(conn, &size);
    int pair[2];
    uint64_t key;
    av_bridge *self;

    if (!make_pair(pair)) {
        av_conn_close(conn);
        return;
    }
    self = av_xcalloc(1, sizeof *self);
    server->bridges++;
    self->server = server;
    self->site = from->site;
    self->conn = conn;
    self->fd = pair[0];
    av_buf_init(&self->in, CHUNK);
    (void)snprintf(self->peer, sizeof self->peer, "%s", av_conn_peer(conn));
    self->watch = av_loop_add_fd(server->loop, self->fd, AV_LOOP_READ, on_pair, self);
    av_conn_attach(conn, &events, self);
    av_bridge_set_state(self, AV_BRIDGE_WAITING, 0);
    key = (uint64_t)pair[1];
    (void)av_map_put(server->arriving, av_map_key_u64(&key), self);
    /* libmicrohttpd closes the descriptor whether it takes it or not. */
    if (MHD_add_connection(server->daemon, pair[1], address, size) != MHD_YES)
        av_conn_close(conn);
    (void)av_map_remove(server->arriving, av_map_key_u64(&key));
    av_http_server_wake(server);
}
