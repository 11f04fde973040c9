/*
 * test_erase.c - erasing: what a failure leaves is finished, nothing keeps what waits behind it from going
 */
#include <errno.h>

#include "actors/instance/erase.h"
#include "actors/instance/holds.h"
#include "tests/actors/instance/stores_rig.h"

/* Two messages, deleted. hold_first: the first one is held before. */
static void
put_and_delete_two(rig *r, bool hold_first, uint64_t ret_lsns[2])
{
    Archivolt__SetHoldRequest hold = ARCHIVOLT__SET_HOLD_REQUEST__INIT;
    char id[AV_MESSAGE_ID_TEXT + 1];
    av_error err = { 0 };

    put_message(r, 1);
    put_message(r, 2);
    for (uint32_t uid = 1; uid <= 2; uid++) {
        av_placement p = placement(r, uid);

        ret_lsns[uid - 1] = p.content_lsn;
        if (uid == 1 && hold_first) {
            av_message_id_format(p.digest, id);
            hold.name = (char *)(uintptr_t) "first";
            hold.message = id;
            AV_CHECK_RC(change(r, av_holds_ask_set, &hold.base, &err), AV_OK, &err);
        }
        delete_uid(r, uid);
    }
}

static int
no_new_keys(const char *from, const char *to)
{
    if (strstr(to, ".avk") == NULL)
        return rename(from, to);
    errno = ENOSPC;
    return -1;
}

static av_errc
erase_lsn(rig *r, uint64_t lsn, av_error *err)
{
    av_erased erased = { 0 };

    return av_erase_contents(r->archive, 1, av_span_of(&lsn, sizeof lsn), true, "test", &erased, err);
}

/* The event is in the log, and the keys could not be destroyed: the next erasure destroys them, too. */
static void
test_erase_unfinished(void)
{
    av_file_ops failing = *av_file_ops_get();
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    uint64_t lsns[2];
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&bytes, 4096);
    put_and_delete_two(&r, false, lsns);
    failing.rename = no_new_keys;
    av_file_ops_set(&failing);
    AV_CHECK(erase_lsn(&r, lsns[0], &err) != AV_OK);
    av_file_ops_set(NULL);
    AV_CHECK_RC(av_store_read_message(rig_store(&r), lsns[0], &bytes, &err), AV_OK, &err); /* its key is there */
    AV_CHECK_RC(erase_lsn(&r, lsns[1], &err), AV_OK, &err);
    for (int opened = 0; opened < 2; opened++) {
        for (size_t i = 0; i < 2; i++)
            AV_CHECK_INT(av_store_read_message(rig_store(&r), lsns[i], &bytes, &err), AV_ERR_NOT_FOUND);
        rig_close(&r);
        rig_open(&r);
    }
    rig_end(&r);
}

/* More parts than one note holds: all of them go, and what stands behind it in the line is not kept from going. */
static void
test_erase_many_parts(void)
{
    enum { PARTS = 9000 };
    AV_CLEANUP(av_buf_release) av_buf mail = { 0 };
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake;
    av_store_counters counters;
    const av_open_store *current = NULL;
    av_placement p;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&mail, 8U << 20);
    av_buf_init(&stream, 9U << 20);
    (void)av_buf_puts(&mail, "Subject: 1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (unsigned i = 0; i < PARTS; i++) {
        (void)av_buf_puts(&mail, "--b\r\n\r\n");
        for (unsigned k = 0; k < 20; k++)
            (void)av_buf_printf(&mail, "part %05u, line %02u of its words\r\n", i, k);
    }
    (void)av_buf_puts(&mail, "--b--\r\n");
    rig_put(&stream, &(rig_item){ .number = 1, .bytes = av_buf_span(&mail) });
    intake = rig_intake(&r, 1);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    av_intake_destroy(&intake);
    p = placement(&r, 1);
    AV_CHECK_RC(av_stores_current(r.archive->stores, &current, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(current->view), &counters, &err), AV_OK, &err);
    AV_CHECK(counters.parts > 8100);
    delete_uid(&r, 1);
    AV_CHECK_RC(erase_lsn(&r, p.content_lsn, &err), AV_OK, &err);
    AV_CHECK_RC(av_store_view_counters(av_store_view_writer(current->view), &counters, &err), AV_OK, &err);
    AV_CHECK_INT(counters.parts, 0);
    AV_CHECK_INT(counters.waiting, 0);
    rig_end(&r);
}

/* A held message in front: what waits behind it goes all the same. */
static void
test_erase_behind_a_hold(void)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    av_waiting cursor = { 0 };
    av_erased erased = { 0 };
    bool more = true;
    uint64_t lsns[2];
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    av_buf_init(&bytes, 4096);
    put_and_delete_two(&r, true, lsns);
    while (more)
        AV_CHECK_RC(av_erase_expired(r.archive, 1, INT64_MAX, 1, &cursor, &erased, &more, &err), AV_OK, &err);
    AV_CHECK_INT(erased.messages, 1);
    AV_CHECK_RC(av_store_read_message(rig_store(&r), lsns[0], &bytes, &err), AV_OK, &err);
    AV_CHECK_INT(av_store_read_message(rig_store(&r), lsns[1], &bytes, &err), AV_ERR_NOT_FOUND);
    rig_end(&r);
}

int
main(void)
{
    AV_RUN(test_erase_unfinished);
    AV_RUN(test_erase_many_parts);
    AV_RUN(test_erase_behind_a_hold);
    return av_check_done();
}
