/*
 * inflate.c - see inflate.h (zlib does the work); GZIP files
 */
#include "actors/extract/inflate.h"

#include <zlib.h>

#include "actors/extract/readers.h"

#define PIECE (64 * 1024)

bool
av_sink_buf(void *ctx, av_span piece)
{
    return av_buf_append_span(ctx, piece);
}

static av_errc
run(av_job *job, z_stream *z, av_sink_fn *sink, void *ctx, av_error *err)
{
    uint8_t piece[PIECE];

    for (;;) {
        int rc;
        size_t n;

        z->next_out = piece;
        z->avail_out = sizeof piece;
        rc = inflate(z, Z_NO_FLUSH);
        n = sizeof piece - z->avail_out;
        if (av_job_unpacked(job, n, err) != AV_OK)
            return err->code;
        if (n > 0 && !sink(ctx, av_span_of(piece, n)))
            return AV_OK;
        if (rc == Z_STREAM_END)
            return AV_OK;
        if (rc == Z_MEM_ERROR)
            return av_error_set(err, AV_ERR_NOMEM, "no memory to unpack");
        if (rc == Z_BUF_ERROR || (rc == Z_OK && n == 0 && z->avail_in == 0))
            return av_error_set(err, AV_ERR_CORRUPT, "is cut short");
        if (rc != Z_OK)
            return av_error_set(err, AV_ERR_CORRUPT, "has broken compressed data");
    }
}

av_errc
av_inflate(av_job *job, av_inflate_form form, av_span in, av_sink_fn *sink, void *ctx, av_error *err)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)AV_MIN(in.n, (size_t)UINT32_MAX) };
    static const int window[] = {
        [AV_INFLATE_RAW] = -MAX_WBITS, [AV_INFLATE_ZLIB] = MAX_WBITS, [AV_INFLATE_GZIP] = 16 + MAX_WBITS
    };
    av_errc rc;

    if (inflateInit2(&z, window[form]) != Z_OK)
        return av_error_set(err, AV_ERR_NOMEM, "no memory to unpack");
    rc = run(job, &z, sink, ctx, err);
    (void)inflateEnd(&z);
    return rc;
}

/* One file, its name (when there is one) in the head (RFC 1952, 2.3); what follows the first member is not read. */
av_errc
av_read_gzip(av_job *job, av_span bytes, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf inner = { 0 };
    av_span name = { 0 };
    av_errc rc, inflate_rc;

    av_buf_init(&inner, (size_t)AV_MIN(job->unpacked_left, (uint64_t)SIZE_MAX / 2));
    inflate_rc = av_inflate(job, AV_INFLATE_GZIP, bytes, av_sink_buf, &inner, err);
    if (bytes.n > 10 && (bytes.p[3] & 0x0C) == 0x08) { /* FNAME without FEXTRA */
        name = av_span_skip(bytes, 10);
        name.n = AV_MIN(av_span_find(name, 0), (size_t)255);
    }
    if (name.n == 0) /* compressed text is what there mostly is */
        name = av_plain_is_text(av_buf_span(&inner)) ? av_span_str("contents.txt") : av_span_str("contents");
    (void)av_job_nested(job, name, (av_span){ 0 }, av_buf_span(&inner));
    if (inflate_rc != AV_OK)
        return inflate_rc;
    if (inner.full)
        return av_error_set(err, AV_ERR_LIMIT, "unpacks to more than there is memory for (attachment_memory_mb)");
    rc = av_job_done(job, err);
    return rc;
}
