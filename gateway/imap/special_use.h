/*
 * special_use.h - what a folder is for, told by its name: \Sent, \Drafts, \Junk, \Trash, \Archive (RFC 6154)
 *
 * Pure. The archive keeps what its sources called their folders; the names that mail servers and mail programs give them in
 * English and German stand in one table. \All, \Flagged and \Important are never told: no folder of an archive shows the
 * messages of others.
 */
#ifndef AV_GATEWAY_IMAP_SPECIAL_USE_H
#define AV_GATEWAY_IMAP_SPECIAL_USE_H

#include "base/span.h"

/*
 * The attribute of a mailbox, "\Sent"..., or NULL. archive: the first component of the user's own mailboxes; others'
 * folders are none of his. Told of a folder that stands at the top of the archive or of one source in it, where INBOX and
 * Gmail's own folder do not count: alice/Sent, alice/Old Mail/Sent, alice/Old Mail/INBOX/Sent, alice/[Gmail]/Sent Mail.
 * Letter case does not count. Static storage.
 */
const char *av_imap_special_use(av_span archive, av_span path);

#endif
