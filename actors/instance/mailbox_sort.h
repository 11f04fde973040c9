/*
 * mailbox_sort.h - what a search within one mailbox found, in the order of RFC 5256
 *
 * Keys of dates, sizes and subjects come from places and the index's columns, those of addresses from summary rows: no
 * message is read. Texts become their rank among all that occur, so what is held is 8 bytes a key and message, and
 * each different text once.
 */
#ifndef AV_INSTANCE_MAILBOX_SORT_H
#define AV_INSTANCE_MAILBOX_SORT_H

#include "actors/instance/mailbox_scan.h"

#define AV_SORT_KEYS_MAX 9U                 /* each field once: what comes again tells nothing apart */
#define AV_SORT_TEXT_MAX ((size_t)96 << 20) /* bytes of different texts */

/* UIDs onto out (storage/index/uid_list.h). Blocks on disk. AV_ERR_LIMIT, AV_ERR_CANCELLED, AV_ERR_CORRUPT, AV_ERR_IO. */
av_errc av_mailbox_sort(av_mailbox_scan *scan, Archivolt__SortKey *const *keys, size_t n, av_buf *out, av_error *err);

#endif
