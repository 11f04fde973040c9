/*
 * test_evaluate.c - what an index answers is what a look at every message answers
 *
 * Messages of the corpus, and made ones of many scripts, go into an index in steps: runs in memory, on disk, merged,
 * with a reopening in between; some are erased, some cannot be read. Generated queries of all kinds, as trees and as
 * typed text, are held against the index and against each message: `sure` has to be within the answers, the answers
 * within `maybe`, and both the same where the index says that it decides. What was left to the text is printed by
 * kind, but for terms that ask all header fields, of which an index has only some, and for what the test keeps from
 * it.
 *
 * AV_ROUNDS: queries (300); AV_MESSAGES: of the corpus (100); ARCHIVOLT_SEED.
 */
#include "base/unicode.h"
#include "storage/index/evaluate.h"
#include "storage/index/facets.h"
#include "storage/index/pattern.h"
#include "storage/index/sort_key.h"
#include "storage/index/token.h"
#include "storage/mime/header.h"
#include "tests/storage/index/messages.h"

enum { KINDS = AV_QUERY_HEADER_WORD + 1, DEPTH = 5 };

static const char *const kind_names[KINDS] = { [AV_QUERY_ALL] = "all",
    [AV_QUERY_AND] = "and",
    [AV_QUERY_OR] = "or",
    [AV_QUERY_NOT] = "not",
    [AV_QUERY_WORD] = "word, phrase",
    [AV_QUERY_PREFIX] = "prefix",
    [AV_QUERY_SUBSTRING] = "substring",
    [AV_QUERY_HEADER] = "header",
    [AV_QUERY_FOLDER] = "folder",
    [AV_QUERY_DATE] = "date",
    [AV_QUERY_SIZE] = "size",
    [AV_QUERY_HAS_ATTACHMENT] = "has attachment",
    [AV_QUERY_ID] = "id",
    [AV_QUERY_FLAG] = "flag",
    [AV_QUERY_KEYWORD] = "keyword",
    [AV_QUERY_UIDS] = "uids",
    [AV_QUERY_SUFFIX] = "suffix",
    [AV_QUERY_WILDCARD] = "wildcard",
    [AV_QUERY_NEAR] = "near",
    [AV_QUERY_STEM] = "stem",
    [AV_QUERY_HEADER_WORD] = "header word" };

static const char *const pieces[] = { "invoice", "INVOICE", "Müller", "Mu\u0308ller", "muller", "Straße", "strasse",
    "é", "e\u0301", "ø", "ﬁnd", "find", "ＡＢ", "ab", "пароль", "Ёлка", "елка", "日本語", "日", "本", "カタカナ",
    "がく", "각", "ไทย", "שלום", "हिन्दी", "x", "a", "_", "12", "\u00ad", "\u200d", "\u0301", ".", "-", "@", "'", "/",
    ":", ",", "!", "—", "€", "😀", " ", " ", " ", "  ", "\n", "\u00a0", "İ", "ı", "I", "K", "ſ", "ς", "σ", "running",
    "runs", "Häuser", "Haus", "aVeryLongWordThatGoesOnAndOnForMoreThanSixtyFourBytesSoThatAnIndexHasToCutIt",
    "aVeryLongWordThatGoesOnAndOnForMoreThanSixtyFourBytesSoThatAnIndexHasToCutItToo" };

static struct {
    messages m;
    av_index *index;
    av_index_view *view;
    roaring_bitmap_t *among;
    bool facts_known;
    size_t typed, refused;
    struct tally {
        size_t asked, undecided, maybe, open, answers;
    } tally[KINDS], trees;
} run;

static size_t
below(size_t n)
{
    return messages_below(&run.m, n);
}

static size_t
number_of(const char *name, size_t otherwise)
{
    const char *value = getenv(name);

    return value == NULL ? otherwise : strtoul(value, NULL, 10);
}

/* ---- messages ---- */

static void
put_pieces(av_buf *out, size_t most)
{
    for (size_t k = 1 + below(most); k > 0; k--)
        (void)av_buf_puts(out, pieces[below(AV_COUNT(pieces))]);
}

