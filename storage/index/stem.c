/*
 * stem.c - see stem.h
 */
#include "storage/index/stem.h"

#include <libstemmer.h>

#include "storage/index/query.h"

enum { NAME_MAX_BYTES = 32, WORD_MAX_BYTES = 4096, COMMON = 3 };

struct av_stemmer {
    struct language {
        struct sb_stemmer *stemmer;
        av_span stem; /* of the word, owned */
        bool keeps;   /* only the ends of words change */
    } languages[AV_QUERY_LANGUAGES_MAX];
    size_t count;
};

/* The next name off the list, or NULL when it is none of Snowball's. */
static struct sb_stemmer *
next_stemmer(av_span *list)
{
    size_t n = av_span_find(*list, ',');
    char name[NAME_MAX_BYTES + 1] = { 0 };

    if (n == 0 || n > NAME_MAX_BYTES || memchr(list->p, 0, n) != NULL)
        return NULL;
    memcpy(name, list->p, n);
    *list = av_span_skip(*list, AV_MIN(n + 1, list->n));
    return sb_stemmer_new(name, "UTF_8");
}

bool
av_stem_languages_valid(av_span languages)
{
    size_t count = 0;

    if (languages.n == 0 || languages.p[languages.n - 1] == ',')
        return false;
    for (; languages.n > 0; count++) {
        struct sb_stemmer *one = count < AV_QUERY_LANGUAGES_MAX ? next_stemmer(&languages) : NULL;

        if (one == NULL)
            return false;
        sb_stemmer_delete(one);
    }
    return true;
}

/* Stemmers that leave the beginning of a word as it is; others take prefixes away or change the script. */
static bool
keeps_beginning(av_span name)
{
    static const char *const names[] = { "danish", "dutch", "english", "finnish", "french", "german", "hungarian",
        "italian", "norwegian", "porter", "portuguese", "romanian", "russian", "spanish", "swedish" };

    for (size_t i = 0; i < AV_COUNT(names); i++)
        if (av_span_eq_str(name, names[i]))
            return true;
    return false;
}

/* Borrowed from the stemmer until its next word; empty when there is no memory for it. */
static av_span
stem_of(struct sb_stemmer *stemmer, av_span word)
{
    const sb_symbol *stem = sb_stemmer_stem(stemmer, word.p, (int)AV_MIN(word.n, (size_t)WORD_MAX_BYTES));

    return stem == NULL ? av_span_of(NULL, 0) : av_span_of(stem, (size_t)sb_stemmer_length(stemmer));
}

av_stemmer *
av_stemmer_new(av_span languages, av_span folded)
{
    av_stemmer *self;

    if (!av_stem_languages_valid(languages))
        return NULL;
    self = av_xcalloc(1, sizeof *self);
    while (languages.n > 0) {
        struct language *one = &self->languages[self->count++];
        av_span stem;

        one->keeps = keeps_beginning(av_span_slice(languages, 0, av_span_find(languages, ',')));
        one->stemmer = next_stemmer(&languages);
        assert(one->stemmer != NULL);
        stem = stem_of(one->stemmer, folded);
        one->stem = av_span_of(av_span_dup(stem), stem.n);
    }
    return self;
}

void
av_stemmer_destroy(av_stemmer **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->count; i++) {
        sb_stemmer_delete((*self)->languages[i].stemmer);
        free((void *)(*self)->languages[i].stem.p);
    }
    free(*self);
    *self = NULL;
}

bool
av_stemmer_agrees(av_stemmer *self, av_span folded)
{
    for (size_t i = 0; i < self->count; i++)
        if (av_span_eq(stem_of(self->languages[i].stemmer, folded), self->languages[i].stem))
            return true;
    return false;
}

size_t
av_stemmer_common(const av_stemmer *self)
{
    size_t n = COMMON;

    for (size_t i = 0; i < self->count; i++) {
        if (!self->languages[i].keeps)
            return 0;
        if (self->languages[i].stem.n <= COMMON)
            n = 1;
    }
    return n;
}
