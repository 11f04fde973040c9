/*
 * stores_rows.c - the registry's slots follow the rows in accounts and the catalog's counters
 *
 * The rows are the truth; a slot is what this process knows and has open of one. Writer.
 */
#include "actors/instance/index_settings.h"
#include "actors/instance/stores_priv.h"

/* ---- from rows to slots ---- */

static store_slot *
add_slot(av_stores *self, av_store_row *row)
{
    store_slot *slot = av_xcalloc(1, sizeof *slot), **at = &self->slots;

    slot->row = row;
    slot->open.id = row->id;
    slot->open.state = row->state;
    slot->fresh = self->begun;
    while (*at != NULL && (*at)->row->id < row->id)
        at = &(*at)->next;
    slot->next = *at;
    *at = slot;
    return slot;
}

/* One row as it is on disk now. Lock held. */
static void
take_row(av_stores *self, av_store_row *row)
{
    store_slot *slot = av_stores_slot(self, row->id);

    if (slot == NULL) {
        (void)add_slot(self, row);
        return;
    }
    if (slot->row->locked != row->locked || slot->row->state != row->state ||
        strcmp(slot->row->content, row->content) != 0 || strcmp(slot->row->database, row->database) != 0)
        slot->error.code = AV_OK;                                    /* what opening it said may not hold any more */
    if (memcmp(slot->row->uuid, row->uuid, sizeof row->uuid) != 0) { /* recovered into another one */
        slot->fresh = true;
        slot->open.no = 0;
        slot->messages = slot->bytes = 0;
    }
    slot->fresh = slot->fresh || (slot->row->locked && !row->locked) || slot->row->state == AV_STORE_DISABLED;
    av_store_row_destroy(&slot->row);
    slot->row = row;
    slot->open.state = row->state;
}

/* What they are to be made with, also told to those that are open. */
static av_errc
read_index_settings(av_stores *self, av_error *err)
{
    av_errc rc;

    av_buf_clear(&self->index_settings);
    rc = av_index_settings_wanted(av_accounts_writer(self->accounts), &self->index_settings, err);
    for (store_slot *s = self->slots; rc == AV_OK && s != NULL; s = s->next)
        if (s->state == SLOT_OPEN && s->open.index != NULL)
            av_index_want_settings(s->open.index, av_buf_span(&self->index_settings));
    return rc;
}

av_errc
av_stores_rows_read(av_stores *self, av_error *err)
{
    av_meta_iter *it = av_store_rows(av_accounts_writer(self->accounts));
    uint32_t seen[AV_STORES_MAX];
    av_store_row *row;
    size_t n = 0, i;
    av_errc rc;

    while ((rc = av_store_row_next(it, &row, err)) == AV_OK && row != NULL && n < AV_STORES_MAX) {
        seen[n++] = row->id;
        take_row(self, row);
    }
    av_meta_iter_destroy(&it);
    if (rc != AV_OK)
        return rc;
    for (store_slot *s = self->slots; s != NULL; s = s->next) {
        for (i = 0; i < n && seen[i] != s->row->id; i++)
            continue;
        s->gone = s->gone || i == n;
    }
    return read_index_settings(self, err);
}

void
av_stores_numbers_read(av_stores *self)
{
    av_catalog_store_row known;

    for (uint32_t no = 0; av_catalog_next_store(self->catalog, &no, &known);)
        for (store_slot *s = self->slots; s != NULL; s = s->next)
            if (!s->gone && memcmp(s->row->uuid, known.uuid, sizeof known.uuid) == 0) {
                s->open.no = known.no;
                s->messages = known.messages;
                s->bytes = known.bytes;
            }
}

/* ---- changes of rows ---- */

av_errc
av_stores_row_create(av_stores *self, av_store_row *row, av_error *err)
{
    av_errc rc;

    av_accounts_begin(self->accounts);
    rc = av_store_row_create(self->accounts, row, err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

static av_errc
put_row(av_stores *self, const av_store_row *row, av_error *err)
{
    av_errc rc;

    av_accounts_begin(self->accounts);
    rc = av_store_row_put(self->accounts, row, err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

av_errc
av_stores_mark_dirty(av_stores *self, store_slot *slot, av_error *err)
{
    av_errc rc;

    assert(slot != NULL);
    if (slot->row->dirty)
        return AV_OK;
    slot->row->dirty = true;
    rc = put_row(self, slot->row, err);
    slot->row->dirty = rc == AV_OK;
    return rc;
}

av_errc
av_stores_clear_dirty(av_accounts *accounts, av_error *err)
{
    av_meta_iter *it = av_store_rows(av_accounts_writer(accounts));
    av_store_row *dirty[AV_STORES_MAX], *row;
    size_t n = 0;
    av_errc rc;

    while ((rc = av_store_row_next(it, &row, err)) == AV_OK && row != NULL) {
        if (row->dirty && n < AV_STORES_MAX)
            dirty[n++] = row;
        else
            av_store_row_destroy(&row);
    }
    av_meta_iter_destroy(&it);
    if (rc == AV_OK && n > 0) {
        av_accounts_begin(accounts);
        for (size_t i = 0; rc == AV_OK && i < n; i++) {
            dirty[i]->dirty = false;
            rc = av_store_row_put(accounts, dirty[i], err);
        }
        if (rc == AV_OK)
            rc = av_accounts_commit(accounts, err);
        else
            av_accounts_rollback(accounts);
    }
    for (size_t i = 0; i < n; i++)
        av_store_row_destroy(&dirty[i]);
    return rc;
}
