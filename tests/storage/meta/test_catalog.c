/*
 * test_catalog.c - the view over the logs: what each event does, live and replayed the same, thrown away and made again
 */
#include "tests/storage/meta/rig.h"

static av_error err;

static void
digest_of(uint64_t seed, uint8_t ret[32])
{
    av_span m = rig_message(seed);

    av_sha256(m, ret);
    message_free(m);
}

static uint64_t
size_of(uint64_t seed)
{
    av_span m = rig_message(seed);
    uint64_t n = m.n;

    message_free(m);
    return n;
}

static bool
is_there(const rig *r, uint64_t lsn, uint64_t seed)
{
    av_span want = rig_message(seed);
    av_buf got;
    bool same;

    av_buf_init(&got, 1U << 20);
    same = av_store_read_message(r->stores[0].store, lsn, &got, &err) == AV_OK && av_span_eq(av_buf_span(&got), want);
    av_buf_release(&got);
    message_free(want);
    return same;
}

static void
fill(rig *r)
{
    av_event run = { .kind = AV_EVENT_RUN_PROGRESS };
    uint8_t guid[16];
    av_buf list;

    rig_begin(r, 0);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 1, "alice"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 2, "alice/b"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 3, "alice b"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 4, "alice/b"), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_CREATED, 1, "other"), AV_ERR_EXISTS, &err);
    rig_commit(r, 0);
    rig_begin(r, 0);
    for (uint64_t i = 1; i <= 5; i++)
        AV_CHECK_INT(rig_place(r, 0, 1, i, i == 4 ? AV_FLAG_SEEN : i == 5 ? AV_FLAG_DELETED : 0), i);
    AV_CHECK_INT(rig_place(r, 0, 2, 3, 0), 1); /* the same bytes in another mailbox */
    rig_commit(r, 0);
    rig_begin(r, 0);
    memset(guid, 1, 16);
    AV_CHECK_RC(rig_remove(r, 0, guid, 2, 5000), AV_OK, &err);
    AV_CHECK_RC(rig_remove(r, 0, guid, 2, 5000), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_REMOVED, 1, ""), AV_ERR_CONFLICT, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_RENAMED, 2, "zoe"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(r, 0, AV_EVENT_MAILBOX_RENAMED, 2, "alice"), AV_ERR_EXISTS, &err);
    av_buf_init(&list, 1000);
    (void)av_event_list_put_refused(&list, 7, av_span_str("p/7.eml"), av_span_str("empty file"));
    run.run = (av_event_run){ .state = AV_RUN_FINISHED,
        .last_item = 8,
        .stored = 6,
        .duplicate = 1,
        .refused = 1,
        .refused_items = av_buf_span(&list) };
    memset(run.run.run, 9, 16);
    AV_CHECK_RC(rig_tell(r, 0, &run), AV_OK, &err);
    rig_commit(r, 0);
    av_buf_release(&list);
}

