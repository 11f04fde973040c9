/*
 * search_keys.h - the arguments of SEARCH as a query tree
 *
 * Pure. Every key of RFC 3501, 6.4.4, RFC 9051, 6.4.4, and of RFC 5032 (OLDER, YOUNGER), RFC 5182 ($), RFC 7162 (MODSEQ),
 * RFC 8474 (EMAILID, THREADID) and RFC 8514 (SAVEDBEFORE, SAVEDON, SAVEDSINCE, SAVEDATESUPPORTED). There is no \Recent
 * here: NEW and RECENT match nothing, OLD everything. Sequence numbers are turned into UIDs by the map of the selected
 * mailbox.
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_KEYS_H
#define AV_GATEWAY_IMAP_SEARCH_KEYS_H

#include "base/error.h"
#include "gateway/imap/uids.h"

typedef struct av_imap_search_options {
    const av_imap_uids *uids; /* of the selected mailbox; NULL: no sequence numbers and no `$` (RFC 7377, 2.2) */
    int64_t now_unix_s;       /* what OLDER and YOUNGER count from */
    bool exact;      /* BODY and TEXT: substrings of the text itself, not as the index's words tell (docs/search.md) */
    bool no_charset; /* CHARSET is refused (RFC 6855, 3) */
    /* SORT and THREAD name a charset in front of the keys: then it is here, and CHARSET cannot come. Empty: it may. */
    av_span charset;
} av_imap_search_options;

/*
 * All of in: "CHARSET UTF-8 OR FROM smith (SINCE 1-Feb-1994 NOT SEEN)". ret is a finished query, the caller's to destroy;
 * ret_modseq: MODSEQ is among the keys.
 * Returns AV_OK, AV_ERR_SYNTAX (the sentence names the key), AV_ERR_UNSUPPORTED (charset), AV_ERR_LIMIT, AV_ERR_INVALID.
 */
av_errc av_imap_search_parse(
    av_span in, const av_imap_search_options *options, av_query **ret, bool *ret_modseq, av_error *err);

#endif
