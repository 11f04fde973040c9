/*
 * fuzz_registry_entry.c - any bytes as a SignedEntry, and any bytes as an entry that management has signed; key files
 */
#include <stdint.h>

#include "actors/bus/keys.h"
#include "actors/bus/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
open_one(const Archivolt__SignedEntry *e, const uint8_t public_key[AV_SIGN_PUBLIC])
{
    Archivolt__RegistryEntry *entry = NULL;
    av_error err;

    if (av_registry_entry_open(e, public_key, &entry, &err) != AV_OK)
        return;
    assert(av_actor_name_valid(av_span_str(entry->name)) && entry->public_key.len == AV_KEY_SIZE);
    archivolt__registry_entry__free_unpacked(entry, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t public_key[AV_SIGN_PUBLIC], secret[AV_SIGN_SECRET];
    static bool made;
    Archivolt__SignedEntry own = ARCHIVOLT__SIGNED_ENTRY__INIT, *given;
    uint8_t signature[AV_SIGNATURE_SIZE];
    av_keypair key;
    av_error err;

    if (!made)
        av_sign_generate(public_key, secret);
    made = true;
    given = archivolt__signed_entry__unpack(NULL, size, data);
    if (given != NULL) {
        open_one(given, public_key);
        archivolt__signed_entry__free_unpacked(given, NULL);
    }
    av_sign(av_span_of(data, size), secret, signature);
    own.entry = (ProtobufCBinaryData){ size, (uint8_t *)(uintptr_t)data };
    own.signature = (ProtobufCBinaryData){ sizeof signature, signature };
    open_one(&own, public_key);
    if (av_keypair_parse(av_span_of(data, size), &key, &err) == AV_OK)
        av_keypair_wipe(&key);
    return 0;
}
