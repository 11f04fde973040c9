/*
 * lint.c - what the contract must never hold
 *
 * Recursive messages (unpacking them has no depth limit: a 58 KB input overflows the stack), maps and groups (protobuf-c
 * does not name them), methods without help or caller, fields without help, a field number that once meant something else.
 */
#include "tools/protogen/protogen.h"

#include "base/file.h"

enum { MAX_DEPTH = 16 };

#define GROUP   GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP
#define MESSAGE GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE

static void
check_depth(const file_set *set, const message_desc *message, const char *top, int depth)
{
    if (depth > MAX_DEPTH)
        die("message %s is recursive or nests deeper than %d", top, MAX_DEPTH);
    for (size_t i = 0; i < message->n_field; i++) {
        const field_desc *f = message->field[i];
        const message_desc *inner = f->type == MESSAGE ? find_message(set, f->type_name) : NULL;

        if (inner != NULL)
            check_depth(set, inner, top, depth + 1);
    }
}

static void
check_message(const file_set *set, const message_desc *message)
{
    if (message->n_nested_type > 0)
        die("message %s: nested types and maps are not used here", message->name);
    check_depth(set, message, message->name, 0);
    for (size_t i = 0; i < message->n_field; i++) {
        const field_desc *f = message->field[i];
        char *help = option_string((const ProtobufCMessage *)f->options, OPT_FIELD_HELP);

        if (f->type == GROUP)
            die("%s.%s: groups are not used here", message->name, f->name);
        if (help == NULL || help[0] == '\0')
            die("%s.%s: no help_text", message->name, f->name);
        free(help);
    }
}

static bool
has_field(const message_desc *message, const char *name)
{
    for (size_t i = 0; message != NULL && i < message->n_field; i++)
        if (strcmp(message->field[i]->name, name) == 0)
            return true;
    return false;
}

static void
check_names_field(const file_set *set, const service_desc *service, const method_desc *method, unsigned option,
    const char *type, const char *word)
{
    char *field = option_string((const ProtobufCMessage *)method->options, option);

    if (field != NULL && !has_field(find_message(set, type), field))
        die("%s.%s: %s names \"%s\", which %s does not have", service->name, method->name, word, field, type);
    free(field);
}

static void
check_method(const file_set *set, const service_desc *service, const method_desc *method)
{
    const ProtobufCMessage *options = (const ProtobufCMessage *)method->options;
    char *help = option_string(options, OPT_HELP);

    if (help == NULL || help[0] == '\0')
        die("%s.%s: no help", service->name, method->name);
    if (option_bits(options, OPT_CALLER) == 0)
        die("%s.%s: no caller", service->name, method->name);
    if (option_number(options, OPT_LONG_RUNNING) != 0 && strcmp(method->output_type, "." PACKAGE ".Operation") != 0)
        die("%s.%s: long_running, so it must return Operation", service->name, method->name);
    check_names_field(set, service, method, OPT_ROUTE_BY, method->input_type, "route_by");
    check_names_field(set, service, method, OPT_FAN_OUT, method->input_type, "fan_out");
    check_names_field(set, service, method, OPT_RESULT, method->output_type, "result");
    free(help);
}

/* A line of the lock: "Message number name type". A released number keeps name and type, or is never used again. */
static void
check_lock_line(const file_set *set, av_span line)
{
    char *copy = av_span_dup(line);
    char message[128], name[128], number_text[16], type_text[16];
    uint64_t number, type;
    char full[200];
    const message_desc *found;

    if (sscanf(copy, "%127s %15s %127s %15s", message, number_text, name, type_text) != 4 ||
        !av_span_u64(av_span_str(number_text), UINT32_MAX, &number) ||
        !av_span_u64(av_span_str(type_text), UINT32_MAX, &type))
        die("numbers.lock: cannot read \"%s\"", copy);
    (void)snprintf(full, sizeof full, "." PACKAGE ".%s", message);
    found = find_message(set, full);
    for (size_t i = 0; found != NULL && i < found->n_field; i++) {
        const field_desc *f = found->field[i];

        if ((unsigned)f->number == number && (strcmp(f->name, name) != 0 || (unsigned)f->type != type))
            die("%s: number %s was %s (type %s) in a release and may not become %s", message, number_text, name,
                type_text, f->name);
    }
    free(copy);
}

static void
check_lock(const file_set *set, const char *lock_path)
{
    av_buf text;
    av_error err;
    av_span rest;

    av_buf_init(&text, 4U << 20);
    if (av_file_read_all(lock_path, &text, &err) != AV_OK)
        die("%s", err.msg);
    for (rest = av_buf_span(&text); rest.n > 0;) {
        size_t end = av_span_find(rest, '\n');
        av_span line = av_span_trim(av_span_slice(rest, 0, end));

        rest = av_span_skip(rest, AV_MIN(end + 1, rest.n));
        if (line.n > 0 && line.p[0] != '#')
            check_lock_line(set, line);
    }
    av_buf_release(&text);
}

void
lint(const file_set *set, const char *lock_path)
{
    for (size_t i = 0; i < set->n_file; i++) {
        const file_desc *file = set->file[i];

        if (!is_ours(file))
            continue;
        for (size_t k = 0; k < file->n_message_type; k++)
            check_message(set, file->message_type[k]);
        for (size_t k = 0; k < file->n_service; k++)
            for (size_t m = 0; m < file->service[k]->n_method; m++)
                check_method(set, file->service[k], file->service[k]->method[m]);
    }
    check_lock(set, lock_path);
}
