/*
 * archive.c - opening and closing what an instance owns on disk; groups of events
 *
 * Order: lock, keyring, accounts (they name the stores) and catalog (it knows how far it has seen their logs), then the
 * stores. Mailboxes: archive_mailbox.c.
 */
#include "actors/instance/archive.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "actors/instance/index_purges.h"
#include "actors/instance/reach.h"
#include "actors/instance/restored.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"

char *
av_archive_path(const av_archive *self, const char *sub)
{
    return av_xasprintf("%s/%s", self->dir, sub);
}

static av_errc
lock(av_archive *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "instance.lock");
    char pid[24] = "";
    size_t n;
    av_errc rc;

    rc = av_file_open(path, O_RDWR | O_CREAT, 0600, &self->lock_fd, err);
    if (rc != AV_OK)
        return rc;
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return av_error_errno(err, "%s cannot be locked", path);
        if (av_file_read_some(self->lock_fd, pid, sizeof pid - 1, 0, &n, err) == AV_OK)
            pid[strcspn(pid, "\n")] = '\0';
        return av_error_set(
            err, AV_ERR_BUSY, "folder %s is in use by another process (pid %s)", self->dir, pid[0] ? pid : "unknown");
    }
    (void)snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    rc = av_file_truncate(self->lock_fd, 0, err);
    return rc != AV_OK ? rc : av_file_write_at(self->lock_fd, pid, strlen(pid), 0, err);
}

static bool
is_zero(const uint8_t *p, size_t n)
{
    uint8_t all = 0;

    for (size_t i = 0; i < n; i++)
        all |= p[i];
    return all == 0;
}

/* The keyring is made with the instance; a folder with data and without one is of the time before keyrings. */
static av_errc
open_keyring(av_archive *self, const av_archive_config *config, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "keyring");
    AV_CLEANUP(av_free) char *accounts = av_archive_path(self, "accounts");
    av_keyring_info info;
    uint8_t uuid[16];
    av_errc rc = av_keyring_open(path, config->instance_key, &self->keyring, err);

    if (rc == AV_ERR_NOT_FOUND && av_file_exists(accounts))
        return av_error_set(err, AV_ERR_VERSION,
            "%s was made by an experimental version, whose stores this one does not read: make a new instance and "
            "import its mail again",
            self->dir);
    if (rc == AV_ERR_NOT_FOUND && is_zero(config->recovery_public, sizeof config->recovery_public))
        return av_error_set(err, AV_ERR_INVALID, "a new instance needs the public half of a recovery key");
    if (rc == AV_ERR_NOT_FOUND) {
        av_random_bytes(uuid, sizeof uuid);
        rc = av_keyring_create(path, uuid, config->instance_key, config->recovery_public, &self->keyring, err);
    }
    if (rc != AV_OK)
        return av_error_prefix(err, "keyring");
    av_keyring_info_get(self->keyring, &info);
    memcpy(self->uuid, info.instance_uuid, sizeof self->uuid);
    return AV_OK;
}

static av_errc
open_accounts(av_archive *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "accounts");
    av_errc rc = av_accounts_open(path, av_keyring_accounts_key(self->keyring), &self->accounts, err);

    return rc == AV_OK ? AV_OK : av_error_prefix(err, "accounts");
}

static av_errc
open_catalog(av_archive *self, const av_archive_config *config, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "catalog");
    av_catalog_config c = { .dir = path, .cache_bytes = config->cache_bytes };
    av_errc rc;

    memcpy(c.key, av_keyring_catalog_key(self->keyring), sizeof c.key);
    memcpy(c.instance, self->uuid, sizeof c.instance);
    rc = av_catalog_open(&c, &self->catalog, err);
    av_secret_wipe(c.key, sizeof c.key);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "catalog");
}

typedef struct opening {
    av_archive *archive;
    const av_archive_config *config;
    av_errc rc;
    av_error err;
} opening;

static void *
open_catalog_beside(void *arg)
{
    opening *self = arg;

    self->rc = open_catalog(self->archive, self->config, &self->err);
    return NULL;
}

/* Two databases at once: each open waits several times for the disk, and somebody waits for a woken instance. */
static av_errc
open_databases(av_archive *self, const av_archive_config *config, av_error *err)
{
    opening catalog = { .archive = self, .config = config };
    pthread_t thread;
    bool beside = pthread_create(&thread, NULL, open_catalog_beside, &catalog) == 0;
    av_errc rc = open_accounts(self, err);

    if (beside)
        (void)pthread_join(thread, NULL);
    else
        (void)open_catalog_beside(&catalog);
    if (rc != AV_OK)
        return rc;
    if (catalog.rc != AV_OK)
        *err = catalog.err;
    return catalog.rc;
}

