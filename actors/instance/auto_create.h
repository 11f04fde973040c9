/*
 * auto_create.h - a new store by itself, when the current one has as many messages or bytes as it shall have, or a new
 *                 month, quarter or year (UTC) has begun
 */
#ifndef AV_INSTANCE_AUTO_CREATE_H
#define AV_INSTANCE_AUTO_CREATE_H

#include "actors/instance/archive.h"

/*
 * Writer, between groups: makes a new current store when one is due. Trouble (no space, a folder that cannot be made) is
 * logged as store.not_created, tried again after a minute, and the current store goes on.
 */
void av_auto_create(av_archive *self);

/* Is one due? now_ms: UTC. Pure. */
bool av_auto_create_is_due(
    const Archivolt__StoreAutoCreateConfiguration *config, const av_store_info *current, int64_t now_ms);
/* The name of a store that begins now: 2026-11, 2026-Q4, 2026 by period, else 2026-11-22; heap. Pure. */
char *av_auto_create_name(const Archivolt__StoreAutoCreateConfiguration *config, int64_t now_ms);

#endif
