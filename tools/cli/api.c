/*
 * api.c - functions of an instance by their API names, from key=value pairs
 */
#include "tools/cli/cli.h"

av_form_field
cli_field(const char *key, const char *value)
{
    return (av_form_field){ av_span_str(key), av_span_str(value) };
}

int
cli_call_api(cli *self, const char *instance, const char *function, const av_form_field *fields, size_t count,
    ProtobufCMessage **ret)
{
    const av_method_info *m = av_proto_method_by_api(function);
    AV_CLEANUP(av_free) char *actor = av_xasprintf("instance/%s", instance);
    ProtobufCMessage *body = NULL;
    av_error err;
    int status;

    assert(m != NULL);
    if (av_form_to_message(fields, count, m->input, &body, &err) != AV_OK)
        return cli_fail(self, &err);
    status = cli_call(self, actor, m->name, body, av_span_of(NULL, 0), ret);
    protobuf_c_message_free_unpacked(body, NULL);
    return status;
}
