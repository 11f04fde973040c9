/*
 * pattern.h - from the text of a query to the words an index is asked for
 *
 * The text goes through the same tokens as the messages did. Of a run of a script that does not part words only the
 * pairs are asked for; a single character stands for all that begin with it (token.h).
 */
#ifndef AV_STORAGE_INDEX_PATTERN_H
#define AV_STORAGE_INDEX_PATTERN_H

#include "base/buf.h"
#include "storage/index/query.h"
#include "storage/postings/run.h"

enum { AV_PATTERN_PIECES = 64 }; /* words of a phrase; what is behind is left to the text */

typedef struct av_piece {
    size_t at, n;    /* of the term in the pattern's bytes, its kind byte included */
    uint32_t offset; /* position, counted from the first piece */
    bool open_left;  /* words that end so, too */
    bool open_right; /* words that begin so, too */
} av_piece;

typedef struct av_pattern {
    av_buf bytes;
    av_piece pieces[AV_PATTERN_PIECES];
    size_t n;
    bool exact; /* who has the pieces in a row matches; else it may */
} av_pattern;

/* kind: WORD, PREFIX or SUBSTRING. n = 0: the text has no word at all. Release with av_pattern_release. */
void av_pattern_init(av_pattern *self, av_query_kind kind, av_span text);
void av_pattern_release(av_pattern *self);
av_span av_pattern_term(const av_pattern *self, size_t piece);
/* Does a term of a dictionary answer piece i? Open ends only: what is closed is looked up. */
bool av_pattern_admits(const av_pattern *self, size_t piece, av_span term);

#endif
