/*
 * test_store_view.c - what a store's view knows: references, what waits, what can be restored, holds, erasing, counters
 */
#include "tests/storage/meta/rig.h"

static av_error err;

/* Two mailboxes; messages 1 to 6 in the first (1 and 4, 2 and 5, 3 and 6 share an attachment), 1 in the second, too. */
static void
fill(rig *r)
{
    rig_build(r, 1);
    rig_begin(r, 0);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 1, "a"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 2, "b"), AV_OK, &err);
    for (uint64_t i = 1; i <= 6; i++)
        AV_CHECK_INT(rig_place(r, 0, 1, i, 0), i);
    AV_CHECK_INT(rig_place(r, 0, 2, 1, 0), 1);
    rig_commit(r, 0);
}

static uint64_t
lsn_of(const rig *r, uint64_t seed)
{
    av_span m = rig_message(seed);
    uint8_t digest[32];
    uint64_t lsn = 0;

    av_sha256(m, digest);
    message_free(m);
    (void)av_store_view_find_message(r->stores[0].view, av_store_view_writer(r->stores[0].view), digest, &lsn, &err);
    return lsn;
}

static void
take_out(rig *r, uint8_t id, uint32_t uid, int64_t ms)
{
    uint8_t guid[16];

    memset(guid, id, 16);
    rig_begin(r, 0);
    AV_CHECK_RC(rig_remove(r, 0, guid, uid, ms), AV_OK, &err);
    rig_commit(r, 0);
}

static av_store_counters
counters_of(const rig *r)
{
    av_store_counters n = { 0 }, counted;
    bool right = false;

    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(r->stores[0].view), &n, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_recount(av_store_view_writer(r->stores[0].view), &counted, &right, &err), AV_OK, &err);
    AV_CHECK(right);
    return n;
}

static void
test_references(void)
{
    AV_CLEANUP(av_buf_release) av_buf parts = { 0 };
    av_content_row row, part;
    av_store_counters n;
    uint64_t lsn;
    rig r;

    fill(&r);
    av_buf_init(&parts, 1000);
    n = counters_of(&r);
    AV_CHECK(n.placements == 7 && n.messages == 6 && n.parts == 3 && n.part_bytes == 18000);
    AV_CHECK(n.saved_bytes == 18000 && n.waiting == 0 && n.dead_bytes == 0 && n.stored_bytes > 0);
    AV_CHECK_RC(
        av_store_view_get(av_store_view_writer(r.stores[0].view), lsn_of(&r, 1), &row, &parts, &err), AV_OK, &err);
    AV_CHECK(row.kind == AV_RECORD_MESSAGE && row.references == 2 && row.part_count == 1 && parts.n == 8);
    memcpy(&lsn, parts.p, 8);
    AV_CHECK_RC(av_store_view_get(av_store_view_writer(r.stores[0].view), lsn, &part, NULL, &err), AV_OK, &err);
    AV_CHECK(part.kind == AV_RECORD_PART && part.references == 2 && part.size == 6000);
    rig_demolish(&r);
}

