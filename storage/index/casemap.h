/*
 * casemap.h - texts as the collation i;unicode-casemap compares them (RFC 5051)
 *
 * Each character in title case, then decomposed (also by compatibility); what comes out is compared byte by byte. Pure.
 */
#ifndef AV_STORAGE_INDEX_CASEMAP_H
#define AV_STORAGE_INDEX_CASEMAP_H

#include "base/buf.h"

/* Append text (UTF-8; malformed bytes count as U+FFFD) as it compares. false: out is full, the end is missing. */
bool av_casemap(av_span text, av_buf *out);

#endif
