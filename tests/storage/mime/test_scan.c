/* test_scan.c - structure of messages; each case lists the parts it must give */
#include "storage/mime/scan.h"

#include "tests/check.h"
#include "tests/storage/mime/mime_check.h"

/* want, a line a part: depth type/subtype [body] */
static const struct {
    const char *in, *want;
} cases[] = {
    { "Subject: x\n\nbody\n", "0 text/plain [body\n]" }, { "Subject: x\r\n\r\nbody\r\n", "0 text/plain [body\r\n]" },
    { "", "0 text/plain []" }, { "\nbody", "0 text/plain [body]" }, { "no header", "0 text/plain [no header]" },
    { "A: b", "0 text/plain []" }, { "A: b\nno field\nmore", "0 text/plain [no field\nmore]" },
    { "From a@b now\nContent-Type: text/html\n\nx", "0 text/html [x]" },
    { "\xEF\xBB\xBF"
      "Content-Type: text/html\n\nx",
        "0 text/html [x]" },
    { "Content-Type: broken\n\nx", "0 text/plain [x]" }, { "Content-Type: A/B/c\n\nx", "0 text/plain [x]" },
    { "Content-Type:\n\tTEXT/Html;\n charset=x\n\nx", "0 text/html [x]" },
    { "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b  \nContent-Type: a/b\n\ntwo\n\n--b--\npost\n",
        "0 multipart/mixed [pre\n--b\n\none\n--b  \nContent-Type: a/b\n\ntwo\n\n--b--\npost\n]\n1 text/plain [one]\n"
        "1 a/b [two\n]" },
    { "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\n\r\n--b",
        "0 multipart/mixed [--b\r\n\r\none\r\n--b\r\n\r\n\r\n--b]\n1 text/plain [one]\n1 text/plain []\n1 text/plain "
        "[]" },
    /* no closing boundary of the inner one */
    { "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; "
      "boundary=\"aa\"\n\n--aa\n\nx\n"
      "--a\n\ny\n",
        "0 multipart/mixed [--a\nContent-Type: multipart/alternative; boundary=\"aa\"\n\n--aa\n\nx\n--a\n\ny\n]\n"
        "1 multipart/alternative [--aa\n\nx]\n2 text/plain [x]\n1 text/plain [y\n]" },
    /* a part without a blank line, a header that a boundary ends */
    { "Content-Type: multipart/mixed; boundary=b\n\n--b\ntext at once\n--b\nContent-Type: a/b\n--b--",
        "0 multipart/mixed [--b\ntext at once\n--b\nContent-Type: a/b\n--b--]\n1 text/plain [text at once]\n1 a/b []" },
    { "Content-Type: multipart/mixed\n\n--b\n\nx", "0 multipart/mixed [--b\n\nx]" },
    { "Content-Type: multipart/mixed; boundary=b\n\nnothing", "0 multipart/mixed [nothing]" },
    { "Content-Type: multipart/mixed; boundary=b\n\n--b--\nx", "0 multipart/mixed [--b--\nx]" },
    { "Content-Type: message/rfc822\n\nSubject: in\n\nx", "0 message/rfc822 [Subject: in\n\nx]\n1 text/plain [x]" },
    { "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQQ==", "0 message/rfc822 [QQ==]" },
    { "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\nx\n--b\nContent-Type: a/b\n\ny\n--b--",
        "0 multipart/digest [--b\n\nSubject: in\n\nx\n--b\nContent-Type: a/b\n\ny\n--b--]\n"
        "1 message/rfc822 [Subject: in\n\nx]\n2 text/plain [x]\n1 a/b [y]" }, /* RFC 2046, 5.1.5 */
};

static void
test_table(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 10000 };

        av_check_row = (long)i;
        av_mime_scan(av_span_str(cases[i].in), NULL, &m);
        for (uint32_t k = 0; k < m.count; k++) {
            const av_mime_part *p = &m.parts[k];
            av_span body = av_mime_body(&m, k);

            (void)av_buf_printf(&out, "%s%u %.*s/%.*s [%.*s]", k == 0 ? "" : "\n", p->depth, (int)p->type.n, p->type.p,
                (int)p->subtype.n, p->subtype.p, (int)body.n, body.p);
        }
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        AV_CHECK_STR(mime_check(&m) == NULL ? "" : mime_check(&m), "");
    }
}