static void
test_recoverable(void)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_waiting cursor = { 0 };
    av_store_view_iter *it;
    av_store_placement p;
    const av_meta_view *view;
    uint8_t guid[16];
    rig r;

    fill(&r);
    av_buf_init(&row, 1000);
    view = av_store_view_writer(r.stores[0].view);
    memset(guid, 1, 16);
    take_out(&r, 1, 1, 5000); /* still in the second */
    AV_CHECK_RC(av_store_view_next_expired(view, INT64_MAX, &cursor, &err), AV_ERR_NOT_FOUND, &err);
    take_out(&r, 1, 3, 6000);
    take_out(&r, 1, 2, 7000);
    AV_CHECK_RC(av_store_view_next_expired(view, 6000, &cursor, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_store_view_next_expired(view, 6001, &cursor, &err), AV_OK, &err);
    AV_CHECK(cursor.since_ms == 6000 && cursor.lsn == lsn_of(&r, 3));
    AV_CHECK_RC(av_store_view_next_expired(view, 7001, &cursor, &err), AV_OK, &err);
    AV_CHECK(cursor.since_ms == 7000 && cursor.lsn == lsn_of(&r, 2));
    AV_CHECK_RC(av_store_view_placement(view, guid, 2, &row, &p, &err), AV_OK, &err);
    AV_CHECK(p.removed && p.removed_at_ms == 7000 && p.archived_at_ms == 1002 && p.content_lsn == lsn_of(&r, 2));
    AV_CHECK(av_span_eq_str(p.who, "admin") && av_span_eq_str(p.reason, "asked to"));
    it = av_store_view_recoverable(view, guid, 2);
    AV_CHECK(av_store_view_next_placement(it, &p) && p.uid == 2 && p.removed);
    AV_CHECK(av_store_view_next_placement(it, &p) && p.uid == 3 && !av_store_view_next_placement(it, &p));
    av_store_view_iter_destroy(&it);
    rig_begin(&r, 0);
    AV_CHECK_INT(rig_place(&r, 0, 1, 3, 0), 7); /* restored */
    rig_commit(&r, 0);
    it = av_store_view_recoverable(view, NULL, 0);
    AV_CHECK(av_store_view_next_placement(it, &p) && p.uid == 1);
    AV_CHECK(av_store_view_next_placement(it, &p) && p.uid == 2 && !av_store_view_next_placement(it, &p));
    av_store_view_iter_destroy(&it);
    it = av_store_view_placements_of(view, lsn_of(&r, 1));
    AV_CHECK(av_store_view_next_placement(it, &p) && p.removed && p.guid[0] == 1);
    AV_CHECK(av_store_view_next_placement(it, &p) && !p.removed && p.guid[0] == 2);
    AV_CHECK(!av_store_view_next_placement(it, &p));
    av_store_view_iter_destroy(&it);
    AV_CHECK_INT(counters_of(&r).removed, 2);
    AV_CHECK_INT(counters_of(&r).waiting, 1);
    rig_demolish(&r);
}

static av_errc
plan(rig *r, uint64_t seed, size_t *ret_count)
{
    AV_CLEANUP(av_buf_release) av_buf lsns = { 0 };
    av_errc rc;

    av_buf_init(&lsns, 1000);
    rc = av_store_view_erase_plan(r->stores[0].view, lsn_of(r, seed), &lsns, &err);
    *ret_count = lsns.n / 8;
    return rc;
}

static void
test_erase(void)
{
    av_store_view_iter *it;
    av_container_bytes bytes;
    av_store_counters n;
    uint64_t lsn;
    size_t count = 0;
    bool needed = true;
    rig r;

    fill(&r);
    AV_CHECK_RC(plan(&r, 2, &count), AV_ERR_DENIED, &err);
    take_out(&r, 1, 2, 5000);
    AV_CHECK_RC(plan(&r, 2, &count), AV_OK, &err);
    AV_CHECK_INT(count, 1); /* message 5 has the same attachment */
    lsn = lsn_of(&r, 2);
    AV_CHECK(rig_erase_next(&r, 0, 6000));
    AV_CHECK_INT(lsn_of(&r, 2), 0);
    AV_CHECK_RC(av_store_view_is_needed(av_store_view_writer(r.stores[0].view), lsn, AV_RECORD_MESSAGE, &needed, &err),
        AV_OK, &err);
    AV_CHECK(!needed);
    n = counters_of(&r);
    AV_CHECK(n.messages == 5 && n.parts == 3 && n.removed == 0 && n.saved_bytes == 12000 && n.dead_bytes > 0);
    take_out(&r, 1, 5, 7000);
    AV_CHECK_RC(plan(&r, 5, &count), AV_OK, &err);
    AV_CHECK_INT(count, 2);
    AV_CHECK(rig_erase_next(&r, 0, 8000) && !rig_erase_next(&r, 0, 8000));
    n = counters_of(&r);
    AV_CHECK(n.messages == 4 && n.parts == 2 && n.part_bytes == 12000 && n.waiting == 0);
    it = av_store_view_containers(av_store_view_writer(r.stores[0].view));
    AV_CHECK(av_store_view_next_container(it, &bytes) && bytes.container == 1);
    AV_CHECK(bytes.live == n.stored_bytes && bytes.dead == n.dead_bytes);
    av_store_view_iter_destroy(&it);
    AV_CHECK_RC(av_store_view_compacted(r.stores[0].view, 1, &err), AV_OK, &err);
    AV_CHECK_INT(counters_of(&r).dead_bytes, 0);
    rig_begin(&r, 0);
    (void)rig_place(&r, 0, 1, 2, 0); /* the same message comes again: it is new */
    rig_commit(&r, 0);
    AV_CHECK(lsn_of(&r, 2) > lsn);
    rig_demolish(&r);
}

