/*
 * plan.c - what one backup holds: which files, whence, under which names, and which of them are there already
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "storage/backup/run_priv.h"
#include "storage/container/container.h"

void
backup_plan_release(backup_plan *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].from);
        free(self->items[i].path);
    }
    free(self->items);
    *self = (backup_plan){ 0 };
}

static av_errc
size_of(const char *path, uint64_t *ret, av_error *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        bool missing = errno == ENOENT;

        av_error_errno(err, "%s", path);
        return err->code = missing ? AV_ERR_NOT_FOUND : err->code;
    }
    *ret = (uint64_t)st.st_size;
    return AV_OK;
}

/* Takes both texts. */
static av_errc
add(backup_plan *self, char *from, char *path, backup_item **ret, av_error *err)
{
    backup_item item = { .from = from, .path = path };
    av_errc rc = size_of(from, &item.size, err);

    if (rc == AV_OK && !av_backup_path_valid(av_span_str(path)))
        rc = av_error_set(err, AV_ERR_INVALID, "a file with this name cannot be backed up: %.200s", path);
    if (rc != AV_OK) {
        free(from);
        free(path);
        return rc;
    }
    if (self->count == self->cap) {
        self->cap = self->cap == 0 ? 64 : 2 * self->cap;
        self->items = av_xrealloc(self->items, self->cap * sizeof *self->items);
    }
    self->items[self->count] = item;
    *ret = &self->items[self->count++];
    return AV_OK;
}

/* The same name and size is the same container; it must be there, too. */
static const av_backup_file *
known(const backup_run *self, const backup_item *item)
{
    const av_backup_manifest *const lists[] = { &self->before, &self->partial };
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", self->job->dir, item->path);

    for (size_t i = 0; i < AV_COUNT(lists); i++) {
        const av_backup_file *row = av_backup_manifest_find(lists[i], item->path);
        uint64_t size = 0;
        av_error err;

        if (row != NULL && row->size == item->size && size_of(path, &size, &err) == AV_OK && size >= row->size)
            return row;
    }
    return NULL;
}

static void
settle(backup_run *self, backup_item *item)
{
    const av_backup_file *row = known(self, item);

    item->kept = row != NULL;
    if (row != NULL)
        memcpy(item->digest, row->digest, sizeof item->digest);
}

static av_errc
add_container(backup_run *self, size_t store, const av_container_entry *entry, av_error *err)
{
    const av_backup_source_store *s = &self->job->stores[store];
    char name[AV_CONTAINER_NAME], uuid[33];
    backup_item *item = NULL;
    av_errc rc;

    av_container_name(entry->container, entry->generation, name);
    av_hex_encode(av_span_of(s->uuid, 16), uuid);
    rc = add(&self->plan, av_xasprintf("%s/%s", s->content, name), av_xasprintf("stores/%s/content/%s", uuid, name),
        &item, err);
    if (rc != AV_OK)
        return rc;
    item->container = entry->container;
    item->store = store;
    settle(self, item);
    return AV_OK;
}

/* Containers up to the one that holds the store's last commit. */
static av_errc
add_containers(backup_run *self, size_t store, av_error *err)
{
    const av_backup_source_store *s = &self->job->stores[store];
    uint32_t last = s->keys_away ? AV_CONTAINER_NUMBER_MAX : (uint32_t)(s->lsn >> 32);
    av_place *place = av_place_folder_new(s->content);
    av_container_list list = { 0 };
    av_errc rc = av_container_list_read(place, &list, err);

    if (rc == AV_OK && list.missing != 0 && list.missing <= last)
        backup_say(self->progress.watch, AV_LOG_WARN, "container %08u is missing in %s", list.missing, s->content);
    for (size_t i = 0; rc == AV_OK && i < list.count && list.entries[i].container <= last; i++) {
        rc = add_container(self, store, &list.entries[i], err);
        if (rc == AV_ERR_NOT_FOUND) /* compacted since: listed again when it is copied */
            rc = av_error_set(err, AV_ERR_BUSY, "%s is being compacted: try again", s->content);
    }
    av_container_list_release(&list);
    av_place_destroy(&place);
    return rc;
}

av_errc
backup_plan_again(backup_run *self, backup_item *item, av_error *err)
{
    const av_backup_source_store *s = &self->job->stores[item->store];
    av_place *place = av_place_folder_new(s->content);
    av_container_list list = { 0 };
    av_errc rc = av_container_list_read(place, &list, err);
    const av_container_entry *found = NULL;
    char name[AV_CONTAINER_NAME], uuid[33];

    for (size_t i = 0; rc == AV_OK && i < list.count; i++)
        if (list.entries[i].container == item->container)
            found = &list.entries[i];
    if (rc == AV_OK && found == NULL) {
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "container %08u is gone from %s", item->container, s->content);
    } else if (found != NULL) {
        av_container_name(found->container, found->generation, name);
        av_hex_encode(av_span_of(s->uuid, 16), uuid);
        free(item->from);
        free(item->path);
        item->from = av_xasprintf("%s/%s", s->content, name);
        item->path = av_xasprintf("stores/%s/content/%s", uuid, name);
        rc = size_of(item->from, &item->size, err);
    }
    av_container_list_release(&list);
    av_place_destroy(&place);
    return rc;
}

/* Every file of a folder, under a folder with this backup's number. */
static av_errc
add_folder(backup_run *self, const char *from, const char *kind, const char *below, av_error *err)
{
    AV_CLEANUP(backup_names_release) backup_names list = { 0 };
    av_errc rc = from == NULL ? AV_OK : backup_walk(from, &list, err);
    backup_item *item = NULL;

    for (size_t i = 0; rc == AV_OK && i < list.count; i++)
        rc = add(&self->plan, av_xasprintf("%s/%s", from, list.names[i]),
            av_xasprintf("%s/%llu/%s%s", kind, (unsigned long long)self->next.number, below, list.names[i]), &item,
            err);
    return rc;
}

/* The marker is small and always copied anew, like the keys a locked store has with it. */
static av_errc
add_store(backup_run *self, size_t i, av_error *err)
{
    const av_backup_source_store *s = &self->job->stores[i];
    AV_CLEANUP(av_free) char *keys = av_xasprintf("%s/store.keys", s->content);
    char uuid[33], below[40];
    backup_item *item = NULL;
    av_errc rc;

    av_hex_encode(av_span_of(s->uuid, 16), uuid);
    (void)snprintf(below, sizeof below, "%s/", uuid);
    av_backup_manifest_add_store(&self->next, s->uuid, s->lsn);
    rc = add_containers(self, i, err);
    if (rc == AV_OK)
        rc = add(&self->plan, av_xasprintf("%s/store.avs", s->content),
            av_xasprintf("markers/%llu/%s/store.avs", (unsigned long long)self->next.number, uuid), &item, err);
    if (rc == AV_OK)
        rc = add_folder(self, keys, "locked", below, err);
    if (rc == AV_OK)
        rc = add_folder(self, s->database, "views", below, err);
    if (rc == AV_OK)
        rc = add_folder(self, s->index, "index", below, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "store %s", uuid);
}

av_errc
backup_plan_make(backup_run *self, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < self->job->store_count; i++)
        rc = add_store(self, i, err);
    if (rc == AV_OK)
        rc = add_folder(self, self->job->accounts, "accounts", "", err);
    if (rc == AV_OK)
        rc = add_folder(self, self->job->catalog, "views", "catalog/", err);
    for (size_t i = 0; rc == AV_OK && i < self->plan.count; i++)
        if (!self->plan.items[i].kept)
            self->plan.bytes += self->plan.items[i].size;
    return rc;
}
