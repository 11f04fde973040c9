/*
 * summary_row.h - what the catalog keeps beside a message: the fields lists, searches and IMAP answer from without
 * opening the message (decisions.md 28)
 *
 * Pure, but for av_summary_row_of_stored. The row is the thread key (storage/mime/thread.h), then TLV
 * (storage/container/tlv.h).
 */
#ifndef AV_INSTANCE_SUMMARY_ROW_H
#define AV_INSTANCE_SUMMARY_ROW_H

#include "storage/meta/catalog.h"
#include "storage/mime/summary.h"

/* Structure is looked for in messages up to this size; a larger one is shown as one part that is its whole body. */
#define AV_SCAN_MAX        (64ULL * 1024 * 1024)
#define AV_SUMMARY_ROW_MAX (1024U * 1024)

typedef struct av_summary {
    av_span from, to, cc, bcc, subject; /* decoded */
    av_span attachments;                /* file names, one a line */
    av_span preview, envelope, bodystructure;
    bool has_date, has_attachment;
    bool cut;    /* a search has to look at the message: a text was longer than what is kept, or has other words */
    bool opaque; /* too large: structure was not looked for */
    bool has_ids;
    av_span ids; /* when has_ids: av_thread_ids of it (storage/mime/thread.h) */
    uint8_t thread[AV_THREAD_KEY_SIZE];
    int64_t date_unix_s;
    int32_t date_zone_minutes;
} av_summary;

/* Appends to out. AV_ERR_LIMIT when out is full. */
av_errc av_summary_row_encode(const av_summary *self, av_buf *out, av_error *err);
/* ret borrows from row. */
av_errc av_summary_row_decode(av_span row, av_summary *ret, av_error *err);

/* The tools of one thread to make rows with; zeroed is a valid state before init. */
typedef struct av_summarizer {
    av_mime mime;
    av_mime_summary summary;
} av_summarizer;
void av_summarizer_init(av_summarizer *self);
void av_summarizer_release(av_summarizer *self);
/*
 * Row of a message. head: its bytes, or the first AV_SCAN_MAX of a larger one. ret_date_unix_s: the Date header, when
 * *ret_has_date; size and crlf_size: of the whole message.
 */
av_errc av_summarizer_row(av_summarizer *self, av_span head, uint64_t size, uint64_t crlf_size, av_buf *out,
    bool *ret_has_date, int64_t *ret_date_unix_s, av_error *err);

/* av_catalog_summary_fn: the row of a message that stands in the log. A message that cannot be read gets none. */
av_errc av_summary_row_of_stored(
    void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, av_error *err);

#endif
