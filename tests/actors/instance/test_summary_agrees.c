/*
 * test_summary_agrees.c - what a search takes from the row beside a message has the words that are in the message
 *
 * A message without an index is judged by its summary row where that is enough (probe.c), one with an index by the
 * words of the message: both must have the same words in the same order with the same between them. Messages: all of
 * the corpus that lies loose, and its bulk sets (with a sanitizer every fifth of these).
 */
#include <ftw.h>

#include "actors/instance/summary_row.h"
#include "base/file.h"
#include "storage/index/document.h"
#include "storage/index/token.h"
#include "tests/check.h"

static struct {
    av_document *reader;
    av_summarizer maker;
    av_buf raw, row;
    size_t messages, cut, every, seen;
    size_t differ[8];
} run;

static const char *const names[] = { "subject", "from", "to", "cc", "bcc", "filenames" };

static bool
same_words(av_span a, av_span b)
{
    av_tokens ta, tb;
    av_token x, y;
    bool more_a, more_b;

    av_tokens_init(&ta, a);
    av_tokens_init(&tb, b);
    for (;;) {
        more_a = av_tokens_next(&ta, &x);
        more_b = av_tokens_next(&tb, &y);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (!av_span_eq(x.folded, y.folded) || !av_span_eq(x.cased, y.cased) || x.step != y.step)
            return false;
    }
}

static void
compare(const char *path)
{
    av_match_doc doc = { 0 };
    av_summary s;
    bool has_date;
    int64_t date;
    av_error err;

    av_buf_clear(&run.row);
    AV_CHECK_RC(
        av_summarizer_row(&run.maker, av_buf_span(&run.raw), run.raw.n, run.raw.n, &run.row, &has_date, &date, &err),
        AV_OK, &err);
    AV_CHECK_RC(av_summary_row_decode(av_buf_span(&run.row), &s, &err), AV_OK, &err);
    (void)av_document_read(
        run.reader, av_buf_span(&run.raw), AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_DATE | AV_MATCH_NEED_FILENAMES, &doc);
    run.messages++;
    AV_CHECK(s.has_date == doc.has_date &&
             (!s.has_date || (s.date_unix_s == doc.date_unix_s && s.date_zone_minutes == doc.date_zone_min)));
    if (s.cut) {
        run.cut++;
        return;
    }
    AV_CHECK(s.has_attachment == doc.has_attachment);
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        const av_span kept[] = { s.subject, s.from, s.to, s.cc, s.bcc, s.attachments };
        const av_span there[] = { doc.subject, doc.from, doc.to, doc.cc, doc.bcc, doc.filenames };

        if (!same_words(kept[i], there[i]) && run.differ[i]++ < 5)
            printf("    %s: %s\n      row      %.*s\n      message  %.*s\n", path, names[i],
                (int)AV_MIN(kept[i].n, (size_t)200), (const char *)kept[i].p, (int)AV_MIN(there[i].n, (size_t)200),
                (const char *)there[i].p);
    }
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    av_error err;

    (void)at;
    if (type != FTW_F || st->st_size > (1 << 20) || run.seen++ % run.every != 0)
        return 0;
    av_buf_clear(&run.raw);
    AV_CHECK_RC(av_file_read_all(path, &run.raw, &err), AV_OK, &err);
    if (run.raw.n > 0)
        compare(path);
    return 0;
}

static void
test_corpus(void)
{
    static const char *const archives[] = { "lists", "phishing-pot", "spamassassin" };
    const char *corpus = av_check_corpus();
    AV_CLEANUP(av_free) char *fixtures = av_xasprintf("%s/fixtures/mime", corpus);
    char dir[] = "/tmp/av-summary-XXXXXX";
    AV_CLEANUP(av_free) char *remove_line = NULL;

    AV_CHECK(mkdtemp(dir) != NULL);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    run.reader = av_document_new(0);
    av_summarizer_init(&run.maker);
    av_buf_init(&run.raw, 8 << 20);
    av_buf_init(&run.row, AV_SUMMARY_ROW_MAX);
    run.every = 1;
    AV_CHECK_INT(nftw(fixtures, visit, 16, FTW_PHYS), 0);
    for (size_t i = 0; i < AV_COUNT(archives); i++) {
        AV_CLEANUP(av_free)
        char *line = av_xasprintf("tar --zstd -xf '%s/bulk/%s.tar.zst' -C '%s'", corpus, archives[i], dir);

        AV_CHECK_INT(system(line), 0);
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    run.every = 5;
#endif
    AV_CHECK_INT(nftw(dir, visit, 16, FTW_PHYS), 0);
    AV_CHECK_INT(system(remove_line), 0);
    printf("    %zu messages, %zu with more or other words than a row keeps\n", run.messages, run.cut);
    for (size_t i = 0; i < AV_COUNT(names); i++)
        if (!AV_CHECK(run.differ[i] == 0))
            printf("    %s: %zu differ\n", names[i], run.differ[i]);
    av_summarizer_release(&run.maker);
    av_document_destroy(&run.reader);
    av_buf_release(&run.raw);
    av_buf_release(&run.row);
}

int
main(void)
{
    AV_RUN(test_corpus);
    return av_check_done();
}
