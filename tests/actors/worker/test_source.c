/*
 * test_source.c - files, trees, Maildirs and mailbox files made on the spot: order, refusals, notes, resume
 */
#include "tests/actors/worker/source_listing.h"

#define F1   "From a@b Mon Jan  2 15:04:05 2006\n"
#define MAIL "From: a@b\nSubject: x\n\nbody\n"

static void
put(const char *dir, const char *name, const char *text)
{
    listing_write(dir, name, text, strlen(text));
}

/* path|folder|flags|reason or note, one a line. */
static char *
summary(const listing *l, const char *dir)
{
    char *all = av_xstrdup("");

    for (size_t i = 0; i < l->count; i++) {
        const listed *one = &l->items[i];
        const char *path = strncmp(one->path, dir, strlen(dir)) == 0 ? one->path + strlen(dir) : one->path;
        const char *base = strrchr(dir, '/') + 1, *folder = one->folder;
        char *more;

        if (strncmp(folder, base, strlen(base)) == 0)
            folder += strlen(base);
        more = av_xasprintf("%s%s|%s|%x|%s\n", all, path, folder, one->flags,
            one->refused != NULL ? one->refused
            : one->note != NULL  ? one->note
                                 : "");
        free(all);
        all = more;
    }
    return all;
}

static void
make_folder(const char *dir, const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);

    AV_CHECK_INT(mkdir(path, 0700), 0);
}

