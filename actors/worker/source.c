/*
 * source.c - the paths of a source one after another: what each is, numbering, resume
 *
 * The walks themselves: source_files.c (files, folders, Maildirs), source_mbox.c.
 */
#include "actors/worker/source_priv.h"

#include "base/file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct av_source {
    av_source_options options;
    char **paths;
    av_source_kind *kinds;
    size_t path_count, path_at;
    av_source_walk *walk;        /* of paths[path_at - 1] */
    uint64_t number;             /* of the next item */
    uint64_t delivered, refused; /* items of the current walk */
    char *first_reason;
    bool has_item; /* walk's current item may be read */
    uint64_t bytes_done, bytes_item;
};

static av_errc
stat_path(const char *path, struct stat *ret, av_error *err)
{
    int why;

    if (stat(path, ret) == 0)
        return AV_OK;
    why = errno;
    (void)av_error_errno(err, "%s", path);
    if (why == ENOENT || why == ENOTDIR)
        err->code = AV_ERR_NOT_FOUND;
    else if (why == EACCES)
        err->code = AV_ERR_DENIED;
    return err->code;
}

static bool
has_folder(const char *path, const char *name)
{
    AV_CLEANUP(av_free) char *whole = av_xasprintf("%s/%s", path, name);
    struct stat st;

    return stat(whole, &st) == 0 && S_ISDIR(st.st_mode);
}

av_errc
av_source_guess(const char *path, av_source_kind *ret, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = -1;
    struct stat st;
    av_errc rc = stat_path(path, &st, err);

    if (rc != AV_OK)
        return rc;
    if (S_ISDIR(st.st_mode)) {
        *ret = has_folder(path, "cur") && has_folder(path, "new") ? AV_SOURCE_MAILDIR : AV_SOURCE_TREE;
        return AV_OK;
    }
    if (!S_ISREG(st.st_mode))
        return av_error_set(err, AV_ERR_INVALID, "%s: neither a file nor a folder", path);
    rc = av_file_open(path, O_RDONLY, 0, &fd, err);
    if (rc != AV_OK)
        return rc;
    *ret = av_source_has_extension(path, ".mbox") || av_source_has_extension(path, ".mbx") || av_source_mbox_seen(fd)
               ? AV_SOURCE_MBOX
               : AV_SOURCE_EML;
    return AV_OK;
}

/* What path is to be read as; refuses a kind it can not be. */
static av_errc
kind_of(const av_source_options *options, const char *path, av_source_kind *ret, av_error *err)
{
    struct stat st;
    av_errc rc;

    if (options->kind == AV_SOURCE_GUESS)
        return av_source_guess(path, ret, err);
    rc = stat_path(path, &st, err);
    if (rc != AV_OK)
        return rc;
    if ((options->kind == AV_SOURCE_TREE || options->kind == AV_SOURCE_MAILDIR) != S_ISDIR(st.st_mode))
        return av_error_set(err, AV_ERR_INVALID, "%s: %s", path,
            S_ISDIR(st.st_mode) ? "this is a folder, and a file was asked for"
                                : "this is a file, and a folder was asked for");
    if (options->kind == AV_SOURCE_MAILDIR && !(has_folder(path, "cur") && has_folder(path, "new")))
        return av_error_set(err, AV_ERR_INVALID, "%s: no Maildir, it has no cur and new in it", path);
    if (access(path, R_OK) != 0)
        return av_error_set(err, AV_ERR_DENIED, "%s: it can not be read", path);
    *ret = options->kind;
    return AV_OK;
}

av_errc
av_source_open(const av_source_options *options, const char *const *paths, size_t n, av_source **ret, av_error *err)
{
    AV_CLEANUP(av_source_destroy) av_source *self = av_xcalloc(1, sizeof *self);

    self->options = *options;
    if (self->options.max_message_bytes == 0)
        self->options.max_message_bytes = AV_SOURCE_MESSAGE_MAX;
    if (self->options.max_folder_entries == 0)
        self->options.max_folder_entries = AV_SOURCE_ENTRIES_MAX;
    self->paths = av_xcalloc(n + 1, sizeof *self->paths);
    self->kinds = av_xcalloc(n + 1, sizeof *self->kinds);
    if (n == 0)
        return av_error_set(err, AV_ERR_INVALID, "no path to read from was given");
    for (size_t i = 0; i < n; i++) {
        av_errc rc = kind_of(options, paths[i], &self->kinds[i], err);

        if (rc != AV_OK)
            return rc;
        self->paths[self->path_count++] = av_xstrdup(paths[i]);
    }
    *ret = AV_TAKE(self);
    return AV_OK;
}

