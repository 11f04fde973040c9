/*
 * restore.c - Host.RestoreFiles: a backup into the folder of an instance, and its key into this host's keeping
 *
 * A thread finds the key first (nothing is copied that could not be opened), then copies. The key is kept when the
 * files are in place. The same call again after a crash: what was half copied is removed, what was whole is taken as
 * it is. The instance is not made here: management creates it over this folder, or starts the one that lost it.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "actors/host/base_dir.h"
#include "actors/host/host_priv.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/backup/backup.h"
#include "storage/keys/keyring.h"

#define TICK_MS     500
#define AT_ONCE_MAX 8

struct av_host_restore {
    av_host *host;
    av_operation *op;
    char id[AV_HOST_INSTANCE_MAX + 1];
    char *folder, *target, *keyring, *key_text, *mark;
    pthread_t thread;
    bool has_thread;
    atomic_bool cancel;
    atomic_uint_fast64_t done, total;
    av_loop_timer *tick;
    /* the thread's, until it is joined */
    uint8_t key[AV_KEY_SIZE];
    uint64_t bytes;
    av_errc rc;
    av_error err;
    av_host_restore *next;
};

static void
restore_free(av_host_restore *self)
{
    av_loop_remove_timer(&self->tick);
    av_secret_free(&self->key_text);
    av_secret_wipe(self->key, sizeof self->key);
    free(self->folder);
    free(self->target);
    free(self->keyring);
    free(self->mark);
    free(self);
}

/* ---- the thread ---- */

static av_errc
key_of_text(
    const av_host_restore *self, const char *dir, const av_keyring_info *info, uint8_t ret[AV_KEY_SIZE], av_error *err)
{
    AV_CLEANUP(av_key_wipe) av_key key = { 0 };
    char id[AV_KEY_ID_TEXT];
    av_errc rc = av_key_parse(av_span_str(self->key_text), &key, err);

    if (rc != AV_OK)
        return rc;
    if (key.kind == AV_KEY_RECOVERY)
        return av_keyring_recover(dir, key.bytes, ret, err);
    av_key_id(&key, id);
    if (strcmp(id, info->instance_key_id) != 0)
        return av_error_set(err, AV_ERR_AUTH, "this is instance key %s, the backup needs %s or recovery key %s", id,
            info->instance_key_id, info->recovery_key_id);
    memcpy(ret, key.bytes, AV_KEY_SIZE);
    return AV_OK;
}

static av_errc
find_key(av_host_restore *self, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = NULL;
    av_keyring_info info;
    av_errc rc = av_backup_keyring_dir(self->keyring != NULL ? self->keyring : self->folder, &dir, err);

    if (rc == AV_OK)
        rc = av_keyring_peek(dir, &info, err);
    if (rc != AV_OK)
        return rc;
    if (self->key_text != NULL)
        return key_of_text(self, dir, &info, self->key, err);
    rc = av_assets_known_key(self->host, info.instance_key_id, self->key, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_AUTH,
            "this host does not have the key of the backup: give recovery key %s or instance key %s",
            info.recovery_key_id, info.instance_key_id);
    return rc;
}

/* Copied whole by a call before this one, and not started since. */
static bool
is_there(const av_host_restore *self)
{
    AV_CLEANUP(av_free) char *restored = av_xasprintf("%s/%s", self->target, AV_RESTORED);
    av_error err;

    return av_file_exists(restored) && av_base_dir_check_mark(self->target, self->id, &err) == AV_OK;
}

static bool
on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    av_host_restore *self = ctx;

    atomic_store(&self->done, done);
    atomic_store(&self->total, total);
    return !atomic_load(&self->cancel);
}

static av_errc
copy(av_host_restore *self, av_error *err)
{
    const av_care_watch watch = { .ctx = self, .go_on = on_go_on };
    av_restore_job job = { .backup = self->folder,
        .target = self->target,
        .keyring = self->keyring,
        .mark_name = AV_BASE_DIR_MARK,
        .mark_text = self->mark };

    return is_there(self) ? AV_OK : av_backup_restore(&job, &watch, &self->bytes, err);
}

static void on_thread_done(void *ctx);

static void *
run(void *ctx)
{
    av_host_restore *self = ctx;

    self->rc = find_key(self, &self->err);
    if (self->rc == AV_OK)
        self->rc = copy(self, &self->err);
    av_loop_post(self->host->loop, on_thread_done, self);
    return NULL;
}

/* ---- the loop ---- */

static void
join(av_host_restore *self)
{
    if (self->has_thread)
        (void)pthread_join(self->thread, NULL);
    self->has_thread = false;
}

