/*
 * test_match.c - what matches what: words, phrases, prefixes, substrings, fields, facts; and in two steps
 */
#include "storage/index/match.h"

#include "storage/index/needle.h"
#include "tests/check.h"

#define UE     "\xc3\xbc" /* u with diaeresis */
#define UUE    "\xc3\x9c" /* its capital */
#define KELVIN "\xe2\x84\xaa"
#define LONG_S "\xc5\xbf"

static void
test_needles(void)
{
    static const struct {
        const char *needle;
        av_query_kind kind;
        const char *text;
        int at; /* -1: no match */
    } cases[] = {
        { "invoice", AV_QUERY_WORD, "invoice", 0 },
        { "invoice", AV_QUERY_WORD, "your INVoice.", 5 },
        { "InVoice", AV_QUERY_WORD, "your invoice", 5 },
        { "invoice", AV_QUERY_WORD, "invoices invoice", 9 },
        { "invoice", AV_QUERY_WORD, "xinvoice invoice_ invoice1", -1 },
        { "invoice", AV_QUERY_WORD, "-invoice-", 1 },
        { "invoice", AV_QUERY_WORD, "invoice" UE, -1 },
        { "invoice", AV_QUERY_WORD, UE "invoice", -1 },
        { "invoice", AV_QUERY_WORD, "\xe2\x80\x9cinvoice\xe2\x80\x9d", 3 },
        { "invoice", AV_QUERY_WORD, "invoic", -1 },
        { "invoice", AV_QUERY_WORD, "", -1 },
        { "invo", AV_QUERY_PREFIX, "the invoice", 4 },
        { "invo", AV_QUERY_PREFIX, "xinvoice", -1 },
        { "best regards", AV_QUERY_WORD, "With best\r\n\t regards, x", 5 },
        { "best regards", AV_QUERY_WORD,
            "best"
            "\xc2\xa0"
            "regards",
            0 },
        { "best regards", AV_QUERY_WORD, "bestregards best, regards", -1 },
        { "best reg", AV_QUERY_PREFIX, "best regards", 0 },
        { "a b", AV_QUERY_WORD, "a a   a b", 6 },
        { "f" UE "r", AV_QUERY_WORD, "F" UUE "R f" UE "r", 0 },
        { UE "ber", AV_QUERY_WORD, "x " UUE "BER", 2 },
        { UE "ber", AV_QUERY_WORD, "uber", -1 },
        { "uber", AV_QUERY_WORD, "x " UUE "BER", 2 }, /* asked without accents: with and without */
        { "uber", AV_QUERY_WORD,
            "u\xcc\x88"
            "ber",
            0 },
        { UE "ber", AV_QUERY_WORD,
            "x U\xcc\x88"
            "ber",
            2 },
        { "f" UE "r uber", AV_QUERY_WORD, "fur " UE "ber f" UE "r " UE "ber", 10 }, /* each word by itself */
        { "strasse", AV_QUERY_WORD,
            "Stra\xc3\x9f"
            "e",
            0 },
        { "stra\xc3\x9f"
          "e",
            AV_QUERY_WORD, "Strasse", -1 },
        { "stras", AV_QUERY_PREFIX,
            "Stra\xc3\x9f"
            "e",
            0 },
        { "rechnung", AV_QUERY_WORD,
            "Rech\xc2\xad"
            "nung",
            0 },                                                    /* soft hyphen */
        { "abc", AV_QUERY_WORD, "ABC\xe6\x97\xa5\xe6\x9c\xac", 0 }, /* a change of script */
        { "abc", AV_QUERY_WORD,
            "\xe6\x97\xa5"
            "abc",
            3 },
        { "\xe6\x97\xa5 x", AV_QUERY_WORD, "\xe6\x97\xa5\xe6\x9c\xac x \xe6\x97\xa5\n x", 9 },
        { "\xd0\xb8", AV_QUERY_WORD, "\xd0\xb9", -1 }, /* a letter of its own */
        { "\xd0\xb5", AV_QUERY_WORD, "\xd0\x81", 0 },  /* an accent */
        { "a-b", AV_QUERY_WORD, "a - b a--b a-b", 11 },
        { "a - b", AV_QUERY_WORD, "a-b a\n-  b", 4 },
        { "voice", AV_QUERY_SUFFIX, "voices invoice", 7 },
        { "voice of", AV_QUERY_SUFFIX, "invoice, of invoice of", 12 },
        { ".pdf", AV_QUERY_SUFFIX, "a.pdf", 1 },
        { UE "ck", AV_QUERY_SUFFIX, "stuck St" UE "ck", 6 },
        { "uck", AV_QUERY_SUFFIX, "St" UE "ck", 0 },
        { "wom?n", AV_QUERY_WILDCARD, "womn womaan Women", 12 },
        { "w*n", AV_QUERY_WILDCARD, "wom en wn", 7 },
        { "*ou*", AV_QUERY_WILDCARD, "o u you", 4 },
        { "m?ller", AV_QUERY_WILDCARD, "M" UE "ller", 0 },
        { "m?ll" UE "r", AV_QUERY_WILDCARD, "M" UE "ller M" UE "ll" UE "r", 8 },
        { "?x", AV_QUERY_WILDCARD, "x " UE "x", 2 },
        { "rep*.p?f", AV_QUERY_WILDCARD, "report.pdx report.pdf", 11 },
        { "a* b?", AV_QUERY_WILDCARD, "axx b axx bb", 6 },
        { "a*b*c*d*e*f*g*h", AV_QUERY_WILDCARD, "aaaabbbbccccddddeeeeffffgggg", -1 },
        { "k", AV_QUERY_WORD, "5 " KELVIN, 2 }, /* folds to k: three bytes for one */
        { "task", AV_QUERY_WORD, "ta" LONG_S KELVIN ".", 0 },
        { "ask", AV_QUERY_WORD, "ta" LONG_S KELVIN ".", -1 },
        { LONG_S "et", AV_QUERY_WORD, "SET", 0 },
        { "\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c", AV_QUERY_WORD,
            "\xd0\x9f\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c!", 0 },
        { "\xe5\x85\xac\xe5\x8f\xb8", AV_QUERY_WORD, "\xe6\x9c\x89\xe5\x85\xac\xe5\x8f\xb8\xe6\x9c\x89", 3 },
        { "\xe5\x85\xac\xe5\x8f\xb8", AV_QUERY_WORD, "x\xe5\x85\xac\xe5\x8f\xb8x", 1 },
        { "2003", AV_QUERY_WORD, "12003 2003", 6 },
        { ".pdf", AV_QUERY_WORD, "report.PDF", 6 },
        { ".pdf", AV_QUERY_WORD, "report.pdfx", -1 },
        { "@example.com", AV_QUERY_WORD, "joe@Example.com", 3 },
        { "c++", AV_QUERY_WORD, "in C++11", 3 },
        { "voic", AV_QUERY_SUBSTRING, "Invoice", 2 },
        { "a  b", AV_QUERY_SUBSTRING, "a b a  b", 4 },
        { "", AV_QUERY_SUBSTRING, "abc", 0 },
        { "ab", AV_QUERY_SUBSTRING,
            "\xff\xfe"
            "aAB",
            3 }, /* malformed bytes are passed over */
        { "zebra", AV_QUERY_WORD, "zzebra zebra", 7 },
        { "xylophone", AV_QUERY_WORD, "ylophone", -1 },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_needle_destroy) av_needle *needle = av_needle_new(av_span_str(cases[i].needle), cases[i].kind);
        size_t at = 0, end = 0;
        bool found = av_needle_find(needle, av_span_str(cases[i].text), &at, &end);

        av_check_row = (long)i;
        AV_CHECK_INT(found ? (long)at : -1L, cases[i].at);
        AV_CHECK(!found || end >= at);
    }
}