static void
check_mailboxes(const av_meta_view *view)
{
    static const char *const order[] = { "alice", "alice b", "zoe" };
    av_catalog_iter *it = av_catalog_mailboxes(view, av_span_str(NULL));
    av_catalog_totals totals;
    av_mailbox box;
    size_t n = 0;

    while (av_catalog_next_mailbox(it, &box))
        AV_CHECK_STR(box.path, n < 3 ? order[n++] : "too many");
    AV_CHECK_INT(n, 3);
    AV_CHECK_RC(av_catalog_iter_error(it, &err), AV_OK, &err);
    av_catalog_iter_destroy(&it);
    AV_CHECK_RC(av_catalog_mailbox_by_path(view, av_span_str("alice"), &box, &err), AV_OK, &err);
    AV_CHECK(box.uidvalidity == 1001 && box.uidnext == 6 && box.highestmodseq == 7);
    AV_CHECK(box.messages == 4 && box.unseen == 3 && box.sequence == 1 && !box.provisional);
    AV_CHECK_INT(box.bytes, size_of(1) + size_of(3) + size_of(4) + size_of(5));
    AV_CHECK(box.crlf_bytes == box.bytes && box.deleted == 1); /* the rig writes no line ends */
    AV_CHECK_RC(av_catalog_archive_totals(view, av_span_str("alice"), &totals, &err), AV_OK, &err);
    AV_CHECK(totals.messages == 4 && totals.bytes == box.bytes);
    AV_CHECK_RC(av_catalog_store_totals(view, 1, box.guid, &totals, &err), AV_OK, &err);
    AV_CHECK(totals.messages == 4 && totals.bytes == box.bytes);
    AV_CHECK_RC(av_catalog_archive_totals(view, av_span_str("zoe"), &totals, &err), AV_OK, &err);
    AV_CHECK(totals.messages == 1 && totals.bytes == size_of(3));
    AV_CHECK_RC(av_catalog_mailbox_by_path(view, av_span_str("alice/b"), &box, &err), AV_ERR_NOT_FOUND, &err);
    it = av_catalog_mailboxes(view, av_span_str("alice"));
    AV_CHECK(av_catalog_next_mailbox(it, &box) && strcmp(box.path, "alice") == 0);
    AV_CHECK(!av_catalog_next_mailbox(it, &box));
    av_catalog_iter_destroy(&it);
}

