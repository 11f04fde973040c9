/*
 * extensions.h - the list of attachments' extensions that go into the search index
 *
 * As an administrator writes it: extensions separated by blanks, dots before them and letter case ignored, doubled
 * ones taken once. Normalised it is sorted, so that two lists with the same members have the same text: that text
 * is what an index keeps as the settings it was made with.
 */
#ifndef AV_STORAGE_EXTRACT_EXTENSIONS_H
#define AV_STORAGE_EXTRACT_EXTENSIONS_H

#include "base/buf.h"
#include "base/error.h"
#include "storage/extract/kind.h"

#define AV_EXTENSIONS_MAX 256 /* entries of a list */

typedef struct av_extensions {
    char names[AV_EXTENSIONS_MAX][AV_EXTENSION_MAX + 1]; /* sorted, no doubles */
    size_t count;
} av_extensions;

/* All that can be read. Never NULL. */
const char *av_extensions_default(void);
/*
 * Parse a list; an empty one is fine (no attachment is read). An extension nobody knows is allowed: such files are
 * read if they are text. ret is set on success only. AV_ERR_INVALID names the word that is none, AV_ERR_LIMIT: too
 * many.
 */
av_errc av_extensions_parse(av_span text, av_extensions *ret, av_error *err);
bool av_extensions_has(const av_extensions *self, const char *extension);
/* The normalised text: "csv doc pdf". false: out is full. */
bool av_extensions_text(const av_extensions *self, av_buf *out);
/*
 * Whether this attachment is wanted, and how it is to be read. name, type: of the attachment, may be empty. A name
 * with a wanted extension is; so is a file of another name whose bytes or type say that it is of a wanted kind,
 * unless its bytes only say that it is a package (ZIP, OLE, GZIP, TAR) and its name that it is a package of
 * another sort (.jar, .msi).
 */
bool av_extensions_want(const av_extensions *self, av_span name, av_span type, av_span bytes, av_kind *ret);

#endif
