/*
 * erase.c - see erase.h
 */
#include "storage/care/erase.h"

#include "storage/store/event.h"
#include "storage/store/inspect.h"

#define AT_ONCE 4096U /* contents whose keys go with one write of their trees */

typedef struct finisher {
    av_store *store;
    const av_care_watch *watch;
    uint64_t lsns[AT_ONCE];
    size_t n;
    uint64_t records;
} finisher;

static av_errc
destroy(finisher *self, av_error *err)
{
    av_errc rc = self->n == 0 ? AV_OK : av_store_erase(self->store, self->lsns, self->n, err);

    self->records += rc == AV_OK ? self->n : 0;
    self->n = 0;
    return rc;
}

/* Dropped by compaction, or without a key: as it should be. */
static av_errc
has_key(finisher *self, uint64_t lsn, bool *ret, av_error *err)
{
    uint8_t front[AV_RECORD_HEADER];
    av_record_header h;
    size_t n = 0;
    bool erased = true;
    av_errc rc = av_container_files_record(av_store_files(self->store), lsn, &h, front, sizeof front, &n, err);

    *ret = false;
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc == AV_OK && av_record_has_slot(h.kind))
        rc = av_store_keys_is_erased(av_store_keys_of(self->store), av_lsn_container(lsn), h.slot, &erased, err);
    *ret = rc == AV_OK && !erased;
    return rc;
}

static av_errc
on_event(void *ctx, AV_UNUSED uint64_t event_lsn, av_span body, av_error *err)
{
    finisher *self = ctx;
    av_event event;
    uint64_t lsn = 0;
    av_span list;
    av_errc rc = av_event_decode(body, &event, err);

    if (rc != AV_OK || event.kind != AV_EVENT_CONTENT_ERASED)
        return rc;
    for (list = event.erased.lsns; rc == AV_OK && av_event_list_next_item(&list, &lsn);) {
        bool has = false;

        rc = has_key(self, lsn, &has, err);
        if (rc == AV_OK && has)
            self->lsns[self->n++] = lsn;
        if (rc == AV_OK && self->n == AT_ONCE)
            rc = destroy(self, err);
    }
    return rc;
}

static av_errc
on_commit(void *ctx, uint64_t lsn, av_error *err)
{
    finisher *self = ctx;

    return av_care_go_on(self->watch, lsn, av_store_committed_lsn(self->store), err);
}

av_errc
av_care_finish_erasures(
    av_store *store, uint64_t after_lsn, const av_care_watch *watch, uint64_t *ret_records, av_error *err)
{
    AV_CLEANUP(av_free) finisher *self = av_xcalloc(1, sizeof *self);
    const av_store_visitor visitor = { .ctx = self, .event = on_event, .commit = on_commit };
    av_errc rc;

    self->store = store;
    self->watch = watch;
    rc = av_store_replay(store, after_lsn, &visitor, err);
    if (rc == AV_OK)
        rc = destroy(self, err);
    if (ret_records != NULL)
        *ret_records = self->records;
    return rc;
}