static void
check_placements(const rig *r, const av_meta_view *view)
{
    static const uint32_t uids[] = { 3, 4, 5 };
    uint8_t guid[16], digest[32], id[32];
    av_catalog_iter *it;
    av_placement p;
    uint32_t uid = 0;
    int64_t last = 0;
    size_t n = 0;

    memset(guid, 1, 16);
    it = av_catalog_placements(view, guid, 2, UINT32_MAX);
    while (av_catalog_next_placement(it, &p)) {
        AV_CHECK_INT(p.uid, n < 3 ? uids[n++] : 0);
        AV_CHECK(is_there(r, p.content_lsn, p.uid));
    }
    AV_CHECK_INT(n, 3);
    av_catalog_iter_destroy(&it);
    it = av_catalog_placements(view, guid, 4, 4);
    AV_CHECK(av_catalog_next_uid(it, &uid) && uid == 4 && !av_catalog_next_uid(it, &uid));
    av_catalog_iter_destroy(&it);
    digest_of(3, digest);
    AV_CHECK_RC(av_catalog_duplicate(r->catalog, view, guid, digest, &uid, &err), AV_OK, &err);
    AV_CHECK_INT(uid, 3);
    memcpy(id, digest, sizeof id);
    id[18] ^= 1; /* beyond the id's 18 bytes */
    it = av_catalog_by_id(r->catalog, view, id);
    for (n = 0; av_catalog_next_placement(it, &p); n++)
        AV_CHECK(memcmp(p.digest, digest, 32) == 0 && p.guid[0] == n + 1);
    AV_CHECK_INT(n, 2);
    av_catalog_iter_destroy(&it);
    AV_CHECK_RC(av_catalog_duplicate(r->catalog, view, guid, id, &uid, &err), AV_ERR_NOT_FOUND, &err);
    digest_of(2, digest); /* removed */
    AV_CHECK_RC(av_catalog_duplicate(r->catalog, view, guid, digest, &uid, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_catalog_last_archived(view, &last, &err), AV_OK, &err);
    AV_CHECK_INT(last, 1005);
}

static void
check_run(const av_meta_view *view)
{
    av_catalog_iter *it;
    av_run run;
    av_run_item item;
    uint8_t id[16];

    memset(id, 9, 16);
    AV_CHECK_RC(av_catalog_run(view, id, &run, &err), AV_OK, &err);
    AV_CHECK(run.state == AV_RUN_FINISHED && run.last_item == 8 && run.stored == 6 && run.refused == 1);
    it = av_catalog_run_items(view, id, 0);
    AV_CHECK(av_catalog_next_run_item(it, &item) && item.item == 7 && item.refused);
    AV_CHECK(av_span_eq_str(item.path, "p/7.eml") && av_span_eq_str(item.reason, "empty file"));
    AV_CHECK(!av_catalog_next_run_item(it, &item));
    av_catalog_iter_destroy(&it);
}

static void
check_all(rig *r)
{
    av_meta_view *view = av_catalog_snapshot(r->catalog);
    bool right = false;

    check_mailboxes(view);
    check_placements(r, view);
    check_run(view);
    av_meta_view_destroy(&view);
    AV_CHECK_RC(av_catalog_recount(r->catalog, &right, &err), AV_OK, &err);
    AV_CHECK(right);
}

/* What a thread has, by two walks, against all placements. */
static void
check_thread(const rig *r, const av_meta_view *view, const uint8_t *digest)
{
    uint8_t thread[AV_THREAD_ID_BYTES], id[AV_MESSAGE_ID_BYTES], before[AV_MESSAGE_ID_BYTES] = { 0 };
    size_t placements = 0, ids = 0, own = 0;
    av_catalog_iter *it;
    av_placement p;

    AV_CHECK_RC(av_catalog_thread_of(r->catalog, view, digest, thread, &err), AV_OK, &err);
    it = av_catalog_thread_messages(view, thread);
    while (av_catalog_next_placement(it, &p)) {
        AV_CHECK_MEM(p.thread, sizeof p.thread, thread, sizeof thread);
        placements++;
    }
    AV_CHECK_RC(av_catalog_iter_error(it, &err), AV_OK, &err);
    av_catalog_iter_destroy(&it);
    it = av_catalog_thread_messages(view, thread);
    while (av_catalog_next_message(it, id)) {
        AV_CHECK(ids == 0 || memcmp(before, id, sizeof id) < 0);
        own += memcmp(id, digest, sizeof id) == 0 ? 1U : 0U;
        memcpy(before, id, sizeof id);
        ids++;
    }
    AV_CHECK_RC(av_catalog_iter_error(it, &err), AV_OK, &err);
    av_catalog_iter_destroy(&it);
    AV_CHECK(own == 1 && ids <= placements);
    for (uint8_t box = 1; box < 20; box++) {
        uint8_t guid[16];

        memset(guid, box, sizeof guid);
        it = av_catalog_placements(view, guid, 0, UINT32_MAX);
        while (av_catalog_next_placement(it, &p))
            placements -= memcmp(p.thread, thread, sizeof thread) == 0 ? 1U : 0U;
        av_catalog_iter_destroy(&it);
    }
    AV_CHECK_INT(placements, 0); /* none is missing, and none too many */
}

static void
test_threads(void)
{
    static const uint8_t nowhere[AV_THREAD_ID_BYTES] = { 0xEE, 0xEE, 0xEE };
    uint8_t guid[16], digest[32], thread[AV_THREAD_ID_BYTES], id[AV_MESSAGE_ID_BYTES];
    av_catalog_iter *it;
    av_placement p;
    rig r;

    rig_build(&r, 2);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "alice"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 2, "bob"), AV_OK, &err);
    for (uint64_t seed = 1; seed <= 30; seed++)
        (void)rig_place(&r, 0, 1, seed, 0);
    rig_commit(&r, 0);
    rig_begin(&r, 1); /* some of the same in another store */
    for (uint64_t seed = 20; seed <= 40; seed++)
        (void)rig_place(&r, 1, 2, seed, 0);
    rig_commit(&r, 1);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        digest_of(seed, digest);
        check_thread(&r, av_catalog_writer(r.catalog), digest);
        AV_CHECK_RC(av_catalog_find(r.catalog, av_catalog_writer(r.catalog), digest, &p, &err), AV_OK, &err);
        AV_CHECK_MEM(p.digest, 32, digest, 32);
        if (digest[0] % 5 == 0) /* names none: one of its own */
            AV_CHECK_MEM(p.thread, sizeof p.thread, digest, sizeof p.thread);
    }
    memset(guid, 1, 16);
    digest_of(25, digest);
    AV_CHECK_RC(av_catalog_thread_of(r.catalog, av_catalog_writer(r.catalog), digest, thread, &err), AV_OK, &err);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_remove(&r, 0, guid, 25, 5000), AV_OK, &err);
    rig_commit(&r, 0);
    check_thread(&r, av_catalog_writer(r.catalog), digest); /* still in the other store */
    memset(guid, 2, 16);
    rig_begin(&r, 1);
    AV_CHECK_RC(rig_remove(&r, 1, guid, 6, 5000), AV_OK, &err);
    rig_commit(&r, 1);
    AV_CHECK_RC(
        av_catalog_thread_of(r.catalog, av_catalog_writer(r.catalog), digest, thread, &err), AV_ERR_NOT_FOUND, &err);
    it = av_catalog_thread_messages(av_catalog_writer(r.catalog), thread);
    while (av_catalog_next_message(it, id))
        AV_CHECK(memcmp(id, digest, sizeof id) != 0);
    av_catalog_iter_destroy(&it);
    it = av_catalog_thread_messages(av_catalog_writer(r.catalog), nowhere);
    AV_CHECK(!av_catalog_next_message(it, id) && av_catalog_iter_error(it, &err) == AV_OK);
    av_catalog_iter_destroy(&it);
    rig_demolish(&r);
}

