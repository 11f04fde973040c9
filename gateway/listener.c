/*
 * listener.c - see listener.h
 */
#include "gateway/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "base/log.h"

#define ACCEPTS_PER_EVENT 16
#define BACKLOG           512
#define OUT_OF_FILES_MS   200 /* pause when descriptors are gone: accept would fail again at once */

struct av_listener {
    av_conns *conns;
    av_door door;
    av_limits *limits;
    int fd;
    av_loop_fd *watch;
    av_loop_timer *pause;
};

static void
on_pause_over(void *ctx)
{
    av_listener *self = ctx;

    self->pause = NULL;
    if (self->watch != NULL)
        av_loop_set_events(self->watch, AV_LOOP_READ);
}

static void
refuse(av_listener *self, int fd)
{
    self->conns->counters.refused++;
    if (!self->door.implicit_tls && self->door.refusal != NULL)
        (void)!send(fd, self->door.refusal, strlen(self->door.refusal), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)close(fd);
}

static void
take(av_listener *self, int fd, const struct sockaddr_storage *address, socklen_t size)
{
    const struct sockaddr *sa = (const struct sockaddr *)address;
    int one = 1;

    if (!av_limits_enter(self->conns->limits, sa)) {
        refuse(self, fd);
        return;
    }
    if (!av_limits_enter(self->limits, sa)) {
        av_limits_leave(self->conns->limits, sa);
        refuse(self, fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    av_conns_adopt(self->conns, fd, address, size, &self->door, self->limits);
}

static void
on_accept(void *ctx, int fd, unsigned events AV_UNUSED)
{
    av_listener *self = ctx;

    for (int i = 0; i < ACCEPTS_PER_EVENT && self->watch != NULL; i++) {
        struct sockaddr_storage address = { 0 };
        socklen_t size = sizeof address;
        int got = accept4(fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (got >= 0) {
            take(self, got, &address, size);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            AV_LOG(AV_LOG_WARN, "gateway.accept_failed", AV_STR("door", self->door.name), AV_I64("errno", errno));
            av_loop_set_events(self->watch, 0);
            if (self->pause == NULL)
                self->pause = av_loop_add_timer(self->conns->loop, OUT_OF_FILES_MS, 0, on_pause_over, self);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static av_errc
bind_and_listen(const struct addrinfo *at, const char *text, unsigned port, int *ret, av_error *err)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, zero = 0;
    av_errc rc;

    if (fd < 0)
        return av_error_errno(err, "listening on %s port %u", text, port);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (at->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        *ret = fd;
        return AV_OK;
    }
    rc = av_error_errno(err, "listening on %s port %u", text, port);
    av_fd_close(&fd);
    return rc;
}

static av_errc
listen_on(const char *address, unsigned port, int *ret, av_error *err)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char service[16];
    av_errc rc;

    (void)snprintf(service, sizeof service, "%u", port);
    if (port == 0 || port > 65535 || getaddrinfo(address, service, &hints, &found) != 0)
        return av_error_set(err, AV_ERR_INVALID,
            "cannot listen on address \"%s\" port %u: not a numeric address and port", address, port);
    rc = bind_and_listen(found, address, port, ret, err);
    freeaddrinfo(found);
    return rc;
}

av_errc
av_listener_new(
    av_conns *conns, const char *address, unsigned port, const av_door *door, av_listener **ret, av_error *err)
{
    av_listener *self;
    int fd = -1;
    av_errc rc = listen_on(address, port, &fd, err);

    if (rc != AV_OK)
        return rc;
    self = av_xcalloc(1, sizeof *self);
    self->conns = conns;
    self->door = *door;
    self->limits = av_limits_new(door->max_connections, door->max_connections_per_address);
    self->fd = fd;
    self->watch = av_loop_add_fd(conns->loop, fd, AV_LOOP_READ, on_accept, self);
    AV_LOG(
        AV_LOG_INFO, "gateway.listening", AV_STR("door", door->name), AV_STR("address", address), AV_U64("port", port));
    *ret = self;
    return AV_OK;
}

void
av_listener_stop(av_listener *self)
{
    av_loop_remove_fd(&self->watch);
    if (self->pause != NULL)
        av_loop_remove_timer(&self->pause);
    av_fd_close(&self->fd);
}

void
av_listener_destroy(av_listener **self)
{
    if (*self == NULL)
        return;
    av_listener_stop(*self);
    av_limits_destroy(&(*self)->limits);
    free(*self);
    *self = NULL;
}
