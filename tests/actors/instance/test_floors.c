/*
 * test_floors.c - no UID is given twice, whatever the catalog lost while a store was disabled, away or newer elsewhere
 */
#include "actors/instance/floors.h"
#include "base/encode.h"
#include "storage/backup/backup.h"
#include "tests/actors/instance/stores_rig.h"

/* The catalog is lost while the store that has the newest UIDs is disabled: they are not given again. */
static void
test_uids_of_a_disabled_store(void)
{
    av_mailbox before, mailbox;
    rig r;

    rig_new(&r);
    put_message(&r, 1);
    create(&r, "next");
    put_message(&r, 2);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    put_message(&r, 3);
    put_message(&r, 4);
    set_state(&r, 2, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &before), AV_OK);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED);
    rig_close(&r);
    lose(&r, "catalog");
    rig_open(&r);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, 1);
    AV_CHECK_INT(mailbox.uidnext, 5);
    AV_CHECK_INT(mailbox.uidvalidity, before.uidvalidity);
    AV_CHECK(mailbox.highestmodseq >= before.highestmodseq);
    put_message(&r, 5);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_NORMAL);
    read_all(&r, 5);
    rig_end(&r);
}

/* Restored from a backup, which the file says: the original may have given 3 and 4 since. */
static void
test_uids_of_a_restored_instance(void)
{
    AV_CLEANUP(av_free) char *file = NULL;
    AV_CLEANUP(av_free) char *from = NULL;
    AV_CLEANUP(av_free) char *to = NULL;
    char hex[33];
    av_mailbox before, mailbox;
    av_store_info *info = NULL;
    uint32_t validity = 0;
    av_error err;
    rig r;

    rig_new(&r);
    put_message(&r, 1);
    put_message(&r, 2);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &before), AV_OK);
    AV_CHECK_RC(av_stores_info(r.archive->stores, 1, &info, &err), AV_OK, &err);
    av_hex_encode(av_span_of(info->row->uuid, 16), hex);
    av_store_infos_free(info, info != NULL);
    rig_close(&r);
    from = av_xasprintf("%s/stores/store-1", r.dir);
    to = av_xasprintf("%s/stores/%s", r.dir, hex);
    file = av_xasprintf("%s/" AV_RESTORED, r.dir);
    AV_CHECK_INT(rename(from, to), 0);
    lose(&r, "catalog");
    AV_CHECK_RC(av_file_replace(file, av_span_str("restored\n"), 0600, &err), AV_OK, &err);
    rig_open(&r);
    AV_CHECK(!av_file_exists(file));
    put_message(&r, 5);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.messages, 3);
    AV_CHECK_INT(mailbox.uidvalidity, before.uidvalidity);
    AV_CHECK_INT(mailbox.uidnext, before.uidnext + AV_FLOOR_JUMP_UID + 1);
    AV_CHECK(mailbox.highestmodseq > before.highestmodseq + AV_FLOOR_JUMP_MODSEQ);
    AV_CHECK_RC(av_archive_new_uidvalidity(r.archive, &validity, &err), AV_OK, &err);
    AV_CHECK(validity > before.uidvalidity + AV_FLOOR_JUMP_UIDVALIDITY);
    rig_close(&r);
    lose(&r, "catalog"); /* and it stays so */
    rig_open(&r);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.uidnext, before.uidnext + AV_FLOOR_JUMP_UID + 1);
    rig_end(&r);
}

/* The catalog is lost while a store's disk is away: what that store gave is not known, so nothing is given. */
static void
test_uids_of_a_store_that_is_away(void)
{
    AV_CLEANUP(av_free) char *here = NULL;
    AV_CLEANUP(av_free) char *away = NULL;
    char problem[320];
    av_mailbox mailbox;
    av_intake *intake;
    av_error err;
    rig r;

    rig_new(&r);
    put_message(&r, 1);
    create(&r, "next");
    put_message(&r, 2);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    put_message(&r, 3);
    set_state(&r, 2, ARCHIVOLT__STORE_STATE__STORE_STATE_CURRENT);
    here = av_xasprintf("%s/stores/store-1/content", r.dir);
    away = av_xasprintf("%s/away", r.dir);
    rig_close(&r);
    lose(&r, "catalog");
    AV_CHECK_INT(rename(here, away), 0);
    rig_open(&r);
    AV_CHECK(av_stores_problem(r.archive->stores, problem, sizeof problem));
    intake = rig_intake(&r, 99);
    AV_CHECK_INT(av_intake_end(intake, AV_RUN_FINISHED, &err), AV_ERR_UNAVAILABLE);
    AV_CHECK(strstr(err.msg, "store-1") != NULL);
    av_intake_destroy(&intake);
    rig_close(&r);
    AV_CHECK_INT(rename(away, here), 0);
    rig_open(&r);
    put_message(&r, 4);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK_INT(mailbox.uidnext, 5);
    rig_close(&r); /* once more, and it never comes back: disabling it is the way out */
    lose(&r, "catalog");
    AV_CHECK_INT(rename(here, away), 0);
    rig_open(&r);
    set_state(&r, 1, ARCHIVOLT__STORE_STATE__STORE_STATE_DISABLED);
    put_message(&r, 5);
    AV_CHECK_INT(rig_mailbox(&r, "alice", &mailbox), AV_OK);
    AV_CHECK(mailbox.uidnext > AV_FLOOR_JUMP_UID);
    rig_end(&r);
}

int
main(void)
{
    AV_RUN(test_uids_of_a_disabled_store);
    AV_RUN(test_uids_of_a_restored_instance);
    AV_RUN(test_uids_of_a_store_that_is_away);
    return av_check_done();
}
