/*
 * test_search_answer.c - answers of searches, whole and in pieces, and what SAVE keeps of them
 */
#include "gateway/imap/search_answer.h"
#include "gateway/imap/search_scope.h"
#include "gateway/imap/sort_keys.h"
#include "storage/index/uid_wire.h"
#include "tests/check.h"

/* Messages 1 to 5 are UIDs 11 to 15, 6 to 10 are 21 to 25. */
static av_imap_uids uids;

static void
set_ranges(av_buf *out, const uint32_t *numbers, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        AV_CHECK(av_uid_wire_put(out, i == 0 ? 0 : numbers[i - 1], (av_query_range){ numbers[i], numbers[i + 1] }));
}

static void
set_order(av_buf *out, const uint32_t *numbers, size_t n)
{
    av_uid_list list = { 0 };

    for (size_t i = 0; i < n; i++)
        AV_CHECK(av_uid_list_put(&list, numbers[i], out));
}

/* UID and number of children in turns. */
static void
set_threads(av_buf *out, const uint32_t *numbers, size_t n)
{
    av_uid_list list = { 0 };

    for (size_t i = 0; i + 1 < n; i += 2)
        AV_CHECK(av_uid_list_put_node(&list, numbers[i], numbers[i + 1], out));
}

typedef struct answer_case {
    av_imap_answer_kind kind;
    const char *prefix; /* "UID " or "" */
    const char *returns;
    bool modseq;
    uint32_t numbers[16];
    size_t n;
    uint64_t count;
    const char *want, *saved; /* saved: NULL, not asked for */
} answer_case;

#define SEARCH AV_IMAP_ANSWER_SEARCH
#define SORT   AV_IMAP_ANSWER_SORT
#define THREAD AV_IMAP_ANSWER_THREAD

