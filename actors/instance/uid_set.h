/*
 * uid_set.h - the UIDs a request speaks of: ranges in order, apart from each other
 */
#ifndef AV_INSTANCE_UID_SET_H
#define AV_INSTANCE_UID_SET_H

#include <stdbool.h>

#include "base/error.h"
#include "proto/archive.pb-c.h"

#define AV_UID_RANGES_MAX 100000

typedef struct av_uid_range {
    uint32_t first, last;
} av_uid_range;

typedef struct av_uid_set {
    av_uid_range *ranges;
    size_t n;
} av_uid_set;

/* Sorts and joins. AV_ERR_LIMIT, AV_ERR_INVALID. */
av_errc av_uid_set_init(av_uid_set *self, Archivolt__UidRange *const *ranges, size_t n, av_error *err);
void av_uid_set_release(av_uid_set *self);
bool av_uid_set_has(const av_uid_set *self, uint32_t uid);

#endif
