/*
 * test_grammar.c - IMAP's small words
 */
#include "gateway/imap/grammar.h"
#include "tests/check.h"

static av_buf text;

static av_span
fresh(const char *in)
{
    av_buf_release(&text);
    av_buf_init(&text, 4096);
    (void)av_buf_reserve(&text, 4096);
    return av_span_str(in);
}

static const struct {
    const char *in, *want; /* NULL: refused */
    size_t left;
} astrings[] = {
    { "abc def", "abc", 4 },
    { "a]b(", "a]b", 1 },
    { "\"\"", "", 0 },
    { "\"a \\\"b\\\\\" x", "a \"b\\", 2 },
    { "{3}\r\na\"b rest", "a\"b", 5 },
    { "{3+}\r\na\r\n)", "a\r\n", 1 },
    { "{0}\r\n", "", 0 },
    { "{3}\nabc", "abc", 0 }, /* the framer takes a bare LF for the end of a line */
    { "\"\xc3\xa4\"", "\xc3\xa4", 0 },
    { "", NULL, 0 },
    { "(a)", NULL, 0 },
    { "\"a", NULL, 0 },
    { "\"a\\x\"", NULL, 0 },
    { "\"a\r\nb\"", NULL, 0 },
    { "{4}\r\nabc", NULL, 0 },
    { "{3}abc", NULL, 0 },
    { "{x}\r\nabc", NULL, 0 },
    { "{99999999999999999999}\r\n", NULL, 0 },
    { "\xc3\xa4", NULL, 0 }, /* RFC 3501, 9: atoms are 7 bit */
    { "%", NULL, 0 },
};

static void
test_astrings(void)
{
    for (size_t i = 0; i < AV_COUNT(astrings); i++) {
        av_span in = fresh(astrings[i].in), got = { 0 };
        bool ok = av_imap_take_astring(&in, &text, &got);

        av_check_row = (long)i;
        AV_CHECK(ok == (astrings[i].want != NULL));
        if (ok && astrings[i].want != NULL) {
            AV_CHECK_MEM(got.p, got.n, astrings[i].want, strlen(astrings[i].want));
            AV_CHECK_INT(in.n, astrings[i].left);
        } else {
            AV_CHECK_INT(in.n, strlen(astrings[i].in)); /* nothing moved */
        }
    }
}

static void
test_nul_in_literal(void)
{
    av_span in = av_span_of("{3}\r\na\0b", 8), got;

    (void)fresh("");
    AV_CHECK(!av_imap_take_string(&in, &text, &got)); /* RFC 3501, 9: CHAR8 */
}

static void
test_words(void)
{
    av_span in = fresh("NIL NILS %a* tag+ 17 "), got;
    uint32_t n;
    bool nil;

    AV_CHECK(av_imap_take_nstring(&in, &text, &got, &nil) && nil && got.n == 0);
    AV_CHECK(av_imap_take_char(&in, ' ') && !av_imap_take_char(&in, ' '));
    AV_CHECK(!av_imap_take_keyword(&in, "NIL") && av_imap_take_keyword(&in, "nils"));
    AV_CHECK(av_imap_take_char(&in, ' ') && !av_imap_take_atom(&in, &got));
    AV_CHECK(av_imap_take_list_mailbox(&in, &text, &got) && av_span_eq_str(got, "%a*"));
    AV_CHECK(av_imap_take_char(&in, ' ') && av_imap_take_tag(&in, &got) && av_span_eq_str(got, "tag"));
    AV_CHECK(av_imap_take_char(&in, '+') && av_imap_take_char(&in, ' '));
    AV_CHECK(av_imap_take_number(&in, &n) && n == 17);
}

static const struct {
    const char *in;
    bool ok;
    uint64_t value;
} numbers[] = {
    { "0", true, 0 },
    { "4294967295 ", true, 4294967295 },
    { "4294967296", true, 4294967296 },
    { "9223372036854775807", true, INT64_MAX }, /* RFC 9051, 9 */
    { "9223372036854775808", false, 0 },
    { "-1", false, 0 },
    { "", false, 0 },
};

static void
test_numbers(void)
{
    for (size_t i = 0; i < AV_COUNT(numbers); i++) {
        av_span in = av_span_str(numbers[i].in), again = in;
        uint64_t got = 0;
        uint32_t narrow = 0;

        av_check_row = (long)i;
        AV_CHECK(av_imap_take_number64(&in, &got) == numbers[i].ok && got == numbers[i].value);
        AV_CHECK(av_imap_take_number(&again, &narrow) == (numbers[i].ok && numbers[i].value <= UINT32_MAX));
    }
}

static const struct {
    const char *in;
    int64_t want; /* -1: refused */
} dates[] = {
    { "1-Feb-1994", 760060800 },
    { "\"01-feb-1994\"", 760060800 },
    { "29-Feb-2000", 951782400 },
    { "29-Feb-1999", -1 },
    { "31-Apr-2000", -1 },
    { "0-Jan-2000", -1 },
    { "1-Jan-70", -1 },
    { "1-Foo-2000", -1 },
    { "\"1-Jan-2000", -1 },
    { "1 Jan 2000", -1 },
    { "", -1 },
};

