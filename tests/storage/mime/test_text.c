/* test_text.c - what a reader sees, and what is attached */
#include "storage/mime/text.h"

#include "tests/check.h"

static const char mixed[] =
    "Subject: =?utf-8?q?outer?=\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\nplain\n--b\n"
    "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: "
    "quoted-printable\n\n<p>caf=E9<script>x</script>\n"
    "--b\nContent-Disposition: attachment; filename=a.txt\n\nhidden\n--b\nContent-Type: message/rfc822\n\n"
    "Subject: nested\n\ninner\n--b\nContent-Type: image/png; name=p.png\n\nPNG\n--b\nContent-Type: "
    "text/calendar\n\nCAL\n"
    "--b\nContent-Type: message/rfc822; name=m.eml\nContent-Transfer-Encoding: "
    "base64\n\nU3ViamVjdDogZW5jb2RlZAoKZGVlcA==\n"
    "--b--\nepilogue\n";

static const struct {
    const char *in;
    unsigned flags;
    const char *want;
} cases[] = {
    { mixed, AV_TEXT_SEARCH, "outer\nplain\ncaf\xC3\xA9\nnested\ninner\nencoded\ndeep" },
    { mixed, 0, "plain\ncaf\xC3\xA9\ninner\ndeep" },
    { mixed, AV_TEXT_SUBJECT, "outer\nplain\ncaf\xC3\xA9\ninner\ndeep" },
    { "Content-Type: text/plain; charset=gb2312\nContent-Transfer-Encoding: base64\n\nxOO6ww==", 0,
        "\xE4\xBD\xA0\xE5\xA5\xBD" },
    { "Content-Type: text/csv\n\na,b", 0, "" },
    { "Content-Type: multipart/mixed; boundary=x\n\nlost", 0, "lost" },
    { "", AV_TEXT_SEARCH, "" },
};

static void
test_table(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 1000 };

        av_check_row = (long)i;
        av_mime_scan(av_span_str(cases[i].in), NULL, &m);
        AV_CHECK(av_mime_text(&m, cases[i].flags, &out));
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_ceiling(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 10 };

    av_mime_init(&m);
    av_mime_scan(av_span_str(mixed), NULL, &m);
    AV_CHECK(!av_mime_text(&m, 0, &out));
    AV_CHECK_STR(av_buf_cstr(&out), "plain\ncaf"); /* the next character does not fit whole */
}

/* Of an encoded part the first 8 MB are text; that there was more is said. */
static void
test_long_part(void)
{
    static const char line[] = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9wcXJz\n";
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 16 << 20 };
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 16 << 20 };

    av_mime_init(&m);
    (void)av_buf_puts(&in, "Content-Transfer-Encoding: base64\n\n");
    while (in.n < 12 << 20)
        (void)av_buf_puts(&in, line);
    av_mime_scan(av_buf_span(&in), NULL, &m);
    AV_CHECK(!av_mime_text(&m, 0, &out));
    AV_CHECK_INT(out.n, 8 << 20);
}

static void
test_attachments(void)
{
    static const char *const want[] = { "a.txt", "", "p.png", "m.eml" };
    AV_CLEANUP(av_mime_release) av_mime m;
    size_t n = 0;

    av_mime_init(&m);
    av_mime_scan(av_span_str(mixed), NULL, &m);
    for (uint32_t i = av_mime_attachments(&m, 0); i != AV_MIME_NONE; i = av_mime_attachments(&m, i + 1), n++) {
        av_check_row = (long)n;
        AV_CHECK(n < AV_COUNT(want) && av_span_eq_str(m.parts[i].filename, want[AV_MIN(n, AV_COUNT(want) - 1)]));
    }
    AV_CHECK_INT(n, AV_COUNT(want));
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_ceiling);
    AV_RUN(test_long_part);
    AV_RUN(test_attachments);
    return av_check_done();
}
