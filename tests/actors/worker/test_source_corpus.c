/*
 * test_source_corpus.c - real mailboxes: the same 300 messages in every kind, a Maildir, a profile of Thunderbird,
 * mailbox files of many programs, and the bulk set as a tree of files
 */
#include "tests/actors/worker/source_listing.h"

#include "base/file.h"

#include <glob.h>

static const char *corpus;
static char *formats; /* mailbox-formats, unpacked */

static void
name_in(const char *dir, const char *name, listing *ret, const av_source_options *options, bool keep)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);

    listing_of(path, options, keep, ret);
}

/* The bytes of message i, as they should be for a mailbox with CRLF and with an added header. */
static void
check_same(const listed *got, const listed *want, bool crlf, bool length_header)
{
    av_buf b;

    av_buf_init(&b, 64 << 20);
    for (uint64_t i = 0; i < got->size_bytes; i++)
        if (!(crlf && got->bytes[i] == '\r' && i + 1 < got->size_bytes && got->bytes[i + 1] == '\n'))
            (void)av_buf_putc(&b, got->bytes[i]);
    if (length_header) {
        uint8_t *at = memmem(b.p, b.n, "\nContent-Length: ", 17);
        uint8_t *lf = at == NULL ? NULL : memchr(at + 1, '\n', b.n - (size_t)(at + 1 - b.p));

        if (lf != NULL) {
            memmove(at, lf, b.n - (size_t)(lf - b.p));
            b.n -= (size_t)(lf - at);
        }
    }
    AV_CHECK_INT(b.n, want->size_bytes);
    AV_CHECK(b.n == want->size_bytes && memcmp(b.p, want->bytes, b.n) == 0);
    av_buf_release(&b);
}

static void
test_kinds(void)
{
    static const struct {
        const char *name;
        av_mbox_kind kind;
        bool exact, crlf, length_header;
    } cases[] = {
        { "mboxrd.mbox", AV_MBOX_RD, true, false, false },
        { "mboxrd.mbox", AV_MBOX_GUESS, true, false, false },
        { "mboxrd-crlf.mbox", AV_MBOX_GUESS, true, true, false },
        { "mboxcl2.mbox", AV_MBOX_CL2, true, false, true },
        { "mboxcl2.mbox", AV_MBOX_GUESS, true, false, true },
        { "mboxcl.mbox", AV_MBOX_CL, false, false, true },
        { "mboxcl.mbox", AV_MBOX_GUESS, false, false, true },
        { "mboxo.mbox", AV_MBOX_O, false, false, false },
        { "mboxo.mbox", AV_MBOX_GUESS, false, false, false },
    };
    listing eml;

    name_in(formats, "eml", &eml, NULL, true);
    AV_CHECK_INT(eml.count, 300);
    AV_CHECK_INT(eml.delivered, 300);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_source_options options = { .mbox = cases[i].kind };
        listing l;

        av_check_row = (long)i;
        name_in(formats, cases[i].name, &l, &options, true);
        AV_CHECK_INT(l.count, 300);
        AV_CHECK_INT(l.delivered, 300);
        for (size_t j = 0; j < l.count && j < eml.count; j++) {
            if (cases[i].exact)
                check_same(&l.items[j], &eml.items[j], cases[i].crlf, cases[i].length_header);
            AV_CHECK(l.items[j].note == NULL);
        }
        listing_release(&l);
    }
    listing_release(&eml);
}

/* mboxo and mboxcl give the messages again wherever no body line began with ">From ". */
static void
test_quoting_loses_little(void)
{
    av_source_options options = { .mbox = AV_MBOX_O };
    listing eml, l;
    size_t different = 0, quoted = 0;

    name_in(formats, "eml", &eml, NULL, true);
    name_in(formats, "mboxo.mbox", &l, &options, true);
    for (size_t i = 0; i < l.count && i < eml.count; i++) {
        bool has = memmem(eml.items[i].bytes, eml.items[i].size_bytes, "\n>From ", 7) != NULL;
        bool same = l.items[i].size_bytes == eml.items[i].size_bytes &&
                    memcmp(l.items[i].bytes, eml.items[i].bytes, (size_t)l.items[i].size_bytes) == 0;

        quoted += has;
        different += !same;
        AV_CHECK(same || has);
    }
    AV_CHECK(different <= quoted && quoted < 60);
    listing_release(&eml);
    listing_release(&l);
}

static size_t
in_folder(const listing *l, const char *folder, uint32_t *ret_flags)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->items[i].folder, folder) != 0 || l->items[i].refused != NULL)
            continue;
        n++;
        *ret_flags |= l->items[i].flags;
    }
    return n;
}

static void
test_maildir(void)
{
    static const char *const folders[] = { "INBOX", "Archive", "Archive/2003", "Sent", "Entw\xc3\xbcrfe" };
    listing l;

    name_in(formats, "Maildir", &l, NULL, true);
    AV_CHECK_INT(l.count, 120);
    AV_CHECK_INT(l.delivered, 120);
    for (size_t i = 0; i < AV_COUNT(folders); i++) {
        uint32_t flags = 0;

        av_check_row = (long)i;
        AV_CHECK_INT(in_folder(&l, folders[i], &flags), 24);
        AV_CHECK((flags & AV_SOURCE_SEEN) != 0 && (flags & AV_SOURCE_ANSWERED) != 0);
    }
    for (size_t i = 0; i < l.count; i++)
        AV_CHECK(strstr(l.items[i].path, "/new/") == NULL || l.items[i].flags == 0);
    listing_release(&l);
}

