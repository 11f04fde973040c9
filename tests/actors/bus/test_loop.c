/*
 * test_loop.c - descriptors, timers, posts, signals
 */
#include "actors/bus/loop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/check.h"

static av_loop *loop;
static char order[64];
static av_loop_timer *timers[4];
static av_loop_fd *fds[2];

static void
note(char c)
{
    size_t n = strlen(order);

    if (n + 1 < sizeof order) {
        order[n] = c;
        order[n + 1] = '\0';
    }
}

static void
on_a(void *ctx)
{
    (void)ctx;
    note('a');
}
static void
on_b(void *ctx)
{
    (void)ctx;
    note('b');
}
static void
on_stop(void *ctx)
{
    (void)ctx;
    av_loop_stop(loop);
}

static void
on_chain(void *ctx)
{
    (void)ctx;
    note('c');
    (void)av_loop_add_timer(loop, 0, 0, on_a, NULL); /* not in the same turn */
}

static void
on_repeat(void *ctx)
{
    unsigned *count = ctx;

    if (++*count == 3)
        av_loop_remove_timer(&timers[0]); /* itself */
}

static void
test_timers(void)
{
    unsigned count = 0;

    order[0] = '\0';
    (void)av_loop_add_timer(loop, 20, 0, on_b, NULL);
    (void)av_loop_add_timer(loop, 10, 0, on_a, NULL);
    timers[1] = av_loop_add_timer(loop, 5, 0, on_b, NULL);
    av_loop_remove_timer(&timers[1]);
    AV_CHECK(timers[1] == NULL);
    av_loop_remove_timer(&timers[1]);
    timers[0] = av_loop_add_timer(loop, 1, 1, on_repeat, &count);
    (void)av_loop_add_timer(loop, 40, 0, on_stop, NULL);
    av_loop_run(loop);
    AV_CHECK_STR(order, "ab");
    AV_CHECK_INT(count, 3);
    order[0] = '\0';
    (void)av_loop_add_timer(loop, 0, 0, on_chain, NULL);
    av_loop_turn(loop, 100);
    AV_CHECK_STR(order, "c");
    av_loop_turn(loop, 100);
    AV_CHECK_STR(order, "ca");
}

/* Many in any order come in theirs. */
static void
on_number(void *ctx)
{
    unsigned *n = ctx;
    AV_CHECK(n[0] >= n[1]);
    n[1] = n[0];
}

static void
test_timer_order(void)
{
    static unsigned numbers[200][2];
    int64_t start = av_clock_mono_ms();

    for (unsigned i = 0; i < 200; i++) {
        numbers[i][0] = (i * 7919) % 50;
        (void)av_loop_add_timer(loop, numbers[i][0], 0, on_number, numbers[i]);
    }
    while (av_clock_mono_ms() < start + 80)
        av_loop_turn(loop, 10);
}

static void
on_readable(void *ctx, int fd, unsigned events)
{
    char c;

    (void)ctx;
    AV_CHECK((events & AV_LOOP_READ) != 0);
    AV_CHECK(read(fd, &c, 1) == 1);
    note(c);
    av_loop_remove_fd(&fds[0]); /* both, whichever comes first: the other is not called */
    av_loop_remove_fd(&fds[1]);
}

static void
test_fds(void)
{
    int one[2], two[2];

    AV_CHECK(pipe(one) == 0 && pipe(two) == 0);
    order[0] = '\0';
    fds[0] = av_loop_add_fd(loop, one[0], AV_LOOP_READ, on_readable, NULL);
    fds[1] = av_loop_add_fd(loop, two[0], AV_LOOP_READ, on_readable, NULL);
    av_loop_set_events(fds[0], 0);
    av_loop_set_events(fds[0], AV_LOOP_READ);
    AV_CHECK(write(one[1], "x", 1) == 1 && write(two[1], "x", 1) == 1);
    av_loop_turn(loop, 1000);
    av_loop_turn(loop, 10);
    AV_CHECK_STR(order, "x");
    for (int i = 0; i < 2; i++)
        AV_CHECK(close(one[i]) == 0 && close(two[i]) == 0);
}

enum { POSTS = 2000 };
static unsigned posted;
static void
on_post(void *ctx)
{
    AV_CHECK_INT((uintptr_t)ctx, posted);
    posted++;
    if (posted == POSTS)
        av_loop_stop(loop);
}

static void *
post_many(void *ctx)
{
    (void)ctx;
    for (uintptr_t i = 0; i < POSTS; i++)
        av_loop_post(loop, on_post, (void *)i);
    return NULL;
}

static void
test_posts(void)
{
    pthread_t thread;

    AV_CHECK(pthread_create(&thread, NULL, post_many, NULL) == 0);
    av_loop_run(loop);
    AV_CHECK(pthread_join(thread, NULL) == 0);
    AV_CHECK_INT(posted, POSTS);
}

static unsigned prepared;
static void
on_prepare(void *ctx)
{
    (void)ctx;
    prepared++;
    if (prepared == 1)
        av_loop_again(loop);
}

static void
test_prepare(void)
{
    int64_t start = av_clock_mono_ms();

    av_loop_add_prepare(loop, on_prepare, NULL);
    av_loop_turn(loop, 2000); /* again: no wait */
    AV_CHECK(av_clock_mono_ms() - start < 1000);
    AV_CHECK_INT(prepared, 1);
    av_loop_remove_prepare(loop, on_prepare, NULL);
    av_loop_turn(loop, 0);
    AV_CHECK_INT(prepared, 1);
}

static void
test_signals(void)
{
    av_error err;

    order[0] = '\0';
    AV_CHECK_RC(av_loop_add_signals(loop, on_stop, on_a, on_b, NULL, &err), AV_OK, &err);
    (void)kill(getpid(), SIGHUP);
    (void)kill(getpid(), SIGCHLD);
    (void)kill(getpid(), SIGTERM);
    av_loop_run(loop);
    av_loop_turn(loop, 10);
    AV_CHECK(strchr(order, 'a') != NULL && strchr(order, 'b') != NULL);
}

int
main(void)
{
    av_error err;

    AV_CHECK_RC(av_loop_new(&loop, &err), AV_OK, &err);
    AV_RUN(test_timers);
    AV_RUN(test_timer_order);
    AV_RUN(test_fds);
    AV_RUN(test_posts);
    AV_RUN(test_prepare);
    AV_RUN(test_signals);
    (void)av_loop_add_timer(loop, 100000, 0, on_a, NULL); /* what is left is freed */
    av_loop_post(loop, on_a, NULL);
    av_loop_destroy(&loop);
    AV_CHECK(loop == NULL);
    return av_check_done();
}
