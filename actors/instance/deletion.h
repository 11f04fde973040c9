/*
 * deletion.h - removing messages from mailboxes, bringing them back, and destroying them for good, by their ids
 *
 *   delete    the placements go; keys and bytes stay, and the message can be restored
 *   restore   placements again, with new UIDs
 *   erase     of a message that stands nowhere and is not held: erase.h
 *
 * In the shape of ask.h, run by av_ask_do: each commits what it does. On the writer between groups unless said otherwise.
 */
#ifndef AV_INSTANCE_DELETION_H
#define AV_INSTANCE_DELETION_H

#include "actors/instance/ask.h"
#include "proto/stores.pb-c.h"

av_errc av_deletion_ask_delete(av_ask *ask, av_error *err);
av_errc av_deletion_ask_list(av_ask *ask, av_error *err); /* on a reader */
av_errc av_deletion_ask_restore(av_ask *ask, av_error *err);
av_errc av_deletion_ask_erase(av_ask *ask, av_error *err);      /* EraseMessage */
av_errc av_deletion_ask_erase_many(av_ask *ask, av_error *err); /* EraseMessages */

#endif
