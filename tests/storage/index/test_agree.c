/*
 * test_agree.c - a matcher and an index say the same: a phrase stands in a text if and only if its terms stand among
 * the text's words at their steps
 *
 * Where the phrase says that the index alone does not decide (av_phrase.exact) what the matcher finds must be among
 * what the index finds. Texts are made of pieces of many scripts, and are the messages of the corpus; what is searched
 * for is cut out of them and changed a little. AV_ROUNDS: texts that are made (20,000); ARCHIVOLT_SEED.
 */
#include <ftw.h>
#include <unistd.h>

#include "base/file.h"
#include "base/unicode.h"
#include "storage/index/document.h"
#include "storage/index/needle.h"
#include "storage/index/phrase.h"
#include "tests/check.h"

static const char *const pieces[] = { "invoice", "INVOICE", "Müller", "Mu\u0308ller", "muller", "Straße", "strasse",
    "é", "e\u0301", "e", "o\u0331\u0308", "ø", "ﬁnd", "find", "ＡＢ", "ab", "пароль", "Ёлка", "елка", "й", "и\u0306",
    "и", "日本語", "日", "本", "カタカナ", "がく", "か\u3099", "ｶﾞ", "スーパー", "각", "\u1100\u1161\u11a8", "ไทย",
    "น้ำ", "שָׁלוֹם", "שלום", "हिन्दी", "x", "a", "_", "12", "\u00ad", "\u200d", "\u0301", "\u3099", ".", "-", "@", "'", "/",
    ":", ",", "!", "—", "€", "😀", "*", "?", " ", " ", " ", "  ", "\n", "\u00a0", "\u200b", "\xff", "\xc3",
    "aVeryLongWordThatGoesOnAndOnForMoreThanSixtyFourBytesSoThatAnIndexHasToCutIt",
    "aVeryLongWordThatGoesOnAndOnForMoreThanSixtyFourBytesSoThatAnIndexHasToCutItToo" };

static struct {
    uint64_t state;
    size_t asked, exact, found;
    size_t messages;
    av_document *reader;
    av_buf raw;
} run;

static size_t
below(size_t n)
{
    run.state = run.state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)((run.state >> 33) % n);
}

typedef struct words {
    av_token *all; /* their forms are copies */
    size_t n;
} words;

static words
words_of(av_span text)
{
    words ret = { .all = av_xcalloc(text.n + 1, sizeof *ret.all) };
    av_tokens tokens;
    av_token t;

    av_tokens_init(&tokens, text);
    while (av_tokens_next(&tokens, &t)) {
        t.folded.p = (const uint8_t *)av_span_dup(t.folded);
        t.cased.p = (const uint8_t *)av_span_dup(t.cased);
        ret.all[ret.n++] = t;
    }
    return ret;
}

static void
words_release(words *self)
{
    for (size_t i = 0; i < self->n; i++) {
        free((void *)self->all[i].folded.p);
        free((void *)self->all[i].cased.p);
    }
    free(self->all);
}

/* What an index does: terms at positions that differ by their steps; it has no other knowledge of the text. */
static bool
index_finds(const words *w, const av_phrase *phrase)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t at = i, k = 0;
        uint32_t want = w->all[i].position;

        for (; k < phrase->term_count; k++) {
            want += phrase->terms[k].step;
            while (at < w->n && w->all[at].position < want)
                at++;
            if (at == w->n || w->all[at].position != want ||
                !av_word_fits(&phrase->terms[k].word, w->all[at].folded, w->all[at].cased))
                break;
        }
        if (k == phrase->term_count)
            return true;
    }
    return false;
}

static void
tell(const char *what, av_query_kind kind, av_span query, av_span text)
{
    printf("    %s, kind %d: \"%.*s\" in \"%.*s\"\n", what, (int)kind, (int)query.n, (const char *)query.p,
        (int)AV_MIN(text.n, (size_t)400), (const char *)text.p);
}

static void
ask(av_query_kind kind, av_span typed, av_span text, const words *w)
{
    AV_CLEANUP(av_query_destroy) av_query *q = av_query_new(NULL);
    AV_CLEANUP(av_needle_destroy) av_needle *needle = NULL;
    AV_CLEANUP(av_phrase_release) av_phrase phrase = { 0 };
    av_query_id id = av_query_text(q, kind, AV_QUERY_IN_BODY, typed);
    bool yes, index;
    size_t at, end;
    av_span query;

    if (id == AV_QUERY_NONE)
        return;
    query = av_query_node_at(q, id)->text;
    needle = av_needle_new(query, kind);
    av_phrase_init(&phrase, kind, query);
    if (phrase.term_count == 0)
        return;
    yes = text.n > 0 && av_needle_find(needle, text, &at, &end);
    index = index_finds(w, &phrase);
    run.asked++;
    run.exact += phrase.exact;
    run.found += yes;
    if (!AV_CHECK(phrase.exact ? yes == index : !yes || index))
        tell(yes ? "the matcher alone finds it" : "the index alone finds it", kind, query, text);
    AV_CHECK(!yes || (at < end && end <= text.n));
}