static av_errc
open_stores(av_archive *self, const av_archive_config *config, av_error *err)
{
    av_stores_config c = { .dir = self->dir,
        .keyring = self->keyring,
        .accounts = self->accounts,
        .catalog = self->catalog,
        .max_message_bytes = config->max_message_bytes,
        .cache_bytes = config->cache_bytes,
        .search_bytes = (size_t)self->search_bytes,
        .no_index = config->no_index,
        .desk = self->desk,
        .most_open = config->open_stores };
    av_errc rc = av_stores_open(&c, &self->stores, err);

    return rc != AV_OK ? rc : av_catalog_last_archived(av_catalog_writer(self->catalog), &self->last_archived_ms, err);
}

av_errc
av_archive_open(const av_archive_config *config, av_archive **ret, av_error *err)
{
    AV_CLEANUP(av_archive_close) av_archive *self = av_xcalloc(1, sizeof *self);
    AV_CLEANUP(av_free) char *stores = NULL;
    av_errc rc;

    self->lock_fd = -1;
    pthread_mutex_init(&self->large, NULL);
    self->dir = av_xstrdup(config->dir);
    self->max_message_bytes = config->max_message_bytes;
    self->grace_ms = config->grace_ms;
    self->search_bytes = config->search_bytes != 0 ? config->search_bytes : AV_SEARCH_BYTES;
    self->saved_searches = config->saved_searches != 0 ? config->saved_searches : AV_SAVED_SEARCHES;
    self->doc_sets = av_doc_sets_new(AV_DOC_SETS_BYTES);
    self->changes = av_changes_new();
    self->desk = av_index_desk_new();
    stores = av_archive_path(self, "stores");
    rc = av_dir_make(stores, err);
    if (rc == AV_OK)
        rc = lock(self, err);
    if (rc == AV_OK)
        rc = open_keyring(self, config, err);
    if (rc == AV_OK)
        rc = open_databases(self, config, err);
    if (rc == AV_OK)
        rc = av_restored_settle(self->dir, self->accounts, err);
    if (rc == AV_OK)
        rc = open_stores(self, config, err);
    if (rc == AV_OK)
        rc = av_index_purges_resume(self, err);
    if (rc == AV_OK)
        rc = av_restored_go_on(self->dir, self->accounts, self->catalog, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_archive_close(av_archive **self)
{
    av_archive *a = *self;
    bool in_order;
    av_error err;

    if (a == NULL)
        return;
    assert(a->group_store == NULL);
    in_order = a->stores != NULL && !a->catalog_behind;
    av_stores_close(&a->stores);
    av_catalog_close(&a->catalog);
    if (in_order && av_stores_clear_dirty(a->accounts, &err) != AV_OK)
        AV_LOG(AV_LOG_WARN, "archive.marks_left", AV_ERRF(&err)); /* the next start does a little more than it must */
    av_accounts_close(&a->accounts);
    av_keyring_destroy(&a->keyring);
    av_file_close(&a->lock_fd); /* the lock goes with it; the file stays, or a second opener could lock a removed one */
    pthread_mutex_destroy(&a->large);
    av_doc_sets_destroy(&a->doc_sets);
    av_changes_destroy(&a->changes);
    av_index_desk_destroy(&a->desk);
    free(a->dir);
    free(a);
    *self = NULL;
}

av_errc
av_archive_catch_up(av_archive *self, av_error *err)
{
    av_errc rc;

    if (!self->catalog_behind)
        return AV_OK;
    rc = av_stores_catch_up(self->stores, err);
    self->catalog_behind = rc != AV_OK;
    av_changes_all(self->changes);
    return rc;
}

av_errc
av_archive_begin(av_archive *self, const av_open_store *store, av_error *err)
{
    av_errc rc;

    assert(self->group_store == NULL);
    rc = av_archive_catch_up(self, err);
    if (rc != AV_OK)
        return rc;
    av_views_begin(self->catalog, store->no);
    self->group_store = store;
    return AV_OK;
}

av_errc
av_archive_commit(av_archive *self, av_error *err)
{
    const av_open_store *store = AV_TAKE(self->group_store);
    bool behind = false;
    av_errc rc = av_views_commit(self->catalog, store->no, &behind, err);

    if (rc != AV_OK) {
        av_changes_rollback(self->changes);
        return rc;
    }
    self->catalog_behind = self->catalog_behind || behind;
    atomic_fetch_add(&self->commits, 1);
    av_stores_committed(self->stores, store);
    av_changes_commit(self->changes);
    if (self->committed != NULL)
        self->committed(self->committed_ctx);
    return AV_OK;
}

void
av_archive_rollback(av_archive *self)
{
    const av_open_store *store = AV_TAKE(self->group_store);
    av_error err;

    av_changes_rollback(self->changes);
    if (store != NULL && av_views_rollback(self->catalog, store->no, &err) != AV_OK)
        AV_LOG(AV_LOG_ERROR, "group.rollback_failed", AV_ERRF(&err));
}

int64_t
av_archive_now(av_archive *self)
{
    int64_t now = av_clock_wall_ms();

    self->last_archived_ms = AV_MAX(now, self->last_archived_ms);
    return self->last_archived_ms;
}
