/*
 * mime_check.h - what must hold for the scan of any bytes at all
 */
#ifndef AV_TESTS_MIME_CHECK_H
#define AV_TESTS_MIME_CHECK_H

#include "storage/mime/crlf.h"
#include "storage/mime/scan.h"

/* Offsets of part i in order and inside its parent, links and counts true. NULL, or what is wrong. */
static inline const char *
mime_check_part(const av_mime *m, uint32_t i)
{
    const av_mime_part *p = &m->parts[i];
    av_span body = av_mime_body(m, i);
    uint64_t lines = 0;

    if (p->header_at > p->header_end || p->header_end > p->body_at || p->body_at > p->body_end ||
        p->body_end > m->message.n)
        return "offsets are not in order";
    if (av_crlf_size_of(body) != p->body_crlf_bytes)
        return "size of the body's CRLF view";
    for (size_t k = av_span_find(body, '\n'); k < body.n; k += 1 + av_span_find(av_span_skip(body, k + 1), '\n'))
        lines++;
    if (lines != p->body_lines)
        return "lines of the body";
    if (i == 0)
        return p->parent == AV_MIME_NONE && p->body_end == m->message.n ? NULL : "root";
    if (p->parent >= i)
        return "parent stands behind its child";
    if (p->header_at < m->parts[p->parent].body_at || p->body_end > m->parts[p->parent].body_end)
        return "part outside its parent";
    if (p->next_sibling != AV_MIME_NONE &&
        (p->next_sibling >= m->count || m->parts[p->next_sibling].parent != p->parent ||
            m->parts[p->next_sibling].number != p->number + 1))
        return "sibling";
    return p->depth == m->parts[p->parent].depth + 1 ? NULL : "depth";
}

static inline const char *
mime_check(const av_mime *m)
{
    const char *wrong = m->count == 0 ? "no part" : NULL;

    for (uint32_t i = 0; i < m->count && wrong == NULL; i++) {
        const av_mime_part *p = &m->parts[i];
        uint32_t children = 0;

        wrong = mime_check_part(m, i);
        for (uint32_t c = p->first_child; c < m->count && children <= m->count; c = m->parts[c].next_sibling)
            children++;
        if (wrong == NULL && (children != p->children || (children > 0) != (p->is_multipart || p->is_message) ||
                                 (p->is_message && children != 1)))
            wrong = "children";
    }
    if (wrong == NULL && av_crlf_size_of(m->message) != m->crlf_bytes)
        wrong = "size of the CRLF view";
    return wrong;
}

#endif
