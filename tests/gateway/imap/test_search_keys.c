/*
 * test_search_keys.c - SEARCH keys to query trees, written down as text
 */
#include "base/buf.h"
#include "gateway/imap/search_keys.h"
#include "tests/check.h"

static void
describe(const av_query *query, av_query_id id, av_buf *out)
{
    const av_query_node *node = av_query_node_at(query, id);
    static const char *const words[] = { [AV_QUERY_ALL] = "all",
        [AV_QUERY_AND] = "and",
        [AV_QUERY_OR] = "or",
        [AV_QUERY_NOT] = "not",
        [AV_QUERY_SUBSTRING] = "sub",
        [AV_QUERY_HEADER] = "header",
        [AV_QUERY_DATE] = "date",
        [AV_QUERY_SIZE] = "size",
        [AV_QUERY_FLAG] = "flag",
        [AV_QUERY_KEYWORD] = "keyword",
        [AV_QUERY_UIDS] = "uids",
        [AV_QUERY_WORD] = "word",
        [AV_QUERY_WILDCARD] = "like",
        [AV_QUERY_ID] = "id",
        [AV_QUERY_THREAD] = "thread",
        [AV_QUERY_MODSEQ] = "modseq" };

    (void)av_buf_printf(out, "(%s", words[node->kind]);
    switch (node->kind) {
    case AV_QUERY_SUBSTRING:
    case AV_QUERY_WILDCARD:
    case AV_QUERY_WORD:
        (void)av_buf_printf(out, " %x %.*s", node->fields, (int)node->text.n, (const char *)node->text.p);
        break;
    case AV_QUERY_ID:
    case AV_QUERY_THREAD:
        (void)av_buf_printf(out, " %.*s", (int)node->text.n, (const char *)node->text.p);
        break;
    case AV_QUERY_MODSEQ:
        (void)av_buf_printf(out, " %llu", (unsigned long long)node->modseq);
        break;
    case AV_QUERY_HEADER:
        (void)av_buf_printf(out, " %.*s", (int)node->name.n, (const char *)node->name.p);
        break;
    case AV_QUERY_DATE:
        (void)av_buf_printf(out, " %d %lld %lld", (int)node->date,
            node->from_unix_s == INT64_MIN ? -1LL : (long long)node->from_unix_s,
            node->to_unix_s == INT64_MAX ? -1LL : (long long)node->to_unix_s);
        break;
    case AV_QUERY_SIZE:
        (void)av_buf_printf(out, " %llu %lld", (unsigned long long)node->min_bytes,
            node->max_bytes == UINT64_MAX ? -1LL : (long long)node->max_bytes);
        break;
    case AV_QUERY_FLAG:
        (void)av_buf_printf(out, " %d", (int)node->flag);
        break;
    case AV_QUERY_UIDS:
        for (size_t i = 0; i < node->range_count; i++)
            (void)av_buf_printf(out, " %u:%u", node->ranges[i].first, node->ranges[i].last);
        break;
    default:
        break;
    }
    if (node->kind == AV_QUERY_HEADER || node->kind == AV_QUERY_KEYWORD)
        (void)av_buf_printf(out, " %.*s", (int)node->text.n, (const char *)node->text.p);
    for (av_query_id child = node->first_child; child != AV_QUERY_NONE; child = av_query_node_at(query, child)->next)
        describe(query, child, out);
    (void)av_buf_putc(out, ')');
}

typedef struct search_case {
    const char *in, *want; /* NULL: refused */
} search_case;

