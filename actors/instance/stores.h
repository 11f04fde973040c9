/*
 * stores.h - the archive stores of an instance: which there are, which are open, who uses them
 *
 * The rows in accounts are the truth; here is what this process has open of them. One store is current and open as long
 * as it can be; the others are opened by whoever needs them first and closed, the longest unused first, when more than
 * `most_open` are open and nobody uses them. Who uses a store holds it: it is not closed under a reader.
 *
 *   <dir>/stores/<name>/{content,database,index}   where a store lies unless its row says otherwise
 *   <dir>/keyring/                                 its keys
 *
 * A store that was written while it was not current is marked dirty in its row first, so that the next start brings the
 * catalog to the end of its log before anybody looks.
 *
 * Threads: functions marked *any* may be called by any thread; the others are the writer's. All may block on disk.
 */
#ifndef AV_INSTANCE_STORES_H
#define AV_INSTANCE_STORES_H

#include "actors/instance/index_desk.h"
#include "actors/instance/store_paths.h"
#include "actors/instance/store_row.h"
#include "storage/index/index.h"
#include "storage/keys/keyring.h"
#include "storage/meta/catalog.h"

#define AV_STORES_OPEN 8 /* unless a setting says otherwise */

typedef struct av_stores av_stores;

typedef struct av_stores_config {
    const char *dir;     /* base directory of the instance; copied */
    av_keyring *keyring; /* these three are borrowed until close */
    av_accounts *accounts;
    av_catalog *catalog;
    uint64_t max_message_bytes;
    size_t cache_bytes;  /* of one store's view; 0: its default */
    size_t search_bytes; /* text of a message that is indexed */
    bool no_index;       /* search indexes are left alone: searches look at the messages themselves */
    av_index_desk *desk; /* is told of an index that cannot be opened; borrowed */
    unsigned most_open;  /* 0: AV_STORES_OPEN */
} av_stores_config;

/* A store in use. Borrowed members stay until av_stores_done. */
typedef struct av_open_store {
    uint32_t id; /* of the row */
    uint32_t no; /* in the catalog: `store` of a placement; this and state: the writer's to read */
    av_store_state state;
    av_store *store;
    av_store_view *view;
    av_store_keys *keys;
    av_index *index; /* NULL: it could not be opened (logged); searches look at the messages themselves */
} av_open_store;

/*
 * Makes the first store when the instance never had one, opens the current one and the dirty ones and brings the catalog
 * to the end of their logs. A store that cannot be opened is no failure: av_stores_list says why.
 */
av_errc av_stores_open(const av_stores_config *config, av_stores **ret, av_error *err);
/* Nothing of it may be in use. NULL and *NULL are no-ops. */
void av_stores_close(av_stores **self);
/* Stores and catalog are closed in order: nothing is dirty any more. */
av_errc av_stores_clear_dirty(av_accounts *accounts, av_error *err);

/* ---- use: any ---- */

/* By the catalog's number. AV_ERR_UNAVAILABLE with the reason: disabled, locked, damaged, gone. */
av_errc av_stores_use(av_stores *self, uint32_t no, const av_open_store **ret, av_error *err);
/* By the row's id. AV_ERR_NOT_FOUND: there is no such store. */
av_errc av_stores_use_id(av_stores *self, uint32_t id, const av_open_store **ret, av_error *err);
/* NULL and *NULL are no-ops. */
void av_stores_done(av_stores *self, const av_open_store **store);

/* What is known of a store without opening it. */
typedef struct av_store_info {
    av_store_row *row;
    char *error;              /* why it is not open as asked, or NULL */
    uint64_t messages, bytes; /* placements, as they arrived */
    uint64_t stored;          /* bytes of its containers when it was last open; 0: not known */
    uint32_t no;              /* 0: the catalog does not know it */
    bool reserved;            /* being merged */
    bool is_open;
    bool unread; /* av_stores_all_read */
} av_store_info;