/* A message put on its parts that went in the meantime is refused, and the group with it. */
static void
test_part_erased_meanwhile(void)
{
    uint64_t part = 1U << 20;
    av_store_content message = { .lsn = UINT64_MAX, .kind = AV_RECORD_MESSAGE, .parts = &part, .part_count = 1 };
    rig r;

    fill(&r);
    rig_begin(&r, 0);
    AV_CHECK_RC(av_store_view_content(r.stores[0].view, &message, &err), AV_ERR_CONFLICT, &err);
    AV_CHECK_RC(av_views_rollback(r.catalog, r.stores[0].no, &err), AV_OK, &err);
    (void)counters_of(&r);
    rig_demolish(&r);
}

static void
hold(rig *r, av_event_kind kind, uint8_t id, const uint8_t *mailbox, const uint8_t *digest)
{
    rig_begin(r, 0);
    AV_CHECK_RC(rig_hold(r, 0, kind, id, mailbox, digest), AV_OK, &err);
    rig_commit(r, 0);
}

static void
test_holds(void)
{
    av_span m = rig_message(4);
    uint8_t guid[16], digest[32];
    av_store_view_iter *it;
    size_t count = 0;
    av_hold h;
    rig r;

    av_sha256(m, digest);
    message_free(m);
    fill(&r);
    memset(guid, 1, 16);
    take_out(&r, 1, 2, 5000);
    take_out(&r, 1, 4, 5000);
    hold(&r, AV_EVENT_HOLD_SET, 1, NULL, NULL);
    AV_CHECK_RC(plan(&r, 2, &count), AV_ERR_DENIED, &err);
    AV_CHECK(strstr(err.msg, "lawsuit") != NULL);
    hold(&r, AV_EVENT_HOLD_SET, 2, NULL, digest);
    hold(&r, AV_EVENT_HOLD_LIFTED, 1, NULL, NULL);
    AV_CHECK_RC(plan(&r, 2, &count), AV_OK, &err);
    AV_CHECK_RC(plan(&r, 4, &count), AV_ERR_DENIED, &err);
    hold(&r, AV_EVENT_HOLD_SET, 2, guid, NULL); /* said again: a mailbox now, where both were removed from */
    AV_CHECK_RC(plan(&r, 2, &count), AV_ERR_DENIED, &err);
    AV_CHECK_RC(plan(&r, 4, &count), AV_ERR_DENIED, &err);
    AV_CHECK(!rig_erase_next(&r, 0, 9000));
    it = av_store_view_holds(av_store_view_writer(r.stores[0].view));
    AV_CHECK(av_store_view_next_hold(it, &h) && h.has_mailbox && !h.has_digest && av_span_eq_str(h.name, "lawsuit"));
    AV_CHECK(!av_store_view_next_hold(it, &h));
    av_store_view_iter_destroy(&it);
    hold(&r, AV_EVENT_HOLD_LIFTED, 2, NULL, NULL);
    AV_CHECK(rig_erase_next(&r, 0, 9000) && rig_erase_next(&r, 0, 9000) && !rig_erase_next(&r, 0, 9000));
    rig_demolish(&r);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    use_memory_folder();
    AV_RUN(test_references);
    AV_RUN(test_recoverable);
    AV_RUN(test_erase);
    AV_RUN(test_part_erased_meanwhile);
    AV_RUN(test_holds);
    return av_check_done();
}
