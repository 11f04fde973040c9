/*
 * source_list.c - the names in a folder, and what a name alone says about a file
 */
#include "actors/worker/source_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Suffixes of files that are no mail although they lie among it, by what they are. */
static const struct {
    const char *extension, *what;
} not_mail[] = {
    { ".msf", "an index of Thunderbird" },
    { ".dat", "a data file" },
    { ".db", "a database" },
    { ".sqlite", "a database" },
    { ".pst", "an Outlook data file, which has a source of its own" },
    { ".ost", "an Outlook data file, which has a source of its own" },
    { ".msg", "an Outlook message, which has a source of its own" },
    { ".pdf", "a document" },
    { ".doc", "a document" },
    { ".docx", "a document" },
    { ".xls", "a document" },
    { ".xlsx", "a document" },
    { ".ppt", "a document" },
    { ".pptx", "a document" },
    { ".odt", "a document" },
    { ".ods", "a document" },
    { ".zip", "a packed file" },
    { ".gz", "a packed file" },
    { ".bz2", "a packed file" },
    { ".xz", "a packed file" },
    { ".zst", "a packed file" },
    { ".7z", "a packed file" },
    { ".rar", "a packed file" },
    { ".tar", "a packed file" },
    { ".tgz", "a packed file" },
    { ".jpg", "a picture" },
    { ".jpeg", "a picture" },
    { ".png", "a picture" },
    { ".gif", "a picture" },
    { ".svg", "a picture" },
    { ".exe", "a program" },
    { ".dll", "a program" },
};

const char *
av_source_no_mail_by_name(const char *name)
{
    for (size_t i = 0; i < AV_COUNT(not_mail); i++)
        if (av_source_has_extension(name, not_mail[i].extension))
            return not_mail[i].what;
    return NULL;
}

static int
by_bytes(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

void
av_source_names_release(av_source_names *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->list[i]);
    free(self->list);
    *self = (av_source_names){ 0 };
}

av_errc
av_source_names_list(int fd, size_t max, av_source_names *ret, av_error *err)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    size_t cap = 0;
    struct dirent *entry;

    if (dir == NULL) {
        (void)av_error_errno(err, "read the folder");
        if (own >= 0)
            (void)close(own);
        return err->code;
    }
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (ret->count == max) {
            (void)closedir(dir);
            return av_error_set(err, AV_ERR_LIMIT, "it holds more than %zu names", max);
        }
        if (ret->count == cap) {
            cap = cap == 0 ? 64 : cap * 2;
            ret->list = av_xrealloc(ret->list, cap * sizeof *ret->list);
        }
        ret->list[ret->count++] = av_xstrdup(entry->d_name);
    }
    if (errno != 0) {
        (void)av_error_errno(err, "read the folder");
        (void)closedir(dir);
        return err->code;
    }
    (void)closedir(dir);
    if (ret->count > 1)
        qsort(ret->list, ret->count, sizeof *ret->list, by_bytes);
    return AV_OK;
}
