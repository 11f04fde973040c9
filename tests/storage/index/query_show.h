/*
 * query_show.h - a query tree as one line, for the tests of everything that makes trees
 */
#ifndef AV_TESTS_QUERY_SHOW_H
#define AV_TESTS_QUERY_SHOW_H

#include "base/buf.h"
#include "storage/index/query.h"

#include <inttypes.h>

static void
query_show_fields(uint32_t fields, av_buf *out)
{
    static const char *const names[] = { "subject", "body", "from", "to", "cc", "bcc", "filename", "attachment",
        "header" };
    bool first = true;

    if (fields == AV_QUERY_IN_ANY)
        return;
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        if ((fields & 1U << i) == 0)
            continue;
        (void)av_buf_printf(out, "%s%s", first ? "" : "+", names[i]);
        first = false;
    }
    (void)av_buf_putc(out, ':');
}

static void
query_show_leaf(const av_query_node *node, av_buf *out)
{
    int n = (int)node->text.n;
    const char *text = node->text.n == 0 ? "" : (const char *)node->text.p;

    switch (node->kind) {
    case AV_QUERY_WORD:
    case AV_QUERY_PREFIX:
    case AV_QUERY_SUBSTRING:
        query_show_fields(node->fields, out);
        (void)av_buf_printf(out, node->kind == AV_QUERY_SUBSTRING ? "~%.*s~" : "%.*s", n, text);
        if (node->kind == AV_QUERY_PREFIX)
            (void)av_buf_putc(out, '*');
        break;
    case AV_QUERY_SUFFIX:
    case AV_QUERY_WILDCARD:
        query_show_fields(node->fields, out);
        (void)av_buf_printf(out, node->kind == AV_QUERY_SUFFIX ? "*%.*s" : "like(%.*s)", n, text);
        break;
    case AV_QUERY_NEAR:
        query_show_fields(node->fields, out);
        (void)av_buf_printf(out, "near%" PRIu32 "(%.*s)", node->distance, n, text);
        break;
    case AV_QUERY_STEM:
        query_show_fields(node->fields, out);
        (void)av_buf_printf(out, "stem(%.*s: %.*s)", (int)node->name.n, (const char *)node->name.p, n, text);
        break;
    case AV_QUERY_HEADER_WORD:
        (void)av_buf_printf(
            out, "header%d(%.*s: %.*s)", (int)node->how, (int)node->name.n, (const char *)node->name.p, n, text);
        break;
    case AV_QUERY_HEADER:
        (void)av_buf_printf(out, "header(%.*s=%.*s)", (int)node->name.n, (const char *)node->name.p, n, text);
        break;
    case AV_QUERY_FOLDER:
        (void)av_buf_printf(out, "folder(%.*s)", n, text);
        break;
    case AV_QUERY_ID:
        (void)av_buf_printf(out, "id(%.*s)", n, text);
        break;
    case AV_QUERY_KEYWORD:
        (void)av_buf_printf(out, "keyword(%.*s)", n, text);
        break;
    case AV_QUERY_DATE:
        (void)av_buf_printf(
            out, "date%d(%" PRId64 "..%" PRId64 ")", (int)node->date, node->from_unix_s, node->to_unix_s);
        break;
    case AV_QUERY_SIZE:
        (void)av_buf_printf(out, "size(%" PRIu64 "..%" PRIu64 ")", node->min_bytes, node->max_bytes);
        break;
    case AV_QUERY_FLAG:
        (void)av_buf_printf(out, "flag(%u)", (unsigned)node->flag);
        break;
    case AV_QUERY_UIDS:
        (void)av_buf_puts(out, "uids(");
        for (size_t i = 0; i < node->range_count; i++)
            (void)av_buf_printf(
                out, "%s%" PRIu32 ":%" PRIu32, i == 0 ? "" : ",", node->ranges[i].first, node->ranges[i].last);
        (void)av_buf_putc(out, ')');
        break;
    case AV_QUERY_THREAD:
        (void)av_buf_printf(out, "thread(%.*s)", n, text);
        break;
    case AV_QUERY_MODSEQ:
        (void)av_buf_printf(out, "modseq(%" PRIu64 ")", node->modseq);
        break;
    default:
        (void)av_buf_puts(out, node->kind == AV_QUERY_ALL ? "all" : "has-attachment");
        break;
    }
}

/* (and a b (not c)); recursion as deep as the query is high, which is bounded. */
static void
query_show_node(const av_query *q, av_query_id id, av_buf *out)
{
    const av_query_node *node = av_query_node_at(q, id);

    if (node->kind != AV_QUERY_AND && node->kind != AV_QUERY_OR && node->kind != AV_QUERY_NOT) {
        query_show_leaf(node, out);
        return;
    }
    (void)av_buf_puts(out, node->kind == AV_QUERY_AND ? "(and" : node->kind == AV_QUERY_OR ? "(or" : "(not");
    for (av_query_id child = node->first_child; child != AV_QUERY_NONE; child = av_query_node_at(q, child)->next) {
        (void)av_buf_putc(out, ' ');
        query_show_node(q, child, out);
    }
    (void)av_buf_putc(out, ')');
}

static void
query_show(const av_query *q, av_buf *out)
{
    av_buf_clear(out);
    query_show_node(q, av_query_root(q), out);
}

#endif
