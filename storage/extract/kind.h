/*
 * kind.h - which attachments hold text for the search index, and how they are read
 *
 * Pure. A kind is told by the first bytes and by the name; where these disagree, the bytes win. What a package
 * holds (a ZIP is a Word document, a spreadsheet, a book...) is found out by who reads it (actors/extract), in its
 * sandbox: nothing here looks further than fixed offsets of the first 1,024 bytes.
 */
#ifndef AV_STORAGE_EXTRACT_KIND_H
#define AV_STORAGE_EXTRACT_KIND_H

#include "base/span.h"

typedef enum av_kind {
    AV_KIND_NONE, /* not told */
    AV_KIND_PDF,
    AV_KIND_ZIP, /* OOXML, OpenDocument, EPUB, or files */
    AV_KIND_OLE, /* Word, Excel, PowerPoint up to 2003, Outlook .msg; what is encrypted of newer ones */
    AV_KIND_RTF,
    AV_KIND_HTML,
    AV_KIND_XML,
    AV_KIND_MAIL, /* RFC 5322 message, MHTML */
    AV_KIND_TNEF, /* winmail.dat */
    AV_KIND_GZIP,
    AV_KIND_TAR,
    AV_KIND_TEXT,
    AV_KIND_COUNT
} av_kind;

#define AV_EXTENSION_MAX 16 /* bytes of an extension */

/* The extension of a file name: what stands behind its last dot, lower case, letters, digits, `_`, `-` and `+`
 * only, at most AV_EXTENSION_MAX bytes; empty when there is none. ret holds AV_EXTENSION_MAX + 1 bytes. */
void av_kind_extension(av_span name, char *ret);
/* By the extension (lower case), by a Content-Type without parameters, by the bytes. AV_KIND_NONE: not told. */
av_kind av_kind_of_extension(const char *extension);
av_kind av_kind_of_type(av_span type);
av_kind av_kind_of_bytes(av_span bytes);
/* How to read these bytes. Text is told by its name, or by having no other; AV_KIND_NONE: no reader. */
av_kind av_kind_of(const char *extension, av_span type, av_span bytes);
/* The extension that stands for a kind in the list of wanted ones, where the name says nothing. "" for
 * AV_KIND_NONE. */
const char *av_kind_canonical(av_kind kind);

#endif
