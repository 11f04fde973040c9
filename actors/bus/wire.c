/*
 * wire.c - see wire.h
 */
#include "actors/bus/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

#define MAGIC     "AVW1"
#define MAGIC_N   4
#define HELLO_MAX (AV_WIRE_HELLO_HEAD + AV_SENDER_MAX)
#define TAKEN     0x01

typedef enum state {
    HELLO_IN,  /* accepted: the ticket is coming */
    HELLO_OUT, /* connected: the answer is coming */
    OPEN,
    FINISHING, /* the queue goes out */
    CLOSED
} state;

struct av_wire {
    av_loop *loop;
    av_loop_fd *watch; /* NULL while nothing is waited for */
    int fd;
    unsigned watched;
    state state;
    av_wire_events events;
    void *ctx;
    uint8_t *scratch;
    uint8_t hello[HELLO_MAX];
    size_t hello_n;
    uint64_t allowed; /* to on_bytes */
    uint8_t *queue;   /* AV_WIRE_QUEUE bytes while something is queued, else NULL */
    size_t queue_at, queue_n;
};

static void on_fd(void *ctx, int fd, unsigned events);

/* A descriptor that waits for nothing is taken out of the loop: epoll tells of a hang-up again and again otherwise. */
static void
update_watch(av_wire *self)
{
    unsigned want = 0;

    if (self->state == CLOSED)
        return;
    if (self->state == HELLO_IN || self->state == HELLO_OUT || self->allowed > 0)
        want |= AV_LOOP_READ;
    if (self->queue_n > 0)
        want |= AV_LOOP_WRITE;
    if (want == self->watched)
        return;
    self->watched = want;
    if (want == 0)
        av_loop_remove_fd(&self->watch);
    else if (self->watch == NULL)
        self->watch = av_loop_add_fd(self->loop, self->fd, want, on_fd, self);
    else
        av_loop_set_events(self->watch, want);
}

void
av_wire_close(av_wire *self)
{
    if (self->state == CLOSED)
        return;
    self->state = CLOSED;
    av_loop_remove_fd(&self->watch);
    (void)close(self->fd);
    free(self->queue);
    self->queue = NULL;
    self->queue_n = 0;
}

static void
end(av_wire *self)
{
    if (self->state == CLOSED)
        return;
    av_wire_close(self);
    if (self->events.on_closed != NULL)
        self->events.on_closed(self->ctx);
}

/* ---- opening ---- */

static bool
same_user(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.uid == geteuid();
}

static av_wire *
new_wire(av_loop *loop, int fd, state first, const av_wire_events *events, void *ctx, uint8_t *scratch)
{
    av_wire *self = av_xcalloc(1, sizeof *self);

    self->loop = loop;
    self->fd = fd;
    self->state = first;
    self->events = *events;
    self->ctx = ctx;
    self->scratch = scratch;
    update_watch(self);
    return self;
}

static bool
send_hello(int fd, const uint8_t *ticket, const char *own_name)
{
    AV_CLEANUP(av_buf_release) av_buf hello = { 0 };
    size_t name_n = strlen(own_name);

    assert(name_n < AV_SENDER_MAX);
    av_buf_init(&hello, HELLO_MAX);
    (void)av_buf_puts(&hello, MAGIC);
    (void)av_buf_append(&hello, ticket, AV_WIRE_TICKET);
    (void)av_buf_put_u8(&hello, (uint8_t)name_n);
    (void)av_buf_append(&hello, own_name, name_n);
    /* Into an empty socket it goes as a whole. */
    return send(fd, hello.p, hello.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)hello.n;
}

av_errc
av_wire_connect(av_loop *loop, const char *path, const uint8_t ticket[AV_WIRE_TICKET], const char *own_name,
    const av_wire_events *events, void *ctx, uint8_t *scratch, av_wire **ret, av_error *err)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *why = NULL;
    int fd;

    if (strlen(path) >= sizeof to.sun_path)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "the name of the local socket is too long");
    memcpy(to.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "local socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        why = strerror(errno);
    else if (!same_user(fd))
        why = "it is another user's";
    else if (!send_hello(fd, ticket, own_name))
        why = "it does not take the ticket";
    if (why != NULL) {
        (void)close(fd);
        return av_error_set(err, AV_ERR_UNAVAILABLE, "local socket: %s", why);
    }
    *ret = new_wire(loop, fd, HELLO_OUT, events, ctx, scratch);
    return AV_OK;
}

av_errc
av_wire_accepted(
    av_loop *loop, int fd, const av_wire_events *events, void *ctx, uint8_t *scratch, av_wire **ret, av_error *err)
{
    if (!same_user(fd)) {
        (void)close(fd);
        return av_error_set(err, AV_ERR_DENIED, "local socket: another user's process has connected");
    }
    *ret = new_wire(loop, fd, HELLO_IN, events, ctx, scratch);
    return AV_OK;
}

void
av_wire_adopt(av_wire *self, const av_wire_events *events, void *ctx)
{
    self->events = *events;
    self->ctx = ctx;
}

