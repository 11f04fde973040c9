/*
 * fuzz_body.c - any bytes as the body of any method: what is opened holds only UTF-8
 */
#include <stdint.h>

#include "actors/bus/body.h"
#include "proto/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const av_method_info *method;
    ProtobufCMessage *message = NULL;
    av_error err;

    if (size < 2)
        return 0;
    method = &av_proto_methods[(data[0] | data[1] << 8) % (int)av_proto_method_count];
    if (av_body_open(method->input, av_span_of(data + 2, size - 2), true, &message, &err) == AV_OK)
        protobuf_c_message_free_unpacked(message, NULL);
    message = NULL;
    if (av_body_open(method->output, av_span_of(data + 2, size - 2), false, &message, &err) == AV_OK)
        protobuf_c_message_free_unpacked(message, NULL);
    return 0;
}
