/*
 * test_snippet.c - the piece of a text around what was found, and where in it that is
 */
#include "storage/index/snippet.h"

#include "tests/check.h"

#define DOTS "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "

static const struct {
    const char *query, *body;
    const char *want; /* the snippet with marks in [ ] */
} rows[] = {
    { "alpha", "first  alpha\r\n\tlast", "first [alpha] last" },
    { "alpha", "nothing of it", "nothing of it" },
    { "-alpha", "first alpha", "first alpha" },
    { "subject:alpha", "first alpha", "first alpha" },
    { "alpha beta", "beta then alpha", "[beta] then [alpha]" },
    { "alpha alph* *pha al?ha", "alpha alphabet", "[alpha] [alphabet]" },
    { "\"alpha beta\" beta", "alpha beta beta", "[alpha beta] [beta]" },
    { "*pha", "say alpha", "say [alpha]" },
    { "m\xC3\xBCller", "Herr M\xC3\xBCller", "Herr [M\xC3\xBCller]" },
    { "~run", "he runs", "he runs" },
    { "attachment:alpha", "no more", "no more" },
    { "needle", DOTS "needle here", "nine ten eleven twelve thirteen fourteen fifteen sixteen [needle] here" },
};

static void
test_rows(void)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    AV_CLEANUP(av_buf_release) av_buf shown = { 0 };

    av_buf_init(&out, 4096);
    av_buf_init(&shown, 8192);
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_query_destroy) av_query *query = NULL;
        av_match_doc doc = { .body = av_span_str(rows[i].body) };
        av_snippet_mark marks[AV_SNIPPET_MARKS];
        av_snippets *snippets;
        size_t n, at = 0;
        av_error err;

        av_check_row = (long)i;
        AV_CHECK_RC(av_query_parse(av_span_str(rows[i].query), NULL, &query, &err), AV_OK, &err);
        snippets = av_snippets_new(query);
        n = av_snippets_make(snippets, &doc, &out, marks);
        av_buf_clear(&shown);
        for (size_t m = 0; m < n && AV_CHECK(marks[m].offset >= at); m++) {
            size_t end = marks[m].offset + marks[m].length;

            (void)av_buf_append_span(&shown, av_span_slice(av_buf_span(&out), at, marks[m].offset));
            (void)av_buf_putc(&shown, '[');
            (void)av_buf_append_span(&shown, av_span_slice(av_buf_span(&out), marks[m].offset, end));
            (void)av_buf_putc(&shown, ']');
            at = end;
        }
        (void)av_buf_append_span(&shown, av_span_skip(av_buf_span(&out), at));
        AV_CHECK_STR(av_buf_cstr(&shown), rows[i].want);
        av_snippets_destroy(&snippets);
    }
}

int
main(void)
{
    AV_RUN(test_rows);
    return av_check_done();
}
