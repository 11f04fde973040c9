/*
 * carrier.c - see carrier.h
 */
#include "actors/bus/carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/bus/bus_priv.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"

#define BACKLOG     1024
#define ACCEPTS     64                 /* in one go: others get their turn */
#define GUESTS      4096               /* connections that have not yet presented a ticket */
#define GUEST_MS    30000              /* the time they have for it: a loaded machine may take seconds */
#define BUFFERS     (24 * 1024 * 1024) /* of all sockets we write to, together */
#define BUFFER_MOST 212992             /* what Linux allows unless it was told otherwise */
#define BUFFER_MIN  32768

/* A wire without a stream: before its ticket, or behind its stream's end. */
typedef struct guest {
    av_link link;
    av_carrier *carrier;
    av_wire *wire;
    av_loop_timer *timer;
} guest;

struct av_carrier {
    av_bus *bus;
    char *dir, *path;
    int fd, spare; /* spare: a descriptor kept to be able to accept, and close, when there are no others */
    av_loop_fd *watch;
    bool failed; /* cannot listen: not tried again */
    av_map *tickets;
    uint8_t *scratch;
    av_link guests, over; /* guest; over: their wires are closed, to be freed */
    size_t guest_n, wires;
};

char *
av_carrier_path(const char *dir, const char *actor_name)
{
    char file[AV_ACTOR_NAME_MAX + 8];

    av_actor_name_file(actor_name, file);
    return av_xasprintf("%s/%s.sock", dir, file);
}

av_carrier *
av_carrier_new(av_bus *bus, const char *dir)
{
    av_carrier *self = av_xcalloc(1, sizeof *self);

    self->bus = bus;
    self->dir = av_xstrdup(dir);
    self->fd = self->spare = -1;
    self->tickets = av_map_new();
    av_link_init(&self->guests);
    av_link_init(&self->over);
    return self;
}

/* Allocated with the first wire: an actor without streams has none. */
static uint8_t *
scratch(av_carrier *self)
{
    if (self->scratch == NULL)
        self->scratch = av_xalloc(AV_WIRE_READ);
    return self->scratch;
}

/* ---- wires without a stream ---- */

static guest *
add_guest(av_carrier *self, av_wire *wire)
{
    guest *g = av_xcalloc(1, sizeof *g);

    g->carrier = self;
    g->wire = wire;
    av_link_init(&g->link);
    av_link_add(&self->guests, &g->link);
    self->guest_n++;
    return g;
}

/* It is freed with the next sweep: we may be inside an event of its wire. */
static void
retire(guest *g)
{
    av_carrier *self = g->carrier;

    av_loop_remove_timer(&g->timer);
    av_link_remove(&g->link);
    av_link_add(&self->over, &g->link);
    self->guest_n--;
    av_loop_again(self->bus->config.loop);
}

static void
on_guest_closed(void *ctx)
{
    retire(ctx);
}

static void
on_guest_late(void *ctx)
{
    guest *g = ctx;

    g->timer = NULL;
    av_wire_close(g->wire);
    retire(g);
}

static bool
on_ticket(void *ctx, av_wire *wire, const uint8_t ticket[AV_WIRE_TICKET], const char *name)
{
    guest *g = ctx;
    av_stream *stream = av_map_remove(g->carrier->tickets, av_span_of(ticket, AV_WIRE_TICKET));

    (void)wire;
    if (stream == NULL || !av_stream_take_wire(stream, g->wire, name)) {
        AV_LOG(AV_LOG_DEBUG, "bus.ticket_refused", AV_STR("from", name));
        return false;
    }
    g->wire = NULL; /* the stream's now */
    g->carrier->wires++;
    retire(g);
    return true;
}

void
av_carrier_sweep(av_carrier *self)
{
    av_link *l;

    if (self == NULL)
        return;
    while ((l = av_link_pop(&self->over)) != NULL) {
        guest *g = AV_CONTAINER(l, guest, link);

        av_wire_free(&g->wire);
        free(g);
    }
}

/* ---- listening ---- */

static void
welcome(av_carrier *self, int fd)
{
    static const av_wire_events events = { .on_ticket = on_ticket, .on_closed = on_guest_closed };
    av_wire *wire = NULL;
    av_error err;
    guest *g;

    if (self->guest_n >= GUESTS) {
        (void)close(fd);
        return;
    }
    g = add_guest(self, NULL);
    if (av_wire_accepted(self->bus->config.loop, fd, &events, g, scratch(self), &wire, &err) != AV_OK) {
        AV_LOG(AV_LOG_WARN, "bus.local_refused", AV_ERRF(&err));
        retire(g);
        return;
    }
    g->wire = wire;
    g->timer = av_loop_add_timer(self->bus->config.loop, GUEST_MS, 0, on_guest_late, g);
}

