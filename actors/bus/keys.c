/*
 * keys.c - see keys.h; X25519, Ed25519 and sealed boxes are libsodium's, Z85 is libzmq's
 *
 * The management key signs two kinds of messages, registry entries and administrators' tickets. One can never pass as
 * the other: field 1 is a varint in the first and length-delimited in the second, so the wrong one does not unpack.
 */
#include "actors/bus/keys.h"

#include <sodium.h>
#include <unistd.h>
#include <zmq.h>

#include "actors/bus/names.h"
#include "base/file.h"
#include "base/secret.h"

#define Z85_SIZE     40
#define KEY_FILE_MAX 4096

_Static_assert(AV_KEY_SIZE == crypto_box_PUBLICKEYBYTES && AV_KEY_SIZE == crypto_box_SECRETKEYBYTES, "CURVE is X25519");
_Static_assert(AV_SIGN_PUBLIC == crypto_sign_PUBLICKEYBYTES && AV_SIGN_SECRET == crypto_sign_SECRETKEYBYTES, "Ed25519");
_Static_assert(AV_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");

void
av_keypair_generate(const char *name, av_keypair *ret)
{
    memset(ret, 0, sizeof *ret);
    assert(strlen(name) <= AV_ACTOR_NAME_MAX);
    memcpy(ret->name, name, strlen(name));
    (void)crypto_box_keypair(ret->public_key, ret->secret_key);
}

void
av_keypair_wipe(av_keypair *self)
{
    av_secret_wipe(self, sizeof *self);
}

bool
av_key_from_z85(av_span text, uint8_t ret[AV_KEY_SIZE])
{
    char z85[Z85_SIZE + 1];
    uint8_t key[AV_KEY_SIZE];
    bool ok;

    if (text.n != Z85_SIZE || av_span_find(text, 0) < text.n)
        return false;
    memcpy(z85, text.p, Z85_SIZE);
    z85[Z85_SIZE] = '\0';
    ok = zmq_z85_decode(key, z85) != NULL;
    if (ok)
        memcpy(ret, key, AV_KEY_SIZE);
    av_secret_wipe(z85, sizeof z85);
    av_secret_wipe(key, sizeof key);
    return ok;
}

void
av_key_to_z85(const uint8_t key[AV_KEY_SIZE], char ret[AV_KEY_Z85_MAX])
{
    (void)zmq_z85_encode(ret, key, AV_KEY_SIZE);
}

/* ---- key files ---- */

av_errc
av_keypair_save(const av_keypair *self, const char *path, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    char public_z85[Z85_SIZE + 1], secret_z85[Z85_SIZE + 1];

    av_buf_init(&text, KEY_FILE_MAX);
    av_key_to_z85(self->public_key, public_z85);
    av_key_to_z85(self->secret_key, secret_z85);
    av_buf_printf(&text, "name = %s\npublic = %s\nsecret = %s\n", self->name, public_z85, secret_z85);
    av_secret_wipe(secret_z85, sizeof secret_z85);
    assert(!text.full);
    return av_file_replace(path, av_buf_span(&text), 0600, err);
}

/* One "key = value" line into its field. */
static bool
parse_line(av_span line, av_keypair *key, unsigned *seen)
{
    size_t eq = av_span_find(line, '=');
    av_span word, value;
    unsigned bit;
    bool ok;

    if (eq == line.n)
        return false;
    word = av_span_trim(av_span_slice(line, 0, eq));
    value = av_span_trim(av_span_skip(line, eq + 1));
    if (av_span_eq_str(word, "name")) {
        bit = 1;
        ok = av_actor_name_valid(value);
        if (ok)
            memcpy(key->name, value.p, value.n);
    } else if (av_span_eq_str(word, "public")) {
        bit = 2;
        ok = av_key_from_z85(value, key->public_key);
    } else if (av_span_eq_str(word, "secret")) {
        bit = 4;
        ok = av_key_from_z85(value, key->secret_key);
    } else {
        return false;
    }
    if ((*seen & bit) != 0)
        return false;
    *seen |= bit;
    return ok;
}

av_errc
av_keypair_parse(av_span text, av_keypair *ret, av_error *err)
{
    AV_CLEANUP(av_keypair_wipe) av_keypair key;
    uint8_t derived[AV_KEY_SIZE];
    unsigned seen = 0, line_number = 0;

    memset(&key, 0, sizeof key);
    while (text.n > 0) {
        size_t end = av_span_find(text, '\n');
        av_span line = av_span_trim(av_span_slice(text, 0, end));

        text = av_span_skip(text, AV_MIN(end + 1, text.n));
        line_number++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (!parse_line(line, &key, &seen)) /* the line itself is never shown: it may be the secret */
            return av_error_set(
                err, AV_ERR_SYNTAX, "key file, line %u: not a name, public or secret line", line_number);
    }
    if (seen != 7)
        return av_error_set(err, AV_ERR_SYNTAX, "key file: it needs a name, a public and a secret line");
    if (crypto_scalarmult_base(derived, key.secret_key) != 0 || memcmp(derived, key.public_key, AV_KEY_SIZE) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "key file: the public key does not belong to the secret key");
    *ret = key;
    return AV_OK;
}

av_errc
av_keypair_read_fd(int fd, av_keypair *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release_secret) av_buf text = { 0 };
    ssize_t n;

    av_buf_init(&text, KEY_FILE_MAX);
    (void)av_buf_reserve(&text, KEY_FILE_MAX); /* in one piece: growing would leave copies of the secret behind */
    do {
        n = read(fd, text.p + text.n, KEY_FILE_MAX - text.n);
        if (n < 0)
            return av_error_errno(err, "read the key from descriptor %d", fd);
        text.n += (size_t)n;
    } while (n > 0 && text.n < KEY_FILE_MAX);
    return av_keypair_parse(av_buf_span(&text), ret, err);
}

