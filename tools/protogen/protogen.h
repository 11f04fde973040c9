/*
 * protogen.h - the pieces of the table generator: reading options, lint, writing
 *
 * A build-time tool: it ends with a sentence on stderr and status 1 on the first thing that is wrong.
 */
#ifndef AV_TOOLS_PROTOGEN_H
#define AV_TOOLS_PROTOGEN_H

#include "base/buf.h"
#include "google/protobuf/descriptor.pb-c.h"

typedef Google__Protobuf__FileDescriptorSet file_set;
typedef Google__Protobuf__FileDescriptorProto file_desc;
typedef Google__Protobuf__DescriptorProto message_desc;
typedef Google__Protobuf__FieldDescriptorProto field_desc;
typedef Google__Protobuf__ServiceDescriptorProto service_desc;
typedef Google__Protobuf__MethodDescriptorProto method_desc;

#define PACKAGE "archivolt"

enum { /* numbers of proto/options.proto */
    OPT_CALLER = 50001,
    OPT_HELP = 50002,
    OPT_API = 50003,
    OPT_LONG_RUNNING = 50004,
    OPT_CHANGES_STATE = 50005,
    OPT_ROUTE_BY = 50006,
    OPT_FAN_OUT = 50007,
    OPT_RESULT = 50008,
    OPT_STREAM_IN = 50009,
    OPT_STREAM_OUT = 50010,
    OPT_FIELD_HELP = 50001,
    OPT_JSON_KEY = 50002,
    OPT_JSON_OBJECT = 50003,
    OPT_JSON_TREE = 50004,
    OPT_JSON_OMIT = 50005,
    OPT_JSON_NULL = 50006,
    OPT_SECRET = 50007,
    OPT_MAX_BYTES = 50008,
    OPT_JSON_REQUIRED = 50009
};

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Options as unknown fields of an options message (may be NULL). A copy owned by the caller, or NULL when unset. */
char *option_string(const ProtobufCMessage *options, unsigned number);
uint64_t option_number(const ProtobufCMessage *options, unsigned number);
/* Bits of a repeated enum option. */
uint32_t option_bits(const ProtobufCMessage *options, unsigned number);

/* Our own files: those of package archivolt. */
bool is_ours(const file_desc *file);
const message_desc *find_message(const file_set *set, const char *type_name);

/* Refuses what proto/options.proto says; lock_path holds the numbers of released fields. */
void lint(const file_set *set, const char *lock_path);
void write_tables(const file_set *set, FILE *out);

#endif
