/*
 * test_fts5.c - an index and SQLite's FTS5 give the same documents
 *
 * Both get the words of token.h: FTS5 as hexadecimal tokens (a prefix of a word stays one), with a token between two
 * words that are not parted by white space alone, so that a phrase means the same to both. Words, AND, OR, NOT,
 * beginnings, phrases and columns have to agree. NEAR differs by design: an index counts marks between words as up to
 * a word more, FTS5 counts none; so the answer must hold what FTS5 finds at the distance that allows for it
 * everywhere, and nothing beyond the plain distance.
 *
 * AV_ROUNDS: queries (400); AV_MESSAGES: of the corpus (250); ARCHIVOLT_SEED. fts5.py does FTS5's part.
 */
#include <sys/wait.h>

#include "storage/index/evaluate.h"
#include "storage/index/token.h"
#include "tests/storage/index/messages.h"

enum { COLUMNS = 8, WORD_LONGEST = 40, PHRASE_MOST = 4 };

static const struct column {
    const char *name; /* fts5.py's */
    uint32_t field;
    size_t offset;
} columns[COLUMNS] = { { "subject", AV_QUERY_IN_SUBJECT, offsetof(av_match_doc, subject) },
    { "body", AV_QUERY_IN_BODY, offsetof(av_match_doc, body) },
    { "from_", AV_QUERY_IN_FROM, offsetof(av_match_doc, from) }, { "to_", AV_QUERY_IN_TO, offsetof(av_match_doc, to) },
    { "cc", AV_QUERY_IN_CC, offsetof(av_match_doc, cc) }, { "bcc", AV_QUERY_IN_BCC, offsetof(av_match_doc, bcc) },
    { "filename", AV_QUERY_IN_FILENAME, offsetof(av_match_doc, filenames) },
    { "attachment", AV_QUERY_IN_ATTACHMENT, offsetof(av_match_doc, attachments) } };

static struct {
    messages m;
    av_index_view *view;
    roaring_bitmap_t *all;
    FILE *out;
} run;

static size_t
below(size_t n)
{
    return messages_below(&run.m, n);
}

static size_t
number_of(const char *name, size_t otherwise)
{
    const char *value = getenv(name);

    return value == NULL ? otherwise : strtoul(value, NULL, 10);
}

static av_span
column_of(const message *m, size_t which)
{
    av_span text;

    memcpy(&text, (const char *)&m->doc + columns[which].offset, sizeof text);
    return text;
}

/* ---- documents ---- */

static void
put_hex(av_buf *out, av_span word)
{
    (void)av_buf_putc(out, 'x');
    for (size_t i = 0; i < word.n; i++)
        (void)av_buf_printf(out, "%02x", word.p[i]);
}

static void
write_document(const message *m)
{
    AV_CLEANUP(av_buf_release) av_buf line = { 0 };

    av_buf_init(&line, 64 << 20);
    (void)av_buf_puts(&line, "D");
    for (size_t i = 0; i < COLUMNS; i++) {
        av_tokens tokens;
        av_token t;

        (void)av_buf_puts(&line, "\t");
        av_tokens_init(&tokens, column_of(m, i));
        while (av_tokens_next(&tokens, &t)) {
            if (t.step != 0 && t.step != AV_TOKEN_STEP_SPACE)
                (void)av_buf_printf(&line, "m%u ", t.step);
            put_hex(&line, t.folded);
            (void)av_buf_putc(&line, ' ');
        }
    }
    (void)av_buf_putc(&line, '\n');
    AV_CHECK(fwrite(line.p, 1, line.n, run.out) == line.n);
}

/* ---- words ---- */

/* Some words of a text that follow each other, with what stands between them. */
typedef struct words {
    char text[PHRASE_MOST * (WORD_LONGEST + 1) + 1]; /* as typed */
    av_span all[PHRASE_MOST];                        /* in text */
    uint32_t steps[PHRASE_MOST];
    size_t n;
} words;

/* Words that a query of this text asks for are these, and no accent is asked for. */
static bool
is_same(const words *w)
{
    av_tokens tokens;
    av_token t;
    size_t i = 0;

    for (av_tokens_init(&tokens, av_span_str(w->text)); av_tokens_next(&tokens, &t); i++)
        if (i == w->n || t.row || t.cased.n > 0 || t.step != (i == 0 ? 0 : w->steps[i]) ||
            !av_span_eq(t.folded, w->all[i]))
            return false;
    return i == w->n && i > 0;
}

