/*
 * match.h - does this document match this query? By looking at the text itself
 *
 * Compile a query once, hold it against any number of documents. A matcher does not change: several threads may use it
 * at once.
 *
 * What a match is follows token.h, so that a matcher and an index say the same. A *word* matches where it stands as a
 * whole: no letter, digit or underscore beside it, but for a change from or to a script that does not part words (Han,
 * Hiragana, Katakana, Hangul, Thai, Lao, Khmer, Myanmar). Characters of these match wherever they stand. Letter case
 * never counts. Accents count where they are asked for: a word without any matches texts with and without them, a word
 * with accents only texts with these; each word of a phrase by itself (fold.h says what an accent is). White space
 * stands for one or more white space characters, line ends included; other characters, and their not being there, count
 * as they were written: "a-b" is not "a - b". What stands beside a mark at an end (".pdf", "c++") is not looked at.
 * What is not seen (soft hyphens, joiners) is not there. Words that are the same in their first AV_WORD_MAX bytes are
 * one; patterns see AV_TOKEN_MAX bytes.
 *
 * A substring (IMAP) is found anywhere, letter case alone ignored, by simple case folding; accents count, texts and
 * query are expected in NFC (the query is brought there).
 */
#ifndef AV_STORAGE_INDEX_MATCH_H
#define AV_STORAGE_INDEX_MATCH_H

#include "storage/index/query.h"

/*
 * What is looked at: UTF-8 texts, decoded. Only what av_matcher_needs() names must be filled in; the rest stays zeroed.
 * Texts made of several pieces (bodies, names) have them parted by "\n".
 */
typedef struct av_match_doc {
    av_span subject, from, to, cc, bcc; /* addresses as "Name <addr>, ..." with encoded words decoded */
    av_span body;                       /* all inline text parts, HTML as text */
    av_span filenames;                  /* attachment names, one a line */
    av_span attachments;                /* text of attachments, as far as there is any */
    av_span header_text;                /* the whole header section: "Name: decoded value" lines, unfolded */
    av_span folder;                     /* NFC components with '/' between */
    av_span id;                         /* message id, "M..." */
    av_span keywords;                   /* IMAP keywords with one space between */
    av_span thread;                     /* thread id, "T..." */
    bool has_attachment;
    bool has_date;           /* a Date header that could be read */
    int64_t date_unix_s;     /* that moment */
    int32_t date_zone_min;   /* the zone it was written in, minutes east of UTC */
    int64_t received_unix_s; /* INTERNALDATE */
    int64_t saved_unix_s;    /* when it came into its mailbox */
    uint64_t modseq;
    uint64_t size_bytes;    /* of the bytes as they arrived, or of the CRLF view where IMAP asks */
    uint32_t flags;         /* av_query_flag bits */
    uint32_t uid, last_uid; /* last_uid: highest in its mailbox, what "*" stands for; 0: uid */
    /*
     * The value (decoded, unfolded) of the index-th field called name (any case), 0 for the first; false when there is
     * none. The span holds until the next call. May be NULL: then there are no header fields.
     */
    bool (*header)(void *context, av_span name, size_t index, av_span *ret);
    void *header_context;
} av_match_doc;

/* Which members of a document a query looks at. */
typedef enum av_match_need {
    AV_MATCH_NEED_HEADERS = 1 << 0,     /* subject, from, to, cc, bcc */
    AV_MATCH_NEED_DATE = 1 << 1,        /* has_date, date_unix_s, date_zone_min (and received_unix_s) */
    AV_MATCH_NEED_HEADER_TEXT = 1 << 2, /* header_text */
    AV_MATCH_NEED_HEADER = 1 << 3,      /* the header callback */
    AV_MATCH_NEED_BODY = 1 << 4,        /* body */
    AV_MATCH_NEED_FILENAMES = 1 << 5,   /* filenames, has_attachment */
    AV_MATCH_NEED_ATTACHMENTS = 1 << 6, /* attachments */
    AV_MATCH_NEED_META = 1 << 7, /* what a placement says: folder, id, thread, keywords, dates, modseq, flags, UIDs */
    AV_MATCH_NEED_SIZE = 1 << 8, /* size_bytes */
    /* These need the message's bytes; the others are in the catalog. */
    AV_MATCH_NEED_MESSAGE = (1 << 7) - 1
} av_match_need;

typedef struct av_matcher av_matcher;

/* Compile a finished query, which is not needed afterwards. Returns AV_OK or AV_ERR_INVALID. */
av_errc av_matcher_new(const av_query *query, av_matcher **ret, av_error *err);
void av_matcher_destroy(av_matcher **self);
/* av_match_need bits. */
uint32_t av_matcher_needs(const av_matcher *self);
bool av_matcher_test(const av_matcher *self, const av_match_doc *doc);
/*
 * Two steps for those who hold the cheap facts first: yes or no when the members named in `have` (av_match_need bits)
 * decide it already, else maybe: fill in the rest and call av_matcher_test().
 */
typedef enum av_match { AV_MATCH_NO, AV_MATCH_YES, AV_MATCH_MAYBE } av_match;
av_match av_matcher_try(const av_matcher *self, const av_match_doc *doc, uint32_t have);

#endif
