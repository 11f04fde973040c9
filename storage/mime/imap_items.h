/*
 * imap_items.h - ready IMAP bytes of a message: ENVELOPE, BODYSTRUCTURE, BODY and body sections
 *
 * Pure: they are made once at intake, or from a message's bytes at a fetch; the gateway copies them. Output is always
 * legal IMAP: strings of plain ASCII are quoted, others literals ({n}CRLF bytes), NUL in a string is replaced by `?`.
 * Source: RFC 9051, 6.4.5, 6.4.5.1, 7.5.2 (the same bytes are right for RFC 3501).
 */
#ifndef AV_STORAGE_MIME_IMAP_ITEMS_H
#define AV_STORAGE_MIME_IMAP_ITEMS_H

#include "base/buf.h"
#include "storage/mime/scan.h"

#define AV_IMAP_ENVELOPE_MAX      (64 * 1024)  /* bytes of one envelope: strings and lists are cut to stay below */
#define AV_IMAP_BODYSTRUCTURE_MAX (512 * 1024) /* beyond it the message is shown as one application/octet-stream */
#define AV_IMAP_STRING_MAX        4096         /* bytes of one string in either */
#define AV_IMAP_ADDRESSES_MAX     256          /* addresses of one field in an envelope */

/* Append `(date subject from sender reply-to to cc bcc in-reply-to message-id)` of the message whose root is part i. */
bool av_imap_envelope(const av_mime *self, uint32_t i, av_buf *out);
/* Append the message's body structure in parentheses; extended: BODYSTRUCTURE, else BODY. false when out is full. */
bool av_imap_bodystructure(const av_mime *self, bool extended, av_buf *out);
/*
 * Append the BODY of a message out of its BODYSTRUCTURE. false: that is none (out then has anything behind what it had),
 * or out is full.
 */
bool av_imap_body_of(av_span bodystructure, av_buf *out);
/* Append s as a quoted string or literal. */
bool av_imap_string(av_span s, av_buf *out);
/* The same, NIL for an empty span. */
bool av_imap_nstring(av_span s, av_buf *out);

/* What stands between the brackets of BODY[...]. */
typedef enum av_imap_section_kind {
    AV_SECTION_ALL, /* nothing, or part numbers only */
    AV_SECTION_HEADER,
    AV_SECTION_HEADER_FIELDS,
    AV_SECTION_HEADER_FIELDS_NOT,
    AV_SECTION_TEXT,
    AV_SECTION_MIME
} av_imap_section_kind;

#define AV_SECTION_FIELDS_MAX 128

typedef struct av_imap_section {
    av_imap_section_kind kind;
    uint32_t path[AV_MIME_DEPTH_MAX];
    uint32_t path_count;
    av_span fields[AV_SECTION_FIELDS_MAX]; /* borrowed from the parsed text */
    uint32_t field_count;
} av_imap_section;

/*
 * Parse what stands between the brackets, letter case ignored: ``, `1.2`, `HEADER`, `1.2.MIME`,
 * `HEADER.FIELDS (Subject "From")`. The text must outlive ret. false: not a section (RFC 9051, 9: section-spec), or
 * more numbers or fields than fit; ret is undefined then.
 */
bool av_imap_section_parse(av_span text, av_imap_section *ret);
/*
 * The bytes of a section as they stand in the message (not yet in the CRLF view: crlf.h). false: there is no such part
 * (the answer is NIL), or the kind is HEADER.FIELDS or its NOT, which are not contiguous.
 */
bool av_imap_section_span(const av_mime *self, const av_imap_section *section, av_span *ret);
/* Part number to index of av_mime.parts; AV_MIME_NONE when there is no such part. */
uint32_t av_imap_section_part(const av_mime *self, const av_imap_section *section);
/*
 * Append a section of any kind in the CRLF view. ret_found is false (and nothing appended) when there is no such part.
 * false when out is full.
 */
bool av_imap_section_append(const av_mime *self, const av_imap_section *section, av_buf *out, bool *ret_found);

#endif
