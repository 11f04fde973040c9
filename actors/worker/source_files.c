/*
 * source_files.c - one message file, or a folder of them with all that is below; Maildirs are folders too
 *
 * A stack of open folders, each with its sorted names. Everything below the given path is opened relative to its folder
 * and without following links, so that no name leads out of the tree. In a folder:
 *   hidden names   are skipped, but for the ".Folder" folders of a Maildir
 *   a Maildir      (cur/ and new/) gives the messages of both; tmp/ and loose files (indexes, uid lists) are skipped
 *   other folders  become folders of the archive; Thunderbird's ".sbd" is taken off their names
 *   files          are one message each, mailbox files (av_source_guess) their messages, the rest refused with a reason
 */
#include "actors/worker/source_priv.h"

#include "actors/worker/mbox_split.h"
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

enum { LOOK_BYTES = 64 * 1024 };

typedef enum role { PLAIN, MAILDIR, MAILDIR_MESSAGES } role;

typedef struct level {
    int fd;
    av_source_names names;
    size_t at; /* of the next name */
    role role;
    size_t folder_depth; /* of the archive's folder that was there before this level */
    size_t path_bytes;   /* of the path before this level's name */
} level;

typedef struct files {
    av_source_walk walk;
    av_source_options options;
    level levels[AV_SOURCE_DEPTH_MAX + 1];
    size_t depth;
    char *single; /* the one file, when it is no folder; then NULL */
    av_buf path;  /* of the current entry, as the system has it */
    av_buf shown, reason;
    av_source_folder folder;
    av_source_walk *inner; /* a mailbox file being read */
    int fd;                /* the current message */
    uint64_t left, at;
    uint8_t *look;
} files;

static void
release_level(level *l)
{
    av_source_names_release(&l->names);
    av_file_close(&l->fd);
    *l = (level){ .fd = -1 };
}

