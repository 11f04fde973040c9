/*
 * mailbox_answer.h - what a search within one mailbox found, as the reply of Archive.SearchMailbox
 */
#ifndef AV_INSTANCE_MAILBOX_ANSWER_H
#define AV_INSTANCE_MAILBOX_ANSWER_H

#include "actors/instance/mailbox_scan.h"

/*
 * All parts of scan have ended. Fills in reply, which is the caller's and was made by av_reply_new. Blocks on disk.
 * AV_ERR_LIMIT, AV_ERR_INVALID (sort keys), AV_ERR_CANCELLED, AV_ERR_CORRUPT, AV_ERR_IO.
 */
av_errc av_mailbox_answer(av_mailbox_scan *scan, const Archivolt__SearchMailboxRequest *request,
    Archivolt__SearchMailboxReply *reply, av_error *err);

#endif
