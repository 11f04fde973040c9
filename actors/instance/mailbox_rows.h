/*
 * mailbox_rows.h - the messages a search within one mailbox found, one by one, with what sorting and threading ask of them
 *
 * What the index's columns and the places say costs no look at a database; a summary row (summary_row.h) is read when it is
 * asked for. A message whose row is missing or of an older make is read itself.
 */
#ifndef AV_INSTANCE_MAILBOX_ROWS_H
#define AV_INSTANCE_MAILBOX_ROWS_H

#include "actors/instance/mailbox_scan.h"

typedef struct av_mailbox_rows av_mailbox_rows;

typedef struct av_mailbox_row {
    uint32_t uid, store; /* store: in the catalog */
    uint64_t lsn;
    int64_t received_unix_s;
    uint64_t size; /* in the CRLF view */
    bool indexed;  /* then: */
    size_t run;
    uint32_t doc; /* in the run */
    const av_index_view *index;
} av_mailbox_row;

/* scan has ended and is borrowed. */
av_mailbox_rows *av_mailbox_rows_new(av_mailbox_scan *scan);
void av_mailbox_rows_destroy(av_mailbox_rows **self);
/*
 * fn is called for each message, those of an index first, else in no order; what it returns but AV_OK ends the walk. Blocks
 * on disk. AV_ERR_CANCELLED.
 */
av_errc av_mailbox_rows_each(av_mailbox_rows *self,
    av_errc (*fn)(void *ctx, av_mailbox_rows *rows, const av_mailbox_row *row, av_error *err), void *ctx,
    av_error *err);

/* Of a row in fn: the Date header as a moment, the received date where there is none. */
av_errc av_mailbox_rows_date(av_mailbox_rows *self, const av_mailbox_row *row, int64_t *ret_unix_s, av_error *err);
/* Its base subject (RFC 5256, 2.1), letter case folded, at most AV_SORT_KEY_MAX bytes; borrowed until the next call. */
av_errc av_mailbox_rows_subject(av_mailbox_rows *self, const av_mailbox_row *row, av_span *ret, av_error *err);
/* Its summary; borrowed until the next call. Empty when the message cannot be read. */
const av_summary *av_mailbox_rows_summary(av_mailbox_rows *self, const av_mailbox_row *row);

#endif
