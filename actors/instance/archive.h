/*
 * archive.h - what an instance owns on disk: its lock, its keys, its stores, the catalog over them, its accounts
 *
 *   <dir>/instance.lock   held as long as the process lives; "<pid>\n"
 *   <dir>/keyring/        the keys of all that follows, opened by the instance key
 *   <dir>/accounts/       users, settings, stores, runs, results of repeatable requests (the truth, synced)
 *   <dir>/catalog/        the view over the logs (can be lost)
 *   <dir>/stores/...      the archive stores (stores.h), unless they were put elsewhere
 *
 * Opening starts at the log positions the views know, so that an instance wakes without reading its logs again.
 * Not here: threads, the bus. One writer thread changes things; readers take snapshots.
 */
#ifndef AV_INSTANCE_ARCHIVE_H
#define AV_INSTANCE_ARCHIVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "actors/instance/changes.h"
#include "actors/instance/stores.h"
#include "storage/meta/views.h"

#define AV_DAY_MS          ((int64_t)24 * 3600 * 1000)
#define AV_SEARCH_BYTES    (64ULL * 1024 * 1024)
#define AV_SAVED_SEARCHES  200U
#define AV_TRUNCATED_SLOTS 64

typedef struct av_archive_config {
    const char *dir;             /* made when missing */
    uint8_t instance_key[32];    /* opens the keyring; the caller wipes it */
    uint8_t recovery_public[32]; /* for a keyring that is made now; zeros: none is made */
    uint64_t max_message_bytes;  /* larger ones are refused */
    uint64_t search_bytes;       /* of one message that a search looks at; 0: AV_SEARCH_BYTES */
    bool no_index;               /* search indexes are neither made nor asked */
    size_t saved_searches;       /* of one user; 0: AV_SAVED_SEARCHES */
    size_t cache_bytes;          /* of the catalog and of each store's view; 0: their defaults */
    unsigned open_stores;        /* 0: AV_STORES_OPEN */
    int64_t grace_ms;            /* a deleted message can be restored for this time */
} av_archive_config;

typedef struct av_doc_sets av_doc_sets;

typedef struct av_archive {
    char *dir;
    int lock_fd;
    av_keyring *keyring;
    av_accounts *accounts;
    av_catalog *catalog;
    av_stores *stores;
    av_index_desk *desk;              /* of the indexer: any thread */
    av_doc_sets *doc_sets;            /* reach.h: any thread */
    av_changes *changes;              /* mailboxes that changed: any thread */
    const av_open_store *group_store; /* writer: where the open group goes; NULL: none is open */
    uint8_t uuid[16];                 /* of the instance: written into placements and mailboxes */
    void (*committed)(void *ctx);     /* told of each group, in the writer's thread; NULL: nobody */
    void *committed_ctx;
    atomic_uint_fast64_t commits; /* groups committed since start */
    uint64_t max_message_bytes, search_bytes;
    size_t saved_searches;
    int64_t grace_ms;
    atomic_uint_fast64_t truncated; /* times a message was searched only in part */
    /* LSNs of the last of them, so that each is logged once (probe.c). */
    atomic_uint_fast64_t truncated_lsns[AV_TRUNCATED_SLOTS];
    pthread_mutex_t large;             /* held by who has a large message in memory (content.h) */
    bool catalog_behind;               /* writer: a group is in a log and not in the views */
    uint32_t last_uidvalidity;         /* writer: 0 until the first mailbox is made */
    int64_t last_archived_ms;          /* writer */
    int64_t auto_create_after_mono_ms; /* writer: a new store could not be made; not tried before */
} av_archive;

/*
 * AV_ERR_BUSY: another process has this folder (the sentence names its pid). AV_ERR_AUTH: wrong key. AV_ERR_VERSION: made
 * by an experimental version. Else what keyring, catalog and accounts say. A store that cannot be opened is no failure.
 */
av_errc av_archive_open(const av_archive_config *config, av_archive **ret, av_error *err);
void av_archive_close(av_archive **self); /* NULL and *NULL are no-ops; nothing of it may be in use */

/* Path below the archive's folder; owned by the caller (free). */
char *av_archive_path(const av_archive *self, const char *sub);

/* Writer, outside a group: replay what a failed commit of the views left out. Nothing to do most of the time. */
av_errc av_archive_catch_up(av_archive *self, av_error *err);
/* Writer: a UIDVALIDITY never given before in this instance, from the clock (decisions.md 9). */
av_errc av_archive_new_uidvalidity(av_archive *self, uint32_t *ret, av_error *err);
/* Writer: max(clock, the last one given) (decisions.md 13). */
int64_t av_archive_now(av_archive *self);

/*
 * A group of events in one store, of the writer: begin, { event, mailbox }..., commit or rollback. The store is held and
 * attached (av_stores_current, av_stores_write). begin fails when the views are behind and cannot catch up.
 */
av_errc av_archive_begin(av_archive *self, const av_open_store *store, av_error *err);
/* On failure nothing was committed and the group is over. */
av_errc av_archive_commit(av_archive *self, av_error *err);
/* Nothing to do when none is open. */
void av_archive_rollback(av_archive *self);
/*
 * The mailbox of this path in normal form, made with all its parents when it is not there, and announced to the group's
 * store when that does not know it. After a failure other than AV_ERR_INVALID the group has to be rolled back.
 */
av_errc av_archive_mailbox(av_archive *self, av_span path, av_mailbox *ret, av_error *err);
/* Writer: the GUID of the mailbox of this path, in any form people write it. AV_ERR_NOT_FOUND, AV_ERR_INVALID. */
av_errc av_archive_mailbox_guid(av_archive *self, const char *folder, uint8_t ret[AV_GUID_SIZE], av_error *err);
/* Put an event into log and views. attributes: row of a placement's message, or empty. */
av_errc av_archive_event(av_archive *self, const av_event *event, av_span attributes, av_error *err);

#endif
