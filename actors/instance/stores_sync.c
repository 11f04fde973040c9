/*
 * stores_sync.c - the writer's part of the registry: rows and slots, the current store, stores that are written to
 */
#include <sys/stat.h>

#include "actors/instance/floors.h"
#include "actors/instance/stores_priv.h"
#include "actors/instance/summary_row.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/container/container.h"

/* ---- rows ---- */

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

/* Durable before the first event goes to a store that is not current. */
static av_errc
mark_dirty(av_stores *self, store_slot *slot, av_error *err)
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

/* All rows into slots; slots without a row are gone. Lock held. */
static av_errc
read_rows(av_stores *self, av_error *err)
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
    return AV_OK;
}

/* Numbers and counters as the catalog has them. Lock held. */
static void
read_numbers(av_stores *self)
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

/* ---- attached: in the catalog, to be written to ---- */

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

/* Its view may be emptied on the way: nobody may look into it. Lock held at entry and exit; the slot is held. */
static av_errc
attach(av_stores *self, store_slot *slot, bool *ret_rebuilt, av_error *err)
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
        read_numbers(self);
    }
    av_stores_give(self, slot, SLOT_OPEN);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "catalog");
}

static void
detach(av_stores *self, store_slot *slot)
{
    assert(slot != NULL);
    if (slot->attached)
        av_catalog_detach(self->catalog, slot->open.no);
    slot->attached = false;
}

/* Use, attach and let go: for one whose log the catalog has not seen to its end. Lock held. */
static av_errc
catch_up_one(av_stores *self, store_slot *slot, bool *ret_rebuilt, av_error *err)
{
    av_errc rc = av_stores_enter(self, slot, err);

    if (rc != AV_OK)
        return rc;
    rc = attach(self, slot, ret_rebuilt, err);
    if (slot != self->current)
        detach(self, slot);
    av_stores_leave(self, slot);
    return rc;
}

/* Every store the catalog may not know to its end; all of them when it was emptied. Lock held. */
static void
catch_up_all(av_stores *self, bool everything)
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
        s->unread = catch_up_one(self, s, &rebuilt, &err) != AV_OK;
        if (s->unread)
            AV_LOG(AV_LOG_ERROR, "store.not_caught_up", AV_STR("name", s->row->name), AV_ERRF(&err));
    }
    if (rebuilt && !everything) {
        AV_LOG(AV_LOG_WARN, "catalog.rebuilt", AV_STR("dir", self->dir));
        catch_up_all(self, true);
    }
    if (everything && av_floors_apply(self->accounts, self->catalog, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "catalog.floors_failed", AV_ERRF(&err));
}

/* Those that left unread: who asked for it noted floors (av_floors_note_jump). Lock held. */
static av_errc
let_unread_go(av_stores *self, av_error *err)
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
        if (s->unread && !s->gone && catch_up_one(self, s, &rebuilt, &why) != AV_OK)
            rc = av_error_set(err, AV_ERR_UNAVAILABLE,
                "the archive store %s has to be read once before UIDs can be given again, as the catalog was lost or "
                "is "
                "behind it; bring it back, or disable it: %.200s",
                s->row->name, why.msg);
    }
    if (rebuilt)
        catch_up_all(self, true);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- the current one ---- */

static void
let_current_go(av_stores *self)
{
    store_slot *slot = AV_TAKE(self->current);

    if (slot == NULL)
        return;
    detach(self, slot);
    av_stores_leave(self, slot);
}

static void
choose_current(av_stores *self)
{
    store_slot *slot = self->slots;
    bool rebuilt = false;

    while (slot != NULL && (slot->gone || slot->row->state != AV_STORE_CURRENT))
        slot = slot->next;
    if (slot == self->current && slot != NULL)
        return;
    let_current_go(self);
    if (slot == NULL) {
        (void)av_error_set(&self->current_error, AV_ERR_READONLY, "no archive store is current: make one current");
        return;
    }
    if (av_stores_enter(self, slot, &self->current_error) != AV_OK)
        return;
    if (attach(self, slot, &rebuilt, &self->current_error) != AV_OK) {
        av_stores_leave(self, slot);
        return;
    }
    self->current = slot;
    if (rebuilt)
        catch_up_all(self, true);
}

