/*
 * test_names.c - mailbox names and message ids
 */
#include "storage/meta/mailbox_name.h"
#include "storage/meta/message_id.h"
#include "storage/meta/thread_id.h"
#include "tests/check.h"

static av_error err;

static void
test_normalize(void)
{
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } cases[] = {
        { "INBOX", "INBOX" }, { "a/b/c", "a/b/c" },
        { "A\xCC\x88", "\xC3\x84" }, /* A + diaeresis is one letter in NFC */
        { " leading and trailing ", " leading and trailing " }, { "", NULL }, { "/a", NULL }, { "a/", NULL },
        { "a//b", NULL }, { "a\nb", NULL }, { "a\x7F", NULL }, { "a\xC2\x85z", NULL }, /* C1 */
        { "a\xFF", NULL }, { "\xC0\xAF", NULL },                                       /* an overlong '/' */
    };
    av_buf out;

    av_buf_init(&out, 4096);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_errc rc;

        av_check_row = (long)i;
        av_buf_clear(&out);
        rc = av_mailbox_path_normalize(av_span_str(cases[i].in), &out, &err);
        AV_CHECK_RC(rc, cases[i].out == NULL ? AV_ERR_INVALID : AV_OK, &err);
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].out == NULL ? "" : cases[i].out);
        if (cases[i].out != NULL)
            AV_CHECK_INT(
                av_mailbox_path_check(av_span_str(cases[i].in), &err) == AV_OK, strcmp(cases[i].in, cases[i].out) == 0);
    }
    av_check_row = -1;
    av_buf_release(&out);
}

static void
test_limits(void)
{
    av_buf path;
    char component[260];

    memset(component, 'x', sizeof component);
    av_buf_init(&path, 2 * AV_MAILBOX_PATH_MAX);
    AV_CHECK_RC(av_mailbox_path_append(&path, av_span_of(component, 256), &err), AV_ERR_INVALID, &err);
    AV_CHECK_INT(path.n, 0);
    for (int i = 0; i < AV_MAILBOX_LEVELS_MAX; i++)
        AV_CHECK_RC(av_mailbox_path_append(&path, av_span_of(component, 255), &err), AV_OK, &err);
    AV_CHECK_RC(av_mailbox_path_check(av_buf_span(&path), &err), AV_OK, &err);
    AV_CHECK_RC(av_mailbox_path_append(&path, av_span_of(component, 1), &err), AV_ERR_INVALID, &err);
    AV_CHECK_INT(path.n, 32 * 256 - 1);
    av_buf_release(&path);
}

static void
test_parts(void)
{
    av_buf path;

    av_buf_init(&path, 100);
    AV_CHECK_RC(av_mailbox_path_append(&path, av_span_str("alice"), &err), AV_OK, &err);
    AV_CHECK_RC(av_mailbox_path_append(&path, av_span_str("in/out"), &err), AV_OK, &err);
    AV_CHECK_STR(av_buf_cstr(&path), "alice/in\xE2\x88\x95out");
    AV_CHECK(av_span_eq_str(av_mailbox_path_leaf(av_buf_span(&path)), "in\xE2\x88\x95out"));
    AV_CHECK(av_span_eq_str(av_mailbox_path_parent(av_buf_span(&path)), "alice"));
    AV_CHECK_INT(av_mailbox_path_parent(av_span_str("alice")).n, 0);
    AV_CHECK(av_mailbox_path_is_below(av_span_str("a/b/c"), av_span_str("a/b")));
    AV_CHECK(!av_mailbox_path_is_below(av_span_str("a/bc"), av_span_str("a/b")));
    AV_CHECK(!av_mailbox_path_is_below(av_span_str("a/b"), av_span_str("a/b")));
    av_buf_release(&path);
}

static void
test_message_id(void)
{
    static const char *const bad[] = { "", "M", "MAAAAAAAAAAAAAAAAAAAAAAAA", "MAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "mAAAAAAAAAAAAAAAAAAAAAAAA", "MAAAAAAAAAAAAAAAAAAAAAAA/",
        "MAAAAAAAAAAAAAAAAAAAAAAA=", "MAAAAAAAAAAAAAAAAAAAAAAA " };
    uint8_t digest[32], back[AV_MESSAGE_ID_BYTES];
    char text[AV_MESSAGE_ID_TEXT + 1];

    for (int i = 0; i < 32; i++)
        digest[i] = (uint8_t)(255 - i);
    av_message_id_format(digest, text);
    AV_CHECK_STR(text, "M__79_Pv6-fj39vX08_Lx8O_u");
    AV_CHECK(av_message_id_parse(av_span_str(text), back));
    AV_CHECK_MEM(back, sizeof back, digest, sizeof back);
    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_message_id_parse(av_span_str(bad[i]), back), i == 2 ? 1 : 0); /* 2 is well formed */
    }
    av_check_row = -1;
}

static void
test_thread_id(void)
{
    static const char *const bad[] = { "", "T", "T_-_fz7-vn49_b19PPy8fD", "t_-_fz7-vn49_b19PPy8fDw",
        "T_-_fz7-vn49_b19PPy8fDwA", "T/+/fz7+vn49/b19PPy8fDw", "T_-_fz7-vn49_b19PPy8fDx" };
    uint8_t key[AV_THREAD_ID_BYTES], back[AV_THREAD_ID_BYTES];
    char text[AV_THREAD_ID_TEXT + 1];

    for (int i = 0; i < AV_THREAD_ID_BYTES; i++)
        key[i] = (uint8_t)(255 - 16 * i);
    av_thread_id_format(key, text);
    AV_CHECK_STR(text, "T_-_fz7-vn49_b19PPy8fDw");
    AV_CHECK(av_thread_id_parse(av_span_str(text), back));
    AV_CHECK_MEM(back, sizeof back, key, sizeof key);
    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        av_check_row = (long)i;
        AV_CHECK(!av_thread_id_parse(av_span_str(bad[i]), back));
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_normalize);
    AV_RUN(test_limits);
    AV_RUN(test_parts);
    AV_RUN(test_message_id);
    AV_RUN(test_thread_id);
    return av_check_done();
}