static void
end(av_host_restore *self)
{
    Archivolt__RestoreFilesResult result = ARCHIVOLT__RESTORE_FILES_RESULT__INIT;
    av_host_restore **at = &self->host->restores;

    if (self->rc == AV_OK)
        self->rc = av_assets_keep_key(self->host, self->id, self->key, &self->err);
    result.base_directory = self->target;
    result.bytes = self->bytes;
    if (self->rc == AV_OK)
        av_operation_succeed(self->op, &result.base);
    else if (self->rc == AV_ERR_CANCELLED)
        av_operation_cancelled(self->op);
    else
        av_operation_fail(self->op, &self->err);
    AV_LOG(self->rc == AV_OK ? AV_LOG_INFO : AV_LOG_ERROR, "instance.files_restored", AV_STR("instance", self->id),
        AV_STR("folder", self->folder), AV_STR("target", self->target), AV_U64("bytes", self->bytes),
        AV_STR("state", self->rc == AV_OK ? "succeeded" : av_errc_word(self->rc)),
        AV_STR("detail", self->rc == AV_OK ? "" : self->err.msg));
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    restore_free(self);
}

static void
on_thread_done(void *ctx)
{
    join(ctx);
    end(ctx);
}

static void
on_tick(void *ctx)
{
    av_host_restore *self = ctx;
    uint64_t done = atomic_load(&self->done), total = atomic_load(&self->total);
    char text[64];

    (void)snprintf(
        text, sizeof text, "%llu of %llu MB", (unsigned long long)(done >> 20), (unsigned long long)(total >> 20));
    av_operation_progress(self->op, total == 0 ? -1 : (int)(AV_MIN(done, total) * 100 / total), text);
}

static void
on_cancel(void *ctx, av_operation *op)
{
    av_host *host = ctx;

    for (av_host_restore *r = host->restores; r != NULL; r = r->next)
        if (r->op == op)
            atomic_store(&r->cancel, true);
}

/* Where the files go: a new instance's place, or that of one whose files are lost. */
static av_errc
find_target(av_host *self, const Archivolt__RestoreFilesRequest *ask, char **ret, av_error *err)
{
    av_host_instance *one = av_host_instance_find(self, ask->instance_id);
    AV_CLEANUP(av_free) char *dir = NULL;
    av_errc rc;

    if (one != NULL) {
        rc = av_host_instance_get(self, ask->instance_id, &one, err);
        if (rc != AV_OK)
            return rc;
        if (av_host_instance_is_down(one)) {
            *ret = av_xstrdup(av_host_instance_base_dir(one));
            return AV_OK;
        }
        return av_error_set(
            err, AV_ERR_EXISTS, "instance %s is at work on this host: restore under another id", ask->instance_id);
    }
    dir = ask->base_directory != NULL ? av_xstrdup(ask->base_directory)
                                      : av_xasprintf("%s/%s", self->instances_dir, ask->instance_id);
    rc = av_host_instance_place(self, ask->instance_id, dir, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(dir);
    return rc;
}

static av_errc
check(av_host *self, const Archivolt__RestoreFilesRequest *ask, char **ret_target, av_error *err)
{
    size_t count = 0;

    for (const av_host_restore *r = self->restores; r != NULL; r = r->next, count++)
        if (strcmp(r->id, ask->instance_id) == 0)
            return av_error_set(err, AV_ERR_BUSY, "instance %s is being restored", ask->instance_id);
    if (self->stopping || count == AT_ONCE_MAX)
        return av_error_set(err, AV_ERR_BUSY, "the host is stopping, or restores %d instances already", AT_ONCE_MAX);
    if (ask->folder[0] != '/' || (ask->keyring != NULL && ask->keyring[0] != '/'))
        return av_error_set(err, AV_ERR_INVALID, "folder and keyring are absolute paths on this host");
    return find_target(self, ask, ret_target, err);
}

void
av_host_restore_serve(av_host *self, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__RestoreFilesRequest *ask = (const void *)body;
    AV_CLEANUP(av_free) char *target = NULL;
    av_host_restore *r;
    av_error err = { 0 };

    if (check(self, ask, &target, &err) != AV_OK) {
        av_request_fail(request, &err);
        return;
    }
    r = av_xcalloc(1, sizeof *r);
    r->host = self;
    (void)snprintf(r->id, sizeof r->id, "%s", ask->instance_id);
    r->folder = av_xstrdup(ask->folder);
    r->target = AV_TAKE(target);
    r->keyring = ask->keyring == NULL ? NULL : av_xstrdup(ask->keyring);
    r->key_text = ask->key == NULL ? NULL : av_xstrdup(ask->key);
    r->mark = av_xasprintf("%s\n", ask->instance_id);
    r->op = av_operations_start(self->operations, NULL, "RestoreFiles", on_cancel, self);
    r->next = self->restores;
    self->restores = r;
    r->has_thread = pthread_create(&r->thread, NULL, run, r) == 0;
    if (r->has_thread)
        r->tick = av_loop_add_timer(self->loop, TICK_MS, TICK_MS, on_tick, r);
    av_request_reply(request, &av_operation_get(r->op)->base);
    if (!r->has_thread) {
        r->rc = av_error_set(&r->err, AV_ERR_NOMEM, "no thread for the work: try again");
        end(r);
    }
}

void
av_host_restores_stop(av_host *self)
{
    for (av_host_restore *r = self->restores; r != NULL; r = r->next) {
        atomic_store(&r->cancel, true);
        join(r);
    }
}

void
av_host_restores_free(av_host *self)
{
    av_host_restores_stop(self);
    while (self->restores != NULL) {
        av_host_restore *next = self->restores->next;

        restore_free(self->restores);
        self->restores = next;
    }
}