/* In a header: what would end the line is a blank. */
static void
put_field(av_buf *out, const char *name)
{
    size_t at;

    (void)av_buf_printf(out, "%s: ", name);
    at = out->n;
    put_pieces(out, 10);
    for (; at < out->n; at++)
        if (out->p[at] == '\n')
            out->p[at] = ' ';
    (void)av_buf_puts(out, "\n");
}

static void
make_message(av_buf *out)
{
    static const char *const dates[] = { "Date: Mon, 2 Jan 2006 15:04:05 +0100\n", "Date: 1 Jan 2007 00:30:00 +1400\n",
        "Date: yesterday\n", "", "Date: Thu, 01 Jan 1970 00:00:00 -1200\n" };

    av_buf_clear(out);
    for (size_t i = 1 + below(2); i > 0; i--)
        put_field(out, "Subject");
    put_field(out, "From");
    for (size_t i = below(3); i > 0; i--)
        put_field(out, below(2) == 0 ? "To" : "Bcc");
    for (size_t i = below(3); i > 0; i--)
        put_field(out, below(2) == 0 ? "List-Id" : "X-Test");
    (void)av_buf_puts(out, dates[below(AV_COUNT(dates))]);
    (void)av_buf_puts(out, "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=b\"\n\n--=b\n"
                           "Content-Type: text/plain; charset=utf-8\n\n");
    put_pieces(out, 30);
    if (below(3) == 0) {
        (void)av_buf_puts(
            out, "\n--=b\nContent-Type: text/plain; charset=utf-8\nContent-Disposition: attachment; filename=\"");
        put_pieces(out, 3);
        (void)av_buf_puts(out, ".pdf\"\n\n");
        put_pieces(out, 8);
    }
    (void)av_buf_puts(out, "\n--=b--\n");
}

static void
make_messages(void)
{
    static const char *const archives[] = { "phishing-pot", "spamassassin" };
    AV_CLEANUP(av_buf_release) av_buf raw = { 0 };
    size_t n = number_of("AV_MESSAGES", 100);

    av_buf_init(&raw, 1 << 20);
    messages_pick(&run.m, archives, AV_COUNT(archives), n);
    for (size_t i = 0; i < n; i++) {
        make_message(&raw);
        messages_add(&run.m, av_buf_span(&raw),
            below(40) == 0   ? MESSAGE_GONE
            : below(60) == 0 ? MESSAGE_BROKEN
                             : MESSAGE_WHOLE);
    }
    for (size_t i = run.m.n; i > 1; i--) { /* mixed */
        size_t at = below(i);
        message other = run.m.all[at];

        run.m.all[at] = run.m.all[i - 1];
        run.m.all[i - 1] = other;
    }
    messages_read(&run.m);
    run.among = roaring_bitmap_create();
    for (uint32_t i = 0; i < run.m.n; i++)
        if (run.m.all[i].state != MESSAGE_GONE && below(20) != 0)
            roaring_bitmap_add(run.among, i);
}

/* ---- the index ---- */

static void
open_index(const char *dir)
{
    static const uint8_t key[32] = { 1 }, uuid[16] = { 2 };
    av_index_config config = { .dir = dir, .key = key, .store_uuid = uuid, .flush_documents = 100 };
    av_error err;

    AV_CHECK_RC(av_index_open(&config, &run.index, &err), AV_OK, &err);
}

static void
follow(uint32_t most, bool bulk)
{
    av_index_source source = messages_source(&run.m);
    av_index_progress progress;
    av_error err;

    AV_CHECK_RC(av_index_follow(run.index, &source, most, bulk, &progress, &err), AV_OK, &err);
}

