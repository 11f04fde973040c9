/*
 * archive.c - opening and closing what an instance owns on disk
 *
 * Order: lock, accounts (they name the store's UUID) and catalog (it knows how far it has seen that log), store from there,
 * then the rest of the log into the catalog. Mailboxes: archive_mailbox.c.
 */
#include "actors/instance/archive.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "actors/instance/summary_row.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/crypto/seal.h"

#define SETTING_INSTANCE_UUID "instance.uuid"
#define SETTING_STORE_UUID    "store.1.uuid"

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

/* A 16 byte setting; all zero when it was never set. */
static av_errc
get_uuid(av_archive *self, const char *key, uint8_t ret[16], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    memset(ret, 0, 16);
    rc = av_accounts_setting_get(av_accounts_writer(self->accounts), av_span_str(key), &row, err);
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc != AV_OK)
        return rc;
    if (row.n != 16)
        return av_error_set(err, AV_ERR_CORRUPT, "setting %s has %zu bytes instead of 16", key, row.n);
    memcpy(ret, row.p, 16);
    return AV_OK;
}

static av_errc
put_uuid(av_archive *self, const char *key, const uint8_t uuid[16], av_error *err)
{
    av_errc rc;

    av_accounts_begin(self->accounts);
    rc = av_accounts_setting_put(self->accounts, av_span_str(key), av_span_of(uuid, 16), err);
    if (rc == AV_OK)
        return av_accounts_commit(self->accounts, err);
    av_accounts_rollback(self->accounts);
    return rc;
}

static bool
is_zero(const uint8_t uuid[16])
{
    static const uint8_t none[16];

    return memcmp(uuid, none, 16) == 0;
}

static av_errc
open_accounts(av_archive *self, const av_archive_config *config, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "accounts");
    uint8_t key[32];
    av_errc rc;

    av_seal_hmac(config->store_key, av_span_str("archivolt accounts database"), key);
    rc = av_accounts_open(path, key, &self->accounts, err);
    av_secret_wipe(key, sizeof key);
    if (rc != AV_OK)
        return av_error_prefix(err, "accounts");
    rc = get_uuid(self, SETTING_INSTANCE_UUID, self->uuid, err);
    if (rc != AV_OK || !is_zero(self->uuid))
        return rc;
    av_random_bytes(self->uuid, 16);
    return put_uuid(self, SETTING_INSTANCE_UUID, self->uuid, err);
}

/* The catalog's own key, of which it derives its database's and its HMACs'. */
static av_errc
open_catalog(av_archive *self, const av_archive_config *config, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "catalog");
    av_catalog_config c = { .dir = path, .cache_bytes = config->cache_bytes };
    av_errc rc;

    av_seal_hmac(config->store_key, av_span_str("archivolt catalog"), c.key);
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
    av_errc rc = open_accounts(self, config, err);

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
open_store(av_archive *self, const av_archive_config *config, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_archive_path(self, "stores/store-1");
    av_store_config c = { .dir = path, .max_message_bytes = config->max_message_bytes };
    uint64_t witnessed = 0;
    uint8_t uuid[16];
    av_errc rc;

    memcpy(c.key, config->store_key, sizeof c.key);
    rc = get_uuid(self, SETTING_STORE_UUID, uuid, err);
    if (rc == AV_OK && !is_zero(uuid))
        rc = av_catalog_applied_lsn(self->catalog, uuid, &witnessed, err);
    if (rc == AV_OK)
        rc = av_store_open(&c, witnessed, &self->store, err);
    /* Only an instance that never had a store makes one: a store that is missing later must not turn into an empty one. */
    if (rc == AV_ERR_NOT_FOUND && is_zero(uuid)) {
        rc = av_store_create(&c, err);
        if (rc == AV_OK)
            rc = av_store_open(&c, 0, &self->store, err);
    }
    if (rc == AV_OK && memcmp(uuid, av_store_uuid(self->store), 16) != 0)
        rc = is_zero(uuid) ? put_uuid(self, SETTING_STORE_UUID, av_store_uuid(self->store), err)
                           : av_error_set(err, AV_ERR_CONFLICT, "%s holds another store than this instance's", path);
    av_secret_wipe(c.key, sizeof c.key);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "store");
}

static av_errc
catch_up(av_archive *self, av_error *err)
{
    bool rebuilt = false;
    av_errc rc;

    rc = av_catalog_attach(self->catalog, self->store, &self->store_no, err);
    if (rc == AV_OK)
        rc = av_catalog_catch_up(self->catalog, self->store_no, av_summary_row_of_stored, NULL, &rebuilt, err);
    if (rc == AV_OK)
        rc = av_catalog_last_archived(av_catalog_writer(self->catalog), &self->last_archived_ms, err);
    if (rebuilt)
        AV_LOG(AV_LOG_WARN, "catalog.rebuilt", AV_STR("dir", self->dir));
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "catalog");
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
    self->search_bytes = config->search_bytes != 0 ? config->search_bytes : AV_SEARCH_BYTES;
    stores = av_archive_path(self, "stores");
    rc = av_dir_make(stores, err);
    if (rc == AV_OK)
        rc = lock(self, err);
    if (rc == AV_OK)
        rc = open_databases(self, config, err);
    if (rc == AV_OK)
        rc = open_store(self, config, err);
    if (rc == AV_OK)
        rc = catch_up(self, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_archive_close(av_archive **self)
{
    av_archive *a = *self;

    if (a == NULL)
        return;
    av_catalog_close(&a->catalog);
    av_store_close(&a->store);
    av_accounts_close(&a->accounts);
    av_file_close(&a->lock_fd); /* the lock goes with it; the file stays, or a second opener could lock a removed one */
    pthread_mutex_destroy(&a->large);
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
    rc = av_catalog_catch_up(self->catalog, self->store_no, av_summary_row_of_stored, NULL, NULL, err);
    self->catalog_behind = rc != AV_OK;
    return rc;
}

int64_t
av_archive_now(av_archive *self)
{
    int64_t now = av_clock_wall_ms();

    self->last_archived_ms = AV_MAX(now, self->last_archived_ms);
    return self->last_archived_ms;
}
