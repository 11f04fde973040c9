/*
 * folders.h - mailboxes as a user sees them: ListMailboxes and SelectMailbox, as functions of ask.h
 *
 * On a reader. Only what the user may read; an unknown mailbox and a forbidden one are the same NOT_FOUND.
 */
#ifndef AV_INSTANCE_FOLDERS_H
#define AV_INSTANCE_FOLDERS_H

#include "actors/instance/ask.h"
#include "actors/instance/rights.h"
#include "proto/archive.pb-c.h"

av_errc av_folders_list(av_ask *ask, av_error *err);
av_errc av_folders_select(av_ask *ask, av_error *err);

/* One frozen look of a user at the archive; ends with av_look_release. */
typedef struct av_look {
    av_meta_view *catalog;
    av_rights *rights;
} av_look;
av_errc av_look_init(av_look *self, av_archive *archive, const char *user, av_error *err);
void av_look_release(av_look *self);
/* The mailbox, when the user may read it; else AV_ERR_NOT_FOUND. guid: 16 bytes, or NOT_FOUND. */
av_errc av_look_mailbox(av_look *self, av_span guid, av_mailbox *ret, av_error *err);

/* UIDs as ranges: add in ascending order; the list is that of a reply. */
void av_uid_ranges_add(Archivolt__UidRange ***ranges, size_t *n, uint32_t uid);

#endif
