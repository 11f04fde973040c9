/*
 * fuzz_run_blocks.c - a run made of any rows at all
 *
 * Input: rows of (1 byte: kind, 1 byte: length of the rest of the key, key, 2 bytes: length of the value, value). Rows
 * that are out of order are left out, as no database would give them so.
 */
#include "storage/postings/block.h"
#include "tests/storage/postings/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_memory_run *memory = av_memory_run_new();
    av_run_sink sink = av_memory_run_sink(memory);
    av_span s = av_span_of(data, size), key, value;
    uint8_t last[sizeof AV_RUN_KINDS - 1][256], kind, n, bytes[256];
    size_t last_n[sizeof AV_RUN_KINDS - 1] = { 0 };
    uint16_t length;
    av_run_source source;
    av_error err;

    while (av_span_get_u8(&s, &kind) && av_span_get_u8(&s, &n) && n < 200 && av_span_get_bytes(&s, n, &key) &&
           av_span_get_u16(&s, &length)) {
        unsigned k = kind % (sizeof AV_RUN_KINDS - 1);

        length = (uint16_t)AV_MIN(length, s.n);
        (void)av_span_get_bytes(&s, length, &value);
        bytes[0] = (uint8_t)AV_RUN_KINDS[k];
        if (n > 0)
            memcpy(bytes + 1, key.p, n);
        key = av_span_of(bytes, 1 + (size_t)n);
        if (last_n[k] > 0 && av_term_compare(key, av_span_of(last[k], last_n[k])) <= 0)
            continue;
        memcpy(last[k], bytes, key.n);
        last_n[k] = key.n;
        (void)sink.put(sink.ctx, key, value, &err);
    }
    source = av_memory_run_source(memory);
    hostile_ask(&source);
    av_memory_run_destroy(&memory);
    return 0;
}
