/*
 * intake.h - the messages of one run: a row stream in, placements in the log out, and an account of every item
 *
 * Knows no bus: bytes are fed, what is durable is asked for. Items come numbered 1, 2, 3 ...; each ends as stored, duplicate
 * or refused with a reason, in the same group as the run's progress event, so that after any crash the account is exact and
 * no message is there twice (decisions.md 10, 18, 20). Messages over 8 MB go to the log while they arrive.
 *
 * Writer thread.
 */
#ifndef AV_INSTANCE_INTAKE_H
#define AV_INSTANCE_INTAKE_H

#include "actors/instance/group.h"

typedef struct av_intake av_intake;

typedef struct av_intake_config {
    av_archive *archive;
    av_group *group;
    uint8_t run[16];
    const char *top_folder; /* the archive to write to */
    const char *folder;     /* below it; NULL or "": none */
} av_intake_config;

typedef struct av_account {
    uint64_t last_item, stored, duplicate, refused; /* last_item = stored + duplicate + refused */
} av_account;

/* Goes on where the catalog says the run stands. AV_ERR_CANCELLED when the run has ended, AV_ERR_INVALID for bad folders. */
av_errc av_intake_new(const av_intake_config *config, av_intake **ret, av_error *err);
/* Unfinished items are dropped; it must not take part in an open group (commit or roll back first). */
void av_intake_destroy(av_intake **self);

/*
 * The next bytes of the row stream of IntakeItem. Full groups are committed on the way.
 *
 * Returns AV_OK; AV_ERR_SYNTAX when the stream breaks its own rules; AV_ERR_NOSPACE, AV_ERR_READONLY, AV_ERR_IO and others
 * of the store: what was not durable is rolled back. After any failure the intake is of no more use but for its account.
 */
av_errc av_intake_feed(av_intake *self, av_span bytes, av_error *err);
/*
 * No more bytes come: write the run's last event and commit. AV_RUN_FINISHED needs a whole stream (AV_ERR_SYNTAX when it
 * ends inside an item).
 */
av_errc av_intake_end(av_intake *self, av_run_state state, av_error *err);

/* What is on disk. */
const av_account *av_intake_durable(const av_intake *self);
/* What was seen, the open group included. */
const av_account *av_intake_seen(const av_intake *self);

#endif
