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
    const char *wire;
    bool utf8;
    const char *name;   /* NULL: no name */
    const char *quoted; /* how it is sent back */
} names[] = {
    { "alice/Old Mail", false, "alice/Old Mail", "\"alice/Old Mail\"" },
    { "Entw&APw-rfe", false, "Entw\xc3\xbcrfe", "\"Entw&APw-rfe\"" }, { "A&-B", false, "A&B", "\"A&-B\"" },
    { "a\"b\\c", false, "a\"b\\c", "\"a\\\"b\\\\c\"" },
    { "Entw\xc3\xbcrfe", false, NULL, NULL },                     /* eight-bit: not before UTF8=ACCEPT */
    { "A&B", false, NULL, NULL }, { "&AGE-", false, NULL, NULL }, /* "a" has but one form */
    { "&2D3cqQ", false, NULL, NULL }, { "&2D0-", false, NULL, NULL }, { "\xff", false, NULL, NULL },
    { "Entw\xc3\xbcrfe", true, "Entw\xc3\xbcrfe", "\"Entw\xc3\xbcrfe\"" },
    { "u\xcc\x88", true, "\xc3\xbc", "\"\xc3\xbc\"" },                       /* NFC */
    { "A&B", true, "A&B", "\"A&B\"" }, { "A&-B", true, "A&-B", "\"A&-B\"" }, /* no escape any more */
    { "a\"b\\c", true, "a\"b\\c", "\"a\\\"b\\\\c\"" }, { "\xff", true, NULL, NULL },
    { "\xed\xa0\x80", true, NULL, NULL }, /* a surrogate */
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
        AV_CHECK(av_imap_name_decode(av_span_str(names[i].wire), names[i].utf8, &name) == (names[i].name != NULL));
        if (names[i].name == NULL)
            continue;
        AV_CHECK_STR(av_buf_cstr(&name), names[i].name);
        AV_CHECK(av_imap_name_put(av_buf_span(&name), names[i].utf8, &wire));
        AV_CHECK_STR(av_buf_cstr(&wire), names[i].quoted);
    }
    AV_CHECK(av_imap_name_is_inbox(av_span_str("inBox")) && !av_imap_name_is_inbox(av_span_str("inbox/a")));
}

static void
test_nul(void)
{
    AV_CLEANUP(av_buf_release) av_buf name = { 0 };

    av_buf_init(&name, AV_IMAP_NAME_MAX);
    AV_CHECK(!av_imap_name_decode(av_span_of("a\0b", 3), false, &name));
    AV_CHECK(!av_imap_name_decode(av_span_of("a\0b", 3), true, &name));
    AV_CHECK(av_imap_name_decode(av_span_of("", 0), false, &name) && name.n == 0);
}

static void
test_cost(void)
{
    av_span name = av_span_str("0123456789");

    AV_CHECK_INT(av_imap_name_match_cost(av_span_str("0123456789"), name), 1);
    AV_CHECK_INT(av_imap_name_match_cost(av_span_str("0123*"), name), 12);
    AV_CHECK_INT(av_imap_name_match_cost(av_span_str("%a%"), name), 34);
}

int
main(void)
{
    AV_RUN(test_patterns);
    AV_RUN(test_names);
    AV_RUN(test_nul);
    AV_RUN(test_cost);
    return av_check_done();
}
