/*
 * query.h - a search as a tree; and the one parser from text to tree
 *
 * The tree is what a search *is*: the parser below builds it from what a person typed, IMAP SEARCH and the API build it
 * by the functions, query_wire.h carries it over the bus, match.h holds it against a document.
 *
 * The text (design: Searches):
 *   invoice              the word, in subject, body, addresses (From, To, Cc) and attachment names
 *   "best regards"       the words in this order, parted by any white space
 *   invo*                words that begin so; a lone * is every message
 *   *voice               words that end so (the first, of several: *@example.com)
 *   wom?n  in*ce         ? is one character, * any or none; within a word
 *   NEAR(a b c, 10)      all these words within 10 words, first to last, in any order; 10 when no number is given
 *   ~word                words with the same stem, in one of the languages of the limits; accents do not count
 *   a b   a AND b        both; a OR b one of them; NOT a, -a without; ( ) groups. NOT binds before AND before OR.
 *   from: to: cc: bcc: subject: body: attachment: filename:   word, phrase, word* or a group in ( ) in that field only
 *   header:name:word     word, phrase or pattern in a header field of that name; header:name:* that there is one
 *   folder:Archive/2003  that folder and what is below; names compare without case, whole names, anywhere in the path
 *   date:2016   date:2015-03   date:2015-03-07   date:2015..2017   date:2015-03..   date:..2016   last included
 *   received:            the same for the date of arrival
 *   before:2016-01-02    earlier than that day (month, year) begins; after:2016-01-02 later than it ends
 *   size:>1M  size:>=1M  size:<10K  size:<=10K  size:10K..2M  size:1234      K, M, G are powers of 1024
 *   has:attachment       id:Mxxxx (the message id, case counts)
 * AND, OR, NOT, NEAR( are operators in capitals only. In quotation marks * ? ~ are characters like others. A word may
 * hold punctuation (10:30, a-b, x@y.z); a colon after letters makes a field, and an unknown field is an error, so that
 * a slip is seen: quote it ("http://x") to search for it.
 *
 * A tree is an array of nodes, children by number, each node with at most one parent: nothing here recurses on input.
 * Building functions return the new node's id, or AV_QUERY_NONE after a failure, which is kept in the query (the first
 * one) and passes through every function above it: check once, in av_query_finish().
 */
#ifndef AV_STORAGE_INDEX_QUERY_H
#define AV_STORAGE_INDEX_QUERY_H

#include "base/error.h"
#include "base/span.h"

/* Bounds of one query; the defaults are what the gateway and the instance use for peers. */
typedef struct av_query_limits {
    size_t text_bytes; /* of the typed text */
    size_t term_bytes; /* of one word, phrase, header value */
    size_t nodes;
    size_t depth;          /* levels; at most AV_QUERY_DEPTH_MAX */
    size_t ranges;         /* number ranges in all uid sets together */
    int32_t zone_min;      /* minutes east of UTC in which typed days begin; -1439 to 1439 */
    const char *languages; /* of ~word: names of Snowball's stemmers, parted by commas; NULL: "english,german" */
} av_query_limits;

enum {
    AV_QUERY_DEPTH_MAX = 64,
    AV_QUERY_WILDCARDS_MAX = 8, /* * and ? in one term */
    AV_QUERY_NEAR_MAX = 200,    /* words */
    AV_QUERY_NEAR_DEFAULT = 10,
    AV_QUERY_NEAR_ITEMS_MAX = 16,
    AV_QUERY_LANGUAGES_MAX = 4
};

/* 4096 bytes of text, terms of 1024, 512 nodes, depth 32, 4096 ranges, UTC, English and German. */
extern const av_query_limits av_query_limits_default;

/* Where a text node looks; a set of these. */
typedef enum av_query_field {
    AV_QUERY_IN_SUBJECT = 1 << 0,
    AV_QUERY_IN_BODY = 1 << 1,
    AV_QUERY_IN_FROM = 1 << 2,
    AV_QUERY_IN_TO = 1 << 3,
    AV_QUERY_IN_CC = 1 << 4,
    AV_QUERY_IN_BCC = 1 << 5,
    AV_QUERY_IN_FILENAME = 1 << 6,   /* attachment names */
    AV_QUERY_IN_ATTACHMENT = 1 << 7, /* attachment contents, as far as text was taken from them */
    AV_QUERY_IN_HEADER = 1 << 8,     /* the whole header as text (IMAP TEXT) */
    /* What a bare word searches. */
    AV_QUERY_IN_ANY = AV_QUERY_IN_SUBJECT | AV_QUERY_IN_BODY | AV_QUERY_IN_FROM | AV_QUERY_IN_TO | AV_QUERY_IN_CC |
                      AV_QUERY_IN_FILENAME,
    AV_QUERY_IN_ALL = (1 << 9) - 1
} av_query_field;