static const search_case cases[] = {
    { "ALL", "(all)" },
    { "OLD", "(all)" },
    { "NEW", "(not(all))" },
    { "recent", "(not(all))" },
    { "SEEN", "(flag 1)" },
    { "UNSEEN", "(not(flag 1))" },
    { "ANSWERED DRAFT", "(and(flag 2)(flag 16))" },
    { "UNFLAGGED UNDELETED", "(and(not(flag 4))(not(flag 8)))" },
    { "KEYWORD Junk UNKEYWORD x", "(and(keyword Junk)(not(keyword x)))" },
    { "SUBJECT patch", "(sub 1 patch)" },
    { "FROM \"a b\"", "(sub 4 a b)" },
    { "FROM \"\"", "(header FROM )" },
    { "TO {3}\r\na\"b", "(sub 8 a\"b)" },
    { "CC x BCC y", "(and(sub 10 x)(sub 20 y))" },
    { "BODY x", "(sub 82 x)" },
    { "TEXT x", "(sub 182 x)" },
    { "HEADER X-Foo \"\"", "(header X-Foo )" },
    { "BEFORE 1-Feb-1994", "(date 3 -1 760060800)" },
    { "ON 1-Feb-1994", "(date 3 760060800 760147200)" },
    { "SENTSINCE \"1-Feb-1994\"", "(date 2 760060800 -1)" },
    { "LARGER 10 SMALLER 10", "(and(size 11 -1)(size 0 9))" },
    { "SMALLER 0", "(not(all))" },
    { "UID 1:20", "(uids 5:20)" },
    { "2", "(uids 6:6)" },
    { "1:3,11", "(uids 5:7 25:25)" },
    { "*", "(uids 30:30)" },
    { "UID 10:19", "(not(all))" },
    { "400", "(not(all))" },
    { "NOT SEEN", "(not(flag 1))" },
    { "NOT NOT SEEN", "(not(not(flag 1)))" },
    { "OR SEEN DRAFT ALL", "(and(or(flag 1)(flag 16))(all))" },
    { "OR OR SEEN DRAFT NOT DELETED", "(or(or(flag 1)(flag 16))(not(flag 8)))" },
    { "(SEEN)", "(flag 1)" },
    { "NOT (SEEN DRAFT) ((ALL))", "(and(not(and(flag 1)(flag 16)))(all))" },
    { "OR (SEEN) 1", "(or(flag 1)(uids 5:5))" },
    { "CHARSET UTF-8 SUBJECT \"\xc3\xa4\"", "(sub 1 \xc3\xa4)" },
    { "CHARSET \"us-ascii\" ALL", "(all)" },
    /* RFC 3501, 6.4.4: strings in the charset that was named */
    { "CHARSET iso-8859-1 SUBJECT \"\xe4\"", "(sub 1 \xc3\xa4)" },
    { "CHARSET KOI8-R SUBJECT {1}\r\n\xc1", "(sub 1 \xd0\xb0)" },
    { "CHARSET ISO-2022-JP SUBJECT \"\x1b$BF|\x1b(B\"", "(sub 1 \xe6\x97\xa5)" },
    /* RFC 5032, 2 */
    { "OLDER 100", "(date 3 -1 999901)" },
    { "YOUNGER 100", "(date 3 999900 -1)" },
    /* RFC 8514, 4 */
    { "SAVEDON 1-Feb-1994", "(date 4 760060800 760147200)" },
    { "SAVEDBEFORE 1-Feb-1994", "(date 4 -1 760060800)" },
    { "SAVEDSINCE 1-Feb-1994 SAVEDATESUPPORTED", "(and(date 4 760060800 -1)(all))" },
    /* RFC 8474, 6 */
    { "EMAILID M6d99ac3275bb4e THREADID T64b478a75b7ea9", "(and(id M6d99ac3275bb4e)(thread T64b478a75b7ea9))" },
    { "EMAILID a%b", NULL },
    { "THREADID", NULL },
    /* RFC 7162, 3.1.5 */
    { "MODSEQ 620162338", "(modseq 620162338)" },
    { "MODSEQ \"/flags/\\\\draft\" all 620162338", "(modseq 620162338)" },
    { "MODSEQ \"/flags/\\\\draft\" 620162338", NULL },
    { "MODSEQ \"x\" all 1", NULL },
    { "MODSEQ x", NULL },
    /* RFC 5182, 2.1 */
    { "$ SMALLER 4096", "(and(uids 6:8 30:30)(size 0 4095))" },
    { "UID $", "(uids 6:8 30:30)" },
    { "KEYWORD $Junk", "(keyword $Junk)" },
    { "$x", NULL },
    { "OLDER 0", NULL },
    { "YOUNGER x", NULL },
    { "", NULL },
    { "NOT", NULL },
    { "NOT ", NULL },
    { "OR SEEN", NULL },
    { "OR SEEN ", NULL },
    { "(SEEN", NULL },
    { "()", NULL },
    { "SEEN)", NULL },
    { "(OR SEEN)", NULL },
    { "SEEN  DRAFT", NULL },
    { "SEEN ", NULL },
    { "SUBJECT", NULL },
    { "SUBJECT \"\xff\"", NULL },
    { "BEFORE 31-Feb-1994", NULL },
    { "LARGER x", NULL },
    { "UID x", NULL },
    { "FOO", NULL },
    { "CHARSET UTF-8", NULL },
    { "1x", NULL },
};

static av_imap_uids uids;

static void
check_cases(const search_case *rows, size_t n, const av_imap_search_options *options)
{
    for (size_t i = 0; i < n; i++) {
        AV_CLEANUP(av_query_destroy) av_query *query = NULL;
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        bool modseq = false;
        av_error err;
        av_errc rc = av_imap_search_parse(av_span_str(rows[i].in), options, &query, &modseq, &err);

        av_check_row = (long)i;
        AV_CHECK_RC(rc, rows[i].want == NULL ? AV_ERR_SYNTAX : AV_OK, &err);
        if (rc != AV_OK || rows[i].want == NULL)
            continue;
        av_buf_init(&out, 4096);
        describe(query, av_query_root(query), &out);
        AV_CHECK_STR(av_buf_cstr(&out), rows[i].want);
        AV_CHECK(modseq == (strstr(rows[i].want, "(modseq") != NULL));
    }
}

