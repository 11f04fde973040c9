/*
 * form.c - a message from form fields, see json.h
 */
#include "proto/json.h"
#include "proto/value.h"

const char *
av_form_type_word(const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return "json";
    if (field->label == PROTOBUF_C_LABEL_REPEATED) /* a comma list */
        return "string";
    if (field->type == PROTOBUF_C_TYPE_BOOL)
        return "bool";
    if (av_value_is_integer(field) || field->type == PROTOBUF_C_TYPE_DOUBLE || field->type == PROTOBUF_C_TYPE_FLOAT)
        return "number";
    return "string";
}

bool
av_form_is_required(const ProtobufCFieldDescriptor *field, const av_field_info *info)
{
    return field->label == PROTOBUF_C_LABEL_REQUIRED || (info->flags & AV_FIELD_JSON_REQUIRED) != 0;
}

static av_errc
put_number(void *at, const ProtobufCFieldDescriptor *field, av_span text, av_error *err)
{
    bool negative = text.n > 0 && text.p[0] == '-';
    av_span digits = av_span_skip(text, negative ? 1 : 0);
    uint64_t v = 0;

    if (!av_span_u64(digits, negative ? (uint64_t)INT64_MAX : UINT64_MAX, &v))
        return av_error_set(err, AV_ERR_INVALID, "must be a whole number");
    return negative ? av_value_put_i64(at, field, -(int64_t)v, err) : av_value_put_u64(at, field, v, err);
}

static av_errc
put_message(void *at, const ProtobufCFieldDescriptor *field, av_span text, av_error *err)
{
    json_t *value = NULL;
    ProtobufCMessage *message = NULL;
    av_errc rc = av_json_parse(text, &value, err);

    if (rc != AV_OK)
        return rc;
    rc = av_json_to_message(value, field->descriptor, &message, err);
    json_decref(value);
    if (rc == AV_OK)
        memcpy(at, &message, sizeof message);
    return rc;
}

static av_errc
put_scalar(void *at, const ProtobufCFieldDescriptor *field, const av_field_info *info, av_span text, av_error *err)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return av_value_put_string(at, info, text, err);
    case PROTOBUF_C_TYPE_BYTES:
        return av_value_put_bytes_base64(at, info, text, err);
    case PROTOBUF_C_TYPE_ENUM:
        return av_value_put_enum(at, field, text, err);
    case PROTOBUF_C_TYPE_MESSAGE:
        return put_message(at, field, text, err);
    case PROTOBUF_C_TYPE_BOOL:
        if (av_span_ieq_str(text, "true"))
            return av_value_put_bool(at, field, true, err);
        if (av_span_ieq_str(text, "false"))
            return av_value_put_bool(at, field, false, err);
        return av_error_set(err, AV_ERR_INVALID, "must be true or false");
    default:
        return put_number(at, field, text, err);
    }
}

static av_errc
put_one_more(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const av_field_info *info, av_span text,
    av_error *err)
{
    void *at = av_value_add(message, field);

    return at == NULL ? av_error_set(err, AV_ERR_LIMIT, "too many elements") : put_scalar(at, field, info, text, err);
}

/* "a, b,c": empty elements are left out, so an empty text is an empty list. */
static av_errc
put_comma_list(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const av_field_info *info,
    av_span text, av_error *err)
{
    while (text.n > 0) {
        size_t end = av_span_find(text, ',');
        av_span one = av_span_trim(av_span_slice(text, 0, end));
        av_errc rc = one.n == 0 ? AV_OK : put_one_more(message, field, info, one, err);

        if (rc != AV_OK)
            return rc;
        text = av_span_skip(text, AV_MIN(end + 1, text.n));
    }
    return AV_OK;
}

/* A JSON array of objects for a repeated message. */
static av_errc
put_message_list(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, av_span text, av_error *err)
{
    json_t *list = NULL, *element;
    size_t i;
    av_errc rc = av_json_parse(text, &list, err);

    if (rc != AV_OK)
        return rc;
    if (!json_is_array(list))
        rc = av_error_set(err, AV_ERR_INVALID, "must be a JSON list");
    json_array_foreach(list, i, element)
    {
        ProtobufCMessage *inner = NULL;
        void *at = av_value_add(message, field);

        if (at == NULL) {
            rc = av_error_set(err, AV_ERR_LIMIT, "too many elements");
            break;
        }
        rc = av_json_to_message(element, field->descriptor, &inner, err);
        if (rc != AV_OK)
            break; /* the empty slot is freed with the message */
        memcpy(at, &inner, sizeof inner);
    }
    json_decref(list);
    return rc;
}

static av_errc
put_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const av_field_info *info, av_span text,
    av_error *err)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return put_one_more(message, field, info, text, err);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return put_message_list(message, field, text, err);
    return put_comma_list(message, field, info, text, err);
}

static int
find_key(const av_message_info *type, av_span key)
{
    for (unsigned i = 0; i < type->descriptor->n_fields; i++)
        if ((type->fields[i].flags & AV_FIELD_JSON_OMIT) == 0 && av_span_eq_str(key, type->fields[i].json_key))
            return (int)i;
    return -1;
}

static av_errc
fill(ProtobufCMessage *message, const av_message_info *type, const av_form_field *fields, size_t count, av_error *err)
{
    bool seen[256] = { false };

    assert(type->descriptor->n_fields <= AV_COUNT(seen));
    for (size_t i = 0; i < count; i++) {
        int at = find_key(type, fields[i].key);
        av_errc rc;

        if (at < 0)
            return av_error_set(err, AV_ERR_INVALID, "Unknown API argument %.*s.", (int)AV_MIN(fields[i].key.n, 80),
                fields[i].key.p == NULL ? (const uint8_t *)"" : fields[i].key.p);
        if (seen[at])
            return av_error_set(err, AV_ERR_INVALID, "API argument %s is given twice.", type->fields[at].json_key);
        seen[at] = true;
        rc = put_field(message, &type->descriptor->fields[at], &type->fields[at], fields[i].value, err);
        if (rc != AV_OK)
            return av_error_prefix(err, "API argument %s", type->fields[at].json_key);
    }
    for (unsigned i = 0; i < type->descriptor->n_fields; i++)
        if (!seen[i] && av_form_is_required(&type->descriptor->fields[i], &type->fields[i]))
            return av_error_set(err, AV_ERR_INVALID, "Missing API argument %s.", type->fields[i].json_key);
    return AV_OK;
}

av_errc
av_form_to_message(const av_form_field *fields, size_t count, const ProtobufCMessageDescriptor *type,
    ProtobufCMessage **ret, av_error *err)
{
    ProtobufCMessage *message = av_value_new_message(type);
    av_errc rc = fill(message, av_proto_message(type), fields, count, err);

    if (rc != AV_OK) {
        protobuf_c_message_free_unpacked(message, NULL);
        return rc;
    }
    *ret = message;
    return AV_OK;
}
