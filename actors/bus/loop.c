/*
 * loop.c - see loop.h
 *
 * What is removed while a turn runs is only marked and freed when the outermost turn ends, because epoll may already
 * have reported it. Timers stand in a binary heap ordered by (time, number).
 */
#include "actors/bus/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

#define PREPARE_MAX 8
#define EVENTS_MAX  64

struct av_loop_fd {
    av_loop *loop;
    int fd;
    unsigned events;
    bool dead;
    av_loop_fd_fn *fn;
    void *ctx;
    av_loop_fd *prev, *next; /* all live ones, or the dead */
};

struct av_loop_timer {
    av_loop *loop;
    int64_t at_ms;
    uint64_t number; /* order of adding: breaks ties, and keeps timers added in a turn out of that turn */
    uint64_t repeat_ms;
    size_t slot; /* in the heap */
    bool running, removed;
    av_loop_fn *fn;
    void *ctx;
};

struct post {
    av_loop_fn *fn;
    void *ctx;
    struct post *next;
};

struct prepare {
    av_loop_fn *fn;
    void *ctx;
};

struct av_loop {
    int epoll, wake, signals;
    av_loop_fd *live, *dead;
    av_loop_timer **heap;
    size_t heap_n, heap_cap;
    uint64_t timer_numbers;
    struct prepare prepares[PREPARE_MAX];
    size_t prepare_n;
    unsigned depth; /* turns on the stack */
    bool stop, again, worked, running;
    av_loop_fn *on_stop, *on_reload, *on_child;
    void *signal_ctx;
    pthread_mutex_t lock; /* guards posts; everything else belongs to the loop's thread */
    struct post *posts, **posts_tail;
};

/* ---- descriptors ---- */

static void
list_push(av_loop_fd **list, av_loop_fd *h)
{
    h->prev = NULL;
    h->next = *list;
    if (*list != NULL)
        (*list)->prev = h;
    *list = h;
}

static void
list_unlink(av_loop_fd **list, av_loop_fd *h)
{
    if (h->prev != NULL)
        h->prev->next = h->next;
    else
        *list = h->next;
    if (h->next != NULL)
        h->next->prev = h->prev;
}

static uint32_t
epoll_bits(unsigned events)
{
    return ((events & AV_LOOP_READ) != 0 ? (uint32_t)EPOLLIN : 0U) |
           ((events & AV_LOOP_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0U);
}

av_loop_fd *
av_loop_add_fd(av_loop *self, int fd, unsigned events, av_loop_fd_fn *fn, void *ctx)
{
    av_loop_fd *h = av_xcalloc(1, sizeof *h);
    struct epoll_event ev = { .events = epoll_bits(events), .data.ptr = h };
    int rc;

    *h = (av_loop_fd){ .loop = self, .fd = fd, .events = events, .fn = fn, .ctx = ctx };
    rc = epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &ev);
    assert(rc == 0); /* a closed or doubled descriptor is our own mistake */
    (void)rc;
    list_push(&self->live, h);
    return h;
}

void
av_loop_set_events(av_loop_fd *handle, unsigned events)
{
    struct epoll_event ev = { .events = epoll_bits(events), .data.ptr = handle };
    int rc;

    if (handle->events == events)
        return;
    handle->events = events;
    rc = epoll_ctl(handle->loop->epoll, EPOLL_CTL_MOD, handle->fd, &ev);
    assert(rc == 0);
    (void)rc;
}

void
av_loop_remove_fd(av_loop_fd **handle)
{
    av_loop_fd *h = *handle;

    if (h == NULL)
        return;
    *handle = NULL;
    (void)epoll_ctl(h->loop->epoll, EPOLL_CTL_DEL, h->fd, NULL);
    list_unlink(&h->loop->live, h);
    if (h->loop->depth == 0) {
        free(h);
        return;
    }
    h->dead = true;
    list_push(&h->loop->dead, h);
}

/* ---- timers ---- */

