/*
 * registrar.h - who may speak on the bus: signs registry entries, keeps them, hands them to the broker
 *
 * Each change gets the next serial, is signed with the management key and is on disk before anything else; then it
 * goes to the broker in order of the serials, one call at a time, and those who wait for it are told once the broker
 * has it on disk. After each connection the broker is asked for its highest serial and gets what it lacks.
 *
 * A name has at most one key in force: another key for it revokes the first. A key belongs to one name for ever.
 * Revoked entries of workers are forgotten after a day, once the broker has them.
 */
#ifndef AV_ACTORS_MANAGEMENT_REGISTRAR_H
#define AV_ACTORS_MANAGEMENT_REGISTRAR_H

#include "actors/bus/bus.h"
#include "storage/meta/meta.h"

typedef struct av_registrar av_registrar;

/* Loads the entries. db is borrowed; secret (AV_SIGN_SECRET bytes) is copied and wiped at the end. Blocks on disk. */
av_errc av_registrar_open(av_meta *db, const uint8_t secret[AV_SIGN_SECRET], av_registrar **ret, av_error *err);
/* Waiters are dropped without a word: their requests ended with the bus. */
void av_registrar_destroy(av_registrar **self);

/*
 * First start: take over a packed RegistryFile (D/broker/registry.bin). AV_ERR_CORRUPT: not one, or a signature that
 * is not ours. Entries that are known already are left out. Blocks on disk.
 */
av_errc av_registrar_import(av_registrar *self, av_span file, av_error *err);

uint64_t av_registrar_serial(const av_registrar *self);
/* The key in force for a name, or NULL; borrowed until the next change. */
const uint8_t *av_registrar_key(const av_registrar *self, const char *name);

/*
 * Put a key in force (host may be NULL). The same name, key, node and host again: AV_OK with the old serial.
 * AV_ERR_INVALID: not an actor name, or its node is another one. AV_ERR_EXISTS: the key is, or was, another actor's.
 * AV_ERR_CONFLICT: the key was revoked. Blocks on disk.
 */
av_errc av_registrar_register(av_registrar *self, const char *name, const char *node, const char *host,
    const uint8_t key[AV_KEY_SIZE], uint64_t *ret_serial, av_error *err);
/* AV_ERR_NOT_FOUND when no key of that name is in force. */
av_errc av_registrar_revoke(av_registrar *self, const char *name, uint64_t *ret_serial, av_error *err);
/* Forget what is old enough (see above). Blocks on disk. */
av_errc av_registrar_prune(av_registrar *self, int64_t now_unix_ms, av_error *err);

/* From here on entries go to the broker. Call av_registrar_connected after each connection. */
void av_registrar_attach(av_registrar *self, av_bus *bus);
void av_registrar_connected(av_registrar *self);
/* done(ctx, NULL) once the broker holds this serial, perhaps at once; an error after 20 s. */
void av_registrar_when_held(
    av_registrar *self, uint64_t serial, void (*done)(void *ctx, const av_error *err), void *ctx);

#endif
