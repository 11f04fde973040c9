/*
 * store_ops_recover.c - RecoverStore and RecreateRecoveryRecords: a sound store out of what a damaged one still gives
 *
 *   a new store beside the old one -> filled beside the writer (store_ops_recover_beside.c), with what the catalog
 *   knows where events cannot be read -> nobody uses the old one -> its messages leave the catalog -> the row names the
 *   new one, whose log the catalog reads: folders, UIDs and dates as they were
 *
 * Nothing is written into the damaged store; it stays where it is. Cut short, the same request goes on with the new
 * one.
 */
#include "actors/instance/store_ops_recover_priv.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"

#define SUFFIX          "-recovered"
#define EXPUNGE_AT_ONCE 2000U

static void
close_target(store_recovery *self)
{
    av_store_close(&self->store);
    av_store_view_close(&self->view);
    av_store_keys_unref(&self->keys);
    av_store_keys_unref(&self->source_keys);
    av_meta_view_destroy(&self->catalog);
}

static void
recovering_free(void *state)
{
    store_recovery *self = state;

    close_target(self);
    free(self->source_dir);
    free(self->work_dir);
    free(self->content);
    free(self->database);
    free(self);
}

/* ---- the new store ---- */

/* New keys and an empty log, or those of a recovery that was cut short. */
static av_errc
make_target(store_recovery *self, const char *content, av_error *err)
{
    av_keyring *keyring = self->op->archive->keyring;
    av_store_config config = { .dir = content };
    av_error why;
    av_errc rc = av_store_identify(content, self->uuid, &why);

    if (rc == AV_OK)
        return av_keyring_has_store(keyring, self->uuid)
                   ? av_keyring_store_open(keyring, self->uuid, &self->keys, err)
                   : av_error_set(err, AV_ERR_EXISTS, "%s holds an archive store that is not ours", content);
    av_random_bytes(self->uuid, sizeof self->uuid);
    rc = av_keyring_store_add(keyring, self->uuid, &self->keys, err);
    config.keys = self->keys;
    return rc == AV_OK ? av_store_create(&config, err) : rc;
}

static av_errc
open_target(store_recovery *self, av_error *err)
{
    const char *base = self->op->archive->dir;
    AV_CLEANUP(av_free) char *content = av_store_path_resolve(base, self->content);
    AV_CLEANUP(av_free) char *database = av_store_path_resolve(base, self->database);
    AV_CLEANUP(av_free) char *dir = av_xasprintf("%s/view", database);
    av_store_config config = { .dir = content, .max_message_bytes = self->op->archive->max_message_bytes };
    av_store_view_config view = { .dir = dir };
    av_store_watch watch;
    av_errc rc = make_target(self, content, err);

    config.keys = view.keys = self->keys;
    if (rc == AV_OK)
        rc = av_dir_make(database, err);
    if (rc == AV_OK)
        rc = av_store_view_open(&view, &self->view, err);
    if (rc == AV_OK)
        rc = av_store_open(&config, av_store_view_applied_lsn(self->view), &self->store, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "the new store");
    watch = av_store_view_watch(self->view);
    av_store_set_watch(self->store, &watch);
    return AV_OK;
}

/* ---- the old one ---- */

static av_errc
check(store_op *op, const av_store_info *info, bool must_be_damaged, av_error *err)
{
    const av_open_store *store = NULL;
    bool damaged = info->row->state == AV_STORE_DISABLED || info->error != NULL;

    if (info->row->state == AV_STORE_CURRENT)
        return av_error_set(
            err, AV_ERR_CONFLICT, "archive store %s is current: make another one current first", info->row->name);
    if (info->reserved || info->row->task != AV_STORE_TASK_NONE)
        return av_error_set(err, AV_ERR_BUSY, "archive store %s is being worked on", info->row->name);
    if (!damaged && must_be_damaged) {
        damaged = av_stores_use_id(op->archive->stores, info->row->id, &store, err) != AV_OK ||
                  av_store_problem(store->store) != NULL;
        av_stores_done(op->archive->stores, &store);
    }
    if (!damaged && must_be_damaged)
        return av_error_set(err, AV_ERR_CONFLICT,
            "archive store %s is not damaged: disable it first if it shall be recovered all the same", info->row->name);
    return AV_OK;
}

/* In the keyring, or unlocked by the key that was given. */
static av_errc
take_keys(store_recovery *self, const av_store_info *info, const char *given, av_error *err)
{
    av_keyring *keyring = self->op->archive->keyring;
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    uint8_t uuid[16];
    av_errc rc = AV_OK;

    if (!av_keyring_has_store(keyring, info->row->uuid)) {
        if (given == NULL || given[0] == '\0')
            return av_stores_why_locked(self->op->archive->stores, info->row, err);
        rc = av_key_parse(av_span_str(given), &key, err);
        if (rc == AV_OK)
            rc = av_keyring_store_import(keyring, self->source_dir, &key, uuid, err);
        if (rc == AV_ERR_AUTH)
            err->code = rc = AV_ERR_DENIED;
    }
    return rc == AV_OK ? av_keyring_store_open(keyring, info->row->uuid, &self->source_keys, err) : rc;
}

