/*
 * read.c - from the kind of a document to its reader
 */
#include "actors/extract/job.h"
#include "actors/extract/readers.h"

static const struct reader {
    const char *what; /* for the sentence */
    av_errc (*read)(av_job *job, av_span bytes, av_error *err);
} readers[AV_KIND_COUNT] = {
    [AV_KIND_PDF] = { "PDF document", av_read_pdf },
    [AV_KIND_ZIP] = { "ZIP package", av_read_zip },
    [AV_KIND_OLE] = { "Office document", av_read_ole },
    [AV_KIND_RTF] = { "RTF document", av_read_rtf },
    [AV_KIND_HTML] = { "HTML page", av_read_html },
    [AV_KIND_XML] = { "XML document", av_read_xml },
    [AV_KIND_MAIL] = { "message", av_read_mail },
    [AV_KIND_TNEF] = { "TNEF package", av_read_tnef },
    [AV_KIND_GZIP] = { "GZIP file", av_read_gzip },
    [AV_KIND_TAR] = { "TAR archive", av_read_tar },
    [AV_KIND_TEXT] = { "text", av_read_plain },
};

av_errc
av_job_read(av_job *self, av_kind kind, av_span bytes, av_error *err)
{
    av_kind found = av_kind_of_bytes(bytes);
    av_errc rc;

    if (kind == AV_KIND_NONE || kind >= AV_KIND_COUNT)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "is of no kind that can be read");
    if (bytes.n == 0)
        return AV_OK;
    /* Named as one thing, no other by its first bytes: exports called .xls and .doc are often plain text. */
    if (found == AV_KIND_NONE && (kind == AV_KIND_OLE || kind == AV_KIND_ZIP || kind == AV_KIND_RTF) &&
        av_plain_is_text(bytes))
        kind = AV_KIND_TEXT;
    rc = readers[kind].read(self, bytes, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", readers[kind].what);
}
