/*
 * test_query.c - text to tree: the grammar, the errors with their columns, the limits; and the building functions
 */
#include "storage/index/query.h"

#include "base/buf.h"
#include "tests/check.h"
#include "tests/storage/index/query_show.h"

static void
test_trees(void)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "invoice", "invoice" },
        { "  invoice  ", "invoice" },
        { "a b", "(and a b)" },
        { "a AND b", "(and a b)" },
        { "a OR b", "(or a b)" },
        { "a b OR c d", "(or (and a b) (and c d))" },
        { "a OR b OR c", "(or a b c)" },
        { "a or b", "(and a or b)" },
        { "NOT a", "(not a)" },
        { "-a", "(not a)" },
        { "a -b", "(and a (not b))" },
        { "NOT NOT a", "a" },
        { "NOT -a", "a" },
        { "a-b", "a-b" },
        { "-(a b)", "(not (and a b))" },
        { "-\"a b\"", "(not a b)" },
        { "-from:x", "(not from:x)" },
        { "(a OR b) c", "(and (or a b) c)" },
        { "((a))", "a" },
        { "(a OR (b c)) -d", "(and (or a (and b c)) (not d))" },
        { "a(b)c", "(and a b c)" },
        { "\"best  regards\"", "best regards" },
        { "\"best\tregards\" x", "(and best regards x)" },
        { "invo*", "invo*" },
        { "\"best reg\"*", "best reg*" },
        { "*voice", "*voice" },
        { "*@example.com", "*@example.com" },
        { "filename:*.pdf", "filename:*.pdf" },
        { "wom?n", "like(wom?n)" },
        { "in*ce", "like(in*ce)" },
        { "*voi*", "like(*voi*)" },
        { "what?", "like(what?)" },
        { "filename:rep*.pdf", "filename:like(rep*.pdf)" },
        { "\"wom?n in*\"", "wom?n in*" }, /* as it is */
        { "a *b -c*d", "(and a *b (not like(c*d)))" },
        { "NEAR(a b)", "near10(a b)" },
        { "NEAR(a  b\tc, 5)", "near5(a b c)" },
        { "NEAR(a* wom?n,200)", "near200(a* wom?n)" },
        { "subject:NEAR(a b,1) c", "(and subject:near1(a b) c)" },
        { "subject:(NEAR(a b) c)", "(and subject:near10(a b) subject:c)" },
        { "-NEAR(a b)", "(not near10(a b))" },
        { "NEAR (a b)", "(and NEAR (and a b))" },
        { "near(a b)", "(and near (and a b))" },
        { "NEAR", "NEAR" },
        { "~houses", "stem(english,german: houses)" },
        { "subject:~houses -~x", "(and subject:stem(english,german: houses) (not stem(english,german: x)))" },
        { "\"~houses\"", "~houses" },
        { "header:X-Mailer:mutt", "header5(X-Mailer: mutt)" },
        { "header:list-id:\"two words\"", "header5(list-id: two words)" },
        { "header:x-a: b*", "header6(x-a: b)" },
        { "header:x-a:*b", "header17(x-a: b)" },
        { "header:x-a:b?c", "header18(x-a: b?c)" },
        { "header:x-a:*", "header(x-a=)" },
        { "header:message-id:a@b.c d", "(and header5(message-id: a@b.c) d)" },
        { "received:1970", "date3(0..31536000)" },
        { "received:2015-03..", "date3(1425168000..9223372036854775807)" },
        { "\xe6\x97\xa5\xe6\x9c\xac*", "\xe6\x97\xa5\xe6\x9c\xac*" },
        { "*", "all" },
        { "* -a", "(and all (not a))" },
        { "subject:*", "subject:~~" },
        { "from:smith", "from:smith" },
        { "FROM:smith", "from:smith" },
        { "from: smith", "from:smith" },
        { "subject:\"two words\"", "subject:two words" },
        { "subject:inv*", "subject:inv*" },
        { "body:(a OR b)", "(or body:a body:b)" },
        { "subject:(a from:b) c", "(and (and subject:a from:b) c)" },
        { "-to:(a b)", "(not (and to:a to:b))" },
        { "bcc:x cc:y", "(and bcc:x cc:y)" },
        { "attachment:plan", "filename+attachment:plan" },
        { "filename:.pdf", "filename:.pdf" },
        { "folder:Archive/2003", "folder(Archive/2003)" },
        { "folder:\"Sent Items\"", "folder(Sent Items)" },
        { "has:attachment", "has-attachment" },
        { "id:Mabc_-9", "id(Mabc_-9)" },
        { "10:30", "10:30" },
        { "x@y.z", "x@y.z" },
        { "\"http://x\"", "http://x" },
        { "\xc3\x9c"
          "ber",
            "\xc3\x9c"
            "ber" },
        { "u\xcc\x88"
          "ber",
            "\xc3\xbc"
            "ber" }, /* decomposed: brought to NFC */
        { "\xe6\xa0\xaa\xe5\xbc\x8f\xe3\x80\x80\xe4\xbc\x9a",
            "(and \xe6\xa0\xaa\xe5\xbc\x8f \xe4\xbc\x9a)" }, /* ideographic space parts words */
        { "AND*", "AND*" },
        { "\"OR\"", "OR" },
        { "date:1970", "date1(0..31536000)" },
        { "date:2015-03", "date1(1425168000..1427846400)" },
        { "date:2016-02-29", "date1(1456704000..1456790400)" },
        { "date:2015..2017", "date1(1420070400..1514764800)" },
        { "date:2015-03-07..2015-03-07", "date1(1425686400..1425772800)" },
        { "date:2015..", "date1(1420070400..9223372036854775807)" },
        { "date:..2015-01", "date1(-9223372036854775808..1422748800)" },
        { "before:2016-01-02", "date1(-9223372036854775808..1451692800)" },
        { "after:2016-01-02", "date1(1451779200..9223372036854775807)" },
        { "after:2015", "date1(1451606400..9223372036854775807)" },
        { "size:1234", "size(1234..1234)" },
        { "size:>1M", "size(1048577..18446744073709551615)" },
        { "size:>=1MB", "size(1048576..18446744073709551615)" },
        { "size:<10K", "size(0..10239)" },
        { "size:<=10k", "size(0..10240)" },
        { "size:10K..2M", "size(10240..2097152)" },
        { "size:1G..", "size(1073741824..18446744073709551615)" },
        { "size:..5", "size(0..5)" },
    };
    av_buf shown;
    av_error err;

    av_buf_init(&shown, 65536);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_parse(av_span_str(cases[i].in), NULL, &q, &err), AV_OK, &err);
        if (q == NULL)
            continue;
        query_show(q, &shown);
        AV_CHECK_STR(av_buf_cstr(&shown), cases[i].want);
    }
    av_buf_release(&shown);
}

