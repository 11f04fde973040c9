/*
 * fuzz_envelope.c - any bytes as an Envelope frame: opened it packs and opens again
 *
 * Frames with unknown fields need not: protobuf-c takes field number 0 in but does not read it back.
 */
#include <stdint.h>

#include "actors/bus/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
all_known(const Archivolt__Envelope *e)
{
    return e->base.n_unknown_fields == 0 && (e->error == NULL || e->error->base.n_unknown_fields == 0) &&
           (e->end == NULL || e->end->base.n_unknown_fields == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Archivolt__Envelope *e = NULL, *again = NULL;
    av_error err, said;
    av_buf packed;

    if (av_envelope_open(av_span_of(data, size), &e, &err) == AV_OK) {
        av_buf_init(&packed, 1 << 20);
        assert(av_envelope_pack(e, &packed));
        if (all_known(e) && packed.n <= AV_ENVELOPE_FRAME_MAX)
            assert(av_envelope_open(av_buf_span(&packed), &again, &err) == AV_OK);
        if (e->error != NULL)
            av_envelope_get_error(e, &said);
        av_buf_release(&packed);
    }
    av_envelope_free(&again);
    av_envelope_free(&e);
    return 0;
}
