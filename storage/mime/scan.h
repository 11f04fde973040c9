/*
 * scan.h - the structure of one message, by offsets
 *
 * One pass over the bytes, no recursion, no copy of the message: parts point into it, so the message must outlive the
 * av_mime. Any bytes at all give a structure: what exceeds a limit stays one opaque part (`opaque`), never an error.
 * Not here: decoding of bodies (decode.h), of words (words.h), IMAP forms (imap_items.h).
 *
 *   message   [From_ line][header][blank line][body                                      ]
 *   parts[0]              ^header_at  ^header_end ^body_at                        body_end^
 *   parts[1]                                       --b  [header][blank][body]  --b--
 *
 * Parts stand in document order (depth first): a part's parent always comes before it, and each part lies inside its
 * parent's body. A message/rfc822 part has exactly one child: the root part of the nested message, whose header is the
 * nested message's header. Source: RFC 2045, RFC 2046, 5.1; RFC 5322. Line ends: LF, CRLF or mixed; bare CR is a byte.
 */
#ifndef AV_STORAGE_MIME_SCAN_H
#define AV_STORAGE_MIME_SCAN_H

#include "base/buf.h"
#include "storage/mime/param.h"
#include "storage/mime/pool.h"

#define AV_MIME_NONE UINT32_MAX /* no such part */

typedef struct av_mime_limits {
    uint32_t parts;      /* parts of one message, at least 1; default 1000 */
    uint32_t depth;      /* levels below the root, at most AV_MIME_DEPTH_MAX; default 32 */
    size_t header_bytes; /* of one header block that are looked at for MIME fields; default 256 KB */
} av_mime_limits;

#define AV_MIME_DEPTH_MAX 64
#define AV_MIME_LIMITS_DEFAULT                                                                                         \
    {                                                                                                                  \
        .parts = 1000, .depth = 32, .header_bytes = 256 * 1024                                                         \
    }

typedef enum av_mime_encoding {
    AV_MIME_7BIT, /* also when none is declared */
    AV_MIME_8BIT,
    AV_MIME_BINARY,
    AV_MIME_QP,
    AV_MIME_BASE64,
    AV_MIME_UUENCODE,
    AV_MIME_ENCODING_OTHER /* declared, but of no known name */
} av_mime_encoding;

typedef enum av_mime_disposition {
    AV_MIME_DISPOSITION_NONE,
    AV_MIME_INLINE,
    AV_MIME_ATTACHMENT,
    AV_MIME_DISPOSITION_OTHER
} av_mime_disposition;

typedef struct av_mime_part {
    size_t header_at, header_end;       /* header fields; the blank line is not in it */
    size_t body_at, body_end;           /* body; for a part of a multipart without the line end before the boundary */
    uint64_t body_lines;                /* line ends (LF) in the body */
    uint64_t body_crlf_bytes;           /* bytes of the body in the CRLF view (each bare LF counted as CRLF) */
    uint32_t parent;                    /* index; AV_MIME_NONE for parts[0] */
    uint32_t number;                    /* 1 for the parent's first child, 2 ...; 0 for parts[0] */
    uint32_t children;                  /* number of children */
    uint32_t first_child, next_sibling; /* AV_MIME_NONE when there is none */
    uint32_t depth;                     /* 0 for parts[0] */
    uint32_t param_at, param_count;     /* Content-Type's, in av_mime.params */
    uint32_t disp_param_at, disp_param_count;
    av_span type, subtype; /* lower-case; text/plain where none or a broken one is declared (RFC 2045, 5.2) */
    av_span charset;       /* raw charset parameter; empty when undeclared */
    av_span boundary;
    /* UTF-8 on one line: filename of the disposition, else name of the type; empty when there is none. As declared: it
     * may hold `/` and `..` and is no path. */
    av_span filename;
    av_span format;     /* "flowed" or empty, as declared */
    av_span disp_type;  /* lower-case disposition word; empty when there is none */
    av_span content_id; /* raw values, trimmed, folds kept; empty when there is none */
    av_span description;
    av_span language;
    av_span location;
    av_span md5;
    av_mime_encoding encoding;
    av_span encoding_word; /* as declared, lower-case; empty when undeclared */
    av_mime_disposition disposition;
    bool is_multipart; /* multipart/... with at least one child; false when no boundary line was found */
    bool is_message;   /* message/rfc822 or message/global, not encoded: the one child is the nested message */
    bool is_root;      /* root of a message: parts[0] and the child of every is_message part */
    bool opaque;       /* a limit was met: children inside were not looked for */
} av_mime_part;

typedef struct av_mime {
    av_span message;     /* borrowed */
    size_t prefix_bytes; /* bytes of the leading mbox From_ line (and byte order mark) that header parsing skips */
    uint64_t crlf_bytes; /* of the whole message, prefix included, in the CRLF view: RFC822.SIZE */
    av_mime_part *parts; /* at least one after a scan */
    uint32_t count, cap;
    av_mime_param *params;
    uint32_t param_count, param_cap;
    av_mime_pool pool;
} av_mime;

void av_mime_init(av_mime *self);
void av_mime_release(av_mime *self); /* frees the contents; a zeroed av_mime is fine */
/*
 * Scan message. limits NULL means the defaults. ret was initialised by av_mime_init; earlier contents are forgotten
 * and their memory used again, so one av_mime serves many messages. Never fails; does not block.
 */
void av_mime_scan(av_span message, const av_mime_limits *limits, av_mime *ret);

/* Header block, body of part i. */
av_span av_mime_header(const av_mime *self, uint32_t i);
av_span av_mime_body(const av_mime *self, uint32_t i);
/* Part i is of this (lower-case) type; subtype NULL stands for any. */
bool av_mime_is(const av_mime *self, uint32_t i, const char *type, const char *subtype);

#endif
