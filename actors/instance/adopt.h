/*
 * adopt.h - taking over the messages of a store that another instance wrote
 *
 * Every placement of the other instance that stands gets one of ours: mailboxes by path, UIDs behind those that are there,
 * dates, flags and keywords as they were, in the attached store's own log. The other's placement is then removed there,
 * so that deleting ours is deleting the message. What this instance wrote itself keeps its UIDs: the catalog has it from
 * the log.
 *
 * In slices, each a group of its own; a slice done stays done, and a walk that begins anew passes it over.
 */
#ifndef AV_INSTANCE_ADOPT_H
#define AV_INSTANCE_ADOPT_H

#include "actors/instance/archive.h"

typedef struct av_adoption av_adoption;

av_adoption *av_adoption_new(av_archive *archive, uint32_t store_id);
void av_adoption_destroy(av_adoption **self);
/* Writer, between groups: the next slice. */
av_errc av_adoption_step(av_adoption *self, bool *ret_done, av_error *err);
/* Bytes of the log that were gone through, and that there are, both walks together. */
void av_adoption_progress(const av_adoption *self, uint64_t *ret_done, uint64_t *ret_total);
/* Placements taken over by this walk. */
uint64_t av_adoption_count(const av_adoption *self);

/* In accounts' words: the reason of a removal that is an adoption, which is no deletion. */
#define AV_ADOPTED_REASON "adopted by another instance"

#endif
