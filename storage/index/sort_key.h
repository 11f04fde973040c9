/*
 * sort_key.h - what messages sort by: the same string from a message when it is indexed and from its row when it is not
 */
#ifndef AV_STORAGE_INDEX_SORT_KEY_H
#define AV_STORAGE_INDEX_SORT_KEY_H

#include "base/buf.h"

enum { AV_SORT_KEY_MAX = 255 }; /* bytes of a key */

/* from: value of a From field. Its first address that has a host, else the first; lower case. Replaces out's contents. */
void av_sort_sender(av_span from, av_buf *out);
/* subjects: decoded, one a line. The base (RFC 5256, 2.1) of the first, letter case folded. Replaces out's contents. */
void av_sort_subject(av_span subjects, av_buf *out);

#endif
