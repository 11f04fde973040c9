/*
 * message_id.h - the name of a message everywhere: 'M' and base64url of the first 18 bytes of its SHA-256
 */
#ifndef AV_META_MESSAGE_ID_H
#define AV_META_MESSAGE_ID_H

#include "base/span.h"

#define AV_MESSAGE_ID_BYTES 18
#define AV_MESSAGE_ID_TEXT  25 /* 'M' and 24 characters */

/* ret is NUL-terminated. Of the digest only the first 18 bytes are read. */
void av_message_id_format(const uint8_t *digest, char ret[AV_MESSAGE_ID_TEXT + 1]);
/* Exactly the form above; false for anything else. */
bool av_message_id_parse(av_span text, uint8_t ret[AV_MESSAGE_ID_BYTES]);

#endif
