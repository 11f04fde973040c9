/*
 * catalog_priv.h - rows of the catalog, shared by its files
 *
 *   catalog.c   open, discard, groups, stores     catalog_row.c    rows to bytes and back
 *   apply.c     events                            catalog_read.c   everything that reads
 *   catch_up.c  replay
 *
 * Keys (numbers big-endian)                           Values (numbers little-endian)
 *   V                                                 version u32, check of the key (16)
 *   C  store UUID                                     number u32, applied LSN u64
 *   A                                                 highest archived_at
 *   M  mailbox GUID                                   uidvalidity, uidnext, highestmodseq, messages, bytes, path
 *   N  path, NUL for '/', NUL                         GUID            (the last NUL: children follow their parent)
 *   P  mailbox GUID, UID u32                          placement
 *   K  mailbox GUID, UID u32                          keywords, as in the event; only where there are any
 *   J  token of the message id (16), GUID, UID        nothing         (token: HMAC of the id with the catalog's key)
 *   D  store number u32, dedup key (32)               content LSN
 *   S  store number u32, content LSN u64              summary: the caller's bytes
 *   R  run UUID                                       run
 *   r  run UUID, item u64                             outcome u8, then for a refused one path and reason
 */
#ifndef AV_META_CATALOG_PRIV_H
#define AV_META_CATALOG_PRIV_H

#include "storage/meta/catalog.h"
#include "storage/meta/keys.h"

#define CATALOG_VERSION 2U
#define CATALOG_TOKEN   16U
#define CATALOG_ROW_MAX (4U * 1024 * 1024) /* the largest row is a summary */

typedef struct catalog_store {
    uint8_t uuid[16];
    uint32_t no;
    uint64_t applied_lsn;
    av_store *store; /* NULL: not attached */
} catalog_store;

struct av_catalog {
    char *dir;
    uint8_t key[32];
    size_t cache_bytes;
    av_meta *meta;
    catalog_store *stores;
    size_t store_count;
    av_buf row; /* scratch of the writer */
};

/* catalog.c */
catalog_store *catalog_find_no(const av_catalog *self, uint32_t no);
/* Empty the view; attached stores stay attached, with applied LSN 0. */
av_errc catalog_reset(av_catalog *self, av_error *err);
void catalog_token(const av_catalog *self, const uint8_t *id, uint8_t ret[CATALOG_TOKEN]);

/* catalog_row.c: encoders append to out; decoders are AV_ERR_CORRUPT for anything else than what was encoded. */
void catalog_mailbox_key(av_meta_key *key, const uint8_t *guid);
void catalog_path_key(av_meta_key *key, av_span path);
void catalog_placement_key(av_meta_key *key, const uint8_t *guid, uint32_t uid);
void catalog_keywords_key(av_meta_key *key, const uint8_t *guid, uint32_t uid);
void catalog_token_key(av_meta_key *key, const uint8_t *token, const uint8_t *guid, uint32_t uid);
void catalog_dedup_key(av_meta_key *key, const av_store *store, uint32_t no, const uint8_t *digest);
void catalog_summary_key(av_meta_key *key, uint32_t no, uint64_t lsn);
bool catalog_mailbox_encode(const av_mailbox *self, av_buf *out);
av_errc catalog_mailbox_decode(const uint8_t *guid, av_span row, av_mailbox *ret, av_error *err);
bool catalog_placement_encode(const av_placement *self, av_buf *out);
av_errc catalog_placement_decode(const uint8_t *guid, uint32_t uid, av_span row, av_placement *ret, av_error *err);
bool catalog_run_encode(const av_run *self, av_buf *out);
av_errc catalog_run_decode(const uint8_t *run, av_span row, av_run *ret, av_error *err);

#endif