static bool
earlier(const av_loop_timer *a, const av_loop_timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void
heap_set(av_loop *self, size_t slot, av_loop_timer *t)
{
    self->heap[slot] = t;
    t->slot = slot;
}

static void
heap_up(av_loop *self, size_t slot)
{
    av_loop_timer *t = self->heap[slot];

    while (slot > 0 && earlier(t, self->heap[(slot - 1) / 2])) {
        heap_set(self, slot, self->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    heap_set(self, slot, t);
}

static void
heap_down(av_loop *self, size_t slot)
{
    av_loop_timer *t = self->heap[slot];

    for (;;) {
        size_t child = slot * 2 + 1;

        if (child + 1 < self->heap_n && earlier(self->heap[child + 1], self->heap[child]))
            child++;
        if (child >= self->heap_n || !earlier(self->heap[child], t))
            break;
        heap_set(self, slot, self->heap[child]);
        slot = child;
    }
    heap_set(self, slot, t);
}

static void
heap_add(av_loop *self, av_loop_timer *t)
{
    if (self->heap_n == self->heap_cap) {
        self->heap_cap = self->heap_cap == 0 ? 32 : self->heap_cap * 2;
        self->heap = av_xrealloc(self->heap, self->heap_cap * sizeof(*self->heap));
    }
    heap_set(self, self->heap_n++, t);
    heap_up(self, t->slot);
}

static void
heap_remove(av_loop *self, av_loop_timer *t)
{
    size_t slot = t->slot;

    self->heap_n--;
    if (slot == self->heap_n)
        return;
    heap_set(self, slot, self->heap[self->heap_n]);
    heap_up(self, slot);
    heap_down(self, self->heap[slot]->slot);
}

/* Takes the earliest timer out of a heap that is not empty. */
static void
heap_drop_first(av_loop *self)
{
    self->heap[0] = self->heap[--self->heap_n];
    heap_down(self, 0);
}

av_loop_timer *
av_loop_add_timer(av_loop *self, uint64_t delay_ms, uint64_t repeat_ms, av_loop_fn *fn, void *ctx)
{
    av_loop_timer *t = av_xcalloc(1, sizeof *t);

    *t = (av_loop_timer){ .loop = self,
        .at_ms = av_clock_mono_ms() + (int64_t)AV_MIN(delay_ms, (uint64_t)INT64_MAX / 4),
        .number = self->timer_numbers++,
        .repeat_ms = repeat_ms,
        .fn = fn,
        .ctx = ctx };
    heap_add(self, t);
    return t;
}

void
av_loop_remove_timer(av_loop_timer **handle)
{
    av_loop_timer *t = *handle;

    if (t == NULL)
        return;
    *handle = NULL;
    if (t->running) { /* freed when its fn returns */
        t->removed = true;
        return;
    }
    heap_remove(t->loop, t);
    free(t);
}

static void
run_timers(av_loop *self)
{
    int64_t now = av_clock_mono_ms();
    uint64_t limit = self->timer_numbers;

    while (self->heap_n > 0) {
        av_loop_timer *t = self->heap[0];

        if (t->at_ms > now || t->number >= limit)
            return;
        heap_drop_first(self);
        t->running = true;
        t->fn(t->ctx);
        t->running = false;
        if (t->removed || t->repeat_ms == 0) {
            free(t);
            continue;
        }
        t->at_ms = av_clock_mono_ms() + (int64_t)t->repeat_ms;
        t->number = self->timer_numbers++;
        heap_add(self, t);
    }
}

/* ---- posts and signals ---- */

void
av_loop_post(av_loop *self, av_loop_fn *fn, void *ctx)
{
    struct post *p = av_xalloc(sizeof *p);
    uint64_t one = 1;
    ssize_t n;

    *p = (struct post){ fn, ctx, NULL };
    (void)pthread_mutex_lock(&self->lock);
    *self->posts_tail = p;
    self->posts_tail = &p->next;
    (void)pthread_mutex_unlock(&self->lock);
    n = write(self->wake, &one, sizeof one); /* EAGAIN: the counter is full, so it wakes anyway */
    (void)n;
}

static struct post *
take_posts(av_loop *self)
{
    struct post *list;

    (void)pthread_mutex_lock(&self->lock);
    list = self->posts;
    self->posts = NULL;
    self->posts_tail = &self->posts;
    (void)pthread_mutex_unlock(&self->lock);
    return list;
}

static void
on_wake(void *ctx, int fd, unsigned events)
{
    av_loop *self = ctx;
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    struct post *list = take_posts(self);

    (void)n;
    (void)events;
    while (list != NULL) {
        struct post *p = list;

        list = p->next;
        p->fn(p->ctx);
        free(p);
    }
}

static void
on_signal(void *ctx, int fd, unsigned events)
{
    av_loop *self = ctx;
    struct signalfd_siginfo info;

    (void)events;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if ((info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) && self->on_stop != NULL)
            self->on_stop(self->signal_ctx);
        else if (info.ssi_signo == SIGHUP && self->on_reload != NULL)
            self->on_reload(self->signal_ctx);
        else if (info.ssi_signo == SIGCHLD && self->on_child != NULL)
            self->on_child(self->signal_ctx);
    }
}

av_errc
av_loop_add_signals(
    av_loop *self, av_loop_fn *on_stop, av_loop_fn *on_reload, av_loop_fn *on_child, void *ctx, av_error *err)
{
    sigset_t set;

    assert(self->signals < 0);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (on_child != NULL)
        (void)sigaddset(&set, SIGCHLD);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return av_error_errno(err, "block signals");
    self->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->signals < 0)
        return av_error_errno(err, "signalfd");
    self->on_stop = on_stop;
    self->on_reload = on_reload;
    self->on_child = on_child;
    self->signal_ctx = ctx;
    (void)av_loop_add_fd(self, self->signals, AV_LOOP_READ, on_signal, self);
    return AV_OK;
}

/* ---- the loop ---- */

av_errc
av_loop_new(av_loop **ret, av_error *err)
{
    av_loop *self = av_xcalloc(1, sizeof *self);

    self->signals = -1;
    self->posts_tail = &self->posts;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->epoll < 0 || self->wake < 0) {
        (void)av_error_errno(err, "event loop");
        av_fd_close(&self->epoll);
        av_fd_close(&self->wake);
        free(self);
        return err->code;
    }
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)av_loop_add_fd(self, self->wake, AV_LOOP_READ, on_wake, self);
    *ret = self;
    return AV_OK;
}

