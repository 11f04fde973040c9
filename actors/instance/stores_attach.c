/*
 * stores_attach.c - stores in the catalog: attached to be written to, and caught up with their logs
 *
 * A store whose log could not be read to its end is `unread`: what UIDs it gave is not known (av_stores_all_read).
 * Writer.
 */
#include "actors/instance/floors.h"
#include "actors/instance/stores_priv.h"
#include "actors/instance/summary_row.h"
#include "base/log.h"

/* ---- one ---- */

/* The store's own, for what is put from now on. Without it new content is only larger. */
static void
use_dictionary(const store_slot *slot)
{
    uint64_t lsns[2] = { 0 };
    av_error err;
    av_errc rc;

    if (av_store_problem(slot->open.store) != NULL)
        return;
    rc = av_store_view_dictionaries(av_store_view_writer(slot->open.view), lsns, &err);
    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(lsns); i++)
        if (lsns[i] != 0)
            rc = av_store_use_dictionary(slot->open.store, lsns[i], &err);
    if (rc != AV_OK)
        AV_LOG(AV_LOG_WARN, "store.no_dictionary", AV_STR("name", slot->row->name), AV_ERRF(&err));
}

av_errc
av_stores_attach(av_stores *self, store_slot *slot, bool *ret_rebuilt, av_error *err)
{
    uint32_t no = 0;
    av_errc rc;

    if (slot->attached)
        return AV_OK;
    rc = av_stores_take(self, slot, slot->behind ? 1 : slot->users, err);
    if (rc != AV_OK)
        return rc;
    pthread_mutex_unlock(&self->lock);
    rc = av_catalog_attach(self->catalog, slot->open.store, slot->open.view, &no, err);
    if (rc == AV_OK) {
        rc = av_catalog_catch_up(self->catalog, no, av_summary_row_of_stored, NULL, ret_rebuilt, err);
        use_dictionary(slot);
        if (rc != AV_OK)
            av_catalog_detach(self->catalog, no);
    }
    pthread_mutex_lock(&self->lock);
    slot->attached = rc == AV_OK;
    if (rc == AV_OK) {
        slot->unread = false;
        slot->open.no = no;
        slot->behind = false;
        av_stores_numbers_read(self);
    }
    av_stores_give(self, slot, SLOT_OPEN);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "catalog");
}

void
av_stores_detach(av_stores *self, store_slot *slot)
{
    assert(slot != NULL);
    if (slot->attached)
        av_catalog_detach(self->catalog, slot->open.no);
    slot->attached = false;
}

av_errc
av_stores_catch_up_one(av_stores *self, store_slot *slot, bool *ret_rebuilt, av_error *err)
{
    av_errc rc = av_stores_enter(self, slot, err);

    if (rc != AV_OK)
        return rc;
    rc = av_stores_attach(self, slot, ret_rebuilt, err);
    if (slot != self->current)
        av_stores_detach(self, slot);
    av_stores_leave(self, slot);
    return rc;
}

/* ---- all ---- */

void
av_stores_catch_up_all(av_stores *self, bool everything)
{
    bool rebuilt = false;
    av_error err;

    for (store_slot *s = self->slots, *next; s != NULL; s = next) {
        next = s->next;
        if (s->gone || s->reserved || s->row->state == AV_STORE_DISABLED || s->row->locked || s->attached ||
            s->row->task == AV_STORE_TASK_DETACH ||
            (!everything && !s->fresh && !s->unread && (self->begun || !s->row->dirty) && s->open.no != 0))
            continue;
        s->fresh = false;
        s->unread = av_stores_catch_up_one(self, s, &rebuilt, &err) != AV_OK;
        if (s->unread)
            AV_LOG(AV_LOG_ERROR, "store.not_caught_up", AV_STR("name", s->row->name), AV_ERRF(&err));
    }
    if (rebuilt && !everything) {
        AV_LOG(AV_LOG_WARN, "catalog.rebuilt", AV_STR("dir", self->dir));
        av_stores_catch_up_all(self, true);
    }
    if (everything && av_floors_apply(self->accounts, self->catalog, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "catalog.floors_failed", AV_ERRF(&err));
}

av_errc
av_stores_catch_up(av_stores *self, av_error *err)
{
    bool rebuilt = false;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    for (store_slot *s = self->slots; rc == AV_OK && s != NULL; s = s->next)
        if (s->attached)
            rc = av_catalog_catch_up(self->catalog, s->open.no, av_summary_row_of_stored, NULL, &rebuilt, err);
    if (rc == AV_OK && rebuilt)
        av_stores_catch_up_all(self, true);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- those that could not be read ---- */

av_errc
av_stores_let_unread_go(av_stores *self, av_error *err)
{
    bool left = false;

    for (store_slot *s = self->slots; s != NULL; s = s->next) {
        bool leaves = s->unread && (s->gone || s->row->state == AV_STORE_DISABLED);

        left = left || leaves;
        s->unread = s->unread && !leaves;
    }
    return left ? av_floors_apply(self->accounts, self->catalog, err) : AV_OK;
}

av_errc
av_stores_all_read(av_stores *self, av_error *err)
{
    bool rebuilt = false;
    av_error why;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    for (store_slot *s = self->slots, *next; rc == AV_OK && s != NULL; s = next) {
        next = s->next;
        if (s->unread && !s->gone && av_stores_catch_up_one(self, s, &rebuilt, &why) != AV_OK)
            rc = av_error_set(err, AV_ERR_UNAVAILABLE,
                "the archive store %s has to be read once before UIDs can be given again, as the catalog was lost or "
                "is "
                "behind it; bring it back, or disable it: %.200s",
                s->row->name, why.msg);
    }
    if (rebuilt)
        av_stores_catch_up_all(self, true);
    pthread_mutex_unlock(&self->lock);
    return rc;
}
