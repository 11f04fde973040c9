/*
 * base_dir.c - see base_dir.h
 */
#include "actors/host/base_dir.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>

#include "actors/host/state.h"
#include "base/file.h"
#include "base/util.h"

#define MARK_MAX 128 /* bytes; archivolt-instance the program, which has the mark's name, is larger */

av_errc
av_base_dir_resolve(const char *path, char **ret, av_error *err)
{
    AV_CLEANUP(av_free) char *exists = av_xstrdup(path);
    size_t n = strlen(exists);
    struct stat st;

    for (;;) {
        AV_CLEANUP(av_free) char *real = realpath(n == 0 ? "/" : exists, NULL);

        if (real != NULL) {
            bool is_root = real[1] == '\0' && path[n] == '/';

            *ret = av_xasprintf("%s%s", is_root ? "" : real, path + n);
            return AV_OK;
        }
        if (errno == ENOTDIR || (errno == ENOENT && lstat(exists, &st) == 0))
            return av_error_set(err, AV_ERR_INVALID, "%s is not a folder", exists);
        if (errno != ENOENT)
            return av_error_errno(err, "find the folder %s", exists);
        while (exists[--n] != '/') {
        }
        exists[n] = '\0';
    }
}

static bool
is_within(const char *inner, const char *outer)
{
    size_t n = strlen(outer);

    if (n == 1)
        return true; /* the root */
    return strncmp(inner, outer, n) == 0 && (inner[n] == '/' || inner[n] == '\0');
}

bool
av_base_dir_overlap(const char *a, const char *b)
{
    return is_within(a, b) || is_within(b, a);
}

char *
av_base_dir_aside(const char *base_dir, const char *id)
{
    return av_xasprintf("%s.deleting-%s", base_dir, id);
}

/* AV_ERR_LIMIT: too large for a mark. */
static av_errc
read_mark(const char *path, av_buf *ret, av_error *err)
{
    av_buf_init(ret, MARK_MAX);
    return av_file_read_all(path, ret, err);
}

av_errc
av_base_dir_check_above(const char *real, av_error *err)
{
    AV_CLEANUP(av_free) char *above = av_xstrdup(real);
    char *slash;

    while ((slash = strrchr(above, '/')) != NULL) {
        AV_CLEANUP(av_free) char *path = NULL;
        AV_CLEANUP(av_buf_release) av_buf text = { 0 };
        av_span id;
        av_errc rc;

        *slash = '\0';
        path = av_xasprintf("%s/" AV_BASE_DIR_MARK, above);
        rc = read_mark(path, &text, err);
        id = av_span_trim(av_buf_span(&text));
        if (rc == AV_OK)
            return av_error_set(err, AV_ERR_INVALID,
                "%s lies in %s, the folder of instance \"%.*s\": choose another base directory", real, above,
                (int)AV_MIN(id.n, AV_HOST_INSTANCE_MAX), (const char *)id.p);
        if (rc != AV_ERR_NOT_FOUND && rc != AV_ERR_LIMIT)
            return rc;
    }
    return AV_OK;
}

static av_errc
check_mark_file(const char *path, const char *id, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_errc rc = read_mark(path, &text, err);
    av_span owner = av_span_trim(av_buf_span(&text));

    if (rc == AV_OK && !av_span_eq_str(owner, id))
        return av_error_set(err, AV_ERR_INVALID, "%.*s is the folder of instance \"%.*s\"",
            (int)(strlen(path) - strlen("/" AV_BASE_DIR_MARK)), path, (int)AV_MIN(owner.n, AV_HOST_INSTANCE_MAX),
            (const char *)owner.p);
    return rc;
}

av_errc
av_base_dir_check_mark(const char *base_dir, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/" AV_BASE_DIR_MARK, base_dir);

    return check_mark_file(path, id, err);
}

/* A tree that cannot be read whole may hold anything: its errors are errors here. */
static av_errc
check_entry(const FTSENT *entry, const char *id, av_error *err)
{
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
        errno = entry->fts_errno;
        return av_error_errno(err, "look through %s", entry->fts_path);
    }
    if (entry->fts_info != FTS_F || strcmp(entry->fts_name, AV_BASE_DIR_MARK) != 0)
        return AV_OK;
    return check_mark_file(entry->fts_path, id, err);
}

av_errc
av_base_dir_check_tree(const char *base_dir, const char *id, av_error *err)
{
    AV_CLEANUP(av_free) char *top = av_xstrdup(base_dir);
    char *tops[] = { top, NULL };
    FTS *walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    av_errc rc = AV_OK;
    const FTSENT *entry;

    if (walk == NULL)
        return av_error_errno(err, "look through %s", base_dir);
    while (rc == AV_OK && (errno = 0, entry = fts_read(walk)) != NULL)
        rc = check_entry(entry, id, err);
    if (rc == AV_OK && errno != 0)
        rc = av_error_errno(err, "look through %s", base_dir);
    (void)fts_close(walk);
    return rc;
}
