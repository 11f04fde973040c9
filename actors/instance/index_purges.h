/*
 * index_purges.h - words of erased messages leave the search indexes, also when the process dies in between
 *
 * An erasure notes the store in accounts first; the indexer then drops the words (AV_INDEX_PURGE); the note goes with the next
 * housekeeping. Searches find nothing of an erased message in the meantime: it stands in no mailbox.
 */
#ifndef AV_INSTANCE_INDEX_PURGES_H
#define AV_INSTANCE_INDEX_PURGES_H

#include "actors/instance/archive.h"

/* Writer, no group of accounts open, before the erasure. */
av_errc av_index_purge_note(av_archive *self, uint32_t store_id, av_error *err);
/* At the start: ask for what is noted. */
av_errc av_index_purges_resume(av_archive *self, av_error *err);
/* Writer, no group of accounts open: forget the notes of what is done. */
av_errc av_index_purges_settle(av_archive *self, av_error *err);

#endif
