/*
 * store_ops_backup.c - Backup: a moment's stillness on the writer, then copying while everybody goes on (decisions.md
 * 8)
 *
 * On the writer, between groups: the catalog catches up, each store that takes writes goes on in a new container, and
 * the databases are checkpointed (their files linked) into <dir>/backup.tmp. That is the moment the backup shows. A
 * thread of its own copies: containers that are never written again, the checkpoints, and last the keyring as it is
 * then.
 */
#include "actors/instance/store_ops_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "storage/backup/backup.h"

typedef struct backup_store {
    uint32_t id;
    char *content, *database, *index;
} backup_store;

typedef struct backup_state {
    char *instance, *id, *folder, *scratch, *accounts, *catalog, *keyring;
    bool views, with_index;
    uint8_t uuid[16];
    int64_t time_ms;
    uint64_t frozen_ms;
    backup_store *stores;
    av_backup_source_store *sources;
    size_t count;
} backup_state;

static void
state_free(void *ctx)
{
    backup_state *s = ctx;
    av_error err;

    if (s->scratch != NULL && av_dir_remove(s->scratch, s->instance, &err) != AV_OK)
        AV_LOG(AV_LOG_WARN, "backup.not_tidied", AV_ERRF(&err));
    for (size_t i = 0; i < s->count; i++) {
        free(s->stores[i].content);
        free(s->stores[i].database);
        free(s->stores[i].index);
    }
    free(s->stores);
    free(s->sources);
    free(s->instance);
    free(s->id);
    free(s->folder);
    free(s->scratch);
    free(s->accounts);
    free(s->catalog);
    free(s->keyring);
    free(s);
}

/* ---- on the writer ---- */

/* A new container for what comes next, so that all before it never changes again; the view as it is now. */
static av_errc
settle_store(backup_state *s, size_t i, const av_open_store *open, av_error *err)
{
    av_errc rc = AV_OK;

    if (open->state != AV_STORE_WRITE_PROTECTED && av_store_problem(open->store) == NULL)
        rc = av_store_roll(open->store, err);
    if (rc != AV_OK)
        return rc;
    s->sources[i].lsn = av_store_committed_lsn(open->store);
    if (!s->views)
        return AV_OK;
    s->stores[i].database = av_xasprintf("%s/store-%u", s->scratch, s->stores[i].id);
    s->sources[i].database = s->stores[i].database;
    return av_store_view_checkpoint(open->view, s->stores[i].database, err);
}

/* One that cannot be opened is copied as it lies there: nobody writes to it. */
static av_errc
add_store(store_op *op, backup_state *s, const av_store_row *row, av_error *err)
{
    size_t i = s->count++;
    const av_open_store *open = NULL;
    av_error why;
    av_errc rc = AV_OK;

    s->stores[i] = (backup_store){ .id = row->id,
        .content = av_store_path_resolve(s->instance, row->content),
        .index = av_store_path_resolve(s->instance, row->index) };
    memcpy(s->sources[i].uuid, row->uuid, 16);
    s->sources[i].content = s->stores[i].content;
    s->sources[i].index = s->with_index ? s->stores[i].index : NULL;
    s->sources[i].keys_away = av_stores_use_id(op->archive->stores, row->id, &open, &why) != AV_OK;
    if (s->sources[i].keys_away)
        store_op_say(op, "%s: %s; its files are copied as they are", row->name, why.msg);
    else
        rc = settle_store(s, i, open, err);
    av_stores_done(op->archive->stores, &open);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", row->name);
}

static av_errc
add_stores(store_op *op, backup_state *s, av_error *err)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(op->archive->stores, &n);
    av_errc rc = AV_OK;

    s->stores = av_xcalloc(n + 1, sizeof *s->stores);
    s->sources = av_xcalloc(n + 1, sizeof *s->sources);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        rc = add_store(op, s, list[i].row, err);
    av_store_infos_free(list, n);
    return rc;
}

static av_errc
settle(store_op *op, backup_state *s, av_error *err)
{
    av_archive *archive = op->archive;
    av_errc rc = av_dir_remove(s->scratch, s->instance, err); /* of a backup that was killed */

    if (rc == AV_OK)
        rc = av_dir_make(s->scratch, err);
    if (rc == AV_OK)
        rc = av_archive_catch_up(archive, err);
    if (rc == AV_OK)
        rc = add_stores(op, s, err);
    s->time_ms = av_clock_wall_ms();
    if (rc == AV_OK)
        rc = av_accounts_checkpoint(archive->accounts, s->accounts, err);
    if (rc == AV_OK && s->views)
        rc = av_catalog_checkpoint(archive->catalog, s->catalog, err);
    return rc;
}

