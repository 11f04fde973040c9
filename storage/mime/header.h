/*
 * header.h - the fields of a header block, by offsets and as they stand
 *
 * Pure: spans in, spans out, nothing is copied. A line ends with LF or CRLF; a bare CR is a byte like any other.
 * A header block here never starts with an mbox `From ` line: scan.h hides it. Source: RFC 5322, 2.2.
 */
#ifndef AV_STORAGE_MIME_HEADER_H
#define AV_STORAGE_MIME_HEADER_H

#include "base/buf.h"

typedef struct av_header_field {
    av_span name;  /* without blanks and colon */
    av_span value; /* raw: all that follows the colon, folds inside kept, without the last line end */
    av_span whole; /* the field's lines, last line end included */
} av_header_field;

/*
 * Take the next field off the front of *header. false: no field is left (a blank line or the end was met). Lines that
 * are no field (`>From ` and the like) are skipped.
 */
bool av_header_next(av_span *header, av_header_field *ret);
/* The first field of that name, letter case ignored. false: there is none, ret is untouched. */
bool av_header_find(av_span header, const char *name, av_header_field *ret);
/* Raw value of the first field of that name, trimmed; an empty span when there is none. */
av_span av_header_value(av_span header, const char *name);
/*
 * RFC 5322, 2.2.3: value without its line ends (CRLF or LF before a blank vanish) and without outer blanks. NUL, bare
 * CR and line ends that fold nothing become one space. Appends what fits; false when out is full.
 */
bool av_header_unfold(av_span value, av_buf *out);
/*
 * A line (without its line end) that can begin a field. In a header block, the first line that cannot and that starts
 * with no blank ends the block, as in mutt and Python: a body that follows without a blank line is not lost.
 */
bool av_header_is_field_line(av_span line);
/* Starts with `From ` or `>From `: no field, but no end of the header either. */
bool av_header_is_mbox_from(av_span line);

#endif
