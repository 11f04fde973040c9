/*
 * instance_priv.h - the instance actor's own state, shared by its files
 *
 * Owned by the bus thread but for the archive, whose writer is the writer thread and whose readers take snapshots.
 */
#ifndef AV_INSTANCE_PRIV_H
#define AV_INSTANCE_PRIV_H

#include <stdatomic.h>

#include "actors/bus/actor.h"
#include "actors/bus/operations.h"
#include "actors/instance/archive.h"
#include "actors/instance/ask.h"
#include "actors/instance/feed.h"
#include "actors/instance/group.h"
#include "actors/instance/indexer.h"
#include "actors/instance/sessions.h"
#include "actors/instance/threads.h"
#include "actors/instance/turns.h"
#include "base/throttle.h"
#include "base/map.h"

#define AV_READERS             2
#define AV_PENDING_MAX         512 /* jobs waiting in one pool; more callers get busy */
#define AV_SEARCHES_OF_SESSION 8   /* waiting; more get busy */
#define AV_EXIT_HEAL           74  /* EX_IOERR: a database took no writes, start me again */
#define AV_EXIT_ASLEEP         75  /* EX_TEMPFAIL: asleep, wake me */

typedef struct av_instance_settings {
    uint64_t max_message_mb, session_idle_s, sessions_per_user, sessions_total, worker_patience_s, remember_login_s;
    uint64_t login_free_tries, login_user_wait_s, login_address_wait_s, scram_iterations;
    uint64_t searches_at_once, search_message_mb, search_unindexed;
    uint64_t open_stores, database_cache_mb, freeze_seconds, grace_days, rest_after_s;
    uint64_t heal_free_mb, heal_pause_s, saved_searches;
    bool search_index;
    av_extract_limits attachments;
} av_instance_settings;

typedef struct av_runs av_runs;
typedef struct av_freeze av_freeze;
typedef struct av_heal av_heal;
typedef struct av_store_ops av_store_ops;
typedef struct av_watch av_watch;

typedef struct av_instance {
    av_instance_settings settings;
    av_actor *actor;
    av_bus *bus;
    av_loop *loop;
    av_archive *archive;
    av_group *group; /* writer thread's */
    av_pool *readers, *writer;
    av_indexer *indexer;
    av_turns *searches; /* finding.c: those that hold a set of candidates */
    av_sessions *sessions;
    av_throttle *by_user, *by_address;
    av_map *remembered; /* folded user -> successful login (login.c) */
    uint8_t boot_key[32];
    size_t logins; /* in work */
    av_operations *operations;
    av_runs *runs;
    av_freeze *freeze;
    av_heal *heal;
    av_store_ops *store_ops;
    av_watch *watch;
    av_handler *work_handlers; /* work.c */
    av_feed *feeds;            /* all */
    size_t feed_n;
    av_loop_timer *housekeeping;
    av_job trim;             /* gives memory back when idle */
    uint64_t sleep_after_ms; /* 0: never */
    int64_t active_mono_ms;  /* last request or end of one */
    int64_t trimmed_mono_ms; /* memory was last given back */
    bool rests_long;         /* the next time, or the last: all that can go */
    bool stopping;
    char problem[480];   /* of the status; empty: none */
    char process_id[33]; /* random: changes with each start */
    uint64_t answered;
    uint64_t messages, message_bytes;                   /* for the status */
    atomic_uint_fast64_t archived, checked, unreadable; /* since start */
} av_instance;

/* Tells the sleep timer that something happens. */
void av_instance_touch(av_instance *self);
/* A handler may go on: not stopping, queue not full. Else the request was failed. */
bool av_instance_admit(av_instance *self, av_request *request, const av_pool *pool);
/* Lane of a request: its session's, else its sender's. */
uint64_t av_instance_lane(const av_request *request);

/* Each adds its handlers to the bus. */
void av_login_serve(av_instance *self);
void av_session_list_serve(av_instance *self);
void av_status_serve(av_instance *self);
void av_work_serve(av_instance *self);
void av_reading_serve(av_instance *self);
void av_fetch_serve(av_instance *self);
void av_finding_serve(av_instance *self);
void av_mailbox_search_serve(av_instance *self);

/* instance_status.c: of av_actor_config. */
void av_instance_on_status(void *ctx, Archivolt__Status *status, av_buf *scratch);

/* login.c: forget remembered logins of a user; all of them that have run out when user is NULL. */
void av_login_forget(av_instance *self, const char *user);
void av_login_destroy(av_instance *self);

#endif