/* Runs of each sort, whatever the number of messages. */
static void
fill_index(const char *dir)
{
    uint32_t part = (uint32_t)run.m.n / 8 + 1;
    av_index_state state;
    const av_index_run *runs;
    bool more = true;
    av_error err;

    open_index(dir);
    follow(part, false);
    follow(part, false);
    AV_CHECK_RC(av_index_flush(run.index, &err), AV_OK, &err);
    follow(part, true);
    AV_CHECK_RC(av_index_flush(run.index, &err), AV_OK, &err);
    while (more)
        AV_CHECK_RC(av_index_merge(run.index, NULL, NULL, &more, &err), AV_OK, &err);
    av_index_close(&run.index);
    open_index(dir);
    follow(part, false);
    AV_CHECK_RC(av_index_flush(run.index, &err), AV_OK, &err);
    for (uint32_t i = 0; i < run.m.n; i += part / 4 + 1)
        follow(part / 4 + 1, false);
    run.view = av_index_snapshot(run.index);
    av_index_get_state(run.index, &state);
    AV_CHECK_INT(av_index_documents(run.view), run.m.n);
    printf("    %zu messages, %u runs on disk, %zu in all\n", run.m.n, state.runs, av_index_runs(run.view, &runs));
}

/* ---- queries ---- */

static av_span
some_field(const message *m)
{
    const av_span fields[] = { m->doc.subject, m->doc.from, m->doc.to, m->doc.filenames, m->doc.attachments };
    size_t which = below(AV_COUNT(fields) + 4);

    return which < AV_COUNT(fields) && fields[which].n > 0 ? fields[which] : m->doc.body;
}

/* From a character on, up to `most` characters; when `whole`, from where a word begins. */
static av_span
cut_out(av_span text, size_t most, bool whole)
{
    size_t from, to;

    if (text.n == 0)
        return text;
    from = below(text.n);
    while (from > 0 && ((text.p[from] & 0xC0) == 0x80 || (whole && text.p[from - 1] > ' ')))
        from--;
    for (to = from; most > 0 && to < text.n; most--) {
        av_span rest = av_span_skip(text, to);

        (void)av_utf8_next(&rest);
        to = text.n - rest.n;
    }
    while (whole && to < text.n && text.p[to] > ' ' && to - from < 200)
        to++;
    return av_span_slice(text, from, to);
}

/* A word of some message, in one of its forms. */
static void
put_word(av_buf *out)
{
    const message *m = &run.m.all[below(run.m.n)];
    av_span text = some_field(m), piece = cut_out(text, 1 + below(60), true);
    av_tokens tokens;
    av_token t;
    size_t n = 0;

    av_tokens_init(&tokens, piece);
    while (av_tokens_next(&tokens, &t)) {
        if (t.row || below(++n) > 0)
            continue;
        av_buf_clear(out);
        (void)av_buf_append_span(out, below(3) == 0 && t.cased.n > 0 ? t.cased
                                      : below(3) == 0                ? av_span_slice(piece, t.from, t.to)
                                                                     : t.folded);
    }
    if (out->n == 0)
        (void)av_buf_puts(out, "invoice");
}

/* What a person might type: a word, some words with what stands between them, an odd piece, something made up. */
static void
put_text(av_buf *out)
{
    av_span text = some_field(&run.m.all[below(run.m.n)]), piece;

    av_buf_clear(out);
    switch (below(8)) {
    case 0:
    case 1:
    case 2:
        put_word(out);
        return;
    case 3:
        put_pieces(out, 3);
        return;
    case 4:
        (void)av_buf_append_span(out, cut_out(text, 1 + below(20), false));
        return;
    default:
        piece = cut_out(text, 1 + below(40), true);
        for (size_t i = 0; i < piece.n; i++)
            (void)av_buf_putc(out, below(60) == 0 && piece.p[i] < 0x80 ? (uint8_t)'-' : piece.p[i]);
    }
}

/* Wildcards for some of its characters. */
static void
put_wildcards(av_buf *out)
{
    for (size_t n = 1 + below(2); n > 0 && out->n > 0; n--) {
        size_t at = below(out->n);

        if (out->p[at] < 0x80)
            out->p[at] = below(2) == 0 ? '*' : '?';
        else
            (void)av_buf_putc(out, '*');
    }
}

