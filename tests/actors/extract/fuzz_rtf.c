/*
 * fuzz_rtf.c - any bytes as an RTF document
 */
#include "tests/actors/extract/fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(av_read_rtf, 2, data, size);
    return 0;
}
