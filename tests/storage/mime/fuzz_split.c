/*
 * fuzz_split.c - any bytes as a message: split, in one piece and in many, and joined again
 *
 * The first four bytes choose the options and the sizes of the pieces.
 */
#include <stdio.h>

#include "tests/storage/mime/split_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST_HOLD(wrong)                                                                                               \
    do {                                                                                                               \
        const char *wrong_ = (wrong);                                                                                  \
        if (wrong_ != NULL) {                                                                                          \
            (void)fprintf(stderr, "fuzz_split.c:%d: does not hold: %s\n", __LINE__, wrong_);                           \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void
try_options(av_splitter *s, av_span message, const av_split_options *options, uint64_t seed)
{
    static const size_t chunks[] = { 1, 7, 100, 5000 };
    AV_CLEANUP(split_record_release) split_record whole, pieces;

    split_record_init(&whole, 16 << 20);
    split_record_init(&pieces, 16 << 20);
    MUST_HOLD(split_whole(s, message, options, &whole));
    for (size_t i = 0; i < AV_COUNT(chunks); i++) {
        MUST_HOLD(split_chunks(s, message, options, chunks[i], &seed, &pieces));
        MUST_HOLD(split_same(&whole, &pieces) ? NULL : "pieces depend on the chunks");
    }
    for (size_t i = 0; i < whole.count; i++)
        if (whole.pieces[i].part.coding == AV_SPLIT_BASE64)
            for (int k = 0; k < 4; k++)
                MUST_HOLD(split_range_holds(&whole, &whole.pieces[i], &seed) ? NULL : "a range of base64");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_splitter *s;
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;
    uint64_t seed;

    if (size < 4)
        return 0;
    seed = (uint64_t)data[3] + 1;
    s = av_splitter_new();
    options.min_raw = options.min_base64 = 8;
    try_options(s, av_span_of(data + 4, size - 4), &options, seed);
    options = (av_split_options){ .min_raw = data[0],
        .min_base64 = data[1] * 4U,
        .max_literal = data[2] * 8U,
        .max_parts = 1U + data[3] % 8,
        .max_depth = data[3] / 32U };
    try_options(s, av_span_of(data + 4, size - 4), &options, seed);
    av_splitter_destroy(&s);
    return 0;
}
