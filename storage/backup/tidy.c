/*
 * tidy.c - what a backup folder does not need any more goes: copies that were never finished, containers that
 * compaction replaced, and the state of older backups. Keys of older backups are overwritten before.
 */
#include <dirent.h>
#include <errno.h>

#include "base/file.h"
#include "storage/backup/run_priv.h"

static bool
is_named(const av_backup_manifest *manifest, const char *path)
{
    return manifest != NULL && av_backup_manifest_find(manifest, path) != NULL;
}

/* Containers in the folder that nobody names. */
static av_errc
tidy_stores(const char *dir, const av_backup_manifest *named, const av_backup_manifest *also, uint64_t *ret_files,
    av_error *err)
{
    AV_CLEANUP(av_free) char *top = av_xasprintf("%s/stores", dir);
    AV_CLEANUP(backup_names_release) backup_names list = { 0 };
    av_errc rc = backup_walk(top, &list, err);

    for (size_t i = 0; rc == AV_OK && i < list.count; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("stores/%s", list.names[i]);
        AV_CLEANUP(av_free) char *full = av_xasprintf("%s/%s", dir, path);

        if (is_named(named, path) || is_named(also, path))
            continue;
        if (av_file_ops_get()->unlink(full) != 0 && errno != ENOENT)
            rc = av_error_errno(err, "remove %s", full);
        else
            ++*ret_files;
    }
    return rc;
}

/* Folders <kind>/<number> of other numbers than the manifest's. */
static av_errc
tidy_kind(const char *dir, const char *kind, uint64_t number, av_error *err)
{
    AV_CLEANUP(av_free) char *top = av_xasprintf("%s/%s", dir, kind);
    const struct dirent *entry;
    av_errc rc = AV_OK;
    DIR *folder = opendir(top);

    if (folder == NULL)
        return errno == ENOENT ? AV_OK : av_error_errno(err, "look through %s", top);
    while (rc == AV_OK && (entry = readdir(folder)) != NULL) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", top, entry->d_name);
        uint64_t found = 0;

        if (!av_span_u64(av_span_str(entry->d_name), UINT64_MAX, &found) || (number != 0 && found == number))
            continue;
        rc = strcmp(kind, "keyring") == 0 || strcmp(kind, "locked") == 0 ? backup_wipe(path, dir, err)
                                                                         : av_dir_remove(path, dir, err);
    }
    (void)closedir(folder);
    return rc;
}

av_errc
backup_tidy(const char *dir, const av_backup_manifest *named, const av_backup_manifest *also, uint64_t *ret_files,
    av_error *err)
{
    static const char *const kinds[] = { "keyring", "locked", "accounts", "views", "index", "markers" };
    av_errc rc = tidy_stores(dir, named, also, ret_files, err);

    for (size_t i = 0; rc == AV_OK && i < AV_COUNT(kinds); i++)
        rc = tidy_kind(dir, kinds[i], named->number, err);
    return rc;
}
