/*
 * seal.h - AES-256-GCM over the pieces of one record, and the keys it takes (docs/format-container.md, 5)
 *
 * Pure computation. What is bound: store, place, kind, group, piece; a piece moved anywhere else does not open.
 */
#ifndef AV_CRYPTO_SEAL_H
#define AV_CRYPTO_SEAL_H

#include "base/error.h"
#include "base/span.h"

#define AV_SEAL_KEY   32
#define AV_SEAL_SALT  8
#define AV_SEAL_TAG   16
#define AV_SEAL_TABLE UINT32_MAX /* piece number of a content record's table */

/* Everything a piece is bound to; goes into nonce and additional data. */
typedef struct av_seal_place {
    const uint8_t *store_uuid; /* 16 bytes */
    uint16_t format;
    uint8_t kind;
    bool last; /* the last segment of its record */
    uint32_t container;
    uint64_t lsn, group;
    uint32_t piece;
} av_seal_place;

/* Cipher state of one thread; heap memory. */
typedef struct av_seal av_seal;
av_errc av_seal_new(av_seal **ret, av_error *err);
void av_seal_destroy(av_seal **self);

/*
 * Key of an events, commit or dictionary record: HKDF-SHA-256 (RFC 5869) of the store's log key, salt and LSN, label
 * "archivolt record". The caller wipes ret. (Content has keys that can be erased: storage/keys/store_keys.h.)
 */
void av_seal_record_key(
    const uint8_t log_key[AV_SEAL_KEY], const uint8_t salt[AV_SEAL_SALT], uint64_t lsn, uint8_t ret[AV_SEAL_KEY]);
/*
 * What makes a dropped record authentic, in place of its salt (docs/format-container.md, 9): who has no log key can take
 * nothing out of a container and call it compacted. body: of the dropped record.
 */
void av_seal_dropped(const uint8_t log_key[AV_SEAL_KEY], const uint8_t store_uuid[16], uint64_t lsn, uint64_t group,
    av_span body, uint8_t ret[AV_SEAL_SALT]);
/* HMAC-SHA-256. */
void av_seal_hmac(const uint8_t key[AV_SEAL_KEY], av_span data, uint8_t ret[32]);

/* ret gets plain.n + AV_SEAL_TAG bytes and may not overlap plain. more: further additional data, may be empty. */
av_errc av_seal_piece(av_seal *self, const uint8_t key[AV_SEAL_KEY], const av_seal_place *place, av_span more,
    av_span plain, uint8_t *ret, av_error *err);
/* sealed: ciphertext and tag; ret gets sealed.n - AV_SEAL_TAG bytes. AV_ERR_CORRUPT when it does not open; ret holds
 * nothing of use then. */
av_errc av_seal_open(av_seal *self, const uint8_t key[AV_SEAL_KEY], const av_seal_place *place, av_span more,
    av_span sealed, uint8_t *ret, av_error *err);

#endif
