/*
 * changes.h - which mailboxes have changed lately: a number for each committed group, and the mailboxes of the last ones
 *
 * The writer notes, any thread asks. Bounded: of mailboxes that changed long ago it is known only that any may have.
 */
#ifndef AV_INSTANCE_CHANGES_H
#define AV_INSTANCE_CHANGES_H

#include "base/span.h"

#define AV_CHANGES_GUID 16
#define AV_CHANGES_MOST 256 /* mailboxes remembered */

typedef struct av_changes av_changes;

av_changes *av_changes_new(void);
void av_changes_destroy(av_changes **self);

/* Writer: a mailbox changes in the open group. */
void av_changes_note(av_changes *self, const uint8_t guid[AV_CHANGES_GUID]);
/* Writer: the group is over. wake (below) is called when anything was noted. */
void av_changes_commit(av_changes *self);
void av_changes_rollback(av_changes *self);
/* Writer: any mailbox may have changed, outside a group. */
void av_changes_all(av_changes *self);
/* In the writer's thread, behind each change; before the writer starts. */
void av_changes_set_wake(av_changes *self, void (*wake)(void *ctx), void *ctx);

/* Of the last change; 0: none so far. */
uint64_t av_changes_number(av_changes *self);
/*
 * GUIDs of the mailboxes that changed behind this number, at most AV_CHANGES_MOST, and the number up to which they do.
 * false: any mailbox may have changed.
 */
bool av_changes_since(
    av_changes *self, uint64_t number, uint8_t (*ret)[AV_CHANGES_GUID], size_t *ret_n, uint64_t *ret_number);

#endif
