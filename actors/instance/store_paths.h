/*
 * store_paths.h - the folders of an archive store: how they are given, checked, proposed
 *
 * Given paths are absolute or begin with ~, the instance's base directory; behind ~ a backslash counts as a slash, as
 * the known product writes them. Kept as given, so that an instance whose base directory moves takes them along.
 */
#ifndef AV_INSTANCE_STORE_PATHS_H
#define AV_INSTANCE_STORE_PATHS_H

#include "base/buf.h"
#include "base/error.h"

#define AV_STORE_PATH_MAX 4096

typedef struct av_store_paths {
    char *content, *database, *index;
} av_store_paths;

void av_store_paths_release(av_store_paths *self); /* for AV_CLEANUP, too */

/*
 * What the functions of the contract take: path, or databasePath alone (the same), or the folders one by one; what is
 * left out lies in <path>/content, <path>/database, <path>/index. Texts may be NULL. fallback: path when nothing is
 * given; NULL: AV_ERR_INVALID then. In the one form that is kept; two folders of one store may not be the same nor
 * lie in each other.
 */
av_errc av_store_paths_take(const char *path, const char *database, const char *content, const char *index,
    const char *fallback, av_store_paths *ret, av_error *err);
/* A field of a request that is neither left out nor empty. */
bool av_store_path_is_given(const char *text);
/* One path in the form that is kept: ~/a/b or /a/b, no empty, "." or ".." component. AV_ERR_INVALID. */
av_errc av_store_path_normalize(const char *given, char **ret, av_error *err);
/* The absolute form; heap. */
char *av_store_path_resolve(const char *base_dir, const char *kept);
/* "~/stores/<name>" with what a folder cannot be called replaced; heap. under: "~/stores" or another kept path. */
char *av_store_path_propose(const char *under, const char *name);
/* a is b, or one lies in the other. Both absolute or both kept. */
bool av_store_path_overlaps(const char *a, const char *b);
/* Name of a store: 1 to 255 bytes of UTF-8 without control characters, no space at the ends. */
av_errc av_store_name_check(const char *name, av_error *err);

#endif