static const answer_case cases[] = {
    { SEARCH, "", "", false, { 11, 12, 14, 14, 21, 22 }, 6, 5, "* SEARCH 1 2 4 6 7\r\n", NULL },
    { SEARCH, "UID ", "", false, { 11, 12, 14, 14, 21, 22 }, 6, 5, "* SEARCH 11 12 14 21 22\r\n", NULL },
    { SEARCH, "", "", false, { 0 }, 0, 0, "* SEARCH\r\n", NULL },
    { SEARCH, "", "", true, { 0 }, 0, 0, "* SEARCH\r\n", NULL },
    { SEARCH, "", "", true, { 11, 11 }, 2, 1, "* SEARCH 1 (MODSEQ 70)\r\n", NULL },
    /* RFC 4731, 3.1; neighbours by number, not by UID */
    { SEARCH, "", "RETURN () ", false, { 14, 15, 21, 22, 25, 25 }, 6, 5, "* ESEARCH (TAG \"a\") ALL 4:7,10\r\n", NULL },
    { SEARCH, "UID ", "RETURN (ALL) ", false, { 14, 15, 21, 22 }, 4, 4, "* ESEARCH (TAG \"a\") UID ALL 14:15,21:22\r\n",
        NULL },
    { SEARCH, "", "RETURN (MIN MAX COUNT) ", false, { 14, 15, 21, 22 }, 4, 4,
        "* ESEARCH (TAG \"a\") MIN 4 MAX 7 COUNT 4\r\n", NULL },
    { SEARCH, "", "RETURN (MIN COUNT ALL) ", false, { 0 }, 0, 0, "* ESEARCH (TAG \"a\") COUNT 0\r\n", NULL },
    /* RFC 4731, 3.2 */
    { SEARCH, "", "RETURN (MIN) ", true, { 14, 15 }, 2, 2, "* ESEARCH (TAG \"a\") MIN 4 MODSEQ 50\r\n", NULL },
    { SEARCH, "", "RETURN (MAX) ", true, { 14, 15 }, 2, 2, "* ESEARCH (TAG \"a\") MAX 5 MODSEQ 60\r\n", NULL },
    { SEARCH, "", "RETURN (MIN MAX) ", true, { 14, 15 }, 2, 2, "* ESEARCH (TAG \"a\") MIN 4 MAX 5 MODSEQ 60\r\n",
        NULL },
    { SEARCH, "", "RETURN (COUNT) ", true, { 14, 15 }, 2, 2, "* ESEARCH (TAG \"a\") COUNT 2 MODSEQ 70\r\n", NULL },
    /* RFC 5182, 2.1 and 2.4 */
    { SEARCH, "", "RETURN (SAVE) ", false, { 14, 15, 21, 22 }, 4, 4, "", "14:15,21:22" },
    { SEARCH, "", "RETURN (SAVE MIN) ", false, { 14, 15, 21, 22 }, 4, 4, "* ESEARCH (TAG \"a\") MIN 4\r\n", "14:14" },
    { SEARCH, "UID ", "RETURN (SAVE MIN MAX) ", false, { 14, 15, 21, 22 }, 4, 4,
        "* ESEARCH (TAG \"a\") UID MIN 14 MAX 22\r\n", "14:14,22:22" },
    { SEARCH, "", "RETURN (SAVE MIN COUNT) ", false, { 14, 15 }, 2, 2, "* ESEARCH (TAG \"a\") MIN 4 COUNT 2\r\n",
        "14:15" },
    { SEARCH, "", "RETURN (SAVE MIN) ", false, { 0 }, 0, 0, "* ESEARCH (TAG \"a\")\r\n", "" },
    { SORT, "", "RETURN (SAVE MAX) ", false, { 22, 14, 15 }, 3, 3, "* ESEARCH (TAG \"a\") MAX 5\r\n", "15:15" },
    { SORT, "", "RETURN (SAVE) ", false, { 22, 15, 14 }, 3, 3, "", "14:15,22:22" },
    /* RFC 9394, 3.1 */
    { SEARCH, "", "RETURN (PARTIAL 2:3) ", false, { 14, 15, 21, 22 }, 4, 4,
        "* ESEARCH (TAG \"a\") PARTIAL (2:3 5:6)\r\n", NULL },
    { SEARCH, "", "RETURN (PARTIAL -1:-3 COUNT) ", false, { 14, 15, 21, 22 }, 4, 4,
        "* ESEARCH (TAG \"a\") COUNT 4 PARTIAL (-1:-3 5:7)\r\n", NULL },
    { SEARCH, "", "RETURN (PARTIAL 9:9) ", false, { 14, 15 }, 2, 2, "* ESEARCH (TAG \"a\") PARTIAL (9:9 NIL)\r\n",
        NULL },
    { SEARCH, "", "RETURN (PARTIAL 1:9) ", false, { 0 }, 0, 0, "* ESEARCH (TAG \"a\") PARTIAL (1:9 NIL)\r\n", NULL },
    { SEARCH, "", "RETURN (SAVE PARTIAL 2:2 MIN) ", false, { 14, 15, 21, 22 }, 4, 4,
        "* ESEARCH (TAG \"a\") MIN 4 PARTIAL (2:2 5)\r\n", "14:15" },
    { SORT, "UID ", "RETURN (PARTIAL 2:4) ", false, { 22, 14, 15, 11 }, 4, 4,
        "* ESEARCH (TAG \"a\") UID PARTIAL (2:4 14:15,11)\r\n", NULL },
    /* RFC 5256, 4; RFC 5267, 3 */
    { SORT, "", "", false, { 22, 14, 15 }, 3, 3, "* SORT 7 4 5\r\n", NULL },
    { SORT, "", "", true, { 22 }, 1, 1, "* SORT 7 (MODSEQ 70)\r\n", NULL },
    { SORT, "", "", false, { 0 }, 0, 0, "* SORT\r\n", NULL },
    { SORT, "", "RETURN (MIN MAX ALL) ", false, { 22, 14, 15 }, 3, 3, "* ESEARCH (TAG \"a\") MIN 7 MAX 5 ALL 7,4:5\r\n",
        NULL },
    { THREAD, "", "", false, { 0 }, 0, 0, "* THREAD\r\n", NULL },
    { THREAD, "UID ", "", false, { 12, 0, 13, 1, 14, 2, 15, 1, 21, 0, 22, 0 }, 12, 6,
        "* THREAD (12)(13 14 (15 21)(22))\r\n", NULL },
    { THREAD, "", "", false, { 0, 2, 11, 1, 12, 0, 13, 0, 14, 0 }, 10, 4, "* THREAD ((1 2)(3))(4)\r\n", NULL },
    { THREAD, "", "", false, { 11, 2, 12, 2, 13, 0, 14, 0, 15, 0 }, 10, 5, "* THREAD (1 (2 (3)(4))(5))\r\n", NULL },
};

