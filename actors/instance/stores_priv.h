/*
 * stores_priv.h - the registry's own state, and what its files do for each other
 *
 *   stores.c          who uses which store
 *   stores_info.c     what is known of them
 *   stores_open.c     one store opened and closed
 *   stores_sync.c     the writer: open, in line with the rows, close
 *   stores_rows.c     slots from rows
 *   stores_attach.c   stores in the catalog, caught up with their logs
 *   stores_current.c  the current store
 *   stores_write.c    others that are worked on
 *   stores_make.c     new ones
 *
 * A slot is a row and what this process has open of it. `lock` guards the list and every slot's fields; opening, closing
 * and catching up happen outside of it while the slot is BUSY, and others wait for `changed`.
 */
#ifndef AV_INSTANCE_STORES_PRIV_H
#define AV_INSTANCE_STORES_PRIV_H

#include <pthread.h>

#include "actors/instance/stores.h"

typedef enum slot_state { SLOT_CLOSED, SLOT_BUSY, SLOT_OPEN } slot_state;

typedef struct store_slot store_slot;
struct store_slot {
    av_open_store open; /* first member: what users hold points to it */
    av_store_row *row;
    slot_state state;
    unsigned users;
    bool attached; /* to the catalog: the writer's */
    bool behind;   /* its view does not reflect all of its log */
    bool gone;     /* has no row any more: freed by the writer when nobody uses it */
    bool reserved;
    unsigned cared; /* kinds of care it is under now: av_stores_care */
    bool unread;    /* what its log gave is not known: the catalog has not seen its end, and could not */
    bool fresh;     /* came or was enabled since the catalog last saw it */
    uint64_t used;  /* of the registry's clock: the least is the longest unused */
    uint64_t messages, bytes, stored;
    av_error error; /* why it could not be opened; AV_OK: none */
    int64_t error_mono_ms;
    store_slot *next;
};

struct av_stores {
    char *dir;
    av_keyring *keyring;
    av_accounts *accounts;
    av_catalog *catalog;
    uint64_t max_message_bytes;
    size_t cache_bytes, search_bytes;
    bool no_index;
    av_index_desk *desk;
    av_buf index_settings; /* what indexes are to be made with */
    unsigned most_open;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    store_slot *slots; /* by id */
    uint64_t clock;
    bool begun;          /* what comes from now on is new to the catalog */
    store_slot *current; /* the writer's; held and attached; NULL: it cannot be opened */
    av_error current_error;
};

/* stores_open.c: with the slot BUSY and no lock held. row: a copy of the slot's, which the writer may replace. */
av_errc av_store_slot_open(av_stores *self, store_slot *slot, const av_store_row *row, av_error *err);
void av_store_slot_close(store_slot *slot);

/* stores.c: with the lock held. */
store_slot *av_stores_slot(av_stores *self, uint32_t id);
/* AV_ERR_NOT_FOUND "there is no archive store 7". */
av_errc av_stores_no_store(uint32_t id, av_error *err);
/* Make it BUSY: waits for others; fails when it is in use by more than `users`. */
av_errc av_stores_take(av_stores *self, store_slot *slot, unsigned users, av_error *err);
/* Ends BUSY. */
void av_stores_give(av_stores *self, store_slot *slot, slot_state state);
/* Users come in: opens when it is closed. Lock held at entry and exit. */
av_errc av_stores_enter(av_stores *self, store_slot *slot, av_error *err);
void av_stores_leave(av_stores *self, store_slot *slot);

/* ---- the writer's: lock held at entry and exit; attaching and catching up let go of it on the way ---- */

/* stores_rows.c */
/* All rows into slots; slots without a row are gone. The configuration of indexes as it is now. */
av_errc av_stores_rows_read(av_stores *self, av_error *err);
/* Numbers and counters as the catalog has them. */
void av_stores_numbers_read(av_stores *self);
/* Durable before the first event goes to a store that is not current. */
av_errc av_stores_mark_dirty(av_stores *self, store_slot *slot, av_error *err);
/* A new row in a group of its own. Needs no lock. */
av_errc av_stores_row_create(av_stores *self, av_store_row *row, av_error *err);

/* stores_attach.c; ret_rebuilt is set when the catalog was emptied: everything has to be caught up then */
/* Its view may be emptied on the way: nobody may look into it. The slot is held. */
av_errc av_stores_attach(av_stores *self, store_slot *slot, bool *ret_rebuilt, av_error *err);
void av_stores_detach(av_stores *self, store_slot *slot);
/* Use, attach and let go: for one whose log the catalog has not seen to its end. */
av_errc av_stores_catch_up_one(av_stores *self, store_slot *slot, bool *ret_rebuilt, av_error *err);
/* Every store the catalog may not know to its end; all of them when it was emptied. Trouble is logged. */
void av_stores_catch_up_all(av_stores *self, bool everything);
/* Those that left unread: who asked for it noted floors (av_floors_note_jump). */
av_errc av_stores_let_unread_go(av_stores *self, av_error *err);

/* stores_current.c */
/* As its row says; current_error says why there is none. */
void av_stores_current_choose(av_stores *self);
void av_stores_current_leave(av_stores *self);

/* stores_make.c: nothing at all was there before: the first store. Needs no lock. */
av_errc av_stores_make_first(av_stores *self, av_error *err);

#endif