static void
test_dates(void)
{
    for (size_t i = 0; i < AV_COUNT(dates); i++) {
        av_span in = av_span_str(dates[i].in);
        int64_t got = -1;

        av_check_row = (long)i;
        AV_CHECK(av_imap_take_date(&in, &got) == (dates[i].want >= 0));
        AV_CHECK_INT(got, dates[i].want);
    }
}

static const struct {
    const char *in;
    size_t n; /* 0: refused */
    av_query_range first, last;
    size_t left;
} sets[] = {
    { "1", 1, { 1, 1 }, { 1, 1 }, 0 },
    { "*", 1, { UINT32_MAX, UINT32_MAX }, { UINT32_MAX, UINT32_MAX }, 0 },
    { "2,4:7,9:* x", 3, { 2, 2 }, { 9, UINT32_MAX }, 2 },
    { "7:4", 1, { 4, 7 }, { 4, 7 }, 0 }, /* RFC 3501, 9: either order */
    { "*:5", 1, { 5, UINT32_MAX }, { 5, UINT32_MAX }, 0 },
    { "5:4294967295", 1, { 5, UINT32_MAX - 1 }, { 5, UINT32_MAX - 1 }, 0 }, /* which is not "*" */
    { "0", 0, { 0, 0 }, { 0, 0 }, 0 },
    { "1:0", 0, { 0, 0 }, { 0, 0 }, 0 },
    { "1,", 0, { 0, 0 }, { 0, 0 }, 0 },
    { "1:", 0, { 0, 0 }, { 0, 0 }, 0 },
    { "4294967296", 0, { 0, 0 }, { 0, 0 }, 0 },
    { "a", 0, { 0, 0 }, { 0, 0 }, 0 },
    { "", 0, { 0, 0 }, { 0, 0 }, 0 },
};

static void
test_sets(void)
{
    for (size_t i = 0; i < AV_COUNT(sets); i++) {
        AV_CLEANUP(av_free) av_query_range *got = NULL;
        av_span in = av_span_str(sets[i].in);
        size_t n = 0;

        av_check_row = (long)i;
        AV_CHECK(av_imap_take_seqset(&in, &got, &n) == (sets[i].n > 0));
        AV_CHECK_INT(n, sets[i].n);
        if (n == 0)
            continue;
        AV_CHECK(memcmp(&got[0], &sets[i].first, sizeof got[0]) == 0);
        AV_CHECK(memcmp(&got[n - 1], &sets[i].last, sizeof got[0]) == 0);
        AV_CHECK_INT(in.n, sets[i].left);
    }
}

static const struct {
    const char *in, *want; /* NULL: refused */
} lists[] = {
    { "() x", "()" },
    { "(a (b) \")\" c)d", "(a (b) \")\" c)" },
    { "(\"\\\")\")", "(\"\\\")\")" },
    { "({3}\r\n))) b)", "({3}\r\n))) b)" },
    { "({3 )", "({3 )" },
    { "(a", NULL },
    { "((a)", NULL },
    { "(\")", NULL },
    { "a)", NULL },
    { "", NULL },
};

static void
test_lists(void)
{
    for (size_t i = 0; i < AV_COUNT(lists); i++) {
        av_span in = av_span_str(lists[i].in), got = { 0 };

        av_check_row = (long)i;
        AV_CHECK(av_imap_take_list(&in, &got) == (lists[i].want != NULL));
        AV_CHECK(lists[i].want == NULL ? in.n == strlen(lists[i].in) : av_span_eq_str(got, lists[i].want));
    }
}

static void
test_announced(void)
{
    uint64_t n = 0;
    bool sync = false;

    AV_CHECK(av_imap_literal_announced(av_span_str("a LOGIN {5}"), &n, &sync) && n == 5 && sync);
    AV_CHECK(av_imap_literal_announced(av_span_str("{0+}"), &n, &sync) && n == 0 && !sync);
    AV_CHECK(!av_imap_literal_announced(av_span_str("a {5} "), &n, &sync));
    AV_CHECK(!av_imap_literal_announced(av_span_str("a 5}"), &n, &sync));
    AV_CHECK(!av_imap_literal_announced(av_span_str("{}"), &n, &sync));
    AV_CHECK(!av_imap_literal_announced(av_span_str("{+}"), &n, &sync));
    AV_CHECK(!av_imap_literal_announced(av_span_str("}"), &n, &sync));
    AV_CHECK(!av_imap_literal_announced(av_span_str("+}"), &n, &sync));
}

int
main(void)
{
    AV_RUN(test_astrings);
    AV_RUN(test_nul_in_literal);
    AV_RUN(test_words);
    AV_RUN(test_numbers);
    AV_RUN(test_dates);
    AV_RUN(test_sets);
    AV_RUN(test_lists);
    AV_RUN(test_announced);
    av_buf_release(&text);
    return av_check_done();
}
