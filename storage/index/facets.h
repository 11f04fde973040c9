/*
 * facets.h - what a set of documents has most of: senders, years, kinds of attachments
 */
#ifndef AV_STORAGE_INDEX_FACETS_H
#define AV_STORAGE_INDEX_FACETS_H

#include "storage/index/index.h"

enum { AV_FACETS_TOP = 20 };

typedef enum av_facet_kind { AV_FACET_SENDER, AV_FACET_YEAR, AV_FACET_ATTACHMENT, AV_FACET_KINDS } av_facet_kind;

typedef struct av_facets av_facets;

av_facets *av_facets_new(void);
void av_facets_destroy(av_facets **self);
/* Count the documents of a view. Adds up over calls. Memory: an entry for each different sender, of AV_FACET_SENDERS_MAX at
 * most; further ones are not counted. */
enum { AV_FACET_SENDERS_MAX = 200000 };
av_errc av_facets_add(av_facets *self, const av_index_view *view, const roaring_bitmap_t *docs, av_error *err);
/* The AV_FACETS_TOP most frequent of a kind, most frequent first, to `each`. */
void av_facets_top(const av_facets *self, av_facet_kind kind,
    void (*each)(void *ctx, av_facet_kind kind, av_span value, uint64_t count), void *ctx);

#endif
