/*
 * near.c - see near.h
 */
#include "storage/index/near.h"

#include "storage/index/phrase.h"
#include "storage/index/stem.h"

struct av_near {
    av_phrase phrase;
    uint32_t within; /* positions */
};

av_near *
av_near_new(av_span text, uint32_t distance)
{
    av_near *self = av_xcalloc(1, sizeof *self);

    av_phrase_init(&self->phrase, AV_QUERY_NEAR, text);
    self->within = AV_TOKEN_WITHIN(distance);
    assert(self->phrase.term_count <= AV_QUERY_NEAR_ITEMS_MAX);
    return self;
}

void
av_near_destroy(av_near **self)
{
    if (*self == NULL)
        return;
    av_phrase_release(&(*self)->phrase);
    free(*self);
    *self = NULL;
}

/* Where each item was met last: the window that ends at the newest is the smallest that does. */
bool
av_near_test(const av_near *self, av_span text)
{
    uint32_t met[AV_QUERY_NEAR_ITEMS_MAX] = { 0 };
    av_tokens tokens;
    av_token t;

    av_tokens_init(&tokens, text);
    while (av_tokens_next(&tokens, &t)) {
        uint32_t first = t.position;
        bool any = false;

        for (size_t i = 0; i < self->phrase.term_count; i++) {
            if (!t.row && av_word_fits(&self->phrase.terms[i].word, t.folded, t.cased)) {
                met[i] = t.position;
                any = true;
            }
            first = AV_MIN(first, met[i]);
        }
        if (any && first > 0 && t.position - first <= self->within)
            return true;
    }
    return false;
}

bool
av_near_stem(av_span languages, av_span word, av_span text)
{
    AV_CLEANUP(av_stemmer_destroy) av_stemmer *stemmer = NULL;
    av_tokens tokens;
    av_token t;

    av_tokens_init(&tokens, word);
    if (!av_tokens_next(&tokens, &t))
        return false;
    stemmer = av_stemmer_new(languages, t.folded);
    av_tokens_init(&tokens, text);
    while (stemmer != NULL && av_tokens_next(&tokens, &t))
        if (!t.row && av_stemmer_agrees(stemmer, t.folded))
            return true;
    return false;
}
