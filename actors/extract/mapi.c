/*
 * mapi.c - bodies of Outlook messages: compressed RTF ([MS-OXRTFCP]), HTML in a code page
 */
#include "actors/extract/mapi.h"

#include "actors/extract/ole.h"
#include "actors/extract/readers.h"

#define DICTIONARY   4096
#define COMPRESSED   0x75465A4CU /* "LZFu" */
#define UNCOMPRESSED 0x414C454DU /* "MELA" */
#define RTF_MAX      ((size_t)64 << 20)

/* 2.1.2.1: what the dictionary holds at the beginning. */
static const char prefix[] =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    "\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    "\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

_Static_assert(sizeof prefix - 1 == 207, "what all writers have");

/* 2.2.3: a control byte for eight tokens: a byte as it is, or 12 bits of place and 4 bits of length in the
 * dictionary. */
static av_errc
unpack(av_span in, uint32_t raw_bytes, av_buf *out, av_error *err)
{
    uint8_t dictionary[DICTIONARY] = { 0 };
    size_t at = sizeof prefix - 1;

    memcpy(dictionary, prefix, at);
    while (in.n > 0) {
        uint8_t control = in.p[0];

        in = av_span_skip(in, 1);
        for (int bit = 0; bit < 8; bit++, control >>= 1) {
            size_t from, n = 1;

            if (in.n == 0 || out->n >= raw_bytes)
                return AV_OK;
            if ((control & 1) == 0) {
                dictionary[at] = in.p[0];
                from = at;
                in = av_span_skip(in, 1);
            } else {
                if (in.n < 2)
                    return av_error_set(err, AV_ERR_CORRUPT, "has a body that is cut short");
                from = (size_t)in.p[0] << 4 | in.p[1] >> 4;
                n = (size_t)(in.p[1] & 0xF) + 2;
                in = av_span_skip(in, 2);
                if (from == at)
                    return AV_OK; /* the end */
            }
            for (; n > 0; n--) {
                uint8_t c = dictionary[from];

                if (!av_buf_putc(out, c))
                    return av_error_set(err, AV_ERR_LIMIT, "has a body of more than %zu MB", RTF_MAX >> 20);
                dictionary[at] = c;
                at = (at + 1) % DICTIONARY;
                from = (from + 1) % DICTIONARY;
            }
        }
    }
    return AV_OK;
}

av_errc
av_rtf_decompress(av_span in, av_buf *out, av_error *err)
{
    uint32_t packed, raw, type, crc;

    if (!av_span_get_u32(&in, &packed) || !av_span_get_u32(&in, &raw) || !av_span_get_u32(&in, &type) ||
        !av_span_get_u32(&in, &crc))
        return av_error_set(err, AV_ERR_CORRUPT, "has a body that is cut short");
    if (type == UNCOMPRESSED)
        return av_buf_append_span(out, av_span_slice(in, 0, AV_MIN((size_t)raw, in.n)))
                   ? AV_OK
                   : av_error_set(err, AV_ERR_LIMIT, "has a body of more than %zu MB", RTF_MAX >> 20);
    if (type != COMPRESSED)
        return av_error_set(err, AV_ERR_CORRUPT, "has a body that is broken");
    return unpack(in, raw, out, err);
}

av_errc
av_mapi_rtf(av_job *job, av_span compressed, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf rtf = { 0 };
    av_errc rc, text_rc;
    av_error text_err;

    av_buf_init(&rtf, (size_t)AV_MIN((uint64_t)RTF_MAX, job->unpacked_left));
    rc = av_rtf_decompress(compressed, &rtf, err);
    job->unpacked_left -= rtf.n;
    text_rc = av_read_rtf(job, av_buf_span(&rtf), &text_err);
    if (rc == AV_OK && text_rc == AV_ERR_LIMIT) {
        *err = text_err;
        rc = text_rc;
    }
    return rc;
}

bool
av_mapi_string(av_job *job, unsigned type, unsigned codepage, av_span value)
{
    char charset[24];

    if (type == AV_MAPI_UNICODE) {
        while (value.n >= 2 && value.p[value.n - 1] == 0 && value.p[value.n - 2] == 0)
            value.n -= 2;
        return av_job_utf16le(job, value);
    }
    while (value.n > 0 && value.p[value.n - 1] == 0)
        value.n--;
    return av_job_charset(job, av_codepage_name(codepage, charset), value);
}

void
av_mapi_body(av_job *job, const av_mapi_bodies *bodies, av_error *ret_first)
{
    av_error err = { .code = AV_OK };

    if (bodies->plain.n > 0)
        (void)av_mapi_string(job, bodies->plain_type, bodies->codepage, bodies->plain);
    else if (bodies->html.n > 0)
        (void)av_read_html(job, bodies->html, &err);
    else if (bodies->rtf.n > 0)
        (void)av_mapi_rtf(job, bodies->rtf, &err);
    (void)av_job_line(job);
    if (err.code != AV_OK && ret_first->code == AV_OK)
        *ret_first = err;
}
