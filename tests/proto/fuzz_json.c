/*
 * fuzz_json.c - hostile JSON and form text against the widest messages
 */
#include "proto/json.h"

#include "proto/instance.pb-c.h"
#include "proto/management.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ProtobufCMessageDescriptor *const types[] = { &archivolt__instance_config__descriptor,
        &archivolt__service_status__descriptor, &archivolt__user_info__descriptor };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(types); i++) {
        json_t *value = NULL;
        ProtobufCMessage *message = NULL;
        av_form_field field = { av_span_str("config"), av_span_of(data, size) };

        if (av_json_parse(av_span_of(data, size), &value, &err) == AV_OK &&
            av_json_to_message(value, types[i], &message, &err) == AV_OK)
            json_decref(av_json_from_message(message));
        json_decref(value);
        protobuf_c_message_free_unpacked(message, NULL);
        message = NULL;
        if (av_form_to_message(&field, 1, &archivolt__create_instance_request__descriptor, &message, &err) == AV_OK)
            protobuf_c_message_free_unpacked(message, NULL);
    }
    return 0;
}
