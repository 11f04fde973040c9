/*
 * test_catalog.c - the view over a log: what each event does, live and replayed the same, thrown away and made again
 */
#include "storage/meta/catalog.h"

#include "tests/storage/store/help.h"

static av_error err;

struct house {
    test_dir dir;
    char store_dir[160], view_dir[160];
    av_store_config config;
    av_catalog_config view;
    av_store *store;
    av_catalog *catalog;
    uint32_t no;
};

static av_errc
summarize(void *ctx, av_store *store, const av_event_placement *placement, av_buf *out, av_error *summary_err)
{
    int *calls = ctx;

    (void)store;
    (void)summary_err;
    ++*calls;
    (void)av_buf_printf(out, "summary of %llu bytes", (unsigned long long)placement->raw_size);
    return AV_OK;
}

static bool
open_house(struct house *h, int *calls)
{
    uint64_t applied = 0;
    bool rebuilt = false;

    AV_CHECK_RC(av_catalog_open(&h->view, &h->catalog, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(&h->config, 0, &h->store, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_applied_lsn(h->catalog, av_store_uuid(h->store), &applied, &err), AV_OK, &err);
    av_store_close(&h->store);
    AV_CHECK_RC(av_store_open(&h->config, applied, &h->store, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_attach(h->catalog, h->store, &h->no, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_catch_up(h->catalog, h->no, summarize, calls, &rebuilt, &err), AV_OK, &err);
    return rebuilt;
}

static void
close_house(struct house *h)
{
    av_catalog_close(&h->catalog);
    av_store_close(&h->store);
}

static void
build_house(struct house *h)
{
    int calls = 0;

    h->dir = dir_new();
    (void)snprintf(h->store_dir, sizeof h->store_dir, "%s/store", h->dir.path);
    (void)snprintf(h->view_dir, sizeof h->view_dir, "%s/catalog", h->dir.path);
    h->config = config_of(h->store_dir);
    h->view = (av_catalog_config){ .dir = h->view_dir };
    memset(h->view.key, 0x42, 32);
    AV_CHECK_RC(av_store_create(&h->config, &err), AV_OK, &err);
    AV_CHECK(!open_house(h, &calls));
}

static av_errc
tell(struct house *h, const av_event *event, const char *summary)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    uint64_t lsn = 0;
    av_errc rc;

    av_buf_init(&body, AV_STORE_EVENT_MAX);
    rc = av_event_encode(event, &body, &err);
    AV_CHECK_RC(rc, AV_OK, &err);
    rc = av_catalog_apply(h->catalog, h->no, av_store_committed_lsn(h->store) + 1, event, av_span_str(summary), &err);
    if (rc == AV_OK) /* what the view refuses does not go to the log */
        AV_CHECK_RC(av_store_put_event(h->store, av_buf_span(&body), &lsn, &err), AV_OK, &err);
    return rc;
}

static void
settle(struct house *h)
{
    uint64_t lsn = 0;

    AV_CHECK_RC(av_store_commit(h->store, &lsn, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_commit(h->catalog, h->no, lsn, &err), AV_OK, &err);
}

static av_errc
mailbox(struct house *h, uint8_t id, const char *path)
{
    av_event e = { .kind = AV_EVENT_MAILBOX_CREATED };

    memset(e.mailbox.guid, id, 16);
    e.mailbox.path = av_span_str(path);
    e.mailbox.uidvalidity = 1000U + id;
    return tell(h, &e, NULL);
}

/* Message `seed` of 100 + seed bytes into mailbox `id`; its UID. */
static uint32_t
place(struct house *h, uint8_t id, uint64_t seed)
{
    av_event e = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_span m = message_new(100 + seed, seed);
    av_mailbox box;
    char text[40];

    memset(e.placement.guid, id, 16);
    AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(h->catalog), e.placement.guid, &box, &err), AV_OK, &err);
    av_sha256(m, e.placement.digest);
    if (av_catalog_content(h->catalog, av_catalog_writer(h->catalog), h->no, e.placement.digest,
            &e.placement.content_lsn, &err) != AV_OK)
        AV_CHECK_RC(av_store_put_message(h->store, m, e.placement.digest, &e.placement.content_lsn, &err), AV_OK, &err);
    e.placement.uid = box.uidnext;
    e.placement.modseq = box.highestmodseq + 1;
    e.placement.raw_size = e.placement.crlf_size = m.n;
    e.placement.archived_at_ms = (int64_t)(1000 + seed);
    (void)snprintf(text, sizeof text, "summary of %zu bytes", m.n);
    AV_CHECK_RC(tell(h, &e, text), AV_OK, &err);
    message_free(m);
    return e.placement.uid;
}

static void
digest_of(uint64_t seed, uint8_t ret[32])
{
    av_span m = message_new(100 + seed, seed);

    av_sha256(m, ret);
    message_free(m);
}

static void
fill(struct house *h)
{
    av_event gone = { .kind = AV_EVENT_PLACEMENT_REMOVED }, renamed = { .kind = AV_EVENT_MAILBOX_RENAMED };
    av_event run = { .kind = AV_EVENT_RUN_PROGRESS };
    av_buf list;

    av_catalog_begin(h->catalog);
    AV_CHECK_RC(mailbox(h, 1, "alice"), AV_OK, &err);
    AV_CHECK_RC(mailbox(h, 2, "alice/b"), AV_OK, &err);
    AV_CHECK_RC(mailbox(h, 3, "alice b"), AV_OK, &err);
    AV_CHECK_RC(mailbox(h, 4, "alice/b"), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(mailbox(h, 1, "other"), AV_ERR_EXISTS, &err);
    settle(h);
    av_catalog_begin(h->catalog);
    for (uint64_t i = 1; i <= 5; i++)
        AV_CHECK_INT(place(h, 1, i), i);
    AV_CHECK_INT(place(h, 2, 3), 1); /* the same bytes in another mailbox */
    settle(h);
    av_catalog_begin(h->catalog);
    memset(gone.placement.guid, 1, 16);
    gone.placement.uid = 2;
    gone.placement.modseq = 20;
    AV_CHECK_RC(tell(h, &gone, NULL), AV_OK, &err);
    AV_CHECK_RC(tell(h, &gone, NULL), AV_ERR_NOT_FOUND, &err);
    memset(renamed.mailbox.guid, 2, 16);
    renamed.mailbox.path = av_span_str("zoe");
    AV_CHECK_RC(tell(h, &renamed, NULL), AV_OK, &err);
    av_buf_init(&list, 1000);
    (void)av_event_list_put_refused(&list, 7, av_span_str("p/7.eml"), av_span_str("empty file"));
    memset(run.run.run, 9, 16);
    run.run = (av_event_run){ .state = AV_RUN_FINISHED,
        .last_item = 8,
        .stored = 6,
        .duplicate = 1,
        .refused = 1,
        .refused_items = av_buf_span(&list) };
    memset(run.run.run, 9, 16);
    AV_CHECK_RC(tell(h, &run, NULL), AV_OK, &err);
    settle(h);
    av_buf_release(&list);
}

static void
check_mailboxes(const av_meta_view *view)
{
    static const char *const order[] = { "alice", "alice b", "zoe" };
    av_catalog_iter *it = av_catalog_mailboxes(view, av_span_str(NULL));
    av_mailbox box;
    size_t n = 0;

    while (av_catalog_next_mailbox(it, &box))
        AV_CHECK_STR(box.path, n < 3 ? order[n++] : "too many");
    AV_CHECK_INT(n, 3);
    AV_CHECK_RC(av_catalog_iter_error(it, &err), AV_OK, &err);
    av_catalog_iter_destroy(&it);
    AV_CHECK_RC(av_catalog_mailbox_by_path(view, av_span_str("alice"), &box, &err), AV_OK, &err);
    AV_CHECK(box.uidvalidity == 1001 && box.uidnext == 6 && box.highestmodseq == 20 && box.messages == 4);
    AV_CHECK_INT(box.bytes, 101 + 103 + 104 + 105);
    AV_CHECK_RC(av_catalog_mailbox_by_path(view, av_span_str("alice/b"), &box, &err), AV_ERR_NOT_FOUND, &err);
    it = av_catalog_mailboxes(view, av_span_str("alice"));
    AV_CHECK(av_catalog_next_mailbox(it, &box) && strcmp(box.path, "alice") == 0);
    AV_CHECK(!av_catalog_next_mailbox(it, &box));
    av_catalog_iter_destroy(&it);
}

static void
check_placements(const struct house *h, const av_meta_view *view)
{
    static const uint32_t uids[] = { 3, 4, 5 };
    uint8_t guid[16], digest[32], id[32];
    av_catalog_iter *it;
    av_placement p;
    uint32_t uid = 0;
    uint64_t lsn = 0;
    int64_t last = 0;
    size_t n = 0;

    memset(guid, 1, 16);
    it = av_catalog_placements(view, guid, 2, UINT32_MAX);
    while (av_catalog_next_placement(it, &p)) {
        AV_CHECK_INT(p.uid, n < 3 ? uids[n++] : 0);
        AV_CHECK_INT(look(h->store, p.content_lsn, 100 + p.uid, p.uid), 1);
    }
    AV_CHECK_INT(n, 3);
    av_catalog_iter_destroy(&it);
    it = av_catalog_placements(view, guid, 4, 4);
    AV_CHECK(av_catalog_next_uid(it, &uid) && uid == 4 && !av_catalog_next_uid(it, &uid));
    av_catalog_iter_destroy(&it);
    digest_of(3, digest);
    AV_CHECK_RC(av_catalog_duplicate(h->catalog, view, guid, digest, &uid, &err), AV_OK, &err);
    AV_CHECK_INT(uid, 3);
    AV_CHECK_RC(av_catalog_content(h->catalog, view, h->no, digest, &lsn, &err), AV_OK, &err);
    memcpy(id, digest, sizeof id);
    id[18] ^= 1; /* beyond the id's 18 bytes */
    it = av_catalog_by_id(h->catalog, view, id);
    for (n = 0; av_catalog_next_placement(it, &p); n++)
        AV_CHECK(p.content_lsn == lsn && p.guid[0] == n + 1);
    AV_CHECK_INT(n, 2);
    av_catalog_iter_destroy(&it);
    AV_CHECK_RC(av_catalog_duplicate(h->catalog, view, guid, id, &uid, &err), AV_ERR_NOT_FOUND, &err);
    digest_of(2, digest); /* removed: no longer in the mailbox, still known content */
    AV_CHECK_RC(av_catalog_duplicate(h->catalog, view, guid, digest, &uid, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_catalog_content(h->catalog, view, h->no, digest, &lsn, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_last_archived(view, &last, &err), AV_OK, &err);
    AV_CHECK_INT(last, 1005);
}

static void
check_rest(const struct house *h, const av_meta_view *view)
{
    av_catalog_iter *it = av_catalog_summaries(view, h->no, 0);
    av_run run;
    av_run_item item;
    uint8_t id[16];
    uint64_t lsn = 0;
    av_span row;
    size_t n = 0;

    while (av_catalog_next_summary(it, &lsn, &row))
        AV_CHECK(row.n == 20 && memcmp(row.p, "summary of 10", 13) == 0 && ++n > 0);
    AV_CHECK_INT(n, 5);
    av_catalog_iter_destroy(&it);
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
check_all(struct house *h)
{
    av_meta_view *view = av_catalog_snapshot(h->catalog);

    check_mailboxes(view);
    check_placements(h, view);
    check_rest(h, view);
    av_meta_view_destroy(&view);
}

static void
test_live_and_replayed(void)
{
    struct house h;
    int calls = 0;

    build_house(&h);
    fill(&h);
    check_all(&h);
    close_house(&h);
    AV_CHECK(!open_house(&h, &calls)); /* as it was */
    AV_CHECK_INT(calls, 0);
    check_all(&h);
    close_house(&h);
    AV_CHECK_RC(av_dir_remove(h.view_dir, h.dir.path, &err), AV_OK, &err);
    AV_CHECK(!open_house(&h, &calls)); /* from the log alone */
    AV_CHECK_INT(calls, 5);
    check_all(&h);
    close_house(&h);
    h.view.key[0] ^= 1; /* another key: another view */
    AV_CHECK(!open_house(&h, &calls));
    AV_CHECK_INT(calls, 10);
    check_all(&h);
    close_house(&h);
    dir_remove(&h.dir);
}

static void
test_groups(void)
{
    struct house h;
    av_meta_view *before;
    av_mailbox box;

    build_house(&h);
    before = av_catalog_snapshot(h.catalog);
    av_catalog_begin(h.catalog);
    AV_CHECK_RC(mailbox(&h, 1, "m"), AV_OK, &err);
    (void)place(&h, 1, 1);
    (void)place(&h, 1, 2); /* sees the one before */
    AV_CHECK_RC(av_catalog_mailbox_by_path(av_catalog_writer(h.catalog), av_span_str("m"), &box, &err), AV_OK, &err);
    AV_CHECK_INT(box.messages, 2);
    av_catalog_rollback(h.catalog);
    AV_CHECK_RC(av_store_rollback(h.store, &err), AV_OK, &err);
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(h.catalog), av_span_str("m"), &box, &err), AV_ERR_NOT_FOUND, &err);
    av_catalog_begin(h.catalog);
    AV_CHECK_RC(mailbox(&h, 1, "m"), AV_OK, &err);
    AV_CHECK_INT(place(&h, 1, 1), 1);
    settle(&h);
    AV_CHECK_RC(av_catalog_mailbox_by_path(before, av_span_str("m"), &box, &err), AV_ERR_NOT_FOUND, &err);
    av_meta_view_destroy(&before);
    close_house(&h);
    dir_remove(&h.dir);
}

/* The log was committed and the view was not: a crash between the two. */
static void
test_view_behind(void)
{
    struct house h;
    av_mailbox box;
    uint64_t lsn = 0;
    int calls = 0;

    build_house(&h);
    fill(&h);
    av_catalog_begin(h.catalog);
    AV_CHECK_INT(place(&h, 1, 6), 6);
    AV_CHECK_RC(av_store_commit(h.store, &lsn, &err), AV_OK, &err);
    av_catalog_rollback(h.catalog);
    close_house(&h);
    (void)open_house(&h, &calls);
    AV_CHECK_INT(calls, 1);
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(h.catalog), av_span_str("alice"), &box, &err), AV_OK, &err);
    AV_CHECK(box.uidnext == 7 && box.messages == 5);
    close_house(&h);
    dir_remove(&h.dir);
}

/* An older log under a newer view: thrown away when the log is sound, kept when it is known to be damaged. */
static void
test_view_ahead(void)
{
    struct house h;
    char file[200];
    struct stat st;
    bool rebuilt = false;
    int calls = 0;
    av_mailbox box;

    build_house(&h);
    (void)snprintf(file, sizeof file, "%s/00000001.avc", h.store_dir);
    fill(&h);
    AV_CHECK_INT(stat(file, &st), 0);
    av_catalog_begin(h.catalog);
    (void)place(&h, 1, 6);
    settle(&h);
    close_house(&h);
    AV_CHECK_INT(truncate(file, st.st_size), 0);
    AV_CHECK(!open_house(&h, &calls)); /* opened with the witness: corrupt, nothing thrown away */
    AV_CHECK(av_store_is_corrupt(h.store));
    AV_CHECK_RC(
        av_catalog_mailbox_by_path(av_catalog_writer(h.catalog), av_span_str("alice"), &box, &err), AV_OK, &err);
    AV_CHECK_INT(box.messages, 5);
    close_house(&h);
    AV_CHECK_RC(av_catalog_open(&h.view, &h.catalog, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_open(&h.config, 0, &h.store, &err), AV_OK, &err); /* without: a sound older log */
    AV_CHECK_RC(av_catalog_attach(h.catalog, h.store, &h.no, &err), AV_OK, &err);
    AV_CHECK_RC(av_catalog_catch_up(h.catalog, h.no, summarize, &calls, &rebuilt, &err), AV_OK, &err);
    AV_CHECK(rebuilt && calls == 5);
    check_all(&h);
    close_house(&h);
    dir_remove(&h.dir);
}

/* Each file of the view overwritten in turn: it opens and holds what the log says, or an error says why not. */
static void
test_broken_view(void)
{
    static const char *const names[] = { "CURRENT", "MANIFEST-000005", "MANIFEST-000009", "IDENTITY" };
    struct house h;
    int calls = 0;

    build_house(&h);
    fill(&h);
    close_house(&h);
    (void)open_house(&h, &calls); /* so that there is a table file */
    close_house(&h);
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        char path[220];
        FILE *f;

        av_check_row = (long)i;
        (void)snprintf(path, sizeof path, "%s/%s", h.view_dir, names[i]);
        if (!av_file_exists(path))
            continue;
        f = fopen(path, "wb");
        AV_CHECK(f != NULL && fputs("rubbish\n", f) >= 0);
        if (f != NULL)
            (void)fclose(f);
        (void)open_house(&h, &calls);
        check_all(&h);
        close_house(&h);
    }
    av_check_row = -1;
    calls = 0;
    h.view.key[5] ^= 1; /* sealed with another key: nobody can read it, the log has it all */
    (void)open_house(&h, &calls);
    AV_CHECK(calls > 0);
    check_all(&h);
    close_house(&h);
    dir_remove(&h.dir);
}

/* More events than one batch of the replay, and ranges out of a large mailbox. */
static void
test_many(void)
{
    struct house h;
    av_meta_view *view;
    av_catalog_iter *it;
    uint8_t guid[16];
    uint32_t uid = 0, n = 0;
    int calls = 0;

    build_house(&h);
    memset(guid, 1, 16);
    av_catalog_begin(h.catalog);
    AV_CHECK_RC(mailbox(&h, 1, "big"), AV_OK, &err);
    for (uint64_t i = 0; i < 4500; i++) {
        (void)place(&h, 1, i % 1000 + 1 + 1000 * (i / 1000));
        if (i % 500 == 499) {
            settle(&h);
            av_catalog_begin(h.catalog);
        }
    }
    settle(&h);
    close_house(&h);
    AV_CHECK_RC(av_dir_remove(h.view_dir, h.dir.path, &err), AV_OK, &err);
    (void)open_house(&h, &calls);
    AV_CHECK_INT(calls, 4500);
    view = av_catalog_snapshot(h.catalog);
    it = av_catalog_placements(view, guid, 1, UINT32_MAX);
    while (av_catalog_next_uid(it, &uid))
        AV_CHECK_INT(uid, ++n);
    AV_CHECK_INT(n, 4500);
    av_catalog_iter_destroy(&it);
    av_meta_view_destroy(&view);
    close_house(&h);
    dir_remove(&h.dir);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_live_and_replayed);
    AV_RUN(test_groups);
    AV_RUN(test_view_behind);
    AV_RUN(test_view_ahead);
    AV_RUN(test_broken_view);
    AV_RUN(test_many);
    return av_check_done();
}
