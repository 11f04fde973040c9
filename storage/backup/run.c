/*
 * run.c - one backup: plan, copy, the new manifest, and only then what is not needed any more (docs/backup.md, 3)
 */
#include <errno.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "storage/backup/run_priv.h"

#define SAVE_BYTES (64ULL << 20) /* copied containers are noted down this often */
#define ROOM       (16ULL << 20) /* beside the files: folders, manifest */
#define TRIES      5             /* compaction may replace a container while it is copied */

/* ---- the folder ---- */

/* a lies in b, or is b. Both as they are, links resolved. */
static bool
lies_in(const char *a, const char *b)
{
    size_t n = strlen(b);

    return strncmp(a, b, n) == 0 && (a[n] == '/' || a[n] == '\0');
}

static av_errc
check_apart(const av_backup_job *job, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = realpath(job->dir, NULL);
    AV_CLEANUP(av_free) char *own = realpath(job->instance, NULL);

    if (dir == NULL)
        return av_error_errno(err, "%s", job->dir);
    if (own != NULL && (lies_in(dir, own) || lies_in(own, dir)))
        return av_error_set(err, AV_ERR_INVALID, "%s and the instance's own folder %s overlap", dir, own);
    for (size_t i = 0; i < job->store_count; i++) {
        AV_CLEANUP(av_free) char *content = realpath(job->stores[i].content, NULL);

        if (content != NULL && (lies_in(dir, content) || lies_in(content, dir)))
            return av_error_set(err, AV_ERR_INVALID, "%s and the store in %s overlap", dir, content);
    }
    return AV_OK;
}

static av_errc
take_lock(backup_run *self, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/lock", self->job->dir);
    av_errc rc = av_file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &self->lock_fd, err);

    if (rc != AV_OK)
        return rc;
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? av_error_set(err, AV_ERR_BUSY, "%s is in use by another process", self->job->dir)
                                    : av_error_errno(err, "%s cannot be locked", path);
    return AV_OK;
}

static bool
holds_nothing(const char *dir)
{
    AV_CLEANUP(backup_names_release) backup_names list = { 0 };
    av_error err;

    if (backup_walk(dir, &list, &err) != AV_OK)
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.names[i], "lock") != 0 && strcmp(list.names[i], AV_BACKUP_PARTIAL ".new") != 0)
            return false;
    return true;
}

static av_errc
check_same(const backup_run *self, const av_backup_manifest *there, av_error *err)
{
    if (there->number == 0 || memcmp(there->instance_uuid, self->job->instance_uuid, 16) == 0)
        return AV_OK;
    return av_error_set(err, AV_ERR_INVALID, "%s holds the backup of another instance (%s): choose another folder",
        self->job->dir, there->instance_id);
}

/* What is there: a finished backup, one that was cut short, both, or nothing at all. */
static av_errc
load(backup_run *self, av_error *err)
{
    av_errc rc = av_backup_manifest_load(self->job->dir, AV_BACKUP_MANIFEST, &self->before, err);
    bool partial;

    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    partial = av_backup_manifest_load(self->job->dir, AV_BACKUP_PARTIAL, &self->partial, err) == AV_OK;
    if (rc == AV_ERR_NOT_FOUND && !partial && !holds_nothing(self->job->dir))
        return av_error_set(
            err, AV_ERR_INVALID, "%s is not empty and holds no backup: choose another folder", self->job->dir);
    rc = check_same(self, &self->before, err);
    return rc == AV_OK ? check_same(self, &self->partial, err) : rc;
}

static void
head(const backup_run *self, av_backup_manifest *ret)
{
    memcpy(ret->instance_uuid, self->job->instance_uuid, 16);
    (void)snprintf(ret->instance_id, sizeof ret->instance_id, "%s", self->job->instance_id);
    (void)snprintf(ret->program, sizeof ret->program, "%s", AV_VERSION);
    ret->number = self->before.number + 1;
    ret->time_ms = self->job->time_ms;
}

static av_errc
begin(backup_run *self, av_error *err)
{
    av_errc rc = av_dir_make(self->job->dir, err);

    if (rc == AV_OK)
        rc = check_apart(self->job, err);
    if (rc == AV_OK)
        rc = take_lock(self, err);
    if (rc == AV_OK)
        rc = load(self, err);
    if (rc != AV_OK)
        return rc;
    head(self, &self->next);
    head(self, &self->partial);
    rc = av_backup_manifest_save(&self->partial, self->job->dir, AV_BACKUP_PARTIAL, err);
    /* After it, since an old partial names what is in the folder. */
    return rc == AV_OK ? backup_tidy(self->job->dir, &self->before, &self->partial, &(uint64_t){ 0 }, err) : rc;
}

static av_errc
check_room(const backup_run *self, av_error *err)
{
    struct statvfs st;
    uint64_t needs = self->plan.bytes + ROOM, has;

    if (statvfs(self->job->dir, &st) != 0)
        return av_error_errno(err, "free space of %s", self->job->dir);
    has = (uint64_t)st.f_bavail * st.f_frsize;
    if (has >= needs)
        return AV_OK;
    return av_error_set(err, AV_ERR_NOSPACE, "the backup needs %llu MB more, %s has %llu MB free",
        (unsigned long long)(needs >> 20), self->job->dir, (unsigned long long)(has >> 20));
}

/* ---- copying ---- */

static av_errc
save_partial(backup_run *self, av_error *err)
{
    self->unsaved_bytes = 0;
    return av_backup_manifest_save(&self->partial, self->job->dir, AV_BACKUP_PARTIAL, err);
}

