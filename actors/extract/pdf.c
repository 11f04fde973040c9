/*
 * pdf.c - PDF documents (poppler does the work, behind poppler.h)
 */
#include "actors/extract/poppler.h"
#include "actors/extract/readers.h"

static bool
on_text(void *ctx, const char *utf8, size_t n)
{
    av_job *job = ctx;
    bool more = av_job_utf8(job, av_span_of(utf8, n)) && av_job_line(job);

    av_job_flush(job);
    return more;
}

static bool
on_file(void *ctx, const char *name, size_t name_n, const char *type, size_t type_n, const char *bytes, size_t n)
{
    av_job *job = ctx;
    av_error err;

    if (job->skip_pdf_files)
        return false;
    if (av_job_unpacked(job, n, &err) != AV_OK) {
        job->inner = err;
        return false;
    }
    return av_job_nested(job, av_span_of(name, name_n), av_span_of(type, type_n), av_span_of(bytes, n));
}

av_errc
av_read_pdf(av_job *job, av_span bytes, av_error *err)
{
    av_poppler_sink sink = { job, on_text, on_file };
    int broken_pages = 0;

    if (bytes.n > INT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "is larger than 2 GB");
    switch (av_poppler_read(bytes.p, bytes.n, &sink, &broken_pages)) {
    case AV_POPPLER_OK:
        break;
    case AV_POPPLER_BROKEN:
        return av_error_set(err, AV_ERR_CORRUPT, "is broken");
    case AV_POPPLER_LOCKED:
        return av_error_set(err, AV_ERR_CORRUPT, "is encrypted: it opens with a password only");
    case AV_POPPLER_NOMEM:
        return av_error_set(err, AV_ERR_LIMIT, "needs more memory than the limit (attachment_memory_mb)");
    }
    if (broken_pages > 0)
        return av_error_set(err, AV_ERR_CORRUPT, "has %d broken pages", broken_pages);
    return av_job_done(job, err);
}

void
av_pdf_init(void)
{
    /* A whole document of one page, so that all that poppler sets up once is set up. */
    static const char tiny[] =
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
        "4 0 obj<</Length 25>>stream\nBT /F 8 Tf (warm) Tj ET  \nendstream endobj\n"
        "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n";
    av_error err;
    av_job job;

    av_poppler_silence();
    av_job_init(&job, 1024, 1024, 0, -1);
    (void)av_read_pdf(&job, av_span_of(tiny, sizeof tiny - 1), &err);
    av_job_release(&job);
}
