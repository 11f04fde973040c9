/*
 * base_dir.h - base directories of instances: whose a folder is, and that none lies in another
 *
 * A base directory bears a mark, the file "archivolt-instance" with the instance's id. All of it is deleted with its
 * instance, so nothing of anybody else may lie in it. Nothing here changes anything on disk; all of it blocks on disk.
 */
#ifndef AV_ACTORS_HOST_BASE_DIR_H
#define AV_ACTORS_HOST_BASE_DIR_H

#include <stdbool.h>

#include "base/error.h"

#define AV_BASE_DIR_MARK "archivolt-instance"

/*
 * The path without symbolic links: realpath of what exists of it, then the rest. path: see av_base_dir_valid. ret: the
 * caller's (free). AV_ERR_INVALID when a part of it is a file or a link to nowhere.
 */
av_errc av_base_dir_resolve(const char *path, char **ret, av_error *err);

/* One is the other, or lies in it. Both resolved. */
bool av_base_dir_overlap(const char *a, const char *b);

/* <base>.deleting-<id>: what the folder is called while it is deleted. The caller's (free). */
char *av_base_dir_aside(const char *base_dir, const char *id);

/* AV_ERR_INVALID when a folder above this one (resolved) bears the mark of any instance. */
av_errc av_base_dir_check_above(const char *real, av_error *err);

/* AV_OK: marked as this instance's; AV_ERR_NOT_FOUND: no mark; AV_ERR_INVALID: another's mark. */
av_errc av_base_dir_check_mark(const char *base_dir, const char *id, av_error *err);

/* AV_ERR_INVALID when base_dir or a folder at any depth in it bears another's mark. Walks the whole tree: for long. */
av_errc av_base_dir_check_tree(const char *base_dir, const char *id, av_error *err);

#endif