static av_errc
begin_with(store_op *op, const av_store_info *info, const char *key, bool must_be_damaged, av_error *err)
{
    store_recovery *self = op->state;
    av_archive *archive = op->archive;
    av_errc rc = check(op, info, must_be_damaged, err);

    if (rc != AV_OK)
        return rc;
    self->id = info->row->id;
    self->no = info->no;
    self->source_dir = av_store_path_resolve(archive->dir, info->row->content);
    self->content = av_xasprintf("%s" SUFFIX, info->row->content);
    self->database = av_xasprintf("%s" SUFFIX, info->row->database);
    self->work_dir = av_xasprintf("%s-work", self->source_dir);
    self->witnessed = av_catalog_applied_lsn(archive->catalog, info->row->uuid);
    rc = take_keys(self, info, key, err);
    if (rc == AV_OK)
        rc = open_target(self, err);
    if (rc != AV_OK)
        return rc;
    self->catalog = av_catalog_snapshot(archive->catalog);
    store_op_text(op, "%s: reading what can be read", info->row->name);
    op->beside = store_recovery_beside;
    return AV_OK;
}

static av_errc
begin(store_op *op, av_error *err)
{
    bool recover = op->body->descriptor == &archivolt__recover_store_request__descriptor;
    const Archivolt__RecoverStoreRequest *asked = (const void *)op->body;
    uint64_t id = recover ? asked->id : ((const Archivolt__StoreRequest *)(const void *)op->body)->id;
    store_recovery *self = av_xcalloc(1, sizeof *self);
    av_store_info *info = NULL;
    av_errc rc;

    self->op = op;
    op->state = self;
    op->state_free = recovering_free;
    self->with_deleted = recover && asked->has_recover_deleted_messages && asked->recover_deleted_messages;
    if (id > UINT32_MAX)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no archive store %llu", (unsigned long long)id);
    op->store_id = (uint32_t)id;
    rc = av_stores_info(op->archive->stores, op->store_id, &info, err);
    if (rc == AV_OK)
        rc = begin_with(op, info, recover ? asked->encryption_key : NULL, recover, err);
    av_store_infos_free(info, info != NULL);
    return rc;
}

/* ---- the change from one to the other ---- */

static void
change_row(av_store_row *row, const void *ctx)
{
    const store_recovery *self = ctx;

    free(row->content);
    free(row->database);
    row->content = av_xstrdup(self->content);
    row->database = av_xstrdup(self->database);
    memcpy(row->uuid, self->uuid, sizeof row->uuid);
    row->locked = false;
    row->dirty = true;
}

static void
report(store_recovery *self)
{
    Archivolt__StoreOperationResult *result = store_op_result(self->op);

    result->stores = 1;
    result->problems = self->result.lost_messages;
    store_op_say(self->op, "%llu messages, %llu placements, %llu lost; %llu places in the log could not be read",
        (unsigned long long)self->result.messages, (unsigned long long)self->result.placements,
        (unsigned long long)self->result.lost_messages, (unsigned long long)self->result.lost_records);
    store_op_say(self->op, "what was damaged is left in %s", self->source_dir);
}

static av_errc
change_over(store_op *op, store_recovery *self, bool *ret_done, av_error *err)
{
    uint64_t left = 0;
    bool waits = false;
    av_errc rc = store_op_shut(op, "waiting for those who read the damaged store", &waits, err);

    if (waits)
        return AV_OK;
    if (rc == AV_OK && self->no != 0)
        rc = av_catalog_expunge(op->archive->catalog, self->no, EXPUNGE_AT_ONCE, &left, err);
    if (rc == AV_ERR_NOT_FOUND)
        rc = AV_OK;
    av_changes_all(op->archive->changes);
    if (rc != AV_OK || left > 0)
        return rc;
    rc = store_op_change_row(op, self->id, change_row, self, err);
    if (rc == AV_OK)
        report(self);
    *ret_done = true;
    return rc;
}

av_errc
store_op_recover(store_op *op, bool *ret_done, av_error *err)
{
    store_recovery *self = op->state;

    if (self == NULL) {
        *ret_done = true; /* the step is; the work follows beside */
        return begin(op, err);
    }
    if (op->phase == 0) {
        op->phase = 1;
        op->job_started_mono_ms = av_clock_mono_ms();
        close_target(self);
    }
    if (op->kept.code != AV_OK) {
        *ret_done = true;
        return AV_OK;
    }
    atomic_store(&op->cancel, false); /* from here on it is only a matter of names */
    return change_over(op, self, ret_done, err);
}
