/*
 * stores.c - who uses which store; opening on first use, closing the longest unused
 */
#include "actors/instance/stores_priv.h"
#include "base/clock.h"

#define RETRY_MS 30000 /* what could not be opened is tried again after this time */

store_slot *
av_stores_slot(av_stores *self, uint32_t id)
{
    store_slot *s = self->slots;

    while (s != NULL && (s->row->id != id || s->gone))
        s = s->next;
    return s;
}

av_errc
av_stores_no_store(uint32_t id, av_error *err)
{
    return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %u", (unsigned)id);
}

/* ---- busy ---- */

av_errc
av_stores_take(av_stores *self, store_slot *slot, unsigned users, av_error *err)
{
    while (slot->state == SLOT_BUSY)
        pthread_cond_wait(&self->changed, &self->lock);
    if (slot->users > users)
        return av_error_set(err, AV_ERR_BUSY, "archive store %s is in use: try again", slot->row->name);
    slot->state = SLOT_BUSY;
    return AV_OK;
}

void
av_stores_give(av_stores *self, store_slot *slot, slot_state state)
{
    slot->state = state;
    if (state == SLOT_OPEN && slot->open.index != NULL) /* it may have changed while this one was opened */
        av_index_want_settings(slot->open.index, av_buf_span(&self->index_settings));
    pthread_cond_broadcast(&self->changed);
}

/* ---- closing ---- */

static void
close_unlocked(av_stores *self, store_slot *slot)
{
    pthread_mutex_unlock(&self->lock);
    av_store_slot_close(slot);
    pthread_mutex_lock(&self->lock);
}

/* Nobody uses it: close it. */
static void
put_away(av_stores *self, store_slot *slot)
{
    assert(slot->users == 0 && slot->state == SLOT_OPEN && !slot->attached);
    slot->state = SLOT_BUSY;
    close_unlocked(self, slot);
    av_stores_give(self, slot, SLOT_CLOSED);
}

static store_slot *
longest_unused(av_stores *self, unsigned *ret_open)
{
    store_slot *found = NULL;

    *ret_open = 0;
    for (store_slot *s = self->slots; s != NULL; s = s->next) {
        if (s->state == SLOT_CLOSED)
            continue;
        (*ret_open)++;
        if (s->state == SLOT_OPEN && s->users == 0 && !s->attached && (found == NULL || s->used < found->used))
            found = s;
    }
    return found;
}

void
av_stores_trim(av_stores *self, bool all)
{
    store_slot *slot;
    unsigned open;

    pthread_mutex_lock(&self->lock);
    while ((slot = longest_unused(self, &open)) != NULL && (all || open > self->most_open))
        put_away(self, slot);
    pthread_mutex_unlock(&self->lock);
}

/* ---- use ---- */

static av_errc
refuse(av_stores *self, store_slot *slot, av_error *err)
{
    if (slot->row->state == AV_STORE_DISABLED)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "the archive store %s is disabled", slot->row->name);
    if (slot->error.code == AV_OK || av_clock_mono_ms() - slot->error_mono_ms > RETRY_MS)
        return AV_OK;
    (void)self;
    *err = slot->error;
    return err->code;
}

static av_errc
open_unlocked(av_stores *self, store_slot *slot, av_error *err)
{
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = av_store_row_copy(slot->row);
    av_errc rc;

    pthread_mutex_unlock(&self->lock);
    rc = av_store_slot_open(self, slot, row, err);
    pthread_mutex_lock(&self->lock);
    return rc;
}

av_errc
av_stores_enter(av_stores *self, store_slot *slot, av_error *err)
{
    av_errc rc = refuse(self, slot, err);
    store_slot *unused;
    unsigned open;

    slot->users++; /* nobody puts it away while this one waits */
    while (rc == AV_OK && slot->state == SLOT_BUSY)
        pthread_cond_wait(&self->changed, &self->lock);
    if (rc == AV_OK && slot->state == SLOT_CLOSED) {
        slot->state = SLOT_BUSY;
        while ((unused = longest_unused(self, &open)) != NULL && open > self->most_open)
            put_away(self, unused);
        rc = open_unlocked(self, slot, err);
        slot->error.code = AV_OK;
        if (rc != AV_OK) {
            slot->error = *err;
            slot->error_mono_ms = av_clock_mono_ms();
        }
        av_stores_give(self, slot, rc == AV_OK ? SLOT_OPEN : SLOT_CLOSED);
    }
    slot->used = ++self->clock;
    if (rc == AV_OK)
        return AV_OK;
    av_stores_leave(self, slot);
    return rc;
}

void
av_stores_leave(av_stores *self, store_slot *slot)
{
    assert(slot->users > 0);
    slot->users--;
    pthread_cond_broadcast(&self->changed);
    if (slot->users > 0 || slot->state == SLOT_BUSY)
        return;
    if (slot->state == SLOT_OPEN && (slot->gone || slot->row->state == AV_STORE_DISABLED) && !slot->attached)
        put_away(self,
            slot); /* one that is gone is freed by the writer (av_stores_sync): others may stand on it in a walk */
}

/* What opening said is no fault of the message: to its reader the store is unavailable. */
static av_errc
unavailable(av_error *err)
{
    if (err->code != AV_ERR_NOMEM && err->code != AV_ERR_BUSY)
        err->code = AV_ERR_UNAVAILABLE;
    return err->code;
}

av_errc
av_stores_use(av_stores *self, uint32_t no, const av_open_store **ret, av_error *err)
{
    store_slot *slot;
    av_errc rc;

    pthread_mutex_lock(&self->lock);
    slot = self->slots;
    while (slot != NULL && (slot->open.no != no || slot->gone))
        slot = slot->next;
    rc = slot == NULL ? av_error_set(err, AV_ERR_UNAVAILABLE, "the archive store of this message is not attached")
                      : av_stores_enter(self, slot, err);
    pthread_mutex_unlock(&self->lock);
    if (rc != AV_OK)
        return unavailable(err);
    *ret = &slot->open;
    return AV_OK;
}

av_errc
av_stores_use_id(av_stores *self, uint32_t id, const av_open_store **ret, av_error *err)
{
    store_slot *slot;
    av_errc rc;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    rc = slot == NULL ? av_stores_no_store(id, err) : av_stores_enter(self, slot, err);
    pthread_mutex_unlock(&self->lock);
    if (rc == AV_OK)
        *ret = &slot->open;
    return rc;
}

void
av_stores_done(av_stores *self, const av_open_store **store)
{
    const av_open_store *held = AV_TAKE(*store);

    if (held == NULL)
        return;
    pthread_mutex_lock(&self->lock);
    av_stores_leave(self, AV_CONTAINER(held, store_slot, open));
    pthread_mutex_unlock(&self->lock);
}

void
av_stores_retry(av_stores *self)
{
    pthread_mutex_lock(&self->lock);
    for (store_slot *s = self->slots; s != NULL; s = s->next) {
        s->error.code = AV_OK;
        s->fresh = true; /* the next sync opens it and brings the catalog to the end of its log */
    }
    pthread_mutex_unlock(&self->lock);
}
