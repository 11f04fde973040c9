/*
 * test_mailbox_tree.c - the tree LIST walks, what its folders are for, the items of STATUS
 */
#include "gateway/imap/mailbox_tree.h"
#include "gateway/imap/object_id.h"
#include "gateway/imap/special_use.h"
#include "gateway/imap/status_items.h"
#include "tests/check.h"

#define MOST 16

typedef struct made {
    Archivolt__ListMailboxesReply reply;
    Archivolt__MailboxInfo infos[MOST], *rows[MOST];
    uint8_t guids[MOST][16];
} made;

static void
make(made *self, const char *const *paths)
{
    archivolt__list_mailboxes_reply__init(&self->reply);
    self->reply.archive = (char *)(uintptr_t) "Alice";
    for (size_t i = 0; paths[i] != NULL; i++) {
        archivolt__mailbox_info__init(&self->infos[i]);
        memset(self->guids[i], (int)i + 1, sizeof self->guids[i]);
        self->infos[i].guid = (ProtobufCBinaryData){ .len = 16, .data = self->guids[i] };
        self->infos[i].path = (char *)(uintptr_t)paths[i];
        self->infos[i].messages = i + 100;
        self->rows[i] = &self->infos[i];
        self->reply.n_mailboxes = i + 1;
    }
    self->reply.mailboxes = self->rows;
}

static const struct {
    const char *paths[MOST];
    const char *shape; /* path, "!" when it is no mailbox, "+" when it has children; blanks between them */
} trees[] = {
    { { NULL }, "INBOX" }, { { "inbox", NULL }, "inbox" },
    { { "alice", "alice/a", "alice/a/b", "alice/c", "bob", NULL }, "INBOX alice+ alice/a+ alice/a/b alice/c bob" },
    { { "alice/a/b", "alice/a/c", "alice/d", NULL }, "INBOX alice!+ alice/a!+ alice/a/b alice/a/c alice/d" },
    { { "a", "a/b/c/d", "a/b/c/e", "ab", "ab/x/y", NULL }, "INBOX a+ a/b!+ a/b/c!+ a/b/c/d a/b/c/e ab+ ab/x!+ ab/x/y" },
    { { "INBOX/x", NULL }, "INBOX+ INBOX/x" },
    { { "b/c", "a/c", "b/d", NULL }, "INBOX b!+ b/c a!+ a/c b!+ b/d" }, /* out of order: no harm */
};

static void
test_shapes(void)
{
    for (size_t i = 0; i < AV_COUNT(trees); i++) {
        AV_CLEANUP(av_imap_tree_destroy) av_imap_tree *tree = NULL;
        AV_CLEANUP(av_buf_release) av_buf shape = { 0 };
        made m;

        av_check_row = (long)i;
        make(&m, trees[i].paths);
        tree = av_imap_tree_new(&m.reply);
        AV_CHECK(tree != NULL);
        av_buf_init(&shape, 4096);
        for (size_t k = 0; tree != NULL && k < tree->count; k++) {
            const av_imap_node *node = &tree->nodes[k];

            (void)av_buf_printf(&shape, "%s%.*s%s%s", k > 0 ? " " : "", (int)node->path_n, node->path,
                node->exists ? "" : "!", node->has_children ? "+" : "");
            if (node->exists && memcmp(node->info.guid.data, "\0\0\0\0", 4) != 0)
                AV_CHECK_INT(node->info.messages, 99U + node->info.guid.data[0]);
        }
        AV_CHECK_STR(av_buf_cstr(&shape), trees[i].shape);
    }
}

static void
test_nonsense(void)
{
    const char *const paths[] = { "alice", NULL };
    made m;

    make(&m, paths);
    m.infos[0].guid.len = 15;
    AV_CHECK(av_imap_tree_new(&m.reply) == NULL);
    make(&m, paths);
    m.infos[0].path = (char *)(uintptr_t) "";
    AV_CHECK(av_imap_tree_new(&m.reply) == NULL);
}

static bool
is_use(const av_imap_node *node, unsigned how AV_UNUSED)
{
    return node->use != NULL;
}

static void
test_mark(void)
{
    const char *const paths[] = { "alice", "alice/Old", "alice/Old/Sent", "alice/x", NULL };
    AV_CLEANUP(av_imap_tree_destroy) av_imap_tree *tree = NULL;
    made m;

    make(&m, paths);
    tree = av_imap_tree_new(&m.reply);
    av_imap_tree_mark(tree, is_use, 0);
    AV_CHECK(!tree->nodes[0].below && tree->nodes[1].below && tree->nodes[2].below && !tree->nodes[3].below &&
             !tree->nodes[4].below);
    AV_CHECK_STR(tree->nodes[3].use, "\\Sent");
}

