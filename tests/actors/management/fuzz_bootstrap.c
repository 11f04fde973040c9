/*
 * fuzz_bootstrap.c - any bytes as a bootstrap file
 */
#include "actors/management/bootstrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_bootstrap b;
    av_error err;

    if (av_bootstrap_parse(av_span_of(data, size), &b, &err) == AV_OK && (b.node[0] == '\0' || b.roles == 0))
        __builtin_trap();
    av_bootstrap_release(&b);
    return 0;
}
