/*
 * mailbox_thread.h - what a search within one mailbox found, as threads of RFC 5256
 *
 * Ids, dates and subjects come from summary rows and the index's columns: no message is read that has a row.
 */
#ifndef AV_INSTANCE_MAILBOX_THREAD_H
#define AV_INSTANCE_MAILBOX_THREAD_H

#include "actors/instance/mailbox_scan.h"

/* Threads onto out (storage/index/uid_list.h). Blocks on disk. AV_ERR_LIMIT, AV_ERR_INVALID (algorithm),
 * AV_ERR_CANCELLED, AV_ERR_CORRUPT, AV_ERR_IO. */
av_errc av_mailbox_thread(av_mailbox_scan *scan, Archivolt__ThreadAlgorithm algorithm, av_buf *out, av_error *err);

#endif
