/*
 * test_split_gmime.c - the parts of the splitter against GMime's: each leaf's bytes, base64 decoded
 *
 * Of each message the leaf parts that GMime finds are looked for, in order, among ours (which are more: preambles and
 * epilogues are parts, too). The two need not agree on broken mail; the rate is printed, and a floor is held.
 */
#include "storage/mime/split.h"

#include "tests/check.h"
#include "tests/storage/mime/corpus_walk.h"
#include "tests/storage/mime/split_check.h"

#ifndef AV_HAVE_GMIME

int
main(void)
{
    AV_SKIP("built without GMime (libgmime-3.0-dev)");
}

#else

#include "tests/storage/mime/gmime_check.h"

enum { EVERY = 2, DISAGREEMENTS_SHOWN = 10 };

static struct {
    av_buf file;
    av_splitter *splitter;
    split_record record;
    size_t next; /* the first of our pieces that no leaf was found in yet */
    size_t seen, messages, leaves, leaves_same, base64, base64_same, canonical;
    unsigned shown;
    const char *path;
} walk;

/* One of our parts from next on has exactly these bytes. */
static bool
find_part(av_split_coding coding, GByteArray *bytes)
{
    for (size_t i = walk.next; i < walk.record.count; i++) {
        const split_piece *p = &walk.record.pieces[i];

        if (p->literal || p->part.coding != coding || p->n != bytes->len ||
            memcmp(walk.record.stored.p + p->at, bytes->data, p->n) != 0)
            continue;
        walk.next = i + 1;
        return true;
    }
    return false;
}

static GByteArray *
content_of(GMimeDataWrapper *content, bool decoded)
{
    GMimeStream *stream = g_mime_stream_mem_new();
    GByteArray *bytes = g_byte_array_new();

    g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
    if (decoded) {
        (void)g_mime_data_wrapper_write_to_stream(content, stream);
    } else {
        g_mime_stream_reset(g_mime_data_wrapper_get_stream(content));
        (void)g_mime_stream_write_to_stream(g_mime_data_wrapper_get_stream(content), stream);
    }
    g_object_unref(stream);
    return bytes;
}

static void
compare_leaf(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeContentEncoding encoding = g_mime_part_get_content_encoding(part);
    GByteArray *raw, *decoded;
    bool same;

    if (content == NULL)
        return;
    raw = content_of(content, false);
    decoded = content_of(content, true);
    if (raw->len > 0) {
        walk.leaves++;
        if (encoding == GMIME_CONTENT_ENCODING_BASE64 && raw->len >= 4) {
            size_t next = walk.next;

            walk.base64++;
            same = find_part(AV_SPLIT_BASE64, decoded);
            walk.canonical += same;
            if (!same) { /* not canonical, and kept as it came */
                walk.next = next;
                same = find_part(AV_SPLIT_RAW, raw);
            }
            walk.base64_same += same;
        } else {
            same = find_part(AV_SPLIT_RAW, raw);
        }
        walk.leaves_same += same;
        if (!same && walk.shown++ < DISAGREEMENTS_SHOWN)
            printf("  %s: a leaf of %u bytes (%s) is not among ours\n", walk.path, raw->len,
                g_mime_content_encoding_to_string(encoding) == NULL ? "plain"
                                                                    : g_mime_content_encoding_to_string(encoding));
    }
    g_byte_array_free(raw, TRUE);
    g_byte_array_free(decoded, TRUE);
}

static void
compare_object(GMimeObject *object)
{
    if (object == NULL)
        return;
    if (GMIME_IS_MULTIPART(object)) {
        for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(object)); i++)
            compare_object(g_mime_multipart_get_part(GMIME_MULTIPART(object), i));
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

        if (inner != NULL)
            compare_object(g_mime_message_get_mime_part(inner));
    } else if (GMIME_IS_PART(object)) {
        compare_leaf(GMIME_PART(object));
    }
}

static void
compare(const char *path)
{
    GMimeMessage *message = gmime_message(av_buf_span(&walk.file), NULL);

    if (message != NULL) {
        av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;

        options.min_raw = 1;
        options.min_base64 = 4;
        walk.path = path;
        walk.next = 0;
        walk.messages++;
        AV_CHECK(split_whole(walk.splitter, av_buf_span(&walk.file), &options, &walk.record) == NULL);
        compare_object(g_mime_message_get_mime_part(message));
        g_object_unref(message);
    }
}

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    /* an mbox reader ends a message at the next From_ line, we never do */
    if (kind == FTW_F && walk.seen++ % EVERY == 0 && corpus_read(path, &walk.file) && walk.file.n > 5 &&
        !gmime_is_mbox(av_buf_span(&walk.file)))
        compare(path);
    return 0;
}

static void
report(const char *what, double leaves, double base64, double canonical)
{
    printf("  -- %s: %zu messages\n", what, walk.messages);
    AV_CHECK(walk.messages > 50);
    AV_CHECK(gmime_rate("leaf parts with the same bytes", walk.leaves_same, walk.leaves, leaves));
    AV_CHECK(gmime_rate("of base64", walk.base64_same, walk.base64, base64));
    AV_CHECK(gmime_rate("of base64 decoded", walk.canonical, walk.base64, canonical));
    walk.messages = walk.leaves = walk.leaves_same = walk.base64 = walk.base64_same = walk.canonical = walk.shown = 0;
}

int
main(void)
{
    static const char *const archives[] = { "bulk/lists.tar.zst", "bulk/phishing-pot.tar.zst",
        "bulk/spamassassin.tar.zst" };
    const char *corpus = av_check_corpus();

    g_mime_init();
    walk.file.max = 64 << 20;
    walk.splitter = av_splitter_new();
    split_record_init(&walk.record, 64 << 20);
    corpus_walk_folder(corpus, "fixtures/mime", on_file);
    report("fixtures (torture cases)", 97, 97, 90);
    for (size_t i = 0; i < AV_COUNT(archives); i++)
        (void)corpus_walk_archive(corpus, archives[i], on_file);
    report("real mail", 99.5, 99.5, 99);
    av_buf_release(&walk.file);
    split_record_release(&walk.record);
    av_splitter_destroy(&walk.splitter);
    g_mime_shutdown();
    return av_check_done();
}

#endif