static void
test_errors(void)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "", "column 1: there is nothing to search for; * finds every message" },
        { "   ", "column 1: there is nothing to search for; * finds every message" },
        { "(a", "column 1: this \"(\" is never closed" },
        { "a)", "column 2: this \")\" closes nothing" },
        { "()", "column 1: there is nothing between these parentheses" },
        { "a ( ) b", "column 3: there is nothing between these parentheses" },
        { "a OR", "column 3: there is nothing to search for on the right of this operator" },
        { "OR a", "column 1: there is nothing to search for on the left of OR" },
        { "AND a", "column 1: there is nothing to search for on the left of AND" },
        { "a AND OR b", "column 3: there is nothing to search for on the right of this operator" },
        { "(a OR) b", "column 4: there is nothing to search for on the right of this operator" },
        { "NOT", "column 1: there is nothing to search for on the right of this operator" },
        { "a \"b c", "column 3: this quotation mark is never closed" },
        { "a ?*", "column 3: there is no letter or digit to search for" },
        { "a x@*.com", "column 3: * and ? need a letter or digit in the same word" },
        { "a *b*c*d*e*f*g*h*i*", "column 3: a search term has more than 8 wildcards" },
        { "a \xe6\x97\xa5?x", "column 3: no * or ? is needed beside letters of a script that does not part words" },
        { "x NEAR(a b", "column 7: this \"(\" is never closed" },
        { "x NEAR(a)", "column 8: NEAR takes 2 to 16 words" },
        { "NEAR()", "column 6: NEAR takes 2 to 16 words" },
        { "NEAR(1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7)", "column 6: NEAR takes 2 to 16 words" },
        { "NEAR(a \"b c\")", "column 6: NEAR takes words alone, like NEAR(one two, 10)" },
        { "NEAR(a-b c)", "column 6: such words may hold letters and digits alone" },
        { "NEAR(a \xe6\x97\xa5)", "column 6: such words must be of a script that parts words by spaces" },
        { "NEAR(a b, 0)", "column 10: the distance of NEAR is a number of words from 1 to 200" },
        { "NEAR(a b, 201)", "column 10: the distance of NEAR is a number of words from 1 to 200" },
        { "NEAR(a b,)", "column 10: the distance of NEAR is a number of words from 1 to 200" },
        { "NEAR(? b)", "column 6: * and ? need a letter or digit in the same word" },
        { "~a-b", "column 1: such words may hold letters and digits alone" },
        { "x ~a*", "column 3: such words may hold letters and digits alone" },
        { "header:x", "column 1: header: needs a name and a value, like header:x-mailer:word" },
        { "header:x:", "column 1: header: needs a name and a value, like header:x-mailer:word" },
        { "header:x y:z", "column 1: header: needs a name and a value, like header:x-mailer:word" },
        { "header::z", "column 1: header: needs a name and a value, like header:x-mailer:word" },
        { "header:x:~a", "column 10: ~ cannot be used in header:" },
        { "header:x:NEAR(a b)", "column 10: NEAR cannot be used in header:" },
        { "received:x", "column 10: this is no date; dates look like this: received:2015, received:2015-03 or "
                        "received:2015..2017" },
        { "a -", "column 3: there is no letter or digit to search for" },
        { "\"\"", "column 1: there is no letter or digit to search for" },
        { "\xc3\xa4 \xc3\xb6 ...", "column 5: there is no letter or digit to search for" },
        { "http://x", "column 1: \"http:\" is not a field; to search for these words put quotation marks around them" },
        { "from:", "column 1: from: needs a value, like from:smith" },
        { "(from:)", "column 2: from: needs a value, like from:smith" },
        { "date:yesterday",
            "column 6: this is no date; dates look like this: date:2015, date:2015-03 or date:2015..2017" },
        { "date:2015-02-29",
            "column 6: this is no date; dates look like this: date:2015, date:2015-03 or date:2015..2017" },
        { "date:..", "column 6: this is no date; dates look like this: date:2015, date:2015-03 or date:2015..2017" },
        { "date:2017..2015", "column 6: the range ends before it begins" },
        { "before:2016..2017", "column 8: this is no date; dates look like this: before:2016-01-02" },
        { "size:big", "column 6: this is no size; sizes look like this: size:>1M or size:10K..2M" },
        { "size:<0", "column 6: this is no size; sizes look like this: size:>1M or size:10K..2M" },
        { "size:99999999999G", "column 6: this is no size; sizes look like this: size:>1M or size:10K..2M" },
        { "size:2M..1M", "column 6: the range ends before it begins" },
        { "has:children", "column 5: the only thing a message can be asked to have is has:attachment" },
        { "a \xff", "column 1: the search is not valid UTF-8" },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_parse(av_span_str(cases[i].in), NULL, &q, &err), AV_ERR_SYNTAX, &err);
        AV_CHECK_STR(err.msg, cases[i].want);
        AV_CHECK(q == NULL);
    }
}

