/*
 * deflate.h - both directions of a compressed session: raw DEFLATE, in pieces, under the caller's ceilings
 *
 * Each call fills at most the room it is given, so that what a peer sends cannot grow: a few bytes that unpack to a gigabyte
 * come out 16 KB at a time, and go through the same ceilings of lines and literals as bytes that came in clear.
 *
 * The packing side can forget: av_deflate_rest frees its memory (some 270 KB with the largest window) when nothing is owed. The
 * peer's side does not notice, for what is packed afterwards refers to nothing from before (RFC 1951, 2: a block's distances
 * go as far back as its encoder likes, and a flushed one ends on a byte). The unpacking side keeps its window, as the peer
 * may refer back to it: 40 KB.
 * Source: RFC 4978, 4; RFC 1951; zlib.h.
 */
#ifndef AV_GATEWAY_IMAP_DEFLATE_H
#define AV_GATEWAY_IMAP_DEFLATE_H

#include "base/error.h"
#include "base/span.h"

typedef struct av_deflate av_deflate;

/* As deflateInit2 has them: window 9 to 15 (2^n bytes), memory 1 to 9, level 1 to 9. */
typedef struct av_deflate_options {
    int window_bits, memory_level, level;
} av_deflate_options;

av_deflate *av_deflate_new(const av_deflate_options *options);
void av_deflate_destroy(av_deflate **self);

/*
 * Unpack: takes packed bytes off the front of in, puts at most room bytes to `to` and says how many in ret. Less than room:
 * all of in is taken. A full room: call again, with or without more. AV_ERR_SYNTAX: no DEFLATE stream, or its end.
 */
av_errc av_deflate_unpack(av_deflate *self, av_span *in, uint8_t *to, size_t room, size_t *ret, av_error *err);
/*
 * Pack: takes bytes off the front of in, puts at most room bytes to `to`; returns how many. With sync the peer can read all
 * of it once less than room has come; without, some of it stays inside until later.
 */
size_t av_deflate_pack(av_deflate *self, av_span *in, bool sync, uint8_t *to, size_t room);
/* Bytes are inside that the peer cannot read yet: _pack with sync. */
bool av_deflate_owes(const av_deflate *self);
/* Free the packing side; nothing may be owed. It is made again when it is used. true: there was one. */
bool av_deflate_rest(av_deflate *self);

#endif
