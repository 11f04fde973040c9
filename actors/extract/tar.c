/*
 * tar.c - TAR archives: names and contents of regular files (POSIX.1-1988 ustar; GNU long names)
 */
#include "actors/extract/readers.h"

#define BLOCK 512

/* A number in octal digits, blanks around it. false: it is none, or base-256 for what is too large anyway. */
static bool
octal(av_span field, uint64_t *ret)
{
    uint64_t value = 0;
    bool any = false;

    for (size_t i = 0; i < field.n && field.p[i] != 0; i++) {
        if (field.p[i] == ' ')
            continue;
        if (field.p[i] < '0' || field.p[i] > '7' || value >> 40 != 0)
            return false;
        value = value * 8 + (uint64_t)(field.p[i] - '0');
        any = true;
    }
    *ret = value;
    return any;
}

static av_span
up_to_nul(av_span s)
{
    s.n = av_span_find(s, 0);
    return s;
}

av_errc
av_read_tar(av_job *job, av_span bytes, av_error *err)
{
    av_span long_name = { 0 };

    while (bytes.n >= BLOCK && bytes.p[0] != 0) {
        av_span head = av_span_slice(bytes, 0, BLOCK), body, name;
        uint8_t type = head.p[156];
        uint64_t size;

        if (memcmp(head.p + 257, "ustar", 5) != 0 || !octal(av_span_slice(head, 124, 136), &size))
            return av_error_set(err, AV_ERR_CORRUPT, "has a broken entry");
        bytes = av_span_skip(bytes, BLOCK);
        if (size > bytes.n)
            return av_error_set(err, AV_ERR_CORRUPT, "is cut short");
        body = av_span_slice(bytes, 0, size);
        bytes = av_span_skip(bytes, (size_t)AV_MIN((size + BLOCK - 1) / BLOCK * BLOCK, (uint64_t)bytes.n));
        name = long_name.n > 0 ? long_name : up_to_nul(av_span_slice(head, 0, 100));
        long_name = type == 'L' ? up_to_nul(body) : (av_span){ 0 };
        if ((type == '0' || type == 0) && !av_job_nested(job, name, (av_span){ 0 }, body))
            break;
    }
    return av_job_done(job, err);
}
