/*
 * json.c - see json.h
 */
#include "proto/json.h"

#include "base/encode.h"
#include "base/unicode.h"
#include "proto/value.h"

/* ---- writing ---- */

json_t *
av_json_text(const char *text)
{
    json_t *v = json_string(text == NULL ? "" : text);
    AV_CLEANUP(av_buf_release) av_buf repaired = { 0 };
    av_span rest = av_span_str(text);

    if (v != NULL)
        return v;
    av_buf_init(&repaired, rest.n * 3 + 16); /* U+FFFD has three bytes */
    while (rest.n > 0)
        av_utf8_put(&repaired, av_utf8_next(&rest));
    v = json_string(av_buf_cstr(&repaired));
    assert(v != NULL);
    return v;
}

static json_t *
json_of_bytes(const ProtobufCBinaryData *data)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, data->len * 2 + 16);
    av_base64_encode(av_span_of(data->data, data->len), &text);
    return json_string(av_buf_cstr(&text));
}

static json_t *
json_of_value(const ProtobufCFieldDescriptor *field, const void *at)
{
    int64_t i64;
    int32_t i32;
    uint32_t u32;
    double d;
    float f;
    const char *s;
    const ProtobufCMessage *m;

    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        memcpy(&i32, at, sizeof i32);
        return json_integer(i32);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        memcpy(&u32, at, sizeof u32);
        return json_integer(u32);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        memcpy(&i64, at, sizeof i64);
        return json_integer(i64);
    case PROTOBUF_C_TYPE_DOUBLE:
        memcpy(&d, at, sizeof d);
        return json_real(d);
    case PROTOBUF_C_TYPE_FLOAT:
        memcpy(&f, at, sizeof f);
        return json_real((double)f);
    case PROTOBUF_C_TYPE_BOOL: {
        protobuf_c_boolean b;

        memcpy(&b, at, sizeof b);
        return json_boolean(b != 0);
    }
    case PROTOBUF_C_TYPE_ENUM:
        memcpy(&i32, at, sizeof i32);
        s = av_proto_enum_word(field->descriptor, i32);
        return s == NULL ? json_integer(i32) : json_string(s);
    case PROTOBUF_C_TYPE_STRING:
        memcpy(&s, at, sizeof s);
        return av_json_text(s);
    case PROTOBUF_C_TYPE_BYTES:
        return json_of_bytes(at);
    case PROTOBUF_C_TYPE_MESSAGE:
        memcpy(&m, at, sizeof m);
        return av_json_from_message(m);
    }
    return json_null();
}

/* Repeated KeyValue as one object. */
static json_t *
json_of_pairs(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    json_t *object = json_object();

    for (size_t i = 0; i < av_value_count(message, field); i++) {
        const ProtobufCMessage *pair;
        const char *key, *value;

        memcpy(&pair, av_value_at(message, field, i), sizeof pair);
        memcpy(&key, av_value_at(pair, &pair->descriptor->fields[0], 0), sizeof key);
        memcpy(&value, av_value_at(pair, &pair->descriptor->fields[1], 0), sizeof value);
        json_object_set_new(object, key, av_json_text(value));
    }
    return object;
}

/* The flat rows of a json_tree field hung below each other: a row's children are an array under the list's own key. */
static json_t *
json_of_tree(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const av_field_info *info)
{
    json_t *rows = json_array(), *roots = json_array(), *row;
    size_t i;

    for (i = 0; i < av_value_count(message, field); i++)
        json_array_append_new(rows, json_of_value(field, av_value_at(message, field, i)));
    json_array_foreach(rows, i, row)
    {
        const ProtobufCMessage *m;
        const ProtobufCFieldDescriptor *parent_field;
        uint32_t parent = 0;
        bool has;

        memcpy(&m, av_value_at(message, field, i), sizeof m);
        parent_field = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, info->json_tree);
        has = parent_field != NULL && av_value_has(m, parent_field);
        if (has)
            memcpy(&parent, av_value_at(m, parent_field, 0), sizeof parent);
        if (has && parent < i) { /* only backwards: no circles */
            json_t *up = json_array_get(rows, parent), *list = json_object_get(up, info->json_key);

            if (list == NULL) {
                list = json_array();
                json_object_set_new(up, info->json_key, list);
            }
            json_array_append(list, row);
        } else {
            json_array_append(roots, row);
        }
    }
    json_decref(rows);
    return roots;
}

static json_t *
json_of_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const av_field_info *info)
{
    json_t *list;

    if ((info->flags & AV_FIELD_JSON_OBJECT) != 0)
        return json_of_pairs(message, field);
    if (info->json_tree != NULL)
        return json_of_tree(message, field, info);
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return av_value_has(message, field) ? json_of_value(field, av_value_at(message, field, 0)) : json_null();
    list = json_array();
    for (size_t i = 0; i < av_value_count(message, field); i++)
        json_array_append_new(list, json_of_value(field, av_value_at(message, field, i)));
    return list;
}

json_t *
av_json_from_message(const ProtobufCMessage *message)
{
    const av_message_info *type = av_proto_message(message->descriptor);
    json_t *object = json_object();

    assert(type != NULL);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const av_field_info *info = &type->fields[i];

        if ((info->flags & (AV_FIELD_JSON_OMIT | AV_FIELD_SECRET)) != 0)
            continue;
        if (field->label != PROTOBUF_C_LABEL_REPEATED && !av_value_has(message, field) &&
            (info->flags & AV_FIELD_JSON_NULL) == 0)
            continue;
        json_object_set_new(object, info->json_key, json_of_field(message, field, info));
    }
    return object;
}