/* Another mailbox, no new bytes: the thread comes from what the view has. */
static void
test_thread_of_known(void)
{
    av_event e = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_placement p;
    rig r;

    rig_build(&r, 1);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "alice"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 2, "bob"), AV_OK, &err);
    (void)rig_place(&r, 0, 1, 1, 0);
    digest_of(1, e.placement.digest);
    AV_CHECK_RC(av_catalog_find(r.catalog, av_catalog_writer(r.catalog), e.placement.digest, &p, &err), AV_OK, &err);
    memset(e.placement.guid, 2, 16);
    e.placement.content_lsn = p.content_lsn;
    e.placement.uid = 1;
    e.placement.modseq = 2;
    AV_CHECK_RC(av_views_put_event(r.catalog, r.stores[0].no, &e, av_span_str(NULL), &err), AV_OK, &err);
    e.placement.uid = 2;
    AV_CHECK_RC(av_views_put_event(r.catalog, r.stores[0].no, &e, av_span_str("no key"), &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_views_rollback(r.catalog, r.stores[0].no, &err), AV_OK, &err);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "alice"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 2, "bob"), AV_OK, &err);
    (void)rig_place(&r, 0, 1, 1, 0);
    AV_CHECK_RC(av_catalog_find(r.catalog, av_catalog_writer(r.catalog), e.placement.digest, &p, &err), AV_OK, &err);
    e.placement.content_lsn = p.content_lsn;
    e.placement.uid = 1;
    AV_CHECK_RC(av_views_put_event(r.catalog, r.stores[0].no, &e, av_span_str(NULL), &err), AV_OK, &err);
    rig_commit(&r, 0);
    check_thread(&r, av_catalog_writer(r.catalog), e.placement.digest);
    rig_demolish(&r);
}

static void
test_live_and_replayed(void)
{
    rig r;

    rig_build(&r, 1);
    fill(&r);
    check_all(&r);
    rig_close(&r);
    rig_open(&r); /* as it was */
    AV_CHECK_INT(r.summaries, 0);
    check_all(&r);
    rig_close(&r);
    rig_lose(&r, r.catalog_dir);
    rig_open(&r); /* from the log alone; the store's view has the attributes */
    AV_CHECK_INT(r.summaries, 0);
    check_all(&r);
    rig_close(&r);
    rig_lose(&r, r.stores[0].database);
    rig_open(&r);
    AV_CHECK_INT(r.summaries, 5);
    check_all(&r);
    rig_close(&r);
    r.config.key[0] ^= 1; /* another key: another view */
    rig_open(&r);
    check_all(&r);
    rig_demolish(&r);
}

