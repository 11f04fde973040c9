/*
 * stores_write.c - stores the writer works on beside the current one: to write events to, to close, to make again
 */
#include "actors/instance/stores_priv.h"
#include "base/file.h"

av_errc
av_stores_write(av_stores *self, uint32_t id, bool protected_too, const av_open_store **ret, av_error *err)
{
    bool rebuilt = false;
    store_slot *slot;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot == NULL)
        rc = av_stores_no_store(id, err);
    else if (slot->reserved)
        rc = av_error_set(err, AV_ERR_BUSY, "the archive store %s is being merged: try again", slot->row->name);
    else if (slot->row->state == AV_STORE_WRITE_PROTECTED && !protected_too)
        rc = av_error_set(err, AV_ERR_READONLY, "the archive store %s is write protected", slot->row->name);
    else
        rc = av_stores_enter(self, slot, err);
    if (rc == AV_OK) {
        rc = av_stores_attach(self, slot, &rebuilt, err);
        if (rc == AV_OK && slot != self->current)
            rc = av_stores_mark_dirty(self, slot, err);
        if (rc == AV_OK && rebuilt)
            av_stores_catch_up_all(self, true);
        if (rc != AV_OK)
            av_stores_leave(self, slot);
    }
    pthread_mutex_unlock(&self->lock);
    if (rc == AV_OK)
        *ret = &slot->open;
    return rc;
}

void
av_stores_reserve(av_stores *self, uint32_t id, bool reserve)
{
    store_slot *slot;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot != NULL)
        slot->reserved = reserve;
    pthread_mutex_unlock(&self->lock);
}

void
av_stores_written(av_stores *self, const av_open_store **store)
{
    const av_open_store *held = AV_TAKE(*store);
    store_slot *slot;

    if (held == NULL)
        return;
    slot = AV_CONTAINER(held, store_slot, open);
    pthread_mutex_lock(&self->lock);
    if (slot != self->current)
        av_stores_detach(self, slot);
    av_stores_numbers_read(self);
    av_stores_leave(self, slot);
    pthread_mutex_unlock(&self->lock);
}

void
av_stores_committed(av_stores *self, const av_open_store *store)
{
    store_slot *slot = AV_CONTAINER(store, store_slot, open);
    av_store_stats stats;

    av_store_get_stats(store->store, &stats);
    pthread_mutex_lock(&self->lock);
    av_stores_numbers_read(self);
    slot->stored = stats.bytes;
    pthread_mutex_unlock(&self->lock);
}

av_errc
av_stores_shut(av_stores *self, uint32_t id, av_error *err)
{
    store_slot *slot;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot != NULL && slot == self->current)
        rc = av_error_set(err, AV_ERR_BUSY, "archive store %s is current", slot->row->name);
    else if (slot != NULL && slot->state != SLOT_CLOSED)
        rc = av_stores_take(self, slot, 0, err);
    if (rc == AV_OK && slot != NULL && slot->state == SLOT_BUSY) {
        av_stores_detach(self, slot);
        pthread_mutex_unlock(&self->lock);
        av_store_slot_close(slot);
        pthread_mutex_lock(&self->lock);
        av_stores_give(self, slot, SLOT_CLOSED);
    }
    pthread_mutex_unlock(&self->lock);
    return rc;
}

av_errc
av_stores_rebuild(av_stores *self, uint32_t id, av_error *err)
{
    AV_CLEANUP(av_free) char *database = NULL;
    AV_CLEANUP(av_free) char *view = NULL;
    bool rebuilt = false;
    store_slot *slot;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot == NULL)
        rc = av_stores_no_store(id, err);
    else if (slot->row->state == AV_STORE_DISABLED || slot->row->locked)
        rc = av_error_set(err, AV_ERR_CONFLICT, "archive store %s is disabled or locked", slot->row->name);
    else if (slot == self->current)
        av_stores_current_leave(self);
    pthread_mutex_unlock(&self->lock);
    if (rc == AV_OK)
        rc = av_stores_shut(self, id, err);
    if (rc == AV_OK && slot != NULL) {
        database = av_store_path_resolve(self->dir, slot->row->database);
        view = av_xasprintf("%s/view", database);
        rc = av_dir_remove(view, database, err);
    }
    pthread_mutex_lock(&self->lock);
    av_stores_current_choose(self);           /* the one it was, which may be this one */
    if (rc == AV_OK && slot != self->current) /* else it is attached again, and so caught up */
        rc = av_stores_catch_up_one(self, slot, &rebuilt, err);
    if (rc == AV_OK && rebuilt)
        av_stores_catch_up_all(self, true);
    pthread_mutex_unlock(&self->lock);
    return rc;
}
