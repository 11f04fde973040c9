/*
 * catalog_priv.h - rows of the catalog, shared by its files
 *
 *   catalog.c        open, discard, groups, stores     catalog_row.c    rows to bytes and back
 *   catalog_name.c   which mailbox has which path      catalog_read.c   everything that reads
 *   apply.c          events                            catalog_count.c  counters, counting again
 *   floor.c          what was given and is in no log
 *   catch_up.c       replay                            expunge.c        a store leaves
 *   catalog_thread.c threads, message ids              catalog_uids.c   which UIDs there are
 *
 * Keys (numbers big-endian)                           Values (numbers little-endian)
 *   V                                                 version u32, check of the key (16), instance UUID
 *   C  store UUID                                     number u32, applied LSN u64, messages u64, bytes u64
 *   A                                                 highest archived_at
 *   Q                                                 highest sequence u64
 *   M  mailbox GUID                                   mailbox, with the path it claims
 *   N  path, NUL for '/', NUL                         GUID            (the last NUL: children follow their parent)
 *   n  the same, class u8, ~sequence u64, GUID        nothing: who claims this path, the first has it
 *   P  mailbox GUID, UID u32                          placement
 *   K  mailbox GUID, UID u32                          keywords, as in the event; only where there are any
 *   U  mailbox GUID, UID / 8192 u32                   highest MODSEQ u64, form u8, runs or bitmap of UIDs
 *   J  token of the message id (16), GUID             UIDs u32        (token: HMAC of the id with the catalog's key)
 *   t  thread (16), message id (18), mailbox GUID, UID u32  nothing
 *   m  store number u32, mailbox GUID                 messages u64, bytes u64; it was announced there
 *   T  first component of paths                       messages u64, bytes u64
 *   R  run UUID, store number u32                     run, as that store's log tells it
 *   r  run UUID, item u64                             outcome u8, then for a refused one path and reason
 */
#ifndef AV_META_CATALOG_PRIV_H
#define AV_META_CATALOG_PRIV_H

#include "storage/meta/catalog.h"
#include "storage/meta/keys.h"

#define CATALOG_VERSION 6U
#define CATALOG_TOKEN   16U
#define CATALOG_ROW_MAX (4U * 1024 * 1024)

typedef struct catalog_store {
    uint8_t uuid[AV_STORE_UUID_SIZE];
    uint32_t no;
    uint64_t applied_lsn;
    av_catalog_totals totals, kept; /* with the open group, without */
    av_store *store;                /* NULL: not attached */
    av_store_view *view;
} catalog_store;

struct av_catalog {
    char *dir;
    uint8_t key[32], instance[AV_GUID_SIZE];
    size_t cache_bytes;
    av_meta *meta;
    catalog_store *stores;
    size_t store_count;
    uint64_t sequence, kept_sequence; /* the highest seen: with the open group, without */
    bool replaying;                   /* what the logs say is settled, never refused */
    av_buf row;                       /* scratch of the writer */
    uint8_t
        expunge_guid[AV_GUID_SIZE]; /* expunge.c: where the last batch ended; from the mailbox's start after an open */
    uint32_t expunge_no, expunge_uid;
};

/* A mailbox's row. The path of box is the claimed one or, when provisional, made of it and the GUID. */
typedef struct catalog_box {
    av_mailbox box;
    bool removed;
    size_t claim_n;
    char claim[AV_MAILBOX_PATH_MAX + 1]; /* empty: no event named it yet, or removed */
} catalog_box;

typedef enum catalog_by {
    CATALOG_BY_UID = 0, /* keys of table P, and all that are no placements */
    CATALOG_BY_ID,      /* of J */
    CATALOG_BY_THREAD,  /* of t */
    CATALOG_BY_BLOCK    /* of U */
} catalog_by;

struct av_catalog_iter {
    const av_meta_view *view;
    av_meta_iter *it;
    catalog_by by;
    uint32_t to_uid;                 /* by UID */
    uint8_t id[AV_MESSAGE_ID_BYTES]; /* by id; by thread: the one before, when has_id */
    bool has_id;
    uint8_t guid[AV_GUID_SIZE];
    av_span uids; /* by id: those of guid not walked yet */
    av_run run;   /* runs: the row read ahead */
    bool has_run;
    uint32_t from_uid, block_uid; /* by block; `uids` are the runs left of it, uid_run the one read ahead */
    uint64_t changed_since;
    av_uid_run uid_run;
    av_buf row;
    av_error error; /* code AV_OK: none of our own */
};

/* catalog.c */
catalog_store *catalog_find_no(const av_catalog *self, uint32_t no);
/* Empty the view; attached stores stay attached, with applied LSN 0. */
av_errc catalog_reset(av_catalog *self, av_error *err);
void catalog_token(const av_catalog *self, const uint8_t *id, uint8_t ret[CATALOG_TOKEN]);
/* Forget a store whose rows are gone; in the open group, which is committed. */
av_errc catalog_drop_store(av_catalog *self, uint32_t no, av_error *err);
/* In the open group: the store's log is replayed from its start when it is attached again. */
void catalog_forget_applied(av_catalog *self, catalog_store *s);
/* Store rows and the sequence into the open group, then commit it. */
av_errc catalog_commit_rows(av_catalog *self, av_error *err);

