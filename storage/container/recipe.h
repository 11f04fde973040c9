/*
 * recipe.h - how a message is put together again from its skeleton and its parts (docs/format-container.md, 7)
 *
 * Pure. A recipe is a run of steps in the order of the message's bytes.
 */
#ifndef AV_CONTAINER_RECIPE_H
#define AV_CONTAINER_RECIPE_H

#include "base/buf.h"
#include "base/error.h"

#define AV_RECIPE_OUTPUT_MAX (UINT64_MAX / 4) /* no sum of sizes can overflow */

typedef enum av_step_kind {
    AV_STEP_SKELETON = 0, /* the next bytes of the skeleton */
    AV_STEP_PART = 1,     /* a part's bytes */
    AV_STEP_BASE64 = 2    /* a part's bytes as base64 in lines */
} av_step_kind;

enum { AV_BASE64_CRLF = 1, AV_BASE64_END = 2 }; /* form: CRLF instead of LF; the last line ends with one, too */

typedef struct av_step {
    av_step_kind kind;
    uint64_t lsn;  /* of the part */
    uint64_t size; /* bytes of the skeleton, or of the part's data; not 0 */
    uint8_t line;  /* base64: a full line has 4 times as many characters; 0: all is one line */
    uint8_t form;  /* base64 */
    /* read: set by av_recipe_next */
    uint64_t output;          /* bytes of the message it makes */
    uint64_t message_offset;  /* of the first of them */
    uint64_t skeleton_offset; /* bytes of the skeleton used before this step */
} av_step;

/* record_lsn: of the message's record, which stands behind its parts. A skeleton step of 0 bytes puts nothing. false
 * when out is full. */
bool av_recipe_put(av_buf *out, const av_step *step, uint64_t record_lsn);

typedef struct av_recipe_reader {
    av_span rest;
    uint64_t record_lsn;
    uint64_t message_offset, skeleton_offset; /* of the next step */
} av_recipe_reader;

static inline av_recipe_reader
av_recipe_reader_of(av_span recipe, uint64_t record_lsn)
{
    return (av_recipe_reader){ .rest = recipe, .record_lsn = record_lsn };
}

/* *ret_end at the end, ret otherwise. AV_ERR_CORRUPT for malformed steps; AV_ERR_VERSION for a kind of step that is
 * unknown. */
av_errc av_recipe_next(av_recipe_reader *self, av_step *ret, bool *ret_end, av_error *err);

/* All steps are well made and use up a skeleton of that size exactly. ret_size: bytes of the message. */
av_errc av_recipe_check(av_span recipe, uint64_t record_lsn, uint64_t skeleton_size, uint64_t *ret_size, av_error *err);

/* Bytes that `size` bytes of data take as base64 in this form. */
uint64_t av_recipe_base64_size(uint64_t size, uint8_t line, uint8_t form);

#endif
