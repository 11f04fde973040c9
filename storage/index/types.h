/*
 * types.h - kinds of attachments: what a search offers beside "has an attachment"
 */
#ifndef AV_STORAGE_INDEX_TYPES_H
#define AV_STORAGE_INDEX_TYPES_H

#include "base/span.h"

/* Their bits in AV_COLUMN_BITS, above AV_DOC_TYPES_SHIFT; kept on disk: never used again for something else. */
typedef enum av_type {
    AV_TYPE_PDF,
    AV_TYPE_WORD,
    AV_TYPE_SHEET,
    AV_TYPE_SLIDES,
    AV_TYPE_IMAGE,
    AV_TYPE_AUDIO,
    AV_TYPE_VIDEO,
    AV_TYPE_ARCHIVE,
    AV_TYPE_TEXT,
    AV_TYPE_HTML,
    AV_TYPE_MAIL,
    AV_TYPE_CALENDAR,
    AV_TYPE_CONTACT,
    AV_TYPE_OTHER,
    AV_TYPES
} av_type;

/*
 * By the extension of its name; when that says nothing, by its media type ("application/pdf", lower case). Pure.
 */
av_type av_type_of(av_span name, av_span media_type);
/* "pdf", "word" ...; false: no such kind. */
bool av_type_find(av_span word, av_type *ret);
const char *av_type_word(av_type self);

#endif
