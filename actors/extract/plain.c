/*
 * plain.c - text files, HTML pages, messages (storage/mime does the work)
 */
#include "actors/extract/readers.h"

#include <stdio.h>

#include "storage/mime/charset.h"
#include "storage/mime/decode.h"
#include "storage/mime/header.h"
#include "storage/mime/html_text.h"
#include "storage/mime/text.h"
#include "storage/mime/words.h"

#define LOOK_BYTES 4096

static bool
has_utf16_mark(av_span bytes)
{
    return bytes.n >= 2 && ((bytes.p[0] == 0xFF && bytes.p[1] == 0xFE) || (bytes.p[0] == 0xFE && bytes.p[1] == 0xFF));
}

bool
av_plain_is_text(av_span bytes)
{
    size_t n = AV_MIN(bytes.n, (size_t)LOOK_BYTES), odd = 0;

    if (has_utf16_mark(bytes))
        return true;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = bytes.p[i];

        if (c == 0)
            return false;
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1B) /* ESC: ISO-2022-JP */
            odd++;
    }
    return odd <= n / 50;
}

av_errc
av_read_plain(av_job *job, av_span bytes, av_error *err)
{
    if (!av_plain_is_text(bytes))
        return av_error_set(err, AV_ERR_CORRUPT, "is no text: it has binary contents");
    if (has_utf16_mark(bytes)) {
        (void)(bytes.p[0] == 0xFF ? av_job_utf16le(job, av_span_skip(bytes, 2))
                                  : av_job_utf16be(job, av_span_skip(bytes, 2)));
        return av_job_done(job, err);
    }
    if (bytes.n >= 3 && memcmp(bytes.p, "\xEF\xBB\xBF", 3) == 0)
        bytes = av_span_skip(bytes, 3);
    (void)av_job_charset(job, "", bytes);
    return av_job_done(job, err);
}

/* The charset that a page declares in its first KB: <meta charset=x>, <meta ... content="text/html; charset=x">,
 * <?xml encoding="x"?>. Copied to ret (64 bytes); empty: none. */
static void
html_charset(av_span html, char *ret)
{
    static const char *const words[] = { "charset=", "encoding=" };
    size_t n = AV_MIN(html.n, (size_t)1024), out = 0;

    ret[0] = '\0';
    for (size_t w = 0; w < AV_COUNT(words); w++) {
        size_t length = strlen(words[w]);

        for (size_t i = 0; i + length < n; i++) {
            if (!av_span_ieq(av_span_slice(html, i, i + length), av_span_str(words[w])))
                continue;
            i += length;
            while (i < n && (html.p[i] == '"' || html.p[i] == '\'' || html.p[i] == ' '))
                i++;
            while (i < n && out < 63 && strchr("\"' />;?", html.p[i]) == NULL)
                ret[out++] = (char)html.p[i++];
            ret[out] = '\0';
            return;
        }
    }
}

av_errc
av_read_html(av_job *job, av_span bytes, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf utf8 = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    char charset[64];
    size_t most = AV_MIN(bytes.n * 3 + 16, (size_t)64 << 20);

    av_buf_init(&utf8, most);
    av_buf_init(&text, most);
    html_charset(bytes, charset);
    if (has_utf16_mark(bytes))
        (void)av_charset_to_utf8(
            av_span_str(bytes.p[0] == 0xFF ? "UTF-16LE" : "UTF-16BE"), av_span_skip(bytes, 2), &utf8);
    else
        (void)av_charset_to_utf8(av_span_str(charset), bytes, &utf8);
    (void)av_html_text(av_buf_span(&utf8), &text);
    (void)av_job_utf8(job, av_buf_span(&text));
    if (utf8.full || text.full)
        return av_error_set(err, AV_ERR_LIMIT, "is larger than 64 MB as UTF-8");
    return av_job_done(job, err);
}

/* The header fields a person searches for, decoded, a line each. */
static void
put_header(av_job *job, const av_mime *mime)
{
    static const char *const names[] = { "From", "To", "Cc", "Subject" };

    for (size_t i = 0; i < AV_COUNT(names); i++) {
        AV_CLEANUP(av_buf_release) av_buf value = { 0 };

        av_buf_init(&value, 64 * 1024);
        (void)av_words_decode(av_header_value(av_mime_header(mime, 0), names[i]), &value);
        (void)av_job_utf8(job, av_buf_span(&value));
        (void)av_job_line(job);
    }
}

av_errc
av_read_mail(av_job *job, av_span bytes, av_error *err)
{
    AV_CLEANUP(av_mime_release) av_mime mime;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_mime_init(&mime);
    av_mime_scan(bytes, NULL, &mime);
    put_header(job, &mime);
    av_buf_init(&text, job->out.max);
    (void)av_mime_text(&mime, AV_TEXT_NESTED_SUBJECTS, &text);
    if (!av_job_utf8(job, av_buf_span(&text)))
        return av_job_done(job, err);
    av_buf_release(&text);
    for (uint32_t i = av_mime_attachments(&mime, 0); i != AV_MIME_NONE; i = av_mime_attachments(&mime, i + 1)) {
        AV_CLEANUP(av_buf_release) av_buf body = { 0 };
        char type[160];
        av_span part;
        av_errc rc;

        if (mime.parts[i].is_message) /* its text is there already, its attachments come by themselves */
            continue;
        rc = av_job_unpacked(job, av_mime_body(&mime, i).n, err);
        if (rc != AV_OK)
            return rc;
        av_buf_init(&body, av_mime_body(&mime, i).n + 16);
        (void)av_mime_decode(&mime, i, &body, &part);
        (void)snprintf(type, sizeof type, "%.*s/%.*s", (int)AV_MIN(mime.parts[i].type.n, (size_t)70),
            (const char *)mime.parts[i].type.p, (int)AV_MIN(mime.parts[i].subtype.n, (size_t)70),
            (const char *)mime.parts[i].subtype.p);
        if (!av_job_nested(job, mime.parts[i].filename, av_span_str(type), part))
            break;
    }
    return av_job_done(job, err);
}
