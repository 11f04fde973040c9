/*
 * index_desk.c - see index_desk.h
 */
#include "actors/instance/index_desk.h"

#include <pthread.h>

typedef struct place place;
struct place {
    uint32_t store;
    av_index_news news;
    place *next;
};

struct av_index_desk {
    pthread_mutex_t lock;
    place *places; /* one a store: at most AV_STORES_MAX */
    void (*wake)(void *ctx);
    void *wake_ctx;
};

/* Lock held. */
static place **
find(av_index_desk *self, uint32_t store)
{
    place **at = &self->places;

    while (*at != NULL && (*at)->store != store)
        at = &(*at)->next;
    return at;
}

static place *
find_or_make(av_index_desk *self, uint32_t store)
{
    place **at = find(self, store);

    if (*at == NULL) {
        *at = av_xcalloc(1, sizeof **at);
        (*at)->store = store;
    }
    return *at;
}

av_index_desk *
av_index_desk_new(void)
{
    av_index_desk *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->lock, NULL);
    return self;
}

void
av_index_desk_destroy(av_index_desk **self)
{
    place *p, *next;

    if (self == NULL || *self == NULL)
        return;
    for (p = (*self)->places; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
    (void)pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}

void
av_index_desk_set_wake(av_index_desk *self, void (*wake)(void *ctx), void *ctx)
{
    (void)pthread_mutex_lock(&self->lock);
    self->wake = wake;
    self->wake_ctx = ctx;
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_index_desk_ask(av_index_desk *self, uint32_t store, unsigned tasks)
{
    (void)pthread_mutex_lock(&self->lock);
    find_or_make(self, store)->news.tasks |= tasks;
    if (self->wake != NULL) /* with the lock held: who takes it away waits for us */
        self->wake(self->wake_ctx);
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_index_desk_end(av_index_desk *self, uint32_t store, unsigned tasks)
{
    (void)pthread_mutex_lock(&self->lock);
    find_or_make(self, store)->news.tasks &= ~tasks;
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_index_desk_tell(av_index_desk *self, uint32_t store, const av_index_news *news)
{
    place *p;
    unsigned tasks;

    (void)pthread_mutex_lock(&self->lock);
    p = find_or_make(self, store);
    tasks = p->news.tasks;
    p->news = *news;
    p->news.tasks = tasks;
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_index_desk_tell_problem(av_index_desk *self, uint32_t store, const char *problem)
{
    place *p;

    (void)pthread_mutex_lock(&self->lock);
    p = find_or_make(self, store);
    (void)snprintf(p->news.problem, sizeof p->news.problem, "%s", problem == NULL ? "" : problem);
    (void)pthread_mutex_unlock(&self->lock);
}

bool
av_index_desk_look(av_index_desk *self, uint32_t store, av_index_news *ret)
{
    place *p;

    (void)pthread_mutex_lock(&self->lock);
    p = *find(self, store);
    if (p != NULL)
        *ret = p->news;
    (void)pthread_mutex_unlock(&self->lock);
    return p != NULL;
}

void
av_index_desk_sum(av_index_desk *self, av_index_news *ret, uint64_t *ret_problems)
{
    *ret = (av_index_news){ .at_end = true };
    *ret_problems = 0;
    (void)pthread_mutex_lock(&self->lock);
    for (const place *p = self->places; p != NULL; p = p->next) {
        ret->tasks |= p->news.tasks;
        ret->at_end &= p->news.at_end;
        ret->documents += p->news.documents;
        ret->unindexed += p->news.unindexed;
        ret->unread_attachments += p->news.unread_attachments;
        if (p->news.problem[0] != '\0' && ++*ret_problems == 1)
            memcpy(ret->problem, p->news.problem, sizeof ret->problem);
    }
    (void)pthread_mutex_unlock(&self->lock);
}

void
av_index_desk_forget(av_index_desk *self, uint32_t store)
{
    place **at, *p;

    (void)pthread_mutex_lock(&self->lock);
    at = find(self, store);
    p = *at;
    if (p != NULL)
        *at = p->next;
    (void)pthread_mutex_unlock(&self->lock);
    free(p);
}
