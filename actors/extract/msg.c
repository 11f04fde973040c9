/*
 * msg.c - Outlook messages in files ([MS-OXMSG])
 *
 * Each property is a stream named by its id and type, each attachment and recipient a storage; a message inside is
 * a storage, too.
 */
#include <stdio.h>

#include "actors/extract/mapi.h"
#include "actors/extract/ole.h"

/* A property with a value of its own stream; out is initialised here. false: there is none. */
static bool
property(const av_cfb *file, uint32_t storage, unsigned id, unsigned type, av_buf *out)
{
    char name[32];
    uint32_t entry;
    av_error err;

    (void)snprintf(name, sizeof name, "__substg1.0_%04X%04X", id, type);
    av_buf_init(out, file->bytes.n + 4096);
    entry = av_cfb_find(file, storage, name);
    if (entry == AV_CFB_NONE || !file->entries[entry].is_stream)
        return false;
    (void)av_cfb_read(file, entry, out, &err); /* what is left of it */
    return out->n > 0;
}

/* A string property in either form. */
static bool
string_property(const av_cfb *file, uint32_t storage, unsigned id, av_buf *out, unsigned *ret_type)
{
    static const unsigned types[] = { AV_MAPI_UNICODE, AV_MAPI_STRING8 };

    for (size_t i = 0; i < AV_COUNT(types); i++) {
        *ret_type = types[i];
        if (property(file, storage, id, types[i], out))
            return true;
        av_buf_release(out);
    }
    return false;
}

static void
put_property(av_job *job, const av_cfb *file, uint32_t storage, unsigned id, unsigned codepage)
{
    AV_CLEANUP(av_buf_release) av_buf value = { 0 };
    unsigned type;

    if (string_property(file, storage, id, &value, &type)) {
        (void)av_mapi_string(job, type, codepage, av_buf_span(&value));
        (void)av_job_line(job);
    }
}

/* 2.4: properties of fixed size lie in one stream, behind a head whose size depends on where it is. 0: not told. */
static unsigned
codepage_of(const av_cfb *file, uint32_t storage, bool embedded)
{
    AV_CLEANUP(av_buf_release) av_buf rows = { 0 };
    uint32_t entry = av_cfb_find(file, storage, "__properties_version1.0");
    av_error err;
    av_span s;

    av_buf_init(&rows, 1 << 20);
    if (entry == AV_CFB_NONE || av_cfb_read(file, entry, &rows, &err) != AV_OK)
        return 0;
    s = av_buf_span(&rows);
    s = av_span_skip(s, AV_MIN(s.n, (size_t)(embedded ? 24 : 32)));
    while (s.n >= 16) {
        uint32_t tag, flags, value;

        (void)av_span_get_u32(&s, &tag);
        (void)av_span_get_u32(&s, &flags);
        (void)av_span_get_u32(&s, &value);
        s = av_span_skip(s, 4);
        if (tag >> 16 == AV_MAPI_CODEPAGE)
            return value;
    }
    return 0;
}

static void
put_bodies(av_job *job, const av_cfb *file, uint32_t storage, unsigned codepage)
{
    AV_CLEANUP(av_buf_release) av_buf plain = { 0 };
    AV_CLEANUP(av_buf_release) av_buf html = { 0 };
    AV_CLEANUP(av_buf_release) av_buf rtf = { 0 };
    av_mapi_bodies bodies = { .codepage = codepage };

    (void)string_property(file, storage, AV_MAPI_BODY, &plain, &bodies.plain_type);
    if (plain.n == 0)
        (void)property(file, storage, AV_MAPI_HTML, AV_MAPI_BINARY, &html);
    if (plain.n == 0 && html.n == 0)
        (void)property(file, storage, AV_MAPI_RTF, AV_MAPI_BINARY, &rtf);
    bodies.plain = av_buf_span(&plain);
    bodies.html = av_buf_span(&html);
    bodies.rtf = av_buf_span(&rtf);
    av_mapi_body(job, &bodies, &job->inner);
}

static void
put_attachment(av_job *job, const av_cfb *file, uint32_t storage, unsigned codepage)
{
    AV_CLEANUP(av_buf_release) av_buf name = { 0 };
    AV_CLEANUP(av_buf_release) av_buf utf8 = { 0 };
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    uint32_t inner = av_cfb_find(file, storage, "__substg1.0_3701000D");
    unsigned type = AV_MAPI_UNICODE;
    av_error err;
    av_job text;

    if (!string_property(file, storage, AV_MAPI_ATTACH_LONG_NAME, &name, &type) &&
        !string_property(file, storage, AV_MAPI_ATTACH_NAME, &name, &type))
        av_buf_release(&name);
    av_job_init(&text, 4096, 0, 0, -1); /* the name as UTF-8 */
    (void)av_mapi_string(&text, type, codepage, av_buf_span(&name));
    utf8 = text.out;
    if (inner != AV_CFB_NONE && file->entries[inner].is_storage && job->depth_left > 0 && job->items_left > 0) {
        job->depth_left--;
        job->items_left--;
        (void)av_job_line(job);
        (void)av_msg_text(job, file, inner, true, &err);
        job->depth_left++;
    } else if (property(file, storage, AV_MAPI_ATTACH_DATA, AV_MAPI_BINARY, &bytes) &&
               av_job_unpacked(job, bytes.n, &err) != AV_OK) {
        av_buf_clear(&bytes);
        job->inner = err;
    }
    if (inner == AV_CFB_NONE)
        (void)av_job_nested(job, av_buf_span(&utf8), (av_span){ 0 }, av_buf_span(&bytes));
}

av_errc
av_msg_text(av_job *job, const av_cfb *file, uint32_t storage, bool embedded, av_error *err)
{
    static const unsigned head[] = { AV_MAPI_SUBJECT, AV_MAPI_SENDER_NAME, AV_MAPI_SENDER_EMAIL, AV_MAPI_DISPLAY_TO,
        AV_MAPI_DISPLAY_CC };
    unsigned codepage = codepage_of(file, storage, embedded);

    for (size_t i = 0; i < AV_COUNT(head); i++)
        put_property(job, file, storage, head[i], codepage);
    for (uint32_t i = 0; i < file->count && !job->out.full; i++)
        if (file->entries[i].parent == storage && strncmp(file->entries[i].name, "__recip_version1.0_", 19) == 0) {
            put_property(job, file, i, AV_MAPI_DISPLAY_NAME, codepage);
            put_property(job, file, i, AV_MAPI_SMTP_ADDRESS, codepage);
        }
    put_bodies(job, file, storage, codepage);
    for (uint32_t i = 0; i < file->count && !job->out.full && job->items_left > 0; i++)
        if (file->entries[i].parent == storage && strncmp(file->entries[i].name, "__attach_version1.0_", 20) == 0)
            put_attachment(job, file, i, codepage);
    return av_job_done(job, err);
}