static void
test_groups(void)
{
    av_meta_view *before;
    av_mailbox box;
    rig r;

    rig_build(&r, 1);
    before = av_catalog_snapshot(r.catalog);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "m"), AV_OK, &err);
    (void)rig_place(&r, 0, 1, 1, 0);
    (void)rig_place(&r, 0, 1, 2, 0); /* sees the one before */
    AV_CHECK_RC(av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("m"), &box, &err), AV_OK, &err);
    AV_CHECK_INT(box.messages, 2);
    AV_CHECK_INT(av_catalog_next_sequence(r.catalog), 2);
    AV_CHECK_RC(av_views_rollback(r.catalog, r.stores[0].no, &err), AV_OK, &err);
    AV_CHECK_INT(av_catalog_next_sequence(r.catalog), 1);
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("m"), &box, &err), AV_ERR_NOT_FOUND, &err);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "m"), AV_OK, &err);
    AV_CHECK_INT(rig_place(&r, 0, 1, 1, 0), 1);
    rig_commit(&r, 0);
    AV_CHECK_RC(av_catalog_mailbox_by_path(before, av_span_str("m"), &box, &err), AV_ERR_NOT_FOUND, &err);
    av_meta_view_destroy(&before);
    rig_demolish(&r);
}

/* The log was committed and the views were not: a crash between the two. */
static void
test_view_behind(void)
{
    av_mailbox box;
    uint64_t lsn = 0;
    rig r;

    rig_build(&r, 1);
    fill(&r);
    rig_begin(&r, 0);
    AV_CHECK_INT(rig_place(&r, 0, 1, 6, 0), 6);
    AV_CHECK_RC(av_store_commit(r.stores[0].store, &lsn, &err), AV_OK, &err);
    rig_close(&r);
    rig_open(&r);
    AV_CHECK_INT(r.summaries, 1);
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("alice"), &box, &err), AV_OK, &err);
    AV_CHECK(box.uidnext == 7 && box.messages == 5);
    rig_demolish(&r);
}

/* An older log under newer views: thrown away when the log is sound, kept when it is known to be damaged. */
static void
test_view_ahead(void)
{
    av_store_config config;
    char file[200];
    struct stat st;
    av_mailbox box;
    rig r;

    rig_build(&r, 1);
    (void)snprintf(file, sizeof file, "%s/00000001.avc", r.stores[0].content);
    fill(&r);
    AV_CHECK_INT(stat(file, &st), 0);
    rig_begin(&r, 0);
    (void)rig_place(&r, 0, 1, 6, 0);
    rig_commit(&r, 0);
    rig_close(&r);
    AV_CHECK_INT(truncate(file, st.st_size), 0);
    rig_open(&r); /* opened with the witness: corrupt, nothing thrown away */
    AV_CHECK(av_store_is_corrupt(r.stores[0].store) && !r.rebuilt);
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("alice"), &box, &err), AV_OK, &err);
    AV_CHECK_INT(box.messages, 5);
    av_catalog_detach(r.catalog, r.stores[0].no);
    av_store_close(&r.stores[0].store);
    config = rig_config(&r.stores[0]);
    AV_CHECK_RC(av_store_open(&config, 0, &r.stores[0].store, &err), AV_OK, &err); /* without: a sound older log */
    AV_CHECK_RC(av_catalog_attach(r.catalog, r.stores[0].store, r.stores[0].view, &r.stores[0].no, &err), AV_OK, &err);
    rig_catch_up(&r, 0);
    AV_CHECK(r.rebuilt && r.summaries == 5);
    check_all(&r);
    rig_demolish(&r);
}

