/*
 * trouble.c - see trouble.h
 */
#include "actors/instance/trouble.h"

#include <sys/statvfs.h>

#include "actors/instance/stores_priv.h"
#include "base/file.h"

#define TRY_BYTES (1024U * 1024)
#define TRY_NAME  "write.tmp" /* one that a crash left is written over by the next */
#define DISKS     3           /* of an archive: the instance's own, the current store's log and its database */

/* ---- what there is ---- */

typedef struct found {
    av_trouble *list;
    size_t n;
} found;

static void
add(found *self, char *what, char *dir, bool accounts)
{
    self->list = av_xrealloc(self->list, (self->n + 1) * sizeof *self->list);
    self->list[self->n++] = (av_trouble){ .what = what, .dir = dir, .accounts = accounts };
}

static void
look_at(found *self, const av_stores *stores, const store_slot *slot)
{
    const char *name = slot->row->name;

    if (slot->gone || slot->state != SLOT_OPEN)
        return;
    if (av_store_view_is_failed(slot->open.view))
        add(self, av_xasprintf("the database of archive store %s", name),
            av_store_path_resolve(stores->dir, slot->row->database), false);
    if (av_store_problem(slot->open.store) != NULL && !av_store_is_corrupt(slot->open.store))
        add(self, av_xasprintf("the archive store %s", name), av_store_path_resolve(stores->dir, slot->row->content),
            false);
}

av_trouble *
av_troubles_find(av_archive *archive, size_t *ret_count)
{
    found all = { 0 };

    if (av_accounts_is_failed(archive->accounts))
        add(&all, av_xstrdup("the database of accounts"), av_xstrdup(archive->dir), true);
    if (av_catalog_is_failed(archive->catalog))
        add(&all, av_xstrdup("the catalog"), av_xstrdup(archive->dir), false);
    pthread_mutex_lock(&archive->stores->lock);
    for (const store_slot *s = archive->stores->slots; s != NULL; s = s->next)
        look_at(&all, archive->stores, s);
    pthread_mutex_unlock(&archive->stores->lock);
    *ret_count = all.n;
    return all.list;
}

void
av_troubles_free(av_trouble *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].what);
        free(list[i].dir);
    }
    free(list);
}

/* ---- its disk ---- */

static av_errc
free_of(const char *dir, uint64_t *ret, av_error *err)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) != 0)
        return av_error_errno(err, "%s", dir);
    *ret = (uint64_t)fs.f_bavail * fs.f_frsize;
    return AV_OK;
}

static av_errc
write_file(const char *path, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *bytes = av_xcalloc(1, TRY_BYTES);
    AV_CLEANUP(av_file_close) int fd = -1;
    av_errc rc = av_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd, err);

    memset(bytes, 0x5A, TRY_BYTES); /* no hole of zeros */
    if (rc == AV_OK)
        rc = av_file_write_at(fd, bytes, TRY_BYTES, 0, err);
    return rc == AV_OK ? av_file_datasync(fd, err) : rc;
}

av_errc
av_trouble_try_disk(const char *dir, uint64_t free_bytes, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/" TRY_NAME, dir);
    uint64_t bytes = 0;
    av_errc rc = free_of(dir, &bytes, err);

    if (rc != AV_OK)
        return rc;
    if (bytes < free_bytes)
        return av_error_set(err, AV_ERR_NOSPACE, "the disk of %.150s is full: %llu MB free, %llu MB are wanted", dir,
            (unsigned long long)(bytes >> 20), (unsigned long long)(free_bytes >> 20));
    rc = write_file(path, err);
    (void)av_file_ops_get()->unlink(path);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "the disk takes no writes yet");
}

/* ---- sentences ---- */

static size_t
disks_of(av_archive *archive, char *ret[DISKS])
{
    av_stores *stores = archive->stores;
    size_t n = 0;

    ret[n++] = av_xstrdup(archive->dir);
    pthread_mutex_lock(&stores->lock);
    for (const store_slot *s = stores->slots; s != NULL && n == 1; s = s->next)
        if (!s->gone && s->row->state == AV_STORE_CURRENT) {
            ret[n++] = av_store_path_resolve(stores->dir, s->row->content);
            ret[n++] = av_store_path_resolve(stores->dir, s->row->database);
        }
    pthread_mutex_unlock(&stores->lock);
    return n;
}

static av_errc
say_full(const char *dir, uint64_t bytes, av_error *err)
{
    av_error said = *err;

    return av_error_set(err, err->code,
        "the disk of %.120s is full: %llu MB free. Make room there and try again (%.120s)", dir,
        (unsigned long long)(bytes >> 20), said.msg);
}

av_errc
av_trouble_explain(av_archive *archive, uint64_t free_bytes, av_error *err)
{
    uint64_t bytes = 0, least = UINT64_MAX;
    char *disks[DISKS] = { 0 }, *fullest = NULL;
    size_t n, troubles = 0;
    av_trouble *list;
    av_error ignored;

    if (err->code != AV_ERR_NOSPACE)
        return err->code;
    list = av_troubles_find(archive, &troubles);
    av_troubles_free(list, troubles);
    n = disks_of(archive, disks);
    for (size_t i = 0; i < n; i++)
        if (free_of(disks[i], &bytes, &ignored) == AV_OK && bytes < least) {
            least = bytes;
            fullest = disks[i];
        }
    if (fullest != NULL && least >= free_bytes && troubles > 0)
        (void)av_error_set(err, AV_ERR_UNAVAILABLE,
            "the disk was full and has room again: the instance starts again by itself in a moment");
    else if (fullest != NULL)
        (void)say_full(fullest, least, err);
    for (size_t i = 0; i < n; i++)
        free(disks[i]);
    return err->code;
}

av_errc
av_trouble_explain_dir(const char *dir, av_error *err)
{
    uint64_t bytes = 0;
    av_error ignored;

    if (err->code != AV_ERR_NOSPACE || free_of(dir, &bytes, &ignored) != AV_OK)
        return err->code;
    return say_full(dir, bytes, err);
}