static const struct {
    const char *path, *want;
} uses[] = {
    { "alice/Sent", "\\Sent" },
    { "ALICE/sent items", "\\Sent" },
    { "alice/Old Mail/Sent", "\\Sent" },
    { "alice/Old Mail/INBOX/Gesendete Objekte", "\\Sent" },
    { "alice/[Gmail]/Sent Mail", "\\Sent" },
    { "alice/[Google Mail]/Alle Nachrichten", "\\Archive" },
    { "alice/Entw\xc3\xbcrfe", "\\Drafts" },
    { "alice/ENTW\xc3\x9cRFE", "\\Drafts" },
    { "alice/Papierkorb", "\\Trash" },
    { "alice/Spamverdacht", "\\Junk" },
    { "alice/Projects/2019/Archive", NULL }, /* too deep: a folder of somebody's own */
    { "alice/Sent/2019", NULL },
    { "alice/INBOX", NULL },
    { "alice", NULL },
    { "Sent", NULL },
    { "bob/Sent", NULL },
    { "alice/Sentx", NULL },
};

static void
test_uses(void)
{
    for (size_t i = 0; i < AV_COUNT(uses); i++) {
        const char *got = av_imap_special_use(av_span_str("Alice"), av_span_str(uses[i].path));

        av_check_row = (long)i;
        AV_CHECK((got == NULL) == (uses[i].want == NULL));
        if (got != NULL && uses[i].want != NULL)
            AV_CHECK_STR(got, uses[i].want);
    }
    AV_CHECK(av_imap_special_use(av_span_str(""), av_span_str("alice/Sent")) == NULL);
}

static const struct {
    const char *in, *want; /* NULL: refused */
} items[] = {
    { "(MESSAGES)", "(MESSAGES 5)" },
    { "(uidnext unseen UIDVALIDITY recent)", "(RECENT 0 UIDNEXT 9 UIDVALIDITY 7 UNSEEN 2)" },
    { "(SIZE DELETED DELETED-STORAGE HIGHESTMODSEQ)",
        "(HIGHESTMODSEQ 44 DELETED 1 DELETED-STORAGE 0 SIZE 5000000000)" },
    { "(MAILBOXID MESSAGES)", "(MESSAGES 5 MAILBOXID (FAQIDBAUGBwgJCgsMDQ4PEA))" },
    { "()", NULL },
    { "(MESSAGES", NULL },
    { "(MESSAGES )", NULL },
    { "MESSAGES", NULL },
    { "(MESSAGES APPENDLIMIT)", NULL },
    { "(MESSAGESX)", NULL },
};

static void
test_items(void)
{
    Archivolt__MailboxInfo info = av_imap_empty_inbox();
    uint8_t guid[16];

    for (size_t i = 0; i < sizeof guid; i++)
        guid[i] = (uint8_t)(i + 1);
    info.guid.data = guid;
    info.messages = 5;
    info.uidnext = 9;
    info.uidvalidity = 7;
    info.unseen = 2;
    info.deleted = 1;
    info.crlf_bytes = 5000000000;
    info.highest_modseq = 44;
    for (size_t i = 0; i < AV_COUNT(items); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        av_span in = av_span_str(items[i].in);
        unsigned asked = 0;

        av_check_row = (long)i;
        av_buf_init(&out, 4096);
        AV_CHECK(av_imap_status_items_take(&in, &asked) == (items[i].want != NULL));
        if (items[i].want == NULL) {
            AV_CHECK_INT(in.n, strlen(items[i].in));
            continue;
        }
        AV_CHECK(av_imap_status_items_put(asked, &info, &out));
        AV_CHECK_STR(av_buf_cstr(&out), items[i].want);
        AV_CHECK(((asked & AV_IMAP_STATUS_HIGHESTMODSEQ) != 0) == (strstr(items[i].in, "MODSEQ") != NULL));
    }
}

int
main(void)
{
    AV_RUN(test_shapes);
    AV_RUN(test_nonsense);
    AV_RUN(test_mark);
    AV_RUN(test_uses);
    AV_RUN(test_items);
    return av_check_done();
}
