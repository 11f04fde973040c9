/*
 * archive_priv.h - what archive.c and archive_care.c share
 */
#ifndef AV_TOOLS_BENCH_ARCHIVE_PRIV_H
#define AV_TOOLS_BENCH_ARCHIVE_PRIV_H

#include "storage/meta/views.h"
#include "storage/mime/summary.h"
#include "tools/bench/store/bench.h"

struct bench_archive {
    av_store_keys *keys;
    av_store *store;
    av_store_view *view;
    av_catalog *catalog;
    uint32_t store_no;
    bool in_group;
    av_mime mime;
    av_mime_summary summary;
    av_buf row;
    uint32_t *next_uid; /* by mailbox number, 0: not made yet */
    uint32_t mailboxes;
    uint64_t modseq;
};

void bench_guid_of(uint32_t mailbox, uint8_t ret[AV_GUID_SIZE]);
/* Begin a group when none is open, and the placement event of a message for this mailbox, which is made when missing. */
void bench_begin(bench_archive *self, uint32_t mailbox, av_event *ret);
/* Put the event; its digest, content and sizes and self->row are set. */
void bench_place(bench_archive *self, uint32_t mailbox, av_event *event);
/* The row of a message, of which these are the first bytes, in self->row. */
void bench_make_row(bench_archive *self, av_span message);
/* The same for av_catalog_catch_up; ctx: a bench_archive. */
av_errc bench_row_of_stored(
    void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, av_error *err);

#endif
