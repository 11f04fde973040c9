/*
 * erase.c - destroying the keys of messages and parts
 *
 * Segments that went to the log while they arrived have slots of their own, which only the record's table names: they go
 * first, so that a crash in between leaves the record readable and the same call goes on.
 */
#include "storage/store/store_priv.h"

typedef struct slots {
    av_buf segments, records; /* av_key_slot each */
} slots;

static bool
add(av_buf *list, const av_record_header *h)
{
    av_key_slot slot = { av_lsn_container(h->lsn), h->slot };

    return av_buf_append(list, &slot, sizeof slot);
}

/* Slots of the segments a record's table names. */
static av_errc
add_segments(const av_store *store, const store_source *source, slots *ret, av_error *err)
{
    uint8_t front[AV_RECORD_HEADER];
    av_record_header segment;
    size_t n;
    av_errc rc = AV_OK;

    for (uint32_t i = 0; rc == AV_OK && source->table.form == AV_CONTENT_PROVISIONAL && i < source->table.count; i++) {
        rc = store_log_record(store, source->table.segments[i].at, &segment, front, sizeof front, &n, err);
        if (rc == AV_ERR_NOT_FOUND || rc == AV_ERR_CORRUPT) {
            rc = AV_OK; /* one that cannot be found keeps no other from going */
            continue;
        }
        if (rc == AV_OK && !add(&ret->segments, &segment))
            rc = av_error_set(err, AV_ERR_NOMEM, "too many segments to erase at once");
    }
    return rc;
}

static av_errc
gather(const av_store *store, store_tools *tools, uint64_t lsn, slots *ret, av_error *err)
{
    static const av_record_kind kinds[] = { AV_RECORD_MESSAGE, AV_RECORD_PART };
    store_source source = { 0 };
    av_errc rc = AV_ERR_NOT_FOUND;

    for (size_t i = 0; rc == AV_ERR_NOT_FOUND && i < AV_COUNT(kinds); i++) {
        store_source_close(&source);
        source = (store_source){ 0 };
        rc = store_source_open(store, tools, lsn, kinds[i], &source, err);
    }
    if (rc == AV_OK)
        rc = add_segments(store, &source, ret, err);
    /* Damaged: it goes with its key all the same, and keeps no other from going. */
    if (rc == AV_ERR_CORRUPT && av_record_has_slot(source.header.kind))
        rc = AV_OK;
    if (rc == AV_OK && !add(&ret->records, &source.header))
        rc = av_error_set(err, AV_ERR_NOMEM, "too many records to erase at once");
    store_source_close(&source);
    /* Erased already, or dropped by compaction since: what is asked for is the case. */
    return rc == AV_ERR_GONE || rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

static av_errc
erase(av_store *self, const av_buf *list, av_error *err)
{
    if (list->n == 0)
        return AV_OK;
    return av_store_keys_erase(
        self->keys, (const av_key_slot *)(const void *)list->p, list->n / sizeof(av_key_slot), err);
}

av_errc
av_store_erase(av_store *self, const uint64_t *lsns, size_t n, av_error *err)
{
    slots list = { 0 };
    store_tools *tools = NULL;
    av_errc rc = store_spare_take(self->spare, &tools, err);

    av_buf_init(&list.segments, 1U << 30);
    av_buf_init(&list.records, 1U << 30);
    for (size_t i = 0; rc == AV_OK && i < n; i++)
        rc = gather(self, tools, lsns[i], &list, err);
    if (rc == AV_OK)
        rc = erase(self, &list.segments, err);
    if (rc == AV_OK)
        rc = erase(self, &list.records, err);
    if (tools != NULL)
        store_spare_give(self->spare, tools);
    av_buf_release(&list.segments);
    av_buf_release(&list.records);
    return rc;
}
