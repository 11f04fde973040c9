/*
 * fuzz_ole.c - any bytes as a compound file: Word, Excel, PowerPoint, .msg
 */
#include "tests/actors/extract/fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(av_read_ole, 2, data, size);
    return 0;
}