/* any: all, by id. End with av_store_infos_free. */
av_store_info *av_stores_list(av_stores *self, size_t *ret_count);
void av_store_infos_free(av_store_info *list, size_t count);
/* any: one; AV_ERR_NOT_FOUND "there is no archive store 7". ret: av_store_infos_free(ret, 1). */
av_errc av_stores_info(av_stores *self, uint32_t id, av_store_info **ret, av_error *err);
/* any: why nothing can be archived; false: something can. */
bool av_stores_current_problem(av_stores *self, char *ret, size_t size);
/* any: the sentence of a store whose keys are another instance's, with the identifiers of those that open it. */
av_errc av_stores_why_locked(av_stores *self, const av_store_row *row, av_error *err);
/* any: the first sentence about a store that is not as asked; false: none. */
bool av_stores_problem(av_stores *self, char *ret, size_t size);

/* any: what search indexes are to be made with, appended (index_settings.h). */
void av_stores_index_settings(av_stores *self, av_buf *out);
/* any: what this store's index was made with, appended. false: the store is not open, or has no index. */
bool av_stores_index_made_with(av_stores *self, uint32_t id, av_buf *out);

/* ---- the writer's ---- */

/* Where new messages go; held by the registry until the next av_stores_sync. AV_ERR_READONLY or what opening it said. */
av_errc av_stores_current(av_stores *self, const av_open_store **ret, av_error *err);
/*
 * A store to write events to: attached to the catalog and caught up, marked dirty. No group may be open, in accounts
 * neither. Held until av_stores_written. AV_ERR_READONLY: it is write protected (unless that is what is wanted: protected_too).
 */
av_errc av_stores_write(av_stores *self, uint32_t id, bool protected_too, const av_open_store **ret, av_error *err);
/* Nobody may write to this store (av_stores_write says busy) until it is let go: its holder does, beside the writer. */
void av_stores_reserve(av_stores *self, uint32_t id, bool reserve);
/*
 * any: one care of a kind (AV_CARE_VERIFY, AV_CARE_COMPACT) at a time for each store. AV_ERR_BUSY: another is at it.
 * AV_ERR_NOT_FOUND: there is no such store. Ends with av_stores_cared.
 */
enum { AV_CARE_VERIFY = 1, AV_CARE_COMPACT = 2 };
av_errc av_stores_care(av_stores *self, uint32_t id, unsigned kind, av_error *err);
void av_stores_cared(av_stores *self, uint32_t id, unsigned kind);
/* Between groups. NULL and *NULL are no-ops. */
void av_stores_written(av_stores *self, const av_open_store **store);
/* Bring the catalog to the end of every attached store's log: after a group whose views could not follow. */
av_errc av_stores_catch_up(av_stores *self, av_error *err);
/*
 * No group is open: may UIDs and MODSEQs be given? AV_ERR_UNAVAILABLE: a store that is not disabled could not be read to
 * its end since the catalog was lost or left behind, so that what was given is not known. It is tried again.
 */
av_errc av_stores_all_read(av_stores *self, av_error *err);
/* A group was committed in this store: what av_stores_list tells. */
void av_stores_committed(av_stores *self, const av_open_store *store);
/*
 * Bring this process in line with the rows, after a change of them and between groups: new ones are known, disabled and
 * removed ones are closed as soon as nobody uses them, the current one is open.
 */
av_errc av_stores_sync(av_stores *self, av_error *err);
/*
 * Keys and an empty log for a new store; gives row its UUID and time. Then its row, in the open group of accounts
 * (av_store_row_create), or both at once with av_stores_make. AV_ERR_EXISTS, AV_ERR_INVALID: the folder holds something.
 */
av_errc av_stores_make_files(av_stores *self, av_store_row *row, av_error *err);
av_errc av_stores_make(av_stores *self, av_store_row *row, av_error *err);
/* Try those in error again: forget what opening them said. */
void av_stores_retry(av_stores *self);
/* Close what is over the limit and unused; with all: every one but the current. */
void av_stores_trim(av_stores *self, bool all);
/* Throw its view away and make it again from its log. AV_ERR_BUSY while somebody reads it. */
av_errc av_stores_rebuild(av_stores *self, uint32_t id, av_error *err);
/* Close one for work on its files. AV_ERR_BUSY while somebody uses it. */
av_errc av_stores_shut(av_stores *self, uint32_t id, av_error *err);

#endif
