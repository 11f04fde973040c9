/*
 * messages.h - what identifies the messages of a folder, for administrators: no contents, no subjects, no addresses
 *
 * On a reader, a function of ask.h.
 */
#ifndef AV_INSTANCE_MESSAGES_H
#define AV_INSTANCE_MESSAGES_H

#include "actors/instance/ask.h"

#define AV_MESSAGES_LIMIT_DEFAULT 10000U
#define AV_MESSAGES_LIMIT_MAX     50000U

/*
 * GetMessages: by UID, from a snapshot. Fewer than the limit come when more would not fit a reply; none come behind the
 * last. AV_ERR_NOT_FOUND: no such folder; AV_ERR_LIMIT: more wanted than AV_MESSAGES_LIMIT_MAX. Blocks on disk.
 */
av_errc av_messages_list(av_ask *ask, av_error *err);

#endif
