/*
 * query_wire.c - see query_wire.h
 *
 * Pure. Both ways walk with an explicit stack of at most AV_QUERY_DEPTH_MAX open nodes.
 */
#include "storage/index/query_wire.h"

#include "storage/index/query_priv.h"

enum { WIRE_VERSION = 1 };

static bool
put_text(av_buf *out, av_span s)
{
    return av_buf_put_u16(out, (uint16_t)s.n) && av_buf_append_span(out, s);
}

static size_t
child_count(const av_query *q, const av_query_node *node)
{
    size_t n = 0;

    for (av_query_id id = node->first_child; id != AV_QUERY_NONE; id = av_query_node_at(q, id)->next)
        n++;
    return n;
}

static void
put_ranges(av_buf *out, const av_query_node *node)
{
    (void)av_buf_put_u32(out, (uint32_t)node->range_count);
    for (size_t i = 0; i < node->range_count; i++) {
        (void)av_buf_put_u32(out, node->ranges[i].first);
        (void)av_buf_put_u32(out, node->ranges[i].last);
    }
}

/* A node without its children; out->full tells of a failure. */
static void
put_node(const av_query *q, const av_query_node *node, av_buf *out)
{
    (void)av_buf_put_u8(out, (uint8_t)node->kind);
    switch (node->kind) {
    case AV_QUERY_AND:
    case AV_QUERY_OR:
        (void)av_buf_put_u16(out, (uint16_t)child_count(q, node));
        break;
    case AV_QUERY_WORD:
    case AV_QUERY_PREFIX:
    case AV_QUERY_SUBSTRING:
    case AV_QUERY_SUFFIX:
    case AV_QUERY_WILDCARD:
        (void)av_buf_put_u32(out, node->fields);
        (void)put_text(out, node->text);
        break;
    case AV_QUERY_NEAR:
        (void)av_buf_put_u32(out, node->fields);
        (void)av_buf_put_u32(out, node->distance);
        (void)put_text(out, node->text);
        break;
    case AV_QUERY_STEM:
        (void)av_buf_put_u32(out, node->fields);
        (void)put_text(out, node->name);
        (void)put_text(out, node->text);
        break;
    case AV_QUERY_HEADER_WORD:
        (void)av_buf_put_u8(out, (uint8_t)node->how);
        (void)put_text(out, node->name);
        (void)put_text(out, node->text);
        break;
    case AV_QUERY_HEADER:
        (void)put_text(out, node->name);
        (void)put_text(out, node->text);
        break;
    case AV_QUERY_FOLDER:
    case AV_QUERY_ID:
    case AV_QUERY_KEYWORD:
    case AV_QUERY_THREAD:
        (void)put_text(out, node->text);
        break;
    case AV_QUERY_MODSEQ:
        (void)av_buf_put_u64(out, node->modseq);
        break;
    case AV_QUERY_DATE:
        (void)av_buf_put_u8(out, (uint8_t)node->date);
        (void)av_buf_put_u64(out, (uint64_t)node->from_unix_s);
        (void)av_buf_put_u64(out, (uint64_t)node->to_unix_s);
        break;
    case AV_QUERY_SIZE:
        (void)av_buf_put_u64(out, node->min_bytes);
        (void)av_buf_put_u64(out, node->max_bytes);
        break;
    case AV_QUERY_FLAG:
        (void)av_buf_put_u8(out, (uint8_t)node->flag);
        break;
    case AV_QUERY_UIDS:
        put_ranges(out, node);
        break;
    case AV_QUERY_ALL:
    case AV_QUERY_NOT:
    case AV_QUERY_HAS_ATTACHMENT:
        break;
    }
}

