/*
 * test_msg_id_gmime.c - message ids of the corpus against GMime's, and its threads against a plain reading of the rule
 *
 * The reference knows nothing of msg_id.c: the rule (thread.h) is written out once more over two regular expressions.
 * On broken mail the readers need not agree: GMime stops at a comma and at phrases it cannot read. Built where GMime
 * is.
 */
#include "base/encode.h"
#include "storage/mime/header.h"
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

#include <gmime/gmime.h>

enum { DISAGREEMENTS_SHOWN = 10 };

static struct {
    av_buf file, id;
    av_mime mime;
    av_mime_summary summary;
    size_t messages, fields, fields_same, threads_same, replies;
    GHashTable *roots;
    GRegex *id_pattern, *skip_pattern;
    unsigned shown;
} walk;

static void
show(const char *path, const char *what, const char *ours, const char *theirs)
{
    if (walk.shown++ < DISAGREEMENTS_SHOWN)
        printf("  %s: %s\n    ours  \"%.300s\"\n    GMime \"%.300s\"\n", path, what, ours, theirs);
}

static void
our_ids(const char *value, av_buf *out)
{
    av_msg_ids ids = { .rest = av_span_str(value) };

    while (av_msg_ids_next(&ids, &walk.id)) {
        (void)av_buf_append_span(out, av_buf_span(&walk.id));
        (void)av_buf_putc(out, '|');
    }
}

static void
their_ids(const char *value, av_buf *out)
{
    GMimeReferences *list = g_mime_references_parse(NULL, value);

    for (int i = 0; i < g_mime_references_length(list); i++)
        (void)av_buf_printf(out, "%s|", g_mime_references_get_message_id(list, i));
    g_mime_references_free(list);
}

/* Ids as a plain reader finds them: what stands between angle brackets, without blanks and comments. */
static GPtrArray *
plain_ids(const char *value)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    GMatchInfo *match = NULL;

    (void)g_regex_match(walk.id_pattern, value, 0, &match);
    for (; g_match_info_matches(match); (void)g_match_info_next(match, NULL)) {
        char *between = g_match_info_fetch(match, 1);
        char *id = g_regex_replace_literal(walk.skip_pattern, between, -1, 0, "", 0, NULL);

        g_free(between);
        if (id[0] != '\0')
            g_ptr_array_add(ids, id);
        else
            g_free(id);
    }
    g_match_info_free(match);
    return ids;
}

/* The id at the front (or at the end) of a value; NULL: none. */
static char *
plain_id(const char *value, bool last)
{
    GPtrArray *ids = plain_ids(value);
    char *id = ids->len == 0 ? NULL : g_strdup(g_ptr_array_index(ids, last ? ids->len - 1 : 0));

    g_ptr_array_unref(ids);
    return id;
}

/* The root as the rule says it; free with g_free. NULL: none. */
static char *
plain_root(const char *references, const char *in_reply_to, const char *message_id)
{
    char *root = plain_id(references, false);

    if (root == NULL)
        root = plain_id(in_reply_to, in_reply_to[0] != '<');
    if (root == NULL)
        root = plain_id(message_id, false);
    if (root == NULL && strchr(message_id, '@') != NULL && strpbrk(message_id, " \t\r\n<>()\"") == NULL)
        root = g_strdup(message_id);
    return root;
}

static void
compare_field(const char *path, const char *name, const char *value)
{
    AV_CLEANUP(av_buf_release) av_buf ours = { .max = 1 << 20 };
    AV_CLEANUP(av_buf_release) av_buf theirs = { .max = 1 << 20 };

    if (value[0] == '\0')
        return;
    our_ids(value, &ours);
    their_ids(value, &theirs);
    walk.fields++;
    if (strcmp(av_buf_cstr(&ours), av_buf_cstr(&theirs)) == 0)
        walk.fields_same++;
    else
        show(path, name, av_buf_cstr(&ours), av_buf_cstr(&theirs));
}