static uint32_t
some_fields(void)
{
    switch (below(6)) {
    case 0:
        return 1U << below(8);
    case 1:
        return (uint32_t)below(AV_QUERY_IN_ALL) + 1;
    case 2:
        return AV_QUERY_IN_ALL & ~(uint32_t)AV_QUERY_IN_HEADER;
    case 3:
        return AV_QUERY_IN_BODY;
    default:
        return AV_QUERY_IN_ANY;
    }
}

static av_query_id
text_leaf(av_query *q)
{
    static const av_query_kind kinds[] = { AV_QUERY_WORD, AV_QUERY_WORD, AV_QUERY_WORD, AV_QUERY_PREFIX,
        AV_QUERY_SUFFIX, AV_QUERY_WILDCARD, AV_QUERY_SUBSTRING, AV_QUERY_SUBSTRING };
    av_query_kind kind = kinds[below(AV_COUNT(kinds))];
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 4096);
    put_text(&text);
    if (kind == AV_QUERY_WILDCARD)
        put_wildcards(&text);
    if (kind == AV_QUERY_PREFIX && text.n > 3 && below(2) == 0) {
        text.n -= 1 + below(text.n - 2);
        while (text.n > 0 && (text.p[text.n - 1] & 0xC0) == 0x80)
            text.n--;
        if (text.n > 0 && text.p[text.n - 1] >= 0xC0)
            text.n--;
    }
    return av_query_text(q, kind, some_fields(), av_buf_span(&text));
}

static av_query_id
near_leaf(av_query *q)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_span piece = cut_out(some_field(&run.m.all[below(run.m.n)]), 40 + below(100), true);
    av_tokens tokens;
    av_token t;

    av_buf_init(&text, 4096);
    av_tokens_init(&tokens, piece);
    while (av_tokens_next(&tokens, &t))
        if (!t.row && below(3) == 0 && text.n < 200) {
            size_t at = text.n;

            (void)av_buf_append_span(&text, t.folded);
            if (t.folded.n > 3 && below(4) == 0 && t.folded.p[1] < 0x80)
                text.p[at + 1] = '?';
            (void)av_buf_putc(&text, ' ');
        }
    return av_query_near(q, some_fields(), (uint32_t)(1 + below(AV_QUERY_NEAR_MAX)), av_buf_span(&text));
}

static av_query_id
header_leaf(av_query *q)
{
    static const char *const names[] = { "Subject", "from", "To", "List-Id", "X-Test", "Received", "Message-ID" };
    static const av_query_kind hows[] = { AV_QUERY_WORD, AV_QUERY_PREFIX, AV_QUERY_SUFFIX, AV_QUERY_WILDCARD };
    const char *name = names[below(AV_COUNT(names))];
    const message *m = &run.m.all[below(run.m.n)];
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_query_kind how = hows[below(AV_COUNT(hows))];
    av_span value = { NULL, 0 };

    av_buf_init(&text, 4096);
    if (m->doc.header(m->doc.header_context, av_span_str(name), below(2), &value))
        (void)av_buf_append_span(&text, cut_out(value, 1 + below(20), below(2) == 0));
    if (below(10) == 0)
        av_buf_clear(&text);
    if (below(2) == 0)
        return av_query_header(q, av_span_str(name), av_buf_span(&text));
    if (how == AV_QUERY_WILDCARD)
        put_wildcards(&text);
    return av_query_header_word(q, av_span_str(name), how, av_buf_span(&text));
}

/* Kinds that speak of places and columns. */
static av_query_id
fact_leaf(av_query *q)
{
    const message *m = &run.m.all[below(run.m.n)];
    int64_t at = m->doc.has_date ? m->doc.date_unix_s : m->doc.received_unix_s, span = (int64_t)below(100000000);
    uint64_t size = m->raw.n;
    av_query_range ranges[2] = { { (uint32_t)below(300), (uint32_t)below(400) }, { (uint32_t)below(400), UINT32_MAX } };

    switch (below(9)) {
    case 0:
        return av_query_folder(q, av_span_str(below(2) == 0 ? "archive" : "2003"));
    case 1:
        return av_query_dates(q, (av_query_date)(1 + below(3)), below(3) == 0 ? INT64_MIN : at, at + span);
    case 2:
        return av_query_dates(q, (av_query_date)(1 + below(3)), at - span, below(3) == 0 ? INT64_MAX : at);
    case 3:
        return av_query_size(q, below(2) == 0 ? 0 : size, size + below(5000));
    case 4:
        return av_query_has_attachment(q);
    case 5:
        return av_query_message_id(q, m->doc.id);
    case 6:
        return av_query_flagged(q, (av_query_flag)(1U << below(5)));
    case 7:
        return av_query_keyword(q, av_span_str(below(2) == 0 ? "K1" : "$LABEL"));
    default:
        return av_query_uids(q, ranges, 1 + below(2));
    }
}

