/*
 * store_ops_recover_priv.h - a recovery at work, for store_ops_recover.c (its steps) and store_ops_recover_beside.c
 */
#ifndef AV_INSTANCE_STORE_OPS_RECOVER_PRIV_H
#define AV_INSTANCE_STORE_OPS_RECOVER_PRIV_H

#include "actors/instance/store_ops_priv.h"
#include "storage/care/recover.h"

typedef struct store_recovery {
    store_op *op;
    uint32_t id, no;
    bool with_deleted;
    char *source_dir, *work_dir;
    char *content, *database; /* of the new store, as rows keep them */
    uint64_t witnessed;
    av_store_keys *source_keys, *keys;
    av_store *store;
    av_store_view *view;
    uint8_t uuid[AV_STORE_UUID_SIZE];
    av_meta_view *catalog;
    char path[AV_MAILBOX_PATH_MAX + 1];
    av_recover_result result;
} store_recovery;

/* The work of op->beside: op->state is the recovery, its new store and the catalog's snapshot are open. */
av_errc store_recovery_beside(store_op *op, av_error *err);

#endif
