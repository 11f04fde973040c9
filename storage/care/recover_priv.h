/*
 * recover_priv.h - what the files of recovery share
 *
 *   recover.c  the job, groups, where it stands     recover_content.c  messages     recover_events.c  events
 */
#ifndef AV_CARE_RECOVER_PRIV_H
#define AV_CARE_RECOVER_PRIV_H

#include "base/map.h"
#include "storage/care/recover.h"
#include "storage/care/walk.h"
#include "storage/store/inspect.h"

typedef struct recovery {
    const av_recover_job *job;
    const av_care_watch *watch;
    av_recover_result *result;
    av_store *source; /* the mended copy, read only */
    av_store_inspector *inspector;
    av_care_ranges damaged;
    /* in the target's log this recovery notes how far of the source it is done */
    uint8_t run[AV_GUID_SIZE]; /* UUID of the source */
    uint64_t done_lsn;         /* by an earlier run: up to here all is in the target */
    bool finished;
    uint64_t last_lsn;     /* of the last record that is done */
    uint64_t read_lsn;     /* of the last record that was read */
    uint64_t group_bytes;  /* put since the last commit */
    uint32_t group_events; /* contents and events */
    av_map *mailboxes;     /* by GUID: created in the target */
    av_map *revived;       /* with_deleted, by GUID: mailboxes of which a removal was left out */
    av_map *lost;          /* by source LSN: messages told as lost */
    bool failed;           /* an event could not be put, which is no damage of the source */
    av_buf bytes, body, list;
} recovery;

/* A message whose bytes are not there, until an event says that it was erased. */
typedef struct recover_lost {
    uint8_t digest[AV_SHA256_SIZE];
    char sentence[160];
} recover_lost;

/* recover.c: in the target's log and view. */
av_errc recover_put_event(recovery *self, const av_event *event, av_error *err);
av_errc recover_put_body(recovery *self, av_span body, const av_event *event, av_error *err);
/* A GUID in one of the sets. */
av_errc recover_remember(av_map *set, av_span key, av_error *err);

/* recover_content.c: a message of the source into the target, unless that has it. What cannot be read is left out. */
av_errc recover_message(recovery *self, uint64_t lsn, av_error *err);

/* recover_events.c */
av_errc recover_events(recovery *self, const av_record_header *header, av_span body, av_error *err);
/* Events that are done already, for what they leave in the sets. */
av_errc recover_follow(recovery *self, const av_record_header *header, av_span body, av_error *err);
/* What the caller knows from elsewhere. */
av_errc recover_known(recovery *self, av_error *err);
/* Tell of what is lost. */
av_errc recover_tell_lost(recovery *self, av_error *err);

#endif