static av_errc
parse_repeated(const char *piece, size_t times, const av_query_limits *limits)
{
    AV_CLEANUP(av_query_destroy) av_query *q = NULL;
    av_error err;
    av_buf b;
    av_errc rc;

    av_buf_init(&b, 1 << 24);
    for (size_t i = 0; i < times; i++)
        (void)av_buf_puts(&b, piece);
    rc = av_query_parse(av_buf_span(&b), limits, &q, &err);
    av_buf_release(&b);
    return rc;
}

static void
test_limits(void)
{
    av_query_limits wide = av_query_limits_default;

    wide.text_bytes = 1 << 24;
    AV_CHECK_INT(parse_repeated("a ", 511, &wide), AV_OK);
    AV_CHECK_INT(parse_repeated("a ", 512, &wide), AV_ERR_LIMIT);
    AV_CHECK_INT(parse_repeated("-a ", 600, &wide), AV_ERR_LIMIT);
    AV_CHECK_INT(parse_repeated("a OR ", 100000, &wide), AV_ERR_LIMIT);
    AV_CHECK_INT(parse_repeated("(", 1000000, &wide), AV_ERR_LIMIT);
    AV_CHECK_INT(parse_repeated("a", 1024, &wide), AV_OK);
    AV_CHECK_INT(parse_repeated("a", 1025, &wide), AV_ERR_LIMIT);
    AV_CHECK_INT(parse_repeated("a", 4097, NULL), AV_ERR_LIMIT);
    wide.depth = 1000; /* cut to AV_QUERY_DEPTH_MAX */
    AV_CHECK_INT(parse_repeated("(", 1000, &wide), AV_ERR_LIMIT);
}

