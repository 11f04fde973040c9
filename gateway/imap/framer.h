/*
 * framer.h - bytes of a connection to whole commands: lines, and the literals that go on in the next line
 *
 * Pure: it keeps the command being put together and nothing else. What it collects has two ceilings, one for the lines of
 * a command, one for its literals; what is beyond them is read past without being kept, so that the next command is found.
 * A command stays in the framer, literals in place ("{3}\r\nabc"), until av_imap_framer_next.
 *
 * Literals that are not asked for have 4096 bytes at most (LITERAL-): a server that lets nobody write has nothing to gain
 * from a client that sends a whole message before it hears NO. Larger ones are read past; far larger ones are hopeless.
 * The end of a line is CRLF; a bare LF is taken for it, as by other servers.
 * Source: RFC 3501, 2.2.1 and 4.3; RFC 7888, 4 and 5.
 */
#ifndef AV_GATEWAY_IMAP_FRAMER_H
#define AV_GATEWAY_IMAP_FRAMER_H

#include "base/buf.h"

#define AV_IMAP_NONSYNC_MAX 4096U               /* RFC 7888, 5 */
#define AV_IMAP_SKIP_MAX    (16U * 1024 * 1024) /* bytes of a literal that are worth reading past */

typedef enum av_imap_frame {
    AV_IMAP_FRAME_MORE,    /* all bytes taken, more are needed */
    AV_IMAP_FRAME_LITERAL, /* the client waits to be told to send a literal: _accept or _refuse, then go on */
    AV_IMAP_FRAME_COMMAND, /* a command, without its last CRLF */
    AV_IMAP_FRAME_TOO_BIG, /* the end of a command that met a ceiling; what was kept is its beginning */
    AV_IMAP_FRAME_HOPELESS /* more is under way than is worth reading past: the connection must end (RFC 7888, 4) */
} av_imap_frame;

typedef struct av_imap_framer {
    av_buf command;
    size_t line_max, literal_max;
    size_t line_bytes, literal_bytes; /* of this command so far */
    size_t line_at;                   /* where the current line begins in command */
    uint64_t literal_left;
    bool plain_line;  /* a line is just a line: answers to "+" */
    bool skipping;    /* a ceiling was met: count, do not keep */
    bool asked;       /* LITERAL was returned */
    bool done;        /* COMMAND, TOO_BIG or HOPELESS was returned */
    uint8_t tail[32]; /* last bytes of a line that is skipped: is there a literal at its end? */
    size_t tail_n;
} av_imap_framer;

void av_imap_framer_init(av_imap_framer *self, size_t line_max, size_t literal_max);
/* Wiped: a command may hold a password. */
void av_imap_framer_release(av_imap_framer *self);
/* Ceilings from the next command on. */
void av_imap_framer_set_limits(av_imap_framer *self, size_t line_max, size_t literal_max);
/* The next line is taken as it is: no literals in it (SASL responses, DONE). */
void av_imap_framer_plain_line(av_imap_framer *self);

/* Takes bytes off the front of in up to the next event. After COMMAND or TOO_BIG, _next must be called first; after
 * HOPELESS nothing more is fed. */
av_imap_frame av_imap_framer_feed(av_imap_framer *self, av_span *in);
/* The command as far as it has come. Good until the next call. */
av_span av_imap_framer_command(const av_imap_framer *self);
void av_imap_framer_accept(av_imap_framer *self);
/* The command is forgotten: the client will not send the rest (RFC 3501, 7.5). */
void av_imap_framer_refuse(av_imap_framer *self);
/* Forget the command (wiped). */
void av_imap_framer_next(av_imap_framer *self);

#endif
