/*
 * conns.c - all connections of a gateway: adopting, times, reaping
 *
 * Times are looked at once a second for every connection: a walk over some thousands of structs costs less than a timer
 * each, and no limit here needs to be finer than that.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/conn_priv.h"

#define CROWD 32 /* connections from which on it is worth the walk through the heap */

static void
free_conn(av_conn *conn)
{
    av_conns *all = conn->all;

    if (conn->events != NULL)
        conn->events->on_close(conn->ctx, conn, conn->why);
    if (conn->door_limits != NULL) {
        av_limits_leave(conn->door_limits, (const struct sockaddr *)&conn->address);
        av_limits_leave(all->limits, (const struct sockaddr *)&conn->address);
    }
    all->counters.open--;
    av_buf_release(&conn->out);
    conn->magic = 0;
    free(conn);
}

static void
reap(void *ctx)
{
    av_conns *self = ctx;

    self->reap = NULL;
    while (self->dead != NULL) {
        av_conn *conn = self->dead;

        self->dead = conn->next;
        free_conn(conn);
    }
}

static void
unlink_live(av_conn *conn)
{
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        conn->all->live = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
}

void
av_conn_kill(av_conn *self, const char *why)
{
    av_conns *all = self->all;

    if (self->state == AV_CONN_DEAD)
        return;
    self->state = AV_CONN_DEAD;
    self->why = why;
    av_loop_remove_fd(&self->watch);
    if (self->again != NULL)
        av_loop_remove_timer(&self->again);
    if (self->tls != NULL)
        SSL_free(AV_TAKE(self->tls));
    if (self->fd >= 0)
        (void)close(self->fd);
    self->fd = -1;
    unlink_live(self);
    self->prev = NULL;
    self->next = all->dead;
    all->dead = self;
    if (all->reap == NULL)
        all->reap = av_loop_add_timer(all->loop, 0, 0, reap, all);
}

static void
time_out(av_conn *conn, const char *why)
{
    conn->all->counters.timeouts++;
    av_conn_kill(conn, why);
}

static bool
is_timed_out(const av_conn *conn, int64_t now)
{
    return (conn->deadline_ms != 0 && now >= conn->deadline_ms) ||
           (conn->idle_ms != 0 && now - conn->last_byte_ms >= conn->idle_ms);
}

/* The protocol's own times: it may say good-bye first. */
static void
tell_timeout(av_conn *conn, int64_t now)
{
    conn->all->counters.timeouts++;
    if (conn->events != NULL && conn->events->on_timeout != NULL)
        conn->events->on_timeout(conn->ctx, conn);
    if (conn->state == AV_CONN_OPEN && is_timed_out(conn, now))
        av_conn_kill(conn, "timeout");
}

static void
check_times(av_conn *conn, int64_t now)
{
    int64_t stall_ms = (int64_t)conn->all->settings->output_stall_timeout_s * 1000;
    /* Nothing queued, but room still to be told: the kernel took all and the peer nothing. */
    bool sending = av_conn_pending(conn) > 0 || conn->short_of_room;

    if (conn->state == AV_CONN_FINISHING || conn->state == AV_CONN_HANDSHAKE) {
        if (now >= conn->deadline_ms)
            time_out(conn, conn->state == AV_CONN_FINISHING && !conn->shut ? "slow" : "timeout");
    } else if (sending && now - conn->last_taken_ms >= stall_ms) {
        time_out(conn, "slow");
    } else if (is_timed_out(conn, now)) {
        tell_timeout(conn, now);
    }
}

/* After a crowd has left, what it used goes back to the system. */
static void
give_back(av_conns *self)
{
    uint64_t open = self->counters.open;

    self->peak_open = AV_MAX(self->peak_open, open);
    if (self->peak_open < CROWD || open > self->peak_open / 4)
        return;
    self->peak_open = open;
    (void)malloc_trim(0);
}

static void
tick(void *ctx)
{
    av_conns *self = ctx;
    int64_t now = av_clock_mono_ms();
    av_conn *next;

    for (av_conn *conn = self->live; conn != NULL; conn = next) {
        next = conn->next; /* a protocol kills only its own connection; the dead stay allocated until reaped */
        check_times(conn, now);
        if (next != NULL && next->state == AV_CONN_DEAD)
            break; /* one killed its neighbour: the rest waits for the next second */
    }
    give_back(self);
}

void
av_conns_init(av_conns *self, av_loop *loop, const av_gateway_settings *settings, av_tls *tls)
{
    *self = (av_conns){ .loop = loop, .settings = settings, .tls = tls };
    self->limits = av_limits_new(settings->max_connections, settings->max_connections);
    self->tick = av_loop_add_timer(loop, 1000, 1000, tick, self);
}

void
av_conns_release(av_conns *self)
{
    if (self->limits == NULL)
        return;
    while (self->live != NULL || self->dead != NULL) {
        while (self->live != NULL)
            av_conn_kill(self->live, "stopping");
        if (self->reap != NULL)
            av_loop_remove_timer(&self->reap);
        reap(self);
    }
    av_loop_remove_timer(&self->tick);
    av_limits_destroy(&self->limits);
}

static void
name_peer(av_conn *conn)
{
    const struct sockaddr *sa = (const struct sockaddr *)&conn->address;

    (void)snprintf(conn->peer, sizeof conn->peer, "unknown");
    if (sa->sa_family == AF_INET) {
        (void)inet_ntop(
            AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, conn->peer, sizeof conn->peer);
    } else if (sa->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(a))
            (void)inet_ntop(AF_INET, &a->s6_addr[12], conn->peer, sizeof conn->peer);
        else
            (void)inet_ntop(AF_INET6, a, conn->peer, sizeof conn->peer);
    }
}

void
av_conns_adopt(av_conns *self, int fd, const struct sockaddr_storage *address, socklen_t address_size,
    const av_door *door, av_limits *door_limits)
{
    av_conn *conn = av_xcalloc(1, sizeof *conn);
    int64_t now = av_clock_mono_ms();

    conn->magic = AV_CONN_MAGIC;
    conn->all = self;
    conn->fd = fd;
    conn->number = ++self->next_number;
    conn->door = door;
    conn->door_limits = door_limits;
    conn->address = *address;
    conn->address_size = address_size;
    conn->last_byte_ms = conn->last_taken_ms = now;
    conn->why = "error";
    name_peer(conn);
    /* Soft ceiling for protocols that look at the room, twice that as the end of patience with those that do not. */
    av_buf_init(&conn->out, 2 * (size_t)self->settings->output_buffer_bytes);
    conn->next = self->live;
    if (self->live != NULL)
        self->live->prev = conn;
    self->live = conn;
    self->counters.accepted++;
    self->counters.open++;
    conn->watch = av_loop_add_fd(self->loop, fd, 0, av_conn_on_fd, conn);
    if (!door->implicit_tls) {
        conn->state = AV_CONN_OPEN;
        av_conn_accept(conn);
        return;
    }
    conn->state = AV_CONN_HANDSHAKE;
    conn->deadline_ms = now + (int64_t)self->settings->handshake_timeout_s * 1000;
    conn->tls = av_tls_session(self->tls, fd);
    if (conn->tls == NULL)
        av_conn_kill(conn, "error");
    else
        av_conn_update_watch(conn);
}
