/*
 * names.c - names and folders through the seam of base/file.h, and lines for the log
 */
#include <errno.h>

#include "base/file.h"
#include "base/log.h"
#include "storage/sealed/sealed_priv.h"

/* errno's error; what is missing is AV_ERR_NOT_FOUND. */
static av_errc
name_error(av_error *err, const char *what, const char *path)
{
    bool missing = errno == ENOENT;

    av_error_errno(err, "%s %s", what, path);
    if (missing)
        err->code = AV_ERR_NOT_FOUND;
    return err->code;
}

av_errc
sealed_size_of(const char *path, uint64_t *ret, av_error *err)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return name_error(err, "stat", path);
    *ret = (uint64_t)AV_MAX(st.st_size - (off_t)SEALED_HEADER, 0);
    return AV_OK;
}

av_errc
sealed_rename(const char *from, const char *to, av_error *err)
{
    return av_file_ops_get()->rename(from, to) == 0 ? AV_OK : name_error(err, "rename", from);
}

av_errc
sealed_unlink(const char *path, av_error *err)
{
    return av_file_ops_get()->unlink(path) == 0 ? AV_OK : name_error(err, "remove", path);
}

av_errc
sealed_link(const char *from, const char *to, av_error *err)
{
    if (av_file_ops_get()->link(from, to) == 0)
        return AV_OK;
    if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "%s cannot be linked to %s", from, to);
    return name_error(err, "link", from);
}

av_errc
sealed_mkdir(const char *path, av_error *err)
{
    if (av_file_ops_get()->mkdir(path, 0700) == 0)
        return AV_OK;
    if (errno == EEXIST)
        return av_error_set(err, AV_ERR_EXISTS, "%s is there already", path);
    return name_error(err, "make folder", path);
}

av_errc
sealed_rmdir(const char *path, av_error *err)
{
    return av_file_ops_get()->rmdir(path) == 0 ? AV_OK : name_error(err, "remove folder", path);
}

av_errc
sealed_dir_sync(const char *path, av_error *err)
{
    return av_dir_sync(path, err);
}

void
sealed_log(bool error, const char *text)
{
    AV_LOG(error ? AV_LOG_ERROR : AV_LOG_WARN, error ? "database.error" : "database.warning", AV_STR("detail", text));
}
