/*
 * help.h - what the tests of backups share: an instance's folders with one real store in it, copies, comparing
 */
#ifndef AV_TESTS_BACKUP_HELP_H
#define AV_TESTS_BACKUP_HELP_H

#include "base/clock.h"
#include "storage/backup/backup.h"
#include "storage/keys/keyring.h"
#include "tests/storage/store/help.h"

#define MESSAGES_MAX 64

typedef struct site {
    test_dir top;
    char instance[160], backup[160], content[200], keyring[200], accounts[200], catalog[200];
    uint8_t instance_key[32], uuid[16], store_uuid[16];
    av_key recovery;
    av_keyring *ring;
    av_store_keys *keys;
    av_store *store;
    uint64_t lsns[MESSAGES_MAX];
    size_t n;
    uint64_t committed;
    bool keys_away; /* back up as if the store could not be opened */
} site;

static void
put_text(const char *dir, const char *name, const char *text)
{
    char path[400];
    av_error err;

    AV_CHECK_RC(av_dir_make(dir, &err), AV_OK, &err);
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    AV_CHECK_RC(av_file_replace(path, av_span_str(text), 0600, &err), AV_OK, &err);
}

static av_store_config
site_config(const site *self)
{
    return (av_store_config){ .dir = self->content, .keys = self->keys, .max_container_bytes = 64 * 1024 };
}

__attribute__((unused)) static void
site_new(site *self)
{
    uint8_t public_half[32];
    av_store_config config;
    av_error err;

    memset(self, 0, sizeof *self);
    self->top = dir_new();
    (void)snprintf(self->instance, sizeof self->instance, "%s/instance", self->top.path);
    (void)snprintf(self->backup, sizeof self->backup, "%s/backup", self->top.path);
    (void)snprintf(self->content, sizeof self->content, "%s/stores/first/content", self->instance);
    (void)snprintf(self->keyring, sizeof self->keyring, "%s/keyring", self->instance);
    (void)snprintf(self->accounts, sizeof self->accounts, "%s/accounts", self->instance);
    (void)snprintf(self->catalog, sizeof self->catalog, "%s/catalog", self->instance);
    memset(self->uuid, 7, sizeof self->uuid);
    memset(self->store_uuid, 9, sizeof self->store_uuid);
    memset(self->instance_key, 3, sizeof self->instance_key);
    av_key_generate(AV_KEY_RECOVERY, &self->recovery);
    av_key_recovery_public(&self->recovery, public_half);
    put_text(self->accounts, "CURRENT", "users");
    put_text(self->accounts, "000012.sst", "a table");
    put_text(self->catalog, "CURRENT", "a view");
    AV_CHECK_RC(
        av_keyring_create(self->keyring, self->uuid, self->instance_key, public_half, &self->ring, &err), AV_OK, &err);
    AV_CHECK_RC(av_keyring_store_add(self->ring, self->store_uuid, &self->keys, &err), AV_OK, &err);
    config = site_config(self);
    AV_CHECK_RC(av_store_create(&config, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(&config, 0, &self->store, &err), AV_OK, &err);
}

/* count messages more, in one group each; then a new container is begun, as a backup does. */
__attribute__((unused)) static void
site_fill(site *self, size_t count)
{
    av_error err;

    for (size_t i = 0; i < count; i++) {
        av_span m = message_new(9000, self->n);

        AV_CHECK_RC(av_store_put_message(self->store, m, NULL, &self->lsns[self->n++], &err), AV_OK, &err);
        AV_CHECK_RC(av_store_commit(self->store, &self->committed, &err), AV_OK, &err);
        message_free(m);
    }
    AV_CHECK_RC(av_store_roll(self->store, &err), AV_OK, &err);
}

__attribute__((unused)) static void
site_free(site *self)
{
    AV_CHECK(true);
    av_store_close(&self->store);
    av_store_keys_unref(&self->keys);
    av_keyring_destroy(&self->ring);
    av_key_wipe(&self->recovery);
    dir_remove(&self->top);
}

__attribute__((unused)) static av_errc
site_backup(const site *self, bool views, const av_care_watch *watch, av_backup_result *ret, av_error *err)
{
    av_backup_source_store store = {
        .content = self->content, .lsn = self->keys_away ? 0 : self->committed, .keys_away = self->keys_away
    };
    av_backup_job job = { .dir = self->backup,
        .instance = self->instance,
        .instance_id = "demo",
        .time_ms = av_clock_wall_ms(),
        .accounts = self->accounts,
        .catalog = views ? self->catalog : NULL,
        .keyring = self->keyring,
        .stores = &store,
        .store_count = 1 };

    memcpy(store.uuid, self->store_uuid, 16);
    memcpy(job.instance_uuid, self->uuid, 16);
    return av_backup_run(&job, watch, ret, err);
}

/* Faults a verification of the folder finds. */
__attribute__((unused)) static uint64_t
faults_of(const char *backup)
{
    av_backup_verify_result result = { 0 };
    av_error err;

    AV_CHECK_RC(av_backup_verify(backup, NULL, &result, &err), AV_OK, &err);
    return result.faults;
}

/* n messages of the site in a restored folder, made as numbers `from` on: readable by the recovery key, byte for
 * byte. except: erased. */
__attribute__((unused)) static void
check_restored_from(const site *self, const char *dir, size_t n, size_t except, size_t from)
{
    char ring_dir[300], content[300];
    uint8_t key[32];
    av_keyring *ring = NULL;
    av_store_keys *keys = NULL;
    av_store *store = NULL;
    av_store_config config;
    av_error err;

    (void)snprintf(ring_dir, sizeof ring_dir, "%s/keyring", dir);
    (void)snprintf(content, sizeof content, "%s/stores/%s/content", dir, "09090909090909090909090909090909");
    AV_CHECK_RC(av_keyring_recover(ring_dir, self->recovery.bytes, key, &err), AV_OK, &err);
    if (!AV_CHECK(av_keyring_open(ring_dir, key, &ring, &err) == AV_OK) ||
        !AV_CHECK(av_keyring_store_open(ring, self->store_uuid, &keys, &err) == AV_OK))
        return;
    config = (av_store_config){ .dir = content, .keys = keys };
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    for (size_t i = 0; store != NULL && i < n; i++) {
        av_span want = message_new(9000, i + from);
        AV_CLEANUP(av_buf_release) av_buf got = { 0 };
        av_errc rc;

        av_buf_init(&got, 100000);
        av_check_row = (long)i;
        rc = av_store_read_message(store, self->lsns[i], &got, &err);
        if (i == except) {
            AV_CHECK(rc == AV_ERR_NOT_FOUND || rc == AV_ERR_GONE);
        } else {
            AV_CHECK_RC(rc, AV_OK, &err);
            AV_CHECK_MEM(got.p, got.n, want.p, want.n);
        }
        message_free(want);
    }
    av_check_row = -1;
    av_store_close(&store);
    av_store_keys_unref(&keys);
    av_keyring_destroy(&ring);
}

__attribute__((unused)) static void
check_restored(const site *self, const char *dir, size_t n, size_t except)
{
    check_restored_from(self, dir, n, except, 0);
}

#endif
