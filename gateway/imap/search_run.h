/*
 * search_run.h - SEARCH, SORT and THREAD at work: the request to the instance, the answer to the client
 *
 * Source: RFC 3501, 6.4.4; RFC 5256, 3; RFC 4731; RFC 5267, 3.
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_RUN_H
#define AV_GATEWAY_IMAP_SEARCH_RUN_H

#include "gateway/imap/search_answer.h"
#include "gateway/imap/search_keys.h"
#include "gateway/imap/session_priv.h"

#define AV_IMAP_SORT_KEYS_MAX   32
#define AV_IMAP_SEARCH_PIECE    32768U  /* bytes of an answer written at once */
#define AV_IMAP_SEARCH_TREE_MAX 60000   /* bytes: a request is one frame of 64 KB */
#define AV_IMAP_SEARCH_WAIT_MS  600000U /* the instance's time limit, too */

/* What a command asks for, parsed. */
typedef struct av_imap_search_wish {
    av_imap_answer_kind kind;
    bool by_uid;
    av_imap_return returns;
    Archivolt__SortKey sort[AV_IMAP_SORT_KEYS_MAX];
    size_t sort_count;
    Archivolt__ThreadAlgorithm thread;
    av_span charset; /* of SORT and THREAD */
    av_span keys;
} av_imap_search_wish;

/* Parses the keys, asks, answers the command. keys and charset are borrowed for the call. */
void av_imap_search_run(av_imap_session *session, const av_imap_search_wish *wish);

/* For search_run.c and cmd_esearch.c: the keys as options of this session; uids NULL: in several mailboxes. */
av_imap_search_options av_imap_search_options_of(const av_imap_session *session, const av_imap_uids *uids);
/* Answer the command whose arguments were wrong in this way. */
void av_imap_search_refuse(av_imap_session *session, const av_error *err);

#endif
