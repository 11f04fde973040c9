/*
 * stores_priv.h - the registry's own state, shared by stores.c (use), stores_open.c (one store) and stores_sync.c (writer)
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
    size_t cache_bytes;
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
/* Make it BUSY: waits for others; fails when it is in use by more than `users`. */
av_errc av_stores_take(av_stores *self, store_slot *slot, unsigned users, av_error *err);
/* Ends BUSY. */
void av_stores_give(av_stores *self, store_slot *slot, slot_state state);
/* Users come in: opens when it is closed. Lock held at entry and exit. */
av_errc av_stores_enter(av_stores *self, store_slot *slot, av_error *err);
void av_stores_leave(av_stores *self, store_slot *slot);

#endif
