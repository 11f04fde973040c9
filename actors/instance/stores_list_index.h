/*
 * stores_list_index.h - what GetStores and VerifyStore tell of a store's search index
 */
#ifndef AV_INSTANCE_STORES_LIST_INDEX_H
#define AV_INSTANCE_STORES_LIST_INDEX_H

#include "actors/instance/archive.h"

/* Fill the index fields of row. One that is not open is not opened for this: only its marks are known. Any thread; reads
 * the store's database as far as the index is behind. */
void av_stores_tell_index(const av_archive *archive, const av_store_info *info, Archivolt__StoreInfo *row);
/* Messages of an open store, and those its index does not have. Any thread; the same. */
av_errc av_stores_index_coverage(
    const av_open_store *open, uint64_t *ret_messages, uint64_t *ret_unindexed, av_error *err);

#endif
