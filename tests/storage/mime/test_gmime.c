/*
 * test_gmime.c - our reading of the corpus against GMime's: subjects, senders, part types
 *
 * The two need not agree on broken mail; how often they do is printed, and a floor is held. Built where GMime is.
 */
#include "storage/mime/scan.h"
#include "storage/mime/summary.h"

#include "tests/check.h"
#include "tests/storage/mime/corpus_walk.h"

#ifndef AV_HAVE_GMIME

int
main(void)
{
    AV_SKIP("built without GMime (libgmime-3.0-dev)");
}

#else

#include "tests/storage/mime/gmime_check.h"

enum { EVERY = 4, DISAGREEMENTS_SHOWN = 10 };

static struct {
    av_buf file;
    av_mime mime;
    av_mime_summary summary;
    GMimeParserOptions *options;
    size_t seen, messages;
    size_t subjects, subjects_same, senders, senders_same, structures, structures_same;
    unsigned shown;
} walk;

/* Equal but for white space: folds are read in several ways. */
static bool
same_text(const char *a, const char *b)
{
    static const char skipped[] = " \t\r\n";

    for (;;) {
        while (*a != '\0' && strchr(skipped, *a) != NULL)
            a++;
        while (*b != '\0' && strchr(skipped, *b) != NULL)
            b++;
        if (*a != *b)
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

static void
show(const char *path, const char *what, const char *ours, const char *theirs)
{
    if (walk.shown++ < DISAGREEMENTS_SHOWN)
        printf("  %s: %s\n    ours  \"%.300s\"\n    GMime \"%.300s\"\n", path, what, ours, theirs);
}

/* `type/subtype ` of all parts in document order. GMime's tree has a depth limit of its own. */
static void
their_types(GMimeObject *object, av_buf *out)
{
    GMimeContentType *type = g_mime_object_get_content_type(object);
    char *lower = g_ascii_strdown(g_mime_content_type_get_media_type(type), -1);
    char *lower_sub = g_ascii_strdown(g_mime_content_type_get_media_subtype(type), -1);

    (void)av_buf_printf(out, "%s/%s ", lower, lower_sub);
    g_free(lower);
    g_free(lower_sub);
    if (GMIME_IS_MULTIPART(object)) {
        for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(object)); i++)
            their_types(g_mime_multipart_get_part(GMIME_MULTIPART(object), i), out);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

        if (inner != NULL && g_mime_message_get_mime_part(inner) != NULL)
            their_types(g_mime_message_get_mime_part(inner), out);
    }
}

static void
our_types(av_buf *out)
{
    for (uint32_t i = 0; i < walk.mime.count; i++) {
        const av_mime_part *p = &walk.mime.parts[i];

        (void)av_buf_printf(out, "%.*s/%.*s ", (int)p->type.n, p->type.p, (int)p->subtype.n, p->subtype.p);
    }
}

static void
compare_structure(const char *path, GMimeMessage *message)
{
    AV_CLEANUP(av_buf_release) av_buf ours = { .max = 1 << 20 };
    AV_CLEANUP(av_buf_release) av_buf theirs = { .max = 1 << 20 };

    if (g_mime_message_get_mime_part(message) == NULL)
        return;
    our_types(&ours);
    their_types(g_mime_message_get_mime_part(message), &theirs);
    walk.structures++;
    if (strcmp(av_buf_cstr(&ours), av_buf_cstr(&theirs)) == 0)
        walk.structures_same++;
    else
        show(path, "parts", av_buf_cstr(&ours), av_buf_cstr(&theirs));
}

/* `mailbox@host` of the first address that has a host: GMime drops `Name, <a@b>`'s first half, we keep it as a name. */
static void
our_sender(GMimeMessage *message, av_buf *out)
{
    GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
    GMimeHeader *from = g_mime_header_list_get_header(headers, "From");
    av_address_list *list = &walk.summary.scratch;

    if (from == NULL)
        return;
    av_address_parse(av_span_str(g_mime_header_get_raw_value(from)), 20, list);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].host.n == 0)
            continue;
        (void)av_buf_append_span(out, list->items[i].mailbox);
        (void)av_buf_putc(out, '@');
        (void)av_buf_append_span(out, list->items[i].host);
        return;
    }
}

