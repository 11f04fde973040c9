/*
 * test_copy.c - one store merged into another: what stands comes over once, cut short it is gone on with
 */
#include "tests/storage/care/help.h"

#define MESSAGES 700U /* more than one group */
#define BYTES    600U

typedef struct writer {
    care_store *to;
    uint64_t commits, placements;
    uint64_t fail_after; /* commits; 0: never */
} writer;

static unsigned
attachment_of(unsigned i)
{
    return i % 3 == 0 ? 1 : i % 3 == 1 ? 100 + i : 0;
}

/* Messages from..to-1; those that are in both stores are the same bytes. */
static void
make(care_store *s, char root[160], const char uuid[17], unsigned from, unsigned to)
{
    memcpy(care_uuid, uuid, sizeof care_uuid);
    care_new(s, folder_new(root));
    AV_CHECK_RC(care_mailbox(s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    for (unsigned i = from; i < to; i++) {
        (void)care_put(s, i, attachment_of(i), BYTES, 1);
        if (i % 8 == 7)
            care_commit(s);
    }
    care_commit(s);
}

static av_errc
on_event(void *ctx, const av_event *event, av_error *why)
{
    writer *self = ctx;
    av_errc rc;

    if (event->kind == AV_EVENT_MAILBOX_CREATED)
        return AV_OK; /* it has it */
    self->placements += event->kind == AV_EVENT_PLACEMENT_ADDED;
    rc = care_event(self->to, event);
    *why = err;
    return rc;
}

static av_errc
on_commit(void *ctx, av_error *why)
{
    writer *self = ctx;
    av_errc rc;

    if (self->fail_after != 0 && self->commits >= self->fail_after)
        return av_error_set(why, AV_ERR_IO, "the test says so");
    self->commits++;
    rc = care_try_commit(self->to);
    *why = err;
    return rc;
}

static av_errc
copy(care_store *from, care_store *to, writer *w, const av_care_watch *watch, av_care_copy_result *ret)
{
    av_meta_view *snapshot = av_store_view_snapshot(from->view);
    const av_care_copy_job job = {
        .source = from->store,
        .source_view = snapshot,
        .target = to->store,
        .target_view = to->view,
        .ctx = w,
        .event = on_event,
        .commit = on_commit,
    };
    av_error why;
    av_errc rc = av_care_copy(&job, watch, ret, &why);

    w->to = to;
    av_meta_view_destroy(&snapshot);
    if (rc != AV_OK)
        care_rollback(to);
    err = why;
    return rc;
}

static const uint8_t *
digest_of(unsigned i)
{
    static uint8_t digest[AV_SHA256_SIZE];
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };

    av_buf_init(&mail, 1U << 20);
    mail_make(&mail, i, attachment_of(i), BYTES);
    av_sha256(av_buf_span(&mail), digest);
    return digest;
}

static void
check_target(care_store *to, unsigned missing)
{
    fault_log log = { .loud = true };

    for (unsigned i = 0; i < MESSAGES; i++) {
        AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
        uint8_t digest[AV_SHA256_SIZE];
        uint64_t lsn = 0;
        av_errc rc;

        av_check_row = (long)i;
        av_buf_init(&mail, 1U << 20);
        mail_make(&mail, i, attachment_of(i), BYTES);
        av_sha256(av_buf_span(&mail), digest);
        rc = av_store_view_find_message(to->view, av_store_view_writer(to->view), digest, &lsn, &err);
        AV_CHECK_RC(rc, i == missing ? AV_ERR_NOT_FOUND : AV_OK, &err);
        if (rc == AV_OK)
            AV_CHECK_INT(care_look(to->store, lsn, i, attachment_of(i), BYTES), 1);
    }
    av_check_row = -1;
    AV_CHECK_INT(care_verify(to, true, true, &log), 0);
}

/* Removed, to be restored, and waiting since it was removed; nothing stands. */
static void
check_removed(care_store *to, uint32_t uid)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    const av_meta_view *view = av_store_view_writer(to->view);
    uint8_t guid[AV_GUID_SIZE];
    av_waiting cursor = { 0 };
    av_store_placement p = { 0 };

    av_buf_init(&row, 1U << 20);
    guid_of(guid, 1);
    AV_CHECK_RC(av_store_view_placement(view, guid, uid, &row, &p, &err), AV_OK, &err);
    AV_CHECK(p.removed);
    AV_CHECK_INT(p.removed_at_ms, 1700000500000);
    AV_CHECK(av_span_eq(p.who, av_span_str("somebody")));
    AV_CHECK_INT(av_store_view_next_expired(view, 1700000500000, &cursor, &err), AV_ERR_NOT_FOUND);
    while (av_store_view_next_expired(view, 1700000500001, &cursor, &err) == AV_OK && cursor.lsn != p.content_lsn)
        continue;
    AV_CHECK_INT(cursor.lsn, p.content_lsn);
}