static void
test_tree(void)
{
    AV_CLEANUP(av_free) char *dir = listing_folder();
    AV_CLEANUP(av_free) char *link = av_xasprintf("%s/link.eml", dir);
    AV_CLEANUP(av_free) char *loop = av_xasprintf("%s/sub/loop", dir);
    AV_CLEANUP(av_free) char *fifo = av_xasprintf("%s/fifo", dir);
    AV_CLEANUP(av_free) char *seen = NULL;
    listing l;

    make_folder(dir, "sub");
    make_folder(dir, "sub/deep.sbd");
    make_folder(dir, ".hidden");
    put(dir, "b.eml", MAIL);
    put(dir, "a.eml", "X-Mozilla-Status: 0005\n" MAIL);
    put(dir, ".hidden/x.eml", MAIL);
    put(dir, ".x.eml", MAIL);
    put(dir, "empty", "");
    put(dir, "Inbox.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->");
    put(dir, "noise",
        "\x7f"
        "ELF\x02\x01\n\x01 no: mail");
    put(dir, "prose.txt", "Dear Bob,\nNote: this is no mail\n\nbye\n");
    put(dir, "sub/from.eml", F1 MAIL "\nFrom here on\nall: text\n");
    put(dir, "sub/old.mbox", F1 MAIL "\n" F1 MAIL "\n");
    put(dir, "sub/several", F1 MAIL "\n" F1 MAIL "\n");
    put(dir, "sub/deep.sbd/m", "\xef\xbb\xbf" MAIL);
    AV_CHECK_INT(symlink("/etc/passwd", link), 0);
    AV_CHECK_INT(symlink("..", loop), 0);
    AV_CHECK_INT(mkfifo(fifo, 0600), 0);
    listing_of(dir, NULL, true, &l);
    seen = summary(&l, dir);
    AV_CHECK_STR(seen, "/Inbox.msf||0|not a mail: an index of Thunderbird\n"
                       "/a.eml||5|\n"
                       "/b.eml||0|\n"
                       "/empty||0|the file is empty\n"
                       "/fifo||0|neither a file nor a folder\n"
                       "/link.eml||0|a symbolic link, which is not followed\n"
                       "/noise||0|not a mail: it has no header\n"
                       "/prose.txt||0|not a mail: it has no header\n"
                       "/sub/deep.sbd/m|/sub/deep|0|\n"
                       "/sub/from.eml|/sub|0|\n"
                       "/sub/loop|/sub|0|a symbolic link, which is not followed\n"
                       "/sub/old.mbox, message 1|/sub/old|0|\n"
                       "/sub/old.mbox, message 2|/sub/old|0|\n"
                       "/sub/several, message 1|/sub/several|0|\n"
                       "/sub/several, message 2|/sub/several|0|\n");
    if (l.count == 15) {
        AV_CHECK_INT(l.items[9].received_unix_s, 1136214245);
        AV_CHECK_MEM(l.items[9].bytes, l.items[9].size_bytes, F1 MAIL "\nFrom here on\nall: text\n",
            strlen(F1 MAIL "\nFrom here on\nall: text\n"));
        AV_CHECK_MEM(l.items[12].bytes, l.items[12].size_bytes, MAIL, strlen(MAIL));
    }
    listing_release(&l);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

static void
test_maildir(void)
{
    AV_CLEANUP(av_free) char *dir = listing_folder();
    AV_CLEANUP(av_free) char *seen = NULL;
    static const char *const folders[] = { "cur", "new", "tmp", ".Archive.2003", ".Archive.2003/cur",
        ".Archive.2003/new", ".Entw&APw-rfe", ".Entw&APw-rfe/cur", ".Entw&APw-rfe/new", ".git", "Sub", "Sub/cur",
        "Sub/new" };
    listing l;

    for (size_t i = 0; i < AV_COUNT(folders); i++)
        make_folder(dir, folders[i]);
    put(dir, "cur/1100000005.M5P1.host,S=2394:2,DS", MAIL);
    put(dir, "cur/1100000006.x;2,RFTP", MAIL);
    put(dir, "new/1100000007.y", MAIL);
    put(dir, "tmp/1100000008.z", MAIL);
    put(dir, "dovecot-uidlist", "3 V1 N2");
    put(dir, ".git/x.eml", MAIL);
    put(dir, ".Archive.2003/cur/1:2,S", MAIL);
    put(dir, ".Entw&APw-rfe/new/2", MAIL);
    put(dir, "Sub/new/3", MAIL);
    listing_of(dir, NULL, true, &l);
    seen = summary(&l, dir);
    AV_CHECK_STR(seen, "/.Archive.2003/cur/1:2,S|Archive/2003|1|\n"
                       "/.Entw&APw-rfe/new/2|Entw\xc3\xbcrfe|0|\n"
                       "/Sub/new/3|Sub|0|\n"
                       "/cur/1100000005.M5P1.host,S=2394:2,DS|INBOX|11|\n"
                       "/cur/1100000006.x;2,RFTP|INBOX|2e|\n"
                       "/new/1100000007.y|INBOX|0|\n");
    if (l.count == 6)
        AV_CHECK_INT(l.items[5].received_unix_s, 1100000007);
    listing_release(&l);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

/* A mailbox file's text -> reasons, notes and bytes of its messages. */
static void
check_mailbox(const char *text, av_mbox_kind kind, const char *const *want, size_t n)
{
    AV_CLEANUP(av_free) char *dir = listing_folder();
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/m.mbox", dir);
    av_source_options options = { .mbox = kind, .max_message_bytes = 1000 };
    listing l;

    put(dir, "m.mbox", text);
    listing_of(path, &options, true, &l);
    AV_CHECK_INT(l.count, n);
    for (size_t i = 0; i < l.count && i < n; i++) {
        const listed *one = &l.items[i];
        AV_CLEANUP(av_free)
        char *got = one->refused != NULL ? av_xasprintf("REFUSED %s", one->refused)
                                         : av_xasprintf("%.*s%s%s", (int)one->size_bytes, (const char *)one->bytes,
                                               one->note == NULL ? "" : " NOTE ", one->note == NULL ? "" : one->note);

        AV_CHECK_STR(got, want[i]);
        AV_CHECK_STR(one->folder, "m");
    }
    listing_release(&l);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

#define MAILBOX(text, kind, ...)                                                                                       \
    do {                                                                                                               \
        const char *const want_[] = { __VA_ARGS__ };                                                                   \
        check_mailbox(text, kind, want_, AV_COUNT(want_));                                                             \
    } while (0)

static void
test_mailboxes(void)
{
    MAILBOX(F1 MAIL "\n" F1 MAIL "\n", AV_MBOX_GUESS, MAIL, MAIL);
    MAILBOX("\xef\xbb\xbf" F1 MAIL "\n" F1 MAIL "\n", AV_MBOX_GUESS, MAIL, MAIL);
    MAILBOX("\n\n" F1 MAIL "\n", AV_MBOX_GUESS, MAIL);
    MAILBOX(F1 MAIL ">From x\n>>From y\n\n", AV_MBOX_GUESS, MAIL "From x\n>From y\n");
    MAILBOX(F1 MAIL ">From x\n>>From y\n\n", AV_MBOX_O, MAIL "From x\n>>From y\n");
    MAILBOX(F1 MAIL ">From x\n", AV_MBOX_CL2, MAIL ">From x\n");
    MAILBOX(F1 "\n" F1 MAIL "\n", AV_MBOX_GUESS, "REFUSED not a mail: it has no header", MAIL);
    MAILBOX("rubbish\n\n" F1 MAIL "\n", AV_MBOX_GUESS, "REFUSED these 8 bytes before the first From_ line are no mail",
        MAIL);
    MAILBOX(MAIL "\n" F1 MAIL "\n", AV_MBOX_GUESS,
        MAIL " NOTE it stands before the first From_ line of the mailbox file", MAIL);
    MAILBOX(MAIL "\n", AV_MBOX_GUESS, MAIL "\n NOTE it stands before the first From_ line of the mailbox file");
    /* Cut short: what is there is delivered. */
    MAILBOX(F1 MAIL "\n" F1 "From: a@b\nSubj", AV_MBOX_GUESS, MAIL,
        "From: a@b\nSubj NOTE the file ends inside a line of this message, which may be cut short");
    MAILBOX(F1 "Content-Length: 5\n" MAIL "\n" F1 "Content-Length: 99\n" MAIL, AV_MBOX_GUESS,
        "Content-Length: 5\n" MAIL,
        "Content-Length: 99\n" MAIL " NOTE the file ends before this message is as long as its Content-Length says");
}

/* Content-Length is believed where it holds, so unquoted From_ lines stay in the body; a wrong one is not. */
static void
test_content_length(void)
{
    MAILBOX(F1 "Content-Length: 43\n" MAIL "\n" F1 "A: b\n\n" F1 "Content-Length: 5\n" MAIL "\n", AV_MBOX_CL2,
        "Content-Length: 43\n" MAIL, "A: b\n", "Content-Length: 5\n" MAIL);
    MAILBOX(F1 "Content-Length: 45\n" MAIL "\n" F1 "A: b\n\n" F1 "Content-Length: 5\n" MAIL "\n", AV_MBOX_GUESS,
        "Content-Length: 45\n" MAIL "\n" F1 "A: b\n", "Content-Length: 5\n" MAIL);
    MAILBOX(F1 "Content-Length: 12\n" MAIL ">From x\n\n" F1 MAIL "\n", AV_MBOX_GUESS,
        "Content-Length: 12\n" MAIL "From x\n", MAIL); /* 12 does not hold: read as mboxrd */
    MAILBOX(F1 "Content-Length: 13\n" MAIL ">From x\n\n" F1 "Content-Length: 5\n" MAIL "\n", AV_MBOX_CL,
        "Content-Length: 13\n" MAIL "From x\n", "Content-Length: 5\n" MAIL);
}

static void
test_too_large(void)
{
    AV_CLEANUP(av_free) char *dir = listing_folder();
    av_source_options options = { .max_message_bytes = 50 };
    av_buf b;
    listing l;

    av_buf_init(&b, 65536);
    (void)av_buf_puts(&b, F1 MAIL "\n" F1 MAIL);
    for (int i = 0; i < 50; i++)
        (void)av_buf_puts(&b, "x\n");
    (void)av_buf_puts(&b, "\n" F1 MAIL "\n");
    put(dir, "m.mbox", av_buf_cstr(&b));
    (void)av_buf_puts(&b, "more");
    listing_write(dir, "big.eml", b.p + strlen(F1), b.n - strlen(F1));
    listing_of(dir, &options, true, &l);
    AV_CHECK_INT(l.count, 4);
    if (l.count == 4) {
        AV_CHECK_STR(l.items[0].refused, "larger than 50 bytes, the largest message that is taken");
        AV_CHECK(l.items[1].refused == NULL && l.items[3].refused == NULL);
        AV_CHECK_STR(l.items[2].refused, "larger than 50 bytes, the largest message that is taken");
    }
    listing_release(&l);
    av_buf_release(&b);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

static void
test_nothing_there(void)
{
    AV_CLEANUP(av_free) char *dir = listing_folder();
    AV_CLEANUP(av_free) char *file = av_xasprintf("%s/x.pdf", dir);
    AV_CLEANUP(av_free) char *missing = av_xasprintf("%s/missing", dir);
    av_source_options options = { .kind = AV_SOURCE_MAILDIR };
    const char *path = missing;
    av_source *src = NULL;
    av_error err;
    listing l;

    listing_of(dir, NULL, false, &l);
    AV_CHECK_INT(l.not_found, 1);
    AV_CHECK(strstr(l.error, "no message was found, it is empty") != NULL);
    listing_release(&l);
    put(dir, "x.pdf", "%PDF-1.4");
    listing_of(dir, NULL, false, &l);
    AV_CHECK_INT(l.not_found, 1);
    AV_CHECK(strstr(l.error, "1 refused, the first: ") != NULL);
    AV_CHECK(strstr(l.error, "not a mail: a document") != NULL);
    listing_release(&l);
    AV_CHECK_RC(av_source_open(&options, &path, 1, &src, &err), AV_ERR_NOT_FOUND, &err);
    path = dir;
    AV_CHECK_RC(av_source_open(&options, &path, 1, &src, &err), AV_ERR_INVALID, &err);
    options.kind = AV_SOURCE_MBOX;
    AV_CHECK_RC(av_source_open(&options, &path, 1, &src, &err), AV_ERR_INVALID, &err);
    path = file;
    options.kind = AV_SOURCE_TREE;
    AV_CHECK_RC(av_source_open(&options, &path, 1, &src, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_source_open(&options, &path, 0, &src, &err), AV_ERR_INVALID, &err);
    AV_CHECK(src == NULL);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

/* Behind skip(n) come the same items with the same numbers as without. */
static void
test_skip(void)
{
    AV_CLEANUP(av_free) char *one = listing_folder();
    AV_CLEANUP(av_free) char *two = listing_folder();
    AV_CLEANUP(av_free) char *three = listing_folder();
    const char *paths[3];
    char *all[6] = { NULL };

    put(one, "a.eml", MAIL);
    put(one, "b.mbox", F1 MAIL "\n" F1 MAIL "\n");
    put(three, "c.eml", MAIL); /* two is empty */
    put(three, "d", "");
    paths[0] = one;
    paths[1] = two;
    paths[2] = three;
    for (uint64_t skip = 0; skip < 7; skip++) {
        AV_CLEANUP(av_source_destroy) av_source *src = NULL;
        av_source_options options = { 0 };
        uint64_t number = skip;
        bool more = true;
        av_error err;

        av_check_row = (long)skip;
        AV_CHECK_RC(av_source_open(&options, paths, 3, &src, &err), AV_OK, &err);
        AV_CHECK_RC(av_source_skip(src, skip, &err), AV_OK, &err);
        while (more) {
            av_source_item item;
            av_errc rc = av_source_next(src, &item, &more, &err);

            if (rc == AV_ERR_NOT_FOUND || !more)
                continue;
            AV_CHECK_INT(item.number, number);
            if (skip == 0 && number < 6)
                all[number] = av_xstrdup(item.path);
            AV_CHECK_STR(item.path, number < 6 && all[number] != NULL ? all[number] : "none");
            number++;
        }
        AV_CHECK_INT(number, skip > 5 ? skip : 5);
    }
    for (size_t i = 0; i < 6; i++)
        free(all[i]);
    (void)listing_run("rm -rf '%s' '%s'", one, two);
    (void)listing_run("rm -rf '%s'", three, NULL);
}

/* Names that no archive could keep are made fit; bytes that are no UTF-8 are Latin-1. */
static void
test_names(void)
{
    AV_CLEANUP(av_free) char *dir = listing_folder();
    AV_CLEANUP(av_free) char *seen = NULL;
    listing l;

    make_folder(dir, "Entw\xfcrfe");
    make_folder(dir, "u\xcc\x88");
    make_folder(dir, "z\nz");
    put(dir, "Entw\xfcrfe/a", MAIL);
    put(dir, "u\xcc\x88/a", MAIL);
    put(dir, "z\nz/a", MAIL);
    listing_of(dir, NULL, false, &l);
    seen = summary(&l, dir);
    AV_CHECK_STR(seen, "/Entw\xc3\xbcrfe/a|/Entw\xc3\xbcrfe|0|\n"
                       "/u\xcc\x88/a|/\xc3\xbc|0|\n"
                       "/z_z/a|/z_z|0|\n");
    listing_release(&l);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

int
main(void)
{
    AV_RUN(test_tree);
    AV_RUN(test_maildir);
    AV_RUN(test_mailboxes);
    AV_RUN(test_content_length);
    AV_RUN(test_too_large);
    AV_RUN(test_nothing_there);
    AV_RUN(test_skip);
    AV_RUN(test_names);
    return av_check_done();
}
