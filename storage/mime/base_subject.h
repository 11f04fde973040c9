/*
 * base_subject.h - a subject without its "Re:", "Fwd:" and "[list]": what sorting by subject compares
 */
#ifndef AV_STORAGE_MIME_BASE_SUBJECT_H
#define AV_STORAGE_MIME_BASE_SUBJECT_H

#include "base/buf.h"

/*
 * RFC 5256, 2.1, of a decoded subject (UTF-8). out's contents are replaced with it, cut at out's ceiling and at a whole
 * character; letter case stays. true: it is that of a reply or a forward. Pure.
 */
bool av_base_subject(av_span subject, av_buf *out);

#endif