static void
test_fields(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;
    const av_mime_part *p;

    av_mime_init(&m);
    av_mime_scan(av_span_str("Content-Type: text/plain; charset=\"KOI8-R\"; format=Flowed; name=a.txt\r\n"
                             "Content-Transfer-Encoding: Quoted-Printable\r\n"
                             "Content-Disposition: ATTACHMENT; filename*=utf-8''%C3%A9.txt\r\n"
                             "Content-ID: <i@d>\r\nContent-Description: what\r\n it is\r\nContent-Language: de\r\n\r\n"
                             "a\nb\r\nc"),
        NULL, &m);
    p = &m.parts[0];
    AV_CHECK(av_span_eq_str(p->charset, "KOI8-R") && av_span_eq_str(p->format, "Flowed"));
    AV_CHECK(p->encoding == AV_MIME_QP && p->disposition == AV_MIME_ATTACHMENT);
    AV_CHECK(av_span_eq_str(p->filename, "\xC3\xA9.txt") && av_span_eq_str(p->content_id, "<i@d>"));
    AV_CHECK(av_span_eq_str(p->description, "what\r\n it is") && av_span_eq_str(p->language, "de"));
    AV_CHECK_INT(p->body_lines, 2);
    AV_CHECK_INT(p->body_crlf_bytes, 7);
    AV_CHECK_INT(m.crlf_bytes, m.message.n + 1);
    av_mime_scan(av_span_str("Content-Type: a/b; name*=utf-8''a%0D%0Ab\n\n"), NULL, &m);
    AV_CHECK(av_span_eq_str(m.parts[0].filename, "a  b")); /* never a line end in a name */
}

/* n levels of multiparts, or n parts side by side. */
static void
put_many(av_buf *out, unsigned n, bool deep)
{
    (void)av_buf_puts(out, "Content-Type: multipart/mixed; boundary=b0\n\n");
    for (unsigned i = 0; i < n; i++)
        if (deep)
            (void)av_buf_printf(out, "--b%u\nContent-Type: multipart/mixed; boundary=b%u\n\n", i, i + 1);
        else
            (void)av_buf_printf(out, "--b0\n\npart %u\n", i);
}

static void
test_limits(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 8 << 20 };
    const av_mime_limits one = { .parts = 1, .depth = 0, .header_bytes = 10 };

    av_mime_init(&m);
    put_many(&in, 5000, false);
    av_mime_scan(av_buf_span(&in), NULL, &m);
    AV_CHECK_INT(m.count, 1000);
    AV_CHECK(m.parts[999].opaque && m.parts[999].body_end == in.n && mime_check(&m) == NULL);
    av_mime_scan(av_buf_span(&in), &one, &m);
    AV_CHECK(m.count == 1 && mime_check(&m) == NULL);
    av_buf_clear(&in);
    put_many(&in, 5000, true);
    av_mime_scan(av_buf_span(&in), NULL, &m);
    AV_CHECK(m.count == 33 && m.parts[32].opaque && m.parts[32].depth == 32 && mime_check(&m) == NULL);
    av_buf_clear(&in);
    for (int i = 0; i < 10000; i++)
        (void)av_buf_puts(&in, "Content-Type: message/rfc822\n\n");
    av_mime_scan(av_buf_span(&in), NULL, &m);
    AV_CHECK(m.count == 33 && m.parts[32].opaque && mime_check(&m) == NULL);
}

/* Bodies of all lengths around the blocks in which line ends are counted, against a count byte by byte. */
static void
test_line_ends(void)
{
    static const char bytes[] = { '\n', '\r', 'a', '\n' };
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_buf_release) av_buf in = { .max = 1024 };
    uint32_t state = 1;

    av_mime_init(&m);
    for (size_t n = 0; n <= 300; n++) {
        uint64_t lines = 0, bare = 0;

        av_buf_clear(&in);
        (void)av_buf_puts(&in, "A: b\r\n\r\n");
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525 + 1013904223;
            (void)av_buf_putc(&in, (uint8_t)bytes[state >> 30]);
            lines += in.p[in.n - 1] == '\n';
            bare += in.p[in.n - 1] == '\n' && (i == 0 || in.p[in.n - 2] != '\r');
        }
        av_mime_scan(av_buf_span(&in), NULL, &m);
        AV_CHECK_INT(m.parts[0].body_lines, lines);
        AV_CHECK_INT(m.parts[0].body_crlf_bytes, n + bare);
        AV_CHECK_INT(m.crlf_bytes, in.n + bare);
    }
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_line_ends);
    AV_RUN(test_fields);
    AV_RUN(test_limits);
    return av_check_done();
}
