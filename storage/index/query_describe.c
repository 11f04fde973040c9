/*
 * query_describe.c - see query_describe.h
 */
#include "storage/index/query_describe.h"

#include <inttypes.h>

#include "base/clock.h"

static const struct {
    uint32_t field;
    const char *name;
} fields[] = {
    { AV_QUERY_IN_SUBJECT, "subject" },
    { AV_QUERY_IN_BODY, "body" },
    { AV_QUERY_IN_FROM, "from" },
    { AV_QUERY_IN_TO, "to" },
    { AV_QUERY_IN_CC, "cc" },
    { AV_QUERY_IN_BCC, "bcc" },
    { AV_QUERY_IN_FILENAME, "filename" },
    { AV_QUERY_IN_ATTACHMENT, "attachment" },
    { AV_QUERY_IN_HEADER, "header" },
};

static const char *
name_of(av_query_kind kind)
{
    static const char *const names[] = {
        [AV_QUERY_ALL] = "every message",
        [AV_QUERY_AND] = "all of",
        [AV_QUERY_OR] = "any of",
        [AV_QUERY_NOT] = "not",
        [AV_QUERY_WORD] = "word",
        [AV_QUERY_PREFIX] = "word that begins with",
        [AV_QUERY_SUBSTRING] = "text with",
        [AV_QUERY_HEADER] = "header field",
        [AV_QUERY_FOLDER] = "folder",
        [AV_QUERY_DATE] = "date",
        [AV_QUERY_SIZE] = "size",
        [AV_QUERY_HAS_ATTACHMENT] = "with attachment",
        [AV_QUERY_ID] = "id",
        [AV_QUERY_FLAG] = "flag",
        [AV_QUERY_KEYWORD] = "keyword",
        [AV_QUERY_UIDS] = "UIDs",
        [AV_QUERY_SUFFIX] = "word that ends with",
        [AV_QUERY_WILDCARD] = "word like",
        [AV_QUERY_NEAR] = "words close together",
        [AV_QUERY_STEM] = "word with the stem of",
        [AV_QUERY_HEADER_WORD] = "word in header field",
        [AV_QUERY_THREAD] = "thread",
        [AV_QUERY_MODSEQ] = "changed since",
    };

    return (size_t)kind < AV_COUNT(names) && names[kind] != NULL ? names[kind] : "condition";
}

static void
put_fields(uint32_t mask, av_buf *out)
{
    const char *between = " in ";

    for (size_t i = 0; i < AV_COUNT(fields); i++) {
        if ((mask & fields[i].field) == 0)
            continue;
        (void)av_buf_puts(out, between);
        (void)av_buf_puts(out, fields[i].name);
        between = ", ";
    }
}

static void
put_day(int64_t unix_s, av_buf *out)
{
    if (unix_s == INT64_MIN || unix_s == INT64_MAX)
        (void)av_buf_puts(out, "any");
    else
        (void)av_buf_printf(out, "%" PRId64, unix_s);
}

static void
put_bounds(const av_query_node *node, av_buf *out)
{
    if (node->kind == AV_QUERY_DATE) {
        (void)av_buf_puts(out, " from ");
        put_day(node->from_unix_s, out);
        (void)av_buf_puts(out, " to ");
        put_day(node->to_unix_s, out);
    } else if (node->kind == AV_QUERY_SIZE) {
        (void)av_buf_printf(out, " from %" PRIu64, node->min_bytes);
        if (node->max_bytes != UINT64_MAX)
            (void)av_buf_printf(out, " to %" PRIu64, node->max_bytes);
        (void)av_buf_puts(out, " bytes");
    } else if (node->kind == AV_QUERY_MODSEQ) {
        (void)av_buf_printf(out, " %" PRIu64, node->modseq);
    }
}

void
av_query_describe(const av_query_node *node, av_buf *out)
{
    (void)av_buf_puts(out, name_of(node->kind));
    if (node->name.n > 0) {
        (void)av_buf_putc(out, ' ');
        (void)av_buf_append_span(out, node->name);
    }
    if (node->text.n > 0) {
        (void)av_buf_puts(out, " \"");
        (void)av_buf_append_span(out, node->text);
        (void)av_buf_putc(out, '"');
    }
    put_fields(node->fields, out);
    put_bounds(node, out);
}
