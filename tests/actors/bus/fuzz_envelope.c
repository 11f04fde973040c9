/*
 * fuzz_envelope.c - any bytes as an Envelope frame: opened it packs and opens again
 */
#include <stdint.h>

#include "actors/bus/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Archivolt__Envelope *e = NULL, *again = NULL;
    av_error err, said;
    av_buf packed;

    if (av_envelope_open(av_span_of(data, size), &e, &err) == AV_OK) {
        av_buf_init(&packed, 1 << 20);
        assert(av_envelope_pack(e, &packed));
        if (packed.n <= AV_ENVELOPE_FRAME_MAX)
            assert(av_envelope_open(av_buf_span(&packed), &again, &err) == AV_OK);
        if (e->error != NULL)
            av_envelope_get_error(e, &said);
        av_buf_release(&packed);
    }
    av_envelope_free(&again);
    av_envelope_free(&e);
    return 0;
}