/* ---- beside it ---- */

static bool
on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    store_op *op = ctx;

    store_op_progress(op, done, total);
    store_op_text(op, "%llu of %llu MB", (unsigned long long)(done >> 20), (unsigned long long)(total >> 20));
    return !atomic_load(&op->cancel);
}

static void
on_say(void *ctx, av_log_level level, uint64_t lsn, const char *sentence)
{
    (void)lsn;
    store_op_say(ctx, "%s", sentence);
    AV_LOG(level, "backup.note", AV_STR("detail", sentence));
}

static void
give_result(store_op *op, const backup_state *s, const av_backup_result *done)
{
    Archivolt__BackupResult *result = av_reply_new(&archivolt__backup_result__descriptor);

    result->number = done->number;
    result->files = done->files;
    result->bytes = done->bytes;
    result->copied_files = done->copied_files;
    result->copied_bytes = done->copied_bytes;
    result->removed_files = done->removed_files;
    result->frozen_ms = s->frozen_ms;
    op->result = &result->base;
}

static av_errc
copy(store_op *op, av_error *err)
{
    const backup_state *s = op->state;
    const av_care_watch watch = { .ctx = op, .go_on = on_go_on, .say = on_say };
    av_backup_result done = { 0 };
    av_backup_job job = { .dir = s->folder,
        .instance = s->instance,
        .instance_id = s->id,
        .time_ms = s->time_ms,
        .accounts = s->accounts,
        .catalog = s->views ? s->catalog : NULL,
        .keyring = s->keyring,
        .stores = s->sources,
        .store_count = s->count };
    av_errc rc;

    memcpy(job.instance_uuid, s->uuid, sizeof job.instance_uuid);
    rc = av_backup_run(&job, &watch, &done, err);
    AV_LOG(rc == AV_OK ? AV_LOG_INFO : AV_LOG_ERROR, "backup.ended", AV_STR("folder", s->folder),
        AV_STR("state", rc == AV_OK ? "consistent" : av_errc_word(rc)), AV_STR("detail", rc == AV_OK ? "" : err->msg),
        AV_U64("number", done.number), AV_U64("bytes", done.bytes), AV_U64("copied_bytes", done.copied_bytes));
    if (rc == AV_OK)
        give_result(op, s, &done);
    return rc;
}

/* ---- the operation ---- */

static backup_state *
new_state(const store_op *op, const Archivolt__BackupRequest *body)
{
    const av_archive *archive = op->archive;
    backup_state *s = av_xcalloc(1, sizeof *s);

    s->instance = av_xstrdup(archive->dir);
    s->id = av_xstrdup(body->instance_id);
    s->folder = av_xstrdup(body->folder);
    s->keyring = av_archive_path(archive, "keyring");
    s->accounts = av_archive_path(archive, "backup.tmp/accounts");
    s->catalog = av_archive_path(archive, "backup.tmp/catalog");
    s->views = body->has_include_views && body->include_views;
    s->with_index = body->has_include_index && body->include_index;
    memcpy(s->uuid, archive->uuid, sizeof s->uuid);
    return s;
}

av_errc
store_op_backup(store_op *op, bool *ret_done, av_error *err)
{
    const Archivolt__BackupRequest *body = (const void *)op->body;
    int64_t began = av_clock_mono_ms();
    backup_state *s;
    av_errc rc;

    if (body->folder[0] != '/')
        return av_error_set(err, AV_ERR_INVALID, "folder: an absolute path is needed, not \"%.200s\"", body->folder);
    op->state = s = new_state(op, body);
    op->state_free = state_free;
    s->scratch = av_archive_path(op->archive, "backup.tmp");
    AV_LOG(AV_LOG_INFO, "backup.began", AV_STR("folder", s->folder));
    AV_LOG(AV_LOG_INFO, "backup.frozen");
    rc = settle(op, s, err);
    s->frozen_ms = (uint64_t)(av_clock_mono_ms() - began);
    AV_LOG(AV_LOG_INFO, "backup.thawed", AV_STR("by", "backup"), AV_U64("frozen_ms", s->frozen_ms));
    if (rc != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "backup.ended", AV_STR("folder", s->folder), AV_STR("state", av_errc_word(rc)),
            AV_STR("detail", err->msg));
        return rc;
    }
    op->beside = copy;
    *ret_done = true;
    return AV_OK;
}
