/*
 * search_answer_priv.h - shared by search_answer.c (lists) and search_answer_more.c (threads, what SAVE keeps)
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_ANSWER_PRIV_H
#define AV_GATEWAY_IMAP_SEARCH_ANSWER_PRIV_H

#include "gateway/imap/search_answer.h"

/* The next element as numbers for the client; false at the end. */
bool av_imap_answer_next(av_imap_answer *self, av_query_range *ret);
void av_imap_answer_rewind(av_imap_answer *self);
/* Threads until out has `most` bytes. true: the end. */
bool av_imap_answer_threads(av_imap_answer *self, av_buf *out, size_t most);

#endif
