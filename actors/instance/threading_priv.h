/*
 * threading_priv.h - the forest that threads are made of: nodes by number, each with its parent
 *
 * Numbers below in->n are the messages, those from there on dummies (ids that no message has, and what is put over two
 * threads of one subject).
 */
#ifndef AV_INSTANCE_THREADING_PRIV_H
#define AV_INSTANCE_THREADING_PRIV_H

#include "actors/instance/threading.h"

#define AV_NOBODY UINT32_MAX

typedef struct av_forest {
    const av_threading_input *in;
    uint32_t *parent; /* AV_NOBODY: a root */
    size_t count, cap;
    uint32_t
        *children; /* grouped: those of node i are children[first[i]] to children[first[i + 1]]; i = count: roots */
    uint32_t *first;
} av_forest;

void av_forest_init(av_forest *self, const av_threading_input *in);
void av_forest_release(av_forest *self);
/* A dummy. */
uint32_t av_forest_add(av_forest *self);
/* From parent to children and first. gone: count bytes, those that are not 0 are left out. */
void av_forest_group(av_forest *self, const uint8_t *gone);
/* Siblings by date (RFC 5256, 3: step 6). A dummy has a child. */
void av_forest_sort(av_forest *self);
av_errc av_forest_write(const av_forest *self, av_buf *out, av_error *err);

#endif
