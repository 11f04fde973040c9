/*
 * fuzz_header.c - the front of a sealed file from any bytes: refused with a sentence or opened, never more than read
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "storage/sealed/sealed_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    static sealed_base *base;
    uint8_t header[SEALED_HEADER] = { 0 };
    sealed_cipher *cipher = NULL;
    av_error err = { 0 };

    if (base == NULL && sealed_base_new(key, &base, &err) != AV_OK)
        abort();
    memcpy(header, data, size < sizeof header ? size : sizeof header);
    if (sealed_header_is_torn(header, size < sizeof header ? size : sizeof header))
        return 0;
    if (sealed_cipher_open(base, header, &cipher, &err) != AV_OK) {
        assert(cipher == NULL && err.msg[0] != '\0');
        return 0;
    }
    (void)sealed_cipher_run(cipher, data[0], data, header, size < sizeof header ? size : sizeof header, &err);
    sealed_cipher_destroy(&cipher);
    return 0;
}