static void
start(const answer_case *c, av_imap_answer *ret, Archivolt__SearchMailboxReply *reply, av_buf *bytes)
{
    av_span in = av_span_str(c->returns);
    ProtobufCBinaryData *to = c->kind == SEARCH ? &reply->uids : c->kind == SORT ? &reply->sorted : &reply->threads;
    av_error err = { 0 };

    archivolt__search_mailbox_reply__init(reply);
    *ret = (av_imap_answer){ .kind = c->kind, .by_uid = c->prefix[0] != '\0', .tag = "a", .uids = &uids };
    ret->tell_modseq = c->modseq;
    AV_CHECK_RC(av_imap_take_return(&in, &ret->returns, &err), AV_OK, &err);
    AV_CHECK_INT(in.n, 0);
    ret->extended = ret->returns.given;
    if (c->kind == SEARCH)
        set_ranges(bytes, c->numbers, c->n);
    else if (c->kind == SORT)
        set_order(bytes, c->numbers, c->n);
    else
        set_threads(bytes, c->numbers, c->n);
    to->data = bytes->p;
    to->len = bytes->n;
    reply->count = c->count;
    reply->modseq_first = 50;
    reply->modseq_last = 60;
    reply->modseq_highest = 70;
}

static void
check_saved(const av_imap_answer *answer, const char *want)
{
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    size_t n;

    av_buf_init(&text, 1000);
    av_imap_answer_saved(answer, &ranges, &n);
    for (size_t i = 0; i < n; i++)
        (void)av_buf_printf(&text, "%s%u:%u", i == 0 ? "" : ",", ranges[i].first, ranges[i].last);
    AV_CHECK_STR(av_buf_cstr(&text), want);
}

static void
test_answers(void)
{
    for (size_t i = 0; i < AV_COUNT(cases) * 2; i++) {
        const answer_case *c = &cases[i / 2];
        AV_CLEANUP(av_imap_answer_release) av_imap_answer answer;
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        Archivolt__SearchMailboxReply reply;
        av_error err = { 0 };

        av_check_row = (long)i;
        av_buf_init(&bytes, 1000);
        av_buf_init(&out, 1000);
        start(c, &answer, &reply, &bytes);
        AV_CHECK_RC(av_imap_answer_take(&answer, c->n == 0 && i % 2 == 0 ? NULL : &reply, &err), AV_OK, &err);
        if (c->saved != NULL)
            check_saved(&answer, c->saved);
        while (!av_imap_answer_write(&answer, &out, i % 2 == 0 ? 1000 : 1)) /* whole, and in the smallest pieces */
            continue;
        AV_CHECK_STR(av_buf_cstr(&out), c->want);
    }
}

