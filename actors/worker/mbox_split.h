/*
 * mbox_split.h - a mailbox file as a row of pieces, by lines
 *
 * Pure: spans in, pieces out, no I/O. The caller keeps a window over the file, offers what it has, and drops what was
 * taken. Rules (RFC 4155 describes the format, the kinds differ in quoting and Content-Length):
 *
 *   separator   a line that begins with "From ", at the start of the file or after an empty line, and that either ends
 *               in a date (asctime) or has a header field on the next line; so "From here on..." in an unquoted body
 *               is text. Lines of more than AV_MBOX_LINE_MAX bytes are none.
 *   empty line  the one before a separator or at the end of the file belongs to the format, not to the message
 *   quotes      mboxo, mboxcl: ">From " lost its ">"; mboxrd: every ">*From " one of them. In bodies only
 *   held        with Content-Length the caller says how many bytes are body (av_mbox_split_hold): no separators inside
 */
#ifndef AV_ACTORS_WORKER_MBOX_SPLIT_H
#define AV_ACTORS_WORKER_MBOX_SPLIT_H

#include "actors/worker/source.h"

enum {
    AV_MBOX_LINE_MAX = 1000,
    AV_MBOX_WINDOW_MIN = 4096 /* a window this large always gives a piece */
};

typedef enum av_mbox_piece_kind {
    AV_MBOX_DATA,     /* bytes of the message */
    AV_MBOX_EMPTY,    /* an empty line: of the message, if another piece than a separator or the end follows */
    AV_MBOX_QUOTE,    /* one ">" that the writer of the file put there */
    AV_MBOX_SEPARATOR /* the whole line, end included */
} av_mbox_piece_kind;

typedef struct av_mbox_piece {
    av_mbox_piece_kind kind;
    av_span bytes;
    bool dated;  /* a separator with a date */
    bool headed; /* a separator with a header field on the next line */
} av_mbox_piece;

typedef struct av_mbox_split {
    av_mbox_kind kind; /* not AV_MBOX_GUESS */
    bool separators;   /* look for them; false: the span is one message */
    bool in_line;      /* the middle of a line */
    bool after_empty;  /* the line before was empty, or none was */
    bool in_body;      /* of the message: quotes are undone */
    uint64_t held;     /* bytes in which no separator is seen */
} av_mbox_split;

/* Ready for the first byte of a file (separators) or of one message (not). */
void av_mbox_split_init(av_mbox_split *self, av_mbox_kind kind, bool separators);
/*
 * Take the next piece off the front of in. eof: nothing comes after in. AV_PARSE_MORE: offer more than this (never
 * with eof or a window of AV_MBOX_WINDOW_MIN bytes, unless in is empty); never AV_PARSE_BAD.
 */
av_parse av_mbox_split_next(av_mbox_split *self, av_span *in, bool eof, av_mbox_piece *ret);
/* Right behind the empty line that ended a header: the next n bytes are body. */
void av_mbox_split_hold(av_mbox_split *self, uint64_t n);

/* The line (without its end) has the date of a separator: "Mon Jan  2 15:04:05 2006", zones and more may follow. */
bool av_mbox_line_is_dated(av_span line);
/* That date, read as UTC unless a zone stands there. */
bool av_mbox_line_date(av_span line, int64_t *ret_unix_s);
/* The line begins like a header field: a name of printable characters and a colon. */
bool av_mbox_line_is_field(av_span line);

#endif
