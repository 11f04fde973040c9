/*
 * place.c - see place.h; the local folder
 */
#include "storage/container/place.h"

#include <dirent.h>
#include <errno.h>

#include "base/file.h"

typedef struct folder {
    av_place base;
    char *dir;
} folder;

typedef struct folder_file {
    av_place_file base;
    int fd;
} folder_file;

static char *
path_of(av_place *self, const char *name)
{
    assert(strchr(name, '/') == NULL);
    return av_xasprintf("%s/%s", ((folder *)self)->dir, name);
}

static av_errc
folder_put(av_place *self, const char *name, const char *from, av_error *err)
{
    AV_CLEANUP(av_free) char *path = path_of(self, name);

    if (av_file_ops_get()->rename(from, path) != 0)
        return av_error_errno(err, "rename %s to %s", from, path);
    return av_dir_sync(((folder *)self)->dir, err);
}

static av_errc
folder_open(av_place *self, const char *name, bool sequential, av_place_file **ret, av_error *err)
{
    AV_CLEANUP(av_free) char *path = path_of(self, name);
    folder_file *file;
    int fd = -1;
    av_errc rc = av_file_open(path, O_RDONLY | O_NOFOLLOW, 0, &fd, err);

    if (rc != AV_OK)
        return rc;
    /* At random the kernel's read-ahead would fetch many times what one record needs. */
    (void)posix_fadvise(fd, 0, 0, sequential ? POSIX_FADV_SEQUENTIAL : POSIX_FADV_RANDOM);
    file = av_xcalloc(1, sizeof *file);
    file->base.ops = self->ops;
    file->fd = fd;
    *ret = &file->base;
    return AV_OK;
}

static av_errc
folder_read(av_place_file *self, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err)
{
    return av_file_read_some(((folder_file *)self)->fd, p, n, at, ret_n, err);
}

static av_errc
folder_size(av_place_file *self, uint64_t *ret, av_error *err)
{
    return av_file_size(((folder_file *)self)->fd, ret, err);
}

static void
folder_close(av_place_file *self)
{
    av_file_close(&((folder_file *)self)->fd);
    free(self);
}

static av_errc
folder_list(av_place *self, bool (*each)(void *ctx, const char *name), void *ctx, av_error *err)
{
    const char *dir = ((folder *)self)->dir;
    DIR *d = opendir(dir);
    struct dirent *entry;
    av_errc rc = AV_OK;

    if (d == NULL)
        return av_error_errno(err, "read folder %s", dir);
    for (;;) {
        errno = 0;
        entry = readdir(d);
        if (entry == NULL) {
            if (errno != 0) /* a list cut short would look like a log cut short */
                rc = av_error_errno(err, "read folder %s", dir);
            break;
        }
        if (!each(ctx, entry->d_name))
            break;
    }
    (void)closedir(d);
    return rc;
}

static av_errc
folder_remove(av_place *self, const char *name, av_error *err)
{
    AV_CLEANUP(av_free) char *path = path_of(self, name);

    if (av_file_ops_get()->unlink(path) != 0)
        return errno == ENOENT ? AV_OK : av_error_errno(err, "remove %s", path);
    return av_dir_sync(((folder *)self)->dir, err);
}

static void
folder_destroy(av_place *self)
{
    free(((folder *)self)->dir);
    free(self);
}

static const av_place_ops folder_ops = {
    .put = folder_put,
    .open = folder_open,
    .list = folder_list,
    .remove = folder_remove,
    .destroy = folder_destroy,
    .read = folder_read,
    .size = folder_size,
    .close = folder_close,
};

av_place *
av_place_folder_new(const char *dir)
{
    folder *self = av_xcalloc(1, sizeof *self);

    self->base.ops = &folder_ops;
    self->dir = av_xstrdup(dir);
    return &self->base;
}

void
av_place_destroy(av_place **self)
{
    if (*self != NULL)
        (*self)->ops->destroy(*self);
    *self = NULL;
}

av_errc
av_place_put(av_place *self, const char *name, const char *from, av_error *err)
{
    return self->ops->put(self, name, from, err);
}

av_errc
av_place_open(av_place *self, const char *name, bool sequential, av_place_file **ret, av_error *err)
{
    return self->ops->open(self, name, sequential, ret, err);
}

void
av_place_close(av_place_file **self)
{
    if (*self != NULL)
        (*self)->ops->close(*self);
    *self = NULL;
}

av_errc
av_place_read(av_place_file *self, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err)
{
    return self->ops->read(self, p, n, at, ret_n, err);
}

av_errc
av_place_size(av_place_file *self, uint64_t *ret, av_error *err)
{
    return self->ops->size(self, ret, err);
}

av_errc
av_place_list(av_place *self, bool (*each)(void *ctx, const char *name), void *ctx, av_error *err)
{
    return self->ops->list(self, each, ctx, err);
}

av_errc
av_place_remove(av_place *self, const char *name, av_error *err)
{
    return self->ops->remove(self, name, err);
}
