/*
 * registry.h - who may speak: signed entries by key and by name, on disk before they are in force
 *
 * Does no networking. Never goes back: an entry replaces the one of the same key only with a higher serial, in memory
 * as on disk. Revoked entries are kept so that an old signature cannot bring a key back; of more than
 * AV_REGISTRY_REVOKED_MAX the oldest are forgotten and a floor is remembered instead, below which keys unknown by
 * then are refused.
 */
#ifndef AV_BROKER_REGISTRY_H
#define AV_BROKER_REGISTRY_H

#include "actors/bus/keys.h"
#include "base/error.h"
#include "base/map.h"

#define AV_REGISTRY_ENTRIES_MAX 65536
#define AV_REGISTRY_REVOKED_MAX 4096

typedef struct av_registry av_registry;

typedef struct av_registry_entry {
    uint64_t serial;
    char *name, *node;
    char *host; /* or NULL */
    uint8_t key[AV_KEY_SIZE];
    bool revoked;
    av_span entry, signature; /* the SignedEntry as it came */
} av_registry_entry;

/*
 * path and public_key are copied. A missing file gives an unpaired registry (av_registry_paired). AV_ERR_CORRUPT: not a
 * registry file, or an entry whose signature is wrong; AV_ERR_IO.
 */
av_errc av_registry_open(const char *path, const uint8_t public_key[AV_SIGN_PUBLIC], av_registry **ret, av_error *err);
/* The same from the file's bytes, kept in memory alone: for tests and fuzzing. Does not block. */
av_errc av_registry_parse(av_span file, const uint8_t public_key[AV_SIGN_PUBLIC], av_registry **ret, av_error *err);
void av_registry_destroy(av_registry **self);
/* false: there never was a registry file; nobody can be admitted or refused yet. */
bool av_registry_paired(const av_registry *self);
uint64_t av_registry_serial(const av_registry *self); /* highest held */
uint64_t av_registry_floor(const av_registry *self);
size_t av_registry_count(const av_registry *self);
/* Borrowed until the next update; NULL when unknown. */
const av_registry_entry *av_registry_by_key(const av_registry *self, const uint8_t key[AV_KEY_SIZE]);
/* The newest entry of the name that is not revoked, or NULL. */
const av_registry_entry *av_registry_by_name(const av_registry *self, av_span name);

typedef void av_registry_changed_fn(void *ctx, const av_registry_entry *entry);
/*
 * Take over count signed entries: all are checked first, then the file is replaced, then they are in force; on an
 * error nothing has changed. Older or equal serials of a known key are left out silently. changed is called for each
 * entry taken, oldest first, once it is on disk and just before it is in force. AV_ERR_DENIED: a signature is wrong.
 * AV_ERR_CONFLICT: an unknown key below the floor. AV_ERR_LIMIT. AV_ERR_IO, _NOSPACE. Blocks on disk.
 */
av_errc av_registry_update(av_registry *self, Archivolt__SignedEntry *const *entries, size_t count,
    av_registry_changed_fn *changed, void *ctx, av_error *err);
/* Take over what the file holds and we do not (the same rules). */
av_errc av_registry_reload(av_registry *self, av_registry_changed_fn *changed, void *ctx, av_error *err);

#endif