static void
free_fds(av_loop_fd **list)
{
    while (*list != NULL) {
        av_loop_fd *h = *list;

        *list = h->next;
        free(h);
    }
}

void
av_loop_destroy(av_loop **self)
{
    av_loop *l = *self;
    struct post *list;

    if (l == NULL)
        return;
    assert(l->depth == 0);
    free_fds(&l->live);
    free_fds(&l->dead);
    for (size_t i = 0; i < l->heap_n; i++)
        free(l->heap[i]);
    free(l->heap);
    for (list = take_posts(l); list != NULL;) {
        struct post *p = list;

        list = p->next;
        free(p);
    }
    (void)pthread_mutex_destroy(&l->lock);
    av_fd_close(&l->signals);
    av_fd_close(&l->wake);
    av_fd_close(&l->epoll);
    free(l);
    *self = NULL;
}

void
av_loop_add_prepare(av_loop *self, av_loop_fn *fn, void *ctx)
{
    assert(self->prepare_n < PREPARE_MAX);
    self->prepares[self->prepare_n++] = (struct prepare){ fn, ctx };
}

void
av_loop_remove_prepare(av_loop *self, av_loop_fn *fn, void *ctx)
{
    for (size_t i = 0; i < self->prepare_n; i++) {
        if (self->prepares[i].fn != fn || self->prepares[i].ctx != ctx)
            continue;
        self->prepare_n--;
        memmove(&self->prepares[i], &self->prepares[i + 1], (self->prepare_n - i) * sizeof(self->prepares[0]));
        return;
    }
}

void
av_loop_again(av_loop *self)
{
    self->again = true;
}

void
av_loop_worked(av_loop *self)
{
    self->worked = true;
}

static int
wait_ms(const av_loop *self, int timeout_ms)
{
    int64_t left;

    if (self->again || self->stop || (self->worked && !self->running))
        return 0;
    if (self->heap_n == 0)
        return timeout_ms;
    left = self->heap[0]->at_ms - av_clock_mono_ms();
    left = AV_MAX(left, 0);
    left = AV_MIN(left, 3600 * 1000);
    return timeout_ms < 0 || left < timeout_ms ? (int)left : timeout_ms;
}

static void
dispatch(const struct epoll_event *ev)
{
    av_loop_fd *h = ev->data.ptr;
    unsigned events = 0;

    if (h->dead)
        return;
    if ((ev->events & (uint32_t)EPOLLIN) != 0)
        events |= AV_LOOP_READ;
    if ((ev->events & (uint32_t)EPOLLOUT) != 0)
        events |= AV_LOOP_WRITE;
    if ((ev->events & (uint32_t)(EPOLLHUP | EPOLLERR)) != 0)
        events |= AV_LOOP_HANGUP;
    h->fn(h->ctx, h->fd, events);
}

static void
turn(av_loop *self, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n;

    self->depth++;
    self->again = self->worked = false;
    for (size_t i = 0; i < self->prepare_n; i++)
        self->prepares[i].fn(self->prepares[i].ctx);
    n = epoll_wait(self->epoll, events, EVENTS_MAX, wait_ms(self, timeout_ms));
    assert(n >= 0 || errno == EINTR);
    run_timers(self);
    for (int i = 0; i < n; i++)
        dispatch(&events[i]);
    if (--self->depth == 0)
        free_fds(&self->dead);
}

void
av_loop_turn(av_loop *self, int timeout_ms)
{
    bool running = self->running;

    self->running = false; /* also when a callback of av_loop_run turns it by hand */
    turn(self, timeout_ms);
    self->running = running;
}

void
av_loop_run(av_loop *self)
{
    self->stop = false;
    self->running = true;
    while (!self->stop)
        turn(self, -1);
    self->running = false;
    self->stop = false; /* turns by hand may follow */
}

void
av_loop_stop(av_loop *self)
{
    self->stop = true;
}
