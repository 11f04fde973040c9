/*
 * value.h - fields of a protobuf-c message by descriptor: where they lie, whether they are there, setting them with checks
 *
 * Used by json.c and form.c alone. Memory is malloc'd, so protobuf_c_message_free_unpacked(message, NULL) frees it.
 */
#ifndef AV_PROTO_VALUE_H
#define AV_PROTO_VALUE_H

#include "base/error.h"
#include "base/span.h"
#include "proto/table.h"

/* A new, empty message of the type. */
ProtobufCMessage *av_value_new_message(const ProtobufCMessageDescriptor *type);
/* Is a singular field present? Required ones are when they have a value (strings and messages: not NULL). */
bool av_value_has(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* Number of values: 0 or 1 for singular fields. */
size_t av_value_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
/* Address of the i-th value: int32_t, char *, ProtobufCBinaryData, ProtobufCMessage * ... */
const void *av_value_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i);
/*
 * Address for one more value: the singular member (marked present) or a new last element. At most 100,000 elements; NULL
 * beyond.
 */
void *av_value_add(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

bool av_value_is_integer(const ProtobufCFieldDescriptor *field);
bool av_value_is_unsigned(const ProtobufCFieldDescriptor *field);
/* Store into a value's address; errors are about the value alone ("must be ..."); the caller prefixes the field. */
av_errc av_value_put_i64(void *at, const ProtobufCFieldDescriptor *field, int64_t v, av_error *err);
av_errc av_value_put_u64(void *at, const ProtobufCFieldDescriptor *field, uint64_t v, av_error *err);
av_errc av_value_put_double(void *at, const ProtobufCFieldDescriptor *field, double v, av_error *err);
av_errc av_value_put_bool(void *at, const ProtobufCFieldDescriptor *field, bool v, av_error *err);
av_errc av_value_put_string(void *at, const av_field_info *info, av_span text, av_error *err);
av_errc av_value_put_bytes_base64(void *at, const av_field_info *info, av_span text, av_error *err);
av_errc av_value_put_enum(void *at, const ProtobufCFieldDescriptor *field, av_span word, av_error *err);

#endif
