/*
 * split_priv.h - the layers of the splitter: lines (split_lines.c), bodies (split_body.c), pieces (split_out.c)
 *
 * The lines layer tells headers, boundary lines and bodies apart; the body layer decides what a body becomes; the last
 * one keeps the bounds and calls the sink. All work on a window: the bytes of one call, or what was held back of the
 * calls before with the first of them behind it (split.c). A span of the window is borrowed until the window ends.
 */
#ifndef AV_STORAGE_MIME_SPLIT_PRIV_H
#define AV_STORAGE_MIME_SPLIT_PRIV_H

#include "storage/mime/pool.h"
#include "storage/mime/split.h"

#define SPLIT_PROOF        (AV_BASE64_LINE_MAX + 4)         /* a longest line with its line end fits into it */
#define SPLIT_PENDING_MAX  (AV_SPLIT_MIN_MAX + SPLIT_PROOF) /* bytes that may be looked at before a body is decided */
#define SPLIT_SCRATCH_MAX  (40 * 1024)
#define SPLIT_CARRY_MAX    (2 * AV_SPLIT_LINE_LOOK)
#define SPLIT_BOUNDARY_MAX 250  /* bytes of a boundary (RFC 2046, 5.1.1 allows 70); a longer one is not looked for */
#define SPLIT_TYPE_MAX     8192 /* bytes of a Content-Type value that are read */
#define SPLIT_ENCODING_MAX 256  /* the same of Content-Transfer-Encoding */
#define SPLIT_HANDOVER     (128 * 1024) /* bytes of a body found before they are worked on: what a cache holds */

/* ---- pieces ---- */
typedef struct split_out {
    av_split_sink sink;
    av_split_options options;
    av_span run;   /* spans side by side in the window go to the sink as one */
    bool run_data; /* run is part_data, else literal */
    bool open;     /* a part is */
    bool overflow; /* it stands for literal bytes that are too many */
    bool tail;     /* it is the last there may be and takes all that comes */
    uint32_t parts;
    size_t literal_left;
    av_split_part part;
    av_errc rc; /* of the sink; nothing is called after a failure */
    av_error *err;
} split_out;

void split_out_begin(split_out *self, const av_split_options *options, const av_split_sink *sink);
void split_out_literal(split_out *self, av_span bytes);
/* There may be one more part that is not the last one. */
bool split_out_room(const split_out *self);
void split_out_part(split_out *self, av_split_coding coding);
/* Bytes of the open part that take raw_n bytes of the message. */
void split_out_data(split_out *self, av_span bytes, size_t raw_n);
void split_out_part_end(split_out *self, const av_base64_lines *lines);
/* The window ends: nothing of it is kept. */
void split_out_flush(split_out *self);
void split_out_end(split_out *self);

/* ---- base64, line by line ---- */
/* What one step of the proof found. */
typedef struct split_step {
    size_t used;    /* bytes of the message */
    size_t decoded; /* bytes they stand for */
    bool end;       /* base64 ends here: with its last line, or before a line that deviates (used 0) */
    bool newline;   /* with end: the last line, this or the one before, ends with one */
} split_step;

/* Lines as the first line of head announces them; head is all of the body or at least SPLIT_PROOF. false: none. */
bool split_guess_lines(av_span head, av_base64_lines *ret);
/* Bytes that one step looks at: a line with its line end. */
size_t split_step_size(const av_base64_lines *lines);
/* A whole line, as all but the last are, stands at p; split_step_size bytes are there. ret: as in split_prove. */
bool split_decode_line(const av_base64_lines *lines, const uint8_t *p, uint8_t *ret);
/*
 * One step over in: split_step_size bytes, or fewer when the body ends with them (at_end). ret has room for SPLIT_PROOF
 * bytes. The end of an unbroken line sets the kind of line end in lines.
 */
split_step split_prove(av_base64_lines *lines, av_span in, bool at_end, uint8_t *ret);

