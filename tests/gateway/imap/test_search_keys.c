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
        [AV_QUERY_UIDS] = "uids" };

    (void)av_buf_printf(out, "(%s", words[node->kind]);
    switch (node->kind) {
    case AV_QUERY_SUBSTRING:
        (void)av_buf_printf(out, " %x", node->fields);
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
    if (node->kind == AV_QUERY_SUBSTRING || node->kind == AV_QUERY_HEADER || node->kind == AV_QUERY_KEYWORD)
        (void)av_buf_printf(out, " %.*s", (int)node->text.n, (const char *)node->text.p);
    for (av_query_id child = node->first_child; child != AV_QUERY_NONE; child = av_query_node_at(query, child)->next)
        describe(query, child, out);
    (void)av_buf_putc(out, ')');
}

static const struct {
    const char *in, *want; /* NULL: refused */
} cases[] = {
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
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_query_destroy) av_query *query = NULL;
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        av_error err;
        av_errc rc = av_imap_search_parse(av_span_str(cases[i].in), &uids, &query, &err);

        av_check_row = (long)i;
        AV_CHECK_RC(rc, cases[i].want == NULL ? AV_ERR_SYNTAX : AV_OK, &err);
        if (rc != AV_OK || cases[i].want == NULL)
            continue;
        av_buf_init(&out, 4096);
        describe(query, av_query_root(query), &out);
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
repeat(const char *piece, int times, const char *end, av_errc want)
{
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    av_error err;

    av_buf_init(&in, 100000);
    for (int i = 0; i < times; i++)
        (void)av_buf_puts(&in, piece);
    (void)av_buf_puts(&in, end);
    AV_CHECK_RC(av_imap_search_parse(av_buf_span(&in), &uids, &query, &err), want, &err);
}

static void
test_limits(void)
{
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    av_error err;

    repeat("NOT ", 31, "ALL", AV_OK);
    repeat("NOT ", 32, "ALL", AV_ERR_LIMIT);
    repeat("(", 1000, "ALL", AV_ERR_LIMIT);
    repeat("OR SEEN ", 1000, "ALL", AV_ERR_LIMIT);
    repeat("SEEN ", 500, "ALL", AV_OK);
    repeat("SEEN ", 2000, "ALL", AV_ERR_LIMIT);
    AV_CHECK_RC(av_imap_search_parse(av_span_str("CHARSET KOI8-R ALL"), &uids, &query, &err), AV_ERR_UNSUPPORTED, &err);
}

int
main(void)
{
    const av_query_range there[] = { { 5, 9 }, { 20, 30 } };

    AV_CHECK(av_imap_uids_set(&uids, there, 2));
    AV_RUN(test_cases);
    AV_RUN(test_limits);
    av_imap_uids_release(&uids);
    return av_check_done();
}
