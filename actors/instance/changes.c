/*
 * changes.c - see changes.h
 */
#include "actors/instance/changes.h"

#include <pthread.h>

#define PENDING_MOST 64 /* mailboxes of one group; with more of them: any */

typedef struct change {
    uint8_t guid[AV_CHANGES_GUID];
    uint64_t number;
} change;

struct av_changes {
    pthread_mutex_t mutex; /* of what follows */
    change v[AV_CHANGES_MOST];
    size_t n;
    uint64_t number, forgotten; /* of mailboxes that changed up to here not all are in v */
    /* Writer's alone. */
    uint8_t pending[PENDING_MOST][AV_CHANGES_GUID];
    size_t pending_n;
    bool pending_any;
    void (*wake)(void *ctx);
    void *wake_ctx;
};

av_changes *
av_changes_new(void)
{
    av_changes *self = av_xcalloc(1, sizeof *self);

    (void)pthread_mutex_init(&self->mutex, NULL);
    return self;
}

void
av_changes_destroy(av_changes **self)
{
    if (*self == NULL)
        return;
    (void)pthread_mutex_destroy(&(*self)->mutex);
    free(*self);
    *self = NULL;
}

void
av_changes_note(av_changes *self, const uint8_t guid[AV_CHANGES_GUID])
{
    for (size_t i = self->pending_n; i > 0; i--) { /* mostly the last one again */
        if (memcmp(self->pending[i - 1], guid, AV_CHANGES_GUID) == 0)
            return;
    }
    if (self->pending_n == PENDING_MOST)
        self->pending_any = true;
    else
        memcpy(self->pending[self->pending_n++], guid, AV_CHANGES_GUID);
}

/* The place of a mailbox: its own, a free one, or that of the one that changed the longest time ago. */
static change *
place_of(av_changes *self, const uint8_t *guid)
{
    change *oldest = &self->v[0];

    for (size_t i = 0; i < self->n; i++) {
        if (memcmp(self->v[i].guid, guid, AV_CHANGES_GUID) == 0)
            return &self->v[i];
        if (self->v[i].number < oldest->number)
            oldest = &self->v[i];
    }
    if (self->n < AV_CHANGES_MOST)
        return &self->v[self->n++];
    self->forgotten = AV_MAX(self->forgotten, oldest->number);
    return oldest;
}

void
av_changes_commit(av_changes *self)
{
    bool any = self->pending_any;

    if (self->pending_n == 0 && !any)
        return;
    (void)pthread_mutex_lock(&self->mutex);
    self->number++;
    for (size_t i = 0; i < self->pending_n; i++) {
        change *c = place_of(self, self->pending[i]);

        memcpy(c->guid, self->pending[i], AV_CHANGES_GUID);
        c->number = self->number;
    }
    if (any)
        self->forgotten = self->number;
    (void)pthread_mutex_unlock(&self->mutex);
    av_changes_rollback(self);
    if (self->wake != NULL)
        self->wake(self->wake_ctx);
}

void
av_changes_rollback(av_changes *self)
{
    self->pending_n = 0;
    self->pending_any = false;
}

void
av_changes_all(av_changes *self)
{
    self->pending_any = true;
    av_changes_commit(self);
}

void
av_changes_set_wake(av_changes *self, void (*wake)(void *ctx), void *ctx)
{
    self->wake = wake;
    self->wake_ctx = ctx;
}

uint64_t
av_changes_number(av_changes *self)
{
    uint64_t number;

    (void)pthread_mutex_lock(&self->mutex);
    number = self->number;
    (void)pthread_mutex_unlock(&self->mutex);
    return number;
}

bool
av_changes_since(
    av_changes *self, uint64_t number, uint8_t (*ret)[AV_CHANGES_GUID], size_t *ret_n, uint64_t *ret_number)
{
    bool known;

    *ret_n = 0;
    (void)pthread_mutex_lock(&self->mutex);
    known = number >= self->forgotten && number <= self->number;
    for (size_t i = 0; known && i < self->n; i++) {
        if (self->v[i].number > number)
            memcpy(ret[(*ret_n)++], self->v[i].guid, AV_CHANGES_GUID);
    }
    *ret_number = self->number;
    (void)pthread_mutex_unlock(&self->mutex);
    return known;
}