/* ---- bodies ---- */
enum split_body_mode {
    SPLIT_PENDING, /* not decided: too few bytes are known */
    SPLIT_RAW,
    SPLIT_BASE64
};

typedef struct split_body {
    split_out *out;
    enum split_body_mode mode;
    bool maybe_base64; /* declared so, and not yet found otherwise */
    av_base64_lines lines;
    size_t pending_n, line_n, scratch_n;
    size_t scratch_raw;        /* bytes of the message that scratch stands for */
    uint8_t line[SPLIT_PROOF]; /* the beginning of a base64 line that the window cut */
    uint8_t pending[SPLIT_PENDING_MAX];
    uint8_t scratch[SPLIT_SCRATCH_MAX]; /* decoded bytes on their way to the sink */
} split_body;

void split_body_begin(split_body *self, bool base64);
/* The next bytes of the body; last: there are no more (bytes may be empty then). */
void split_body_take(split_body *self, av_span bytes, bool last);

/* ---- header fields ---- */
enum split_field { SPLIT_FIELD_NONE, SPLIT_FIELD_TYPE, SPLIT_FIELD_ENCODING };

/* A field's value as it stands in the header, up to its max. */
typedef struct split_value {
    size_t n, max;
    bool seen;
    uint8_t *p;
} split_value;

/* Content-Type and Content-Transfer-Encoding of one header: the first of each. */
typedef struct split_fields {
    enum split_field field; /* whose lines these are */
    split_value type, encoding;
    av_mime_pool pool; /* initialised by split.c */
    uint8_t type_bytes[SPLIT_TYPE_MAX], encoding_bytes[SPLIT_ENCODING_MAX];
} split_fields;

enum split_kind { SPLIT_LEAF, SPLIT_MULTIPART, SPLIT_MESSAGE };

/* What a header says of the bytes behind it. */
typedef struct split_content {
    enum split_kind kind;
    bool base64;      /* the encoding that is declared */
    bool digest;      /* multipart/digest */
    av_span boundary; /* of a multipart; may be empty. Lives until the next header's content */
} split_content;

void split_fields_begin(split_fields *self);
/* line begins a field; bytes are the same with the line end, or what of it is known. */
void split_fields_line(split_fields *self, av_span line, av_span bytes);
/* More bytes of that line or lines folded to it. */
void split_fields_more(split_fields *self, av_span bytes);
/* A line that begins no field. */
void split_fields_other(split_fields *self);
/* in_digest: what is not declared is message/rfc822 (RFC 2046, 5.1.5). */
split_content split_fields_content(split_fields *self, bool in_digest);

/* ---- lines ---- */
enum split_place { SPLIT_HEADER, SPLIT_BODY, SPLIT_DONE };
/* An open multipart: its boundary lines are looked for. */
typedef struct split_frame {
    uint8_t boundary[SPLIT_BOUNDARY_MAX];
    uint16_t boundary_n;
    uint16_t depth; /* of its parts */
    bool digest;
} split_frame;

typedef struct split_lines {
    split_out *out;
    split_body *body;
    enum split_place place;
    bool mid_line;      /* the window begins inside a line that was looked at */
    bool message_start; /* nothing of the message was taken yet */
    bool first_line;    /* of a header */
    bool digest;        /* what is not declared is message/rfc822 (RFC 2046, 5.1.5) */
    unsigned held;      /* bytes of a line end that stand at the window's front: before a boundary they are literal */
    unsigned depth;     /* of the part whose header or body this is */
    unsigned frame_count;
    split_fields fields;
    split_frame frames[AV_SPLIT_DEPTH_MAX];
} split_lines;

void split_lines_begin(split_lines *self);
/*
 * Work on window; final: nothing comes behind it. Returns the bytes done with; the rest, less than SPLIT_CARRY_MAX / 2
 * + 3, has to stand at the front of the next window. All is done when final.
 */
size_t split_lines_work(split_lines *self, av_span window, bool final);
/* The message is at its end. */
void split_lines_end(split_lines *self);

#endif
