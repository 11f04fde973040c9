/*
 * mend.c - see mend.h
 */
#include "storage/care/mend.h"

#include <errno.h>

#include "base/file.h"
#include "storage/store/inspect.h"

#define COPY_BYTES (1024U * 1024)

typedef struct mender {
    const char *source_dir, *work_dir;
    const uint8_t *uuid;
    const av_care_watch *watch;
    av_container_files *files;
} mender;

/* --- files ------------------------------------------------------------------------------------------------------- */

static char *
path_in(const char *dir, const char *name)
{
    return av_xasprintf("%s/%s", dir, name);
}

static av_errc
copy_to(const char *from, int to, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *p = av_xalloc(COPY_BYTES);
    size_t n = COPY_BYTES;
    int fd = -1;
    av_errc rc = av_file_open(from, O_RDONLY | O_NOFOLLOW, 0, &fd, err);

    for (uint64_t at = 0; rc == AV_OK && n == COPY_BYTES; at += n) {
        rc = av_file_read_some(fd, p, COPY_BYTES, at, &n, err);
        if (rc == AV_OK)
            rc = av_file_write_at(to, p, n, at, err);
    }
    av_file_close(&fd);
    return rc;
}

static av_errc
copy_file(const mender *self, const char *name, int *ret_fd, av_error *err)
{
    AV_CLEANUP(av_free) char *from = path_in(self->source_dir, name);
    AV_CLEANUP(av_free) char *to = path_in(self->work_dir, name);
    av_errc rc = av_file_open(to, O_RDWR | O_CREAT | O_TRUNC, 0600, ret_fd, err);

    return rc == AV_OK ? copy_to(from, *ret_fd, err) : rc;
}

static av_errc
link_file(const mender *self, const char *name, av_error *err)
{
    AV_CLEANUP(av_free) char *from = path_in(self->source_dir, name);
    AV_CLEANUP(av_free) char *to = path_in(self->work_dir, name);
    int fd = -1;
    av_errc rc;

    if (av_file_ops_get()->link(from, to) == 0)
        return AV_OK;
    if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != EOPNOTSUPP)
        return av_error_errno(err, "link %s", from);
    rc = copy_file(self, name, &fd, err);
    av_file_close(&fd);
    return rc;
}

/* --- one container ----------------------------------------------------------------------------------------------- */

/* What the container before it ended with is not needed to find records, and stays unknown. */
static av_errc
write_header(const mender *self, uint32_t container, uint32_t generation, int fd, av_error *err)
{
    av_container_header header = { .container = container, .generation = generation };
    uint8_t bytes[AV_CONTAINER_HEADER];

    memcpy(header.store_uuid, self->uuid, sizeof header.store_uuid);
    av_container_header_encode(&header, bytes);
    return av_file_write_at(fd, bytes, sizeof bytes, 0, err);
}

static av_errc
remake(const mender *self, const av_container_entry *entry, const char *name, av_error *err)
{
    int fd = -1;
    av_errc rc = copy_file(self, name, &fd, err);

    if (rc == AV_OK)
        rc = write_header(self, entry->container, entry->generation, fd, err);
    av_file_close(&fd);
    return rc;
}

static av_errc
mend_container(const mender *self, const av_container_entry *entry, av_error *err)
{
    char name[AV_CONTAINER_NAME];
    av_container_header header;
    av_place_file *file = NULL;
    av_errc rc = av_container_files_open(self->files, entry->container, false, &file, &header, err);

    av_place_close(&file);
    av_container_name(entry->container, entry->generation, name);
    if (rc == AV_OK)
        return link_file(self, name, err);
    if (rc != AV_ERR_CORRUPT && rc != AV_ERR_VERSION)
        return rc;
    av_care_say(
        self->watch, AV_LOG_WARN, av_lsn(entry->container, 0), "the header of %s is made again: %s", name, err->msg);
    return remake(self, entry, name, err);
}

/* --- the folder -------------------------------------------------------------------------------------------------- */

static av_errc
mend_all(const mender *self, const av_container_list *list, av_error *err)
{
    av_errc rc = AV_OK;

    if (list->count == 0)
        return av_error_set(err, AV_ERR_NOT_FOUND, "%s holds no container of a store", self->source_dir);
    for (size_t i = 0; rc == AV_OK && i < list->count; i++) {
        rc = mend_container(self, &list->entries[i], err);
        if (rc == AV_OK)
            rc = av_care_go_on(self->watch, 0, 0, err);
    }
    return rc;
}

av_errc
av_care_mend_drop(const char *work_dir, av_error *err)
{
    AV_CLEANUP(av_free) char *parent = NULL;
    const char *slash = strrchr(work_dir, '/');

    if (slash == NULL || slash == work_dir)
        return av_error_set(err, AV_ERR_INVALID, "the folder to work in, %s, has no parent in its path", work_dir);
    parent = av_span_dup(av_span_of(work_dir, (size_t)(slash - work_dir)));
    return av_dir_remove(work_dir, parent, err);
}

av_errc
av_care_mend(
    const char *source_dir, av_store_keys *keys, const char *work_dir, const av_care_watch *watch, av_error *err)
{
    AV_CLEANUP(av_container_list_release) av_container_list list = { 0 };
    mender self = { .source_dir = source_dir, .work_dir = work_dir, .uuid = av_store_keys_uuid(keys), .watch = watch };
    av_errc rc = av_care_mend_drop(work_dir, err);

    if (rc == AV_OK)
        rc = av_dir_make(work_dir, err);
    if (rc == AV_OK)
        rc = av_container_files_new(source_dir, self.uuid, 0, &self.files, err);
    if (rc == AV_OK)
        rc = av_container_list_read(av_container_files_place(self.files), &list, err);
    if (rc == AV_OK)
        rc = mend_all(&self, &list, err);
    if (rc == AV_OK)
        rc = av_store_put_marker(work_dir, keys, err);
    av_container_files_destroy(&self.files);
    return rc;
}