static av_query_id
leaf(av_query *q)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    switch (below(12)) {
    case 0:
        return near_leaf(q);
    case 1:
        av_buf_init(&text, 4096);
        put_word(&text);
        return av_query_stem(q, some_fields(), av_span_str(below(2) == 0 ? "" : "german"), av_buf_span(&text));
    case 2:
        return header_leaf(q);
    case 3:
        return fact_leaf(q);
    case 4:
        return below(10) == 0 ? av_query_all(q) : fact_leaf(q);
    default:
        return text_leaf(q);
    }
}

static av_query_id
tree(av_query *q, size_t depth)
{
    av_query_id children[4];
    size_t n = 1 + below(3);

    if (depth == 0)
        return leaf(q);
    for (size_t i = 0; i < n; i++)
        children[i] = tree(q, below(depth));
    switch (below(3)) {
    case 0:
        return av_query_and(q, children, n);
    case 1:
        return av_query_or(q, children, n);
    default:
        return av_query_not(q, n == 1 ? children[0] : av_query_or(q, children, n));
    }
}

/* A leaf or a tree; NULL: what chance made is no query. */
static av_query *
made_query(void)
{
    av_query *q = av_query_new(NULL);
    av_query_id root = tree(q, below(3) == 0 ? 1 + below(DEPTH - 1) : 0);
    av_error err;

    if (root == AV_QUERY_NONE || av_query_finish(q, root, &err) != AV_OK)
        av_query_destroy(&q);
    return q;
}

static void
type_term(av_buf *out)
{
    static const char *const fields[] = { "", "", "", "", "from:", "to:", "subject:", "body:", "attachment:",
        "filename:", "header:list-id:", "header:subject:", "cc:", "bcc:" };
    static const char *const others[] = { "has:attachment", "size:>3K", "size:1K..4K", "date:2002",
        "date:2003..2022-07", "before:2003-01-01", "after:2006-01-02", "folder:Archive", "folder:entwürfe",
        "received:2001-10..2002", "id:M7", "*", "filename:*", "NEAR(the and, 5)", "bcc:*" };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    if (below(6) == 0) {
        (void)av_buf_puts(out, others[below(AV_COUNT(others))]);
        return;
    }
    av_buf_init(&text, 4096);
    (void)av_buf_puts(out, fields[below(AV_COUNT(fields))]);
    if (below(3) == 0) {
        put_text(&text);
        (void)av_buf_puts(out, "\"");
        for (size_t i = 0; i < text.n; i++)
            if (text.p[i] != '"')
                (void)av_buf_putc(out, text.p[i]);
        (void)av_buf_puts(out, below(5) == 0 ? "\"*" : "\"");
        return;
    }
    put_word(&text);
    if (below(4) == 0)
        put_wildcards(&text);
    (void)av_buf_puts(out, below(8) == 0 ? "~" : below(8) == 0 ? "*" : "");
    (void)av_buf_append_span(out, av_buf_span(&text));
    (void)av_buf_puts(out, below(6) == 0 ? "*" : "");
}

static av_query *
typed_query(av_buf *text)
{
    static const char *const joints[] = { " ", " AND ", " OR ", " -", " NOT ", " OR NOT " };
    size_t open = 0;
    av_query *q = NULL;
    av_error err;

    av_buf_clear(text);
    for (size_t i = below(4) + 1; i > 0; i--) {
        if (below(4) == 0) {
            (void)av_buf_puts(text, below(2) == 0 ? "(" : "-(");
            open++;
        }
        type_term(text);
        if (open > 0 && below(2) == 0) {
            (void)av_buf_puts(text, ")");
            open--;
        }
        if (i > 1)
            (void)av_buf_puts(text, joints[below(AV_COUNT(joints))]);
    }
    for (; open > 0; open--)
        (void)av_buf_puts(text, ")");
    if (av_query_parse(av_buf_span(text), NULL, &q, &err) != AV_OK)
        return NULL;
    return q;
}