static void
end_walk(av_source *self)
{
    if (self->walk != NULL)
        self->walk->class->destroy(self->walk);
    self->walk = NULL;
    self->delivered = self->refused = 0;
    free(self->first_reason);
    self->first_reason = NULL;
}

void
av_source_destroy(av_source **self)
{
    av_source *s = *self;

    if (s == NULL)
        return;
    end_walk(s);
    for (size_t i = 0; i < s->path_count; i++)
        free(s->paths[i]);
    free(s->paths);
    free(s->kinds);
    free(s);
    *self = NULL;
}

static av_errc
start_walk(av_source *self, av_error *err)
{
    const char *path = self->paths[self->path_at];
    av_source_kind kind = self->kinds[self->path_at];
    av_source_options options = self->options;

    self->path_at++;
    options.kind = kind;
    return av_source_files_new(path, kind == AV_SOURCE_TREE || kind == AV_SOURCE_MAILDIR, kind == AV_SOURCE_MAILDIR,
        &options, &self->walk, err);
}

/* The walk is over. A lone file has said by its item why it is no mail; a folder or mailbox has to say it now. */
static av_errc
finish_walk(av_source *self, av_error *err)
{
    size_t path = self->path_at - 1;
    av_errc rc = AV_OK;

    if (self->delivered == 0 && self->kinds[path] != AV_SOURCE_EML) {
        if (self->refused == 0)
            (void)av_error_set(err, AV_ERR_NOT_FOUND, "%s: no message was found, it is empty", self->paths[path]);
        else
            (void)av_error_set(err, AV_ERR_NOT_FOUND, "%s: no message was found; %llu refused, the first: %s",
                self->paths[path], (unsigned long long)self->refused, self->first_reason);
        rc = AV_ERR_NOT_FOUND;
    }
    end_walk(self);
    return rc;
}

static void
count_item(av_source *self, av_source_item *item)
{
    item->number = self->number++;
    if (item->refused == NULL) {
        self->delivered++;
    } else {
        self->refused++;
        if (self->first_reason == NULL)
            self->first_reason = av_xasprintf("%.120s: %.120s", item->path, item->refused);
    }
}

av_errc
av_source_next(av_source *self, av_source_item *ret_item, bool *ret_more, av_error *err)
{
    self->bytes_done += self->bytes_item;
    self->bytes_item = 0;
    self->has_item = false;
    for (;;) {
        bool more = false;
        av_errc rc;

        if (self->walk == NULL) {
            if (self->path_at == self->path_count) {
                *ret_more = false;
                return AV_OK;
            }
            rc = start_walk(self, err);
            if (rc != AV_OK)
                return rc;
        }
        rc = self->walk->class->next(self->walk, ret_item, &more, &self->bytes_item, err);
        if (rc == AV_OK && more) {
            count_item(self, ret_item);
            self->has_item = ret_item->refused == NULL;
            *ret_more = true;
            return AV_OK;
        }
        if (rc != AV_OK) {
            end_walk(self);
            return rc;
        }
        rc = finish_walk(self, err);
        if (rc != AV_OK)
            return rc;
    }
}

av_errc
av_source_read(av_source *self, void *p, size_t n, size_t *ret_n, av_error *err)
{
    if (!self->has_item) {
        *ret_n = 0;
        return AV_OK;
    }
    return self->walk->class->read(self->walk, p, n, ret_n, err);
}

av_errc
av_source_skip(av_source *self, uint64_t n, av_error *err)
{
    while (self->number < n) {
        av_source_item item;
        bool more = false;
        av_errc rc = av_source_next(self, &item, &more, err);

        if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
            return rc;
        if (rc == AV_OK && !more)
            return AV_OK;
    }
    return AV_OK;
}

uint64_t
av_source_bytes_done(const av_source *self)
{
    return self->bytes_done;
}
