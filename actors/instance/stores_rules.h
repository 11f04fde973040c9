/*
 * stores_rules.h - what holds between the stores of an instance: names, folders, one that is current
 */
#ifndef AV_INSTANCE_STORES_RULES_H
#define AV_INSTANCE_STORES_RULES_H

#include "actors/instance/archive.h"

/* Any thread: a store other than `except` (0: none) has this name, letter case ignored. */
bool av_stores_has_name(av_stores *self, const char *name, uint32_t except);
/* Any thread: may a store have it? AV_ERR_INVALID, AV_ERR_EXISTS. */
av_errc av_stores_check_name(av_stores *self, const char *name, uint32_t except, av_error *err);
/* AV_ERR_EXISTS: a folder of a store other than `except` is one of these, or they lie in each other. AV_ERR_INVALID: it
 * is one of the instance's own. */
av_errc av_stores_check_paths(
    av_stores *self, const char *base_dir, const av_store_paths *paths, uint32_t except, av_error *err);
/* A copy of the row to change, the caller's. AV_ERR_NOT_FOUND. */
av_errc av_stores_row_copy(av_stores *self, uint64_t id, av_store_row **ret, av_error *err);
/* In the open group of accounts: no other store than `except` is current any more. */
av_errc av_store_rows_demote(av_accounts *accounts, uint32_t except, av_error *err);
/* In the open group of accounts, of a store that leaves the catalog: what was given there is not given again. */
av_errc av_stores_note_floors(av_archive *archive, const av_store_info *info, av_error *err);

#endif