typedef enum av_query_kind {
    AV_QUERY_ALL = 1,    /* every message */
    AV_QUERY_AND = 2,    /* children, at least one */
    AV_QUERY_OR = 3,     /* children, at least one */
    AV_QUERY_NOT = 4,    /* one child */
    AV_QUERY_WORD = 5,   /* text in fields, as whole words; white space in it stands for any white space (a phrase) */
    AV_QUERY_PREFIX = 6, /* the same, and the last word may go on */
    AV_QUERY_SUBSTRING = 7, /* text in fields, anywhere (IMAP SUBJECT, BODY, TEXT...); "" is: the field is there */
    AV_QUERY_HEADER = 8,    /* name, text: as substring in a header field of that name; "" is: there is such a field */
    AV_QUERY_FOLDER = 9,    /* text: see above */
    AV_QUERY_DATE = 10,     /* date, from_unix_s, to_unix_s */
    AV_QUERY_SIZE = 11,     /* min_bytes, max_bytes, both included */
    AV_QUERY_HAS_ATTACHMENT = 12,
    AV_QUERY_ID = 13,      /* text: the message id */
    AV_QUERY_FLAG = 14,    /* one of AV_QUERY_FLAG_ */
    AV_QUERY_KEYWORD = 15, /* text: an IMAP keyword, case does not count */
    AV_QUERY_UIDS = 16,    /* ranges */
    /*
     * Patterns. A word of them is held against words as token.h gives them: what is longer than AV_TOKEN_MAX bytes is
     * seen cut. Accents count where the pattern's word has some, as everywhere.
     */
    AV_QUERY_SUFFIX = 17,   /* as WORD, and the first word may begin earlier */
    AV_QUERY_WILDCARD = 18, /* as WORD, and in its words * is any letters, also none, and ? is one letter */
    AV_QUERY_NEAR = 19,     /* text: words parted by blanks, * and ? in them as in WILDCARD; distance; one field has all
                               of them, first to last within AV_TOKEN_WITHIN(distance), in any order; two may be met by
                               the same word */
    AV_QUERY_STEM = 20,     /* text: one word; name: languages; a word with the same stem in one of them (stem.h) */
    AV_QUERY_HEADER_WORD = 21, /* name, text: as `how` says in the value of one header field of that name */
    AV_QUERY_THREAD = 22,      /* text: the thread id (RFC 8474) */
    AV_QUERY_MODSEQ = 23       /* modseq: changed with it or later (RFC 7162, 3.1.5) */
} av_query_kind;

/* The date of a message a date node speaks of. */
typedef enum av_query_date {
    AV_QUERY_DATE_SENT = 1,       /* the Date header as a moment; without a readable one, the received date */
    AV_QUERY_DATE_SENT_LOCAL = 2, /* the day written in the Date header, its zone ignored (IMAP SENTBEFORE...) */
    AV_QUERY_DATE_RECEIVED = 3,   /* INTERNALDATE as a moment (IMAP BEFORE, ON, SINCE) */
    AV_QUERY_DATE_SAVED = 4       /* the moment it came into its mailbox (IMAP SAVEDBEFORE...) */
} av_query_date;

/* Flag bits, the same in documents (match.h). */
typedef enum av_query_flag {
    AV_QUERY_FLAG_SEEN = 1 << 0,
    AV_QUERY_FLAG_ANSWERED = 1 << 1,
    AV_QUERY_FLAG_FLAGGED = 1 << 2,
    AV_QUERY_FLAG_DELETED = 1 << 3,
    AV_QUERY_FLAG_DRAFT = 1 << 4,
    AV_QUERY_FLAG_ALL = (1 << 5) - 1
} av_query_flag;

/* An inclusive range, first <= last; UINT32_MAX stands for "*", the last message of the mailbox. */
typedef struct av_query_range {
    uint32_t first, last;
} av_query_range;

typedef uint32_t av_query_id; /* of a node within its query; 1 and up */
enum { AV_QUERY_NONE = 0 };

