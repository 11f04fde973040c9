/*
 * keys.h - CURVE key files, actor names, and the signed registry entries a broker admits by
 *
 * Pure but for the key file functions. Actor names (decisions.md 14): management, host/<node>, instance/<id>,
 * gateway@<node>, worker/<node>/<run>, cli/<name>, monitor/<name>, broker@<node>.
 */
#ifndef AV_ACTORS_BUS_KEYS_H
#define AV_ACTORS_BUS_KEYS_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/broker.pb-c.h"

#define AV_KEY_SIZE       32
#define AV_SIGN_PUBLIC    32
#define AV_SIGN_SECRET    64
#define AV_SIGNATURE_SIZE 64
#define AV_ACTOR_NAME_MAX 200

typedef struct av_keypair {
    char name[AV_ACTOR_NAME_MAX + 1]; /* the actor it belongs to */
    uint8_t public_key[AV_KEY_SIZE];
    uint8_t secret_key[AV_KEY_SIZE]; /* wiped by av_keypair_wipe */
} av_keypair;

/* A fresh CURVE (X25519) pair. */
void av_keypair_generate(const char *name, av_keypair *ret);
void av_keypair_wipe(av_keypair *self);
/*
 * File format: lines "name = ...", "public = <z85>", "secret = <z85>"; mode 0600; a file others may read is refused
 * (DENIED).
 */
av_errc av_keypair_save(const av_keypair *self, const char *path, av_error *err);
av_errc av_keypair_load(const char *path, av_keypair *ret, av_error *err);
/*
 * The same text from a descriptor (the host hands keys to instances and workers so); reads to its end, does not close
 * it.
 */
av_errc av_keypair_read_fd(int fd, av_keypair *ret, av_error *err);
av_errc av_keypair_parse(av_span text, av_keypair *ret, av_error *err);

/* Syntax of an actor name; nothing about existence. */
bool av_actor_name_valid(av_span name);
/* The Caller class (options.proto) a name belongs to: CALLER_MANAGEMENT ... CALLER_MONITOR; -1 when it has none. */
int av_actor_name_class(av_span name);
/* "a/b@c" -> a file name without '/', unique per name ("a_b@c"). ret holds AV_ACTOR_NAME_MAX + 8 bytes. */
void av_actor_name_file(const char *name, char *ret);

/* Management's Ed25519 key. */
void av_sign_generate(uint8_t ret_public[AV_SIGN_PUBLIC], uint8_t ret_secret[AV_SIGN_SECRET]);
void av_sign(av_span message, const uint8_t secret[AV_SIGN_SECRET], uint8_t ret[AV_SIGNATURE_SIZE]);
bool av_sign_verify(
    av_span message, const uint8_t signature[AV_SIGNATURE_SIZE], const uint8_t public_key[AV_SIGN_PUBLIC]);

/* Pack and sign; appends a packed SignedEntry to out. */
bool av_registry_entry_sign(const Archivolt__RegistryEntry *entry, const uint8_t secret[AV_SIGN_SECRET], av_buf *out);
/* Checks signature and every field; ret is owned by the caller (archivolt__registry_entry__free_unpacked). */
av_errc av_registry_entry_open(const Archivolt__SignedEntry *signed_entry, const uint8_t public_key[AV_SIGN_PUBLIC],
    Archivolt__RegistryEntry **ret, av_error *err);

/* Seal to a CURVE public key so that only its owner reads it (crypto_box_seal). */
bool av_seal(av_span plain, const uint8_t public_key[AV_KEY_SIZE], av_buf *out);
av_errc av_unseal(av_span sealed, const av_keypair *own, av_buf *out, av_error *err);

#endif
