/*
 * source.h - what a source of mail is: items in a fixed order, each with its bytes or a reason why not
 *
 * A source walks files; it knows no bus and no archive. The run that uses it is the same for every kind:
 *
 *   av_source_open(&options, paths, n, &src, err);
 *   av_source_skip(src, already_done, err);                 resume: the order is the same as long as the files are
 *   while ((rc = av_source_next(src, &item, &more, err)) == AV_OK && more)
 *       if (item.refused == NULL)
 *           while (av_source_read(src, chunk, sizeof chunk, &n, err) == AV_OK && n > 0) ...
 *
 * Every file that could be mail is an item, and bytes are never dropped silently: what is not delivered is an item that
 * says why. Order: paths as given, in a folder by byte order of the names, messages of a mailbox file as they stand.
 * Memory is bounded by the names in the folders on the way down plus a few buffers; never by a message or a file.
 * Blocks on disk. Not thread safe: one owner. Symbolic links below a given path are refused, never followed.
 */
#ifndef AV_ACTORS_WORKER_SOURCE_H
#define AV_ACTORS_WORKER_SOURCE_H

#include "base/error.h"
#include "base/span.h"

typedef enum av_source_kind {
    AV_SOURCE_GUESS = 0, /* by content, for each path: see av_source_guess() */
    AV_SOURCE_EML,       /* one file, one message */
    AV_SOURCE_TREE,    /* a folder of message files; each sub-folder a folder; mbox files and Maildirs in it are seen */
    AV_SOURCE_MAILDIR, /* Maildir or Maildir++ */
    AV_SOURCE_MBOX     /* a mailbox file */
} av_source_kind;

typedef enum av_mbox_kind {
    AV_MBOX_GUESS = 0, /* see mbox_split.h */
    AV_MBOX_O,         /* "From " in bodies is quoted as ">From " */
    AV_MBOX_RD,        /* ">*From " gets one more ">" */
    AV_MBOX_CL,        /* quoted as in mboxo, and Content-Length */
    AV_MBOX_CL2        /* not quoted, Content-Length alone tells the end */
} av_mbox_kind;

typedef struct av_source_options {
    av_source_kind kind;
    av_mbox_kind mbox;
    uint64_t max_message_bytes; /* 0: AV_SOURCE_MESSAGE_MAX; larger ones are refused */
    size_t max_folder_entries;  /* names in one folder; 0: AV_SOURCE_ENTRIES_MAX; with more it is refused */
} av_source_options;

#define AV_SOURCE_MESSAGE_MAX ((uint64_t)2 << 30)
enum { AV_SOURCE_ENTRIES_MAX = 4000000, AV_SOURCE_DEPTH_MAX = 32, AV_SOURCE_NAME_MAX = 255 };

/* Flag bits; the numbers are those of av_query_flag. */
typedef enum av_source_flag {
    AV_SOURCE_SEEN = 1 << 0,
    AV_SOURCE_ANSWERED = 1 << 1,
    AV_SOURCE_FLAGGED = 1 << 2,
    AV_SOURCE_DELETED = 1 << 3,
    AV_SOURCE_DRAFT = 1 << 4,
    AV_SOURCE_FORWARDED = 1 << 5 /* IMAP keyword $Forwarded */
} av_source_flag;

/* One item. Strings and lists belong to the source and hold until the next call of _next, _skip or _destroy. */
typedef struct av_source_item {
    uint64_t number;           /* place in the whole source, from 0 */
    const char *path;          /* for people: "dir/a.eml", "old.mbox, message 12"; valid UTF-8 */
    const char *const *folder; /* names from the archive's root down; valid UTF-8, NFC, no '/', no control characters */
    size_t folder_depth;       /* 0: the source knows none (a lone .eml file) */
    uint32_t flags;            /* av_source_flag bits */
    int64_t received_unix_s;   /* Maildir name, From_ line, else the file's mtime */
    uint64_t size_bytes;       /* exactly what av_source_read will give */
    const char *refused;       /* NULL, or the reason, a sentence: there are no bytes to read */
    const char *note;          /* NULL, or what a person should know of a delivered item: "the file ends inside it" */
} av_source_item;

typedef struct av_source av_source;

/*
 * Open paths. Only looks at what they are; the walk is in _next.
 *
 * paths  borrowed for the call; at least one
 * Returns AV_OK, AV_ERR_NOT_FOUND or AV_ERR_DENIED (a path is not there or not readable: named), AV_ERR_INVALID (it is
 * not what options.kind says, or nothing known), AV_ERR_IO.
 */
av_errc av_source_open(
    const av_source_options *options, const char *const *paths, size_t n, av_source **ret, av_error *err);
void av_source_destroy(av_source **self);

/*
 * The next item. ret_more false: the end, ret_item untouched.
 *
 * Returns AV_OK; AV_ERR_NOT_FOUND once for each folder or mailbox file of the paths in which not one message was found
 * (the sentence names it, how much was refused and the first reason): calling again goes on with the next path. A
 * folder or file that can not be read (on) is an item that says so.
 */
av_errc av_source_next(av_source *self, av_source_item *ret_item, bool *ret_more, av_error *err);

/*
 * Up to n bytes of the current item from where the last read stopped; ret_n 0 is its end. AV_ERR_IO when the file can
 * not be read or became shorter than item.size_bytes: the item failed as a whole.
 */
av_errc av_source_read(av_source *self, void *p, size_t n, size_t *ret_n, av_error *err);

/*
 * Go on behind the first n items of the source (fresh from open). They are walked over, not read, and paths without
 * mail are not told again. Fewer items: the next _next is the end.
 */
av_errc av_source_skip(av_source *self, uint64_t n, av_error *err);

/* Roughly how far: bytes of files finished and passed so far, for a progress bar. */
uint64_t av_source_bytes_done(const av_source *self);

/*
 * What is at path: a folder with cur/ and new/ is a Maildir, any other folder a tree; a file whose name ends in .mbox
 * or .mbx, or that begins with a dated separator (mbox_split.h) and has another dated one with a header behind it, is a
 * mailbox file; any other file is one message. So a lone message saved with its From_ line keeps that line, and prose
 * in a message that begins with "From " splits nothing. The same rule holds for the files in a tree.
 */
av_errc av_source_guess(const char *path, av_source_kind *ret, av_error *err);

#endif
