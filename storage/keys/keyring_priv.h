/*
 * keyring_priv.h - the object behind keyring.h: keyring.c keeps it and its stores, keyring_export.c lets stores travel
 */
#ifndef AV_KEYS_KEYRING_PRIV_H
#define AV_KEYS_KEYRING_PRIV_H

#include <pthread.h>

#include "storage/keys/keyring.h"
#include "storage/keys/keys_priv.h"

#define KEYS_RING_FILE_MAX (KEYS_HEADER_RECOVERY + KEYS_TAG + 68 + (size_t)AV_KEYRING_STORES * 48)

typedef struct keys_ring_store {
    uint8_t uuid[16];
    uint8_t key[32];
    av_store_keys *open; /* the one object of its keys; NULL until somebody asks */
} keys_ring_store;

/* What the sealed piece of keyring.avk holds. */
typedef struct keys_ring_body {
    uint8_t catalog[32], accounts[32];
    keys_ring_store *stores; /* by ascending UUID; `open` is not of the piece */
    size_t n;
} keys_ring_body;

struct av_keyring {
    char *dir;
    int lock_fd;
    pthread_mutex_t mutex; /* guards all below */
    uint8_t instance_key[32];
    keys_header header; /* as on disk */
    keys_ring_body body;
    bool broken; /* a write failed and nobody knows what is on disk */
};

/* Pure. ret is zeroed; AV_ERR_CORRUPT. */
av_errc keys_ring_decode(av_span in, keys_ring_body *ret, av_error *err);
bool keys_ring_encode(const keys_ring_body *self, av_buf *out);
/* Wipes and frees; lets go of open stores. */
void keys_ring_release(keys_ring_body *self);

/* "<self->dir>/<uuid in hex>" */
av_errc keys_ring_store_dir(const av_keyring *self, const uint8_t uuid[16], char ret[KEYS_PATH], av_error *err);
/* The rest is under the mutex. Header and body sealed with the key, durably; the object takes the header on. */
av_errc keys_ring_write(
    av_keyring *self, const keys_header *header, const keys_ring_body *body, const uint8_t key[32], av_error *err);
/* NULL: not in the keyring. */
keys_ring_store *keys_ring_find(av_keyring *self, const uint8_t uuid[16]);
/* An entry, durable; AV_ERR_EXISTS, AV_ERR_LIMIT. */
av_errc keys_ring_add(av_keyring *self, const uint8_t uuid[16], const uint8_t store_key[32], av_error *err);
/* The one object of a store's keys, borrowed. */
av_errc keys_ring_open(av_keyring *self, keys_ring_store *store, av_store_keys **ret, av_error *err);

#endif
