/*
 * body.c - see body.h
 */
#include "actors/bus/body.h"

#include "base/unicode.h"
#include "proto/table.h"

#define DEPTH_MAX 8 /* protogen refuses recursive messages; the deepest of the contract has 4 levels */

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static bool
get_varint(av_span *s, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 10 && i < s->n; i++) {
        value |= (uint64_t)(s->p[i] & 0x7f) << (7 * i);
        if ((s->p[i] & 0x80) == 0) {
            *s = av_span_skip(*s, i + 1);
            *ret = value;
            return true;
        }
    }
    return false;
}

/* One value off the front; ret_value is set for WIRE_BYTES only. */
static bool
get_value(av_span *s, unsigned wire, av_span *ret_value)
{
    uint64_t n;

    switch (wire) {
    case WIRE_VARINT:
        return get_varint(s, &n);
    case WIRE_FIXED64:
        n = 8;
        break;
    case WIRE_FIXED32:
        n = 4;
        break;
    case WIRE_BYTES:
        if (!get_varint(s, &n))
            return false;
        break;
    default:
        return false;
    }
    if (n > s->n)
        return false;
    *ret_value = av_span_slice(*s, 0, (size_t)n);
    *s = av_span_skip(*s, (size_t)n);
    return true;
}

static av_errc
check_string(const ProtobufCFieldDescriptor *field, const av_field_info *info, av_span value, av_error *err)
{
    if (info != NULL && value.n > info->max_bytes)
        return av_error_set(err, AV_ERR_LIMIT, "%s is longer than %u bytes", field->name, info->max_bytes);
    if (!av_utf8_valid(value) || av_span_find(value, 0) < value.n)
        return av_error_set(err, AV_ERR_INVALID, "%s is not UTF-8 text without NUL", field->name);
    return AV_OK;
}

static av_errc
walk(const ProtobufCMessageDescriptor *type, av_span packed, bool limits, unsigned depth, av_error *err)
{
    const av_message_info *message = limits ? av_proto_message(type) : NULL;

    if (depth == DEPTH_MAX)
        return av_error_set(err, AV_ERR_SYNTAX, "%s: nested too deeply", type->short_name);
    while (packed.n > 0) {
        const ProtobufCFieldDescriptor *field;
        av_span value = { NULL, 0 };
        uint64_t tag;
        av_errc rc = AV_OK;

        if (!get_varint(&packed, &tag) || !get_value(&packed, (unsigned)(tag & 7), &value))
            return av_error_set(err, AV_ERR_SYNTAX, "%s: not a message of this type", type->short_name);
        if ((tag & 7) != WIRE_BYTES || tag >> 3 > UINT32_MAX)
            continue;
        field = protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if (field == NULL)
            continue;
        if (field->type == PROTOBUF_C_TYPE_STRING)
            rc = check_string(field, message == NULL ? NULL : &message->fields[field - type->fields], value, err);
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            rc = walk(field->descriptor, value, limits, depth + 1, err);
        if (rc != AV_OK)
            return rc;
    }
    return AV_OK;
}

av_errc
av_body_open(const ProtobufCMessageDescriptor *type, av_span packed, bool limits, ProtobufCMessage **ret, av_error *err)
{
    ProtobufCMessage *message;
    av_errc rc = walk(type, packed, limits, 0, err);

    if (rc != AV_OK)
        return rc;
    message = protobuf_c_message_unpack(type, NULL, packed.n, packed.n == 0 ? (const uint8_t *)"" : packed.p);
    if (message == NULL)
        return av_error_set(
            err, AV_ERR_SYNTAX, "%s: a required field is missing or has another type", type->short_name);
    *ret = message;
    return AV_OK;
}