/* catalog_row.c: encoders append to out; decoders are AV_ERR_CORRUPT for anything else than what was encoded. */
void catalog_mailbox_key(av_meta_key *key, const uint8_t *guid);
void catalog_path_key(av_meta_key *key, char table, av_span path);
void catalog_claim_key(av_meta_key *key, av_span path, bool provisional, uint64_t sequence, const uint8_t *guid);
void catalog_placement_key(av_meta_key *key, const uint8_t *guid, uint32_t uid);
void catalog_keywords_key(av_meta_key *key, const uint8_t *guid, uint32_t uid);
void catalog_token_key(av_meta_key *key, const uint8_t *token, const uint8_t *guid); /* guid NULL: prefix */
void catalog_share_key(av_meta_key *key, uint32_t no, const uint8_t *guid);          /* m; guid NULL: prefix */
void catalog_top_key(av_meta_key *key, av_span path);                                /* T of the first component */
void catalog_run_key(av_meta_key *key, const uint8_t *run);                          /* R, prefix */
bool catalog_box_encode(const catalog_box *self, av_buf *out);
av_errc catalog_box_decode(const uint8_t *guid, av_span row, catalog_box *ret, av_error *err);
/* Sets box.path from claim and box.provisional. */
void catalog_box_name(catalog_box *self);
bool catalog_placement_encode(const av_placement *self, av_buf *out);
av_errc catalog_placement_decode(const uint8_t *guid, uint32_t uid, av_span row, av_placement *ret, av_error *err);
bool catalog_totals_encode(const av_catalog_totals *self, av_buf *out);
av_errc catalog_totals_decode(av_span row, av_catalog_totals *ret, av_error *err);
bool catalog_run_encode(const av_run *self, av_buf *out);
av_errc catalog_run_decode(const uint8_t *run, av_span row, av_run *ret, av_error *err);
/* a tells more of the run than b: for what several logs say. */
bool catalog_run_is_ahead(const av_run *a, const av_run *b);

/* catalog_read.c: any mailbox that has a row, removed and unnamed ones, too. AV_ERR_NOT_FOUND. */
av_errc catalog_box_get(const av_meta_view *view, const uint8_t *guid, catalog_box *ret, av_error *err);
/* Can be seen: created, and not removed. */
bool catalog_box_is_shown(const catalog_box *self);

av_catalog_iter *catalog_iter_new(const av_meta_view *view, av_span prefix, av_span from);
/* false ends the walk, with rc (or what is damaged) as its error. */
bool catalog_iter_keep(av_catalog_iter *self, av_errc rc);
bool catalog_iter_damaged(av_catalog_iter *self, const char *what);

/* catalog_thread.c */
void catalog_thread_key(av_meta_key *key, const av_placement *row);
/* row->thread; thread NULL or zeros: the message is one of its own, named by its digest. */
void catalog_thread_set(av_placement *row, const uint8_t *thread);
bool catalog_thread_next(av_catalog_iter *self, av_placement *ret);

/* catalog_uids.c: in the open group; a placement is there from now on, or no more. They use self->row. */
av_errc catalog_uid_put(av_catalog *self, const uint8_t *guid, uint32_t uid, uint64_t modseq, av_error *err);
av_errc catalog_uid_take(av_catalog *self, const uint8_t *guid, uint32_t uid, av_error *err);

/* catalog_name.c: changes of names in the open group; they store the mailbox's row. */
void catalog_box_put(av_catalog *self, const catalog_box *box);
av_errc catalog_name_claim(av_catalog *self, catalog_box *box, av_span path, uint64_t sequence, av_error *err);
/* The mailbox is removed: it has no name and claims none. */
av_errc catalog_name_drop(av_catalog *self, catalog_box *box, av_error *err);

/* What of a placement is counted. */
typedef struct catalog_weight {
    uint64_t bytes, crlf_bytes;
    uint32_t flags;
} catalog_weight;

/* catalog_count.c: one placement more (sign 1) or less (-1), in all counters but box's, which is counted and not
 * stored. */
av_errc catalog_count(
    av_catalog *self, catalog_box *box, uint32_t no, const catalog_weight *weight, int sign, av_error *err);
/* Counters of an archive, when a mailbox comes under its name (sign 1) or leaves it (-1). */
av_errc catalog_count_top(av_catalog *self, const catalog_box *box, int sign, av_error *err);

/* apply.c: a mailbox's row, or a new one of a mailbox that no log has created so far. */
av_errc catalog_box_take(av_catalog *self, const uint8_t *guid, catalog_box *ret, av_error *err);
/* Take a placement's rows away and count it. */
av_errc catalog_take_placement(av_catalog *self, catalog_box *box, const av_placement *row, av_error *err);

#endif