/* ---- asking ---- */

static bool
is_fact(const av_query_node *node)
{
    switch (node->kind) {
    case AV_QUERY_FOLDER:
    case AV_QUERY_ID:
    case AV_QUERY_FLAG:
    case AV_QUERY_KEYWORD:
    case AV_QUERY_UIDS:
        return true;
    default:
        return node->kind == AV_QUERY_DATE && node->date == AV_QUERY_DATE_RECEIVED;
    }
}

/* Facts are asked of a matcher of that node alone. */
static av_errc
on_facts(void *ctx, const av_query_node *node, roaring_bitmap_t *sure, roaring_bitmap_t *maybe, av_error *err)
{
    AV_CLEANUP(av_query_destroy) av_query *q = av_query_new(NULL);
    AV_CLEANUP(av_matcher_destroy) av_matcher *matcher = NULL;
    av_query_id id = AV_QUERY_NONE;

    (void)ctx;
    AV_CHECK(is_fact(node));
    if (!run.facts_known)
        return AV_ERR_UNSUPPORTED;
    if (node->kind == AV_QUERY_FOLDER)
        id = av_query_folder(q, node->text);
    else if (node->kind == AV_QUERY_ID)
        id = av_query_message_id(q, node->text);
    else if (node->kind == AV_QUERY_FLAG)
        id = av_query_flagged(q, node->flag);
    else if (node->kind == AV_QUERY_KEYWORD)
        id = av_query_keyword(q, node->text);
    else if (node->kind == AV_QUERY_UIDS)
        id = av_query_uids(q, node->ranges, node->range_count);
    else
        id = av_query_dates(q, node->date, node->from_unix_s, node->to_unix_s);
    AV_CHECK_RC(av_query_finish(q, id, err), AV_OK, err);
    AV_CHECK_RC(av_matcher_new(q, &matcher, err), AV_OK, err);
    for (uint32_t i = 0; i < run.m.n; i++)
        if (av_matcher_test(matcher, &run.m.all[i].doc))
            roaring_bitmap_add(sure, i);
    (void)maybe;
    return AV_OK;
}

static roaring_bitmap_t *
answers_of(const av_query *q)
{
    AV_CLEANUP(av_matcher_destroy) av_matcher *matcher = NULL;
    roaring_bitmap_t *out = roaring_bitmap_create();
    av_error err;

    AV_CHECK_RC(av_matcher_new(q, &matcher, &err), AV_OK, &err);
    for (uint32_t i = 0; i < run.m.n; i++)
        if (roaring_bitmap_contains(run.among, i) && run.m.all[i].state == MESSAGE_WHOLE &&
            av_matcher_test(matcher, &run.m.all[i].doc))
            roaring_bitmap_add(out, i);
    return out;
}

/* A leaf that the index says it decides, without a look at a message. */
static bool
is_decided(const av_query_node *node)
{
    AV_CLEANUP(av_pattern_release) av_pattern pattern = { .n = 0 };

    switch (node->kind) {
    case AV_QUERY_ALL:
    case AV_QUERY_SIZE:
    case AV_QUERY_HAS_ATTACHMENT:
        return true;
    case AV_QUERY_WORD:
    case AV_QUERY_PREFIX:
    case AV_QUERY_SUFFIX:
    case AV_QUERY_WILDCARD:
    case AV_QUERY_NEAR:
    case AV_QUERY_STEM:
        if ((node->fields & AV_QUERY_IN_HEADER) != 0)
            return false;
        av_pattern_init(&pattern, node);
        return pattern.exact;
    default:
        return is_fact(node) && run.facts_known;
    }
}

