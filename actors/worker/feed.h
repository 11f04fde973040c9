/*
 * feed.h - a source as the bytes of an intake stream: rows of IntakeItem, each followed by its message
 *
 * Knows the source and the row format, no bus. Messages up to AV_FEED_WHOLE bytes are read before their row is written, so
 * that one that cannot be read becomes a refused item; a larger one that ends early breaks the feed (the run then resumes and
 * meets the file as it is by then). Memory: one such message and a chunk. Blocks on disk. One owner.
 */
#ifndef AV_ACTORS_WORKER_FEED_H
#define AV_ACTORS_WORKER_FEED_H

#include "actors/worker/source.h"
#include "base/buf.h"

#define AV_FEED_WHOLE (8U * 1024 * 1024)

typedef struct av_feed av_feed;

/* Takes the source over; first_item: number of the item that comes next (items of a run count from 1). */
av_feed *av_feed_new(av_source **source, uint64_t first_item);
void av_feed_destroy(av_feed **self);

/*
 * Bytes ready to be sent: at least one, or none at the end of the source. They stay valid until av_feed_take.
 * AV_ERR_NOT_FOUND: the source held no mail at all (the sentence says where); AV_ERR_IO: a large message ended early.
 */
av_errc av_feed_ready(av_feed *self, av_span *ret, av_error *err);
/* The first n bytes of what was ready have been sent. */
void av_feed_take(av_feed *self, size_t n);
uint64_t av_feed_items(const av_feed *self);   /* rows written so far */
const char *av_feed_path(const av_feed *self); /* where it is, for people */

#endif
