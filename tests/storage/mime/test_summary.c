/* test_summary.c - attributes of a message */
#include "storage/mime/summary.h"

#include "base/unicode.h"
#include "storage/mime/imap_items.h"
#include "tests/check.h"

static const char message[] =
    "From x@y\r\nDate: Mon, 2 Jan 2006 15:04:05 -0700\r\nFrom: =?utf-8?q?Caf=C3=A9?= <a@b>\r\nTo: c@d\r\nCc: E "
    "<e@f>\r\n"
    "Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?= c\r\nMessage-ID: <1@b>\r\nIn-Reply-To: <0@b> (of yesterday)\r\n"
    "References: <x@b>\r\n\t<0@b>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
    "text/html\r\n\r\n"
    "<p>html&nbsp; first</p>\r\n--b\r\n\r\nplain  \n text\r\n--b\r\nContent-Type: a/b; name=f.bin\r\n\r\n--b--\r\n";

static void
test_all(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_mime_summary_release) av_mime_summary s;

    av_mime_init(&m);
    av_mime_summary_init(&s);
    for (int again = 0; again < 2; again++) { /* the second time with used buffers */
        av_mime_scan(av_span_str(message), NULL, &m);
        av_mime_summary_of(&m, &s);
        AV_CHECK(s.has_date && s.has_attachment);
        AV_CHECK_INT(s.date_unix_s, 1136239445);
        AV_CHECK_INT(s.date_zone_minutes, -420);
        AV_CHECK_INT(s.size_bytes, strlen(message));
        AV_CHECK_INT(s.crlf_size_bytes, strlen(message) + 1);
        AV_CHECK_STR(av_buf_cstr(&s.from), "Caf\xC3\xA9 <a@b>");
        AV_CHECK_STR(av_buf_cstr(&s.to), "c@d");
        AV_CHECK_STR(av_buf_cstr(&s.cc), "E <e@f>");
        AV_CHECK_STR(av_buf_cstr(&s.bcc), "");
        AV_CHECK_STR(av_buf_cstr(&s.subject), "ab c");
        AV_CHECK_STR(av_buf_cstr(&s.message_id), "<1@b>");
        AV_CHECK_STR(av_buf_cstr(&s.in_reply_to), "<0@b>");
        AV_CHECK_STR(av_buf_cstr(&s.references), "<x@b> <0@b>");
        AV_CHECK_STR(av_buf_cstr(&s.attachments), "f.bin");
        AV_CHECK_STR(av_buf_cstr(&s.preview), "plain text");
        AV_CHECK(s.envelope.n > 2 && s.bodystructure.n > 2);
        av_mime_scan(av_span_str(""), NULL, &m);
        av_mime_summary_of(&m, &s);
        AV_CHECK(!s.has_date && s.date_unix_s == 0 && !s.has_attachment && s.subject.n == 0 && s.preview.n == 0);
        AV_CHECK(s.from.n == 0 && s.message_id.n == 0 && s.attachments.n == 0);
    }
}

/* A megabyte of each field: cut at the ceilings, at whole characters. */
static void
test_bounds(void)
{
    static const char *const fields[] = {
        "Subject: ", "From: ", "To: ", "Message-ID: ", "References: ", "Content-Type: a/b; name="
    };
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_mime_summary_release) av_mime_summary s;
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 16 << 20 };

    av_mime_init(&m);
    av_mime_summary_init(&s);
    for (size_t f = 0; f < AV_COUNT(fields); f++) {
        (void)av_buf_puts(&in, fields[f]);
        for (int k = 0; k < 350000; k++)
            (void)av_buf_puts(&in, "\xE2\x82\xAC");
        (void)av_buf_putc(&in, '\n');
    }
    av_mime_scan(av_buf_span(&in), NULL, &m);
    av_mime_summary_of(&m, &s);
    AV_CHECK(s.subject.n <= AV_SUMMARY_SUBJECT_MAX && s.subject.n > AV_SUMMARY_SUBJECT_MAX - 4);
    AV_CHECK(av_utf8_valid(av_buf_span(&s.subject)) && av_utf8_valid(av_buf_span(&s.from)));
    AV_CHECK(s.from.n <= AV_SUMMARY_ADDRESSES_MAX && s.message_id.n <= AV_SUMMARY_MESSAGE_ID_MAX);
    AV_CHECK(s.references.n <= AV_SUMMARY_REFERENCES_MAX && s.envelope.n <= AV_IMAP_ENVELOPE_MAX);
}

int
main(void)
{
    AV_RUN(test_all);
    AV_RUN(test_bounds);
    return av_check_done();
}
