/*
 * grammar.h - IMAP's small words: atoms, strings, numbers, dates, sequence sets, off the front of a complete command
 *
 * Pure. framer.h has seen to it that a command is complete, so there are two answers: true moves `in` past what was taken,
 * false leaves it as it was. Strings are unescaped into `text`, which the caller has reserved at least as large as the
 * command, so that spans into it stay good; everything else is a span of the command itself.
 * Source: RFC 3501, 9; RFC 7888 (non-synchronizing literals).
 */
#ifndef AV_GATEWAY_IMAP_GRAMMAR_H
#define AV_GATEWAY_IMAP_GRAMMAR_H

#include "base/buf.h"
#include "storage/index/query.h"

bool av_imap_is_atom_char(uint8_t c);

/* Exactly this character. */
bool av_imap_take_char(av_span *in, uint8_t c);
/* This word, letter case ignored, and not just the beginning of a longer atom. */
bool av_imap_take_keyword(av_span *in, const char *word);
bool av_imap_take_tag(av_span *in, av_span *ret);
bool av_imap_take_atom(av_span *in, av_span *ret);
/* number: 0 to 2^32 - 1; number64: 0 to 2^63 - 1 (RFC 9051, 9). Signs, blanks and bare nothing are refused. */
bool av_imap_take_number(av_span *in, uint32_t *ret);
bool av_imap_take_number64(av_span *in, uint64_t *ret);
/* quoted or literal. Eight-bit bytes are taken (callers check for UTF-8), NUL is not. */
bool av_imap_take_string(av_span *in, av_buf *text, av_span *ret);
bool av_imap_take_astring(av_span *in, av_buf *text, av_span *ret);
/* list-mailbox: like astring, with % and * in its bare form. */
bool av_imap_take_list_mailbox(av_span *in, av_buf *text, av_span *ret);
/* nstring: NIL gives an empty span and *ret_nil. */
bool av_imap_take_nstring(av_span *in, av_buf *text, av_span *ret, bool *ret_nil);
/*
 * "(" ... ")" with the parentheses that pair inside it; quoted strings and literals are passed over whole. ret has the
 * outer parentheses, too. What stands in it is looked at by its own grammar.
 */
bool av_imap_take_list(av_span *in, av_span *ret);
/* date: 1-Feb-1994, bare or quoted; ret is its midnight in UTC. A day that does not exist is refused. */
bool av_imap_take_date(av_span *in, int64_t *ret_unix_s);
/*
 * sequence-set: 2,4:7,9:*  - ranges in the order given, each turned so that first <= last; `*` is UINT32_MAX. `$`
 * (RFC 5182, 2.1) is the one range 0:0. ret is the caller's (free), never NULL on success.
 */
bool av_imap_take_seqset(av_span *in, av_query_range **ret, size_t *ret_n);

/* A text ends with {n} or {n+}: a literal follows it. */
bool av_imap_literal_announced(av_span line, uint64_t *ret_bytes, bool *ret_sync);

#endif