static bool
is_folder_at(int fd, const char *name)
{
    struct stat st;

    return fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool
is_maildir(int fd)
{
    return is_folder_at(fd, "cur") && is_folder_at(fd, "new");
}

/* The folder behind fd (taken) becomes the innermost level. */
static av_errc
enter(files *w, int fd, role r, size_t folder_depth, size_t path_bytes, av_error *err)
{
    level *l = &w->levels[w->depth];
    av_errc rc;

    *l = (level){ .fd = fd, .role = r, .folder_depth = folder_depth, .path_bytes = path_bytes };
    rc = av_source_names_list(fd, w->options.max_folder_entries, &l->names, err);
    if (rc != AV_OK)
        release_level(l);
    else
        w->depth++;
    return rc;
}

static void
leave(files *w)
{
    level *l = &w->levels[--w->depth];

    av_source_folder_cut(&w->folder, l->folder_depth);
    w->path.n = l->path_bytes;
    release_level(l);
}

static const char *
shown_path(files *w)
{
    av_buf_clear(&w->shown);
    av_source_show(av_buf_cstr(&w->path), &w->shown);
    return av_buf_cstr(&w->shown);
}

static void
fill_item(files *w, int64_t received_unix_s, av_source_item *ret)
{
    *ret = (av_source_item){ .path = shown_path(w),
        .folder = (const char *const *)w->folder.names,
        .folder_depth = w->folder.depth,
        .received_unix_s = received_unix_s };
}

static void refuse(files *w, av_source_item *ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
refuse(files *w, av_source_item *ret, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    av_buf_clear(&w->reason);
    (void)av_buf_puts(&w->reason, text);
    av_file_close(&w->fd);
    w->left = 0;
    fill_item(w, 0, ret);
    ret->refused = av_buf_cstr(&w->reason);
}

/* The header fields at the beginning of what was looked at. */
static av_span
header_part(av_span beginning)
{
    for (size_t i = 0; i + 1 < beginning.n; i++)
        if (beginning.p[i] == '\n' && (beginning.p[i + 1] == '\n' || beginning.p[i + 1] == '\r'))
            return av_span_slice(beginning, 0, i + 1);
    return beginning;
}

/*
 * A file of no bytes that says it is a message is archived as what it is: whoever removes the source afterwards loses
 * nothing, and finds in the archive that there was nothing. Other empty files are refused.
 */
static void
offer_empty(files *w, const char *name, const struct stat *st, role r, av_source_item *ret)
{
    if (r != MAILDIR_MESSAGES && !av_source_has_extension(name, ".eml")) {
        refuse(w, ret, "the file is empty");
        return;
    }
    fill_item(w, st->st_mtime, ret);
    if (r == MAILDIR_MESSAGES)
        ret->flags = av_source_maildir_flags(name);
    ret->note = "the file is empty";
    w->at = w->left = 0;
}

/* The open file is one message, if it looks like one. name: its own, without folders. */
static void
offer_message(files *w, const char *name, const struct stat *st, role r, av_source_item *ret)
{
    uint64_t size = (uint64_t)st->st_size;
    int64_t received = st->st_mtime;
    av_span beginning, line;
    size_t got = 0;
    av_error err;

    if (size == 0) {
        offer_empty(w, name, st, r, ret);
        return;
    }
    if (size > w->options.max_message_bytes) {
        refuse(w, ret, "larger than %llu bytes, the largest message that is taken",
            (unsigned long long)w->options.max_message_bytes);
        return;
    }
    if (av_file_read_some(w->fd, w->look, LOOK_BYTES, 0, &got, &err) != AV_OK) {
        refuse(w, ret, "it can not be read: %s", err.msg);
        return;
    }
    beginning = av_span_of(w->look, got);
    if (!av_source_is_mail(beginning)) {
        refuse(w, ret, "not a mail: it has no header");
        return;
    }
    line = av_span_trim(av_span_slice(beginning, 0, av_span_find(beginning, '\n')));
    if (line.n > 5 && memcmp(line.p, "From ", 5) == 0)
        (void)av_mbox_line_date(line, &received);
    if (r == MAILDIR_MESSAGES)
        (void)av_source_maildir_time(name, &received);
    fill_item(w, received, ret);
    ret->flags = av_source_header_flags(header_part(beginning));
    if (r == MAILDIR_MESSAGES)
        ret->flags = av_source_maildir_flags(name);
    ret->size_bytes = w->left = size;
    w->at = 0;
}

/* A mailbox file: its messages come from a walk of its own, in a folder of its own. */
static void
start_mailbox(files *w, const char *name, const struct stat *st)
{
    size_t n = strlen(name), before = w->folder.depth;

    if (av_source_has_extension(name, ".mbox"))
        n -= strlen(".mbox");
    else if (av_source_has_extension(name, ".mbx"))
        n -= strlen(".mbx");
    (void)av_source_folder_push(&w->folder, av_span_of(name, n)); /* too deep: into the folder it lies in */
    w->inner = av_source_mbox_new(w->fd, av_buf_cstr(&w->path), &w->folder, st->st_mtime, &w->options);
    av_source_folder_cut(&w->folder, before);
    w->fd = -1;
}

static bool
is_mailbox_name(const char *name)
{
    return av_source_has_extension(name, ".mbox") || av_source_has_extension(name, ".mbx");
}

/* The entry is an open regular file: an item, or the beginning of a mailbox file (then ret_item stays untouched). */
static bool
take_file(files *w, const char *name, const struct stat *st, role r, av_source_item *ret)
{
    bool mailbox_kind = w->options.kind == AV_SOURCE_MBOX;
    const char *what = av_source_no_mail_by_name(name);

    if (what != NULL && r == PLAIN && !mailbox_kind) {
        refuse(w, ret, "not a mail: %s", what);
        return true;
    }
    if (r == PLAIN && w->options.kind != AV_SOURCE_EML &&
        (mailbox_kind || ((is_mailbox_name(name) || av_source_mbox_seen(w->fd)) && st->st_size > 0))) {
        start_mailbox(w, name, st);
        return false;
    }
    offer_message(w, name, st, r, ret);
    return true;
}

/* Names for the archive of a folder that is entered. false: too deep. */
static bool
push_folder(files *w, const char *name, role outer, role inner)
{
    size_t n = strlen(name);

    if (inner == MAILDIR_MESSAGES) /* cur and new are the folder itself; that of a whole Maildir is the inbox */
        return w->folder.depth > 0 || av_source_folder_push(&w->folder, av_span_str("INBOX"));
    if (outer == MAILDIR && name[0] == '.')
        return av_source_maildir_push(&w->folder, name);
    if (av_source_has_extension(name, ".sbd"))
        n -= strlen(".sbd");
    return av_source_folder_push(&w->folder, av_span_of(name, n));
}

/* A folder among the entries. true: ret is set (it is refused); false: it was entered, or is none of ours. */
static bool
take_folder(files *w, const char *name, int fd, size_t path_bytes, av_source_item *ret)
{
    role outer = w->levels[w->depth - 1].role, inner = is_maildir(fd) ? MAILDIR : PLAIN;
    size_t folder_depth = w->folder.depth;
    av_error err;

    if (outer == MAILDIR && (strcmp(name, "cur") == 0 || strcmp(name, "new") == 0)) {
        inner = MAILDIR_MESSAGES;
    } else if (outer == MAILDIR && inner != MAILDIR) {
        (void)close(fd);
        return false;
    }
    if (w->depth == AV_COUNT(w->levels) || !push_folder(w, name, outer, inner)) {
        (void)close(fd);
        refuse(w, ret, "folders are nested deeper than %d levels", AV_SOURCE_DEPTH_MAX);
        av_source_folder_cut(&w->folder, folder_depth);
        return true;
    }
    if (enter(w, fd, inner, folder_depth, path_bytes, &err) != AV_OK) {
        refuse(w, ret, "the folder can not be read: %s", err.msg);
        av_source_folder_cut(&w->folder, folder_depth);
        return true;
    }
    return false;
}

/* Names that are not looked at: hidden ones, and what a Maildir holds beside its folders. */
static bool
is_skipped(const level *l, const char *name)
{
    return l->role == MAILDIR ? !is_folder_at(l->fd, name) || strcmp(name, "tmp") == 0 : name[0] == '.';
}

/* The open entry: a folder is entered, a file becomes an item or an inner walk. true: ret is set. */
static bool
take_open(files *w, const char *name, int fd, size_t path_bytes, av_source_item *ret)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))) {
        (void)close(fd);
        refuse(w, ret, "neither a file nor a folder");
        return true;
    }
    if (S_ISDIR(st.st_mode))
        return take_folder(w, name, fd, path_bytes, ret);
    w->fd = fd;
    return take_file(w, name, &st, w->levels[w->depth - 1].role, ret);
}