static bool
next_header(void *context, av_span name, size_t index, av_span *ret)
{
    static const char *const values[] = { "one", "Two words" };

    (void)context;
    if (!av_span_ieq_str(name, "X-Test") || index >= AV_COUNT(values))
        return false;
    *ret = av_span_str(values[index]);
    return true;
}

static av_match_doc
sample(void)
{
    return (av_match_doc){
        .subject = av_span_str("Quarterly figures"),
        .from = av_span_str("Ann Smith <ann@example.com>"),
        .to = av_span_str("bob@example.org"),
        .cc = av_span_str("carol@example.org"),
        .bcc = av_span_str("dave@example.org"),
        .body = av_span_str("Please find the plan attached.\nbest regards\nAnn"),
        .filenames = av_span_str("plan 2015.pdf\nlogo.png\n"),
        .attachments = av_span_str("secret numbers"),
        .header_text = av_span_str("Subject: Quarterly figures\nX-Mailer: mutt\n"),
        .folder = av_span_str("alice/Archive/2015"),
        .id = av_span_str("Mabc"),
        .keywords = av_span_str("$Forwarded Work"),
        .has_attachment = true,
        .has_date = true,
        .date_unix_s = 1425772800 - 3600, /* 2015-03-07 23:00 UTC, written as 2015-03-08 01:00 +0200 */
        .date_zone_min = 120,
        .received_unix_s = 1451606400, /* 2016-01-01 */
        .size_bytes = 20480,
        .flags = AV_QUERY_FLAG_SEEN | AV_QUERY_FLAG_ANSWERED,
        .uid = 40,
        .last_uid = 50,
        .header = next_header,
    };
}

