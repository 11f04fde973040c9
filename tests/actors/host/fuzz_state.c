/*
 * fuzz_state.c - any bytes as a state file: refused, or written back as they were
 */
#include "actors/host/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_state state;
    av_error err;
    av_buf out;

    if (av_state_parse(av_span_of(data, size), &state, &err) != AV_OK)
        return 0;
    av_buf_init(&out, size + 64);
    av_state_write_head(&out, state.boot);
    for (size_t i = 0; i < state.instance_count; i++)
        av_state_write_instance(&out, &state.instances[i]);
    for (size_t i = 0; i < state.worker_count; i++)
        av_state_write_worker(&out, &state.workers[i]);
    if (out.full)
        __builtin_trap();
    av_buf_release(&out);
    av_state_release(&state);
    return 0;
}
