/*
 * acl.h - the rights a user has on a mailbox he may read: "lr", and no more for anybody (RFC 4314, 2.1)
 */
#ifndef AV_GATEWAY_IMAP_ACL_H
#define AV_GATEWAY_IMAP_ACL_H

#include "gateway/imap/command.h"

/* "* MYRIGHTS name lr" of a mailbox that the user may read; name is UTF-8. */
void av_imap_session_write_myrights(av_imap_session *session, av_span name);

#endif
