/*
 * stores_sync.c - the registry from open to close, and in line with the rows whenever they changed
 */
#include "actors/instance/floors.h"
#include "actors/instance/index_settings.h"
#include "actors/instance/stores_priv.h"

/* Lock held, and never let go of on the way. */
static void
free_gone(av_stores *self)
{
    store_slot **at = &self->slots, *slot;

    while ((slot = *at) != NULL) {
        if (!slot->gone || slot->users > 0 || slot->state != SLOT_CLOSED) {
            at = &slot->next;
            continue;
        }
        *at = slot->next;
        av_index_desk_forget(self->desk, slot->row->id);
        av_store_row_destroy(&slot->row);
        free(slot);
    }
}

av_errc
av_stores_sync(av_stores *self, av_error *err)
{
    av_errc rc;

    pthread_mutex_lock(&self->lock);
    rc = av_stores_rows_read(self, err);
    if (rc == AV_OK) {
        av_stores_numbers_read(self);
        av_stores_current_choose(self);
        for (store_slot *s = self->slots, *next; s != NULL; s = next) {
            next = s->next;
            if (!s->gone && s->row->state != AV_STORE_DISABLED)
                continue;
            s->users++; /* so that leaving it puts it away */
            av_stores_leave(self, s);
        }
        rc = av_stores_let_unread_go(self, err);
        av_stores_catch_up_all(self, false);
        free_gone(self);
    }
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- beginning and end ---- */

av_errc
av_stores_open(const av_stores_config *config, av_stores **ret, av_error *err)
{
    AV_CLEANUP(av_stores_close) av_stores *self = av_xcalloc(1, sizeof *self);
    bool never;
    av_errc rc;

    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    self->dir = av_xstrdup(config->dir);
    self->keyring = config->keyring;
    self->accounts = config->accounts;
    self->catalog = config->catalog;
    self->max_message_bytes = config->max_message_bytes;
    self->cache_bytes = config->cache_bytes;
    self->search_bytes = config->search_bytes;
    self->no_index = config->no_index;
    self->desk = config->desk;
    av_buf_init(&self->index_settings, AV_INDEX_SETTINGS_MAX);
    self->most_open = config->most_open != 0 ? config->most_open : AV_STORES_OPEN;
    rc = av_store_row_never(av_accounts_writer(self->accounts), &never, err);
    if (rc == AV_OK && never)
        rc = av_stores_make_first(self, err);
    if (rc == AV_OK)
        rc = av_stores_sync(self, err);
    if (rc == AV_OK)
        rc = av_floors_apply(self->accounts, self->catalog, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "archive stores");
    self->begun = true;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_stores_close(av_stores **self)
{
    av_stores *s = *self;
    store_slot *slot;

    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    av_stores_current_leave(s);
    pthread_mutex_unlock(&s->lock);
    while ((slot = s->slots) != NULL) {
        assert(slot->users == 0 && slot->state != SLOT_BUSY);
        av_stores_detach(s, slot);
        av_store_slot_close(slot);
        s->slots = slot->next;
        av_store_row_destroy(&slot->row);
        free(slot);
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    av_buf_release(&s->index_settings);
    free(s->dir);
    free(s);
    *self = NULL;
}