static void
show(const char *what, const roaring_bitmap_t *less, const roaring_bitmap_t *more)
{
    roaring_bitmap_t *over = roaring_bitmap_andnot(less, more);
    roaring_uint32_iterator_t it;
    size_t shown = 0;

    for (roaring_init_iterator(over, &it); it.has_value && shown < 3; (void)roaring_advance_uint32_iterator(&it)) {
        const message *m = &run.m.all[it.current_value];

        printf("    %s: message %u\n      subject \"%.*s\"\n      body \"%.*s\"\n", what, it.current_value,
            (int)AV_MIN(m->doc.subject.n, (size_t)200), (const char *)m->doc.subject.p,
            (int)AV_MIN(m->doc.body.n, (size_t)300), (const char *)m->doc.body.p);
        shown++;
    }
    roaring_bitmap_free(over);
}

static void
count(struct tally *t, const av_bounds *bounds, const roaring_bitmap_t *answers)
{
    uint64_t sure = roaring_bitmap_get_cardinality(bounds->sure), maybe = roaring_bitmap_get_cardinality(bounds->maybe);

    t->asked++;
    t->undecided += sure != maybe;
    t->maybe += maybe;
    t->open += maybe - sure;
    t->answers += roaring_bitmap_get_cardinality(answers);
}

static void
check_query(const av_query *q, const char *typed)
{
    const av_query_node *root = av_query_node_at(q, av_query_root(q));
    AV_CLEANUP(av_buf_release) av_buf explain = { 0 };
    AV_CLEANUP(av_bounds_release) av_bounds bounds = { NULL, NULL };
    av_evaluate_options options = { .facts = on_facts, .explain = &explain, .expansion = below(4) == 0 ? 3 : 0 };
    roaring_bitmap_t *answers = answers_of(q), *unread = roaring_bitmap_create();
    bool good, decided;
    av_error err;

    av_buf_init(&explain, 1 << 20);
    run.facts_known = below(3) > 0;
    AV_CHECK_RC(av_evaluate(run.view, q, run.among, &options, &bounds, &err), AV_OK, &err);
    for (uint32_t i = 0; i < run.m.n; i++)
        if (run.m.all[i].state == MESSAGE_BROKEN && roaring_bitmap_contains(run.among, i))
            roaring_bitmap_add(unread, i);
    good = AV_CHECK(roaring_bitmap_is_subset(bounds.maybe, run.among));
    good &= AV_CHECK(roaring_bitmap_is_subset(unread, bounds.maybe));
    roaring_bitmap_andnot_inplace(bounds.maybe, unread);
    decided = options.expansion == 0 && is_decided(root);
    good &= AV_CHECK(roaring_bitmap_is_subset(bounds.sure, answers)); /* none of unread is in the answers */
    good &= AV_CHECK(roaring_bitmap_is_subset(answers, bounds.maybe));
    good &= AV_CHECK(!decided || roaring_bitmap_equals(bounds.sure, bounds.maybe));
    if (!good) {
        printf("    %s%s%.*s", typed == NULL ? "" : typed, typed == NULL ? "" : "\n", (int)explain.n,
            (const char *)explain.p);
        show("the index alone finds", bounds.sure, answers);
        show("the index does not find", answers, bounds.maybe);
    }
    if (options.expansion == 0 && (root->fields & AV_QUERY_IN_HEADER) == 0 && (run.facts_known || !is_fact(root)))
        count(root->height > 1 ? &run.trees : &run.tally[root->kind], &bounds, answers);
    roaring_bitmap_free(answers);
    roaring_bitmap_free(unread);
}

static void
test_made(void)
{
    size_t n = number_of("AV_ROUNDS", 300), made = 0;

    for (size_t i = 0; made < n && i < n * 10 && av_check_failed < 20; i++) {
        AV_CLEANUP(av_query_destroy) av_query *q = made_query();

        av_check_row = (long)made;
        if (q == NULL)
            continue;
        made++;
        check_query(q, NULL);
    }
    printf("    %zu queries made\n", made);
}

