/*
 * count.c - see count.h
 */
#include "actors/worker/count.h"

#include <pthread.h>
#include <stdatomic.h>

struct av_count {
    av_loop *loop;
    av_source *source;
    void (*done)(void *ctx, uint64_t items);
    void *ctx;
    pthread_t thread;
    atomic_bool stop;
    bool dropped; /* loop's thread: destroyed while the post was on its way */
    atomic_bool posted;
    uint64_t items;
};

static void
tell(void *ctx)
{
    av_count *self = ctx;

    atomic_store(&self->posted, false);
    if (self->dropped)
        free(self);
    else if (self->items > 0)
        self->done(self->ctx, self->items);
}

static void *
walk(void *arg)
{
    av_count *self = arg;
    av_source_item item;
    bool more = true;
    uint64_t n = 0;
    av_error err;

    while (!atomic_load(&self->stop)) {
        av_errc rc = av_source_next(self->source, &item, &more, &err);

        if (rc == AV_ERR_NOT_FOUND)
            continue;
        if (rc != AV_OK)
            return NULL;
        if (!more)
            break;
        n++;
    }
    if (!atomic_load(&self->stop)) {
        self->items = n;
        atomic_store(&self->posted, true);
        av_loop_post(self->loop, tell, self);
    }
    return NULL;
}

av_count *
av_count_start(av_loop *loop, av_source **source, void (*done)(void *ctx, uint64_t items), void *ctx)
{
    av_count *self = av_xcalloc(1, sizeof *self);

    self->loop = loop;
    self->source = AV_TAKE(*source);
    self->done = done;
    self->ctx = ctx;
    if (pthread_create(&self->thread, NULL, walk, self) != 0) {
        av_source_destroy(&self->source);
        free(self);
        return NULL;
    }
    return self;
}

void
av_count_destroy(av_count **self)
{
    if (*self == NULL)
        return;
    atomic_store(&(*self)->stop, true);
    (void)pthread_join((*self)->thread, NULL);
    av_source_destroy(&(*self)->source);
    if (atomic_load(&(*self)->posted))
        (*self)->dropped = true; /* the post frees it */
    else
        free(*self);
    *self = NULL;
}