/* false: chance met nothing that could be used. */
static bool
take_words(words *w, size_t most)
{
    av_span text = column_of(&run.m.all[below(run.m.n)], below(3) == 0 ? below(COLUMNS) : 1);
    size_t from = text.n == 0 ? 0 : below(text.n), at = 0;
    av_tokens tokens;
    av_token t;

    memset(w, 0, sizeof *w);
    while (from > 0 && text.p[from - 1] > ' ')
        from--;
    av_tokens_init(&tokens, av_span_slice(text, from, AV_MIN(text.n, from + 2000)));
    while (w->n < most && av_tokens_next(&tokens, &t)) {
        uint32_t step = t.step;

        if (t.row || t.folded.n > WORD_LONGEST || step == AV_TOKEN_STEP_MIXED || step == AV_TOKEN_STEP_NOTHING)
            break;
        if (w->n > 0)
            w->text[at++] = step == AV_TOKEN_STEP_SPACE ? ' ' : AV_TOKEN_MARKS[step - AV_TOKEN_STEP_MARK];
        memcpy(w->text + at, t.folded.p, t.folded.n);
        w->all[w->n] = av_span_of(w->text + at, t.folded.n);
        w->steps[w->n++] = step;
        at += t.folded.n;
    }
    return is_same(w);
}

/* ---- queries ---- */

typedef struct question {
    av_query *tree;
    av_buf fts;
} question;

/* The columns of a term; `filter` gets FTS5's way to say it. */
static uint32_t
some_columns(av_buf *filter)
{
    uint32_t fields = 0;
    size_t only = below(4) == 0 ? below(COLUMNS) : COLUMNS;

    (void)av_buf_puts(filter, "{");
    for (size_t i = 0; i < COLUMNS; i++)
        if (only < COLUMNS ? i == only : (columns[i].field & AV_QUERY_IN_ANY) != 0) {
            (void)av_buf_printf(filter, "%s%s", fields == 0 ? "" : " ", columns[i].name);
            fields |= columns[i].field;
        }
    (void)av_buf_puts(filter, "} : ");
    return fields;
}

static av_query_id
word(question *q, bool prefix)
{
    words w;
    uint32_t fields;

    while (!take_words(&w, 1))
        continue;
    if (prefix) { /* to a whole character */
        size_t n = 1 + below(w.all[0].n);

        while (n < w.all[0].n && (w.all[0].p[n] & 0xC0) == 0x80)
            n++;
        w.all[0].n = n;
    }
    fields = some_columns(&q->fts);
    put_hex(&q->fts, w.all[0]);
    if (prefix)
        (void)av_buf_puts(&q->fts, "*");
    return av_query_text(q->tree, prefix ? AV_QUERY_PREFIX : AV_QUERY_WORD, fields, w.all[0]);
}

static av_query_id
phrase(question *q)
{
    words w;
    uint32_t fields;

    while (!take_words(&w, 2 + below(PHRASE_MOST - 1)) || w.n < 2)
        continue;
    fields = some_columns(&q->fts);
    (void)av_buf_puts(&q->fts, "\"");
    for (size_t i = 0; i < w.n; i++) {
        if (i > 0 && w.steps[i] != AV_TOKEN_STEP_SPACE)
            (void)av_buf_printf(&q->fts, "m%u ", w.steps[i]);
        put_hex(&q->fts, w.all[i]);
        (void)av_buf_puts(&q->fts, " ");
    }
    (void)av_buf_puts(&q->fts, "\"");
    return av_query_text(q->tree, AV_QUERY_WORD, fields, av_span_str(w.text));
}

static av_query_id
term(question *q)
{
    size_t which = below(6);

    return which == 0 ? phrase(q) : word(q, which == 1);
}

static av_query_id
boolean(question *q, size_t depth)
{
    size_t which = below(3);
    av_query_id two[2];

    if (depth == 0)
        return term(q);
    (void)av_buf_puts(&q->fts, "(");
    two[0] = boolean(q, below(depth));
    (void)av_buf_puts(&q->fts, which == 0 ? " AND " : which == 1 ? " OR " : " NOT ");
    two[1] = boolean(q, below(depth));
    (void)av_buf_puts(&q->fts, ")");
    if (which == 2)
        two[1] = av_query_not(q->tree, two[1]);
    return which == 1 ? av_query_or(q->tree, two, 2) : av_query_and(q->tree, two, 2);
}

/* Two words of one text; both bounds of FTS5 go to fts with a tab between. */
static av_query_id
near(question *q)
{
    AV_CLEANUP(av_buf_release) av_buf filter = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    uint32_t distance = 2 + (uint32_t)below(60), fields;
    words a, b;

    while (!take_words(&a, 1) || !take_words(&b, 1) || av_span_eq(a.all[0], b.all[0]))
        continue;
    av_buf_init(&filter, 4096);
    av_buf_init(&text, 4096);
    fields = some_columns(&filter);
    for (int high = 0; high < 2; high++) {
        uint32_t most = high == 1 ? distance : AV_TOKEN_WITHIN(distance) / (2 * AV_TOKEN_STEP - 1);

        (void)av_buf_append_span(&q->fts, av_buf_span(&filter));
        (void)av_buf_puts(&q->fts, "NEAR(");
        put_hex(&q->fts, a.all[0]);
        (void)av_buf_putc(&q->fts, ' ');
        put_hex(&q->fts, b.all[0]);
        (void)av_buf_printf(&q->fts, ", %u)%s", most - 1, high == 0 ? "\t" : "");
    }
    (void)av_buf_printf(&text, "%s %s", a.text, b.text);
    return av_query_near(q->tree, fields, distance, av_buf_span(&text));
}

