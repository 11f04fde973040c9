/*
 * test_threads.c - a pool of threads: what it is given is done, and its threads can be changed for new ones
 */
#include "actors/instance/threads.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/check.h"

enum { THREADS = 2, JOBS = 8 };

static av_error err;

typedef struct task {
    av_job job;
    struct rig *rig;
    pthread_t by;
    unsigned steps;
} task;

typedef struct rig {
    av_loop *loop;
    av_pool *pool;
    pthread_barrier_t both; /* each thread takes one task */
    task tasks[JOBS];
    unsigned n, done, dropped;
} rig;

static av_step
on_step(av_job *job)
{
    task *t = AV_CONTAINER(job, task, job);

    t->by = pthread_self();
    return ++t->steps < 3 ? AV_STEP_AGAIN : AV_STEP_DONE;
}

static av_step
on_meet(av_job *job)
{
    task *t = AV_CONTAINER(job, task, job);

    t->by = pthread_self();
    (void)pthread_barrier_wait(&t->rig->both);
    return AV_STEP_DONE;
}

static void
on_done(av_job *job)
{
    rig *r = AV_CONTAINER(job, task, job)->rig;

    r->dropped += job->dropped;
    if (++r->done == r->n)
        av_loop_stop(r->loop);
}

static void
submit(rig *r, unsigned n, av_step (*step)(av_job *))
{
    r->n = n;
    r->done = 0;
    for (unsigned i = 0; i < n; i++) {
        r->tasks[i] = (task){ .job = { .step = step, .done = on_done, .lane = i }, .rig = r };
        av_pool_submit(r->pool, &r->tasks[i].job);
    }
}

static void
work(rig *r, unsigned n, av_step (*step)(av_job *))
{
    submit(r, n, step);
    av_loop_run(r->loop);
    AV_CHECK_INT(r->done, n);
    AV_CHECK_INT(av_pool_load(r->pool), 0);
}

/* Both threads live and none of them twice, before and after each change. */
static void
test_renew(rig *r)
{
    for (int round = 0; round < 20; round++) {
        work(r, THREADS, on_meet);
        AV_CHECK(!pthread_equal(r->tasks[0].by, r->tasks[1].by));
        work(r, JOBS, on_step);
        for (unsigned i = 0; i < JOBS; i++)
            AV_CHECK_INT(r->tasks[i].steps, 3);
        av_pool_renew(r->pool);
    }
}

/* With work at hand nothing changes, and nothing of it is lost. */
static void
test_renew_at_work(rig *r)
{
    submit(r, JOBS, on_step);
    av_pool_renew(r->pool);
    av_loop_run(r->loop);
    AV_CHECK_INT(r->done, JOBS);
}

static void
test_stop(rig *r)
{
    av_pool_renew(r->pool);
    av_pool_pause(r->pool, true);
    submit(r, JOBS, on_step);
    av_pool_stop(r->pool);
    AV_CHECK_INT(r->done, JOBS);
    AV_CHECK_INT(r->dropped, JOBS);
    av_pool_renew(r->pool); /* none are left */
    submit(r, 1, on_step);
    AV_CHECK_INT(r->dropped, JOBS + 1);
}

int
main(void)
{
    rig r = { 0 };

    (void)pthread_barrier_init(&r.both, NULL, THREADS);
    AV_CHECK_RC(av_loop_new(&r.loop, &err), AV_OK, &err);
    AV_CHECK_RC(av_pool_new(r.loop, "test", THREADS, &r.pool, &err), AV_OK, &err);
    test_renew(&r);
    test_renew_at_work(&r);
    test_stop(&r);
    av_pool_destroy(&r.pool);
    av_loop_destroy(&r.loop);
    (void)pthread_barrier_destroy(&r.both);
    return av_check_done();
}
