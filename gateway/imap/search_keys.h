/*
 * search_keys.h - the arguments of SEARCH as a query tree
 *
 * Pure. Every key of RFC 3501, 6.4.4. There is no \Recent here: NEW and RECENT match nothing, OLD everything. Strings are
 * UTF-8 or US-ASCII. Sequence numbers are turned into UIDs by the map of the selected mailbox.
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_KEYS_H
#define AV_GATEWAY_IMAP_SEARCH_KEYS_H

#include "base/error.h"
#include "gateway/imap/uids.h"

/*
 * All of in: "CHARSET UTF-8 OR FROM smith (SINCE 1-Feb-1994 NOT SEEN)". ret is a finished query, the caller's to destroy.
 * Returns AV_OK, AV_ERR_SYNTAX (the sentence names the key), AV_ERR_UNSUPPORTED (charset), AV_ERR_LIMIT, AV_ERR_INVALID.
 */
av_errc av_imap_search_parse(av_span in, const av_imap_uids *uids, av_query **ret, av_error *err);

#endif
