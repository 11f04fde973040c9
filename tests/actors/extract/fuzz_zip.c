/*
 * fuzz_zip.c - any bytes as a package: Office, OpenDocument, EPUB, files
 */
#include "tests/actors/extract/fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read(av_read_zip, 0, data, size);
    return 0;
}