static void
test_thunderbird(void)
{
    uint32_t flags = 0;
    listing l;

    name_in(formats, "thunderbird-profile/abcd1234.default/Mail/Local Folders", &l, NULL, false);
    AV_CHECK_INT(l.delivered, 110);
    AV_CHECK_INT(in_folder(&l, "Local Folders/Inbox", &flags), 40);
    AV_CHECK_INT(in_folder(&l, "Local Folders/Sent", &flags), 20);
    AV_CHECK_INT(in_folder(&l, "Local Folders/Archives/2003", &flags), 40);
    flags = 0;
    AV_CHECK_INT(in_folder(&l, "Local Folders/Trash", &flags), 10);
    AV_CHECK_INT(flags, AV_SOURCE_SEEN | AV_SOURCE_DELETED);
    listing_release(&l);
}

/* The number after "key": in a text of JSON, behind `from`. */
static long
number_after(const char *from, const char *key)
{
    const char *at = strstr(from, key);

    return at == NULL ? -1 : strtol(at + strlen(key), NULL, 10);
}

/*
 * Mailbox files of many programs. Where the number of From_ lines after an empty line is not the number of messages we
 * see, `exceptions` says why.
 */
static void
test_fixtures(void)
{
    static const struct {
        const char *file;
        long want;
    } exceptions[] = {
        { "git-t5100/sample.mbox", 14 }, /* blanks before the first From_ line: an item of their own, refused */
    };
    AV_CLEANUP(av_free) char *json_path = av_xasprintf("%s/expect/fixtures-mbox-msg.json", corpus);
    AV_CLEANUP(av_free) char *pattern = av_xasprintf("%s/fixtures/mbox/*/*", corpus);
    AV_CLEANUP(av_buf_release) av_buf json = { 0 };
    size_t checked = 0;
    av_error err;
    glob_t found;

    av_buf_init(&json, 1 << 20);
    AV_CHECK_RC(av_file_read_all(json_path, &json, &err), AV_OK, &err);
    AV_CHECK_INT(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        av_source_options options = { .kind = AV_SOURCE_MBOX };
        AV_CLEANUP(av_free)
        char *key = av_xasprintf("\"%s\": {", found.gl_pathv[i] + strlen(corpus) + strlen("/fixtures/"));
        const char *entry = strstr(av_buf_cstr(&json), key);
        long want = entry == NULL ? 0 : number_after(entry, "\"from_after_blank_line\": ");
        struct stat st;
        listing l;

        if (want <= 0 || stat(found.gl_pathv[i], &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        for (size_t j = 0; j < AV_COUNT(exceptions); j++)
            if (strstr(found.gl_pathv[i], exceptions[j].file) != NULL)
                want = exceptions[j].want;
        listing_of(found.gl_pathv[i], &options, true, &l);
        if (!AV_CHECK(l.count == (size_t)want))
            printf("    %s: got %zu, want %ld\n", found.gl_pathv[i], l.count, want);
        checked++;
        listing_release(&l);
    }
    globfree(&found);
    AV_CHECK(checked > 50);
}

/* 15,985 files are 15,985 items, as long as their files, From_ lines included; the one empty .eml
   file is archived as it is. */
static void
test_bulk(void)
{
    static const char *const sets[] = { "lists", "phishing-pot", "spamassassin" };
    AV_CLEANUP(av_free) char *dir = listing_folder();
    listing l;

    for (size_t i = 0; i < AV_COUNT(sets); i++) {
        AV_CLEANUP(av_free) char *archive = av_xasprintf("%s/bulk/%s.tar.zst", corpus, sets[i]);

        AV_CHECK(listing_run("tar --zstd -xf '%s' -C '%s'", archive, dir));
    }
    listing_of(dir, NULL, false, &l);
    AV_CHECK_INT(l.count, 15985);
    AV_CHECK_INT(l.delivered, 15985);
    for (size_t i = 0; i < l.count; i++) {
        struct stat st;

        AV_CHECK(l.items[i].refused == NULL);
        AV_CHECK(stat(l.items[i].path, &st) == 0 && (uint64_t)st.st_size == l.items[i].size_bytes);
    }
    listing_release(&l);
    (void)listing_run("rm -rf '%s'", dir, NULL);
}

int
main(void)
{
    AV_CLEANUP(av_free) char *dir = NULL;
    AV_CLEANUP(av_free) char *archive = NULL;

    corpus = av_check_corpus();
    dir = listing_folder();
    archive = av_xasprintf("%s/mailbox-formats.tar.zst", corpus);
    AV_CHECK(listing_run("tar --zstd -xf '%s' -C '%s'", archive, dir));
    formats = av_xasprintf("%s/mailbox-formats", dir);
    AV_RUN(test_kinds);
    AV_RUN(test_quoting_loses_little);
    AV_RUN(test_maildir);
    AV_RUN(test_thunderbird);
    AV_RUN(test_fixtures);
    AV_RUN(test_bulk);
    free(formats);
    (void)listing_run("rm -rf '%s'", dir, NULL);
    return av_check_done();
}
