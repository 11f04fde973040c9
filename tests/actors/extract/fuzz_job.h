/*
 * fuzz_job.h - a job for fuzzers: small allowances, and no PDF, which is poppler's to fuzz
 */
#ifndef AV_TESTS_ACTORS_EXTRACT_FUZZ_JOB_H
#define AV_TESTS_ACTORS_EXTRACT_FUZZ_JOB_H

#include "actors/extract/readers.h"
#include "base/unicode.h"

typedef av_errc fuzz_read_fn(av_job *job, av_span bytes, av_error *err);

/* Read the bytes with one reader; what must be true of whatever comes out. */
static inline void
fuzz_read(fuzz_read_fn *read, uint32_t depth, const uint8_t *data, size_t size)
{
    av_error err = { .code = AV_OK };
    av_job job;
    av_errc rc;

    if (size >= 5 && memmem(data, size, "%PDF-", 5) != NULL)
        return;
    av_job_init(&job, 64 * 1024, 1 << 20, depth, -1);
    job.items_left = 20;
    rc = read(&job, av_span_of(data, size), &err);
    assert(rc == AV_OK || (rc == err.code && err.msg[0] != '\0'));
    assert(av_utf8_valid(av_buf_span(&job.out)) && job.out.n <= 64 * 1024);
    assert(job.depth_left == depth);
    av_job_release(&job);
}

#endif
