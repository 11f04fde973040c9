/*
 * fuzz_tnef.c - any bytes as a winmail.dat
 */
#include "tests/actors/extract/fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(av_read_tnef, 2, data, size);
    return 0;
}