/* 30 to 59 are in both, under the same UIDs; 70 was removed in the source, 50 in the target, 80 is erased. */
static void
test_merge(void)
{
    char a[160], b[160];
    care_store from, to;
    writer w = { .to = &to };
    av_care_copy_result result;
    av_store_counters counters;
    uint64_t lsn = 0;

    make(&from, a, "the source......", 30, MESSAGES);
    make(&to, b, "the target......", 0, 60);
    AV_CHECK_RC(care_remove(&from, 1, 71), AV_OK, &err);
    AV_CHECK_RC(care_remove(&from, 1, 81), AV_OK, &err);
    care_commit(&from);
    AV_CHECK_RC(
        av_store_view_find_message(from.view, av_store_view_writer(from.view), digest_of(80), &lsn, &err), AV_OK, &err);
    AV_CHECK_RC(care_erase(&from, lsn), AV_OK, &err);
    AV_CHECK_RC(care_remove(&to, 1, 51), AV_OK, &err);
    care_commit(&to);
    AV_CHECK_RC(copy(&from, &to, &w, NULL, &result), AV_OK, &err);
    AV_CHECK_INT(result.messages, MESSAGES - 61);
    AV_CHECK_INT(result.placements, MESSAGES - 61);
    AV_CHECK_INT(result.removed, 1);
    AV_CHECK_INT(result.known, 30);
    AV_CHECK_INT(result.unreadable, 0);
    check_target(&to, 80);
    check_removed(&to, 71);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(to.view), &counters, &err), AV_OK, &err);
    AV_CHECK_INT(counters.placements, MESSAGES - 3);
    AV_CHECK_INT(counters.removed, 2);
    AV_CHECK_RC(copy(&from, &to, &w, NULL, &result), AV_OK, &err);
    AV_CHECK(result.messages == 0 && result.placements == 0);
    care_done(&from);
    care_done(&to);
    folder_remove(a);
    folder_remove(b);
}

static bool
on_go_on(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *calls = ctx;

    AV_CHECK(done <= total);
    return --*calls > 0;
}

/* Cancelled, and failing to commit: what was committed stays, the rest comes with the next run. */
static void
test_cut_short(void)
{
    char a[160], b[160];
    care_store from, to;
    writer w = { .to = &to };
    uint64_t calls = 40;
    const av_care_watch watch = { .ctx = &calls, .go_on = on_go_on };
    av_care_copy_result result;

    make(&from, a, "the source......", 0, MESSAGES);
    make(&to, b, "the target......", 0, 1);
    AV_CHECK_RC(copy(&from, &to, &w, &watch, &result), AV_ERR_CANCELLED, &err);
    w = (writer){ .to = &to, .fail_after = 1 };
    AV_CHECK_RC(copy(&from, &to, &w, NULL, &result), AV_ERR_IO, &err);
    AV_CHECK_INT(w.commits, 1);
    w = (writer){ .to = &to };
    AV_CHECK_RC(copy(&from, &to, &w, NULL, &result), AV_OK, &err);
    AV_CHECK(w.placements > 0 && w.placements < MESSAGES / 2);
    check_target(&to, MESSAGES);
    care_done(&from);
    care_done(&to);
    folder_remove(a);
    folder_remove(b);
}

/* The target has another message under a UID of the source: that one is not there. */
static void
test_uid_of_another(void)
{
    char a[160], b[160];
    care_store from, to;
    writer w = { .to = &to };
    av_care_copy_result result;

    memcpy(care_uuid, "the source store", sizeof care_uuid);
    care_new(&from, folder_new(a));
    AV_CHECK_RC(care_mailbox(&from, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    (void)care_put(&from, 7, 0, 0, 1);
    care_commit(&from);
    memcpy(care_uuid, "the target store", sizeof care_uuid);
    care_new(&to, folder_new(b));
    AV_CHECK_RC(care_mailbox(&to, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    {
        AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
        uint64_t lsn = 0;

        av_buf_init(&mail, 1U << 20);
        mail_make(&mail, 8, 0, 0);
        AV_CHECK_RC(av_store_put_message(to.store, av_buf_span(&mail), NULL, &lsn, &err), AV_OK, &err);
        AV_CHECK_RC(care_place(&to, 1, 8, lsn, av_buf_span(&mail)), AV_OK, &err); /* the UID of message 7 */
    }
    care_commit(&to);
    AV_CHECK_RC(copy(&from, &to, &w, NULL, &result), AV_OK, &err);
    AV_CHECK_INT(result.known, 0);
    AV_CHECK_INT(result.unreadable, 1);
    care_done(&from);
    care_done(&to);
    folder_remove(a);
    folder_remove(b);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_merge);
    AV_RUN(test_cut_short);
    AV_RUN(test_uid_of_another);
    return av_check_done();
}
