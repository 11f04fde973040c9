/*
 * uses.h - the stores one reader has in use, with a frozen look at the attributes of each
 *
 * A walk over messages asks for the same store again and again: the last few stay in use until the walk ends. One
 * thread at a time.
 */
#ifndef AV_INSTANCE_USES_H
#define AV_INSTANCE_USES_H

#include "actors/instance/archive.h"

#define AV_USES_MAX 4

/*
 * Attributes in the order of LSNs. Who reads a mailbox asks for one message after the other, as they stand in the store:
 * going on to the next row costs a tenth of looking one up.
 */
typedef struct av_uses_walk {
    av_store_view_iter *it; /* NULL: none now */
    uint64_t lsn;           /* of row, where it stands */
    av_span row;
    uint64_t last;              /* asked for */
    unsigned forward, patience; /* requests that went forward; how many it takes to begin a walk */
} av_uses_walk;

typedef struct av_uses {
    av_archive *archive;
    struct {
        uint32_t no; /* as it was asked for */
        const av_open_store *open;
        av_meta_view *view; /* made with the first attributes */
        av_uses_walk walk;
    } v[AV_USES_MAX];
    size_t n;
} av_uses;

void av_uses_init(av_uses *self, av_archive *archive);
/* Lets all go. A zeroed one is fine; it may be used on. */
void av_uses_release(av_uses *self);
/* The store of a placement (its number in the catalog); borrowed until four others were asked for. AV_ERR_UNAVAILABLE. */
av_errc av_uses_store(av_uses *self, uint32_t no, av_store **ret, av_error *err);
/* Attributes of a message: replaces out's contents. AV_ERR_NOT_FOUND when there are none, AV_ERR_UNAVAILABLE. */
av_errc av_uses_attributes(av_uses *self, uint32_t no, uint64_t lsn, av_buf *out, av_error *err);

#endif
