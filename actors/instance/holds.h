/*
 * holds.h - what must not be erased: everything, a mailbox, or one message, until the hold is lifted
 *
 * A hold stands in accounts from the moment it is answered, and as an event in every store, where erasing looks. A store
 * that was closed meanwhile gets its events before anything is erased in it; holds that came with an attached store are
 * taken into accounts.
 */
#ifndef AV_INSTANCE_HOLDS_H
#define AV_INSTANCE_HOLDS_H

#include "actors/instance/ask.h"
#include "proto/stores.pb-c.h"

av_errc av_holds_ask_set(av_ask *ask, av_error *err);
av_errc av_holds_ask_lift(av_ask *ask, av_error *err);
av_errc av_holds_ask_list(av_ask *ask, av_error *err); /* on a reader */

/* Writer, between groups: events for the holds this store does not have, and for those lifted. The store is held for
 * writing (av_stores_write). */
av_errc av_holds_follow(av_archive *self, const av_open_store *store, av_error *err);
/* The same for every store that can be written to; trouble is logged. */
void av_holds_follow_all(av_archive *self);

#endif
