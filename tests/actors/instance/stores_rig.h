/*
 * stores_rig.h - a rig with several archive stores: messages with numbers, stores made, changed and lost
 */
#ifndef AV_TESTS_INSTANCE_STORES_RIG_H
#define AV_TESTS_INSTANCE_STORES_RIG_H

#include "actors/instance/deletion.h"
#include "actors/instance/stores_change.h"
#include "actors/instance/summary_row.h"
#include "actors/instance/uses.h"
#include "tests/actors/instance/rig.h"

/* ---- messages ---- */

__attribute__((unused)) static void
message_text(uint32_t n, char ret[64])
{
    (void)snprintf(ret, 64, "Subject: %u\n\nmessage\n", n);
}

/* Message number n, in the current store: the n-th of alice's, when they are put in order. */
__attribute__((unused)) static void
put_message(rig *r, uint32_t n)
{
    static uint8_t run_number;
    AV_CLEANUP(av_buf_release) av_buf stream = { 0 };
    av_intake *intake = rig_intake(r, ++run_number);
    char text[64];
    rig_item item = { .number = 1, .bytes = { NULL, 0 } };
    av_error err = { 0 };

    message_text(n, text);
    item.bytes = av_span_str(text);
    av_buf_init(&stream, 1 << 20);
    rig_put(&stream, &item);
    AV_CHECK_RC(av_intake_feed(intake, av_buf_span(&stream), &err), AV_OK, &err);
    AV_CHECK_RC(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_OK, &err);
    av_intake_destroy(&intake);
}

/* Alice's message with this UID. */
__attribute__((unused)) static av_placement
placement(rig *r, uint32_t uid)
{
    av_mailbox mailbox;
    av_placement p = { 0 };
    av_error err = { 0 };

    AV_CHECK_INT(rig_mailbox(r, "alice", &mailbox), AV_OK);
    AV_CHECK_RC(av_catalog_placement(av_catalog_writer(r->archive->catalog), mailbox.guid, uid, &p, &err), AV_OK, &err);
    return p;
}

/* Every message of alice's, by UID: its text holds the UID. */
__attribute__((unused)) static void
read_all(rig *r, uint32_t count)
{
    av_meta_view *view = av_catalog_snapshot(r->archive->catalog);
    av_uses uses;
    av_mailbox mailbox;
    av_error err = { 0 };

    av_uses_init(&uses, r->archive);
    AV_CHECK_INT(rig_mailbox(r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, count);
    for (uint32_t uid = 1; uid <= count; uid++) {
        AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
        AV_CLEANUP(av_buf_release) av_buf row = { 0 };
        av_placement p = { 0 };
        av_store *store = NULL;
        char text[64];

        av_buf_init(&bytes, 4096);
        av_buf_init(&row, AV_SUMMARY_ROW_MAX);
        message_text(uid, text);
        AV_CHECK_RC(av_catalog_placement(view, mailbox.guid, uid, &p, &err), AV_OK, &err);
        AV_CHECK_RC(av_uses_store(&uses, p.store, &store, &err), AV_OK, &err);
        if (store != NULL)
            AV_CHECK_RC(av_store_read_message(store, p.content_lsn, &bytes, &err), AV_OK, &err);
        AV_CHECK_STR(av_buf_cstr(&bytes), text);
        AV_CHECK_RC(av_uses_attributes(&uses, p.store, p.content_lsn, &row, &err), AV_OK, &err);
        AV_CHECK(row.n > 0);
    }
    av_uses_release(&uses);
    av_meta_view_destroy(&view);
}

/* ---- changes ---- */

__attribute__((unused)) static av_errc
change(rig *r, av_ask_fn *fn, const ProtobufCMessage *body, av_error *err)
{
    av_ask ask = { .archive = r->archive, .body = body, .caller = "test" };
    av_errc rc = av_ask_write(&ask, fn, NULL, NULL, err);
    av_error why;

    AV_CHECK_RC(av_stores_sync(r->archive->stores, &why), AV_OK, &why);
    av_ask_release(&ask);
    return rc;
}

__attribute__((unused)) static void
create(rig *r, const char *name)
{
    Archivolt__CreateStoreRequest body = ARCHIVOLT__CREATE_STORE_REQUEST__INIT;
    av_error err = { 0 };

    body.name = (char *)(uintptr_t)name;
    AV_CHECK_RC(change(r, av_stores_ask_create, &body.base, &err), AV_OK, &err);
}

__attribute__((unused)) static void
set_state(rig *r, uint64_t id, Archivolt__StoreState state)
{
    Archivolt__SetStoreRequestedStateRequest body = ARCHIVOLT__SET_STORE_REQUESTED_STATE_REQUEST__INIT;
    av_error err = { 0 };

    body.id = id;
    body.requested_state = state;
    AV_CHECK_RC(change(r, av_stores_ask_set_state, &body.base, &err), AV_OK, &err);
}

__attribute__((unused)) static void
delete_uid(rig *r, uint32_t uid)
{
    Archivolt__DeleteMessageRequest body = ARCHIVOLT__DELETE_MESSAGE_REQUEST__INIT;
    av_ask ask = { .archive = r->archive, .body = &body.base, .caller = "test" };
    char id[AV_MESSAGE_ID_TEXT + 1];
    av_placement p = placement(r, uid);
    av_error err = { 0 };

    av_message_id_format(p.digest, id);
    body.id = id;
    body.reason = (char *)(uintptr_t) "test";
    AV_CHECK_RC(av_ask_do(&ask, av_deletion_ask_delete, NULL, NULL, &err), AV_OK, &err);
    av_ask_release(&ask);
}

__attribute__((unused)) static void
lose(rig *r, const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", r->dir, name);
    av_error err;

    AV_CHECK_RC(av_dir_remove(path, r->dir, &err), AV_OK, &err);
}

#endif