av_errc
av_query_encode(const av_query *self, av_buf *out, av_error *err)
{
    av_query_id parents[AV_QUERY_DEPTH_MAX], at = av_query_root(self);
    size_t depth = 0;

    assert(at != AV_QUERY_NONE);
    (void)av_buf_put_u8(out, WIRE_VERSION);
    while (at != AV_QUERY_NONE) {
        const av_query_node *node = av_query_node_at(self, at);

        put_node(self, node, out);
        if (node->first_child != AV_QUERY_NONE) {
            assert(depth < AV_QUERY_DEPTH_MAX);
            parents[depth++] = at;
            at = node->first_child;
            continue;
        }
        /* The next sibling, else that of the nearest parent that has one; the root has none. */
        while (depth > 0 && av_query_node_at(self, at)->next == AV_QUERY_NONE)
            at = parents[--depth];
        at = depth == 0 ? AV_QUERY_NONE : av_query_node_at(self, at)->next;
    }
    if (out->full)
        return av_error_set(err, AV_ERR_LIMIT, "the search is larger than %zu bytes when sent", out->max);
    return AV_OK;
}

/* An open node whose children are being read; their ids stand on the item stack from `base`. */
typedef struct opened {
    av_query_kind kind;
    size_t left; /* children still to come */
    size_t base;
} opened;

static bool
get_text(av_span *in, av_span *ret)
{
    uint16_t n;

    return av_span_get_u16(in, &n) && av_span_get_bytes(in, n, ret);
}

static bool
get_ranges(av_span *in, av_query *q, av_query_id *ret)
{
    AV_CLEANUP(av_free) av_query_range *ranges = NULL;
    uint32_t n;

    if (!av_span_get_u32(in, &n) || n > in->n / 8)
        return false;
    ranges = av_xcalloc((size_t)n + 1, sizeof *ranges); /* n is at most an eighth of the bytes that are there */
    for (uint32_t i = 0; i < n; i++)
        if (!av_span_get_u32(in, &ranges[i].first) || !av_span_get_u32(in, &ranges[i].last))
            return false;
    *ret = av_query_uids(q, ranges, n);
    return true;
}

/* The body of a leaf of this kind. false: cut short, or a value no encoder writes. */
static bool
get_leaf(av_span *in, av_query_kind kind, av_query *q, av_query_id *ret)
{
    av_span text = { NULL, 0 }, name = { NULL, 0 };
    uint64_t low, high;
    uint32_t fields, distance;
    uint8_t byte;

    switch (kind) {
    case AV_QUERY_ALL:
        *ret = av_query_all(q);
        return true;
    case AV_QUERY_HAS_ATTACHMENT:
        *ret = av_query_has_attachment(q);
        return true;
    case AV_QUERY_WORD:
    case AV_QUERY_PREFIX:
    case AV_QUERY_SUBSTRING:
    case AV_QUERY_SUFFIX:
    case AV_QUERY_WILDCARD:
        if (!av_span_get_u32(in, &fields) || !get_text(in, &text))
            return false;
        *ret = av_query_text(q, kind, fields, text);
        return true;
    case AV_QUERY_NEAR:
        if (!av_span_get_u32(in, &fields) || !av_span_get_u32(in, &distance) || !get_text(in, &text))
            return false;
        *ret = av_query_near(q, fields, distance, text);
        return true;
    case AV_QUERY_STEM:
        if (!av_span_get_u32(in, &fields) || !get_text(in, &name) || name.n == 0 || !get_text(in, &text))
            return false;
        *ret = av_query_stem(q, fields, name, text);
        return true;
    case AV_QUERY_HEADER_WORD:
        if (!av_span_get_u8(in, &byte) || !get_text(in, &name) || !get_text(in, &text))
            return false;
        *ret = av_query_header_word(q, name, (av_query_kind)byte, text);
        return true;
    case AV_QUERY_HEADER:
        if (!get_text(in, &name) || !get_text(in, &text))
            return false;
        *ret = av_query_header(q, name, text);
        return true;
    case AV_QUERY_FOLDER:
    case AV_QUERY_ID:
    case AV_QUERY_KEYWORD:
    case AV_QUERY_THREAD:
        if (!get_text(in, &text))
            return false;
        *ret = kind == AV_QUERY_FOLDER   ? av_query_folder(q, text)
               : kind == AV_QUERY_ID     ? av_query_message_id(q, text)
               : kind == AV_QUERY_THREAD ? av_query_thread(q, text)
                                         : av_query_keyword(q, text);
        return true;
    case AV_QUERY_MODSEQ:
        if (!av_span_get_u64(in, &low))
            return false;
        *ret = av_query_modseq(q, low);
        return true;
    case AV_QUERY_DATE:
        if (!av_span_get_u8(in, &byte) || !av_span_get_u64(in, &low) || !av_span_get_u64(in, &high))
            return false;
        *ret = av_query_dates(q, (av_query_date)byte, (int64_t)low, (int64_t)high);
        return true;
    case AV_QUERY_SIZE:
        if (!av_span_get_u64(in, &low) || !av_span_get_u64(in, &high))
            return false;
        *ret = av_query_size(q, low, high);
        return true;
    case AV_QUERY_FLAG:
        if (!av_span_get_u8(in, &byte))
            return false;
        *ret = av_query_flagged(q, (av_query_flag)byte);
        return true;
    case AV_QUERY_UIDS:
        return get_ranges(in, q, ret);
    default:
        return false;
    }
}

