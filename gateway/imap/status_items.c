/*
 * status_items.c - see status_items.h
 */
#include "gateway/imap/status_items.h"

#include "gateway/imap/grammar.h"
#include "gateway/imap/object_id.h"

typedef Archivolt__MailboxInfo info_t;

static uint64_t
highest_modseq(const info_t *info)
{
    return info->highest_modseq;
}

static uint64_t
messages(const info_t *info)
{
    return info->messages;
}

/* \Recent is of no session: IMAP4rev2 has it no more, and an archive gets no mail "since" anything. */
static uint64_t
nothing(const info_t *info AV_UNUSED)
{
    return 0;
}

static uint64_t
uidnext(const info_t *info)
{
    return info->uidnext;
}

static uint64_t
uidvalidity(const info_t *info)
{
    return info->uidvalidity;
}

static uint64_t
unseen(const info_t *info)
{
    return info->unseen;
}

static uint64_t
deleted(const info_t *info)
{
    return info->deleted;
}

/* RFC 8438, 2: not below the sum of RFC822.SIZE, which counts CRLF. */
static uint64_t
size(const info_t *info)
{
    return info->crlf_bytes;
}

static const struct {
    const char *name;
    uint64_t (*value)(const info_t *info); /* NULL: MAILBOXID, which is no number */
} items[] = {
    { "HIGHESTMODSEQ", highest_modseq }, /* AV_IMAP_STATUS_HIGHESTMODSEQ */
    { "MESSAGES", messages },
    { "RECENT", nothing },
    { "UIDNEXT", uidnext },
    { "UIDVALIDITY", uidvalidity },
    { "UNSEEN", unseen },
    { "DELETED", deleted },
    { "DELETED-STORAGE", nothing }, /* RFC 9208, 4.1.4: what EXPUNGE would give back; nothing is expunged here */
    { "SIZE", size },
    { "MAILBOXID", NULL },
};

bool
av_imap_status_items_take(av_span *in, unsigned *ret)
{
    av_span left = *in;
    unsigned found = 0;

    if (!av_imap_take_char(&left, '('))
        return false;
    do {
        size_t i = 0;

        while (i < AV_COUNT(items) && !av_imap_take_keyword(&left, items[i].name))
            i++;
        if (i == AV_COUNT(items))
            return false;
        found |= 1U << i;
    } while (av_imap_take_char(&left, ' '));
    if (!av_imap_take_char(&left, ')'))
        return false;
    *in = left;
    *ret = found;
    return true;
}

bool
av_imap_status_items_put(unsigned asked, const info_t *info, av_buf *out)
{
    const char *gap = "(";

    for (size_t i = 0; i < AV_COUNT(items); i++) {
        if ((asked & 1U << i) == 0)
            continue;
        if (items[i].value != NULL)
            (void)av_buf_printf(out, "%s%s %llu", gap, items[i].name, (unsigned long long)items[i].value(info));
        else
            (void)av_buf_printf(out, "%s%s (%s)", gap, items[i].name, av_imap_mailbox_id_of(info->guid.data).text);
        gap = " ";
    }
    return av_buf_putc(out, ')');
}