static void
test_documents(void)
{
    static const struct {
        const char *query;
        bool want;
    } cases[] = {
        { "*", true },
        { "quarterly", true },
        { "smith", true },
        { "bob", true },
        { "carol", true },
        { "dave", false }, /* Bcc is searched when named */
        { "bcc:dave", true },
        { "attached", true },
        { "subject:attached", false },
        { "body:quarterly", false },
        { "logo", true },
        { "filename:.pdf", true },
        { "secret", false },
        { "attachment:secret", true },
        { "attachment:plan", true },
        { "from:@example.com", true },
        { "\"best regards\"", true },
        { "\"attached best\"", false }, /* a full stop stands between */
        { "plan -quarterly", false },
        { "nothing OR plan", true },
        { "nothing OR nowhere", false },
        { "NOT nothing", true },
        { "(a OR figures) (b OR plan)", true },
        { "folder:archive", true },
        { "folder:2014", false },
        { "id:Mabc", true },
        { "id:mabc", false },
        { "has:attachment", true },
        { "size:20K", true },
        { "size:>20K", false },
        { "date:2015-03-07", true },
        { "date:2015-03-08", false },
        { "before:2015-03-08", true },
        { "after:2015-03-07", false },
        { "after:2015-03-06", true },
        { "quarter*", true },
        { "subject:*", true },
        { "subject:*erly", true },
        { "*erl", false },
        { "*.pdf", true },
        { "pl?n", true },
        { "at*hed", true },
        { "NEAR(plan please, 3)", true }, /* Please find the plan */
        { "NEAR(plan please, 2)", false },
        { "NEAR(pl?n PLEASE)", true },
        { "NEAR(quarterly plan)", false }, /* not in one field */
        { "NEAR(regards attached best, 3)", true },
        { "NEAR(regards ann, 1)", true },
        { "NEAR(ann ann)", true },
        { "subject:NEAR(figures quarterly, 1)", true },
        { "~finding", true },
        { "~plans", true },
        { "~figurine", false },
        { "subject:~figure", true },
        { "~Figuren", true }, /* German: figur, as of figures */
        { "header:x-test:words", true },
        { "header:x-test:wor", false },
        { "header:x-test:wor*", true },
        { "header:x-test:*rds", true },
        { "header:x-test:\"one two\"", false }, /* in two fields of that name */
        { "header:X-TEST:\"two words\"", true },
        { "header:x-test:t?o", true },
        { "header:x-test:*", true },
        { "header:x-other:*", false },
        { "received:2016-01-01", true },
        { "received:..2015", false },
    };
    av_match_doc doc = sample();
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = NULL;
        AV_CLEANUP(av_matcher_destroy) av_matcher *m = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_parse(av_span_str(cases[i].query), NULL, &q, &err), AV_OK, &err);
        AV_CHECK_RC(av_matcher_new(q, &m, &err), AV_OK, &err);
        AV_CHECK_INT(av_matcher_test(m, &doc), cases[i].want);
        AV_CHECK_INT(av_matcher_try(m, &doc, av_matcher_needs(m)), cases[i].want ? AV_MATCH_YES : AV_MATCH_NO);
    }
}

/* One leaf made by a function, against the sample. */
static bool
matches(av_query *q, av_query_id id)
{
    AV_CLEANUP(av_matcher_destroy) av_matcher *m = NULL;
    av_match_doc doc = sample();
    av_error err;
    bool yes;

    AV_CHECK_RC(av_query_finish(q, id, &err), AV_OK, &err);
    AV_CHECK_RC(av_matcher_new(q, &m, &err), AV_OK, &err);
    yes = m != NULL && av_matcher_test(m, &doc);
    av_query_destroy(&q);
    return yes;
}

#define MATCHES(make)                                                                                                  \
    __extension__({                                                                                                    \
        av_query *q = av_query_new(NULL);                                                                              \
        matches(q, make);                                                                                              \
    })

static bool
uid_matches(uint32_t first, uint32_t last)
{
    av_query *q = av_query_new(NULL);
    av_query_range range = { first, last };

    return matches(q, av_query_uids(q, &range, 1));
}

