/*
 * summary_words.h - has a message's summary the words of its header?
 *
 * The summary shows addresses as a reader wants them: without comments, routes and second fields of a name. A search
 * means the header as it stands (storage/index/document.h), so where the words differ it has to look at the message.
 */
#ifndef AV_INSTANCE_SUMMARY_WORDS_H
#define AV_INSTANCE_SUMMARY_WORDS_H

#include "storage/mime/summary.h"

/* Subject, From, To, Cc, Bcc: the same words with the same between them. Pure. */
bool av_summary_has_words(const av_mime *mime, const av_mime_summary *summary);

#endif
