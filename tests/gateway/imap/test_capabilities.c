/*
 * test_capabilities.c - what is shown where, and what ENABLE understands
 */
#include "gateway/imap/capabilities.h"
#include "gateway/imap/grammar.h"
#include "tests/check.h"

static bool
shows(unsigned state, bool secure, const char *name)
{
    const av_imap_standing where = { .state = state, .secure = secure };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span in, word;

    av_buf_init(&out, 4096);
    AV_CHECK(av_imap_capabilities_put(&where, &out));
    in = av_buf_span(&out);
    while (av_imap_take_atom(&in, &word)) {
        if (av_span_eq_str(word, name))
            return true;
        (void)av_imap_take_char(&in, ' ');
    }
    AV_CHECK_INT(in.n, 0); /* atoms and single blanks, nothing else */
    return false;
}

static void
test_shown(void)
{
    AV_CHECK(shows(AV_IMAP_NOT_AUTH, false, "IMAP4rev1") && shows(AV_IMAP_SELECTED, true, "IMAP4rev1"));
    AV_CHECK(shows(AV_IMAP_NOT_AUTH, false, "LOGINDISABLED") && shows(AV_IMAP_NOT_AUTH, false, "STARTTLS"));
    AV_CHECK(!shows(AV_IMAP_NOT_AUTH, false, "AUTH=PLAIN")); /* no passwords in clear */
    AV_CHECK(shows(AV_IMAP_NOT_AUTH, true, "AUTH=PLAIN") && shows(AV_IMAP_NOT_AUTH, true, "SASL-IR"));
    AV_CHECK(!shows(AV_IMAP_NOT_AUTH, true, "STARTTLS") && !shows(AV_IMAP_NOT_AUTH, true, "LOGINDISABLED"));
    AV_CHECK(!shows(AV_IMAP_AUTH, true, "AUTH=PLAIN") && !shows(AV_IMAP_AUTH, true, "STARTTLS"));
}

static void
test_enable(void)
{
    const av_imap_standing where = { .state = AV_IMAP_AUTH, .secure = true };

    AV_CHECK(av_imap_capabilities_to_enable(&where, av_span_str("X-NONE")) == NULL);
    AV_CHECK(av_imap_capabilities_to_enable(&where, av_span_str("IDLE")) == NULL);
    for (const av_imap_capability *row = av_imap_capabilities; row->name != NULL; row++) {
        if (row->enables != 0 && row->when == NULL)
            AV_CHECK(av_imap_capabilities_to_enable(&where, av_span_str(row->name)) == row);
    }
}

static void
test_table(void)
{
    for (const av_imap_capability *row = av_imap_capabilities; row->name != NULL; row++) {
        AV_CHECK(row->states != 0);
        for (const av_imap_capability *other = av_imap_capabilities; other < row; other++)
            AV_CHECK(strcmp(other->name, row->name) != 0);
    }
}

int
main(void)
{
    AV_RUN(test_shown);
    AV_RUN(test_enable);
    AV_RUN(test_table);
    return av_check_done();
}
