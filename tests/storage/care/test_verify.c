/*
 * test_verify.c - a sound store has no fault; each kind of damage is told, and the messages it costs are named
 */
#include "tests/storage/care/help.h"

#define MESSAGES 60U
#define BYTES    1500U

static uint64_t lsns[MESSAGES];

/* Attachment 1 is shared by every third message. */
static unsigned
attachment_of(unsigned i)
{
    return i % 3 == 0 ? 1 : i % 3 == 1 ? 100 + i : 0;
}

static void
fill(care_store *s)
{
    AV_CHECK_RC(care_mailbox(s, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    AV_CHECK_RC(care_mailbox(s, 2, AV_EVENT_MAILBOX_CREATED, "Reports/Old", 2), AV_OK, &err);
    for (unsigned i = 0; i < MESSAGES; i++) {
        lsns[i] = care_put(s, i, attachment_of(i), BYTES + i % 3 * 700, 1 + i % 2);
        if (i % 7 == 6)
            care_commit(s);
    }
    care_commit(s);
}

static void
make(care_store *s, char root[160])
{
    care_new(s, folder_new(root));
    fill(s);
}

static void
drop(care_store *s)
{
    care_done(s);
    folder_remove(s->root);
}

static void
test_sound(void)
{
    char root[160];
    care_store s;
    fault_log log = { .loud = true };

    make(&s, root);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    AV_CHECK_INT(care_verify(&s, false, false, &log), 0);
    /* with something removed, erased and held, and after a replay */
    for (unsigned i = 0; i < MESSAGES; i += 4)
        AV_CHECK_RC(care_remove(&s, 1 + i % 2, i + 1), AV_OK, &err);
    care_commit(&s);
    for (unsigned i = 0; i < MESSAGES; i += 8)
        AV_CHECK_RC(care_erase(&s, lsns[i]), AV_OK, &err);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    care_close(&s);
    care_open(&s);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    AV_CHECK_RC(av_care_rebuild_view(s.store, s.view, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(care_verify(&s, true, true, &log), 0);
    drop(&s);
}

/* Change one byte of the record at lsn, from its own byte `at`. */
static void
flip(care_store *s, uint64_t lsn, size_t at)
{
    AV_CLEANUP(av_free) char *path = av_container_path(s->content, av_lsn_container(lsn), 0);
    uint8_t byte = 0;
    int fd = -1;

    AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_read_at(fd, &byte, 1, av_lsn_offset(lsn) + at, &err), AV_OK, &err);
    byte ^= 0x10;
    AV_CHECK_RC(av_file_write_at(fd, &byte, 1, av_lsn_offset(lsn) + at, &err), AV_OK, &err);
    av_file_close(&fd);
}

/* The part that this message uses. */
static uint64_t
part_of(care_store *s, uint64_t lsn)
{
    AV_CLEANUP(av_buf_release) av_buf parts = { 0 };
    av_content_row row = { 0 };
    uint64_t part = 0;

    av_buf_init(&parts, 1U << 20);
    AV_CHECK_RC(av_store_view_get(av_store_view_writer(s->view), lsn, &row, &parts, &err), AV_OK, &err);
    AV_CHECK(row.part_count > 0);
    memcpy(&part, parts.p, sizeof part);
    return part;
}

/* The store as it is when damage is met while it is open. */
static void
test_damaged_message(void)
{
    char root[160];
    care_store s;
    fault_log log = { 0 };

    make(&s, root);
    flip(&s, lsns[5], AV_RECORD_HEADER + 3);
    for (int contents = 0; contents < 2; contents++) {
        log = (fault_log){ 0 };
        AV_CHECK(care_verify(&s, contents != 0, true, &log) > 0);
        AV_CHECK(names_message(&log, lsns[5]));
        for (unsigned i = 0; i < MESSAGES; i++)
            AV_CHECK(i == 5 || !names_message(&log, lsns[i]));
    }
    drop(&s);
}

static void
test_damaged_part(void)
{
    char root[160];
    care_store s;
    fault_log log = { 0 };

    make(&s, root);
    flip(&s, part_of(&s, lsns[0]), AV_RECORD_HEADER + 100);
    for (int contents = 0; contents < 2; contents++) {
        log = (fault_log){ 0 };
        AV_CHECK(care_verify(&s, contents != 0, true, &log) > 0);
        for (unsigned i = 0; i < MESSAGES; i++)
            AV_CHECK_INT(names_message(&log, lsns[i]), i % 3 == 0);
    }
    drop(&s);
}

/* A header hit: what the record was is not known; its placement names it. */
static void
test_damaged_header(void)
{
    char root[160];
    care_store s;
    fault_log log = { 0 };

    make(&s, root);
    flip(&s, lsns[11], 6);
    flip(&s, lsns[40], 20);
    AV_CHECK(care_verify(&s, true, true, &log) > 0);
    AV_CHECK(names_message(&log, lsns[11]) && names_message(&log, lsns[40]));
    AV_CHECK_INT(log.kinds[AV_FAULT_CONTENT], 0);
    drop(&s);
}

static void
test_container_lost(void)
{
    AV_CLEANUP(av_free) char *path = NULL;
    char root[160];
    care_store s;
    fault_log log = { 0 };

    make(&s, root);
    AV_CHECK(av_container_files_highest(av_store_files(s.store)) >= 2);
    path = av_container_path(s.content, 1, 0);
    care_close(&s);
    AV_CHECK(unlink(path) == 0);
    care_open(&s);
    AV_CHECK(av_store_is_corrupt(s.store));
    AV_CHECK(care_verify(&s, true, false, &log) > 0);
    drop(&s);
}

/* A row of the view changed behind its log's back; a group that the view never saw. */
static void
test_view(void)
{
    char root[160];
    care_store s;
    fault_log log = { 0 };
    av_event event = { .kind = AV_EVENT_PLACEMENT_REMOVED };

    make(&s, root);
    guid_of(event.placement.guid, 2);
    event.placement.uid = 2;
    event.placement.modseq = 9;
    AV_CHECK_RC(av_store_view_event(s.view, &event, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_group_end(s.view, av_store_view_applied_lsn(s.view), &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_commit(s.view, &err), AV_OK, &err);
    AV_CHECK(care_verify(&s, false, true, &log) > 0);
    AV_CHECK(log.kinds[AV_FAULT_VIEW] > 0 && names_message(&log, lsns[1]));
    AV_CHECK_RC(av_care_rebuild_view(s.store, s.view, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(care_verify(&s, false, true, &log), 0);
    drop(&s);
}

/* Keys gone without a word; an erasure whose keys a crash left. */
static void
test_keys(void)
{
    uint8_t front[AV_RECORD_HEADER];
    AV_CLEANUP(av_buf_release) av_buf list = { 0 };
    av_event event = { .kind = AV_EVENT_CONTENT_ERASED };
    char root[160];
    care_store s;
    fault_log log = { 0 };
    av_record_header h = { 0 };
    av_key_slot slot;
    uint64_t destroyed = 0;
    size_t n;

    make(&s, root);
    AV_CHECK_RC(
        av_container_files_record(av_store_files(s.store), lsns[8], &h, front, sizeof front, &n, &err), AV_OK, &err);
    slot = (av_key_slot){ av_lsn_container(lsns[8]), h.slot };
    AV_CHECK_RC(av_store_keys_erase(s.keys, &slot, 1, &err), AV_OK, &err);
    AV_CHECK(care_verify(&s, true, true, &log) > 0);
    AV_CHECK(log.kinds[AV_FAULT_KEYS] == 1 && names_message(&log, lsns[8]) && log.n == 1);

    av_buf_init(&list, 1024);
    (void)av_event_list_put_item(&list, lsns[8]);
    (void)av_event_list_put_item(&list, lsns[20]);
    event.erased.lsns = av_buf_span(&list);
    AV_CHECK_RC(care_event(&s, &event), AV_OK, &err);
    care_commit(&s);
    log = (fault_log){ 0 };
    AV_CHECK(care_verify(&s, true, false, &log) > 0);
    AV_CHECK(log.kinds[AV_FAULT_KEYS] == 1 && names_message(&log, lsns[20]));
    AV_CHECK_INT(care_look(s.store, lsns[20], 20, 0, 0), 1);
    AV_CHECK_RC(av_care_finish_erasures(s.store, 0, NULL, &destroyed, &err), AV_OK, &err);
    AV_CHECK_INT(destroyed, 1);
    AV_CHECK_INT(care_look(s.store, lsns[20], 20, 0, 0), 0);
    log = (fault_log){ .loud = true };
    AV_CHECK_INT(care_verify(&s, true, false, &log), 0);
    drop(&s);
}

static bool
stop_at_once(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return false;
}

static void
test_cancel(void)
{
    const av_care_watch watch = { .go_on = stop_at_once };
    av_verify_options options = { .contents = true };
    av_verify_result result;
    char root[160];
    care_store s;

    make(&s, root);
    AV_CHECK_RC(av_care_verify(s.store, &options, &watch, &result, &err), AV_ERR_CANCELLED, &err);
    drop(&s);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_sound);
    AV_RUN(test_damaged_message);
    AV_RUN(test_damaged_part);
    AV_RUN(test_damaged_header);
    AV_RUN(test_container_lost);
    AV_RUN(test_view);
    AV_RUN(test_keys);
    AV_RUN(test_cancel);
    return av_check_done();
}
