/*
 * mailbox_tree.h - the user's mailboxes as LIST sees them: in tree order, with the levels between them that are no mailboxes
 *
 * Pure: made of a reply of Archive.ListMailboxes, of which it keeps what it needs.
 */
#ifndef AV_GATEWAY_IMAP_MAILBOX_TREE_H
#define AV_GATEWAY_IMAP_MAILBOX_TREE_H

#include "base/buf.h"
#include "proto/archive.pb-c.h"

#define AV_IMAP_TREE_NONE SIZE_MAX

typedef struct av_imap_node {
    const char *path; /* path_n bytes; in the tree's own memory */
    uint32_t path_n;
    bool exists; /* false: a level that is no mailbox: \NonExistent */
    bool has_children;
    bool below;                  /* av_imap_tree_mark found a marked one below it */
    size_t parent;               /* index, or AV_IMAP_TREE_NONE */
    const char *use;             /* "\Sent"..., or NULL: special_use.h */
    Archivolt__MailboxInfo info; /* where exists: its numbers and its GUID; path is not set */
} av_imap_node;

typedef struct av_imap_tree {
    av_imap_node *nodes; /* parents before children */
    size_t count;
    char *text; /* all paths, all GUIDs */
} av_imap_tree;

/* NULL: the reply makes no sense. INBOX is there in any case (RFC 3501, 5.1): when the archive has none, as an empty mailbox at the beginning. */
av_imap_tree *av_imap_tree_new(const Archivolt__ListMailboxesReply *reply);
void av_imap_tree_destroy(av_imap_tree **self);
/* Set `below` of all nodes above one that is chosen. */
void av_imap_tree_mark(av_imap_tree *self, bool (*chosen)(const av_imap_node *node, unsigned how), unsigned how);

/* Numbers of the INBOX that no archive has; its GUID is 16 zeros. Static storage behind guid. */
Archivolt__MailboxInfo av_imap_empty_inbox(void);

#endif
