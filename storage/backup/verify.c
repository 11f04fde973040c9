/*
 * verify.c - is a backup what its manifest says, and do its containers check record by record? Without any key.
 */
#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "storage/backup/backup_priv.h"
#include "storage/container/scan.h"

typedef struct verifier {
    const char *dir;
    av_backup_manifest manifest;
    backup_progress progress;
    av_backup_verify_result result;
} verifier;

static void
fault(verifier *self, const char *what, const char *why)
{
    self->result.faults++;
    backup_say(self->progress.watch, AV_LOG_ERROR, "%s: %s", what, why);
}

av_errc
backup_lock_shared(const char *dir, int *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/lock", dir);
    av_errc rc = av_file_open(path, O_RDONLY | O_NOFOLLOW, 0, ret, err);

    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK; /* a copy of a backup folder may have none */
    if (rc == AV_OK && flock(*ret, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        rc = av_error_set(err, AV_ERR_BUSY, "a backup is being written to %s: try again when it has ended", dir);
    return rc;
}

bool
backup_may_grow(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && strcmp(path + n - 4, ".avc") == 0;
}

static av_errc
check_file(verifier *self, const av_backup_file *file, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", self->dir, file->path);
    uint8_t digest[AV_SHA256_SIZE];
    uint64_t size = 0;
    struct stat st;
    av_errc rc;

    if (stat(path, &st) == 0 && (uint64_t)st.st_size > file->size && !backup_may_grow(file->path)) {
        fault(self, file->path, "it is longer than it was");
        return AV_OK;
    }
    rc = backup_digest(path, file->size, &self->progress, digest, &size, err);
    if (rc == AV_ERR_CANCELLED)
        return rc;
    self->result.files++;
    self->result.bytes += file->size;
    if (rc != AV_OK)
        fault(self, file->path, rc == AV_ERR_NOT_FOUND ? "it is missing" : err->msg);
    else if (size != file->size)
        fault(self, file->path, "it is shorter than it was");
    else if (memcmp(digest, file->digest, sizeof digest) != 0)
        fault(self, file->path, "its bytes are not what was written");
    return AV_OK;
}

/* A store whose keys were away was copied as it lay there: a torn tail is no fault of the backup. */
static bool
is_torn(av_scan *scan, const av_backup_store *store, av_container_files *files)
{
    bool later = true;
    av_error err;

    return store->lsn == 0 && (uint32_t)(av_scan_place(scan) >> 32) == av_container_files_highest(files) &&
           av_scan_find_later_group(scan, &later, &err) == AV_OK && !later;
}

static av_errc
scan_store(verifier *self, const av_backup_store *store, const char *name, av_container_files *files, av_error *err)
{
    AV_CLEANUP(av_scan_destroy) av_scan *scan = NULL;
    av_record_header header;
    av_span body;
    uint64_t group = 0;
    bool end = false;
    av_errc rc = av_scan_new(files, NULL, &scan, err);

    while (rc == AV_OK && !end && (store->lsn == 0 || av_scan_chain(scan)->commit_lsn < store->lsn)) {
        rc = av_scan_next(scan, &header, &body, &end, err);
        if (rc == AV_ERR_CORRUPT && !is_torn(scan, store, files))
            fault(self, name, err->msg);
        if (rc == AV_ERR_CORRUPT) {
            self->result.groups += group;
            return AV_OK;
        }
        if (rc == AV_OK && !end)
            rc = backup_go_on(&self->progress, AV_RECORD_HEADER + header.length, err);
        group = av_scan_chain(scan)->group;
    }
    self->result.groups += group;
    if (rc == AV_OK && end && store->lsn > av_scan_chain(scan)->commit_lsn)
        fault(self, name, "its log ends before the commit the backup was made at");
    return rc;
}

static av_errc
check_store(verifier *self, const av_backup_store *store, av_error *err)
{
    AV_CLEANUP(av_container_files_destroy) av_container_files *files = NULL;
    AV_CLEANUP(av_free) char *content = NULL;
    char name[48], uuid[33];
    av_errc rc;

    av_hex_encode(av_span_of(store->uuid, 16), uuid);
    (void)snprintf(name, sizeof name, "store %s", uuid);
    content = av_xasprintf("%s/stores/%s/content", self->dir, uuid);
    self->result.stores++;
    if (!av_file_exists(content)) {
        if (store->lsn != 0)
            fault(self, name, "it has no containers");
        return AV_OK;
    }
    rc = av_container_files_new(content, store->uuid, 0, &files, err);
    if (rc == AV_OK && av_container_files_missing(files) != 0)
        fault(self, name, "a container is missing in its log");
    else if (rc == AV_OK && av_container_files_highest(files) > 0)
        rc = scan_store(self, store, name, files, err);
    if (rc == AV_OK || rc == AV_ERR_CANCELLED)
        return rc;
    fault(self, name, err->msg);
    return AV_OK;
}

static void
verifier_release(verifier *self)
{
    av_backup_manifest_release(&self->manifest);
}

av_errc
av_backup_verify(const char *dir, const av_care_watch *watch, av_backup_verify_result *ret, av_error *err)
{
    AV_CLEANUP(verifier_release) verifier self = { .dir = dir, .progress = { .watch = watch } };
    AV_CLEANUP(av_fd_close) int lock = -1;
    av_errc rc = av_backup_manifest_load(dir, AV_BACKUP_MANIFEST, &self.manifest, err);

    if (rc == AV_OK)
        rc = backup_lock_shared(dir, &lock, err);
    if (rc != AV_OK)
        return rc;
    for (size_t i = 0; i < self.manifest.file_count; i++) /* containers are read twice: digest, records */
        self.progress.total += self.manifest.files[i].size * (backup_may_grow(self.manifest.files[i].path) ? 2U : 1U);
    for (size_t i = 0; rc == AV_OK && i < self.manifest.file_count; i++)
        rc = check_file(&self, &self.manifest.files[i], err);
    for (size_t i = 0; rc == AV_OK && i < self.manifest.store_count; i++)
        rc = check_store(&self, &self.manifest.stores[i], err);
    if (rc != AV_OK)
        return rc;
    self.result.number = self.manifest.number;
    self.result.time_ms = self.manifest.time_ms;
    memcpy(self.result.instance_id, self.manifest.instance_id, sizeof self.result.instance_id);
    *ret = self.result;
    return AV_OK;
}