/* A node to read; only the members of its kind mean anything. Spans belong to the query. */
typedef struct av_query_node {
    av_query_kind kind;
    av_query_id first_child, next; /* next: sibling under the same parent */
    uint32_t height;               /* 1 for a leaf */
    bool owned;                    /* has a parent, or is the root */
    uint32_t fields;               /* av_query_field bits */
    av_span text;                  /* UTF-8 */
    av_span name;
    av_query_date date;
    int64_t from_unix_s, to_unix_s; /* from included, to not; INT64_MIN and INT64_MAX are open ends */
    uint64_t min_bytes, max_bytes;
    uint64_t modseq;
    av_query_flag flag;
    const av_query_range *ranges;
    size_t range_count;
    uint32_t distance; /* words, 1 to AV_QUERY_NEAR_MAX */
    av_query_kind how; /* AV_QUERY_WORD, _PREFIX, _SUFFIX, _WILDCARD */
} av_query_node;

typedef struct av_query av_query;

/* limits NULL: the defaults; copied. */
av_query *av_query_new(const av_query_limits *limits);
void av_query_destroy(av_query **self);

/*
 * Parse what a person typed. ret is a finished query, the caller's to destroy.
 *
 * Returns AV_OK; AV_ERR_SYNTAX with "column N: sentence" (columns count characters, from 1); AV_ERR_LIMIT. Pure.
 * An empty text is an error: what deletes by query must never mean everything by accident.
 */
av_errc av_query_parse(av_span text, const av_query_limits *limits, av_query **ret, av_error *err);

/* The building functions. Texts are copied. A failure is AV_QUERY_NONE, kept until av_query_finish(). */
av_query_id av_query_all(av_query *self);
av_query_id av_query_not(av_query *self, av_query_id child);
av_query_id av_query_and(av_query *self, const av_query_id *children, size_t n); /* n = 1 gives the child itself */
av_query_id av_query_or(av_query *self, const av_query_id *children, size_t n);
/* kind: AV_QUERY_WORD, _PREFIX, _SUBSTRING, _SUFFIX, _WILDCARD; fields: not empty. A word without letter or digit is
 * refused, as are wildcards without a letter beside them and beside letters of scripts that do not part words. */
av_query_id av_query_text(av_query *self, av_query_kind kind, uint32_t fields, av_span text);
/*
 * text anywhere, as words tell it: its words in a row, of which the first may begin earlier and the last go on. What words
 * cannot tell (no letter, a * or ?, a very long word) is a SUBSTRING. Empty: every message.
 */
av_query_id av_query_contains(av_query *self, uint32_t fields, av_span text);
/* text: 2 to AV_QUERY_NEAR_ITEMS_MAX words parted by white space, each one word of token.h, * and ? in it as in
 * WILDCARD. */
av_query_id av_query_near(av_query *self, uint32_t fields, uint32_t distance, av_span text);
/* text: one word of token.h, of a script that parts words. languages: empty for those of the limits. */
av_query_id av_query_stem(av_query *self, uint32_t fields, av_span languages, av_span text);
av_query_id av_query_header(av_query *self, av_span name, av_span text);
/* how: AV_QUERY_WORD, _PREFIX, _SUFFIX, _WILDCARD. */
av_query_id av_query_header_word(av_query *self, av_span name, av_query_kind how, av_span text);
av_query_id av_query_folder(av_query *self, av_span path);
av_query_id av_query_dates(av_query *self, av_query_date which, int64_t from_unix_s, int64_t to_unix_s);
/* Bytes, both included. IMAP LARGER n: (n + 1, UINT64_MAX); SMALLER n: (0, n - 1), and NOT ALL for n = 0. */
av_query_id av_query_size(av_query *self, uint64_t min_bytes, uint64_t max_bytes);
av_query_id av_query_has_attachment(av_query *self);
av_query_id av_query_message_id(av_query *self, av_span id);
av_query_id av_query_thread(av_query *self, av_span id);
av_query_id av_query_modseq(av_query *self, uint64_t modseq);
av_query_id av_query_flagged(av_query *self, av_query_flag flag);
av_query_id av_query_keyword(av_query *self, av_span keyword);
/* Ranges are copied; one with first > last is turned round, as RFC 9051, 9 (seq-range) says. */
av_query_id av_query_uids(av_query *self, const av_query_range *ranges, size_t n);

/*
 * Make root the root. AV_ERR_LIMIT or AV_ERR_INVALID with the first failure of any building function, or when root is
 * AV_QUERY_NONE. Nodes not reachable from root are ignored by every reader.
 */
av_errc av_query_finish(av_query *self, av_query_id root, av_error *err);

/* For readers of a finished query. */
av_query_id av_query_root(const av_query *self);
const av_query_node *av_query_node_at(const av_query *self, av_query_id id);
/* Number of nodes, the unreachable ones included: ids are 1 to this. */
size_t av_query_count(const av_query *self);

/* The rule of folder: above, for those who answer it from their list of folders. UTF-8 with '/' between names. */
bool av_query_folder_matches(av_span path, av_span wanted);

#endif