/* The number of children of a node of this kind, 0 for a leaf. false: cut short. */
static bool
get_children(av_span *in, av_query_kind kind, size_t *ret)
{
    uint16_t n = 0;

    if (kind == AV_QUERY_NOT) {
        *ret = 1;
        return true;
    }
    if (kind == AV_QUERY_AND || kind == AV_QUERY_OR) {
        if (!av_span_get_u16(in, &n) || n < 2) /* of one child an operator would be the child itself */
            return false;
    }
    *ret = n;
    return true;
}

static av_query_id
close_node(av_query *q, const opened *node, const av_query_id *children, size_t n)
{
    return node->kind == AV_QUERY_NOT   ? av_query_not(q, children[0])
           : node->kind == AV_QUERY_AND ? av_query_and(q, children, n)
                                        : av_query_or(q, children, n);
}

static av_errc
decode(av_span whole, av_span in, av_query *q, av_query_id *items, av_query_id *ret_root, av_error *err)
{
    const av_query_limits *limits = av_query_limits_of(q);
    opened stack[AV_QUERY_DEPTH_MAX];
    size_t depth = 0, count = 0;

    do {
        size_t at = whole.n - in.n, children = 0;
        av_query_id id = AV_QUERY_NONE;
        uint8_t kind;

        if (!av_span_get_u8(&in, &kind) || !get_children(&in, (av_query_kind)kind, &children) ||
            (children == 0 && !get_leaf(&in, (av_query_kind)kind, q, &id)))
            return av_error_set(err, AV_ERR_SYNTAX, "search: byte %zu: cut short, or a term of unknown kind", at);
        if (av_query_failed(q))
            return av_query_finish(q, AV_QUERY_NONE, err);
        if (children > 0) {
            if (depth + 1 >= limits->depth)
                return av_error_set(err, AV_ERR_LIMIT, "the search is nested deeper than %zu levels", limits->depth);
            stack[depth++] = (opened){ (av_query_kind)kind, children, count };
            continue;
        }
        items[count++] = id;
        while (depth > 0 && --stack[depth - 1].left == 0) {
            depth--;
            id = close_node(q, &stack[depth], items + stack[depth].base, count - stack[depth].base);
            count = stack[depth].base;
            items[count++] = id;
        }
    } while (depth > 0);
    *ret_root = items[0];
    if (in.n > 0)
        return av_error_set(err, AV_ERR_SYNTAX, "search: %zu bytes are left over", in.n);
    return AV_OK;
}

av_errc
av_query_decode(av_span in, const av_query_limits *limits, av_query **ret, av_error *err)
{
    AV_CLEANUP(av_query_destroy) av_query *query = av_query_new(limits);
    AV_CLEANUP(av_free) av_query_id *items = av_xcalloc(av_query_limits_of(query)->nodes + 1, sizeof *items);
    av_query_id root = AV_QUERY_NONE;
    av_span whole = in;
    uint8_t version;
    av_errc rc;

    if (!av_span_get_u8(&in, &version))
        return av_error_set(err, AV_ERR_SYNTAX, "search: no bytes");
    if (version != WIRE_VERSION)
        return av_error_set(err, AV_ERR_VERSION, "search: version %u is not known here", version);
    rc = decode(whole, in, query, items, &root, err);
    if (rc == AV_OK)
        rc = av_query_finish(query, root, err);
    if (rc == AV_OK)
        *ret = AV_TAKE(query);
    return rc;
}
