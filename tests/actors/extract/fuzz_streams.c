/*
 * fuzz_streams.c - any bytes as what lies inside packages: the first byte says which reader gets the rest
 */
#include "actors/extract/mapi.h"
#include "actors/extract/ole.h"
#include "tests/actors/extract/fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Length of the table stream, the table stream, the document's stream. */
static av_errc
read_doc(av_job *job, av_span bytes, av_error *err)
{
    av_span table, tables[2];
    uint16_t n;

    if (!av_span_get_u16(&bytes, &n) || !av_span_get_bytes(&bytes, AV_MIN((size_t)n, bytes.n), &table))
        return AV_OK;
    tables[0] = tables[1] = table;
    return av_doc_text(job, bytes, tables, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_read_fn *const readers[] = { read_doc, av_xls_text, av_ppt_text, av_mapi_rtf, av_read_xml, av_read_html,
        av_read_tar, av_read_gzip, av_read_mail, av_read_plain };

    if (size > 0 && data[0] < AV_COUNT(readers))
        fuzz_read(readers[data[0]], 2, data + 1, size - 1);
    return 0;
}
