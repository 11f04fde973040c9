/*
 * intake_priv.h - an intake's state, shared by intake.c (the stream and the account) and intake_item.c (one message)
 */
#ifndef AV_INSTANCE_INTAKE_PRIV_H
#define AV_INSTANCE_INTAKE_PRIV_H

#include "actors/bus/rows.h"
#include "actors/instance/intake.h"
#include "actors/instance/summary_row.h"
#include "proto/worker.pb-c.h"
#include "storage/mime/crlf.h"

#define AV_INTAKE_SPOOL (8U * 1024 * 1024) /* longer messages go to the log while they arrive */
#define AV_INTAKE_LISTS (900U * 1024)      /* of one run event, which is at most 1 MB */
#define AV_INTAKE_TEXT  1024               /* bytes kept of an item's path and of a reason */

typedef enum av_item_mode {
    AV_ITEM_REFUSED, /* reason is set; its bytes, if any, are passed over */
    AV_ITEM_MEMORY,
    AV_ITEM_STREAM, /* put is open */
    AV_ITEM_KNOWN   /* the store has these bytes, says the worker; they are checked and not written again */
} av_item_mode;

typedef struct av_intake_one { /* the item that is coming in */
    av_item_mode mode;
    uint64_t number, length;
    char path[AV_INTAKE_TEXT + 1], reason[AV_INTAKE_TEXT + 1];
    av_buf mailbox; /* path in normal form */
    bool has_received, has_sha256;
    int64_t received_ms;
    uint8_t sha256[32];
    uint32_t flags;
    av_buf keywords; /* list of event.h */
    av_buf bytes;    /* MEMORY */
    av_store_put *put;
    const av_open_store *store; /* STREAM: where its segments are; held */
    av_sha256_stream *sha;
    av_crlf crlf;
    uint64_t crlf_size;
} av_intake_one;

struct av_intake {
    av_group_member member;
    av_archive *archive;
    av_group *group;
    uint8_t run[16];
    av_buf base; /* mailbox path of archive and folder */
    av_rows_reader *rows;
    av_run_state state;
    av_account seen, durable;
    av_buf refused_items, duplicate_items; /* since the last event */
    av_intake_one item;
    av_summarizer tools;
    av_buf summary;
    bool broken; /* something failed inside an item, so the group has parts of it */
};

/* intake_item.c: begin, bytes, end. What fails is the store's trouble; an item's own trouble is a refusal. */
av_errc av_intake_item_begin(av_intake *self, const Archivolt__IntakeItem *row, av_error *err);
av_errc av_intake_item_bytes(av_intake *self, av_span bytes, av_error *err);
av_errc av_intake_item_end(av_intake *self, av_error *err);
void av_intake_item_drop(av_intake *self);

/* intake.c: what became of the item. The group has been joined. */
av_errc av_intake_count_refused(av_intake *self, av_error *err);
av_errc av_intake_count_duplicate(av_intake *self, av_error *err);
void av_intake_count_stored(av_intake *self);

#endif