/* Each file of the view overwritten in turn: it opens and holds what the log says, or an error says why not. */
static void
test_broken_view(void)
{
    static const char *const names[] = { "CURRENT", "MANIFEST-000005", "MANIFEST-000009", "IDENTITY" };
    rig r;

    rig_build(&r, 1);
    fill(&r);
    rig_close(&r);
    rig_open(&r); /* so that there is a table file */
    rig_close(&r);
    for (size_t i = 0; i < 2 * AV_COUNT(names); i++) {
        char path[220];
        FILE *f;

        av_check_row = (long)i;
        (void)snprintf(path, sizeof path, "%s/%s", i % 2 == 0 ? r.catalog_dir : r.stores[0].database, names[i / 2]);
        if (!av_file_exists(path))
            continue;
        f = fopen(path, "wb");
        AV_CHECK(f != NULL && fputs("rubbish\n", f) >= 0);
        if (f != NULL)
            (void)fclose(f);
        rig_open(&r);
        check_all(&r);
        rig_close(&r);
    }
    av_check_row = -1;
    rig_demolish(&r);
}

/* More events than one batch of the replay, and ranges out of a large mailbox. */
static void
test_many(void)
{
    av_meta_view *view;
    av_catalog_iter *it;
    uint8_t guid[16];
    uint32_t uid = 0, n = 0;
    rig r;

    rig_build(&r, 1);
    memset(guid, 1, 16);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "big"), AV_OK, &err);
    for (uint64_t i = 0; i < 4500; i++) {
        (void)rig_place(&r, 0, 1, i, 0);
        if (i % 500 == 499) {
            rig_commit(&r, 0);
            rig_begin(&r, 0);
        }
    }
    rig_commit(&r, 0);
    rig_close(&r);
    rig_lose(&r, r.catalog_dir);
    rig_lose(&r, r.stores[0].database);
    rig_open(&r);
    AV_CHECK_INT(r.summaries, 4500);
    view = av_catalog_snapshot(r.catalog);
    it = av_catalog_placements(view, guid, 1, UINT32_MAX);
    while (av_catalog_next_uid(it, &uid))
        AV_CHECK_INT(uid, ++n);
    AV_CHECK_INT(n, 4500);
    av_catalog_iter_destroy(&it);
    av_meta_view_destroy(&view);
    rig_demolish(&r);
}

/* --- several stores --------------------------------------------------------------------------------------------- */

/* What another instance placed and named is not here, and its names do not push ours aside. */
static void
test_foreign(void)
{
    av_event e = { .kind = AV_EVENT_MAILBOX_CREATED };
    av_store_counters n = { 0 };
    av_mailbox box;
    rig r;

    rig_build(&r, 1);
    memset(r.config.instance, 0x55, 16); /* who fills it */
    rig_close(&r);
    rig_open(&r);
    rig_begin(&r, 0);
    memset(e.mailbox.guid, 1, 16);
    e.mailbox.path = av_span_str("alice");
    e.mailbox.uidvalidity = 7;
    e.mailbox.sequence = 900;
    e.mailbox.has_instance = true;
    memset(e.mailbox.instance, 0x55, 16);
    AV_CHECK_RC(rig_tell(&r, 0, &e), AV_OK, &err);
    (void)rig_place(&r, 0, 1, 1, 0);
    (void)rig_place(&r, 0, 1, 2, 0);
    AV_CHECK_RC(rig_remove(&r, 0, e.mailbox.guid, 1, 5000), AV_OK, &err);
    rig_commit(&r, 0);
    rig_close(&r);
    memset(r.config.instance, 0x17, 16); /* who attaches it */
    rig_open(&r);
    AV_CHECK_RC(
        av_catalog_mailbox_by_guid(av_catalog_writer(r.catalog), e.mailbox.guid, &box, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_INT(av_catalog_next_sequence(r.catalog), 1);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(r.stores[0].view), &n, &err), AV_OK, &err);
    AV_CHECK(n.placements == 1 && n.messages == 2 && n.removed == 1);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 2, "alice"), AV_OK, &err);
    AV_CHECK_INT(rig_place(&r, 0, 2, 2, 0), 1); /* adopted: the same content */
    rig_commit(&r, 0);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(r.stores[0].view), &n, &err), AV_OK, &err);
    AV_CHECK(n.placements == 2 && n.messages == 2);
    rig_demolish(&r);
}