av_errc
av_stores_current(av_stores *self, const av_open_store **ret, av_error *err)
{
    if (self->current == NULL) {
        pthread_mutex_lock(&self->lock);
        choose_current(self);
        pthread_mutex_unlock(&self->lock);
    }
    if (self->current == NULL) {
        *err = self->current_error;
        return err->code;
    }
    *ret = &self->current->open;
    return AV_OK;
}

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
        av_store_row_destroy(&slot->row);
        free(slot);
    }
}

av_errc
av_stores_sync(av_stores *self, av_error *err)
{
    av_errc rc;

    pthread_mutex_lock(&self->lock);
    rc = read_rows(self, err);
    if (rc == AV_OK) {
        read_numbers(self);
        choose_current(self);
        for (store_slot *s = self->slots, *next; s != NULL; s = next) {
            next = s->next;
            if (!s->gone && s->row->state != AV_STORE_DISABLED)
                continue;
            s->users++; /* so that leaving it puts it away */
            av_stores_leave(self, s);
        }
        rc = let_unread_go(self, err);
        catch_up_all(self, false);
        free_gone(self);
    }
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- others that are written to ---- */

av_errc
av_stores_write(av_stores *self, uint32_t id, bool protected_too, const av_open_store **ret, av_error *err)
{
    bool rebuilt = false;
    store_slot *slot;
    av_errc rc = AV_OK;

    pthread_mutex_lock(&self->lock);
    slot = av_stores_slot(self, id);
    if (slot == NULL)
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %u", (unsigned)id);
    else if (slot->reserved)
        rc = av_error_set(err, AV_ERR_BUSY, "the archive store %s is being merged: try again", slot->row->name);
    else if (slot->row->state == AV_STORE_WRITE_PROTECTED && !protected_too)
        rc = av_error_set(err, AV_ERR_READONLY, "the archive store %s is write protected", slot->row->name);
    else
        rc = av_stores_enter(self, slot, err);
    if (rc == AV_OK) {
        rc = attach(self, slot, &rebuilt, err);
        if (rc == AV_OK && slot != self->current)
            rc = mark_dirty(self, slot, err);
        if (rc == AV_OK && rebuilt)
            catch_up_all(self, true);
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
        detach(self, slot);
    read_numbers(self);
    av_stores_leave(self, slot);
    pthread_mutex_unlock(&self->lock);
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
        catch_up_all(self, true);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

void
av_stores_committed(av_stores *self, const av_open_store *store)
{
    store_slot *slot = AV_CONTAINER(store, store_slot, open);
    av_store_stats stats;

    av_store_get_stats(store->store, &stats);
    pthread_mutex_lock(&self->lock);
    read_numbers(self);
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
        detach(self, slot);
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
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %u", (unsigned)id);
    else if (slot->row->state == AV_STORE_DISABLED || slot->row->locked)
        rc = av_error_set(err, AV_ERR_CONFLICT, "archive store %s is disabled or locked", slot->row->name);
    else if (slot == self->current)
        let_current_go(self);
    pthread_mutex_unlock(&self->lock);
    if (rc == AV_OK)
        rc = av_stores_shut(self, id, err);
    if (rc == AV_OK && slot != NULL) {
        database = av_store_path_resolve(self->dir, slot->row->database);
        view = av_xasprintf("%s/view", database);
        rc = av_dir_remove(view, database, err);
    }
    pthread_mutex_lock(&self->lock);
    choose_current(self);                     /* the one it was, which may be this one */
    if (rc == AV_OK && slot != self->current) /* else it is attached again, and so caught up */
        rc = catch_up_one(self, slot, &rebuilt, err);
    if (rc == AV_OK && rebuilt)
        catch_up_all(self, true);
    pthread_mutex_unlock(&self->lock);
    return rc;
}

/* ---- beginning and end ---- */

static av_errc
create_row(av_stores *self, av_store_row *row, av_error *err)
{
    av_errc rc;

    av_accounts_begin(self->accounts);
    rc = av_store_row_create(self->accounts, row, err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

/* An empty store of ours that has no row: a crash came between its files and its row. One with mail in it is another
 * matter: then it is the rows that were lost. */
static bool
is_left_over(const av_stores *self, const av_store_row *row, uint8_t ret_uuid[AV_STORE_UUID_SIZE])
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(self->dir, row->content);
    AV_CLEANUP(av_free) char *first = av_container_path(content, 1, 0);
    AV_CLEANUP(av_free) char *second = av_container_path(content, 2, 0);
    struct stat st;
    av_error ignored;

    return stat(first, &st) == 0 && st.st_size == AV_CONTAINER_HEADER && !av_file_exists(second) &&
           av_store_identify(content, ret_uuid, &ignored) == AV_OK && av_keyring_has_store(self->keyring, ret_uuid);
}

/* Nothing at all was there before: the first store. */
static av_errc
make_first(av_stores *self, av_error *err)
{
    AV_CLEANUP(av_store_row_destroy) av_store_row *row = av_xcalloc(1, sizeof *row);
    av_store_paths paths = { 0 };
    av_errc rc;

    row->name = av_xstrdup("store-1");
    row->state = AV_STORE_CURRENT;
    rc = av_store_paths_take(NULL, NULL, NULL, NULL, "~/stores/store-1", &paths, err);
    row->content = paths.content;
    row->database = paths.database;
    row->index = paths.index;
    if (rc != AV_OK)
        return rc;
    if (!is_left_over(self, row, row->uuid))
        return av_stores_make(self, row, err);
    row->created_ms = av_clock_wall_ms();
    return create_row(self, row, err);
}

/*
 * The store's keys and its empty log; its row comes behind. A crash between leaves a folder and keys that nobody
 * knows: the folder has to be another then.
 */
av_errc
av_stores_make_files(av_stores *self, av_store_row *row, av_error *err)
{
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(self->dir, row->content);
    AV_CLEANUP(av_free) char *index = av_store_path_resolve(self->dir, row->index);
    AV_CLEANUP(av_store_keys_unref) av_store_keys *keys = NULL;
    av_store_config config = { .dir = content, .max_message_bytes = self->max_message_bytes };
    av_error ignored;
    av_errc rc;

    av_random_bytes(row->uuid, sizeof row->uuid);
    row->created_ms = av_clock_wall_ms();
    rc = av_keyring_store_add(self->keyring, row->uuid, &keys, err);
    if (rc != AV_OK)
        return rc;
    config.keys = keys;
    rc = av_store_create(&config, err);
    if (rc == AV_OK)
        rc = av_dir_make(index, err);
    if (rc == AV_OK)
        return AV_OK;
    av_store_keys_unref(&keys);
    if (av_keyring_store_remove(self->keyring, row->uuid, &ignored) != AV_OK)
        AV_LOG(AV_LOG_WARN, "store.keys_left", AV_ERRF(&ignored));
    return rc;
}

av_errc
av_stores_make(av_stores *self, av_store_row *row, av_error *err)
{
    av_errc rc = av_stores_make_files(self, row, err);

    return rc == AV_OK ? create_row(self, row, err) : rc;
}

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
    self->most_open = config->most_open != 0 ? config->most_open : AV_STORES_OPEN;
    rc = av_store_row_never(av_accounts_writer(self->accounts), &never, err);
    if (rc == AV_OK && never)
        rc = make_first(self, err);
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
    let_current_go(s);
    pthread_mutex_unlock(&s->lock);
    while ((slot = s->slots) != NULL) {
        assert(slot->users == 0 && slot->state != SLOT_BUSY);
        detach(s, slot);
        av_store_slot_close(slot);
        s->slots = slot->next;
        av_store_row_destroy(&slot->row);
        free(slot);
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s->dir);
    free(s);
    *self = NULL;
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
