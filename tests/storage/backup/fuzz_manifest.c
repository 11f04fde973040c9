/*
 * fuzz_manifest.c - the manifest of a backup on any bytes: what it takes, it writes the same
 */
#include "storage/backup/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest first = { 0 };
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest second = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 }, again = { 0 };
    av_error err;

    if (av_backup_manifest_parse(av_span_of(data, size), &first, &err) != AV_OK)
        return 0;
    av_buf_init(&text, 1U << 24);
    av_buf_init(&again, 1U << 24);
    assert(av_backup_manifest_format(&first, &text));
    assert(av_backup_manifest_parse(av_buf_span(&text), &second, &err) == AV_OK);
    assert(av_backup_manifest_format(&second, &again));
    assert(av_span_eq(av_buf_span(&text), av_buf_span(&again)));
    return 0;
}
