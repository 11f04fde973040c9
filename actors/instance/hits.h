/*
 * hits.h - the first messages of an answer, in an order, out of any number
 *
 * The order is total: by what was asked for, then by the Date header newest first, then by place in the logs; so a page can
 * begin behind any row, however many messages came since.
 */
#ifndef AV_INSTANCE_HITS_H
#define AV_INSTANCE_HITS_H

#include "base/buf.h"
#include "base/error.h"

typedef enum av_order {
    AV_ORDER_NEWEST,
    AV_ORDER_OLDEST,
    AV_ORDER_LARGEST,
    AV_ORDER_SMALLEST,
    AV_ORDER_FROM,   /* address of the first sender, byte order of its folded form */
    AV_ORDER_SUBJECT /* base subject, folded */
} av_order;

typedef struct av_hit {
    char *text;          /* FROM, SUBJECT: owned; else NULL */
    int64_t date_unix_s; /* Date header, the received date where there is none */
    uint64_t size;
    uint64_t lsn;
    uint32_t store;   /* in the catalog */
    size_t candidate; /* the place that matched, or SIZE_MAX: any will do */
} av_hit;

/* The `wanted` first of those that are kept, behind `after`. */
typedef struct av_hits {
    av_order order;
    size_t wanted;
    bool has_after;
    av_hit after; /* borrowed text */
    av_hit *heap; /* the last of them on top */
    size_t n, cap;
} av_hits;

void av_hits_init(av_hits *self, av_order order, size_t wanted, const av_hit *after);
void av_hits_release(av_hits *self);
/* a stands before b. */
bool av_hit_is_before(av_order order, const av_hit *a, const av_hit *b);
/* Would it be kept now? For who has to pay for its text. */
bool av_hits_want(const av_hits *self, const av_hit *hit);
/* Takes hit's text. */
void av_hits_keep(av_hits *self, av_hit hit);
/* Takes all of the other's. */
void av_hits_take(av_hits *self, av_hits *other);
/* First to last. Nothing is kept after it. */
void av_hits_sort(av_hits *self);

/* A row as the text that a caller gives to go on behind it; owned by the caller (free). */
char *av_hit_cursor(av_order order, const av_hit *hit);
/* text: what it points to, kept by the caller. AV_ERR_INVALID: not a cursor of this order. */
av_errc av_hit_of_cursor(av_order order, av_span cursor, av_buf *text, av_hit *ret, av_error *err);

#endif