/* The thread key of the summary, by the reference. */
static void
compare_thread(const char *path, const char *references, const char *in_reply_to, const char *message_id)
{
    uint8_t digest[AV_SHA256_SIZE] = { 0 };
    char *root = plain_root(references, in_reply_to, message_id);

    if (root != NULL) {
        char *named = g_strconcat("archivolt thread\n", root, NULL);

        av_sha256(av_span_str(named), digest);
        g_hash_table_add(walk.roots, g_strdup(root));
        g_free(named);
    }
    if (memcmp(walk.summary.thread, digest, AV_THREAD_KEY_SIZE) == 0)
        walk.threads_same++;
    else
        show(path, "root (plain reading for GMime)", "(another)", root == NULL ? "(none)" : root);
    g_free(root);
}

static void
compare(const char *path)
{
    char *references, *in_reply_to, *message_id;
    av_span header;

    av_mime_scan(av_buf_span(&walk.file), NULL, &walk.mime);
    av_mime_summary_of(&walk.mime, &walk.summary);
    header = av_mime_header(&walk.mime, 0);
    references = av_span_dup(av_header_value(header, "References"));
    in_reply_to = av_span_dup(av_header_value(header, "In-Reply-To"));
    message_id = av_span_dup(av_header_value(header, "Message-ID"));
    compare_field(path, "References", references);
    compare_field(path, "In-Reply-To", in_reply_to);
    compare_field(path, "Message-ID", message_id);
    compare_thread(path, references, in_reply_to, message_id);
    walk.messages++;
    walk.replies += references[0] != '\0' || in_reply_to[0] != '\0' ? 1U : 0U;
    free(references);
    free(in_reply_to);
    free(message_id);
}

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (kind == FTW_F && corpus_read(path, &walk.file) && walk.file.n > 0)
        compare(path);
    return 0;
}

static void
report(const char *what, double fields, double threads)
{
    double same = 100.0 * (double)walk.fields_same / (double)AV_MAX(walk.fields, (size_t)1);
    double keys = 100.0 * (double)walk.threads_same / (double)AV_MAX(walk.messages, (size_t)1);

    printf("  %s: %zu messages, %zu of them answers, %u threads\n", what, walk.messages, walk.replies,
        g_hash_table_size(walk.roots));
    printf("    fields %zu of %zu the same, %.3f %% (floor %.1f); thread ids %zu, %.3f %% (floor %.1f)\n",
        walk.fields_same, walk.fields, same, fields, walk.threads_same, keys, threads);
    AV_CHECK(walk.messages > 50 && same >= fields && keys >= threads);
    walk.messages = walk.replies = walk.fields = walk.fields_same = walk.threads_same = walk.shown = 0;
    g_hash_table_remove_all(walk.roots);
}

int
main(void)
{
    static const struct {
        const char *archive;
        double fields, threads;
    } archives[] = { { "bulk/lists.tar.zst", 99.5, 100 }, { "bulk/spamassassin.tar.zst", 99.5, 99.5 },
        { "bulk/phishing-pot.tar.zst", 91, 99 } };
    const char *corpus = av_check_corpus();

    g_mime_init();
    walk.file.max = 64 << 20;
    walk.id.max = AV_MSG_ID_MAX;
    walk.id_pattern = g_regex_new("<([^<>]*)>", G_REGEX_RAW, 0, NULL);
    walk.skip_pattern = g_regex_new("\\([^()<>]*\\)|[\\x00-\\x20]", G_REGEX_RAW, 0, NULL);
    walk.roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    av_mime_init(&walk.mime);
    av_mime_summary_init(&walk.summary);
    for (size_t i = 0; i < AV_COUNT(archives); i++) {
        (void)corpus_walk_archive(corpus, archives[i].archive, on_file);
        report(archives[i].archive, archives[i].fields, archives[i].threads);
    }
    g_hash_table_destroy(walk.roots);
    g_regex_unref(walk.id_pattern);
    g_regex_unref(walk.skip_pattern);
    av_buf_release(&walk.file);
    av_buf_release(&walk.id);
    av_mime_release(&walk.mime);
    av_mime_summary_release(&walk.summary);
    g_mime_shutdown();
    return av_check_done();
}

#endif
