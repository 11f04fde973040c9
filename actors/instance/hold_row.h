/*
 * hold_row.h - a hold as accounts keep it
 *
 * Lifted ones stay, so that a store that was closed meanwhile hears of it. Texts are the row's own (heap).
 */
#ifndef AV_INSTANCE_HOLD_ROW_H
#define AV_INSTANCE_HOLD_ROW_H

#include "storage/meta/accounts.h"
#include "storage/store/event.h"

typedef struct av_hold_row {
    uint8_t id[AV_GUID_SIZE];
    char *name, *who;
    bool has_mailbox, has_digest;
    uint8_t mailbox[AV_GUID_SIZE], digest[32];
    int64_t time_ms, lifted_ms; /* lifted 0: it stands */
} av_hold_row;

typedef struct av_hold_list {
    av_hold_row *v;
    size_t n;
} av_hold_list;

void av_hold_row_release(av_hold_row *self);   /* for AV_CLEANUP */
void av_hold_list_release(av_hold_list *self); /* for AV_CLEANUP */

/* In the open group of accounts. AV_ERR_LIMIT: its name is too long. */
av_errc av_hold_row_put(av_accounts *accounts, const av_hold_row *self, av_error *err);
/* All, by id, behind what ret has. AV_ERR_CORRUPT: a row cannot be read; ret has those before it. */
av_errc av_hold_list_read(const av_meta_view *view, av_hold_list *ret, av_error *err);

#endif
