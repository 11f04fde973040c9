/*
 * restore.c - a backup into a new base directory: each file where an instance looks for it (docs/backup.md, 5)
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "storage/backup/backup_priv.h"

#define ROOM      (16ULL << 20)
#define UNDER_WAY "archivolt-restoring" /* marks a folder in the making as ours */

/* Behind "<kind>/<number>/". NULL: another kind. */
static const char *
state_of(const char *path, const char *kind)
{
    size_t n = strlen(kind);
    const char *rest;

    if (strncmp(path, kind, n) != 0 || path[n] != '/')
        return NULL;
    rest = strchr(path + n + 1, '/');
    return rest == NULL ? NULL : rest + 1;
}

/* "<uuid>/<below>" -> "stores/<uuid>/<into>/<below>" */
static char *
in_store(const char *rest, const char *into)
{
    const char *slash = strchr(rest, '/');

    return slash == NULL ? NULL : av_xasprintf("stores/%.*s/%s/%s", (int)(slash - rest), rest, into, slash + 1);
}

/* Where a file of the backup lies in an instance, below its base directory. NULL: nowhere; free. */
static char *
place_of(const char *path, bool own_keyring)
{
    const char *rest;

    if (strncmp(path, "stores/", 7) == 0)
        return av_xstrdup(path);
    if ((rest = state_of(path, "accounts")) != NULL)
        return av_xasprintf("accounts/%s", rest);
    if ((rest = state_of(path, "keyring")) != NULL)
        return own_keyring ? av_xasprintf("keyring/%s", rest) : NULL;
    if ((rest = state_of(path, "markers")) != NULL)
        return in_store(rest, "content");
    if ((rest = state_of(path, "locked")) != NULL)
        return in_store(rest, "content/store.keys");
    if ((rest = state_of(path, "index")) != NULL)
        return in_store(rest, "index");
    if ((rest = state_of(path, "views")) == NULL)
        return NULL;
    return strncmp(rest, "catalog/", 8) == 0 ? av_xstrdup(rest) : in_store(rest, "database");
}

av_errc
av_backup_keyring_dir(const char *dir, char **ret, av_error *err)
{
    AV_CLEANUP(av_free) char *plain = av_xasprintf("%s/keyring.avk", dir);
    AV_CLEANUP(av_free) char *found = NULL;
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest manifest = { 0 };
    AV_CLEANUP(av_free) char *file = NULL;
    av_errc rc;

    if (av_file_exists(plain)) {
        *ret = av_xstrdup(dir);
        return AV_OK;
    }
    rc = av_backup_manifest_load(dir, AV_BACKUP_MANIFEST, &manifest, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "%s holds neither a keyring nor a backup", dir);
    if (rc != AV_OK)
        return rc;
    found = av_xasprintf("%s/keyring/%llu", dir, (unsigned long long)manifest.number);
    file = av_xasprintf("%s/keyring.avk", found);
    if (!av_file_exists(file))
        return av_error_set(err, AV_ERR_NOT_FOUND, "the backup in %s has no keyring", dir);
    *ret = AV_TAKE(found);
    return AV_OK;
}

typedef struct restorer {
    const av_restore_job *job;
    char *beside;
    char *keyring; /* of somewhere else, or NULL */
    av_backup_manifest manifest;
    backup_progress progress;
    uint64_t bytes;
} restorer;

static void
restorer_release(restorer *self)
{
    free(self->beside);
    free(self->keyring);
    av_backup_manifest_release(&self->manifest);
}

static av_errc
put_file(restorer *self, const char *from, const char *place, const av_backup_file *file, av_error *err)
{
    AV_CLEANUP(av_free) char *to = av_xasprintf("%s/%s", self->beside, place);
    AV_CLEANUP(av_free) char *folder = backup_parent(to);
    uint8_t digest[AV_SHA256_SIZE];
    uint64_t size = 0;
    av_errc rc = av_dir_make(folder, err);

    if (rc == AV_OK)
        rc = backup_copy(from, to, file == NULL ? UINT64_MAX : file->size, 0600, &self->progress, digest, &size, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_CORRUPT, "%s is missing in the backup", from);
    if (rc == AV_OK && file != NULL && (size != file->size || memcmp(digest, file->digest, sizeof digest) != 0))
        return av_error_set(err, AV_ERR_CORRUPT, "%s is damaged: its bytes are not what was backed up", from);
    self->bytes += size;
    return rc == AV_OK ? av_dir_sync(folder, err) : rc;
}

static av_errc
put_files(restorer *self, av_error *err)
{
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < self->manifest.file_count; i++) {
        const av_backup_file *file = &self->manifest.files[i];
        AV_CLEANUP(av_free) char *place = place_of(file->path, self->keyring == NULL);
        AV_CLEANUP(av_free) char *from = av_xasprintf("%s/%s", self->job->backup, file->path);

        if (place != NULL)
            rc = put_file(self, from, place, file, err);
    }
    return rc;
}

/* A keyring of somewhere else has no digests: its files are sealed and tell by themselves. */
static av_errc
put_keyring(restorer *self, av_error *err)
{
    AV_CLEANUP(backup_names_release) backup_names list = { 0 };
    av_errc rc = self->keyring == NULL ? AV_OK : backup_walk(self->keyring, &list, err);

    for (size_t i = 0; rc == AV_OK && i < list.count; i++) {
        AV_CLEANUP(av_free) char *from = av_xasprintf("%s/%s", self->keyring, list.names[i]);
        AV_CLEANUP(av_free) char *place = av_xasprintf("keyring/%s", list.names[i]);
        size_t n = strlen(from);

        if (n > 4 && strcmp(from + n - 4, ".avk") == 0)
            rc = put_file(self, from, place, NULL, err);
    }
    return rc;
}

