/*
 * doc_sets.h - the documents that stand in a mailbox, kept between searches (reach.h is who asks)
 *
 * A set is brought up to date from the catalog: new UIDs are added; when something left the mailbox it is made anew. What
 * says that something left is the count: those known and those added must be as many as the mailbox has. The numbering of
 * an index (its epoch) may change: the mailbox is read anew then.
 */
#ifndef AV_INSTANCE_DOC_SETS_H
#define AV_INSTANCE_DOC_SETS_H

#include "actors/instance/reach.h"

/* One at a time: from lock to unlock, catalog and index views are taken and looked up together. */
void av_doc_sets_lock(av_doc_sets *self);
void av_doc_sets_unlock(av_doc_sets *self);
/*
 * Locked: add what stands in mailbox number m of reach->mailboxes to the documents of the stores, and what has no document
 * to reach->unindexed.
 */
av_errc av_doc_sets_add(av_doc_sets *self, av_reach *reach, size_t m, av_error *err);
/* The same, with the places of each store (reach.h), whose memory is from then on the reach's. Of one mailbox a reach. */
av_errc av_doc_sets_places(av_doc_sets *self, av_reach *reach, size_t m, av_error *err);

/* reach.c: the slot of a store, opened when it is asked for first. Always one. */
size_t av_reach_slot(av_reach *self, uint32_t no);

#endif