/* A mailbox over two stores; one is detached and leaves, in small batches, with a restart on the way. */
static void
test_expunge(void)
{
    av_catalog_store_row row;
    av_catalog_totals totals;
    av_mailbox box;
    uint64_t left = 0;
    uint32_t no = 0;
    bool right = false;
    rig r;

    rig_build(&r, 2);
    rig_begin(&r, 0);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 1, "alice/a"), AV_OK, &err);
    AV_CHECK_RC(rig_mailbox(&r, 0, AV_EVENT_MAILBOX_CREATED, 2, "alice/b"), AV_OK, &err);
    for (uint64_t i = 0; i < 20; i++)
        (void)rig_place(&r, 0, 1 + i % 2, i, 0);
    rig_commit(&r, 0);
    rig_begin(&r, 1);
    for (uint64_t i = 20; i < 50; i++)
        (void)rig_place(&r, 1, 1 + i % 2, i, 0);
    rig_commit(&r, 1);
    AV_CHECK_RC(av_catalog_expunge(r.catalog, r.stores[1].no, 7, &left, &err), AV_ERR_BUSY, &err);
    av_catalog_detach(r.catalog, r.stores[1].no);
    AV_CHECK_RC(av_catalog_expunge(r.catalog, r.stores[1].no, 7, &left, &err), AV_OK, &err);
    AV_CHECK(left > 0 && left <= 30);
    AV_CHECK_RC(av_catalog_recount(r.catalog, &right, &err), AV_OK, &err);
    AV_CHECK(right);
    rig_close(&r);
    rig_open(&r); /* attached again half way: all is there */
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("alice/a"), &box, &err), AV_OK, &err);
    AV_CHECK_INT(box.messages, 25);
    AV_CHECK_RC(av_catalog_recount(r.catalog, &right, &err), AV_OK, &err);
    AV_CHECK(right);
    av_catalog_detach(r.catalog, r.stores[1].no);
    AV_CHECK_RC(av_catalog_expunge(r.catalog, r.stores[1].no, 7, &left, &err), AV_OK, &err);
    rig_close(&r);
    AV_CHECK_RC(av_catalog_open(&r.config, &r.catalog, &err), AV_OK, &err);
    while (left > 0)
        AV_CHECK_RC(av_catalog_expunge(r.catalog, r.stores[1].no, 7, &left, &err), AV_OK, &err);
    AV_CHECK(av_catalog_next_store(r.catalog, &no, &row) && row.no == r.stores[0].no && row.messages == 20);
    AV_CHECK(!av_catalog_next_store(r.catalog, &no, &row));
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("alice/a"), &box, &err), AV_OK, &err);
    AV_CHECK(box.messages == 10 && box.unseen == 10 && box.uidnext == 26);
    AV_CHECK_RC(
        av_catalog_archive_totals(av_catalog_writer(r.catalog), av_span_str("alice"), &totals, &err), AV_OK, &err);
    AV_CHECK_INT(totals.messages, 20);
    AV_CHECK_RC(av_catalog_recount(r.catalog, &right, &err), AV_OK, &err);
    AV_CHECK(right);
    av_catalog_close(&r.catalog);
    rig_open(&r); /* attached again: as it was */
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(r.catalog), av_span_str("alice/a"), &box, &err), AV_OK, &err);
    AV_CHECK_INT(box.messages, 25);
    rig_demolish(&r);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    use_memory_folder();
    AV_RUN(test_live_and_replayed);
    AV_RUN(test_threads);
    AV_RUN(test_thread_of_known);
    AV_RUN(test_groups);
    AV_RUN(test_view_behind);
    AV_RUN(test_view_ahead);
    AV_RUN(test_broken_view);
    AV_RUN(test_many);
    AV_RUN(test_foreign);
    AV_RUN(test_expunge);
    return av_check_done();
}