void
av_wire_set_buffer(av_wire *self, int bytes)
{
    if (self->state != CLOSED)
        (void)setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* ---- what comes in ---- */

/* n bytes, 0: none now, -1: closed or broken. */
static ssize_t
take(av_wire *self, uint8_t *to, size_t n)
{
    ssize_t got;

    do
        got = recv(self->fd, to, n, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

size_t
av_wire_hello_size(av_span in)
{
    size_t n = in.n < AV_WIRE_HELLO_HEAD ? 0 : in.p[AV_WIRE_HELLO_HEAD - 1];

    if (memcmp(in.p, MAGIC, AV_MIN(in.n, (size_t)MAGIC_N)) != 0 || n >= AV_SENDER_MAX)
        return 0;
    return AV_WIRE_HELLO_HEAD + n;
}

bool
av_wire_hello_open(av_span in, av_span *ret_ticket, char ret_name[AV_SENDER_MAX])
{
    av_span name = av_span_skip(in, AV_WIRE_HELLO_HEAD);

    assert(in.n == av_wire_hello_size(in));
    if (!av_sender_valid(name))
        return false;
    *ret_ticket = av_span_slice(in, MAGIC_N, MAGIC_N + AV_WIRE_TICKET);
    memcpy(ret_name, name.p, name.n);
    ret_name[name.n] = '\0';
    return true;
}

/* The whole greeting is there: is it one, and is its ticket good? */
static bool
greet(av_wire *self)
{
    const uint8_t taken = TAKEN;
    char name[AV_SENDER_MAX];
    av_span ticket;

    if (!av_wire_hello_open(av_span_of(self->hello, self->hello_n), &ticket, name) ||
        !self->events.on_ticket(self->ctx, self, ticket.p, name) ||
        send(self->fd, &taken, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
        return false;
    self->state = OPEN;
    self->events.on_taken(self->ctx);
    return true;
}

static void
read_hello(av_wire *self)
{
    size_t want = self->hello_n == 0 ? AV_WIRE_HELLO_HEAD : av_wire_hello_size(av_span_of(self->hello, self->hello_n));
    ssize_t n = want == 0 ? -1 : take(self, self->hello + self->hello_n, want - self->hello_n);

    if (n < 0) {
        end(self);
        return;
    }
    self->hello_n += (size_t)n;
    if (self->hello_n < AV_WIRE_HELLO_HEAD)
        return;
    want = av_wire_hello_size(av_span_of(self->hello, self->hello_n));
    if (want == 0 || (self->hello_n == want && !greet(self)))
        end(self);
}

static void
read_answer(av_wire *self)
{
    uint8_t answer = 0;
    ssize_t n = take(self, &answer, 1);

    if (n == 0)
        return;
    if (n < 0 || answer != TAKEN) {
        end(self);
        return;
    }
    self->state = OPEN;
    self->events.on_taken(self->ctx);
}

static void
read_bytes(av_wire *self)
{
    uint8_t *to = self->scratch;
    ssize_t n;

    if (self->allowed == 0)
        return;
    n = take(self, to, (size_t)AV_MIN(self->allowed, (uint64_t)AV_WIRE_READ));
    if (n < 0) {
        end(self);
    } else if (n > 0) {
        self->allowed -= (uint64_t)n;
        self->events.on_bytes(self->ctx, av_span_of(to, (size_t)n));
    }
}

/* ---- what goes out ---- */

/* n bytes the socket has taken; false: it is broken. */
static bool
put(av_wire *self, av_span bytes, size_t *ret)
{
    size_t done = 0;

    while (done < bytes.n) {
        ssize_t n = send(self->fd, bytes.p + done, bytes.n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return false;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    *ret = done;
    return true;
}

static void
write_queue(av_wire *self)
{
    size_t n = 0;

    if (self->queue_n == 0)
        return;
    if (!put(self, av_span_of(self->queue + self->queue_at, self->queue_n), &n)) {
        end(self);
        return;
    }
    self->queue_at += n;
    self->queue_n -= n;
    if (self->queue_n > 0)
        return;
    free(self->queue);
    self->queue = NULL;
    self->queue_at = 0;
    if (self->state == FINISHING)
        end(self);
    else if (self->events.on_room != NULL)
        self->events.on_room(self->ctx);
}

size_t
av_wire_room(const av_wire *self)
{
    return self->state == OPEN && self->queue_n == 0 ? AV_WIRE_QUEUE : 0;
}

/* A socket that turns out broken here is told of from the loop, as everything else. */
void
av_wire_write(av_wire *self, av_span bytes)
{
    size_t n = 0;

    assert(bytes.n <= av_wire_room(self));
    (void)put(self, bytes, &n);
    if (n == bytes.n)
        return;
    bytes = av_span_skip(bytes, n);
    self->queue = av_xalloc(AV_WIRE_QUEUE);
    memcpy(self->queue, bytes.p, bytes.n);
    self->queue_at = 0;
    self->queue_n = bytes.n;
    update_watch(self);
}

/* ---- the loop ---- */

static void
on_fd(void *ctx, int fd, unsigned events)
{
    av_wire *self = ctx;

    (void)fd;
    if ((events & (AV_LOOP_WRITE | AV_LOOP_HANGUP)) != 0)
        write_queue(self);
    if ((events & (AV_LOOP_READ | AV_LOOP_HANGUP)) != 0) {
        if (self->state == HELLO_IN)
            read_hello(self);
        else if (self->state == HELLO_OUT)
            read_answer(self);
        else if (self->state == OPEN)
            read_bytes(self);
    }
    update_watch(self);
}

void
av_wire_allow(av_wire *self, uint64_t n)
{
    self->allowed = n;
    update_watch(self);
}

/* ---- the end ---- */

bool
av_wire_is_closed(const av_wire *self)
{
    return self->state == CLOSED;
}

void
av_wire_finish(av_wire *self, const av_wire_events *events, void *ctx)
{
    if (self->state == CLOSED)
        return;
    self->events = *events;
    self->ctx = ctx;
    self->state = FINISHING;
    self->allowed = 0;
    if (self->queue_n > 0)
        update_watch(self);
    else
        end(self);
}

void
av_wire_free(av_wire **self)
{
    if (*self == NULL)
        return;
    av_wire_close(*self);
    free(*self);
    *self = NULL;
}
