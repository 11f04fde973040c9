/* test_imap_envelope.c - ENVELOPE and IMAP strings (RFC 9051, 7.5.2) */
#include "storage/mime/imap_items.h"

#include "tests/check.h"
#include "tests/storage/mime/imap_check.h"

static const struct {
    const char *in, *want;
} cases[] = {
    { "Date: Mon, 2 Jan 2006 15:04:05 -0700\r\nSubject: Hi \"you\"\r\nFrom: A B <a@b>\r\nTo: c@d, \"E, F\" <e@f>\r\n"
      "Message-ID: <1@b>\r\nIn-Reply-To: <0@b>\r\n\r\n",
        "(\"Mon, 2 Jan 2006 15:04:05 -0700\" \"Hi \\\"you\\\"\" ((\"A B\" NIL \"a\" \"b\")) ((\"A B\" NIL \"a\" "
        "\"b\")) "
        "((\"A B\" NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")(\"E, F\" NIL \"e\" \"f\")) NIL NIL \"<0@b>\" \"<1@b>\")" },
    { "Sender: s@t\nReply-To: r@t\nFrom: a@b\nCc: G: x@y;\nBcc: lone\n\n",
        "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"s\" \"t\")) ((NIL NIL \"r\" \"t\")) NIL "
        "((NIL NIL \"G\" NIL)(NIL NIL \"x\" \"y\")(NIL NIL NIL NIL)) ((NIL NIL \"lone\" \"MISSING_DOMAIN\")) NIL "
        "NIL)" },
    { "Subject:\n\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
    { "Subject: =?utf-8?q?x?=\n folded\n\n", "(NIL \"=?utf-8?q?x?= folded\" NIL NIL NIL NIL NIL NIL NIL NIL)" },
    { "Subject: raw \xE9\n\n", "(NIL {5}\r\nraw \xE9 NIL NIL NIL NIL NIL NIL NIL NIL)" },
    { "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
};

static void
test_table(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = AV_IMAP_ENVELOPE_MAX };

        av_check_row = (long)i;
        av_mime_scan(av_span_str(cases[i].in), NULL, &m);
        AV_CHECK(av_imap_envelope(&m, 0, &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        AV_CHECK(imap_check_list(av_buf_span(&out)));
    }
}

/* Fields of a megabyte, a group that is never closed: legal and below the ceiling all the same. */
static void
test_large(void)
{
    static const char *const fields[] = { "From: ", "Sender: ", "Reply-To: ", "To: G: ", "Cc: ", "Bcc: ", "Subject: ",
        "Date: ", "Message-ID: ", "In-Reply-To: " };
    static const char *const units[] = { "a@b, ", "\"\\\"", "\xE9",
        "\"name of some length\" <mailbox@host.example>, " };
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t u = 0; u < AV_COUNT(units); u++) {
        AV_CLEANUP(av_buf_release) av_buf in = { .max = 4 << 20 };
        AV_CLEANUP(av_buf_release) av_buf out = { .max = AV_IMAP_ENVELOPE_MAX };

        for (size_t f = 0; f < AV_COUNT(fields); f++) {
            (void)av_buf_puts(&in, fields[f]);
            for (int k = 0; k < 8000; k++)
                (void)av_buf_puts(&in, units[u]);
            (void)av_buf_putc(&in, '\n');
        }
        av_check_row = (long)u;
        av_mime_scan(av_buf_span(&in), NULL, &m);
        AV_CHECK(av_imap_envelope(&m, 0, &out));
        AV_CHECK(imap_check_list(av_buf_span(&out)));
    }
}

static void
test_strings(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 10000 };
    char many[AV_IMAP_STRING_MAX + 100];

    AV_CHECK(av_imap_nstring(av_span_str(""), &out) && av_imap_string(av_span_str(""), &out));
    AV_CHECK(av_imap_string(av_span_str("a\\\"b"), &out) && av_imap_string(av_span_of("a\0\r\n", 4), &out));
    AV_CHECK_STR(av_buf_cstr(&out), "NIL\"\"\"a\\\\\\\"b\"{4}\r\na?\r\n");
    memset(many, 'x', sizeof many);
    av_buf_clear(&out);
    AV_CHECK(av_imap_string(av_span_of(many, sizeof many), &out));
    AV_CHECK_INT(out.n, AV_IMAP_STRING_MAX + strlen("{4096}\r\n"));
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_large);
    AV_RUN(test_strings);
    return av_check_done();
}