av_errc
av_keypair_load(const char *path, av_keypair *ret, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = -1;
    struct stat st;
    av_errc rc;

    rc = av_file_open(path, O_RDONLY | O_NOFOLLOW, 0, &fd, err);
    if (rc != AV_OK)
        return rc;
    if (fstat(fd, &st) != 0)
        return av_error_errno(err, "%s", path);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        return av_error_set(err, AV_ERR_DENIED, "%s: others may read this key; make it private with chmod 600", path);
    rc = av_keypair_read_fd(fd, ret, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", path);
}

/* ---- signatures ---- */

void
av_sign_generate(uint8_t ret_public[AV_SIGN_PUBLIC], uint8_t ret_secret[AV_SIGN_SECRET])
{
    (void)crypto_sign_keypair(ret_public, ret_secret);
}

void
av_sign(av_span message, const uint8_t secret[AV_SIGN_SECRET], uint8_t ret[AV_SIGNATURE_SIZE])
{
    (void)crypto_sign_detached(ret, NULL, message.n == 0 ? (const uint8_t *)"" : message.p, message.n, secret);
}

bool
av_sign_verify(av_span message, const uint8_t signature[AV_SIGNATURE_SIZE], const uint8_t public_key[AV_SIGN_PUBLIC])
{
    return crypto_sign_verify_detached(
               signature, message.n == 0 ? (const uint8_t *)"" : message.p, message.n, public_key) == 0;
}

bool
av_registry_entry_sign(const Archivolt__RegistryEntry *entry, const uint8_t secret[AV_SIGN_SECRET], av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
    Archivolt__SignedEntry wrapped = ARCHIVOLT__SIGNED_ENTRY__INIT;
    uint8_t signature[AV_SIGNATURE_SIZE];
    uint8_t *at;

    av_buf_init(&packed, AV_REGISTRY_ENTRY_MAX);
    at = av_buf_reserve(&packed, archivolt__registry_entry__get_packed_size(entry));
    if (at == NULL)
        return false;
    packed.n = archivolt__registry_entry__pack(entry, at);
    av_sign(av_buf_span(&packed), secret, signature);
    wrapped.entry = (ProtobufCBinaryData){ packed.n, packed.p };
    wrapped.signature = (ProtobufCBinaryData){ sizeof signature, signature };
    at = av_buf_reserve(out, archivolt__signed_entry__get_packed_size(&wrapped));
    if (at == NULL)
        return false;
    out->n += archivolt__signed_entry__pack(&wrapped, at);
    return true;
}

/* The node a name carries must be the entry's, or one node could speak for another's actors (decisions.md 15). */
static bool
entry_fields_ok(const Archivolt__RegistryEntry *e)
{
    av_span name = av_span_str(e->name), node = av_span_str(e->node), in_name;

    if (!av_actor_name_valid(name) || !av_node_name_valid(node) || e->public_key.len != AV_KEY_SIZE)
        return false;
    in_name = av_actor_name_node(name);
    if (in_name.n > 0 && !av_span_eq(in_name, node))
        return false;
    return e->host == NULL ||
           (av_actor_name_valid(av_span_str(e->host)) && strncmp(e->host, "host/", strlen("host/")) == 0);
}

av_errc
av_registry_entry_open(const Archivolt__SignedEntry *signed_entry, const uint8_t public_key[AV_SIGN_PUBLIC],
    Archivolt__RegistryEntry **ret, av_error *err)
{
    av_span packed = av_span_of(signed_entry->entry.data, signed_entry->entry.len);
    Archivolt__RegistryEntry *entry;

    if (packed.n > AV_REGISTRY_ENTRY_MAX || signed_entry->signature.len != AV_SIGNATURE_SIZE)
        return av_error_set(err, AV_ERR_SYNTAX, "registry entry: wrong size of entry or signature");
    if (!av_sign_verify(packed, signed_entry->signature.data, public_key))
        return av_error_set(err, AV_ERR_DENIED, "registry entry: not signed by this system's management key");
    entry = archivolt__registry_entry__unpack(NULL, packed.n, packed.p);
    if (entry == NULL)
        return av_error_set(err, AV_ERR_SYNTAX, "registry entry: not a RegistryEntry message");
    if (!entry_fields_ok(entry)) {
        archivolt__registry_entry__free_unpacked(entry, NULL);
        return av_error_set(err, AV_ERR_INVALID, "registry entry: name, key, node or host is not allowed");
    }
    *ret = entry;
    return AV_OK;
}

/* ---- sealed boxes ---- */

bool
av_seal(av_span plain, const uint8_t public_key[AV_KEY_SIZE], av_buf *out)
{
    uint8_t *at = av_buf_reserve(out, plain.n + crypto_box_SEALBYTES);

    if (at == NULL)
        return false;
    if (crypto_box_seal(at, plain.n == 0 ? (const uint8_t *)"" : plain.p, plain.n, public_key) != 0)
        return false;
    out->n += plain.n + crypto_box_SEALBYTES;
    return true;
}

av_errc
av_unseal(av_span sealed, const av_keypair *own, av_buf *out, av_error *err)
{
    uint8_t *at;

    if (sealed.n < crypto_box_SEALBYTES)
        return av_error_set(err, AV_ERR_SYNTAX, "sealed value: too short");
    at = av_buf_reserve(out, sealed.n - crypto_box_SEALBYTES + 1); /* never a NULL pointer, even for an empty value */
    if (at == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "sealed value: longer than %zu bytes", out->max);
    if (crypto_box_seal_open(at, sealed.p, sealed.n, own->public_key, own->secret_key) != 0)
        return av_error_set(err, AV_ERR_INVALID, "sealed value: not sealed to the key of %s", own->name);
    out->n += sealed.n - crypto_box_SEALBYTES;
    return AV_OK;
}
