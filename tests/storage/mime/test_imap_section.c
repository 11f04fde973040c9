/* test_imap_section.c - BODY[section] (RFC 9051, 6.4.5.1) */
#include "storage/mime/imap_items.h"

#include "tests/check.h"

/* The example of RFC 9051, 6.4.5.1 in small: text, message with two parts, multipart with a message of one part */
static const char nested[] =
    "From a@b now\nSubject: top\nContent-Type: multipart/mixed; boundary=A\n\n--A\nContent-Type: "
    "text/plain\n\none\n--A\n"
    "Content-Type: message/rfc822\nX: outer\n\nSubject: two\nContent-Type: multipart/mixed; "
    "boundary=B\n\n--B\n\n2.1\n--B\n"
    "X: y\n\n2.2\n--B--\n\n--A\nContent-Type: multipart/mixed; boundary=C\nX: three\n\n--C\n\n3.1\n--C\n"
    "Content-Type: message/rfc822\n\nSubject: deep\nTo: d\n\n3.2.1\n--C--\n--A--\n";
static const char single[] = "Subject: s\r\nTo: t\nX: 1\r\n 2\r\n\r\nbody\nend";
static const char bounce[] = "Content-Type: message/rfc822\n\nSubject: in\n\ntext";

static const struct {
    const char *message, *section, *want; /* want NULL: no such part */
} cases[] = {
    { single, "", "Subject: s\r\nTo: t\r\nX: 1\r\n 2\r\n\r\nbody\r\nend" },
    { single, "HEADER", "Subject: s\r\nTo: t\r\nX: 1\r\n 2\r\n\r\n" },
    { single, "TEXT", "body\r\nend" },
    { single, "1", "body\r\nend" },
    { single, "1.MIME", "Subject: s\r\nTo: t\r\nX: 1\r\n 2\r\n\r\n" },
    { single, "1.1", NULL },
    { single, "2", NULL },
    { single, "1.TEXT", NULL },
    { single, "header.fields (X \"subject\" none)", "Subject: s\r\nX: 1\r\n 2\r\n\r\n" },
    { single, "HEADER.FIELDS.NOT (x)", "Subject: s\r\nTo: t\r\n\r\n" },
    { single, "HEADER.FIELDS (none)", "\r\n" },
    { "A: b", "HEADER", "A: b" },
    { "A: b", "HEADER.FIELDS (a)", "A: b\r\n\r\n" },
    { nested, "HEADER", "Subject: top\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n" }, /* From_ is hidden */
    { nested, "1", "one" },
    { nested, "1.MIME", "Content-Type: text/plain\r\n\r\n" },
    { nested, "1.1", NULL },
    { nested, "2.MIME", "Content-Type: message/rfc822\r\nX: outer\r\n\r\n" },
    { nested, "2.HEADER", "Subject: two\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" },
    { nested, "2.TEXT", "--B\r\n\r\n2.1\r\n--B\r\nX: y\r\n\r\n2.2\r\n--B--\r\n" },
    { nested, "2",
        "Subject: two\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\n2.1\r\n--B\r\nX: "
        "y\r\n\r\n2.2\r\n--B--\r\n" },
    { nested, "2.HEADER.FIELDS (Subject)", "Subject: two\r\n\r\n" },
    { nested, "2.1", "2.1" },
    { nested, "2.2", "2.2" },
    { nested, "2.2.MIME", "X: y\r\n\r\n" },
    { nested, "2.3", NULL },
    { nested, "2.2.1", NULL },
    { nested, "3",
        "--C\r\n\r\n3.1\r\n--C\r\nContent-Type: message/rfc822\r\n\r\nSubject: deep\r\nTo: d\r\n\r\n3.2.1\r\n--C--" },
    { nested, "3.HEADER", NULL },
    { nested, "3.MIME", "Content-Type: multipart/mixed; boundary=C\r\nX: three\r\n\r\n" },
    { nested, "3.1", "3.1" },
    { nested, "3.2.HEADER", "Subject: deep\r\nTo: d\r\n\r\n" },
    { nested, "3.2.TEXT", "3.2.1" },
    { nested, "3.2.1", "3.2.1" },
    { nested, "3.2.1.MIME", "Subject: deep\r\nTo: d\r\n\r\n" },
    { nested, "3.2.2", NULL },
    { nested, "4", NULL },
    { bounce, "1", "Subject: in\r\n\r\ntext" },
    { bounce, "1.HEADER", "Subject: in\r\n\r\n" },
    { bounce, "1.1", "text" },
    { bounce, "TEXT", "Subject: in\r\n\r\ntext" },
};

static void
test_table(void)
{
    static av_imap_section section;
    AV_CLEANUP(av_mime_release) av_mime m;

    av_mime_init(&m);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { .max = 10000 };
        bool found = false;

        av_check_row = (long)i;
        av_mime_scan(av_span_str(cases[i].message), NULL, &m);
        AV_CHECK(av_imap_section_parse(av_span_str(cases[i].section), &section));
        AV_CHECK(av_imap_section_append(&m, &section, &out, &found));
        AV_CHECK(found == (cases[i].want != NULL));
        if (found)
            AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

/* BODY[] is every byte, the From_ line included, in the CRLF view. */
static void
test_all_bytes(void)
{
    AV_CLEANUP(av_mime_release) av_mime m;
    AV_CLEANUP(av_buf_release) av_buf out = { .max = 10000 };
    static av_imap_section section;
    bool found = false;

    av_mime_init(&m);
    av_mime_scan(av_span_str(nested), NULL, &m);
    AV_CHECK(av_imap_section_parse(av_span_str(""), &section));
    AV_CHECK(av_imap_section_append(&m, &section, &out, &found) && found);
    AV_CHECK(strncmp(av_buf_cstr(&out), "From a@b now\r\nSubject", 21) == 0);
    AV_CHECK_INT(out.n, m.crlf_bytes);
}

static void
test_refused(void)
{
    static const char *const bad[] = { "0", "1.0", "1.", ".1", "1..2", "x", "MIME", "HEADER.", "HEADER.FIELDS",
        "HEADER.FIELDS ()", "HEADER.FIELDS (a", "HEADER.FIELDS(a)", "HEADER.FIELDS (a) b", "TEXT (a)", "99999999999",
        "1.2.FOO", " 1", "1 ", "HEADER.FIELDS (\"a)" };
    static av_imap_section section;
    AV_CLEANUP(av_buf_release) av_buf deep = { .max = 10000 };

    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_check_row = (long)i;
        AV_CHECK(!av_imap_section_parse(av_span_str(bad[i]), &section));
    }
    for (int i = 0; i < AV_MIME_DEPTH_MAX + 1; i++)
        (void)av_buf_puts(&deep, i == 0 ? "1" : ".1");
    AV_CHECK(!av_imap_section_parse(av_buf_span(&deep), &section));
}

int
main(void)
{
    AV_RUN(test_table);
    AV_RUN(test_all_bytes);
    AV_RUN(test_refused);
    return av_check_done();
}
