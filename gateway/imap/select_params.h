/*
 * select_params.h - what SELECT may say behind the name: "(CONDSTORE)", "(QRESYNC (67890007 20050715194045000 41:211))"
 *
 * Pure. Source: RFC 4466, 2.1 (select-params); RFC 7162, 3.1.8, 3.2.5 and 7.
 */
#ifndef AV_GATEWAY_IMAP_SELECT_PARAMS_H
#define AV_GATEWAY_IMAP_SELECT_PARAMS_H

#include "base/error.h"
#include "gateway/imap/uids.h"

typedef struct av_imap_select_params {
    bool condstore, qresync;
    uint32_t uidvalidity; /* what follows is of QRESYNC: the state the client has */
    uint64_t modseq;
    bool has_known;
    av_query_range *known; /* UIDs it has */
    size_t known_n;
    av_query_range *match_seqs, *match_uids; /* some sequence numbers and the UIDs they had */
    size_t match_seqs_n, match_uids_n;
} av_imap_select_params;

/* All of in, with its parentheses. ret need not be initialized and is to be released in any case. AV_ERR_SYNTAX. */
av_errc av_imap_select_params_parse(av_span in, av_imap_select_params *ret, av_error *err);
void av_imap_select_params_release(av_imap_select_params *self);

/*
 * UIDs the client may have that are not there (RFC 7162, 3.2.5.2): of those it says it has, or of all below uidnext; those
 * up to the highest pair of number and UID that is right still need not be told. ret is the caller's (free), never NULL.
 */
void av_imap_select_params_vanished(
    const av_imap_select_params *self, const av_imap_uids *uids, uint32_t uidnext, av_query_range **ret, size_t *ret_n);

#endif
