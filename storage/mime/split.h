/*
 * split.h - a message as skeleton and parts, no byte lost
 *
 * The splitter reads a message once, in pieces of any size, and hands it on in message order: literal bytes (header
 * fields, boundary lines, what is short) and parts (the bodies of leaf parts). Joining what the sink got, base64 parts
 * encoded again (base64_lines.h), gives the message back byte for byte, whatever the bytes are: nothing is invalid, and
 * a broken structure only makes for fewer parts. How a message is split depends on its bytes and the options alone,
 * never on the sizes of the pieces it came in.
 *
 *   message   [header][blank line][preamble]--b[header][blank line][body       ]\r\n--b--\r\n[epilogue]
 *   sink       literal ...........................................  part_begin
 *                                                                   part_data...
 *                                                                   part_end     literal ............
 *
 * - A body declared base64 (Content-Transfer-Encoding) becomes a BASE64 part as far as it is canonical: line after line
 *   is proved as it comes; the first line that deviates ends the part, and what follows it in the body is raw.
 * - Every other body, preambles and epilogues included, is one RAW part, or literal when it is short.
 * - The line end before a boundary line is literal, not the end of the body (RFC 2046, 5.1.1).
 * - message/rfc822 and message/global (not encoded) and multiparts are looked into; beyond max_depth they are bodies.
 *
 * Bounds, whatever the message: memory of the splitter AV_SPLITTER_MAX_BYTES, at most max_literal literal bytes and
 * max_parts parts. When the literal bytes are used up, more of them are RAW parts; the last part takes all that is
 * left.
 * A line is looked at up to AV_SPLIT_LINE_LOOK bytes: a longer one is no boundary line.
 *
 * Not here: the structure for IMAP and search (scan.h), digests of parts, storing.
 */
#ifndef AV_STORAGE_MIME_SPLIT_H
#define AV_STORAGE_MIME_SPLIT_H

#include "base/error.h"
#include "base/span.h"
#include "storage/mime/base64_lines.h"

#define AV_SPLITTER_MAX_BYTES (192 * 1024) /* heap memory of one av_splitter */
#define AV_SPLIT_LINE_LOOK    2048
#define AV_SPLIT_MIN_MAX      (64 * 1024) /* highest min_raw and min_base64 */
#define AV_SPLIT_DEPTH_MAX    64

typedef enum av_split_coding {
    AV_SPLIT_RAW = 0,   /* the bytes as they came */
    AV_SPLIT_BASE64 = 1 /* decoded */
} av_split_coding;

typedef struct av_split_part {
    av_split_coding coding;
    av_base64_lines lines; /* of a BASE64 part, else zero */
    uint64_t size;         /* bytes given to part_data; never 0 */
    uint64_t raw_size;     /* bytes it takes in the message */
} av_split_part;

/*
 * What takes the pieces. Each function returns AV_OK, or sets err and returns its code: nothing more is called then,
 * and the splitter's call returns that code. Spans are borrowed for the call. ctx is handed through.
 */
typedef struct av_split_sink {
    void *ctx;
    av_errc (*literal)(void *ctx, av_span bytes, av_error *err);
    av_errc (*part_begin)(void *ctx, av_split_coding coding, av_error *err);
    av_errc (*part_data)(void *ctx, av_span bytes, av_error *err);
    av_errc (*part_end)(void *ctx, const av_split_part *part, av_error *err);
} av_split_sink;

typedef struct av_split_options {
    size_t min_raw;     /* bytes: a raw body below stays literal; at most AV_SPLIT_MIN_MAX, more counts as that */
    size_t min_base64;  /* encoded bytes: canonical base64 below is treated as a raw body; same ceiling */
    size_t max_literal; /* bytes of all literals of a message together */
    uint32_t max_parts; /* of a message, at least 1 */
    uint32_t max_depth; /* levels that are looked into, at most AV_SPLIT_DEPTH_MAX */
} av_split_options;

#define AV_SPLIT_OPTIONS_DEFAULT                                                                                       \
    {                                                                                                                  \
        .min_raw = 2048, .min_base64 = 1024, .max_literal = 1024 * 1024, .max_parts = 10000, .max_depth = 64           \
    }

typedef struct av_splitter av_splitter; /* some 150 KB: made once, used for many messages. One owner, no locks */

av_splitter *av_splitter_new(void);
void av_splitter_destroy(av_splitter **self);

/* A message begins; one that was begun and not ended is forgotten. options NULL: the defaults. Both are copied. */
void av_splitter_begin(av_splitter *self, const av_split_options *options, const av_split_sink *sink);
/* The next bytes, any number. Returns AV_OK or what the sink returned: the message can only be begun anew then. */
av_errc av_splitter_feed(av_splitter *self, av_span bytes, av_error *err);
/* The message is complete: what was held back goes to the sink, an open part ends. Returns as feed does. */
av_errc av_splitter_end(av_splitter *self, av_error *err);
/*
 * All three at once for a message in memory. Literals and RAW parts are handed on without a copy, as spans of message,
 * each RAW part in one part_data.
 */
av_errc av_splitter_message(
    av_splitter *self, av_span message, const av_split_options *options, const av_split_sink *sink, av_error *err);

#endif
