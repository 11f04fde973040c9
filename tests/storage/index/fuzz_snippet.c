/*
 * fuzz_snippet.c - a query in the first line, a text behind it: snippets end at whole characters, marks are in order and
 * within
 */
#include "storage/index/snippet.h"

#include "base/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    av_span in = av_span_of(data, size), line = av_span_slice(in, 0, av_span_find(in, '\n'));
    av_match_doc doc = { .body = av_span_skip(in, AV_MIN(line.n + 1, in.n)) };
    AV_CLEANUP(av_query_destroy) av_query *query = NULL;
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_snippet_mark marks[AV_SNIPPET_MARKS];
    av_snippets *snippets;
    size_t n, at = 0;
    av_error err;

    if (av_query_parse(line, NULL, &query, &err) != AV_OK)
        return 0;
    av_buf_init(&out, 4096);
    snippets = av_snippets_new(query);
    n = av_snippets_make(snippets, &doc, &out, marks);
    assert(n <= AV_SNIPPET_MARKS && out.n <= AV_SNIPPET_BYTES && !out.full);
    assert(!av_utf8_valid(doc.body) || av_utf8_valid(av_buf_span(&out)));
    for (size_t i = 0; i < n; i++) {
        assert(marks[i].length > 0 && marks[i].offset >= at && marks[i].offset + marks[i].length <= out.n);
        at = marks[i].offset + marks[i].length;
    }
    av_snippets_destroy(&snippets);
    return 0;
}
