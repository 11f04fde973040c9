/*
 * inspect.h - what looking after a store (storage/care/) sees of it beyond store.h
 *
 * Not for anybody else: records by their kind, the files of the log, parts by themselves.
 */
#ifndef AV_STORE_INSPECT_H
#define AV_STORE_INSPECT_H

#include "storage/container/files.h"
#include "storage/store/store.h"

/* Borrowed, as long as the store is open. */
av_container_files *av_store_files(const av_store *self);
av_store_keys *av_store_keys_of(const av_store *self);
const char *av_store_dir(const av_store *self);

/* Opens records that a scan of the store's files gave; one thread at a time, beside the writer. */
typedef struct av_store_inspector av_store_inspector;
av_errc av_store_inspector_new(const av_store *store, av_store_inspector **ret, av_error *err);
void av_store_inspector_destroy(av_store_inspector **self); /* NULL and *NULL are no-ops */
/* Tell the visitor what av_store_replay would of this record; body as av_scan_next gives it. */
av_errc av_store_inspect(av_store_inspector *self, const av_record_header *header, av_span body,
    const av_store_visitor *visitor, av_error *err);

/* Read all of the part and compare with its digest. AV_ERR_GONE: erased. AV_ERR_NOT_FOUND, AV_ERR_CORRUPT. Any
 * thread. */
av_errc av_store_check_part(const av_store *self, uint64_t lsn, av_error *err);
/* LSNs (uint64_t) of the segment records that the table of a message or part names are appended to out; mostly none.
 * AV_ERR_GONE: erased. Any thread. */
av_errc av_store_segments(const av_store *self, uint64_t lsn, av_record_kind kind, av_buf *out, av_error *err);

/* The lowest LSN of a segment that an open put has written and no record names yet; UINT64_MAX: none. Writer. */
uint64_t av_store_open_puts_lsn(const av_store *self);

/* The marker of a store with these keys into dir, durable: for a copy whose own cannot be read. */
av_errc av_store_put_marker(const char *dir, av_store_keys *keys, av_error *err);

/* Is the store's marker, read now, byte for byte what it was written as? AV_ERR_CORRUPT, AV_ERR_NOT_FOUND. */
av_errc av_store_check_marker(const av_store *self, av_error *err);

#endif
