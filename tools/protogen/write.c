/*
 * write.c - the tables of proto/table.h as C source
 */
#include "tools/protogen/protogen.h"

#include <ctype.h>

/* CamelCase -> camel_case the way protoc-c does it: an underscore before each capital that follows a small letter. */
static char *
snake(const char *name)
{
    av_buf out;
    bool was_upper = true;

    av_buf_init(&out, 512);
    for (; *name != '\0'; name++) {
        bool upper = isupper((unsigned char)*name) != 0;

        if (upper && !was_upper)
            av_buf_putc(&out, '_');
        av_buf_putc(&out, (uint8_t)tolower((unsigned char)*name));
        was_upper = upper;
    }
    return av_xstrdup(av_buf_cstr(&out)); /* a build tool: the buffer goes with the process */
}

/* snake_case -> lowerCamelCase. */
static char *
camel(const char *name)
{
    char *out = av_xstrdup(name), *to = out;

    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '_' && p[1] != '\0')
            *to++ = (char)toupper((unsigned char)*++p);
        else
            *to++ = *p;
    }
    *to = '\0';
    return out;
}

static void
put_string(FILE *out, const char *s)
{
    if (s == NULL) {
        fprintf(out, "NULL");
        return;
    }
    fputc('"', out);
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

static int
by_number(const void *a, const void *b)
{
    const field_desc *x = *(field_desc *const *)a, *y = *(field_desc *const *)b;

    return x->number < y->number ? -1 : 1;
}

static void
write_field(FILE *out, const field_desc *f)
{
    const ProtobufCMessage *options = (const ProtobufCMessage *)f->options;
    char *key = option_string(options, OPT_JSON_KEY);
    uint64_t max = option_number(options, OPT_MAX_BYTES);

    fprintf(out, "    { ");
    put_string(out, key != NULL ? key : camel(f->name));
    fprintf(out, ", ");
    put_string(out, option_string(options, OPT_FIELD_HELP));
    fprintf(out, ", ");
    put_string(out, option_string(options, OPT_JSON_TREE));
    fprintf(out, ", %u, %s%s%s%s%s0 },\n", max == 0 ? 1024U : (unsigned)max,
        option_number(options, OPT_JSON_OBJECT) != 0 ? "AV_FIELD_JSON_OBJECT | " : "",
        option_number(options, OPT_JSON_OMIT) != 0 ? "AV_FIELD_JSON_OMIT | " : "",
        option_number(options, OPT_JSON_NULL) != 0 ? "AV_FIELD_JSON_NULL | " : "",
        option_number(options, OPT_SECRET) != 0 ? "AV_FIELD_SECRET | " : "",
        option_number(options, OPT_JSON_REQUIRED) != 0 ? "AV_FIELD_JSON_REQUIRED | " : "");
}

static void
write_fields_of(FILE *out, const message_desc *message)
{
    if (message->n_field == 0)
        return;
    qsort(message->field, message->n_field, sizeof message->field[0], by_number); /* protobuf-c's order */
    fprintf(out, "static const av_field_info fields_%s[] = {\n", snake(message->name));
    for (size_t i = 0; i < message->n_field; i++)
        write_field(out, message->field[i]);
    fprintf(out, "};\n\n");
}

static const char *
descriptor_of(const char *type_name)
{
    const char *name = strrchr(type_name, '.');

    return av_xasprintf("&archivolt__%s__descriptor", snake(name == NULL ? type_name : name + 1));
}

static void
write_method(FILE *out, const service_desc *service, const method_desc *method)
{
    const ProtobufCMessage *options = (const ProtobufCMessage *)method->options;
    static const unsigned strings[] = { OPT_HELP, OPT_API, OPT_ROUTE_BY, OPT_FAN_OUT, OPT_RESULT };
    static const unsigned flags[] = { OPT_LONG_RUNNING, OPT_CHANGES_STATE, OPT_STREAM_IN, OPT_STREAM_OUT };

    fprintf(out, "    { \"" PACKAGE ".%s.%s\", \"%s\", \"%s\", %s, %s, 0x%xU, ", service->name, method->name,
        service->name, method->name, descriptor_of(method->input_type), descriptor_of(method->output_type),
        option_bits(options, OPT_CALLER));
    for (size_t i = 0; i < AV_COUNT(strings); i++) {
        put_string(out, option_string(options, strings[i]));
        fprintf(out, ", ");
    }
    for (size_t i = 0; i < AV_COUNT(flags); i++)
        fprintf(
            out, "%s%s", option_number(options, flags[i]) != 0 ? "true" : "false", i + 1 < AV_COUNT(flags) ? ", " : "");
    fprintf(out, " },\n");
}

typedef struct method_row {
    const service_desc *service;
    const method_desc *method;
} method_row;

static int
by_full_name(const void *a, const void *b)
{
    const method_row *x = a, *y = b;
    char *p = av_xasprintf("%s.%s", x->service->name, x->method->name);
    char *q = av_xasprintf("%s.%s", y->service->name, y->method->name);
    int order = strcmp(p, q);

    free(p);
    free(q);
    return order;
}

static void
write_methods(const file_set *set, FILE *out)
{
    method_row rows[1024];
    size_t n = 0;

    for (size_t i = 0; i < set->n_file; i++)
        for (size_t k = 0; is_ours(set->file[i]) && k < set->file[i]->n_service; k++)
            for (size_t m = 0; m < set->file[i]->service[k]->n_method; m++) {
                if (n == AV_COUNT(rows))
                    die("more than %zu methods", n);
                rows[n++] = (method_row){ set->file[i]->service[k], set->file[i]->service[k]->method[m] };
            }
    qsort(rows, n, sizeof rows[0], by_full_name);
    fprintf(out, "const av_method_info av_proto_methods[] = {\n");
    for (size_t i = 0; i < n; i++)
        write_method(out, rows[i].service, rows[i].method);
    fprintf(out, "};\n\nconst size_t av_proto_method_count = %zu;\n\n", n);
}

void
write_tables(const file_set *set, FILE *out)
{
    fprintf(out, "/* Written by protogen from proto/; do not edit. */\n#include \"proto/table.h\"\n#include "
                 "\"proto/table_priv.h\"\n\n");
    for (size_t i = 0; i < set->n_file; i++)
        if (is_ours(set->file[i]))
            fprintf(out, "#include \"%.*s.pb-c.h\"\n", (int)(strlen(set->file[i]->name) - strlen(".proto")),
                set->file[i]->name);
    fprintf(out, "\n");
    for (size_t i = 0; i < set->n_file; i++)
        for (size_t k = 0; is_ours(set->file[i]) && k < set->file[i]->n_message_type; k++)
            write_fields_of(out, set->file[i]->message_type[k]);
    fprintf(out, "const av_message_info av_proto_messages[] = {\n");
    for (size_t i = 0; i < set->n_file; i++)
        for (size_t k = 0; is_ours(set->file[i]) && k < set->file[i]->n_message_type; k++) {
            const message_desc *m = set->file[i]->message_type[k];
            char *name = snake(m->name);

            fprintf(out, "    { &archivolt__%s__descriptor, %s%s },\n", name, m->n_field == 0 ? "NULL" : "fields_",
                m->n_field == 0 ? "" : name);
        }
    fprintf(out, "    { NULL, NULL },\n};\n\n");
    write_methods(set, out);
}
