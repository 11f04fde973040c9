/*
 * mailbox_answer.c - see mailbox_answer.h
 */
#include "actors/instance/mailbox_answer.h"

#include "actors/instance/ask.h"
#include "actors/instance/mailbox_sort.h"
#include "actors/instance/mailbox_thread.h"
#include "storage/index/uid_wire.h"

#define RANGES_BYTES ((size_t)64 << 20)

static av_errc
put_ranges(const roaring_bitmap_t *uids, av_buf *out, av_error *err)
{
    av_query_range run = { 0, 0 };
    uint32_t before = 0;
    roaring_uint32_iterator_t it;

    for (roaring_init_iterator(uids, &it); it.has_value; (void)roaring_advance_uint32_iterator(&it)) {
        if (run.first != 0 && it.current_value == run.last + 1) {
            run.last++;
            continue;
        }
        if (run.first != 0) {
            (void)av_uid_wire_put(out, before, run);
            before = run.last;
        }
        run.first = run.last = it.current_value;
    }
    if (run.first != 0)
        (void)av_uid_wire_put(out, before, run);
    return out->full ? av_error_set(err, AV_ERR_LIMIT, "the answer is over %zu bytes", out->max) : AV_OK;
}

/* The highest is asked of each placement: only a search by MODSEQ pays for it. */
static av_errc
put_modseqs(const av_mailbox_scan *scan, Archivolt__SearchMailboxReply *reply, av_error *err)
{
    const av_mailbox *mailbox = &scan->reach.mailboxes[0];
    roaring_uint32_iterator_t it;
    av_placement placement;
    av_errc rc = AV_OK;

    for (roaring_init_iterator(scan->matched, &it); rc == AV_OK && it.has_value;
         (void)roaring_advance_uint32_iterator(&it)) {
        rc = av_catalog_placement(scan->reach.look.catalog, mailbox->guid, it.current_value, &placement, err);
        if (rc != AV_OK)
            break;
        if (!reply->has_modseq_first)
            reply->modseq_first = placement.modseq;
        reply->has_modseq_first = reply->has_modseq_last = reply->has_modseq_highest = 1;
        reply->modseq_last = placement.modseq;
        reply->modseq_highest = AV_MAX(reply->modseq_highest, placement.modseq);
    }
    return rc;
}

av_errc
av_mailbox_answer(av_mailbox_scan *scan, const Archivolt__SearchMailboxRequest *request,
    Archivolt__SearchMailboxReply *reply, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    av_errc rc;

    av_buf_init(&bytes, RANGES_BYTES);
    rc = put_ranges(scan->matched, &bytes, err);
    if (rc != AV_OK)
        return rc;
    reply->count = roaring_bitmap_get_cardinality(scan->matched);
    reply->uidvalidity = scan->reach.mailboxes[0].uidvalidity;
    av_reply_bytes(&reply->uids, bytes.p, bytes.n);
    if (request->want_modseq)
        rc = put_modseqs(scan, reply, err);
    if (rc == AV_OK && request->n_sort > 0) {
        av_buf_clear(&bytes);
        rc = av_mailbox_sort(scan, request->sort, request->n_sort, &bytes, err);
        reply->has_sorted = 1;
        av_reply_bytes(&reply->sorted, bytes.p, bytes.n);
    }
    if (rc == AV_OK && request->has_thread) {
        av_buf_clear(&bytes);
        rc = av_mailbox_thread(scan, request->thread, &bytes, err);
        reply->has_threads = 1;
        av_reply_bytes(&reply->threads, bytes.p, bytes.n);
    }
    return rc;
}
