/*
 * query_wire.h - a query as bytes, to send over the bus
 *
 * Version byte 1, then the tree, a node before its children, integers little-endian:
 *   node     := kind u8, body
 *   AND, OR  := children u16, nodes          NOT := node          ALL, HAS_ATTACHMENT := nothing
 *   WORD, PREFIX, SUBSTRING, SUFFIX, WILDCARD := fields u32, text         text := length u16, bytes
 *   NEAR := fields u32, distance u32, text   STEM := fields u32, languages text, text
 *   HEADER_WORD := how u8, name text, text
 *   HEADER   := name text, text              FOLDER, ID, KEYWORD, THREAD := text
 *   DATE     := which u8, from u64, to u64 (two's complement)     SIZE := min u64, max u64
 *   FLAG     := flag u8                      UIDS := ranges u32, (first u32, last u32)...
 *   MODSEQ   := u64
 * A later version adds kinds; a kind that is not known is refused, since a query answered in part is a wrong answer.
 */
#ifndef AV_STORAGE_INDEX_QUERY_WIRE_H
#define AV_STORAGE_INDEX_QUERY_WIRE_H

#include "base/buf.h"
#include "storage/index/query.h"

/* Write a finished query onto out, whose ceiling bounds it. Returns AV_OK or AV_ERR_LIMIT. */
av_errc av_query_encode(const av_query *self, av_buf *out, av_error *err);

/*
 * Read a query back. All of in is used up, or it is an error.
 *
 * limits  NULL for the defaults; text_bytes is not looked at
 * Returns AV_OK, AV_ERR_SYNTAX (with the byte), AV_ERR_VERSION, AV_ERR_INVALID or AV_ERR_LIMIT. Pure.
 */
av_errc av_query_decode(av_span in, const av_query_limits *limits, av_query **ret, av_error *err);

#endif
