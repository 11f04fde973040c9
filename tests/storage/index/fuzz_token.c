/*
 * fuzz_token.c - any bytes: words in order, within their bounds, the same when a piece is looked at alone
 */
#include "storage/index/token.h"

#include "base/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span text = av_span_of(data, size);
    uint32_t position = 0;
    bool before, behind;
    av_tokens tokens;
    size_t from = 0;
    av_token t;

    av_tokens_init(&tokens, text);
    while (av_tokens_next(&tokens, &t)) {
        av_tokens again;
        av_token alone;

        assert(t.folded.n > 0 && t.folded.n <= AV_TOKEN_MAX && t.cased.n <= AV_TOKEN_MAX);
        assert(av_utf8_valid(t.folded) && av_utf8_valid(t.cased));
        assert(t.from >= from && t.to > t.from && t.to <= size);
        assert(position == 0
                   ? t.position == 1 && t.step == 0
                   : t.position - position == t.step && t.step >= AV_TOKEN_STEP && t.step < 2 * AV_TOKEN_STEP);
        assert(t.hash == av_token_hash(t.folded));
        av_tokens_init(&again, av_span_slice(text, t.from, t.to));
        assert(av_tokens_next(&again, &alone) && av_span_eq(t.folded, alone.folded));
        assert(av_span_eq(t.cased, alone.cased) && alone.cut == t.cut && alone.row == t.row);
        assert(t.row || (!av_tokens_next(&again, &alone) && t.from >= from));
        from = t.row ? t.from + 1 : t.to;
        position = t.position;
    }
    av_tokens_edges(text, &before, &behind);
    assert(position > 0 || (!before && !behind));
    return 0;
}
