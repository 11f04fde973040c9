/*
 * run.h - a run: the words of documents that stand side by side, immutable (docs/format-index.md)
 *
 * A run knows documents by numbers 0 to count - 1. It is a sorted list of keys and values (blocks), and does not care where
 * they are: in memory (fresh documents) or in a database (av_run_source). For each word: the documents that have it and in
 * which fields; apart from them the positions, which only words in a row need; columns with a value for each document.
 *
 * All functions are for any thread at once when the source is. What is read is taken to be hostile: AV_ERR_CORRUPT, never
 * a crash, never memory beyond the ceilings of the format.
 */
#ifndef AV_STORAGE_POSTINGS_RUN_H
#define AV_STORAGE_POSTINGS_RUN_H

#include <roaring/roaring.h>

#include "base/buf.h"
#include "base/error.h"

/* Fields of a document; a set of them is a mask. The same bits as av_query_field. */
typedef enum av_text_field {
    AV_FIELD_SUBJECT = 1 << 0,
    AV_FIELD_BODY = 1 << 1,
    AV_FIELD_FROM = 1 << 2,
    AV_FIELD_TO = 1 << 3,
    AV_FIELD_CC = 1 << 4,
    AV_FIELD_BCC = 1 << 5,
    AV_FIELD_FILENAME = 1 << 6,
    AV_FIELD_ATTACHMENT = 1 << 7,
    AV_FIELD_HEADER = 1 << 8, /* header fields of choice */
    AV_FIELD_ALL = (1 << 9) - 1
} av_text_field;
enum { AV_FIELD_COUNT = 9 };

/* The two forms of a word (storage/index/token.h) are words of their own: the first byte of a term tells. */
enum { AV_TERM_FOLDED = 'f', AV_TERM_CASED = 'c', AV_TERM_MAX = 1 + 64 };

/* Columns: 64 bits a document, or a string of up to 255 bytes. */
typedef enum av_column {
    AV_COLUMN_LSN = 0,  /* of the message in its store's log; ascending */
    AV_COLUMN_DATE = 1, /* Date header, seconds since 1970 as int64_t; INT64_MIN: none readable */
    AV_COLUMN_SIZE = 2, /* bytes as it arrived */
    AV_COLUMN_BITS = 3, /* av_doc_bits; the zone of Date (minutes + 2048) in bits 48 to 59 */
    AV_COLUMN_NUMBERS = 4
} av_column;
typedef enum av_string_column {
    AV_STRING_FROM = 0,    /* first From address, lower case: for facets and sorting */
    AV_STRING_SUBJECT = 1, /* base subject (RFC 5256, 2.1), case folded: for sorting */
    AV_STRINGS = 2
} av_string_column;
/* bits 0 to 31: what AV_COLUMN_BITS says of a document */
typedef enum av_doc_bits {
    AV_DOC_HAS_ATTACHMENT = 1 << 0,
    AV_DOC_TRUNCATED = 1 << 1,   /* more text than is indexed */
    AV_DOC_UNREADABLE = 1 << 2,  /* the message could not be read: nothing of it is here */
    AV_DOC_PARTLY_READ = 1 << 3, /* text of an attachment could not be taken */
    AV_DOC_TYPES_SHIFT = 8       /* bits 8 to 31: kinds of its attachments (storage/index/types.h) */
} av_doc_bits;

/* --- where blocks are --------------------------------------------------------------------------------------------- */

typedef struct av_run_cursor av_run_cursor; /* the source's own */
typedef struct av_run_source {
    void *ctx;
    /* The value of exactly this key onto out (replacing its contents). AV_ERR_NOT_FOUND. */
    av_errc (*get)(void *ctx, av_span key, av_buf *out, av_error *err);
    /* A cursor at the last key <= key that begins with key's first byte, or else the first such key behind it. */
    av_errc (*seek)(void *ctx, av_span key, av_run_cursor **ret, av_error *err);
    /* The row the cursor stands at, borrowed until it moves; then it moves on. false at the end of that first byte. */
    bool (*next)(av_run_cursor *cursor, av_span *ret_key, av_span *ret_value);
    av_errc (*cursor_error)(av_run_cursor *cursor, av_error *err);
    void (*cursor_free)(av_run_cursor *cursor);
} av_run_source;

/*
 * Where a builder or a merge writes. The first byte of a key is its kind, one of AV_RUN_KINDS. Keys of one kind come in
 * strictly ascending byte order, but kinds take turns: terms, their postings and their positions are made side by side,
 * and nobody could hold one kind back until another is done. A sink of sorted files keeps one file a kind. The head, the
 * one key of kind AV_RUN_HEAD, comes last: a run without it is none.
 */
#define AV_RUN_KINDS "CHPQSTX" /* in byte order */
enum { AV_RUN_HEAD = 'H' };
typedef struct av_run_sink {
    void *ctx;
    av_errc (*put)(void *ctx, av_span key, av_span value, av_error *err);
} av_run_sink;

/* --- a run that is read -------------------------------------------------------------------------------------------- */

typedef struct av_run av_run;

/* source is copied, its ctx borrowed until destroy. Reads the run's head. AV_ERR_CORRUPT, AV_ERR_VERSION. */
av_errc av_run_open(const av_run_source *source, av_run **ret, av_error *err);
void av_run_destroy(av_run **self);
uint32_t av_run_count(const av_run *self); /* documents */
uint64_t av_run_terms(const av_run *self); /* different terms */
uint64_t av_run_bytes(const av_run *self); /* of its keys and values */
/* What phrases leave behind in memory, three bytes a document at most; and giving it back, when nobody reads. */
size_t av_run_memory(const av_run *self);
void av_run_trim(av_run *self);

