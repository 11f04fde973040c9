/*
 * body.h - a packed request or reply: bytes to a checked message; pure
 *
 * protobuf-c takes any bytes for a string and drops what follows a NUL. So the bytes are walked first: every string is
 * UTF-8 without NUL and, in requests, no longer than its field's max_bytes (proto/table.h). Values of type bytes are
 * bounded by the message alone. Unknown fields are let through (decisions.md 21).
 */
#ifndef AV_ACTORS_BUS_BODY_H
#define AV_ACTORS_BUS_BODY_H

#include <protobuf-c/protobuf-c.h>

#include "base/error.h"
#include "base/span.h"

/*
 * limits  check max_bytes: what others ask is held to it, what we asked for is not
 * ret     owned by the caller (protobuf_c_message_free_unpacked)
 * Returns AV_OK, AV_ERR_SYNTAX (not such a message), AV_ERR_INVALID (a string that is not UTF-8 or holds NUL),
 * AV_ERR_LIMIT (a string over its max_bytes; the sentence names the field).
 */
av_errc av_body_open(
    const ProtobufCMessageDescriptor *type, av_span packed, bool limits, ProtobufCMessage **ret, av_error *err);

#endif
