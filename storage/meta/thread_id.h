/*
 * thread_id.h - the name of a thread everywhere: 'T' and base64url of its key (storage/mime/thread.h)
 *
 * A message that names no thread is one of its own; that one's key is the beginning of the message's digest.
 */
#ifndef AV_META_THREAD_ID_H
#define AV_META_THREAD_ID_H

#include "storage/mime/thread.h"

#define AV_THREAD_ID_BYTES AV_THREAD_KEY_SIZE
#define AV_THREAD_ID_TEXT  23 /* 'T' and 22 characters: an objectid of RFC 8474, 4 */

/* ret is NUL-terminated. */
void av_thread_id_format(const uint8_t thread[AV_THREAD_ID_BYTES], char ret[AV_THREAD_ID_TEXT + 1]);
/* Exactly the form above; false for anything else. */
bool av_thread_id_parse(av_span text, uint8_t ret[AV_THREAD_ID_BYTES]);

#endif