/* Beside, checked, renamed: under its name a container is always whole. */
static av_errc
copy_beside(backup_run *self, backup_item *item, av_error *err)
{
    AV_CLEANUP(av_free) char *to = av_xasprintf("%s/%s", self->job->dir, item->path);
    AV_CLEANUP(av_free) char *part = av_xasprintf("%s.part", to);
    AV_CLEANUP(av_free) char *folder = backup_parent(to);
    uint64_t size = 0;
    av_errc rc = av_dir_make(folder, err);

    if (rc == AV_OK)
        rc = backup_copy(item->from, part, item->size, 0600, &self->progress, item->digest, &size, err);
    if (rc == AV_OK && size != item->size)
        rc = av_error_set(err, AV_ERR_CORRUPT, "%s has become shorter while it was copied", item->from);
    if (rc == AV_OK && av_file_ops_get()->rename(part, to) != 0)
        rc = av_error_errno(err, "rename %s", part);
    return rc == AV_OK ? av_dir_sync(folder, err) : rc;
}

/* One row a path: a container that has grown since it was noted down replaces its row. */
static void
note_copied(av_backup_manifest *partial, const backup_item *item)
{
    for (size_t i = 0; i < partial->file_count; i++)
        if (strcmp(partial->files[i].path, item->path) == 0) {
            partial->files[i].size = item->size;
            memcpy(partial->files[i].digest, item->digest, sizeof item->digest);
            return;
        }
    av_backup_manifest_add(partial, item->path, item->size, item->digest);
}

static av_errc
copy_container(backup_run *self, backup_item *item, av_error *err)
{
    av_errc rc = AV_ERR_NOT_FOUND;

    for (int i = 0; rc == AV_ERR_NOT_FOUND && i < TRIES; i++) {
        rc = i == 0 ? AV_OK : backup_plan_again(self, item, err);
        if (rc == AV_OK)
            rc = copy_beside(self, item, err);
    }
    if (rc != AV_OK)
        return rc;
    note_copied(&self->partial, item);
    self->unsaved_bytes += item->size;
    return self->unsaved_bytes >= SAVE_BYTES ? save_partial(self, err) : AV_OK;
}

/* A folder of this backup's number alone: nobody looks there before the manifest names it. */
static av_errc
copy_state(backup_run *self, backup_item *item, av_error *err)
{
    AV_CLEANUP(av_free) char *to = av_xasprintf("%s/%s", self->job->dir, item->path);
    AV_CLEANUP(av_free) char *folder = backup_parent(to);
    av_errc rc = av_dir_make(folder, err);

    if (rc == AV_OK)
        rc = backup_copy(item->from, to, UINT64_MAX, 0600, &self->progress, item->digest, &item->size, err);
    return rc == AV_OK ? av_dir_sync(folder, err) : rc;
}

static av_errc
copy_all(backup_run *self, av_error *err)
{
    av_errc rc = AV_OK;
    av_error other;

    for (size_t i = 0; rc == AV_OK && i < self->plan.count; i++) {
        backup_item *item = &self->plan.items[i];

        if (!item->kept) {
            rc = item->container != 0 ? copy_container(self, item, err) : copy_state(self, item, err);
            self->result.copied_files++;
            self->result.copied_bytes += item->size;
        }
        if (rc == AV_OK)
            av_backup_manifest_add(&self->next, item->path, item->size, item->digest);
    }
    /* Also when it is cut short here: the next one goes on behind what is copied. */
    if (self->unsaved_bytes > 0 && save_partial(self, &other) != AV_OK && rc == AV_OK) {
        *err = other;
        rc = other.code;
    }
    return rc;
}

/* ---- the end ---- */

static av_errc
finish(backup_run *self, av_error *err)
{
    AV_CLEANUP(av_free) char *partial = av_xasprintf("%s/%s", self->job->dir, AV_BACKUP_PARTIAL);
    av_errc rc;

    av_backup_manifest_sort(&self->next);
    rc = av_backup_manifest_save(&self->next, self->job->dir, AV_BACKUP_MANIFEST, err);
    if (rc != AV_OK)
        return rc;
    self->result.number = self->next.number;
    self->result.files = self->next.file_count;
    for (size_t i = 0; i < self->next.file_count; i++)
        self->result.bytes += self->next.files[i].size;
    if (av_file_ops_get()->unlink(partial) != 0 && errno != ENOENT)
        return av_error_errno(err, "remove %s", partial);
    rc = backup_tidy(self->job->dir, &self->next, NULL, &self->result.removed_files, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "the backup is whole, but what it replaces is not all removed");
}

static void
run_release(backup_run *self)
{
    av_backup_manifest_release(&self->before);
    av_backup_manifest_release(&self->partial);
    av_backup_manifest_release(&self->next);
    backup_plan_release(&self->plan);
    av_file_close(&self->lock_fd);
}

av_errc
av_backup_run(const av_backup_job *job, const av_care_watch *watch, av_backup_result *ret, av_error *err)
{
    AV_CLEANUP(run_release) backup_run self = { .job = job, .progress = { .watch = watch }, .lock_fd = -1 };
    av_errc rc = begin(&self, err);

    if (rc == AV_OK)
        rc = backup_plan_make(&self, err);
    if (rc == AV_OK)
        rc = check_room(&self, err);
    if (rc != AV_OK)
        return rc;
    self.progress.total = self.plan.bytes;
    rc = copy_all(&self, err);
    if (rc == AV_OK)
        rc = backup_copy_keyring(&self, err);
    if (rc == AV_OK)
        rc = finish(&self, err);
    if (rc != AV_OK)
        return rc;
    *ret = self.result;
    return AV_OK;
}
