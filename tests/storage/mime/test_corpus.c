/*
 * test_corpus.c - every file of the test corpus as a message: no crash, parts inside their parents, legal IMAP, UTF-8
 */
#include "base/unicode.h"
#include "storage/mime/imap_items.h"
#include "storage/mime/summary.h"
#include "storage/mime/text.h"
#include "tests/check.h"
#include "tests/storage/mime/corpus_walk.h"
#include "tests/storage/mime/imap_check.h"
#include "tests/storage/mime/mime_check.h"

/* nftw passes no pointer of ours. */
static struct {
    av_buf file, text;
    av_mime mime;
    av_mime_summary summary;
    size_t files, parts, with_text;
} walk;

static void
check_message(const char *path)
{
    av_mime_summary *s = &walk.summary;
    bool ok;

    av_mime_scan(av_buf_span(&walk.file), NULL, &walk.mime);
    ok = AV_CHECK(mime_check(&walk.mime) == NULL);
    av_mime_summary_of(&walk.mime, s);
    ok &= AV_CHECK(imap_check_list(av_buf_span(&s->envelope)) && imap_check_list(av_buf_span(&s->bodystructure)));
    ok &= AV_CHECK(av_utf8_valid(av_buf_span(&s->subject)) && av_utf8_valid(av_buf_span(&s->from)) &&
                   av_utf8_valid(av_buf_span(&s->preview)));
    av_buf_clear(&walk.text);
    (void)av_mime_text(&walk.mime, AV_TEXT_SEARCH, &walk.text);
    ok &= AV_CHECK(av_utf8_valid(av_buf_span(&walk.text)));
    if (!ok)
        printf("    in %s\n", path);
    walk.parts += walk.mime.count;
    walk.with_text += walk.text.n > 0;
    walk.files++;
}

static int
on_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (kind == FTW_F && corpus_read(path, &walk.file))
        check_message(path);
    return 0;
}

static void
report(const char *what)
{
    printf("  %s: %zu files, %zu parts, %zu with text\n", what, walk.files, walk.parts, walk.with_text);
    walk.files = walk.parts = walk.with_text = 0;
}

int
main(void)
{
    const char *corpus = av_check_corpus();

    walk.file.max = 64 << 20;
    walk.text.max = 16 << 20;
    av_mime_init(&walk.mime);
    av_mime_summary_init(&walk.summary);
    corpus_walk_folder(corpus, "fixtures", on_file);
    AV_CHECK(walk.files > 500);
    report("fixtures");
    for (size_t i = 0; i < AV_COUNT(corpus_archives); i++) {
        if (corpus_walk_archive(corpus, corpus_archives[i], on_file))
            AV_CHECK(walk.files > 0);
        report(corpus_archives[i]);
    }
    av_buf_release(&walk.file);
    av_buf_release(&walk.text);
    av_mime_release(&walk.mime);
    av_mime_summary_release(&walk.summary);
    return av_check_done();
}