json_t *
av_json_from_field(const ProtobufCMessage *message, const char *field_name)
{
    const av_message_info *type = av_proto_message(message->descriptor);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, field_name);

    if (field == NULL || type == NULL)
        return NULL;
    return json_of_field(message, field, &type->fields[field - message->descriptor->fields]);
}

static int
write_piece(const char *piece, size_t n, void *out)
{
    return av_buf_append(out, piece, n) ? 0 : -1;
}

bool
av_json_write(const json_t *value, bool indent, av_buf *out)
{
    return json_dump_callback(value, write_piece, out,
               JSON_ENCODE_ANY | JSON_REAL_PRECISION(AV_JSON_DIGITS) | (indent ? JSON_INDENT(2) : JSON_COMPACT)) == 0;
}

/* ---- reading ---- */

static bool
is_too_deep(const json_t *value, int levels)
{
    const char *key;
    size_t i;
    json_t *inner;

    if (levels == 0)
        return true;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, inner) if (is_too_deep(inner, levels - 1)) return true;
    }
    json_array_foreach(value, i, inner) if (is_too_deep(inner, levels - 1)) return true;
    return false;
}

av_errc
av_json_parse(av_span text, json_t **ret, av_error *err)
{
    json_error_t where;
    json_t *value = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);

    if (value == NULL)
        return av_error_set(
            err, AV_ERR_SYNTAX, "not valid JSON, line %d column %d: %s", where.line, where.column, where.text);
    if (is_too_deep(value, AV_JSON_DEPTH_MAX)) {
        json_decref(value);
        return av_error_set(err, AV_ERR_LIMIT, "JSON nests deeper than %d levels", AV_JSON_DEPTH_MAX);
    }
    *ret = value;
    return AV_OK;
}

static av_errc
value_from_json(
    const json_t *value, const ProtobufCFieldDescriptor *field, const av_field_info *info, void *at, av_error *err)
{
    av_span text =
        json_is_string(value) ? av_span_of(json_string_value(value), json_string_length(value)) : av_span_of(NULL, 0);

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return json_is_string(value) ? av_value_put_string(at, info, text, err)
                                     : av_error_set(err, AV_ERR_INVALID, "must be a string");
    case PROTOBUF_C_TYPE_BYTES:
        return json_is_string(value) ? av_value_put_bytes_base64(at, info, text, err)
                                     : av_error_set(err, AV_ERR_INVALID, "must be a base64 string");
    case PROTOBUF_C_TYPE_ENUM:
        return json_is_string(value) ? av_value_put_enum(at, field, text, err)
                                     : av_error_set(err, AV_ERR_INVALID, "must be a word");
    case PROTOBUF_C_TYPE_BOOL:
        return json_is_boolean(value) ? av_value_put_bool(at, field, json_is_true(value), err)
                                      : av_error_set(err, AV_ERR_INVALID, "must be true or false");
    case PROTOBUF_C_TYPE_MESSAGE: {
        ProtobufCMessage *inner = NULL;
        av_errc rc = av_json_to_message(value, field->descriptor, &inner, err);

        if (rc == AV_OK)
            memcpy(at, &inner, sizeof inner);
        return rc;
    }
    default:
        if (json_is_integer(value))
            return av_value_put_i64(at, field, json_integer_value(value), err);
        if (json_is_real(value))
            return av_value_put_double(at, field, json_real_value(value), err);
        return av_error_set(err, AV_ERR_INVALID, "must be a number");
    }
}

static av_errc
add_from_json(const json_t *value, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
    const av_field_info *info, av_error *err)
{
    void *at = av_value_add(message, field);

    return at == NULL ? av_error_set(err, AV_ERR_LIMIT, "too many elements")
                      : value_from_json(value, field, info, at, err);
}

static av_errc
field_from_json(const json_t *value, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
    const av_field_info *info, av_error *err)
{
    size_t i;
    json_t *element;

    if (json_is_null(value))
        return AV_OK; /* as if it were left out */
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return add_from_json(value, message, field, info, err);
    if (!json_is_array(value))
        return av_error_set(err, AV_ERR_INVALID, "must be a list");
    json_array_foreach(value, i, element)
    {
        av_errc rc = add_from_json(element, message, field, info, err);

        if (rc != AV_OK)
            return av_error_prefix(err, "element %zu", i + 1);
    }
    return AV_OK;
}

static int
find_key(const av_message_info *type, const char *key)
{
    for (unsigned i = 0; i < type->descriptor->n_fields; i++)
        if ((type->fields[i].flags & AV_FIELD_JSON_OMIT) == 0 && strcmp(type->fields[i].json_key, key) == 0)
            return (int)i;
    return -1;
}

av_errc
av_json_to_message(const json_t *value, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, av_error *err)
{
    const av_message_info *info = av_proto_message(type);
    ProtobufCMessage *message;
    const char *key;
    json_t *inner;
    av_errc rc = AV_OK;

    assert(info != NULL);
    if (!json_is_object(value))
        return av_error_set(err, AV_ERR_INVALID, "must be a JSON object");
    message = av_value_new_message(type);
    json_object_foreach((json_t *)value, key, inner)
    {
        int i = find_key(info, key);

        rc = i < 0 ? av_error_set(err, AV_ERR_INVALID, "unknown key")
                   : field_from_json(inner, message, &type->fields[i], &info->fields[i], err);
        if (rc != AV_OK) {
            av_error_prefix(err, "%.60s", key);
            break;
        }
    }
    for (unsigned i = 0; rc == AV_OK && i < type->n_fields; i++)
        if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED &&
            json_object_get(value, info->fields[i].json_key) == NULL)
            rc = av_error_set(err, AV_ERR_INVALID, "%s is missing", info->fields[i].json_key);
    if (rc != AV_OK) {
        protobuf_c_message_free_unpacked(message, NULL);
        return rc;
    }
    *ret = message;
    return AV_OK;
}
