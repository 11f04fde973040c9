/*
 * index_desk.h - between the indexer and everybody else: what is asked of it, and what it tells of each store's index
 *
 * The indexer works in a thread of its own, on stores that may be open or not; who asks does not wait for it. A request stands
 * until it is done (av_indexer.h says when) or taken back; what is told is of the last time the indexer looked. Any thread.
 * Nothing here outlives the process: what must is in the index itself, or in the store's row.
 */
#ifndef AV_INSTANCE_INDEX_DESK_H
#define AV_INSTANCE_INDEX_DESK_H

#include "base/error.h"
#include "base/util.h"

typedef struct av_index_desk av_index_desk;

enum {
    AV_INDEX_REBUILD = 1, /* begin anew, with the settings in force */
    AV_INDEX_PURGE = 2,   /* drop the words of erased messages */
    AV_INDEX_FLUSH = 4    /* everything to disk, once it is at the end of the log */
};

typedef struct av_index_news {
    unsigned tasks;              /* that are not done yet */
    bool at_end;                 /* of the log, since the last rebuild, when last looked at */
    uint64_t documents;          /* in the index */
    uint64_t unindexed;          /* messages it does not have yet */
    uint64_t unread_attachments; /* messages with one whose text could not be taken */
    char problem[200];           /* why the last step failed; empty: it did not */
} av_index_news;

av_index_desk *av_index_desk_new(void);
void av_index_desk_destroy(av_index_desk **self); /* NULL and *NULL are no-ops */
/* Who is to be woken when something is asked; NULL: nobody. */
void av_index_desk_set_wake(av_index_desk *self, void (*wake)(void *ctx), void *ctx);

void av_index_desk_ask(av_index_desk *self, uint32_t store, unsigned tasks);
/* Done, or taken back. */
void av_index_desk_end(av_index_desk *self, uint32_t store, unsigned tasks);
/* news->tasks is not looked at. */
void av_index_desk_tell(av_index_desk *self, uint32_t store, const av_index_news *news);
/* Only its problem; NULL: it has none any more. */
void av_index_desk_tell_problem(av_index_desk *self, uint32_t store, const char *problem);
/* false: nothing was asked or told of it. */
bool av_index_desk_look(av_index_desk *self, uint32_t store, av_index_news *ret);
/* Of all stores together; problem is one of them. ret_problems: how many have one. */
void av_index_desk_sum(av_index_desk *self, av_index_news *ret, uint64_t *ret_problems);
/* The store is gone. */
void av_index_desk_forget(av_index_desk *self, uint32_t store);

#endif
