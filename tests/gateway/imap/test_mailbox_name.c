/*
 * test_mailbox_name.c - names on the wire, patterns of LIST
 */
#include "gateway/imap/mailbox_name.h"
#include "tests/check.h"

static const struct {
    const char *pattern, *name;
    bool want;
} patterns[] = {
    { "*", "", true },
    { "*", "a/b/c", true },
    { "%", "a", true },
    { "%", "a/b", false },
    { "%/%", "a/b", true },
    { "a*", "a/b", true },
    { "a*", "b", false },
    { "a/%", "a/b", true },
    { "a/%", "a/b/c", false },
    { "a/%", "a", false },
    { "a/*c", "a/b/c", true },
    { "%b%", "abc", true },
    { "*%*%*", "a/b", true },
    { "a", "a", true },
    { "a", "A", false },
    { "", "a", false },
    { "a/b", "a/b", true },
    { "*/x", "a/b/x", true },
    { "*/x", "x", false },
    { "%*", "a/b", true },
    { "a%c", "a/c", false },
    { "ab", "a", false },
};

static void
test_patterns(void)
{
    for (size_t i = 0; i < AV_COUNT(patterns); i++) {
        av_check_row = (long)i;
        AV_CHECK(
            av_imap_name_matches(av_span_str(patterns[i].pattern), av_span_str(patterns[i].name)) == patterns[i].want);
    }
}

static const struct {
    const char *wire, *name; /* NULL: no name */
    const char *quoted;      /* how it is sent back */
} names[] = {
    { "alice/Old Mail", "alice/Old Mail", "\"alice/Old Mail\"" },
    { "Entw&APw-rfe", "Entw\xc3\xbcrfe", "\"Entw&APw-rfe\"" },
    { "A&-B", "A&B", "\"A&-B\"" },
    { "a\"b\\c", "a\"b\\c", "\"a\\\"b\\\\c\"" },
    { "Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe", "\"Entw&APw-rfe\"" }, /* plain UTF-8 */
    { "u\xcc\x88", "\xc3\xbc", "\"&APw-\"" },                     /* NFC */
    { "A&B", NULL, NULL },
    { "\xff", NULL, NULL },
};

static void
test_names(void)
{
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        AV_CLEANUP(av_buf_release) av_buf name = { 0 };
        AV_CLEANUP(av_buf_release) av_buf wire = { 0 };

        av_check_row = (long)i;
        av_buf_init(&name, AV_IMAP_NAME_MAX);
        av_buf_init(&wire, AV_IMAP_NAME_MAX);
        AV_CHECK(av_imap_name_decode(av_span_str(names[i].wire), &name) == (names[i].name != NULL));
        if (names[i].name == NULL)
            continue;
        AV_CHECK_STR(av_buf_cstr(&name), names[i].name);
        AV_CHECK(av_imap_name_put(av_buf_span(&name), &wire));
        AV_CHECK_STR(av_buf_cstr(&wire), names[i].quoted);
    }
    AV_CHECK(av_imap_name_is_inbox(av_span_str("inBox")) && !av_imap_name_is_inbox(av_span_str("inbox/a")));
}

int
main(void)
{
    AV_RUN(test_patterns);
    AV_RUN(test_names);
    return av_check_done();
}