/* Tells the instance that its stores lie in its own folder now, wherever they lay before. */
static av_errc
put_marks(const restorer *self, av_error *err)
{
    AV_CLEANUP(av_free) char *restored = av_xasprintf("%s/%s", self->beside, AV_RESTORED);
    AV_CLEANUP(av_free) char *mark = NULL;
    char date[32], now[32];
    AV_CLEANUP(av_free)
    char *text = av_xasprintf("archivolt restored\ninstance = %s\nbackup = %llu\ndate = %s\nrestored = %s\n",
        self->manifest.instance_id, (unsigned long long)self->manifest.number,
        av_clock_format(self->manifest.time_ms, date), av_clock_format(av_clock_wall_ms(), now));
    av_errc rc = av_file_replace(restored, av_span_str(text), 0600, err);

    if (rc != AV_OK || self->job->mark_name == NULL)
        return rc;
    mark = av_xasprintf("%s/%s", self->beside, self->job->mark_name);
    return av_file_replace(mark, av_span_str(self->job->mark_text), 0600, err);
}

static av_errc
check_room(restorer *self, const char *parent, av_error *err)
{
    struct statvfs st;
    uint64_t has;

    for (size_t i = 0; i < self->manifest.file_count; i++)
        self->progress.total += self->manifest.files[i].size;
    if (statvfs(parent, &st) != 0)
        return av_error_errno(err, "free space of %s", parent);
    has = (uint64_t)st.f_bavail * st.f_frsize;
    if (has >= self->progress.total + ROOM)
        return AV_OK;
    return av_error_set(err, AV_ERR_NOSPACE, "the backup needs %llu MB, %s has %llu MB free",
        (unsigned long long)((self->progress.total + ROOM) >> 20), parent, (unsigned long long)(has >> 20));
}

/* <target>.restoring, empty but for the file that says what it is. What an earlier attempt left goes. */
static av_errc
make_beside(const restorer *self, const char *parent, av_error *err)
{
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/%s", self->beside, UNDER_WAY);
    av_errc rc = AV_OK;

    if (!backup_is_empty(self->beside) && !av_file_exists(mark))
        return av_error_set(err, AV_ERR_EXISTS, "%s is in the way: remove it", self->beside);
    rc = backup_wipe(self->beside, parent, err);
    if (rc == AV_OK)
        rc = av_dir_make(self->beside, err);
    return rc == AV_OK ? av_file_replace(mark, av_span_str("archivolt restores here\n"), 0600, err) : rc;
}

/* The file that says what it is goes last: a folder without it is never taken for a leftover. */
static av_errc
move_in_place(const restorer *self, const char *parent, av_error *err)
{
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/%s", self->job->target, UNDER_WAY);
    av_errc rc;

    if (av_file_ops_get()->rmdir(self->job->target) != 0 && errno != ENOENT)
        return av_error_errno(err, "%s", self->job->target);
    if (av_file_ops_get()->rename(self->beside, self->job->target) != 0)
        return av_error_errno(err, "rename to %s", self->job->target);
    rc = av_dir_sync(parent, err);
    if (rc == AV_OK && av_file_ops_get()->unlink(mark) != 0)
        rc = av_error_errno(err, "remove %s", mark);
    return rc;
}

/* Only what bears our mark. */
static void
give_up(const restorer *self, const char *parent)
{
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/%s", self->beside, UNDER_WAY);
    av_error err;

    if (av_file_exists(mark))
        (void)backup_wipe(self->beside, parent, &err);
}

static av_errc
fill(restorer *self, const char *parent, av_error *err)
{
    av_errc rc = make_beside(self, parent, err);

    if (rc == AV_OK)
        rc = check_room(self, parent, err);
    if (rc == AV_OK)
        rc = put_files(self, err);
    if (rc == AV_OK)
        rc = put_keyring(self, err);
    if (rc == AV_OK)
        rc = put_marks(self, err);
    if (rc == AV_OK)
        rc = av_dir_sync(self->beside, err);
    return rc == AV_OK ? move_in_place(self, parent, err) : rc;
}

av_errc
av_backup_restore(const av_restore_job *job, const av_care_watch *watch, uint64_t *ret_bytes, av_error *err)
{
    AV_CLEANUP(restorer_release) restorer self = { .job = job, .progress = { .watch = watch } };
    AV_CLEANUP(av_free) char *parent = backup_parent(job->target);
    AV_CLEANUP(av_fd_close) int lock = -1;
    av_errc rc;

    if (job->target[0] != '/' || strlen(parent) < 2)
        return av_error_set(err, AV_ERR_INVALID, "%s: an absolute path below a folder is needed", job->target);
    if (!backup_is_empty(job->target))
        return av_error_set(err, AV_ERR_EXISTS, "%s is not empty", job->target);
    self.beside = av_xasprintf("%s.restoring", job->target);
    rc = av_backup_manifest_load(job->backup, AV_BACKUP_MANIFEST, &self.manifest, err);
    if (rc == AV_OK)
        rc = backup_lock_shared(job->backup, &lock, err);
    if (rc == AV_OK && job->keyring != NULL)
        rc = av_backup_keyring_dir(job->keyring, &self.keyring, err);
    if (rc == AV_OK)
        rc = av_dir_make(parent, err);
    if (rc == AV_OK)
        rc = fill(&self, parent, err);
    if (rc != AV_OK) {
        give_up(&self, parent);
        return rc;
    }
    *ret_bytes = self.bytes;
    return AV_OK;
}
