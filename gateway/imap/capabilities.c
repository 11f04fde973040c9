/*
 * capabilities.c - see capabilities.h
 */
#include "gateway/imap/capabilities.h"

static bool
when_secure(const av_imap_standing *where)
{
    return where->secure;
}

static bool
when_clear(const av_imap_standing *where)
{
    return !where->secure;
}

static bool
when_scram(const av_imap_standing *where)
{
    return where->secure && where->offers_scram;
}

static bool
when_uncompressed(const av_imap_standing *where)
{
    return where->may_compress;
}

/* Not aligned: a new row leaves the others as they are. */
/* clang-format off */
const av_imap_capability av_imap_capabilities[] = {
    { "IMAP4rev1", AV_IMAP_ANY, NULL, 0 }, /* RFC 3501 */
    { "STARTTLS", AV_IMAP_NOT_AUTH, when_clear, 0 }, /* RFC 3501, 6.2.1 */
    { "LOGINDISABLED", AV_IMAP_NOT_AUTH, when_clear, 0 }, /* RFC 3501, 6.2.3 */
    { "SASL-IR", AV_IMAP_NOT_AUTH, when_secure, 0 }, /* RFC 4959 */
    { "AUTH=SCRAM-SHA-256-PLUS", AV_IMAP_NOT_AUTH, when_scram, 0 }, /* RFC 7677; RFC 5802, 6 */
    { "AUTH=SCRAM-SHA-256", AV_IMAP_NOT_AUTH, when_scram, 0 }, /* RFC 7677 */
    { "AUTH=PLAIN", AV_IMAP_NOT_AUTH, when_secure, 0 }, /* RFC 4616 */
    { "LITERAL-", AV_IMAP_ANY, NULL, 0 }, /* RFC 7888, 5 */
    { "ID", AV_IMAP_ANY, NULL, 0 }, /* RFC 2971 */
    { "ENABLE", AV_IMAP_ANY, NULL, 0 }, /* RFC 5161 */
    { "IDLE", AV_IMAP_ANY, NULL, 0 }, /* RFC 2177 */
    { "NAMESPACE", AV_IMAP_ANY, NULL, 0 }, /* RFC 2342 */
    { "CHILDREN", AV_IMAP_ANY, NULL, 0 }, /* RFC 3348 */
    { "LIST-EXTENDED", AV_IMAP_ANY, NULL, 0 }, /* RFC 5258 */
    { "LIST-STATUS", AV_IMAP_ANY, NULL, 0 }, /* RFC 5819 */
    { "LIST-MYRIGHTS", AV_IMAP_ANY, NULL, 0 }, /* RFC 8440 */
    { "SPECIAL-USE", AV_IMAP_ANY, NULL, 0 }, /* RFC 6154 */
    { "STATUS=SIZE", AV_IMAP_ANY, NULL, 0 }, /* RFC 8438 */
    { "ACL", AV_IMAP_ANY, NULL, 0 }, /* RFC 4314 */
    { "RIGHTS=texk", AV_IMAP_ANY, NULL, 0 }, /* RFC 4314, 2.2 */
    { "QUOTA", AV_IMAP_ANY, NULL, 0 }, /* RFC 9208 */
    { "QUOTA=RES-STORAGE", AV_IMAP_ANY, NULL, 0 }, /* RFC 9208, 5.1 */
    { "IMAP4rev2", AV_IMAP_ANY, NULL, AV_IMAP_ENABLED_IMAP4REV2 }, /* RFC 9051 */
    { "UTF8=ACCEPT", AV_IMAP_ANY, NULL, AV_IMAP_ENABLED_UTF8 }, /* RFC 6855 */
    { "COMPRESS=DEFLATE", AV_IMAP_LOGGED_IN, when_uncompressed, 0 }, /* RFC 4978 */
    { "UNSELECT", AV_IMAP_ANY, NULL, 0 }, /* RFC 3691 */
    { "BINARY", AV_IMAP_ANY, NULL, 0 }, /* RFC 3516 */
    { "CONDSTORE", AV_IMAP_ANY, NULL, AV_IMAP_ENABLED_CONDSTORE }, /* RFC 7162 */
    { "QRESYNC", AV_IMAP_ANY, NULL, AV_IMAP_ENABLED_CONDSTORE | AV_IMAP_ENABLED_QRESYNC }, /* RFC 7162 */
    { "OBJECTID", AV_IMAP_ANY, NULL, 0 }, /* RFC 8474 */
    { "SAVEDATE", AV_IMAP_ANY, NULL, 0 }, /* RFC 8514 */
    { "PREVIEW", AV_IMAP_ANY, NULL, 0 }, /* RFC 8970 */
    { "ESEARCH", AV_IMAP_ANY, NULL, 0 }, /* RFC 4731 */
    { "SEARCHRES", AV_IMAP_ANY, NULL, 0 }, /* RFC 5182 */
    { "PARTIAL", AV_IMAP_ANY, NULL, 0 }, /* RFC 9394 */
    { "WITHIN", AV_IMAP_ANY, NULL, 0 }, /* RFC 5032 */
    { "SORT", AV_IMAP_ANY, NULL, 0 }, /* RFC 5256 */
    { "SORT=DISPLAY", AV_IMAP_ANY, NULL, 0 }, /* RFC 5957 */
    { "ESORT", AV_IMAP_ANY, NULL, 0 }, /* RFC 5267 */
    { "THREAD=ORDEREDSUBJECT", AV_IMAP_ANY, NULL, 0 }, /* RFC 5256 */
    { "THREAD=REFERENCES", AV_IMAP_ANY, NULL, 0 }, /* RFC 5256 */
    { "MULTISEARCH", AV_IMAP_ANY, NULL, 0 }, /* RFC 7377 */
    { NULL, 0, NULL, 0 },
};
/* clang-format on */

static bool
is_shown(const av_imap_capability *row, const av_imap_standing *where)
{
    return (row->states & where->state) != 0 && (row->when == NULL || row->when(where));
}

bool
av_imap_capabilities_put(const av_imap_standing *where, av_buf *out)
{
    const char *gap = "";

    for (const av_imap_capability *row = av_imap_capabilities; row->name != NULL; row++) {
        if (!is_shown(row, where))
            continue;
        (void)av_buf_append_span(out, av_span_str(gap));
        (void)av_buf_append_span(out, av_span_str(row->name));
        gap = " ";
    }
    return !out->full;
}

const av_imap_capability *
av_imap_capabilities_to_enable(const av_imap_standing *where, av_span name)
{
    for (const av_imap_capability *row = av_imap_capabilities; row->name != NULL; row++) {
        if (row->enables != 0 && is_shown(row, where) && av_span_ieq_str(name, row->name))
            return row;
    }
    return NULL;
}
