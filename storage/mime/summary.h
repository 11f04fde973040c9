/*
 * summary.h - what an archive keeps beside a message: one call from bytes to attributes
 *
 * Everything is bounded by the ceilings below; longer texts are cut at a whole character.
 */
#ifndef AV_STORAGE_MIME_SUMMARY_H
#define AV_STORAGE_MIME_SUMMARY_H

#include "base/buf.h"
#include "storage/mime/address.h"
#include "storage/mime/scan.h"
#include "storage/mime/thread.h"

#define AV_SUMMARY_SUBJECT_MAX    1024 /* bytes of UTF-8 */
#define AV_SUMMARY_ADDRESSES_MAX  4096 /* each of from, to, cc, bcc */
#define AV_SUMMARY_MESSAGE_ID_MAX 998
#define AV_SUMMARY_REFERENCES_MAX 8192
#define AV_SUMMARY_PREVIEW_MAX    512 /* bytes; at most 200 characters (RFC 8970, 3.2: at most 256) */
#define AV_SUMMARY_NAMES_MAX      8192

typedef struct av_mime_summary {
    int64_t date_unix_s; /* header Date; 0 when it is absent or cannot be read */
    int date_zone_minutes;
    bool has_date;
    bool has_attachment;
    uint64_t size_bytes;      /* as it arrived */
    uint64_t crlf_size_bytes; /* RFC822.SIZE */
    av_buf from, to, cc, bcc; /* decoded display lines: `Name <a@b>, c@d` */
    av_buf subject;           /* decoded, on one line */
    av_buf message_id;        /* with its angle brackets; empty when absent */
    av_buf in_reply_to;       /* message ids parted by a blank */
    av_buf references;
    uint8_t thread[AV_THREAD_KEY_SIZE]; /* thread.h; zeros: no id names one */
    av_buf attachments;                 /* decoded file names, one a line (LF); nameless attachments are left out */
    av_buf preview;                     /* beginning of the text, white space runs as one blank */
    av_buf envelope;                    /* IMAP ENVELOPE, AV_IMAP_ENVELOPE_MAX */
    av_buf bodystructure;               /* IMAP BODYSTRUCTURE (extended), AV_IMAP_BODYSTRUCTURE_MAX */
    av_address_list scratch;
    av_buf work;
} av_mime_summary;

void av_mime_summary_init(av_mime_summary *self);
void av_mime_summary_release(av_mime_summary *self);
/* Fill self from a scanned message. Earlier contents are overwritten, memory is used again. Never fails. */
void av_mime_summary_of(const av_mime *mime, av_mime_summary *self);

#endif