/* What IMAP SEARCH asks for (RFC 9051, 6.4.4). */
static void
test_imap_keys(void)
{
    AV_CHECK(MATCHES(av_query_flagged(q, AV_QUERY_FLAG_SEEN)));
    AV_CHECK(!MATCHES(av_query_flagged(q, AV_QUERY_FLAG_DELETED)));
    AV_CHECK(MATCHES(av_query_keyword(q, av_span_str("work"))));
    AV_CHECK(!MATCHES(av_query_keyword(q, av_span_str("wor"))));
    AV_CHECK(MATCHES(av_query_header(q, av_span_str("x-test"), av_span_str("WO"))));
    AV_CHECK(MATCHES(av_query_header(q, av_span_str("x-test"), av_span_str(""))));
    AV_CHECK(!MATCHES(av_query_header(q, av_span_str("x-other"), av_span_str(""))));
    AV_CHECK(!MATCHES(av_query_header(q, av_span_str("x-test"), av_span_str("three"))));
    AV_CHECK(MATCHES(av_query_text(q, AV_QUERY_SUBSTRING, AV_QUERY_IN_HEADER | AV_QUERY_IN_BODY, av_span_str("MUT"))));
    AV_CHECK(MATCHES(av_query_text(q, AV_QUERY_SUBSTRING, AV_QUERY_IN_SUBJECT, av_span_str("terly fig"))));
    AV_CHECK(!MATCHES(av_query_text(q, AV_QUERY_SUBSTRING, AV_QUERY_IN_SUBJECT, av_span_str("mut"))));
    AV_CHECK(MATCHES(av_query_dates(q, AV_QUERY_DATE_SENT_LOCAL, 1425772800, 1425859200))); /* SENTON 8-Mar-2015 */
    AV_CHECK(!MATCHES(av_query_dates(q, AV_QUERY_DATE_SENT, 1425772800, 1425859200)));
    AV_CHECK(MATCHES(av_query_dates(q, AV_QUERY_DATE_RECEIVED, 1451606400, INT64_MAX))); /* SINCE 1-Jan-2016 */
    AV_CHECK(!MATCHES(av_query_dates(q, AV_QUERY_DATE_RECEIVED, INT64_MIN, 1451606400)));
    AV_CHECK(uid_matches(40, 40));
    AV_CHECK(uid_matches(1, UINT32_MAX));
    AV_CHECK(!uid_matches(41, UINT32_MAX));
    AV_CHECK(!uid_matches(559, UINT32_MAX)); /* 50:559 */
    AV_CHECK(!uid_matches(UINT32_MAX, UINT32_MAX));
}

static void
test_needs(void)
{
    static const struct {
        const char *query;
        uint32_t want;
    } cases[] = {
        { "subject:a", AV_MATCH_NEED_HEADERS },
        { "body:a", AV_MATCH_NEED_BODY },
        { "a", AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_BODY | AV_MATCH_NEED_FILENAMES },
        { "folder:a id:b", AV_MATCH_NEED_META },
        { "date:2015 size:>1", AV_MATCH_NEED_DATE | AV_MATCH_NEED_SIZE },
        { "*", 0 },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = NULL;
        AV_CLEANUP(av_matcher_destroy) av_matcher *m = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_parse(av_span_str(cases[i].query), NULL, &q, &err), AV_OK, &err);
        AV_CHECK_RC(av_matcher_new(q, &m, &err), AV_OK, &err);
        AV_CHECK_INT(av_matcher_needs(m), cases[i].want);
    }
}

/* With the cheap facts alone: decided where they decide. */
static void
test_two_steps(void)
{
    static const struct {
        const char *query;
        av_match want;
    } cases[] = {
        { "folder:2014 plan", AV_MATCH_NO },
        { "folder:2015 plan", AV_MATCH_MAYBE },
        { "folder:2015 OR plan", AV_MATCH_YES },
        { "-folder:2015 plan", AV_MATCH_NO },
        { "-plan", AV_MATCH_MAYBE },
        { "quarterly", AV_MATCH_YES }, /* the subject is at hand */
        { "attached", AV_MATCH_MAYBE },
        { "subject:attached", AV_MATCH_NO },
    };
    av_match_doc doc = sample();
    av_error err;

    doc.body = doc.filenames = av_span_str("");
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = NULL;
        AV_CLEANUP(av_matcher_destroy) av_matcher *m = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_parse(av_span_str(cases[i].query), NULL, &q, &err), AV_OK, &err);
        AV_CHECK_RC(av_matcher_new(q, &m, &err), AV_OK, &err);
        AV_CHECK_INT(av_matcher_try(m, &doc, AV_MATCH_NEED_META | AV_MATCH_NEED_HEADERS), cases[i].want);
    }
}

int
main(void)
{
    AV_RUN(test_needles);
    AV_RUN(test_documents);
    AV_RUN(test_imap_keys);
    AV_RUN(test_needs);
    AV_RUN(test_two_steps);
    return av_check_done();
}