static void
test_typed(void)
{
    size_t n = number_of("AV_ROUNDS", 300) / 2, tried = 0, typed = 0;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 65536);
    for (; typed < n && tried < n * 20 && av_check_failed < 20; tried++) {
        AV_CLEANUP(av_query_destroy) av_query *q = typed_query(&text);
        AV_CLEANUP(av_free) char *line = av_span_dup(av_buf_span(&text));

        av_check_row = (long)tried;
        if (q == NULL)
            continue;
        typed++;
        check_query(q, line);
    }
    printf("    %zu queries typed, %zu more were none\n", typed, tried - typed);
}

/* ---- facets ---- */

/* Whether a message is counted under this value. */
static bool
has_facet(const message *m, av_facet_kind kind, av_span value)
{
    AV_CLEANUP(av_buf_release) av_buf sender = { 0 };
    time_t at = (time_t)m->doc.date_unix_s;
    char year[16];
    struct tm tm;

    if (kind == AV_FACET_YEAR) {
        if (!m->doc.has_date || gmtime_r(&at, &tm) == NULL)
            return false;
        (void)snprintf(year, sizeof year, "%d", tm.tm_year + 1900);
        return av_span_eq_str(value, year);
    }
    av_buf_init(&sender, AV_SORT_KEY_MAX);
    av_sort_sender(av_header_value(av_mime_header(av_document_mime(m->reader), 0), "From"), &sender);
    return av_span_eq(av_buf_span(&sender), value);
}

static void
on_facet(void *ctx, av_facet_kind kind, av_span value, uint64_t counted)
{
    const roaring_bitmap_t *docs = ctx;
    uint64_t n = 0;

    if (kind == AV_FACET_ATTACHMENT)
        return;
    for (uint32_t i = 0; i < run.m.n; i++)
        n += roaring_bitmap_contains(docs, i) && has_facet(&run.m.all[i], kind, value);
    if (!AV_CHECK(n == counted))
        printf("    \"%.*s\": %llu, want %llu\n", (int)value.n, (const char *)value.p, (unsigned long long)counted,
            (unsigned long long)n);
}

static void
test_facets(void)
{
    for (size_t i = 0; i < 10; i++) {
        roaring_bitmap_t *docs = roaring_bitmap_create();
        av_facets *facets = av_facets_new();
        av_error err;

        for (uint32_t k = 0; k < run.m.n; k++)
            if (run.m.all[k].state == MESSAGE_WHOLE && below(10) > i)
                roaring_bitmap_add(docs, k);
        AV_CHECK_RC(av_facets_add(facets, run.view, docs, &err), AV_OK, &err);
        for (int kind = 0; kind < AV_FACET_KINDS; kind++)
            av_facets_top(facets, (av_facet_kind)kind, on_facet, docs);
        av_facets_destroy(&facets);
        roaring_bitmap_free(docs);
    }
}

static void
print_tally(const char *name, const struct tally *t)
{
    if (t->asked > 0)
        printf("    %-15s %6zu asked, %5zu not decided; %7zu answers, %7zu left to the text (%.1f of %zu messages a "
               "query)\n",
            name, t->asked, t->undecided, t->answers, t->open, (double)t->open / (double)t->asked, run.m.n);
}

int
main(void)
{
    char dir[] = "/tmp/av-evaluate-XXXXXX";
    AV_CLEANUP(av_free) char *index_dir = NULL, *remove_line = NULL;

    (void)av_check_corpus();
    run.m.random = number_of("ARCHIVOLT_SEED", 1);
    AV_CHECK(mkdtemp(dir) != NULL);
    index_dir = av_xasprintf("%s/index", dir);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    make_messages();
    fill_index(index_dir);
    AV_RUN(test_made);
    AV_RUN(test_typed);
    AV_RUN(test_facets);
    for (size_t k = 0; k < KINDS; k++)
        print_tally(kind_names[k], &run.tally[k]);
    print_tally("trees", &run.trees);
    av_index_view_release(&run.view);
    av_index_close(&run.index);
    roaring_bitmap_free(run.among);
    messages_release(&run.m);
    AV_CHECK_INT(system(remove_line), 0);
    return av_check_done();
}
