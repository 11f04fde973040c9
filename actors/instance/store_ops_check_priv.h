/*
 * store_ops_check_priv.h - a store under care beside the writer, for store_ops_verify.c and store_ops_compact.c
 */
#ifndef AV_INSTANCE_STORE_OPS_CHECK_PRIV_H
#define AV_INSTANCE_STORE_OPS_CHECK_PRIV_H

#include "actors/instance/store_ops_priv.h"

typedef struct store_check {
    store_op *op;
    const av_open_store *store; /* held */
    av_meta_view *view;
    uint64_t open_puts_lsn;
    char *name, *scratch;
    av_buf compacted; /* numbers of containers, u32 */
    uint64_t faults;  /* of this store */
    uint32_t id;      /* of it */
    unsigned care;    /* it is under; 0: none is taken up */
} store_check;

/* op's own, made when it is first asked for; it goes with op. */
store_check *store_check_of(store_op *op);
/* The id of a request, into op->store_id. */
av_errc store_check_take_id(store_op *op, uint64_t id, av_error *err);
/* On the writer, whose word the frozen look needs. care: AV_CARE_*. AV_ERR_BUSY: the store is under it already. */
av_errc store_check_take_up(store_check *self, uint32_t id, unsigned care, av_error *err);
/* On the writer, also after a failure and when nothing was taken up. */
void store_check_let_go(store_check *self);

/* For an av_care_watch whose ctx is the store_check: lines begin with the store's name. */
bool store_check_on_go_on(void *ctx, uint64_t done, uint64_t total);
void store_check_on_say(void *ctx, av_log_level level, uint64_t lsn, const char *sentence);

#endif
