/*
 * call_help.c - what archivolt call tells of the methods: all of them, one of them, which one is meant
 */
#include "tools/cli/call_priv.h"

static const char *
short_name(const av_method_info *m)
{
    return m->name + strlen("archivolt.");
}

/* "operator,session": who may call. */
static json_t *
callers_of(const av_method_info *m)
{
    json_t *words = json_array();

    for (int caller = ARCHIVOLT__CALLER__CALLER_ANY; caller <= ARCHIVOLT__CALLER__CALLER_MONITOR; caller++)
        if ((m->callers & AV_CALLER_BIT(caller)) != 0)
            json_array_append_new(words, json_string(av_proto_enum_word(&archivolt__caller__descriptor, caller)));
    return words;
}

int
cli_call_list(const cli *self)
{
    static const cli_column columns[] = { { "method", "METHOD" }, { "callers", "WHO MAY CALL" }, { "help", "HELP" } };
    json_t *rows = json_array();

    for (size_t i = 0; i < av_proto_method_count; i++) {
        const av_method_info *m = &av_proto_methods[i];

        json_array_append_new(rows, json_pack("{s:s,s:s?,s:o,s:s}", "method", short_name(m), "api", m->api, "callers",
                                        callers_of(m), "help", m->help));
    }
    if (self->json) {
        cli_print_json(self, rows);
        return CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), rows);
    json_decref(rows);
    printf("\nThis program calls those of \"operator\" and \"any\", and with --as those of \"session\".\n");
    return CLI_OK;
}

void
cli_call_describe(const av_method_info *m)
{
    const av_message_info *in = av_proto_message(m->input);
    int width = 0;
    bool shown = false;

    for (unsigned i = 0; i < in->descriptor->n_fields; i++)
        if ((in->fields[i].flags & AV_FIELD_JSON_OMIT) == 0)
            width = AV_MAX(width,
                (int)(strlen(in->fields[i].json_key) + 1 + strlen(av_form_type_word(&in->descriptor->fields[i]))));
    printf("Usage: archivolt call %s [KEY=VALUE]...\n\n%s\n\nArguments:\n", short_name(m), m->help);
    for (unsigned i = 0; i < in->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &in->descriptor->fields[i];
        const av_field_info *info = &in->fields[i];
        const char *type = av_form_type_word(field);

        if ((info->flags & AV_FIELD_JSON_OMIT) != 0)
            continue;
        shown = true;
        printf("  %s=%-*s  %s%s%s\n", info->json_key, width - (int)strlen(info->json_key) - 1, type,
            av_form_is_required(field, info) ? "(needed) " : "", info->help,
            (info->flags & AV_FIELD_SECRET) != 0 ? "; a secret: give it as @- or @FILE" : "");
    }
    if (!shown)
        printf("  none\n");
    printf("\nWho may call: ");
    for (int caller = ARCHIVOLT__CALLER__CALLER_ANY, n = 0; caller <= ARCHIVOLT__CALLER__CALLER_MONITOR; caller++)
        if ((m->callers & AV_CALLER_BIT(caller)) != 0)
            printf("%s%s", n++ > 0 ? ", " : "", av_proto_enum_word(&archivolt__caller__descriptor, caller));
    printf("\n");
}

/* "Actor.Ping, Management.Ping": the methods of that last name, of several services. */
static size_t
same_name(const char *name, av_buf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < av_proto_method_count; i++)
        if (strcmp(av_proto_methods[i].method, name) == 0)
            av_buf_printf(out, "%s%s", n++ > 0 ? ", " : "", short_name(&av_proto_methods[i]));
    return n;
}

const av_method_info *
cli_call_find(const cli *self, const char *name, int *status)
{
    const av_method_info *m = av_proto_method_by_any_name(name);
    AV_CLEANUP(av_buf_release) av_buf names = { 0 };

    if (m != NULL)
        return m;
    av_buf_init(&names, 4096);
    if (same_name(name, &names) > 0)
        *status = cli_usage("call", "%s is one of several: say which of %s", name, av_buf_cstr(&names));
    else
        *status =
            cli_failf(self, AV_ERR_NOT_FOUND, "there is no function %s; `archivolt call --list` shows them", name);
    return NULL;
}