static void
compare_sender(const char *path, GMimeMessage *message)
{
    InternetAddressList *list = g_mime_message_get_from(message);
    InternetAddress *first = internet_address_list_length(list) > 0 ? internet_address_list_get_address(list, 0) : NULL;
    AV_CLEANUP(av_buf_release) av_buf ours = { .max = 10000 };
    const char *theirs;

    if (first == NULL || !INTERNET_ADDRESS_IS_MAILBOX(first))
        return;
    theirs = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(first));
    if (theirs == NULL || strchr(theirs, '@') == NULL)
        return;
    our_sender(message, &ours);
    walk.senders++;
    if (same_text(av_buf_cstr(&ours), theirs))
        walk.senders_same++;
    else
        show(path, "sender", av_buf_cstr(&ours), theirs);
}

static void
compare(const char *path)
{
    bool mbox = gmime_is_mbox(av_buf_span(&walk.file));
    GMimeMessage *message = gmime_message(av_buf_span(&walk.file), walk.options);

    if (message != NULL) {
        const char *subject = g_mime_message_get_subject(message);

        av_mime_scan(av_buf_span(&walk.file), NULL, &walk.mime);
        av_mime_summary_of(&walk.mime, &walk.summary);
        walk.messages++;
        if (subject != NULL) {
            walk.subjects++;
            if (same_text(av_buf_cstr(&walk.summary.subject), subject))
                walk.subjects_same++;
            else
                show(path, "subject", av_buf_cstr(&walk.summary.subject), subject);
        }
        compare_sender(path, message);
        if (!mbox) /* an mbox reader ends a message at the next From_ line, we never do */
            compare_structure(path, message);
        g_object_unref(message);
    }
}

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (kind == FTW_F && walk.seen++ % EVERY == 0 && corpus_read(path, &walk.file) && walk.file.n > 0)
        compare(path);
    return 0;
}

static void
report(const char *what, double subjects, double senders, double structures)
{
    printf("  -- %s: %zu messages\n", what, walk.messages);
    AV_CHECK(walk.messages > 50);
    AV_CHECK(gmime_rate("same subjects", walk.subjects_same, walk.subjects, subjects));
    AV_CHECK(gmime_rate("same senders", walk.senders_same, walk.senders, senders));
    AV_CHECK(gmime_rate("same parts and types", walk.structures_same, walk.structures, structures));
    walk.messages = walk.subjects = walk.subjects_same = walk.senders = walk.senders_same = walk.structures = 0;
    walk.structures_same = walk.shown = 0;
}

int
main(void)
{
    static const char *const charsets[] = { "utf-8", "windows-1252", NULL };
    static const char *const archives[] = { "bulk/phishing-pot.tar.zst", "bulk/spamassassin.tar.zst" };
    const char *corpus = av_check_corpus();

    g_mime_init();
    walk.options = g_mime_parser_options_new();
    g_mime_parser_options_set_fallback_charsets(walk.options, (const char **)charsets);
    walk.file.max = 64 << 20;
    av_mime_init(&walk.mime);
    av_mime_summary_init(&walk.summary);
    corpus_walk_folder(corpus, "fixtures/mime", on_file);
    report("fixtures (torture cases)", 95, 97, 90);
    for (size_t i = 0; i < AV_COUNT(archives); i++)
        (void)corpus_walk_archive(corpus, archives[i], on_file);
    report("real mail", 98, 98, 98);
    av_buf_release(&walk.file);
    av_mime_release(&walk.mime);
    av_mime_summary_release(&walk.summary);
    g_mime_parser_options_free(walk.options);
    g_mime_shutdown();
    return av_check_done();
}

#endif
