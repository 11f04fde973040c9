/*
 * store_row.h - what an instance knows of its archive stores: a row each in accounts, and when a new one is begun
 *
 * Numbers are given once and never again, not even after a detach. What a store holds stands in the store itself.
 */
#ifndef AV_INSTANCE_STORE_ROW_H
#define AV_INSTANCE_STORE_ROW_H

#include "actors/instance/store_paths.h"
#include "proto/stores.pb-c.h"
#include "storage/meta/accounts.h"

#define AV_STORE_NAME_MAX 255
#define AV_STORES_MAX     1000 /* of one instance */

typedef enum av_store_state {
    AV_STORE_CURRENT = 1, /* as in the contract */
    AV_STORE_NORMAL = 2,
    AV_STORE_WRITE_PROTECTED = 3,
    AV_STORE_DISABLED = 4
} av_store_state;

/* What is still to be done before a store is in use as asked; survives a restart. */
typedef enum av_store_task {
    AV_STORE_TASK_NONE = 0,
    AV_STORE_TASK_ADOPT = 1,  /* take its placements over; its messages stand in no mailbox until then */
    AV_STORE_TASK_DETACH = 2, /* its messages are leaving their mailboxes; then the row goes */
    AV_STORE_TASK_REPLAY = 3  /* its view has to be made again */
} av_store_task;

enum {
    AV_INDEX_MARK_SELECTED = 1, /* by hand */
    AV_INDEX_MARK_STALE = 2     /* the configuration changed while it had another, or was not open */
};

typedef struct av_store_row {
    uint32_t id;
    uint8_t uuid[16];
    char *name;
    char *content, *database, *index; /* as given: absolute, or beginning with ~/ */
    av_store_state state;
    av_store_task task;
    bool locked;        /* its keys are another instance's */
    bool dirty;         /* its log may be ahead of the catalog: caught up at the next start */
    uint8_t index_mark; /* AV_INDEX_MARK_*: its search index waits for RebuildSelectedStoreIndexes */
    char operation[33]; /* id of the long operation that works at the task; empty: none */
    int64_t created_ms;
} av_store_row;

av_store_row *av_store_row_copy(const av_store_row *self);
/* For AV_CLEANUP, too. */
void av_store_row_destroy(av_store_row **self);
/* Its folders from now on; paths is left empty. */
void av_store_row_take_paths(av_store_row *self, av_store_paths *paths);
av_errc av_store_row_encode(const av_store_row *self, av_buf *out, av_error *err);
av_errc av_store_row_decode(av_span row, av_store_row **ret, av_error *err);

/* In the open group of accounts. create gives self its number. */
av_errc av_store_row_create(av_accounts *accounts, av_store_row *self, av_error *err);
av_errc av_store_row_put(av_accounts *accounts, const av_store_row *self, av_error *err);
av_errc av_store_row_delete(av_accounts *accounts, uint32_t id, av_error *err);
/* All, by number: while ((rc = av_store_row_next(it, &row, err)) == AV_OK && row != NULL). Ends with
 * av_meta_iter_destroy. */
av_meta_iter *av_store_rows(const av_meta_view *view);
av_errc av_store_row_next(av_meta_iter *it, av_store_row **ret, av_error *err);

/* No store was ever made. */
av_errc av_store_row_never(const av_meta_view *view, bool *ret, av_error *err);

/* The configuration of auto-create; the defaults when it was never set. Heap: free_unpacked. */
av_errc av_store_auto_get(const av_meta_view *view, Archivolt__StoreAutoCreateConfiguration **ret, av_error *err);
av_errc av_store_auto_put(av_accounts *accounts, const Archivolt__StoreAutoCreateConfiguration *config, av_error *err);

#endif
