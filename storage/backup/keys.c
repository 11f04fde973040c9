/*
 * keys.c - the keyring into a backup, in one state, while the instance may be writing keys
 *
 * Key files are only ever replaced whole, in the order of docs/format-keys.md, 4. A copy is of one state when no file
 * was replaced from its beginning to its end; else it is made again.
 */
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "storage/backup/run_priv.h"

#define TRIES   100
#define WAIT_NS 100000000L

typedef struct state {
    backup_names list;
    struct stat *stats;
} state;

static void
state_release(state *self)
{
    backup_names_release(&self->list);
    free(self->stats);
    *self = (state){ 0 };
}

static bool
is_key_file(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, ".avk") == 0;
}

/* *ret_gone: a file went while we looked. */
static av_errc
look(const char *dir, state *ret, bool *ret_gone, av_error *err)
{
    av_errc rc = backup_walk(dir, &ret->list, err);
    size_t kept = 0;

    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; i < ret->list.count; i++) {
        if (is_key_file(ret->list.names[i]))
            ret->list.names[kept++] = ret->list.names[i];
        else
            free(ret->list.names[i]);
    }
    ret->list.count = kept;
    ret->stats = av_xcalloc(kept + 1, sizeof *ret->stats);
    *ret_gone = false;
    for (size_t i = 0; i < kept; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, ret->list.names[i]);

        *ret_gone = *ret_gone || stat(path, &ret->stats[i]) != 0;
    }
    return AV_OK;
}

static bool
same(const state *a, const state *b)
{
    if (a->list.count != b->list.count)
        return false;
    for (size_t i = 0; i < a->list.count; i++) {
        const struct stat *x = &a->stats[i], *y = &b->stats[i];

        if (strcmp(a->list.names[i], b->list.names[i]) != 0 || x->st_ino != y->st_ino || x->st_dev != y->st_dev ||
            x->st_size != y->st_size || x->st_mtim.tv_sec != y->st_mtim.tv_sec ||
            x->st_mtim.tv_nsec != y->st_mtim.tv_nsec)
            return false;
    }
    return true;
}

/* Each file of the state; adds to rows. */
static av_errc
copy_all(backup_run *self, const state *from, const char *to, av_backup_manifest *rows, av_error *err)
{
    av_errc rc = av_dir_make(to, err);

    for (size_t i = 0; rc == AV_OK && i < from->list.count; i++) {
        AV_CLEANUP(av_free) char *source = av_xasprintf("%s/%s", self->job->keyring, from->list.names[i]);
        AV_CLEANUP(av_free) char *target = av_xasprintf("%s/%s", to, from->list.names[i]);
        AV_CLEANUP(av_free) char *folder = backup_parent(target);
        AV_CLEANUP(av_free)
        char *path = av_xasprintf("keyring/%llu/%s", (unsigned long long)self->next.number, from->list.names[i]);
        uint8_t digest[AV_SHA256_SIZE];
        uint64_t size = 0;

        rc = av_dir_make(folder, err);
        if (rc == AV_OK)
            rc = backup_copy(source, target, UINT64_MAX, 0600, NULL, digest, &size, err);
        if (rc == AV_OK)
            rc = av_dir_sync(folder, err);
        if (rc == AV_OK && !av_backup_path_valid(av_span_str(path)))
            rc = av_error_set(err, AV_ERR_INVALID, "a file with this name cannot be backed up: %.200s", path);
        if (rc == AV_OK)
            av_backup_manifest_add(rows, path, size, digest);
    }
    return rc;
}

static av_errc
try_once(backup_run *self, const char *to, bool *ret_done, av_error *err)
{
    AV_CLEANUP(state_release) state first = { 0 };
    AV_CLEANUP(state_release) state second = { 0 };
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest rows = { 0 };
    bool gone = false, gone_later = false;
    av_errc rc = look(self->job->keyring, &first, &gone, err);

    if (rc == AV_OK && first.list.count == 0)
        return av_error_set(err, AV_ERR_NOT_FOUND, "there is no keyring in %s", self->job->keyring);
    if (rc == AV_OK && !gone)
        rc = copy_all(self, &first, to, &rows, err);
    if (rc == AV_ERR_NOT_FOUND) {
        rc = AV_OK;
        gone = true;
    }
    if (rc == AV_OK)
        rc = look(self->job->keyring, &second, &gone_later, err);
    *ret_done = rc == AV_OK && !gone && !gone_later && same(&first, &second);
    for (size_t i = 0; *ret_done && i < rows.file_count; i++) {
        av_backup_manifest_add(&self->next, rows.files[i].path, rows.files[i].size, rows.files[i].digest);
        self->result.copied_files++;
        self->result.copied_bytes += rows.files[i].size;
    }
    return rc;
}

av_errc
backup_copy_keyring(backup_run *self, av_error *err)
{
    AV_CLEANUP(av_free)
    char *to = av_xasprintf("%s/keyring/%llu", self->job->dir, (unsigned long long)self->next.number);
    const struct timespec wait = { .tv_nsec = WAIT_NS };
    bool done = false;
    av_errc rc = AV_OK;

    for (int i = 0; rc == AV_OK && !done && i < TRIES; i++) {
        if (i > 0)
            (void)nanosleep(&wait, NULL);
        rc = backup_wipe(to, self->job->dir, err);
        if (rc == AV_OK)
            rc = try_once(self, to, &done, err);
        if (rc == AV_OK)
            rc = backup_go_on(&self->progress, 0, err);
    }
    if (rc == AV_OK && !done)
        rc = av_error_set(err, AV_ERR_BUSY, "the keys change too often to be copied: try again");
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "keyring");
}
