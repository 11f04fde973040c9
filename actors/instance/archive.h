/*
 * archive.h - what an instance owns on disk: its lock, its store, the catalog over it, its accounts
 *
 *   <dir>/instance.lock          held as long as the process lives; "<pid>\n"
 *   <dir>/accounts/              users, settings, runs, results of repeatable requests (the truth, synced)
 *   <dir>/catalog/               the view over the log (can be lost)
 *   <dir>/stores/store-1/        the log
 *
 * Opening starts at the log position the catalog knows, so that an instance wakes without reading its log again.
 * Not here: threads, the bus. One writer thread changes things; readers take snapshots.
 */
#ifndef AV_INSTANCE_ARCHIVE_H
#define AV_INSTANCE_ARCHIVE_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/meta/accounts.h"
#include "storage/meta/catalog.h"

#define AV_DAY_MS          ((int64_t)24 * 3600 * 1000)
#define AV_SEARCH_BYTES    (64ULL * 1024 * 1024)
#define AV_TRUNCATED_SLOTS 64

typedef struct av_archive_config {
    const char *dir; /* made when missing */
    uint8_t store_key[AV_STORE_KEY_SIZE];
    uint64_t max_message_bytes; /* larger ones are refused */
    uint64_t search_bytes;      /* of one message that a search looks at; 0: AV_SEARCH_BYTES */
    size_t cache_bytes;         /* of the catalog; 0: its default */
} av_archive_config;

typedef struct av_archive {
    char *dir;
    int lock_fd;
    av_accounts *accounts;
    av_catalog *catalog;
    av_store *store;
    uint32_t store_no;
    uint8_t uuid[16]; /* of the instance: written into placements */
    uint64_t max_message_bytes, search_bytes;
    atomic_uint_fast64_t truncated; /* times a message was searched only in part */
    /* LSNs of the last of them, so that each is logged once (probe.c). */
    atomic_uint_fast64_t truncated_lsns[AV_TRUNCATED_SLOTS];
    pthread_mutex_t large;     /* held by who has a large message in memory (content.h) */
    bool catalog_behind;       /* writer: a group is in the log and not in the catalog */
    uint32_t last_uidvalidity; /* writer: 0 until the first mailbox is made */
    int64_t last_archived_ms;  /* writer */
} av_archive;

/*
 * AV_ERR_BUSY: another process has this folder (the sentence names its pid). AV_ERR_AUTH: wrong key. Else what store,
 * catalog and accounts say. A damaged store opens write protected (av_store_problem).
 */
av_errc av_archive_open(const av_archive_config *config, av_archive **ret, av_error *err);
void av_archive_close(av_archive **self); /* NULL and *NULL are no-ops; nothing of it may be in use */

/* Path below the archive's folder; owned by the caller (free). */
char *av_archive_path(const av_archive *self, const char *sub);

/* Writer, outside a group: replay what a failed catalog commit left out. Nothing to do most of the time. */
av_errc av_archive_catch_up(av_archive *self, av_error *err);
/* Writer: a UIDVALIDITY never given before in this instance, from the clock (decisions.md 9). */
av_errc av_archive_new_uidvalidity(av_archive *self, uint32_t *ret, av_error *err);
/* Writer: max(clock, the last one given) (decisions.md 13). */
int64_t av_archive_now(av_archive *self);

/*
 * The mailbox of this path in normal form, made with all its parents when it is not there: events into the open group.
 * Writer, inside av_catalog_begin. After a failure other than AV_ERR_INVALID the group has to be rolled back.
 */
av_errc av_archive_mailbox(av_archive *self, av_span path, av_mailbox *ret, av_error *err);
/* Put an event into the log and apply it to the catalog; the open group of both. */
av_errc av_archive_event(av_archive *self, const av_event *event, av_span summary, av_error *err);

#endif
