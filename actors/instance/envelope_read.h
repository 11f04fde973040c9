/*
 * envelope_read.h - the first address of a field of an IMAP ENVELOPE, as messages are sorted by it
 *
 * Pure. Source: RFC 5256, 3 (CC, FROM, TO); RFC 5957, 3 (DISPLAYFROM, DISPLAYTO).
 */
#ifndef AV_INSTANCE_ENVELOPE_READ_H
#define AV_INSTANCE_ENVELOPE_READ_H

#include "base/buf.h"

/* Fields of an envelope that hold addresses, by their place in it. */
typedef enum av_envelope_field { AV_ENVELOPE_FROM = 2, AV_ENVELOPE_TO = 5, AV_ENVELOPE_CC = 6 } av_envelope_field;

/*
 * envelope: as storage/mime/imap_items.h writes it; anything else gives nothing. display: the decoded name, without
 * one the address; else the local part. In the form of casemap.h, appended to out as far as there is room.
 */
void av_envelope_sort_text(av_span envelope, av_envelope_field field, bool display, av_buf *out);

#endif
