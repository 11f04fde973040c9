/*
 * mailbox_tree.c - see mailbox_tree.h
 */
#include "gateway/imap/mailbox_tree.h"

#include "gateway/imap/mailbox_name.h"
#include "gateway/imap/special_use.h"

#define GUID_BYTES 16

static uint8_t no_guid[GUID_BYTES];

Archivolt__MailboxInfo
av_imap_empty_inbox(void)
{
    Archivolt__MailboxInfo ret = ARCHIVOLT__MAILBOX_INFO__INIT;

    ret.guid = (ProtobufCBinaryData){ .len = sizeof no_guid, .data = no_guid };
    ret.uidvalidity = ret.uidnext = 1;
    ret.highest_modseq = 1;
    return ret;
}

/* above is path's parent, or a level further up. */
static bool
is_below(const av_imap_node *above, const char *path, size_t n)
{
    return n > above->path_n && path[above->path_n] == '/' && memcmp(path, above->path, above->path_n) == 0;
}

/* The nearest node above this path among the last one and those above it. */
static size_t
find_parent(const av_imap_tree *self, const char *path, size_t n)
{
    size_t at = self->count == 0 ? AV_IMAP_TREE_NONE : self->count - 1;

    while (at != AV_IMAP_TREE_NONE && !is_below(&self->nodes[at], path, n))
        at = self->nodes[at].parent;
    return at;
}

static av_imap_node *
add(av_imap_tree *self, const char *path, size_t n)
{
    size_t parent = find_parent(self, path, n);
    av_imap_node *node = &self->nodes[self->count++];

    *node = (av_imap_node){ .path = path, .path_n = (uint32_t)n, .parent = parent };
    if (parent != AV_IMAP_TREE_NONE)
        self->nodes[parent].has_children = true;
    return node;
}

/* The levels above path that are not there yet. */
static void
add_levels(av_imap_tree *self, const char *path, size_t n)
{
    size_t parent = find_parent(self, path, n);
    size_t have = parent == AV_IMAP_TREE_NONE ? 0 : self->nodes[parent].path_n + 1U;

    for (size_t i = have; i < n; i++) {
        if (path[i] == '/')
            (void)add(self, path, i);
    }
}

/* How many levels above path may have to be made: those that the path before does not have, too. */
static size_t
new_levels(const char *before, const char *path)
{
    size_t same = 0, n = 0;

    while (path[same] != '\0' && path[same] == before[same])
        same++;
    for (path += same; *path != '\0'; path++)
        n += *path == '/';
    return n;
}

static bool
is_good(const Archivolt__ListMailboxesReply *reply)
{
    for (size_t i = 0; i < reply->n_mailboxes; i++) {
        if (reply->mailboxes[i]->guid.len != GUID_BYTES || reply->mailboxes[i]->path[0] == '\0')
            return false;
    }
    return true;
}

/* Room for the most that the reply can make: nothing moves later. */
static av_imap_tree *
make_room(const Archivolt__ListMailboxesReply *reply)
{
    av_imap_tree *self = av_xcalloc(1, sizeof *self);
    size_t most = 1, bytes = 1;

    for (size_t i = 0; i < reply->n_mailboxes; i++) {
        bytes += strlen(reply->mailboxes[i]->path) + GUID_BYTES;
        most += 1 + new_levels(i == 0 ? "" : reply->mailboxes[i - 1]->path, reply->mailboxes[i]->path);
    }
    self->nodes = av_xcalloc(most, sizeof *self->nodes);
    self->text = av_xcalloc(1, bytes);
    return self;
}

av_imap_tree *
av_imap_tree_new(const Archivolt__ListMailboxesReply *reply)
{
    av_span archive = av_span_str(reply->archive);
    bool has_inbox = false;
    av_imap_tree *self;
    char *text;

    if (!is_good(reply))
        return NULL;
    self = make_room(reply);
    text = self->text;

    for (size_t i = 0; i < reply->n_mailboxes; i++)
        has_inbox = has_inbox || av_imap_name_is_inbox(av_span_str(reply->mailboxes[i]->path));
    if (!has_inbox) {
        av_imap_node *inbox = add(self, "INBOX", 5);

        inbox->exists = true;
        inbox->info = av_imap_empty_inbox();
    }
    for (size_t i = 0; i < reply->n_mailboxes; i++) {
        const Archivolt__MailboxInfo *info = reply->mailboxes[i];
        size_t n = strlen(info->path);
        av_imap_node *node;

        memcpy(text, info->path, n);
        memcpy(text + n, info->guid.data, GUID_BYTES);
        add_levels(self, text, n);
        node = add(self, text, n);
        node->exists = true;
        node->info = *info;
        node->info.path = NULL;
        node->info.guid.data = (uint8_t *)text + n;
        node->use = av_imap_special_use(archive, av_span_of(text, n));
        text += n + GUID_BYTES;
    }
    return self;
}

void
av_imap_tree_destroy(av_imap_tree **self)
{
    if (*self == NULL)
        return;
    free((*self)->nodes);
    free((*self)->text);
    free(*self);
    *self = NULL;
}

void
av_imap_tree_mark(av_imap_tree *self, bool (*chosen)(const av_imap_node *node, unsigned how), unsigned how)
{
    for (size_t i = self->count; i > 0; i--) {
        const av_imap_node *node = &self->nodes[i - 1];

        if (node->parent != AV_IMAP_TREE_NONE && (node->below || chosen(node, how)))
            self->nodes[node->parent].below = true;
    }
}