static void
test_several(void)
{
    const uint32_t numbers[] = { 4000, 4002 };
    AV_CLEANUP(av_imap_answer_release) av_imap_answer answer = { .by_uid = true, .extended = true, .tag = "t" };
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    Archivolt__SearchMailboxReply reply = ARCHIVOLT__SEARCH_MAILBOX_REPLY__INIT;
    av_error err = { 0 };

    av_buf_init(&bytes, 1000);
    av_buf_init(&out, 1000);
    set_ranges(&bytes, numbers, 2);
    answer.returns.options = AV_IMAP_RETURN_ALL;
    answer.mailbox = av_span_str("\"a b\"");
    reply.uids.data = bytes.p;
    reply.uids.len = bytes.n;
    reply.count = 3;
    reply.uidvalidity = 9;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_OK, &err);
    AV_CHECK(av_imap_answer_write(&answer, &out, 1000));
    AV_CHECK_STR(av_buf_cstr(&out), "* ESEARCH (TAG \"t\" MAILBOX \"a b\" UIDVALIDITY 9) UID ALL 4000:4002\r\n");
}

static void
test_wrong_replies(void)
{
    const uint32_t unknown[] = { 16, 17 }, half[] = { 15, 21 }, known[] = { 11, 12 };
    AV_CLEANUP(av_imap_answer_release) av_imap_answer answer = { .uids = &uids, .tag = "t" };
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    Archivolt__SearchMailboxReply reply = ARCHIVOLT__SEARCH_MAILBOX_REPLY__INIT;
    av_error err = { 0 };

    av_buf_init(&bytes, 1000);
    set_ranges(&bytes, unknown, 2);
    reply.uids = (ProtobufCBinaryData){ bytes.n, bytes.p };
    reply.count = 2;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_UNAVAILABLE, &err);
    av_buf_clear(&bytes);
    set_ranges(&bytes, half, 2);
    reply.uids.len = bytes.n;
    reply.count = 7;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_UNAVAILABLE, &err);
    av_buf_clear(&bytes);
    set_ranges(&bytes, known, 2);
    reply.uids.len = bytes.n;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_CORRUPT, &err);
    reply.count = 2;
    reply.uids.len = 1;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_CORRUPT, &err);
    answer.kind = THREAD; /* cut short, branches without their ends, another count, an unknown message */
    reply.threads = (ProtobufCBinaryData){ 1, (uint8_t *)(uintptr_t) "\x16" };
    reply.count = 1;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_CORRUPT, &err);
    reply.threads = (ProtobufCBinaryData){ 2, (uint8_t *)(uintptr_t) "\x16\x01" };
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_CORRUPT, &err);
    reply.threads = (ProtobufCBinaryData){ 2, (uint8_t *)(uintptr_t) "\x16\x00" };
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_OK, &err);
    reply.count = 2;
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_CORRUPT, &err);
    reply.threads = (ProtobufCBinaryData){ 2, (uint8_t *)(uintptr_t) "\x20\x00" };
    AV_CHECK_RC(av_imap_answer_take(&answer, &reply, &err), AV_ERR_UNAVAILABLE, &err);
}

static const struct {
    const char *in;
    bool ok;
} returns[] = {
    { "RETURN (MIN)", false },
    { "RETURN MIN ALL", false },
    { "RETURN (MIN  MAX) ALL", false },
    { "RETURN (PARTIAL) ALL", false },
    { "RETURN (PARTIAL 0:1) ALL", false },
    { "RETURN (PARTIAL 1:-1) ALL", false },
    { "RETURN (PARTIAL 1) ALL", false },
    { "RETURN (PARTIAL 1:*) ALL", false },
    { "RETURN (ALL PARTIAL 1:2) ALL", false },
    { "RETURN (CONTEXT) ALL", false },
    { "RETURN ( ALL", false },
    { "return (min) ALL", true },
    { "ALL", true },
};

static void
test_grammar(void)
{
    for (size_t i = 0; i < AV_COUNT(returns); i++) {
        av_span in = av_span_str(returns[i].in);
        av_imap_return ret;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_imap_take_return(&in, &ret, &err), returns[i].ok ? AV_OK : AV_ERR_SYNTAX, &err);
        AV_CHECK(!returns[i].ok || av_span_eq_str(in, "ALL"));
    }
}