/* The next name of the innermost level. true: ret is set. */
static bool
take_entry(files *w, av_source_item *ret)
{
    level *l = &w->levels[w->depth - 1];
    const char *name = l->names.list[l->at++];
    size_t path_bytes = w->path.n, depth = w->depth;
    bool set;
    int fd;

    if (is_skipped(l, name))
        return false;
    if (!av_buf_printf(&w->path, "%s%s", av_span_eq_str(av_buf_span(&w->path), "/") ? "" : "/", name)) {
        w->path.full = false; /* the folder's own path is still in it */
        refuse(w, ret, "the path of a file in this folder is longer than %d bytes", PATH_MAX);
        return true;
    }
    fd = openat(l->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        set = take_open(w, name, fd, path_bytes, ret);
    } else {
        char text[128];
        int why = errno;

        refuse(w, ret, why == ELOOP ? "a symbolic link, which is not followed" : "it can not be read: %s",
            strerror_r(why, text, sizeof text));
        set = true;
    }
    if (w->depth == depth) /* else the path goes on from here */
        w->path.n = path_bytes;
    return set;
}

/* The one file that was given. */
static bool
take_single(files *w, av_source_item *ret)
{
    AV_CLEANUP(av_free) char *path = AV_TAKE(w->single);
    const char *slash = strrchr(path, '/');
    struct stat st;
    av_error err;

    if (av_file_open(path, O_RDONLY | O_NONBLOCK, 0, &w->fd, &err) != AV_OK) {
        refuse(w, ret, "it can not be read: %s", err.msg);
        return true;
    }
    if (fstat(w->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        refuse(w, ret, "neither a file nor a folder");
        return true;
    }
    return take_file(w, slash == NULL ? path : slash + 1, &st, PLAIN, ret);
}

static av_errc
files_next(av_source_walk *walk, av_source_item *ret_item, bool *ret_more, uint64_t *ret_bytes, av_error *err)
{
    files *w = AV_CONTAINER(walk, files, walk);

    av_file_close(&w->fd);
    w->left = 0;
    *ret_bytes = 0;
    for (*ret_more = true;;) {
        bool set = false;

        if (w->inner != NULL) {
            av_errc rc = w->inner->class->next(w->inner, ret_item, ret_more, ret_bytes, err);

            if (rc != AV_OK || *ret_more)
                return rc;
            w->inner->class->destroy(w->inner);
            w->inner = NULL;
            *ret_more = true;
        } else if (w->single != NULL) {
            set = take_single(w, ret_item);
        } else if (w->depth == 0) {
            *ret_more = false;
            return AV_OK;
        } else if (w->levels[w->depth - 1].at == w->levels[w->depth - 1].names.count) {
            leave(w);
        } else {
            set = take_entry(w, ret_item);
        }
        if (set) {
            *ret_bytes = ret_item->size_bytes;
            return AV_OK;
        }
    }
}

static av_errc
files_read(av_source_walk *walk, void *p, size_t n, size_t *ret_n, av_error *err)
{
    files *w = AV_CONTAINER(walk, files, walk);
    size_t want = (size_t)AV_MIN((uint64_t)n, w->left), got = 0;
    av_errc rc;

    if (w->inner != NULL)
        return w->inner->class->read(w->inner, p, n, ret_n, err);
    if (want > 0) {
        rc = av_file_read_some(w->fd, p, want, w->at, &got, err);
        if (rc == AV_OK && got < want)
            rc = av_error_set(err, AV_ERR_IO, "the file became shorter while it was read");
        if (rc != AV_OK)
            return av_error_prefix(err, "%s", av_buf_cstr(&w->shown));
    }
    w->at += got;
    w->left -= got;
    *ret_n = got;
    return AV_OK;
}

static void
files_destroy(av_source_walk *walk)
{
    files *w = AV_CONTAINER(walk, files, walk);

    if (w->inner != NULL)
        w->inner->class->destroy(w->inner);
    while (w->depth > 0)
        leave(w);
    av_source_folder_cut(&w->folder, 0);
    av_file_close(&w->fd);
    av_buf_release(&w->path);
    av_buf_release(&w->shown);
    av_buf_release(&w->reason);
    free(w->single);
    free(w->look);
    free(w);
}

static const av_source_class files_class = { files_next, files_read, files_destroy };

/* The folder's own name, whatever way it was written ("." too); the root of the system has none. */
static void
push_own_name(files *w, const char *path)
{
    AV_CLEANUP(av_free) char *real = realpath(path, NULL);
    const char *slash = real == NULL ? NULL : strrchr(real, '/');

    if (slash != NULL && slash[1] != '\0')
        (void)av_source_folder_push(&w->folder, av_span_str(slash + 1));
}

av_errc
av_source_files_new(
    const char *path, bool dir, bool as_maildir, const av_source_options *options, av_source_walk **ret, av_error *err)
{
    files *w = av_xcalloc(1, sizeof *w);
    int fd = -1;
    av_errc rc = AV_OK;

    w->walk.class = &files_class;
    w->options = *options;
    w->fd = -1;
    w->look = av_xalloc(LOOK_BYTES);
    av_buf_init(&w->path, PATH_MAX);
    av_buf_init(&w->shown, (size_t)PATH_MAX * 3);
    av_buf_init(&w->reason, 1024);
    (void)av_buf_puts(&w->path, path);
    while (dir && w->path.n > 1 && w->path.p[w->path.n - 1] == '/')
        w->path.n--;
    if (!dir) {
        w->single = av_xstrdup(path);
    } else {
        rc = av_file_open(path, O_RDONLY | O_DIRECTORY, 0, &fd, err);
        if (rc == AV_OK && !as_maildir)
            push_own_name(w, path);
        if (rc == AV_OK)
            rc = enter(w, fd, as_maildir ? MAILDIR : PLAIN, 0, 0, err);
    }
    if (rc != AV_OK) {
        files_destroy(&w->walk);
        return av_error_prefix(err, "%s", path);
    }
    *ret = &w->walk;
    return AV_OK;
}