static void
ask(void)
{
    static const char *const names[] = { "word", "prefix", "phrase", "boolean", "boolean", "near" };
    size_t which = below(AV_COUNT(names));
    question q = { .tree = av_query_new(NULL) };
    AV_CLEANUP(av_bounds_release) av_bounds bounds = { NULL, NULL };
    roaring_uint32_iterator_t it;
    av_query_id root;
    av_error err;

    av_buf_init(&q.fts, 65536);
    root = which <= 1   ? word(&q, which == 1)
           : which == 2 ? phrase(&q)
           : which == 5 ? near(&q)
                        : boolean(&q, 1 + below(3));
    AV_CHECK_RC(av_query_finish(q.tree, root, &err), AV_OK, &err);
    AV_CHECK_RC(av_evaluate(run.view, q.tree, run.all, NULL, &bounds, &err), AV_OK, &err);
    AV_CHECK(roaring_bitmap_equals(bounds.sure, bounds.maybe));
    (void)fprintf(run.out, "%s\t%s\t%.*s\t", which == 5 ? "N" : "Q", names[which], (int)q.fts.n, (const char *)q.fts.p);
    for (roaring_init_iterator(bounds.sure, &it); it.has_value; (void)roaring_advance_uint32_iterator(&it))
        (void)fprintf(run.out, "%u ", it.current_value);
    (void)fprintf(run.out, "\n");
    av_buf_release(&q.fts);
    av_query_destroy(&q.tree);
}

static void
fill(av_index *index)
{
    av_index_source source = messages_source(&run.m);
    av_index_progress progress = { .at_end = false };
    av_error err;

    while (!progress.at_end && av_check_failed == 0)
        AV_CHECK_RC(
            av_index_follow(index, &source, 1 + (uint32_t)below(100), below(2) == 0, &progress, &err), AV_OK, &err);
    run.view = av_index_snapshot(index);
    AV_CHECK_INT(av_index_documents(run.view), run.m.n);
    run.all = roaring_bitmap_create();
    roaring_bitmap_add_range(run.all, 0, run.m.n);
}

static void
test_fts5(void)
{
    static const uint8_t key[32] = { 1 }, uuid[16] = { 2 };
    static const char *const archives[] = { "phishing-pot", "spamassassin" };
    char dir[] = "/tmp/av-fts5-XXXXXX";
    AV_CLEANUP(av_free) char *index_dir = NULL;
    AV_CLEANUP(av_free) char *path = NULL;
    AV_CLEANUP(av_free) char *line = NULL;
    AV_CLEANUP(av_free) char *remove_line = NULL;
    size_t rounds = number_of("AV_ROUNDS", 400);
    av_index *index = NULL;
    av_error err;
    int status;

    (void)av_check_corpus();
    AV_CHECK(mkdtemp(dir) != NULL);
    remove_line = av_xasprintf("rm -rf '%s'", dir);
    index_dir = av_xasprintf("%s/index", dir);
    path = av_xasprintf("%s/records", dir);
    line = av_xasprintf("/usr/bin/python3 storage/index/fts5.py '%s'", path);
    messages_pick(&run.m, archives, AV_COUNT(archives), number_of("AV_MESSAGES", 250));
    messages_read(&run.m);
    run.out = fopen(path, "w");
    AV_CHECK(run.out != NULL);
    AV_CHECK_RC(
        av_index_open(&(av_index_config){ .dir = index_dir, .key = key, .store_uuid = uuid, .flush_documents = 90 },
            &index, &err),
        AV_OK, &err);
    fill(index);
    for (size_t i = 0; i < run.m.n; i++)
        write_document(&run.m.all[i]);
    for (size_t i = 0; i < rounds; i++)
        ask();
    AV_CHECK_INT(fclose(run.out), 0);
    (void)fflush(stdout);
    status = system(line);
    av_index_view_release(&run.view);
    av_index_close(&index);
    roaring_bitmap_free(run.all);
    messages_release(&run.m);
    AV_CHECK_INT(system(remove_line), 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        AV_SKIP("no FTS5 to compare with");
    AV_CHECK_INT(status, 0);
    printf("    %zu queries\n", rounds);
}

int
main(void)
{
    run.m.random = number_of("ARCHIVOLT_SEED", 1);
    AV_RUN(test_fts5);
    return av_check_done();
}
