/*
 * test_mail_setup.c - what may stand in a file for a mail program, and that what is odd stays text in it
 */
#include "gateway/http/mail_setup.h"

#include "tests/check.h"

static av_mail_setup
plain(void)
{
    return (av_mail_setup){
        .host = av_span_str("mail.example.org"),
        .display_name = av_span_str("A & <B>"),
        .imap_port = 143,
        .imaps_port = 993,
        .smtp_host = av_span_str(""),
        .smtp_port = 587,
        .instance = av_span_str("demo"),
        .user = av_span_str("alice"),
        .email = av_span_str("alice@example.org"),
    };
}

static void
test_sound(void)
{
    static const struct {
        const char *instance, *user, *email;
        bool sound;
    } rows[] = {
        { "demo", "alice", "alice@example.org", true },
        { "", "", "", true },
        { "Demo-1.x_y", "a <b> & \"c\"", "o'neil+x@example.org", true },
        { "demo", "J\xc3\xbcrgen", "", true },
        { ".demo", "", "", false },
        { "-demo", "", "", false },
        { "de/mo", "", "", false },
        { "d\xc3\xa9mo", "", "", false },
        { "0123456789012345678901234567890123456789012345678901234567890123", "", "", false },
        { "demo", "a/b", "", false },
        { "demo", "a\r\nb", "", false },
        { "demo", "\xff", "", false },
        { "demo", "a\x7f", "", false },
        { "demo", "", "example.org", false },
        { "demo", "", "@example.org", false },
        { "demo", "", "alice@", false },
        { "demo", "", "a@b@c", false },
        { "demo", "", "a b@c", false },
    };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        av_mail_setup setup = plain();

        setup.instance = av_span_str(rows[av_check_row].instance);
        setup.user = av_span_str(rows[av_check_row].user);
        setup.email = av_span_str(rows[av_check_row].email);
        AV_CHECK_INT(av_mail_setup_is_sound(&setup), rows[av_check_row].sound);
    }
    av_check_row = -1;
}

static bool
holds(av_buf *file, const char *text)
{
    return strstr(av_buf_cstr(file), text) != NULL;
}

static void
test_files(void)
{
    AV_CLEANUP(av_buf_release) av_buf file = { 0 };
    av_mail_setup setup = plain();

    av_buf_init(&file, 65536);
    setup.user = av_span_str("<&\">");
    AV_CHECK(av_mail_setup_thunderbird(&setup, &file));
    AV_CHECK(holds(&file, "<username>demo/&lt;&amp;&quot;&gt;</username>") && holds(&file, "A &amp; &lt;B&gt;"));
    AV_CHECK(holds(&file, "<socketType>SSL</socketType>") && !holds(&file, "outgoingServer"));
    av_buf_clear(&file);
    setup.user = av_span_of(NULL, 0);
    setup.smtp_host = av_span_str("smtp.example.org");
    AV_CHECK(av_mail_setup_thunderbird(&setup, &file));
    AV_CHECK(holds(&file, "demo/%EMAILLOCALPART%") && holds(&file, "outgoingServer"));
    av_buf_clear(&file);
    setup.user = av_span_str("alice");
    AV_CHECK(av_mail_setup_outlook(&setup, &file));
    AV_CHECK(holds(&file, "<LoginName>demo/alice</LoginName>") && holds(&file, "<Type>SMTP</Type>"));
    av_buf_clear(&file);
    AV_CHECK(av_mail_setup_apple(&setup, &file));
    AV_CHECK(holds(&file, "<string>demo/alice</string>") && !holds(&file, "smtp.invalid"));
}

static void
test_asked_email(void)
{
    static const struct {
        const char *body, *email;
    } rows[] = {
        { "<a><EMailAddress> a@b.c \r\n</EMailAddress></a>", "a@b.c" },
        { "<EMailAddress>a@b.c", "a@b.c" },
        { "<EMailAddress></EMailAddress>", "" },
        { "<EMailAddress", "" },
        { "", "" },
    };

    for (av_check_row = 0; av_check_row < (long)AV_COUNT(rows); av_check_row++) {
        av_span got = av_mail_setup_asked_email(av_span_str(rows[av_check_row].body));

        AV_CHECK_MEM(got.p, got.n, rows[av_check_row].email, strlen(rows[av_check_row].email));
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_sound);
    AV_RUN(test_files);
    AV_RUN(test_asked_email);
    return av_check_done();
}
