/*
 * value.c - see value.h
 */
#include "proto/value.h"

#include <math.h>

#include "base/encode.h"
#include "base/unicode.h"

enum { ELEMENTS_MAX = 100000 };

static size_t
size_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

static const uint8_t *
member(const ProtobufCMessage *message, unsigned offset)
{
    return (const uint8_t *)message + offset;
}

static uint8_t *
member_mutable(ProtobufCMessage *message, unsigned offset)
{
    return (uint8_t *)message + offset;
}

ProtobufCMessage *
av_value_new_message(const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message = av_xcalloc(1, type->sizeof_message);

    protobuf_c_message_init(type, message);
    return message;
}

static bool
is_pointer(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

bool
av_value_has(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if (is_pointer(field)) {
        const void *p;

        memcpy(&p, member(message, field->offset), sizeof p);
        return p != NULL && p != field->default_value;
    }
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL) {
        protobuf_c_boolean has;

        memcpy(&has, member(message, field->quantifier_offset), sizeof has);
        return has != 0;
    }
    return true;
}

size_t
av_value_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t n;

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return av_value_has(message, field) ? 1 : 0;
    memcpy(&n, member(message, field->quantifier_offset), sizeof n);
    return n;
}

const void *
av_value_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i)
{
    const uint8_t *array;

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return member(message, field->offset);
    memcpy(&array, member(message, field->offset), sizeof array);
    return array + i * size_of(field);
}

void *
av_value_add(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    size_t n, size = size_of(field);
    uint8_t *array;

    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        protobuf_c_boolean yes = 1;

        if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !is_pointer(field))
            memcpy(member_mutable(message, field->quantifier_offset), &yes, sizeof yes);
        return member_mutable(message, field->offset);
    }
    memcpy(&n, member(message, field->quantifier_offset), sizeof n);
    if (n >= ELEMENTS_MAX)
        return NULL;
    memcpy(&array, member(message, field->offset), sizeof array);
    array = av_xrealloc(array, (n + 1) * size);
    memset(array + n * size, 0, size);
    memcpy(member_mutable(message, field->offset), &array, sizeof array);
    n++;
    memcpy(member_mutable(message, field->quantifier_offset), &n, sizeof n);
    return array + (n - 1) * size;
}

bool
av_value_is_unsigned(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_FIXED32 ||
           field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_FIXED64;
}

bool
av_value_is_integer(const ProtobufCFieldDescriptor *field)
{
    return av_value_is_unsigned(field) || field->type == PROTOBUF_C_TYPE_INT32 ||
           field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_SFIXED32 ||
           field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_SINT64 ||
           field->type == PROTOBUF_C_TYPE_SFIXED64;
}

av_errc
av_value_put_u64(void *at, const ProtobufCFieldDescriptor *field, uint64_t v, av_error *err)
{
    if (!av_value_is_unsigned(field)) {
        if (v > INT64_MAX)
            return av_error_set(err, AV_ERR_INVALID, "the number is too large");
        return av_value_put_i64(at, field, (int64_t)v, err);
    }
    if (size_of(field) == 4) {
        uint32_t small = (uint32_t)v;

        if (v > UINT32_MAX)
            return av_error_set(err, AV_ERR_INVALID, "the number is too large");
        memcpy(at, &small, sizeof small);
    } else {
        memcpy(at, &v, sizeof v);
    }
    return AV_OK;
}

av_errc
av_value_put_i64(void *at, const ProtobufCFieldDescriptor *field, int64_t v, av_error *err)
{
    if (field->type == PROTOBUF_C_TYPE_DOUBLE || field->type == PROTOBUF_C_TYPE_FLOAT)
        return av_value_put_double(at, field, (double)v, err);
    if (!av_value_is_integer(field))
        return av_error_set(err, AV_ERR_INVALID, "a number is not expected here");
    if (av_value_is_unsigned(field)) {
        if (v < 0)
            return av_error_set(err, AV_ERR_INVALID, "the number must not be negative");
        return av_value_put_u64(at, field, (uint64_t)v, err);
    }
    if (size_of(field) == 4) {
        int32_t small = (int32_t)v;

        if (v > INT32_MAX || v < INT32_MIN)
            return av_error_set(err, AV_ERR_INVALID, "the number is out of range");
        memcpy(at, &small, sizeof small);
    } else {
        memcpy(at, &v, sizeof v);
    }
    return AV_OK;
}

av_errc
av_value_put_double(void *at, const ProtobufCFieldDescriptor *field, double v, av_error *err)
{
    if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
        memcpy(at, &v, sizeof v);
        return AV_OK;
    }
    if (field->type == PROTOBUF_C_TYPE_FLOAT) {
        float f = (float)v;

        memcpy(at, &f, sizeof f);
        return AV_OK;
    }
    if (av_value_is_integer(field) && floor(v) == v && fabs(v) < 9e15)
        return av_value_put_i64(at, field, (int64_t)v, err);
    return av_error_set(err, AV_ERR_INVALID, "must be a whole number");
}

av_errc
av_value_put_bool(void *at, const ProtobufCFieldDescriptor *field, bool v, av_error *err)
{
    protobuf_c_boolean b = v;

    if (field->type != PROTOBUF_C_TYPE_BOOL)
        return av_error_set(err, AV_ERR_INVALID, "true or false is not expected here");
    memcpy(at, &b, sizeof b);
    return AV_OK;
}

av_errc
av_value_put_string(void *at, const av_field_info *info, av_span text, av_error *err)
{
    char *copy;

    if (text.n > info->max_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "longer than %u bytes", info->max_bytes);
    if (av_span_find(text, 0) < text.n || !av_utf8_valid(text))
        return av_error_set(err, AV_ERR_INVALID, "not valid UTF-8 text");
    copy = av_span_dup(text);
    memcpy(at, &copy, sizeof copy);
    return AV_OK;
}

av_errc
av_value_put_bytes_base64(void *at, const av_field_info *info, av_span text, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    ProtobufCBinaryData data;

    av_buf_init(&bytes, info->max_bytes);
    if (!av_base64url_decode(text, &bytes))
        return av_error_set(err, AV_ERR_INVALID, "not base64, or more than %u bytes", info->max_bytes);
    data = (ProtobufCBinaryData){ .len = bytes.n, .data = (uint8_t *)av_span_dup(av_buf_span(&bytes)) };
    memcpy(at, &data, sizeof data);
    return AV_OK;
}

av_errc
av_value_put_enum(void *at, const ProtobufCFieldDescriptor *field, av_span word, av_error *err)
{
    AV_CLEANUP(av_free) char *text = av_span_dup(word);
    const ProtobufCEnumDescriptor *type = field->descriptor;
    int value = 0;

    if (!av_proto_enum_value(type, text, &value)) {
        av_error_set(err, AV_ERR_INVALID, "\"%.40s\" is not one of", text);
        for (unsigned i = 0; i < type->n_values; i++) {
            size_t n = strlen(err->msg);

            (void)snprintf(err->msg + n, sizeof err->msg - n, "%s %s", i == 0 ? "" : ",",
                av_proto_enum_word(type, type->values[i].value));
        }
        return err->code;
    }
    memcpy(at, &value, sizeof value);
    return AV_OK;
}
