/*
 * fetch_priv.h - a FETCH in work: rows of the bus to lines of IMAP (cmd_fetch.c, fetch_request.c, fetch_row.c)
 */
#ifndef AV_GATEWAY_IMAP_FETCH_PRIV_H
#define AV_GATEWAY_IMAP_FETCH_PRIV_H

#include "actors/bus/rows.h"
#include "gateway/imap/fetch_items.h"
#include "gateway/imap/session_priv.h"

#define AV_IMAP_PARTS_MAX (AV_IMAP_SECTIONS_MAX + 4) /* envelope, body, bodystructure, preview */

#define AV_IMAP_DATE_SIZE 80

typedef struct av_imap_fetch_part {
    Archivolt__FetchItem item;
    uint32_t section;
    uint64_t length;
    bool nil, has_nul, unknown_encoding;
    uint64_t size; /* BINARY.SIZE */
} av_imap_fetch_part;

/* The row being written: what it announced, and where in it the raw bytes are. */
typedef struct av_imap_fetch_row {
    av_imap_session *session;
    const av_imap_fetch_items *items;
    bool with_uid; /* UID FETCH, or asked for */
    bool open;     /* something of the row has been written, its end has not */
    bool skipped;  /* not to be shown */
    const char *gap;
    av_imap_fetch_part parts[AV_IMAP_PARTS_MAX];
    size_t part_count, part;
    uint64_t part_left;    /* raw bytes of the current part still to come */
    uint64_t raw_left;     /* of the row */
    uint64_t unreadable;   /* rows that came with an error */
    char why[200];         /* the first of them */
    bool unknown_encoding; /* a part could not be decoded and was left out (RFC 3516, 4.3) */
} av_imap_fetch_row;

/* Handlers of av_rows_events; ctx is the av_imap_fetch_row. */
uint64_t av_imap_fetch_row_begin(void *ctx, const ProtobufCMessage *row, av_error *err);
void av_imap_fetch_row_bytes(void *ctx, av_span bytes, av_error *err);
void av_imap_fetch_row_end(void *ctx, av_error *err);

/* "17-Jul-1996 02:44:25 +0000", RFC 3501, 9 (date-time); ret holds AV_IMAP_DATE_SIZE bytes. false: beyond year 9999. */
bool av_imap_internaldate(int64_t unix_s, char *ret);

/* What a FETCH is asked to do, and how its command ends when all went well. */
typedef struct av_imap_fetch_spec {
    av_imap_fetch_items items;
    av_query_range *uids; /* as of av_imap_uids_resolve; or NULL */
    size_t uid_count;
    const char *code, *text; /* code may be NULL */
} av_imap_fetch_spec;

/* Go on with the command in work, which keeps nothing in `work`, and end it. Takes items and uids. */
void av_imap_fetch_start(av_imap_session *session, av_imap_fetch_spec *spec);

/* A request and what it points to; borrows guid and items. */
typedef struct av_imap_fetch_request {
    Archivolt__FetchRequest body;
    Archivolt__FetchItem items[13];
    Archivolt__FetchSection sections[AV_IMAP_SECTIONS_MAX], *section_list[AV_IMAP_SECTIONS_MAX];
    Archivolt__UidRange *ranges, **range_list;
} av_imap_fetch_request;

/* n is not 0. Released by _release; not to be copied. */
void av_imap_fetch_request_make(av_imap_fetch_request *self, const uint8_t guid[AV_IMAP_GUID_SIZE],
    const av_imap_fetch_items *items, const av_query_range *uids, size_t n);
void av_imap_fetch_request_release(av_imap_fetch_request *self);

#endif