static void
test_cases(void)
{
    const av_imap_search_options options = { .uids = &uids, .now_unix_s = 1000000, .exact = true };

    check_cases(cases, AV_COUNT(cases), &options);
}

/* BODY and TEXT as words tell it (RFC 9051, 6.4.4: flexible matching). */
static const search_case flexible[] = {
    { "BODY invoice", "(like 82 *invoice*)" },
    { "TEXT invoice", "(like ff *invoice*)" },
    { "BODY \"best regards\"", "(like 82 *best regards*)" },
    { "BODY a@b.example", "(like 82 *a@b.example*)" },
    { "BODY \".pdf\"", "(like 82 .pdf*)" },
    { "BODY \"no.\"", "(like 82 *no.)" },
    { "BODY \"-5-\"", "(word 82 -5-)" },
    { "BODY \"\"", "(all)" },
    { "BODY \"wh?t\"", "(sub 82 wh?t)" },
    { "BODY \"---\"", "(sub 82 ---)" },
    { "TEXT \"---\"", "(sub ff ---)" },
    { "BODY {6}\r\n\xe6\x97\xa5\xe6\x9c\xac", "(word 82 \xe6\x97\xa5\xe6\x9c\xac)" },
    { "BODY aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "(sub 82 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)" },
    { "SUBJECT invoice", "(sub 1 invoice)" },
};

/* RFC 7377, 2.2: numbers mean nothing in several mailboxes, UIDs do. */
static const search_case several[] = {
    { "UID 1:5,*", "(uids 1:5 4294967295:4294967295)" },
    { "1:5", NULL },
    { "$", NULL },
    { "UID $", NULL },
    { "UNSEEN", "(not(flag 1))" },
};

static void
test_other_options(void)
{
    av_imap_search_options options = { .uids = &uids };
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    bool modseq;
    av_error err;

    check_cases(flexible, AV_COUNT(flexible), &options);
    options.uids = NULL;
    check_cases(several, AV_COUNT(several), &options);
    options.no_charset = true;
    AV_CHECK_RC(
        av_imap_search_parse(av_span_str("CHARSET UTF-8 ALL"), &options, &query, &modseq, &err), AV_ERR_SYNTAX, &err);
    options.charset = av_span_str("koi8-r");
    AV_CHECK_RC(av_imap_search_parse(av_span_str("SUBJECT {1}\r\n\xc1"), &options, &query, &modseq, &err), AV_OK, &err);
    AV_CHECK(av_span_eq_str(av_query_node_at(query, av_query_root(query))->text, "\xd0\xb0"));
}

static void
repeat(const char *piece, int times, const char *end, av_errc want)
{
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    const av_imap_search_options options = { .uids = &uids };
    bool modseq;
    av_error err;

    av_buf_init(&in, 100000);
    for (int i = 0; i < times; i++)
        (void)av_buf_puts(&in, piece);
    (void)av_buf_puts(&in, end);
    AV_CHECK_RC(av_imap_search_parse(av_buf_span(&in), &options, &query, &modseq, &err), want, &err);
}

static void
test_limits(void)
{
    const av_imap_search_options options = { .uids = &uids };
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    bool modseq;
    av_error err;

    repeat("NOT ", 31, "ALL", AV_OK);
    repeat("NOT ", 32, "ALL", AV_ERR_LIMIT);
    repeat("(", 1000, "ALL", AV_ERR_LIMIT);
    repeat("OR SEEN ", 1000, "ALL", AV_ERR_LIMIT);
    repeat("SEEN ", 500, "ALL", AV_OK);
    repeat("SEEN ", 2000, "ALL", AV_ERR_LIMIT);
    AV_CHECK_RC(av_imap_search_parse(av_span_str("CHARSET X-NO-SUCH ALL"), &options, &query, &modseq, &err),
        AV_ERR_UNSUPPORTED, &err);
    AV_CHECK_RC(av_imap_search_parse(av_span_str("CHARSET x-unknown ALL"), &options, &query, &modseq, &err),
        AV_ERR_UNSUPPORTED, &err);
}

int
main(void)
{
    const av_query_range there[] = { { 5, 9 }, { 20, 30 } };

    const av_query_range saved[] = { { 1, 2 }, { 6, 8 }, { 30, 40 } };

    AV_CHECK(av_imap_uids_set(&uids, there, 2));
    av_imap_uids_save(&uids, saved, 3);
    AV_RUN(test_cases);
    AV_RUN(test_other_options);
    AV_RUN(test_limits);
    av_imap_uids_release(&uids);
    return av_check_done();
}
