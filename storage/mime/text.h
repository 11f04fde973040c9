/*
 * text.h - what a reader of a message sees, as UTF-8, and the names of what is attached
 *
 * Text is that of all text/plain and text/html parts, nested messages included, but for parts with Content-Disposition:
 * attachment. A multipart in which no boundary line was found counts as text/plain. Charsets as in charset.h, HTML as in html_text.h. Parts are parted by a newline.
 */
#ifndef AV_STORAGE_MIME_TEXT_H
#define AV_STORAGE_MIME_TEXT_H

#include "base/buf.h"
#include "storage/mime/scan.h"

enum {
    AV_TEXT_SUBJECT = 1,        /* the message's own decoded Subject first, on a line of its own */
    AV_TEXT_NESTED_SUBJECTS = 2 /* Subjects of nested messages where they stand */
};

/* What a search looks at (the definition of the corpus's expected results). */
#define AV_TEXT_SEARCH (AV_TEXT_SUBJECT | AV_TEXT_NESTED_SUBJECTS)

/*
 * Append the text to out. false when something is left out: out is full (the beginning is kept, it ends at a whole
 * character), or a part is too long: of one that is encoded or HTML the first 8 MB are read, of plain text all. Memory
 * stays below 50 MB beside out.
 */
bool av_mime_text(const av_mime *self, unsigned flags, av_buf *out);

/*
 * Part i is something attached: whatever has a file name or Content-Disposition: attachment, a nested message, and each
 * nameless leaf that is neither text, nor a report about mail, nor a bare PGP signature. Pictures of the text count.
 */
bool av_mime_is_attachment(const av_mime *self, uint32_t i);
/*
 * The next attachment's index at or after i; AV_MIME_NONE when there is none. Its decoded name is parts[].filename
 * (may be empty):  for (i = av_mime_attachments(m, 0); i != AV_MIME_NONE; i = av_mime_attachments(m, i + 1))
 */
uint32_t av_mime_attachments(const av_mime *self, uint32_t i);

#endif