/* No descriptor is left: who has connected is told so by closing, and takes the other way. */
static bool
turn_away(av_carrier *self)
{
    int fd;

    if (self->spare < 0)
        return false;
    (void)close(self->spare);
    fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    self->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static void
on_connect(void *ctx, int fd, unsigned events)
{
    av_carrier *self = ctx;

    (void)events;
    for (int i = 0; i < ACCEPTS; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (peer >= 0)
            welcome(self, peer);
        else if ((errno != EMFILE && errno != ENFILE) || !turn_away(self))
            return;
    }
}

static av_errc
listen_at(av_carrier *self, av_error *err)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    if (strlen(self->path) >= sizeof at.sun_path)
        return av_error_set(err, AV_ERR_LIMIT, "the name is longer than %zu bytes", sizeof at.sun_path - 1);
    memcpy(at.sun_path, self->path, strlen(self->path));
    if (av_dir_make(self->dir, err) != AV_OK)
        return err->code;
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0)
        return av_error_errno(err, "socket");
    (void)unlink(self->path);     /* of an earlier process of this name */
    (void)fchmod(self->fd, 0600); /* bind takes it over: no moment with another mode, nor another umask for threads */
    if (bind(self->fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(self->fd, BACKLOG) != 0)
        return av_error_errno(err, "bind");
    return AV_OK;
}

static void
stop_listening(av_carrier *self)
{
    av_loop_remove_fd(&self->watch);
    if (self->fd >= 0)
        (void)close(self->fd);
    if (self->spare >= 0)
        (void)close(self->spare);
    self->fd = self->spare = -1;
}

static bool
is_listening(av_carrier *self)
{
    av_error err;

    if (self->fd >= 0 || self->failed)
        return self->fd >= 0;
    self->path = av_carrier_path(self->dir, self->bus->keys.name);
    if (listen_at(self, &err) != AV_OK) {
        AV_LOG(AV_LOG_INFO, "bus.no_local_streams", AV_STR("path", self->path), AV_ERRF(&err));
        stop_listening(self);
        self->failed = true;
        return false;
    }
    self->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    self->watch = av_loop_add_fd(self->bus->config.loop, self->fd, AV_LOOP_READ, on_connect, self);
    return true;
}

/* ---- tickets ---- */

bool
av_carrier_offer(av_carrier *self, av_stream *stream, uint8_t ret_ticket[AV_WIRE_TICKET])
{
    if (self == NULL || !is_listening(self))
        return false;
    av_random_bytes(ret_ticket, AV_WIRE_TICKET);
    (void)av_map_put(self->tickets, av_span_of(ret_ticket, AV_WIRE_TICKET), stream);
    return true;
}

void
av_carrier_withdraw(av_carrier *self, const uint8_t ticket[AV_WIRE_TICKET])
{
    (void)av_map_remove(self->tickets, av_span_of(ticket, AV_WIRE_TICKET));
}

/* ---- connecting ---- */

bool
av_carrier_connect(av_carrier *self, const char *from, const char *own_name, const uint8_t ticket[AV_WIRE_TICKET],
    const av_wire_events *events, void *ctx, av_wire **ret)
{
    AV_CLEANUP(av_free) char *path = NULL;
    char name[AV_SENDER_MAX];
    av_span bare = av_sender_name(av_span_str(from));
    int buffer;
    av_error err;

    if (self == NULL)
        return false;
    memcpy(name, bare.p, bare.n);
    name[bare.n] = '\0';
    path = av_carrier_path(self->dir, name);
    if (av_wire_connect(self->bus->config.loop, path, ticket, own_name, events, ctx, scratch(self), ret, &err) !=
        AV_OK) {
        AV_LOG(AV_LOG_DEBUG, "bus.not_local", AV_STR("to", from), AV_ERRF(&err));
        return false;
    }
    self->wires++;
    buffer = (int)AV_MIN((size_t)BUFFER_MOST, AV_MAX((size_t)BUFFER_MIN, BUFFERS / self->wires));
    av_wire_set_buffer(*ret, buffer);
    return true;
}

void
av_carrier_drop(av_carrier *self, av_wire **wire)
{
    if (*wire == NULL)
        return;
    self->wires--;
    av_wire_close(*wire);
    retire(add_guest(self, AV_TAKE(*wire)));
}

void
av_carrier_finish(av_carrier *self, av_wire **wire)
{
    static const av_wire_events events = { .on_closed = on_guest_closed };
    guest *g;

    if (av_wire_is_closed(*wire)) {
        av_carrier_drop(self, wire);
        return;
    }
    self->wires--;
    g = add_guest(self, *wire);
    av_wire_finish(AV_TAKE(*wire), &events, g);
}

void
av_carrier_destroy(av_carrier **self)
{
    av_carrier *c = *self;

    if (c == NULL)
        return;
    assert(c->wires == 0); /* streams are gone before */
    if (c->fd >= 0)
        (void)unlink(c->path);
    stop_listening(c);
    while (!av_link_empty(&c->guests))
        retire(AV_CONTAINER(c->guests.next, guest, link));
    av_carrier_sweep(c);
    av_map_destroy(&c->tickets, NULL);
    free(c->scratch);
    free(c->path);
    free(c->dir);
    free(c);
    *self = NULL;
}
