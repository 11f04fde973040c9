/*
 * snippet.h - a piece of a message's text around what a search found
 *
 * Compile once for a query, use for any number of documents; does not change after that.
 */
#ifndef AV_STORAGE_INDEX_SNIPPET_H
#define AV_STORAGE_INDEX_SNIPPET_H

#include "base/buf.h"
#include "storage/index/match.h"

enum { AV_SNIPPET_MARKS = 16, AV_SNIPPET_BYTES = 240 };

typedef struct av_snippets av_snippets;

typedef struct av_snippet_mark {
    uint32_t offset, length; /* bytes in the snippet */
} av_snippet_mark;

/* Texts under a NOT are not what was found. */
av_snippets *av_snippets_new(const av_query *query);
void av_snippets_destroy(av_snippets **self);
/* av_match_need bits that make needs. */
uint32_t av_snippets_needs(const av_snippets *self);
/*
 * Replaces out's contents: about AV_SNIPPET_BYTES of the text in which the first of the query's texts stands, cut at
 * white space where there is some, white space runs as one blank. Without any the beginning of the body. Returns the
 * number of marks, which are in order and apart.
 */
size_t av_snippets_make(
    const av_snippets *self, const av_match_doc *doc, av_buf *out, av_snippet_mark ret[AV_SNIPPET_MARKS]);

#endif
