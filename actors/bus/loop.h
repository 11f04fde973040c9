/*
 * loop.h - the event loop of an actor: descriptors, timers, posts from other threads, signals
 *
 * One thread runs it and owns everything registered in it; av_loop_post alone may be called from any thread. Callbacks
 * may add and remove anything, themselves included. Built on epoll (level triggered), timers on the monotonic clock.
 */
#ifndef AV_ACTORS_BUS_LOOP_H
#define AV_ACTORS_BUS_LOOP_H

#include <stdint.h>

#include "base/error.h"
#include "base/util.h"

typedef struct av_loop av_loop;
typedef struct av_loop_fd av_loop_fd;
typedef struct av_loop_timer av_loop_timer;

enum { AV_LOOP_READ = 1, AV_LOOP_WRITE = 2, AV_LOOP_HANGUP = 4 /* only reported */ };

typedef void av_loop_fd_fn(void *ctx, int fd, unsigned events);
typedef void av_loop_fn(void *ctx);

av_errc av_loop_new(av_loop **ret, av_error *err);
/* Everything still registered is dropped; descriptors given to add_fd stay open (their owner closes them). */
void av_loop_destroy(av_loop **self);

/* Watch fd; the handle lives until removed. fn is never called after the removal. */
av_loop_fd *av_loop_add_fd(av_loop *self, int fd, unsigned events, av_loop_fd_fn *fn, void *ctx);
void av_loop_set_events(av_loop_fd *handle, unsigned events); /* 0: keep, but wait for nothing */
void av_loop_remove_fd(av_loop_fd **handle);                  /* NULL is a no-op */

/*
 * Call fn once after delay_ms, or every repeat_ms after that when repeat_ms is not 0. A one-shot timer frees itself
 * after fn.
 */
av_loop_timer *av_loop_add_timer(av_loop *self, uint64_t delay_ms, uint64_t repeat_ms, av_loop_fn *fn, void *ctx);
void av_loop_remove_timer(av_loop_timer **handle);

/* From any thread: run fn(ctx) in the loop's thread, in order of posting. Memory per post is freed after the call. */
void av_loop_post(av_loop *self, av_loop_fn *fn, void *ctx);
/* Called before each wait; used by the bus, whose ZMQ descriptor is edge triggered. At most 8. */
void av_loop_add_prepare(av_loop *self, av_loop_fn *fn, void *ctx);
void av_loop_remove_prepare(av_loop *self, av_loop_fn *fn, void *ctx); /* no-op when it is not there */
/* There is more to do: the coming wait returns at once. */
void av_loop_again(av_loop *self);
/*
 * For prepare hooks: something was done. A turn by hand then does not wait, so that who turns the loop sees what came
 * of it; av_loop_run goes on to its wait.
 */
void av_loop_worked(av_loop *self);

/*
 * Take SIGTERM and SIGINT (fn(ctx) once each time), SIGHUP (reload) and SIGCHLD through a signalfd; blocks them for the
 * process.
 */
av_errc av_loop_add_signals(
    av_loop *self, av_loop_fn *on_stop, av_loop_fn *on_reload, av_loop_fn *on_child, void *ctx, av_error *err);

/* Runs until av_loop_stop. One turn: prepare, wait at most until the next timer, dispatch. */
void av_loop_run(av_loop *self);
/* At most one turn, waiting at most timeout_ms. */
void av_loop_turn(av_loop *self, int timeout_ms);
void av_loop_stop(av_loop *self);

#endif
