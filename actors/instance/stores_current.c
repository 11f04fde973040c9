/*
 * stores_current.c - the store that is current: held and attached for as long as it is
 */
#include "actors/instance/stores_priv.h"

void
av_stores_current_leave(av_stores *self)
{
    store_slot *slot = AV_TAKE(self->current);

    if (slot == NULL)
        return;
    av_stores_detach(self, slot);
    av_stores_leave(self, slot);
}

void
av_stores_current_choose(av_stores *self)
{
    store_slot *slot = self->slots;
    bool rebuilt = false;

    while (slot != NULL && (slot->gone || slot->row->state != AV_STORE_CURRENT))
        slot = slot->next;
    if (slot == self->current && slot != NULL)
        return;
    av_stores_current_leave(self);
    if (slot == NULL) {
        (void)av_error_set(&self->current_error, AV_ERR_READONLY, "no archive store is current: make one current");
        return;
    }
    if (av_stores_enter(self, slot, &self->current_error) != AV_OK)
        return;
    if (av_stores_attach(self, slot, &rebuilt, &self->current_error) != AV_OK) {
        av_stores_leave(self, slot);
        return;
    }
    self->current = slot;
    if (rebuilt)
        av_stores_catch_up_all(self, true);
}

av_errc
av_stores_current(av_stores *self, const av_open_store **ret, av_error *err)
{
    if (self->current == NULL) {
        pthread_mutex_lock(&self->lock);
        av_stores_current_choose(self);
        pthread_mutex_unlock(&self->lock);
    }
    if (self->current == NULL) {
        *err = self->current_error;
        return err->code;
    }
    *ret = &self->current->open;
    return AV_OK;
}