/* From a character on, up to `most` characters. */
static av_span
cut_out(av_span text, size_t most)
{
    size_t from = below(text.n), to;

    while (from > 0 && (text.p[from] & 0xC0) == 0x80)
        from--;
    to = from;
    for (size_t i = 1 + below(most); i > 0 && to < text.n; i--) {
        av_span rest = av_span_skip(text, to);

        (void)av_utf8_next(&rest);
        to = text.n - rest.n;
    }
    return av_span_slice(text, from, to);
}

/* Something like a piece of the text: as it is, without accents, in capitals, with wildcards, with one byte changed. */
static void
make_query(av_span text, av_buf *out)
{
    av_span piece = cut_out(text, 1 + below(24));
    av_tokens tokens;
    av_token t;

    av_buf_clear(out);
    switch (below(6)) {
    case 0:
        av_tokens_init(&tokens, piece);
        while (av_tokens_next(&tokens, &t)) {
            (void)av_buf_puts(out, t.step == AV_TOKEN_STEP_SPACE ? " " : t.step == AV_TOKEN_STEP_MIXED ? ", " : "");
            (void)av_buf_append_span(out, t.folded);
        }
        break;
    case 1:
        for (size_t i = 0; i < piece.n; i++) {
            uint8_t c = piece.p[i];

            (void)av_buf_putc(out, c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c);
        }
        break;
    case 2:
        for (size_t i = 0; i < piece.n; i++)
            (void)av_buf_putc(out, piece.p[i] < 0x80 && below(6) == 0 ? (below(2) == 0 ? '*' : '?') : piece.p[i]);
        break;
    case 3:
        (void)av_buf_append_span(out, piece);
        (void)av_buf_puts(out, pieces[below(AV_COUNT(pieces))]);
        break;
    default:
        (void)av_buf_append_span(out, piece);
    }
}

static void
ask_about(av_span text, size_t times)
{
    static const av_query_kind kinds[] = { AV_QUERY_WORD, AV_QUERY_WORD, AV_QUERY_PREFIX, AV_QUERY_SUFFIX,
        AV_QUERY_WILDCARD };
    AV_CLEANUP(av_buf_release) av_buf query = { 0 };
    words w = words_of(text);

    av_buf_init(&query, 65536);
    for (size_t i = 0; i < times && text.n > 0; i++) {
        make_query(text, &query);
        if (query.n > 0 && memmem(query.p, query.n, "\xef\xbf\xbd", 3) == NULL)
            ask(kinds[below(AV_COUNT(kinds))], av_buf_span(&query), text, &w);
    }
    words_release(&w);
}

static void
report(const char *what, size_t texts)
{
    printf("    %zu %s: %zu questions, %zu decided by an index alone, %zu found\n", texts, what, run.asked, run.exact,
        run.found);
    run.asked = run.exact = run.found = 0;
}

static void
test_made_texts(void)
{
    const char *rounds = getenv("AV_ROUNDS");
    size_t n = rounds == NULL ? 20000 : strtoul(rounds, NULL, 10);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 65536);
    for (size_t i = 0; i < n && av_check_failed < 10; i++) {
        av_check_row = (long)i;
        av_buf_clear(&text);
        for (size_t k = 1 + below(12); k > 0; k--)
            (void)av_buf_puts(&text, pieces[below(AV_COUNT(pieces))]);
        ask_about(av_buf_span(&text), 12);
    }
    report("made texts", n);
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    av_match_doc doc = { 0 };
    av_error err;

    (void)st;
    (void)at;
    if (type != FTW_F || av_check_failed >= 10 || below(3) > 0)
        return 0;
    av_buf_clear(&run.raw);
    AV_CHECK_RC(av_file_read_all(path, &run.raw, &err), AV_OK, &err);
    (void)av_document_read(run.reader, av_buf_span(&run.raw), AV_MATCH_NEED_HEADERS | AV_MATCH_NEED_BODY, &doc);
    ask_about(av_span_slice(doc.body, 0, AV_MIN(doc.body.n, (size_t)20000)), 20);
    ask_about(doc.subject, 5);
    ask_about(doc.from, 5);
    run.messages++;
    return 0;
}

static void
test_corpus(void)
{
    static const char *const archives[] = { "phishing-pot", "spamassassin" };
    const char *corpus = av_check_corpus();
    char dir[] = "/tmp/av-agree-XXXXXX";
    AV_CLEANUP(av_free) char *remove_line = NULL;

    AV_CHECK(mkdtemp(dir) != NULL);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    run.reader = av_document_new(0);
    av_buf_init(&run.raw, 64 << 20);
    for (size_t i = 0; i < AV_COUNT(archives); i++) {
        AV_CLEANUP(av_free)
        char *line = av_xasprintf("tar --zstd -xf '%s/bulk/%s.tar.zst' -C '%s'", corpus, archives[i], dir);

        AV_CHECK_INT(system(line), 0);
    }
    AV_CHECK_INT(nftw(dir, visit, 16, FTW_PHYS), 0);
    AV_CHECK_INT(system(remove_line), 0);
    report("messages", run.messages);
    av_document_destroy(&run.reader);
    av_buf_release(&run.raw);
}

int
main(void)
{
    const char *seed = getenv("ARCHIVOLT_SEED");

    run.state = seed == NULL ? 1 : strtoull(seed, NULL, 10);
    AV_RUN(test_made_texts);
    AV_RUN(test_corpus);
    return av_check_done();
}
