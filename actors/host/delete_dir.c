/*
 * delete_dir.c - deleting a base directory so that it may be interrupted anywhere and be gone on with
 *
 *   look for marks of others -> rename to <base>.deleting-<id>, synced -> delete all but the mark, synced -> the mark,
 *   the folder
 *
 * From the rename on the place of the instance is empty: nothing half-deleted can be opened as an archive. The mark
 * goes last, so what is left says at any moment whose it was.
 */
#include <errno.h>
#include <fts.h>
#include <unistd.h>

#include "actors/host/base_dir.h"
#include "actors/host/host_priv.h"
#include "base/file.h"

static char *
parent_of(const char *path)
{
    return av_span_dup(av_span_of(path, (size_t)(strrchr(path, '/') - path)));
}

/* Not av_file_exists: a folder that cannot be looked at is not one that is gone. */
static av_errc
find(const char *path, bool *ret, av_error *err)
{
    struct stat st;

    *ret = lstat(path, &st) == 0;
    return *ret || errno == ENOENT ? AV_OK : av_error_errno(err, "find %s", path);
}

/* All that must be right before anything is touched, and the rename. */
static av_errc
put_aside(const char *base_dir, const char *aside, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *parent = parent_of(base_dir);
    av_errc rc = av_base_dir_check_mark(base_dir, id, err);

    if (rc == AV_ERR_NOT_FOUND)
        rc = av_error_set(err, AV_ERR_CONFLICT, "the folder %s does not bear its mark: remove it by hand", base_dir);
    if (rc == AV_OK && parent[0] == '\0')
        rc = av_error_set(err, AV_ERR_CONFLICT, "%s stands at the root: remove it by hand", base_dir);
    if (rc == AV_OK)
        rc = av_base_dir_check_tree(base_dir, id, err);
    if (rc == AV_OK && av_file_ops_get()->rename(base_dir, aside) != 0)
        rc = av_error_errno(err, "rename %s to %s", base_dir, aside);
    if (rc == AV_OK)
        return av_dir_sync(parent, err);
    err->code = AV_ERR_CONFLICT;
    return av_error_prefix(err, "nothing of instance %s was deleted", id);
}

static av_errc
delete_entry(const FTSENT *entry, av_error *err)
{
    bool is_mark = entry->fts_level == 1 && strcmp(entry->fts_name, AV_BASE_DIR_MARK) == 0;

    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
        errno = entry->fts_errno;
        return av_error_errno(err, "delete %s", entry->fts_path);
    }
    if (entry->fts_info == FTS_D || entry->fts_level == 0 || is_mark)
        return AV_OK;
    return remove(entry->fts_path) == 0 ? AV_OK : av_error_errno(err, "delete %s", entry->fts_path);
}

static av_errc
delete_contents(const char *aside, av_error *err)
{
    AV_CLEANUP(av_free) char *top = av_xstrdup(aside);
    char *tops[] = { top, NULL };
    FTS *walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    av_errc rc = AV_OK;
    const FTSENT *entry;

    if (walk == NULL)
        return av_error_errno(err, "delete %s", aside);
    while (rc == AV_OK && (errno = 0, entry = fts_read(walk)) != NULL)
        rc = delete_entry(entry, err);
    if (rc == AV_OK && errno != 0)
        rc = av_error_errno(err, "delete %s", aside);
    (void)fts_close(walk);
    return rc;
}

static av_errc
delete_aside(const char *aside, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *parent = parent_of(aside);
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/" AV_BASE_DIR_MARK, aside);
    av_errc rc = av_base_dir_check_mark(aside, id, err);

    if (rc == AV_OK) {
        rc = av_base_dir_check_tree(aside, id, err);
        if (rc == AV_OK)
            rc = delete_contents(aside, err);
        if (rc == AV_OK)
            rc = av_dir_sync(aside, err);
        if (rc == AV_OK && av_file_ops_get()->unlink(mark) != 0)
            rc = av_error_errno(err, "delete %s", mark);
    } else if (rc == AV_ERR_NOT_FOUND) {
        rc = AV_OK; /* only the empty folder was left: rmdir refuses any other */
    }
    if (rc == AV_OK && rmdir(aside) != 0)
        rc = av_error_errno(err, "delete %s", aside);
    return rc == AV_OK ? av_dir_sync(parent, err) : rc;
}

av_errc
av_assets_remove_dir(const char *base_dir, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *aside = av_base_dir_aside(base_dir, id);
    bool there = false;
    av_errc rc = find(aside, &there, err);

    if (rc == AV_OK && !there) {
        rc = find(base_dir, &there, err);
        if (rc != AV_OK || !there)
            return rc;
        rc = put_aside(base_dir, aside, id, err);
    }
    return rc == AV_OK ? delete_aside(aside, id, err) : rc;
}