static void
test_sort_keys(void)
{
    static const char *const wrong[] = { "DATE", "()", "(X)", "(REVERSE)", "(DATE", "(DATE  SIZE)",
        "(REVERSE REVERSE DATE)" };
    Archivolt__SortKey keys[3];
    av_span in = av_span_str("(REVERSE DISPLAYFROM size) UTF-8 ALL");
    size_t n;
    av_error err;

    AV_CHECK_RC(av_imap_take_sort_keys(&in, keys, 3, &n, &err), AV_OK, &err);
    AV_CHECK_INT(n, 2);
    AV_CHECK(keys[0].reverse && keys[0].field == ARCHIVOLT__SORT_FIELD__SORT_FIELD_DISPLAYFROM);
    AV_CHECK(!keys[1].reverse && keys[1].field == ARCHIVOLT__SORT_FIELD__SORT_FIELD_SIZE);
    AV_CHECK(av_span_eq_str(in, " UTF-8 ALL"));
    for (size_t i = 0; i < AV_COUNT(wrong); i++) {
        in = av_span_str(wrong[i]);
        av_check_row = (long)i;
        AV_CHECK_RC(av_imap_take_sort_keys(&in, keys, 3, &n, &err), AV_ERR_SYNTAX, &err);
    }
    in = av_span_str("(DATE DATE DATE DATE)");
    AV_CHECK_RC(av_imap_take_sort_keys(&in, keys, 3, &n, &err), AV_ERR_LIMIT, &err);
}

static void
test_scope(void)
{
    static const struct {
        const char *in, *path;
        bool has;
    } rows[] = {
        { "IN (mailboxes (\"a\" \"b/c\")) ALL", "b/c", true },
        { "IN (mailboxes (\"a\" \"b/c\")) ALL", "b", false },
        { "IN (mailboxes b/c) ALL", "b/c/d", false },
        { "IN (subtree b) ALL", "b/c/d", true },
        { "IN (subtree b) ALL", "b", true },
        { "IN (subtree b) ALL", "bb", false },
        { "IN (subtree-one b) ALL", "b/c", true },
        { "IN (subtree-one b) ALL", "b/c/d", false },
        { "IN (mailboxes x personal) ALL", "anything", true },
        { "IN (subscribed) ALL", "anything", true },
        { "IN (inboxes) ALL", "inbox", true },
        { "IN (selected) ALL", "sel", true },
        { "IN (selected-delayed) ALL", "other", false },
        { "ALL", "sel", true },
        { "ALL", "other", false },
        { "IN (mailboxes \"&AOQ-\") ALL", "\xc3\xa4", true },
    };
    static const char *const wrong[] = { "IN ALL", "IN () ALL", "IN (x) ALL", "IN (mailboxes) ALL",
        "IN (mailboxes ()) ALL", "IN (mailboxes (a) ALL", "IN (personal)" };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_imap_scope_release) av_imap_scope scope;
        av_span in = av_span_str(rows[i].in);

        av_check_row = (long)i;
        AV_CHECK_RC(av_imap_take_scope(&in, false, &scope, &err), AV_OK, &err);
        AV_CHECK(av_imap_scope_has(&scope, av_span_str(rows[i].path), av_span_str("sel")) == rows[i].has);
        AV_CHECK(av_span_eq_str(in, "ALL"));
    }
    for (size_t i = 0; i < AV_COUNT(wrong); i++) {
        AV_CLEANUP(av_imap_scope_release) av_imap_scope scope;
        av_span in = av_span_str(wrong[i]);

        av_check_row = (long)i;
        AV_CHECK_RC(av_imap_take_scope(&in, false, &scope, &err), AV_ERR_SYNTAX, &err);
    }
}

int
main(void)
{
    const av_query_range there[] = { { 11, 15 }, { 21, 25 } };

    AV_CHECK(av_imap_uids_set(&uids, there, 2));
    AV_RUN(test_answers);
    AV_RUN(test_several);
    AV_RUN(test_wrong_replies);
    AV_RUN(test_grammar);
    AV_RUN(test_sort_keys);
    AV_RUN(test_scope);
    av_imap_uids_release(&uids);
    return av_check_done();
}
