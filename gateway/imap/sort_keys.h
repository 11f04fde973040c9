/*
 * sort_keys.h - the criteria of SORT: "(REVERSE DATE SUBJECT)"
 *
 * Pure. Source: RFC 5256, 3 and 5; RFC 5957, 3.
 */
#ifndef AV_GATEWAY_IMAP_SORT_KEYS_H
#define AV_GATEWAY_IMAP_SORT_KEYS_H

#include "base/error.h"
#include "base/span.h"
#include "proto/archive.pb-c.h"

/* Off the front of in. max: as many as ret has room for. AV_ERR_SYNTAX, AV_ERR_LIMIT. */
av_errc av_imap_take_sort_keys(av_span *in, Archivolt__SortKey *ret, size_t max, size_t *ret_n, av_error *err);
/* The algorithm of THREAD, off the front of in. AV_ERR_SYNTAX. */
av_errc av_imap_take_thread_algorithm(av_span *in, Archivolt__ThreadAlgorithm *ret, av_error *err);

#endif
