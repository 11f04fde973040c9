/*
 * fuzz_registry.c - a registry file of any bytes; and, so that the fuzzer gets past the signatures, the same bytes
 * taken for entries and signed with a key of this test
 */
#include "broker/registry.h"

#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t public_key[AV_SIGN_PUBLIC], secret_key[AV_SIGN_SECRET];

/* Each entry of the file with a signature that is right. */
static void
sign_all(Archivolt__RegistryFile *file)
{
    for (size_t i = 0; i < file->n_entries; i++) {
        Archivolt__SignedEntry *entry = file->entries[i];

        free(entry->signature.data);
        entry->signature.data = malloc(AV_SIGNATURE_SIZE);
        entry->signature.len = AV_SIGNATURE_SIZE;
        av_sign(av_span_of(entry->entry.data, entry->entry.len), secret_key, entry->signature.data);
    }
}

static void
check(av_span bytes)
{
    av_registry *registry = NULL;
    av_error err;

    if (av_registry_parse(bytes, public_key, &registry, &err) != AV_OK)
        return;
    assert(av_registry_paired(registry) && av_registry_count(registry) <= AV_REGISTRY_ENTRIES_MAX);
    av_registry_destroy(&registry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Archivolt__RegistryFile *file;
    uint8_t *again;
    size_t n;

    if (sodium_init() < 0)
        abort();
    if (secret_key[0] == 0) {
        static const uint8_t seed[crypto_sign_SEEDBYTES] = { 7 };

        (void)crypto_sign_seed_keypair(public_key, secret_key, seed);
    }
    check(av_span_of(data, size));
    file = archivolt__registry_file__unpack(NULL, size, data);
    if (file == NULL)
        return 0;
    sign_all(file);
    n = archivolt__registry_file__get_packed_size(file);
    again = malloc(n + 1);
    (void)archivolt__registry_file__pack(file, again);
    check(av_span_of(again, n));
    free(again);
    archivolt__registry_file__free_unpacked(file, NULL);
    return 0;
}