/* Terms of which any will do. */
typedef struct av_terms {
    const av_span *terms;
    size_t n;
} av_terms;
/*
 * Documents with the term in one of the fields are added to out (+ base). No such term: AV_OK, nothing is added.
 * among: NULL, or the documents (base added) that are asked about: the fewer, the cheaper. Of the others some may come,
 * too.
 */
av_errc av_run_docs(const av_run *self, av_span term, uint32_t fields, const roaring_bitmap_t *among, uint32_t base,
    roaring_bitmap_t *out, av_error *err);
/* The same for each of the terms (cheapest in byte order). */
av_errc av_run_docs_any(const av_run *self, const av_terms *terms, uint32_t fields, const roaring_bitmap_t *among,
    uint32_t base, roaring_bitmap_t *out, av_error *err);
/* The same for every term that begins with prefix, in one walk over the term blocks. */
av_errc av_run_docs_prefix(const av_run *self, av_span prefix, uint32_t fields, const roaring_bitmap_t *among,
    uint32_t base, roaring_bitmap_t *out, av_error *err);
/* The same for those of them that `admits` says true to; it may end the walk by *stop: AV_ERR_CANCELLED. */
av_errc av_run_docs_where(const av_run *self, av_span prefix, bool (*admits)(void *ctx, av_span term, bool *stop),
    void *ctx, uint32_t fields, const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err);
/* How many documents have the term in any field; 0: none. For the planner. */
av_errc av_run_frequency(const av_run *self, av_span term, uint64_t *ret, av_error *err);
/*
 * All terms that begin with prefix, in byte order, to `each` (count: documents) until it says false. AV_OK then, too.
 */
av_errc av_run_each_term(const av_run *self, av_span prefix, bool (*each)(void *ctx, av_span term, uint64_t count),
    void *ctx, av_error *err);
/*
 * Words in a row: documents in `among` (NULL: any, which costs a look at all; numbers with base added) where, in one
 * field of the mask, terms[i] stands at the position of terms[0] plus offsets[i] (ascending; offsets[0] is 0), are added
 * to out (+ base). Each terms[i] is a list of alternatives (a prefix written out); n at least 1.
 */
av_errc av_run_phrase(const av_run *self, const av_terms *terms, const uint32_t *offsets, size_t n, uint32_t fields,
    const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err);
/*
 * The same with words anywhere within `distance` positions of each other (first to last), in any order. A word that is
 * asked for twice may be the same one. Both: of one word in one document the first 65,536 places are known (a document with
 * more is AV_DOC_TRUNCATED); AV_ERR_LIMIT when alternatives stand at millions of places in a single document.
 */
av_errc av_run_near(const av_run *self, const av_terms *terms, size_t n, uint32_t distance, uint32_t fields,
    const roaring_bitmap_t *among, uint32_t base, roaring_bitmap_t *out, av_error *err);
/* A column, decoded: count values appended to out (uint64_t each). AV_ERR_LIMIT when out has no room. */
av_errc av_run_column(const av_run *self, av_column which, av_buf *out, av_error *err);
/* A string column: out gets the bytes of all, offsets (count + 1 uint32_t) tell where each begins. */
av_errc av_run_strings(const av_run *self, av_string_column which, av_buf *out, av_buf *offsets, av_error *err);
/* Read all of it, check what can be checked. */
av_errc av_run_check(const av_run *self, av_error *err);

/* --- making runs --------------------------------------------------------------------------------------------------- */

/* What the indexer knows of a document beside its words. */
typedef struct av_doc_facts {
    uint64_t numbers[AV_COLUMN_NUMBERS];
    av_span strings[AV_STRINGS]; /* cut at 255 bytes */
} av_doc_facts;

typedef struct av_builder av_builder;

av_builder *av_builder_new(void);
void av_builder_destroy(av_builder **self);
/* Begin the next document (numbers 0, 1, ...). */
void av_builder_begin(av_builder *self, const av_doc_facts *facts);
/* All words of a text in one field of the open document; called again for the same field it goes on behind the last position
 * (AV_TOKEN_APART), so that nothing matches across. */
void av_builder_text(av_builder *self, av_text_field field, av_span text);
uint32_t av_builder_count(const av_builder *self);
size_t av_builder_bytes(const av_builder *self); /* memory it holds */
/* Write the run; the builder is empty afterwards and keeps up to keep_bytes of memory. */
av_errc av_builder_finish(av_builder *self, const av_run_sink *sink, size_t keep_bytes, av_error *err);

/*
 * Runs of documents that follow each other become one: numbers of runs[i] begin behind those of runs[i - 1]. keep: NULL,
 * or the documents (numbers in the merged order) whose words and strings stay; the others keep their number and their LSN,
 * and nothing else. The same documents give the same bytes, however they were spread over runs. Memory: some blocks of
 * each run. cancel: NULL, or asked now and then; true ends it with AV_ERR_CANCELLED.
 */
av_errc av_runs_merge(av_run *const *runs, size_t n, const roaring_bitmap_t *keep, const av_run_sink *sink,
    bool (*cancel)(void *ctx), void *cancel_ctx, av_error *err);

/* --- a run in memory ----------------------------------------------------------------------------------------------- */

typedef struct av_memory_run av_memory_run;
av_memory_run *av_memory_run_new(void);
void av_memory_run_destroy(av_memory_run **self);
av_run_sink av_memory_run_sink(av_memory_run *self);
av_run_source av_memory_run_source(const av_memory_run *self); /* once all is written; any thread */
size_t av_memory_run_bytes(const av_memory_run *self);

#endif
