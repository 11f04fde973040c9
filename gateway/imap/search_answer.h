/*
 * search_answer.h - what a search found, as the client wants it told: SEARCH, ESEARCH, SORT or THREAD, piece by piece
 *
 * Pure: from a reply of Archive.SearchMailbox to bytes. What is held is the reply's own packed form; the lists are written
 * as there is room for them.
 * Source: RFC 3501, 7.2.5; RFC 4731; RFC 5256, 4; RFC 5267, 3; RFC 7162, 3.1.6; RFC 7377, 2.1; RFC 9394, 3.1.
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_ANSWER_H
#define AV_GATEWAY_IMAP_SEARCH_ANSWER_H

#include "gateway/imap/search_return.h"
#include "gateway/imap/uids.h"
#include "proto/archive.pb-c.h"
#include "storage/index/uid_list.h"

typedef enum av_imap_answer_kind {
    AV_IMAP_ANSWER_SEARCH,
    AV_IMAP_ANSWER_SORT,
    AV_IMAP_ANSWER_THREAD
} av_imap_answer_kind;

typedef struct av_imap_answer {
    /* set by the owner before av_imap_answer_take */
    av_imap_answer_kind kind;
    bool by_uid;      /* UIDs, not sequence numbers */
    bool extended;    /* an ESEARCH */
    bool tell_modseq; /* MODSEQ was among the keys */
    av_imap_return returns;
    const char *tag;          /* borrowed */
    const av_imap_uids *uids; /* borrowed: the client's map; NULL: by_uid, in a mailbox that is not selected */
    av_span mailbox;          /* borrowed: its name as an astring, of an ESEARCH over several; else empty */

    /* from here on its own */
    av_buf bytes; /* packed: ranges, UIDs or threads */
    uint64_t count;
    uint32_t first, last; /* numbers, in the answer's order; 0: there is none */
    uint64_t modseq;
    uint32_t uidvalidity;
    unsigned stage;
    av_span rest; /* of bytes, not written yet */
    av_uid_list list;
    av_query_range run; /* of numbers: being written */
    uint64_t at;        /* number of the next element, from 0 */
    uint64_t from, to;  /* elements that are told: PARTIAL */
    bool wrote;         /* something of the list */
    uint32_t *open;     /* THREAD: answers still to come of each branch */
    size_t depth, open_cap;
    uint32_t left; /* answers of the message written last */
    bool bare;     /* which was none: its list is empty yet */
} av_imap_answer;

/* Take a reply over; NULL: nothing was found. Earlier contents are let go. AV_ERR_CORRUPT: it makes no sense.
 * AV_ERR_UNAVAILABLE: it speaks of messages the client was not told of. */
av_errc av_imap_answer_take(av_imap_answer *self, const Archivolt__SearchMailboxReply *reply, av_error *err);
void av_imap_answer_release(av_imap_answer *self);
/* Append the next piece, somewhat over `most` bytes at most. true: that was the last one. */
bool av_imap_answer_write(av_imap_answer *self, av_buf *out, size_t most);
/*
 * What SAVE keeps of it (RFC 5182, 2.1), as ranges of UIDs in order; ret is the caller's (free), never NULL. Before
 * anything is written.
 */
void av_imap_answer_saved(const av_imap_answer *self, av_query_range **ret, size_t *ret_n);

#endif
