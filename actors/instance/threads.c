/*
 * threads.c - a pool of threads with lanes that take turns
 *
 * One mutex guards everything. Lanes with work stand in a ring; a thread takes the first lane's first job and moves the
 * lane to the end. Finished jobs are kept in a list and fetched by one post to the loop, however many they are.
 */
#include "actors/instance/threads.h"

#include <pthread.h>

#include "base/map.h"

typedef struct lane {
    uint64_t id;
    av_job *first, *last;
    struct lane *next;
} lane;

typedef struct worker {
    av_pool *pool;
    pthread_t thread;
    bool leave;
} worker;

struct av_pool {
    av_loop *loop;
    char name[16];
    pthread_mutex_t mutex;
    pthread_cond_t work;
    lane *first, *last; /* lanes with jobs */
    av_map *lanes;      /* id -> lane */
    av_job *done_first, *done_last;
    bool posted;
    bool stopping, paused;
    size_t load;      /* loop's thread only */
    unsigned count;   /* threads that run */
    unsigned spare;   /* the one of workers that has none */
    worker workers[]; /* count + 1 */
};

uint64_t
av_lane_of(av_span name)
{
    uint64_t h = 1469598103934665603ULL; /* FNV-1a: names are our own, nobody gains by a collision but a shared turn */
    size_t i;

    for (i = 0; i < name.n; i++)
        h = (h ^ name.p[i]) * 1099511628211ULL;
    return h;
}

static void
push_lane(av_pool *self, lane *l)
{
    l->next = NULL;
    if (self->last != NULL)
        self->last->next = l;
    else
        self->first = l;
    self->last = l;
}

static void
push_job(av_pool *self, av_job *job)
{
    lane *l = av_map_get(self->lanes, av_map_key_u64(&job->lane));

    job->next = NULL;
    if (l == NULL) {
        l = av_xcalloc(1, sizeof *l);
        l->id = job->lane;
        (void)av_map_put(self->lanes, av_map_key_u64(&l->id), l);
        push_lane(self, l);
    }
    if (l->last != NULL)
        l->last->next = job;
    else
        l->first = job;
    l->last = job;
}

static av_job *
take_job(av_pool *self)
{
    lane *l = self->first;
    av_job *job;

    if (l == NULL)
        return NULL;
    self->first = l->next;
    if (self->first == NULL)
        self->last = NULL;
    job = l->first;
    l->first = job->next;
    if (l->first != NULL) {
        push_lane(self, l);
    } else {
        (void)av_map_remove(self->lanes, av_map_key_u64(&l->id));
        free(l);
    }
    job->next = NULL;
    return job;
}

/* Loop's thread: hand finished jobs back. */
static void
on_done(void *ctx)
{
    av_pool *self = ctx;
    av_job *job, *next;

    pthread_mutex_lock(&self->mutex);
    job = self->done_first;
    self->done_first = self->done_last = NULL;
    self->posted = false;
    pthread_mutex_unlock(&self->mutex);
    for (; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        self->load--;
        job->done(job);
    }
}

static void
finish(av_pool *self, av_job *job)
{
    if (self->done_last != NULL)
        self->done_last->next = job;
    else
        self->done_first = job;
    self->done_last = job;
    if (!self->posted && !self->stopping) {
        self->posted = true;
        av_loop_post(self->loop, on_done, self);
    }
}

static void *
run(void *ctx)
{
    const worker *me = ctx;
    av_pool *self = me->pool;
    av_job *job;
    av_step step;

    (void)pthread_setname_np(pthread_self(), self->name);
    pthread_mutex_lock(&self->mutex);
    for (;;) {
        while (!self->stopping && !me->leave && (self->first == NULL || self->paused))
            pthread_cond_wait(&self->work, &self->mutex);
        if (self->stopping || me->leave)
            break;
        job = take_job(self);
        pthread_mutex_unlock(&self->mutex);
        step = job->step(job);
        pthread_mutex_lock(&self->mutex);
        if (step == AV_STEP_DONE)
            finish(self, job);
        else
            push_job(self, job);
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

/* A thread for the spare worker. errno's number. */
static int
start(av_pool *self)
{
    worker *w = &self->workers[self->spare];
    pthread_attr_t attr;
    int rc;

    w->pool = self;
    w->leave = false;
    pthread_attr_init(&attr);
    /* Nothing here recurses on input; ICU and RocksDB are content with far less. */
    (void)pthread_attr_setstacksize(&attr, 1024 * 1024);
    rc = pthread_create(&w->thread, &attr, run, w);
    pthread_attr_destroy(&attr);
    return rc;
}

av_errc
av_pool_new(av_loop *loop, const char *name, unsigned threads, av_pool **ret, av_error *err)
{
    av_pool *self = av_xcalloc(1, sizeof *self + (threads + 1) * sizeof self->workers[0]);
    int rc = 0;

    assert(threads > 0);
    self->loop = loop;
    (void)snprintf(self->name, sizeof self->name, "%s", name);
    self->lanes = av_map_new();
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->work, NULL);
    while (rc == 0 && self->count < threads) {
        rc = start(self);
        if (rc == 0)
            self->spare = ++self->count;
    }
    if (rc != 0) {
        av_pool_destroy(&self);
        return av_error_set(err, AV_ERR_NOMEM, "thread %s cannot be started: %s", name, strerror(rc));
    }
    *ret = self;
    return AV_OK;
}

void
av_pool_renew(av_pool *self)
{
    unsigned i, n;

    if (self->load > 0)
        return;
    /* One after the other, the new one first: never fewer than before, and one stack more for all. */
    for (n = 0; n < self->count && start(self) == 0; n++) {
        i = (self->spare + 1) % (self->count + 1);
        pthread_mutex_lock(&self->mutex);
        self->workers[i].leave = true;
        pthread_cond_broadcast(&self->work);
        pthread_mutex_unlock(&self->mutex);
        (void)pthread_join(self->workers[i].thread, NULL);
        self->spare = i;
    }
}

void
av_pool_destroy(av_pool **self)
{
    av_pool *p = *self;

    if (p == NULL)
        return;
    av_pool_stop(p);
    av_map_destroy(&p->lanes, NULL);
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->work);
    free(p);
    *self = NULL;
}

void
av_pool_submit(av_pool *self, av_job *job)
{
    job->dropped = false;
    self->load++;
    pthread_mutex_lock(&self->mutex);
    if (self->stopping) {
        pthread_mutex_unlock(&self->mutex);
        self->load--;
        job->dropped = true;
        job->done(job);
        return;
    }
    push_job(self, job);
    pthread_cond_signal(&self->work);
    pthread_mutex_unlock(&self->mutex);
}

void
av_pool_pause(av_pool *self, bool pause)
{
    pthread_mutex_lock(&self->mutex);
    self->paused = pause;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->mutex);
}

size_t
av_pool_load(const av_pool *self)
{
    return self->load;
}

void
av_pool_stop(av_pool *self)
{
    av_job *job;
    unsigned i;

    pthread_mutex_lock(&self->mutex);
    self->stopping = true;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->mutex);
    for (i = 0; i <= self->count; i++)
        if (i != self->spare)
            (void)pthread_join(self->workers[i].thread, NULL);
    self->count = self->spare = 0;
    on_done(self);
    while ((job = take_job(self)) != NULL) {
        self->load--;
        job->dropped = true;
        job->done(job);
    }
}
