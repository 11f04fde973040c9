/*
 * test_compact.c - half of a store erased: its space comes back, all else stays; what was erased cannot be read in an
 * older copy
 */
#include <dirent.h>
#include <errno.h>

#include "tests/storage/care/help.h"
#include "tests/storage/fault_ops.h"

#define MESSAGES 120U
#define BYTES    2500U

static uint64_t lsns[MESSAGES];

/* Attachment 1 is shared by every tenth message, each other has one of its own. */
static unsigned
attachment_of(unsigned i)
{
    return i % 10 == 0 ? 1 : 100 + i;
}

static bool
is_erased(unsigned i)
{
    return i % 4 >= 2;
}

static void
make(care_store *s, const char *root)
{
    care_new(s, root);
    AV_CHECK_RC(care_mailbox(s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    for (unsigned i = 0; i < MESSAGES; i++) {
        lsns[i] = care_put(s, i, attachment_of(i), BYTES, 1);
        if (i % 5 == 4)
            care_commit(s);
    }
    care_commit(s);
    AV_CHECK_RC(av_store_roll(s->store, &err), AV_OK, &err);
}

static void
erase_half(care_store *s)
{
    for (unsigned i = 0; i < MESSAGES; i++)
        if (is_erased(i))
            AV_CHECK_RC(care_remove(s, 1, i + 1), AV_OK, &err);
    care_commit(s);
    for (unsigned i = 0; i < MESSAGES; i++)
        if (is_erased(i))
            AV_CHECK_RC(care_erase(s, lsns[i]), AV_OK, &err);
}

static void
check_contents(const av_store *store)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(care_look(store, lsns[i], i, attachment_of(i), BYTES), !is_erased(i));
    }
    av_check_row = -1;
}

