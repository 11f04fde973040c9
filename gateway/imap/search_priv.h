/*
 * search_priv.h - shared by search_keys.c (groups of keys) and search_key.c (one key with its arguments)
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_PRIV_H
#define AV_GATEWAY_IMAP_SEARCH_PRIV_H

#include "base/buf.h"
#include "gateway/imap/search_keys.h"

typedef struct av_imap_search {
    av_span in;  /* not yet read */
    av_buf text; /* unescaped strings; never grows beyond what was reserved */
    av_buf utf8; /* a string of another charset, the last one */
    const av_imap_search_options *options;
    av_span charset; /* of strings; empty: UTF-8 */
    av_query *query;
    bool uses_modseq, numbers_refused;
} av_imap_search;

/* Take one key with its arguments, no group; ret is its node. AV_ERR_SYNTAX names the key. */
av_errc av_imap_search_key(av_imap_search *self, av_query_id *ret, av_error *err);

#endif
