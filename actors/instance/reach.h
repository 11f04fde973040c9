/*
 * reach.h - what one search may see: the documents of each store's index that stand in mailboxes the user may read
 *
 * One frozen look: catalog, rights and the view of every index are taken together. A message that no index has yet is told
 * apart, by place: it has to be looked at itself. Stores that cannot be opened are among these, and looking at them says so.
 *
 * Which documents stand in a mailbox is not worked out for each search: the archive's av_doc_sets keep it, and bring it up
 * to date from the catalog.
 */
#ifndef AV_INSTANCE_REACH_H
#define AV_INSTANCE_REACH_H

#include <roaring/roaring.h>

#include "actors/instance/candidates.h"
#include "storage/index/index.h"

#define AV_DOC_SETS_BYTES ((size_t)16 << 20)

/* A place of a document, with what a search and a sort ask of places. */
typedef struct av_doc_place {
    uint32_t doc, uid;
    int64_t received_unix_s;
    uint64_t crlf_size;
    uint32_t flags;
} av_doc_place;

typedef struct av_reach_store {
    uint32_t no;               /* in the catalog */
    const av_open_store *open; /* NULL: it cannot be opened */
    av_index_view *index;      /* NULL: it has none */
    roaring_bitmap_t *docs;    /* that the user may read */
    av_doc_place *places;      /* av_reach_init_mailbox: the places of docs, most of them by UID */
    size_t place_n;
} av_reach_store;

typedef struct av_reach {
    av_archive *archive;
    av_look look;
    av_mailbox *mailboxes; /* those the user may read */
    size_t mailbox_count;
    av_reach_store *stores;
    size_t store_count;
    av_candidates unindexed;     /* rows alone: places of messages that no index has */
    roaring_bitmap_t **standing; /* [mailbox * store_slots + store]: documents in it; NULL when not asked for */
    size_t store_slots;
} av_reach;

/* ---- the sets of an archive: any thread ---- */

/* most_bytes: of all sets together; the longest unused are forgotten. */
av_doc_sets *av_doc_sets_new(size_t most_bytes);
void av_doc_sets_destroy(av_doc_sets **self); /* NULL and *NULL are no-ops */
/* Forget the longest unused until the others take at most so many bytes. */
void av_doc_sets_trim(av_doc_sets *self, size_t most_bytes);
/* Forget all: messages may have moved between stores. */
void av_doc_sets_clear(av_doc_sets *self);

/* ---- a search's look ---- */

/*
 * by_mailbox  keep the sets of each mailbox apart, too (folder conditions, counts by folder)
 * Blocks on disk: the first look at a mailbox reads its placements. AV_ERR_AUTH, AV_ERR_LIMIT (AV_CANDIDATES_MAX).
 */
av_errc av_reach_init(av_reach *self, av_archive *archive, const char *user, bool by_mailbox, av_error *err);
/* The same for one mailbox alone (mailboxes[0]), with the places of its documents. AV_ERR_NOT_FOUND. */
av_errc av_reach_init_mailbox(av_reach *self, av_archive *archive, const char *user, av_span guid, av_error *err);
void av_reach_release(av_reach *self);
/* Documents of store i in mailbox m; NULL: none, or not asked for. */
const roaring_bitmap_t *av_reach_standing(const av_reach *self, size_t mailbox, size_t store);
/* All places of a document that the user may read, appended to rows as candidates. AV_ERR_NOT_FOUND: there is none. */
av_errc av_reach_places(av_reach *self, size_t store, uint64_t lsn, av_candidates *rows, av_error *err);

#endif
