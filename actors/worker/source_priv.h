/*
 * source_priv.h - what the files of the sources share: a walk over one path, names of folders, what a mail looks like
 */
#ifndef AV_ACTORS_WORKER_SOURCE_PRIV_H
#define AV_ACTORS_WORKER_SOURCE_PRIV_H

#include "actors/worker/source.h"
#include "base/buf.h"

/* One path being walked; each kind of source begins its struct with this. */
typedef struct av_source_walk av_source_walk;

typedef struct av_source_class {
    /* As av_source_next, but for item.number; ret_bytes gets the bytes of files passed since the last call. */
    av_errc (*next)(av_source_walk *self, av_source_item *ret_item, bool *ret_more, uint64_t *ret_bytes, av_error *err);
    av_errc (*read)(av_source_walk *self, void *p, size_t n, size_t *ret_n, av_error *err);
    void (*destroy)(av_source_walk *self);
} av_source_class;

struct av_source_walk {
    const av_source_class *class;
};

/* Folder names from the archive's root down. */
typedef struct av_source_folder {
    char *names[AV_SOURCE_DEPTH_MAX];
    size_t depth;
} av_source_folder;

/*
 * Put one more name at the end, made fit for an archive: valid UTF-8 (other bytes are read as Latin-1), NFC, "/" as
 * U+2215, control characters as "_", at most AV_SOURCE_NAME_MAX bytes, never empty. false: too deep.
 */
bool av_source_folder_push(av_source_folder *self, av_span raw);
/* Drop names until depth are left. */
void av_source_folder_cut(av_source_folder *self, size_t depth);
void av_source_folder_copy(const av_source_folder *self, av_source_folder *ret);

/* A path for people: valid UTF-8 without control characters, onto out. */
void av_source_show(const char *raw, av_buf *out);
/* name ends in ext (".mbox"), letter case ignored, and is longer. */
bool av_source_has_extension(const char *name, const char *ext);

/* The names in a folder but "." and "..", by byte order. */
typedef struct av_source_names {
    char **list;
    size_t count;
} av_source_names;

/* ret was zeroed; also after a failure it is to be released. AV_ERR_LIMIT: more than max names; AV_ERR_IO. */
av_errc av_source_names_list(int fd, size_t max, av_source_names *ret, av_error *err);
void av_source_names_release(av_source_names *self);
/* By its suffix the file is no mail: what it is ("a picture"); else NULL. */
const char *av_source_no_mail_by_name(const char *name);

/*
 * The beginning of a message has a header: its first line (behind a From_ line and a byte order mark) is a field, or
 * one of the first lines up to an empty one is a field every mail has.
 */
bool av_source_is_mail(av_span beginning);

/* Flags in the header fields mail programs write into mailbox files: X-Mozilla-Status, Status, X-Status. */
uint32_t av_source_header_flags(av_span header);

/* source_mbox.c. fd is taken; path and folder are copied. */
av_source_walk *av_source_mbox_new(
    int fd, const char *path, const av_source_folder *folder, int64_t mtime_unix_s, const av_source_options *options);
/* The file begins with a dated separator and has another with a header behind it: several messages, not one. */
bool av_source_mbox_seen(int fd);

/* source_files.c. dir: path is a folder (as_maildir: to be taken as a Maildir), else it is one message file. */
av_errc av_source_files_new(
    const char *path, bool dir, bool as_maildir, const av_source_options *options, av_source_walk **ret, av_error *err);

/* source_maildir.c: pure rules of Maildir names. */
uint32_t av_source_maildir_flags(const char *name);
/* Delivery time in front of the first dot; false when there is none. */
bool av_source_maildir_time(const char *name, int64_t *ret_unix_s);
/* ".Archive.2003" onto folder, each part decoded from modified UTF-7 where it is that. false: too deep. */
bool av_source_maildir_push(av_source_folder *folder, const char *name);

#endif
