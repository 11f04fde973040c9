/*
 * fuzz_scram.c - both messages of a client: spans stay inside the message, what was taken apart gives the message again
 */
#include "base/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
inside(av_span part, const uint8_t *data, size_t n)
{
    assert(part.n == 0 || (part.p >= data && part.p + part.n <= data + n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    av_span message = av_span_of(data, n);
    av_scram_first first;
    av_scram_final final;
    av_error err;

    if (av_scram_first_parse(message, &first, &err) == AV_OK) {
        AV_CLEANUP(av_buf_release) av_buf name = { 0 };

        inside(first.name, data, n);
        inside(first.nonce, data, n);
        inside(first.authzid, data, n);
        inside(first.binding_name, data, n);
        assert(first.header.n + first.bare.n == n);
        av_buf_init(&name, AV_SCRAM_NAME_MAX);
        (void)av_scram_name_put(first.name, &name);
        assert(name.n <= first.name.n);
    }
    if (av_scram_final_parse(message, &final, &err) == AV_OK) {
        inside(final.binding, data, n);
        inside(final.nonce, data, n);
        assert(final.without_proof.n < n);
        (void)av_scram_final_is_bound(&final, av_span_str("n,,"), av_span_of(NULL, 0));
    }
    return 0;
}