static uint64_t
folder_bytes(const char *dir)
{
    DIR *d = opendir(dir);
    uint64_t sum = 0;

    for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
        char path[512];
        struct stat st;

        (void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    if (d != NULL)
        (void)closedir(d);
    return sum;
}

static void
test_space_comes_back(void)
{
    char root[160];
    care_store s;
    av_care_compact_result result;
    av_store_counters counters;
    fault_log log = { .loud = true };
    uint64_t before, after;

    make(&s, folder_new(root));
    erase_half(&s);
    check_contents(s.store);
    before = folder_bytes(s.content);
    AV_CHECK_RC(care_compact(&s, 20, &result), AV_OK, &err);
    after = folder_bytes(s.content);
    printf("  erased half: %" PRIu64 " -> %" PRIu64 " bytes, %" PRIu64 " containers, %" PRIu64 " records dropped\n",
        before, after, result.containers, result.records);
    AV_CHECK(result.containers > 1 && result.records > MESSAGES / 2);
    AV_CHECK_INT(before - after, result.bytes_before - result.bytes_after);
    AV_CHECK(after < before * 62 / 100);
    check_contents(s.store);
    AV_CHECK_RC(av_store_view_compact_database(s.view, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(s.view), &counters, &err), AV_OK, &err);
    AV_CHECK(counters.dead_bytes < before / 100);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    /* nothing is left to do */
    AV_CHECK_RC(care_compact(&s, 20, &result), AV_OK, &err);
    AV_CHECK_INT(result.containers, 0);
    care_close(&s);
    care_open(&s);
    AV_CHECK(!av_store_is_corrupt(s.store));
    check_contents(s.store);
    AV_CHECK_RC(av_care_rebuild_view(s.store, s.view, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    care_done(&s);
    folder_remove(root);
}

/* Large parts lie as segments of their own: named ones stay, those of what was given up and of what was erased go. */
static void
test_segments(void)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    av_care_compact_result result;
    av_store_put *given_up = NULL, *open = NULL;
    char root[160];
    care_store s;
    fault_log log = { .loud = true };
    uint64_t lsn[2] = { 0 }, late = 0;

    folder_new(root);
    care_init(&s, root);
    s.config.spool_bytes = 64 * 1024;
    AV_CHECK_RC(av_store_create(&s.config, &err), AV_OK, &err);
    care_open(&s);
    av_buf_init(&mail, 16U << 20);
    for (unsigned i = 0; i < 2; i++) {
        av_store_put *put = NULL;

        mail_make(&mail, i, 50 + i, 900000);
        AV_CHECK_RC(av_store_put_begin(s.store, mail.n, &put, &err), AV_OK, &err);
        AV_CHECK_RC(av_store_put_write(put, av_buf_span(&mail), &err), AV_OK, &err);
        AV_CHECK_RC(av_store_put_finish(&put, &lsn[i], NULL, &err), AV_OK, &err);
        AV_CHECK_RC(care_place(&s, 1, i + 1, lsn[i], av_buf_span(&mail)), AV_OK, &err);
        care_commit(&s);
    }
    mail_make(&mail, 7, 60, 900000);
    AV_CHECK_RC(av_store_put_begin(s.store, mail.n, &given_up, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(given_up, av_span_slice(av_buf_span(&mail), 0, 800000), &err), AV_OK, &err);
    av_store_put_abort(&given_up);
    care_commit(&s);
    mail_make(&mail, 8, 61, 900000);
    AV_CHECK_RC(av_store_put_begin(s.store, mail.n, &open, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(open, av_span_slice(av_buf_span(&mail), 0, 800000), &err), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_RC(av_store_roll(s.store, &err), AV_OK, &err);
    (void)care_put(&s, 9, 0, 0, 1);
    care_commit(&s);
    AV_CHECK_RC(care_remove(&s, 1, 2), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_RC(care_erase(&s, lsn[1]), AV_OK, &err);
    AV_CHECK_RC(care_compact(&s, 0, &result), AV_OK, &err);
    AV_CHECK(result.bytes_before - result.bytes_after > 1400000);
    AV_CHECK_INT(care_look(s.store, lsn[0], 0, 50, 900000), 1);
    AV_CHECK_INT(care_look(s.store, lsn[1], 1, 51, 900000), 0);
    /* what was arriving all the time is whole */
    AV_CHECK_RC(av_store_put_write(open, av_span_skip(av_buf_span(&mail), 800000), &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_finish(&open, &late, NULL, &err), AV_OK, &err);
    AV_CHECK_RC(care_place(&s, 1, 20, late, av_buf_span(&mail)), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_INT(care_look(s.store, late, 8, 61, 900000), 1);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    care_done(&s);
    folder_remove(root);
}

/* The view did not follow the log's last group: a message in it has its segments in a container that is known. */
static void
test_segments_behind(void)
{
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    av_care_compact_result result;
    av_store_put *p = NULL;
    char root[160];
    care_store s;
    uint64_t lsn = 0, committed = 0;

    folder_new(root);
    care_init(&s, root);
    s.config.spool_bytes = 64 * 1024;
    AV_CHECK_RC(av_store_create(&s.config, &err), AV_OK, &err);
    care_open(&s);
    av_buf_init(&mail, 16U << 20);
    mail_make(&mail, 3, 50, 900000);
    AV_CHECK_RC(av_store_put_begin(s.store, mail.n, &p, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_write(p, av_span_slice(av_buf_span(&mail), 0, 800000), &err), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_RC(av_store_roll(s.store, &err), AV_OK, &err);
    (void)care_put(&s, 1, 0, 0, 1);
    care_commit(&s);
    AV_CHECK_RC(av_store_put_write(p, av_span_skip(av_buf_span(&mail), 800000), &err), AV_OK, &err);
    AV_CHECK_RC(av_store_put_finish(&p, &lsn, NULL, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_commit(s.store, &committed, &err), AV_OK, &err);
    av_store_view_rollback(s.view);
    AV_CHECK(av_store_view_applied_lsn(s.view) < committed);
    AV_CHECK_RC(care_compact(&s, 0, &result), AV_OK, &err);
    AV_CHECK_INT(care_look(s.store, lsn, 3, 50, 900000), 1);
    care_done(&s);
    folder_remove(root);
}

/* Last week's backup of content and database beside today's keys. */
static void
test_backup_after_erasure(void)
{
    char root[160], backup[192];
    care_store s, old;

    make(&s, folder_new(root));
    (void)snprintf(backup, sizeof backup, "%s/backup", root);
    folder_copy(s.content, backup);
    erase_half(&s);
    care_close(&s);
    old = s;
    (void)snprintf(old.content, sizeof old.content, "%s", backup);
    old.config.dir = old.content;
    old.config.read_only = true;
    AV_CHECK_RC(av_store_open(&old.config, 0, &old.store, &err), AV_OK, &err);
    AV_CHECK(!av_store_is_corrupt(old.store));
    check_contents(old.store);
    av_store_close(&old.store);
    av_store_keys_unref(&s.keys);
    folder_remove(root);
}

/* Held, standing, shared. */
static void
test_refusals(void)
{
    av_event hold = { .kind = AV_EVENT_HOLD_SET };
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    char root[160];
    care_store s;

    make(&s, folder_new(root));
    AV_CHECK_RC(care_erase(&s, lsns[2]), AV_ERR_DENIED, &err);
    av_buf_init(&mail, 1U << 20);
    mail_make(&mail, 2, attachment_of(2), BYTES);
    hold.hold.has_digest = true;
    av_sha256(av_buf_span(&mail), hold.hold.digest);
    hold.hold.name = av_span_str("the court's");
    AV_CHECK_RC(care_event(&s, &hold), AV_OK, &err);
    AV_CHECK_RC(care_remove(&s, 1, 3), AV_OK, &err);
    AV_CHECK_RC(care_remove(&s, 1, 11), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_RC(care_erase(&s, lsns[2]), AV_ERR_DENIED, &err);
    AV_CHECK(strstr(err.msg, "the court's") != NULL);
    AV_CHECK_INT(care_look(s.store, lsns[2], 2, attachment_of(2), BYTES), 1);
    /* 10 shares its attachment with 0, 20 ... */
    AV_CHECK_RC(care_erase(&s, lsns[10]), AV_OK, &err);
    AV_CHECK_INT(care_look(s.store, lsns[10], 10, 1, BYTES), 0);
    AV_CHECK_INT(care_look(s.store, lsns[20], 20, 1, BYTES), 1);
    hold.kind = AV_EVENT_HOLD_LIFTED;
    AV_CHECK_RC(care_event(&s, &hold), AV_OK, &err);
    care_commit(&s);
    AV_CHECK_RC(care_erase(&s, lsns[2]), AV_OK, &err);
    care_done(&s);
    folder_remove(root);
}

static av_errc
erase_and_compact(care_store *s)
{
    av_care_compact_result result;
    av_errc rc = care_remove(s, 1, 4);

    if (rc == AV_OK)
        rc = care_try_commit(s);
    if (rc == AV_OK)
        rc = care_erase(s, lsns[3]);
    return rc == AV_OK ? care_compact(s, 0, &result) : rc;
}

/* Each call of an erasure and a compaction fails in turn, and everything after it: as if the process had died there. */
static void
test_death_at_every_call(void)
{
    char root[160], kept[192], now[192];
    const char *rounds = getenv("AV_ROUNDS");
    long step = rounds != NULL ? 1 : 5, tried = 0;
    care_store s;

    make(&s, folder_new(root));
    care_done(&s);
    (void)snprintf(kept, sizeof kept, "%s.kept", root);
    AV_CHECK(rename(root, kept) == 0);
    for (long at = 0;; at += step, tried++) {
        bool failed, gone;
        fault_log log = { .loud = true };
        av_errc rc;

        av_check_row = at;
        folder_copy(kept, root);
        care_init(&s, root);
        care_open(&s);
        fault_ops_begin(&(fault_plan){ .fail_at = at, .error = EIO, .stay = true });
        rc = erase_and_compact(&s);
        failed = fault_ops_end();
        AV_CHECK(failed || rc == AV_OK);
        care_rollback(&s);
        care_done(&s);
        care_init(&s, root);
        care_open(&s);
        AV_CHECK(!av_store_is_corrupt(s.store));
        AV_CHECK_RC(av_care_finish_erasures(s.store, 0, NULL, NULL, &err), AV_OK, &err);
        gone = care_look(s.store, lsns[3], 3, attachment_of(3), BYTES) == 0;
        AV_CHECK(gone || failed);
        for (unsigned i = 0; i < MESSAGES; i += 1 + i % 5)
            AV_CHECK(i == 3 || care_look(s.store, lsns[i], i, attachment_of(i), BYTES) == 1);
        AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
        care_done(&s);
        (void)snprintf(now, sizeof now, "%s", root);
        folder_remove(now);
        if (!failed)
            break;
    }
    av_check_row = -1;
    printf("  %ld deaths tried\n", tried);
    folder_remove(kept);
}

/* Groups that the view does not know, because writing it failed: what it does not know is not what nobody needs. */
static void
test_view_behind(void)
{
    char root[160];
    care_store s;
    av_care_compact_result result;
    av_meta_view *snapshot;
    uint64_t first, second, late;
    av_care_compaction job = { .open_puts_lsn = UINT64_MAX };

    care_new(&s, folder_new(root));
    AV_CHECK_RC(care_mailbox(&s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    first = care_put(&s, 1, 0, 0, 1);
    second = care_put(&s, 2, 0, 0, 1);
    care_commit(&s);
    AV_CHECK_RC(care_remove(&s, 1, 2), AV_OK, &err); /* the UID of message 1 */
    care_commit(&s);
    AV_CHECK_RC(care_erase(&s, first), AV_OK, &err);
    snapshot = av_store_view_snapshot(s.view);
    late = care_put(&s, 3, 0, 0, 1);
    care_commit(&s);
    AV_CHECK_INT(late >> 32, first >> 32);
    AV_CHECK_RC(av_store_roll(s.store, &err), AV_OK, &err);
    job.store = s.store;
    job.view = snapshot;
    AV_CHECK_RC(av_care_compact(&job, NULL, &result, &err), AV_OK, &err);
    AV_CHECK_INT(result.containers, 0);
    AV_CHECK_INT(care_look(s.store, second, 2, 0, 0), 1);
    AV_CHECK_INT(care_look(s.store, late, 3, 0, 0), 1);
    av_meta_view_destroy(&snapshot);
    AV_CHECK_RC(care_compact(&s, 0, &result), AV_OK, &err);
    AV_CHECK_INT(result.containers, 1);
    AV_CHECK_INT(care_look(s.store, second, 2, 0, 0), 1);
    AV_CHECK_INT(care_look(s.store, late, 3, 0, 0), 1);
    care_done(&s);
    folder_remove(root);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_space_comes_back);
    AV_RUN(test_segments);
    AV_RUN(test_view_behind);
    AV_RUN(test_segments_behind);
    AV_RUN(test_backup_after_erasure);
    AV_RUN(test_refusals);
    AV_RUN(test_death_at_every_call);
    return av_check_done();
}
