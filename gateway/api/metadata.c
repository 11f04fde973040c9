/*
 * metadata.c - get-metadata: what functions there are, from the method table
 */
#include "gateway/api/api_priv.h"
#include "proto/json.h"

static json_t *
arguments_of(const av_method_info *method)
{
    const av_message_info *input = av_proto_message(method->input);
    json_t *list = json_array();

    for (unsigned i = 0; i < method->input->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &method->input->fields[i];
        json_t *one;

        if ((input->fields[i].flags & AV_FIELD_JSON_OMIT) != 0)
            continue;
        one = json_object();
        (void)json_object_set_new(one, "name", json_string(input->fields[i].json_key));
        (void)json_object_set_new(one, "type", json_string(av_form_type_word(field)));
        (void)json_object_set_new(one, "nullable", json_boolean(!av_form_is_required(field, &input->fields[i])));
        (void)json_array_append_new(list, one);
    }
    return list;
}

json_t *
av_api_metadata(void)
{
    json_t *list = json_array();

    for (size_t i = 0; i < av_proto_method_count; i++) {
        const av_method_info *method = &av_proto_methods[i];
        json_t *one;

        if (method->api == NULL)
            continue;
        one = json_object();
        (void)json_object_set_new(one, "name", json_string(method->api));
        (void)json_object_set_new(one, "args", arguments_of(method));
        (void)json_array_append_new(list, one);
    }
    return list;
}

void
av_api_run_metadata(av_api_job *self)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, AV_API_REPLY_MAX);
    (void)av_buf_append_span(&text, av_buf_span(&self->api->metadata));
    av_api_job_json(self, &text);
}