static void
test_zone(void)
{
    AV_CLEANUP(av_query_destroy) av_query *q = NULL;
    av_query_limits limits = av_query_limits_default;
    av_error err;

    limits.zone_min = 120; /* the day begins two hours before UTC's */
    AV_CHECK_RC(av_query_parse(av_span_str("date:1970-01-02"), &limits, &q, &err), AV_OK, &err);
    AV_CHECK_INT(av_query_node_at(q, av_query_root(q))->from_unix_s, 86400 - 7200);
}

static void
test_building(void)
{
    AV_CLEANUP(av_query_destroy) av_query *q = av_query_new(NULL);
    static const av_query_range ranges[] = { { 9, 2 }, { 100, UINT32_MAX } };
    av_query_id ids[5], either[2];
    av_buf shown;
    av_error err;

    av_buf_init(&shown, 65536);
    ids[0] = av_query_uids(q, ranges, 2);
    ids[1] = av_query_flagged(q, AV_QUERY_FLAG_SEEN);
    ids[2] = av_query_header(q, av_span_str("X-Spam"), av_span_str("yes"));
    either[0] = av_query_keyword(q, av_span_str("$Junk"));
    either[1] = av_query_text(q, AV_QUERY_SUBSTRING, AV_QUERY_IN_HEADER | AV_QUERY_IN_BODY, av_span_str("a b"));
    ids[3] = av_query_or(q, either, 2);
    ids[4] = av_query_not(q, av_query_dates(q, AV_QUERY_DATE_RECEIVED, 5, 6));
    AV_CHECK_RC(av_query_finish(q, av_query_and(q, ids, 5), &err), AV_OK, &err);
    query_show(q, &shown);
    AV_CHECK_STR(av_buf_cstr(&shown), "(and uids(2:9,100:4294967295) flag(1) header(X-Spam=yes) "
                                      "(or keyword($Junk) body+header:~a b~) (not date3(5..6)))");
    av_buf_release(&shown);
}

/* A failure passes through everything above it and is told once, by av_query_finish. */
static void
test_building_failures(void)
{
    for (int i = 0; i < 9; i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = av_query_new(NULL);
        av_query_id a = av_query_all(q), twice[2] = { a, a }, id = AV_QUERY_NONE;
        av_error err = { 0 };

        av_check_row = i;
        id = i == 0   ? av_query_text(q, AV_QUERY_WORD, 0, av_span_str("x"))
             : i == 1 ? av_query_text(q, AV_QUERY_WORD, 1 << 20, av_span_str("x"))
             : i == 2 ? av_query_text(q, AV_QUERY_WORD, AV_QUERY_IN_BODY, av_span_str(" ! "))
             : i == 3 ? av_query_text(q, AV_QUERY_SUBSTRING, AV_QUERY_IN_BODY, av_span_str("\xff"))
             : i == 4 ? av_query_and(q, twice, 2)
             : i == 5 ? av_query_or(q, twice, 0)
             : i == 6 ? av_query_flagged(q, (av_query_flag)3)
             : i == 7 ? av_query_header(q, av_span_str(""), av_span_str("x"))
                      : av_query_text(q, AV_QUERY_SUBSTRING, AV_QUERY_IN_BODY, av_span_of("a\0b", 3));
        AV_CHECK_INT(id, AV_QUERY_NONE);
        AV_CHECK_RC(av_query_finish(q, av_query_not(q, id), &err), AV_ERR_INVALID, &err);
        AV_CHECK(err.msg[0] != '\0');
    }
}

static void
test_folder_rule(void)
{
    static const struct {
        const char *path, *wanted;
        bool want;
    } cases[] = {
        { "Archive/2003", "Archive/2003", true },
        { "Archive/2003/May", "archive/2003", true },
        { "alice/Archive/2003", "Archive", true },
        { "Archive/2003", "2003", true },
        { "Archive/2003", "200", false },
        { "Archive2/2003", "Archive", false },
        { "Archive/2003", "/Archive/", true },
        { "Entw\xc3\xbcrfe", "entw\xc3\x9crfe", true },
        { "a", "a/b", false },
        { "", "a", false },
        { "a", "/", true },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(av_query_folder_matches(av_span_str(cases[i].path), av_span_str(cases[i].wanted)), cases[i].want);
    }
}

int
main(void)
{
    AV_RUN(test_trees);
    AV_RUN(test_errors);
    AV_RUN(test_limits);
    AV_RUN(test_zone);
    AV_RUN(test_building);
    AV_RUN(test_building_failures);
    AV_RUN(test_folder_rule);
    return av_check_done();
}
