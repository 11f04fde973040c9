/*
 * summary_words.c - see summary_words.h
 */
#include "actors/instance/summary_words.h"

#include "storage/index/token.h"
#include "storage/mime/header.h"
#include "storage/mime/words.h"

enum { FIELDS = 5 };
#define TEXT_MAX (64U * 1024) /* a summary keeps far less: what is longer differs */

static bool
same_words(av_span a, av_span b)
{
    av_tokens ta, tb;
    av_token x, y;
    bool more_a, more_b;

    if (av_span_eq(a, b))
        return true;
    av_tokens_init(&ta, a);
    av_tokens_init(&tb, b);
    for (;;) {
        more_a = av_tokens_next(&ta, &x);
        more_b = av_tokens_next(&tb, &y);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (x.step != y.step || !av_span_eq(x.folded, y.folded) || !av_span_eq(x.cased, y.cased))
            return false;
    }
}

bool
av_summary_has_words(const av_mime *mime, const av_mime_summary *summary)
{
    static const char *const names[FIELDS] = { "Subject", "From", "To", "Cc", "Bcc" };
    const av_buf *const kept[FIELDS] = { &summary->subject, &summary->from, &summary->to, &summary->cc, &summary->bcc };
    bool had[FIELDS] = { false }, same = true;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_span header = av_mime_header(mime, 0);
    av_header_field field;

    av_buf_init(&text, TEXT_MAX);
    while (same && av_header_next(&header, &field))
        for (size_t i = 0; i < FIELDS; i++) {
            if (!av_span_ieq_str(field.name, names[i]))
                continue;
            av_buf_clear(&text);
            same =
                !had[i] && av_words_decode(field.value, &text) && same_words(av_buf_span(kept[i]), av_buf_span(&text));
            had[i] = true;
        }
    for (size_t i = 0; i < FIELDS; i++)
        same = same && (had[i] || kept[i]->n == 0);
    return same;
}
