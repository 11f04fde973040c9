/*
 * table.h - the contract as C tables: every method, message, field and enum of proto/ with its options
 *
 * The data is written by tools/protogen from the descriptor set at build time (build tree: proto/table_data.c). Dispatch,
 * caller checks, the Management API, its metadata, OpenAPI and the CLI's help are all read from here.
 */
#ifndef AV_PROTO_TABLE_H
#define AV_PROTO_TABLE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit for a Caller of options.proto in av_method_info.callers. */
#define AV_CALLER_BIT(caller) (1U << (unsigned)(caller))

enum {                        /* av_field_info.flags */
    AV_FIELD_JSON_OBJECT = 1, /* repeated KeyValue shown as one object */
    AV_FIELD_JSON_OMIT = 2,
    AV_FIELD_JSON_NULL = 4, /* null when absent */
    AV_FIELD_SECRET = 8,
    AV_FIELD_JSON_REQUIRED = 16 /* repeated, but an API call must give it */
};

typedef struct av_field_info {
    const char *json_key; /* never NULL: json_key option, else lowerCamelCase */
    const char *help;
    const char *json_tree; /* or NULL */
    uint32_t max_bytes;    /* of a string or bytes value; 0 in the option gives 1024 here */
    uint32_t flags;
} av_field_info;

typedef struct av_message_info {
    const ProtobufCMessageDescriptor *descriptor;
    const av_field_info *fields; /* descriptor->n_fields rows in the order of descriptor->fields */
} av_message_info;

typedef struct av_method_info {
    const char *name;    /* archivolt.Instance.GetUsers */
    const char *service; /* Instance */
    const char *method;  /* GetUsers */
    const ProtobufCMessageDescriptor *input, *output;
    uint32_t callers; /* AV_CALLER_BIT(...) or'ed */
    const char *help;
    const char *api;      /* Management API name, or NULL */
    const char *route_by; /* input field naming the instance, or NULL */
    const char *fan_out;  /* or NULL */
    const char *result;   /* output field that is the API's result, or NULL */
    bool long_running, changes_state, stream_in, stream_out;
} av_method_info;

extern const av_method_info av_proto_methods[]; /* sorted by name */
extern const size_t av_proto_method_count;

/* Each NULL when there is none. Names are compared exactly. */
const av_method_info *av_proto_method(const char *full_name);
const av_method_info *av_proto_method_by_api(const char *api_name);
/* "Instance.GetUsers", "GetUsers" (when only one service has it) or a full name: for people at a shell. */
const av_method_info *av_proto_method_by_any_name(const char *name);
const av_message_info *av_proto_message(const ProtobufCMessageDescriptor *descriptor);
const av_message_info *av_proto_message_by_name(const char *full_name);
/* JSON word of an enum value: what all value names share is cut, then lowerCamelCase: START_MODE_WRITE_PROTECTED ->
   "writeProtected". NULL: no such number. Good until the next call of this thread. */
const char *av_proto_enum_word(const ProtobufCEnumDescriptor *type, int value);
/* The other way; false: no such word. */
bool av_proto_enum_value(const ProtobufCEnumDescriptor *type, const char *word, int *ret);

#endif
