/*
 * mailbox_name.h - what a mailbox may be called
 *
 * A path is 1 to 32 components joined by '/', each 1 to 255 bytes of UTF-8 in NFC without control characters. Pure.
 */
#ifndef AV_META_MAILBOX_NAME_H
#define AV_META_MAILBOX_NAME_H

#include "base/buf.h"
#include "base/error.h"

#define AV_MAILBOX_LEVELS_MAX    32
#define AV_MAILBOX_COMPONENT_MAX 255
#define AV_MAILBOX_PATH_MAX      (AV_MAILBOX_LEVELS_MAX * (AV_MAILBOX_COMPONENT_MAX + 1))

/* in (any UTF-8, '/' parts components) in its one valid form onto out. AV_ERR_INVALID with the reason; out is as before
 * then. */
av_errc av_mailbox_path_normalize(av_span in, av_buf *out, av_error *err);
/* AV_OK when in is exactly what normalize would give. */
av_errc av_mailbox_path_check(av_span in, av_error *err);
/* Append one more component to path (empty: the first). A '/' inside the component becomes U+2215 (DIVISION SLASH). */
av_errc av_mailbox_path_append(av_buf *path, av_span component, av_error *err);
/* "a/b/c" -> "a/b"; empty for a top level mailbox. Borrowed from path. */
av_span av_mailbox_path_parent(av_span path);
/* "a/b/c" -> "c". */
av_span av_mailbox_path_leaf(av_span path);
/* path is below: "a" is of "a/b" and "a/b/c", not of "a" and "ab". */
bool av_mailbox_path_is_below(av_span path, av_span ancestor);

#endif
