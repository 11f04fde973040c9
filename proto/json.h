/*
 * json.h - messages to JSON and back by descriptor, and a message from form fields
 *
 * The shapes come from the table (options.proto): json_key, json_object, json_tree, json_omit, json_null, secret. No message
 * is known by name here. 64-bit integers are JSON integers, bytes are base64, enums their words. Secret fields are never
 * written. Values are checked: UTF-8, no NUL, number ranges, max_bytes, unknown keys.
 */
#ifndef AV_PROTO_JSON_H
#define AV_PROTO_JSON_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "proto/table.h"

#define AV_JSON_DEPTH_MAX 16
#define AV_JSON_DIGITS    15 /* of a real number: 4.869 stays 4.869 */

/* A new reference owned by the caller (json_decref). Absent fields are left out, or null with json_null. */
json_t *av_json_from_message(const ProtobufCMessage *message);
/* The value of one field of the message as JSON: what a method's `result` names. NULL: no such field. */
json_t *av_json_from_field(const ProtobufCMessage *message, const char *field_name);
/* A JSON string of a text from outside: bytes that are not UTF-8 become U+FFFD, NULL is "". A new reference. */
json_t *av_json_text(const char *text);
/* Compact or indented text onto out. */
bool av_json_write(const json_t *value, bool indent, av_buf *out);
/* Strict JSON of at most AV_JSON_DEPTH_MAX levels; a sentence with line and column on failure. */
av_errc av_json_parse(av_span text, json_t **ret, av_error *err);
/* ret: owned by the caller (protobuf_c_message_free_unpacked). Errors name the field by its JSON path. */
av_errc av_json_to_message(
    const json_t *value, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, av_error *err);

typedef struct av_form_field {
    av_span key, value; /* decoded */
} av_form_field;

/*
 * A message from "key=value" fields; keys are JSON keys. Repeated scalars are one comma list (spaces after commas allowed),
 * messages and repeated messages are JSON text, bytes are base64. Errors: "Missing API argument userName.",
 * "Unknown API argument foo.", "API argument x: ...".
 */
av_errc av_form_to_message(const av_form_field *fields, size_t count, const ProtobufCMessageDescriptor *type,
    ProtobufCMessage **ret, av_error *err);
/* Must a call give the field? Required ones, and repeated ones with json_required. */
bool av_form_is_required(const ProtobufCFieldDescriptor *field, const av_field_info *info);
/* "string", "number", "bool" or "json": the type of the field in get-metadata. */
const char *av_form_type_word(const ProtobufCFieldDescriptor *field);

#endif
