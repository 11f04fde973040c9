/* test_imap_bodystructure.c - BODY and BODYSTRUCTURE (RFC 9051, 7.5.2) */
#include "storage/mime/imap_items.h"

#include "tests/check.h"
#include "tests/storage/mime/imap_check.h"

static const struct {
    const char *in;
    bool extended;
    const char *want;
} cases[] = {
    { "Subject: x\n\na\nb\n", false, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 2)" },
    { "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-MD5: m\r\n"
      "Content-Language: de\r\nContent-Location: http://x\r\nContent-ID: <i>\r\nContent-Description: d\r\n"
      "Content-Disposition: inline; filename=f\r\n\r\nx",
        true,
        "(\"text\" \"html\" (\"charset\" \"utf-8\") \"<i>\" \"d\" \"8bit\" 1 0 \"m\" (\"inline\" (\"filename\" \"f\")) "
        "\"de\" \"http://x\")" },
    { "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: "
      "base64\n\nAAAA\n--b--\n",
        true,
        "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL)(\"image\" \"png\" NIL "
        "NIL NIL "
        "\"base64\" 4 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
    { "Content-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; "
      "boundary=b\n\n--b\n\nx\n--b\n\ny\n--b--",
        false,
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 83 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) ((\"text\" "
        "\"plain\" "
        "(\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0)(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
        "\"7bit\" 1 0) "
        "\"mixed\") 9)" },
    { "Content-Type: multipart/mixed; boundary=b\n\nnothing", false,
        "(\"text\" \"plain\" (\"boundary\" \"b\") NIL NIL \"7bit\" 7 0)" },
    { "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==", false,
        "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 4)" },
    { "Content-Type: a/b\nContent-Language: de-DE , en,\n fr,\n\n", true,
        "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 NIL NIL (\"de-DE\" \"en\" \"fr\") NIL)" },
    { "Content-Type: a/b\nContent-Language: ,\n\n", true, "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 NIL NIL NIL NIL)" },
    { "Content-Type: a/b; name=\"\xE9\"\n\n", false, "(\"a\" \"b\" (\"name\" {1}\r\n\xE9) NIL NIL \"7bit\" 0)" },
};

static void
test_table(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = AV_IMAP_BODYSTRUCTURE_MAX };

        av_check_row = (long)i;
        av_mime_scan(av_span_str(cases[i].in), NULL, &m);
        AV_CHECK(av_imap_bodystructure(&m, cases[i].extended, &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        AV_CHECK(imap_check_list(av_buf_span(&out)));
    }
}

/* BODY out of BODYSTRUCTURE is BODY; and what is no BODYSTRUCTURE is refused, or taken, but read to its end at most. */
static void
check_body_of(const av_mime *m)
{
    AV_CLEANUP(av_buf_release) av_buf extended = { .max = AV_IMAP_BODYSTRUCTURE_MAX };
    AV_CLEANUP(av_buf_release) av_buf body = { .max = AV_IMAP_BODYSTRUCTURE_MAX };
    AV_CLEANUP(av_buf_release) av_buf out = { .max = AV_IMAP_BODYSTRUCTURE_MAX };
    AV_CLEANUP(av_free) uint8_t *copy = NULL;

    AV_CHECK(av_imap_bodystructure(m, true, &extended) && av_imap_bodystructure(m, false, &body));
    AV_CHECK(av_imap_body_of(av_buf_span(&extended), &out));
    AV_CHECK_STR(av_buf_cstr(&out), av_buf_cstr(&body));
    copy = av_xalloc(extended.n);
    for (size_t n = 0; n < extended.n; n++) {
        static const char bytes[] = "()\"{} \\1N";

        av_buf_clear(&out);
        AV_CHECK(!av_imap_body_of(av_span_slice(av_buf_span(&extended), 0, n), &out));
        memcpy(copy, extended.p, extended.n);
        copy[n] = (uint8_t)bytes[n % (sizeof bytes - 1)];
        av_buf_clear(&out);
        (void)av_imap_body_of(av_span_of(copy, extended.n), &out);
    }
}

static void
test_body_of(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        av_mime_scan(av_span_str(cases[i].in), NULL, &m);
        check_body_of(&m);
    }
}

/* A thousand parts with long names end above the ceiling: one opaque part is shown instead. */
static void
test_too_large(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 4 << 20 };
    AV_CLEANUP(av_buf_release) av_buf out = { .max = AV_IMAP_BODYSTRUCTURE_MAX };

    av_mime_init(&m);
    (void)av_buf_puts(&in, "Content-Type: multipart/mixed; boundary=b\n\n");
    for (int i = 0; i < 900; i++)
        (void)av_buf_printf(&in, "--b\nContent-Type: a/b; name=%0900d\n\n", i);
    av_mime_scan(av_buf_span(&in), NULL, &m);
    AV_CHECK(m.count == 901 && av_imap_bodystructure(&m, true, &out));
    AV_CHECK(imap_check_list(av_buf_span(&out)) && out.n < 200);
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_body_of);
    AV_RUN(test_too_large);
    return av_check_done();
}
