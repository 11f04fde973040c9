/*
 * test_threading.c - threads of made messages, and of many at random: each once, nothing lost, whatever they refer to
 *
 * Whether they are those of RFC 5256 is held against another writing-down of its steps in tests/sessions/imap.
 */
#include "actors/instance/envelope_read.h"
#include "actors/instance/text_ranks.h"
#include "actors/instance/threading.h"
#include "storage/index/uid_list.h"
#include "tests/check.h"

enum { MOST = 64, REFS = 4 };

typedef struct made {
    av_threading_message messages[MOST];
    uint64_t ids[MOST * REFS];
    size_t n, id_count;
} made;

static void
add(made *self, uint64_t own, int64_t date, uint32_t subject, bool is_reply, const uint64_t *refs, size_t n)
{
    av_threading_message *m = &self->messages[self->n++];

    *m = (av_threading_message){ .uid = (uint32_t)self->n,
        .subject = subject,
        .date_unix_s = date,
        .is_reply = is_reply,
        .id_count = (uint32_t)n,
        .own = own,
        .ids = self->id_count };
    for (size_t i = 0; i < n; i++)
        self->ids[self->id_count++] = refs[i];
}

/* "1(2 3)" as UID:children in order. */
static void
check_threads(const made *self, bool references, const char *want)
{
    const av_threading_input in = { .messages = self->messages, .n = self->n, .ids = self->ids };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_uid_list list = { 0 };
    uint32_t uid, children;
    av_error err = { 0 };
    av_span rest;

    av_buf_init(&out, 1000);
    av_buf_init(&text, 1000);
    AV_CHECK_RC(
        references ? av_threading_references(&in, &out, &err) : av_threading_subjects(&in, &out, &err), AV_OK, &err);
    rest = av_buf_span(&out);
    while (av_uid_list_take_node(&list, &rest, &uid, &children))
        (void)av_buf_printf(&text, "%s%u:%u", text.n == 0 ? "" : " ", uid, children);
    AV_CHECK_STR(av_buf_cstr(&text), want);
}

static void
test_made(void)
{
    made m = { .n = 0 };
    const uint64_t one = 1, gone = 99, chain[] = { 1, 2 }, loop[] = { 5, 6 }, pool[] = { 6, 5 };

    check_threads(&m, true, "");
    check_threads(&m, false, "");
    add(&m, 1, 10, 0, false, NULL, 0);
    add(&m, 2, 30, 0, true, &one, 1);
    add(&m, 3, 20, 0, true, chain, 2); /* answers 2, though it is older */
    add(&m, 4, 5, 1, false, &gone, 1); /* whom it answers is not here */
    add(&m, 9, 6, 2, false, &gone, 1); /* the same one */
    add(&m, 5, 40, 3, false, pool, 1); /* 5 and 6 answer each other */
    add(&m, 6, 41, 4, false, loop, 1);
    add(&m, 1, 50, 5, false, NULL, 0); /* an id that is taken */
    add(&m, 0, 60, AV_THREADING_NO_SUBJECT, false, NULL, 0);
    add(&m, 0, 61, AV_THREADING_NO_SUBJECT, false, NULL, 0);
    check_threads(&m, true, "0:2 4:0 5:0 1:1 2:1 3:0 7:1 6:0 8:0 9:0 10:0");
    check_threads(&m, false, "4:0 5:0 1:2 3:0 2:0 6:0 7:0 8:0 9:1 10:0");
}

/* RFC 5256, 3: step 5. */
static void
test_subjects(void)
{
    made m = { .n = 0 };
    const uint64_t gone = 99;

    add(&m, 1, 10, 0, true, NULL, 0);
    add(&m, 2, 20, 0, false, NULL, 0); /* not an answer: the thread's head, though it is younger */
    add(&m, 3, 30, 1, false, NULL, 0);
    add(&m, 4, 40, 1, false, NULL, 0); /* neither is an answer: side by side */
    add(&m, 5, 50, 2, true, &gone, 1);
    add(&m, 6, 51, 2, true, &gone, 1); /* two below one that is not here, */
    add(&m, 7, 52, 2, false, NULL, 0); /* which takes it in */
    check_threads(&m, true, "2:1 1:0 0:2 3:0 4:0 0:3 5:0 6:0 7:0");
}

static uint64_t state = 1;

static size_t
below(size_t n)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)((state >> 33) % n);
}

static void
check_whole(const made *m, bool references)
{
    const av_threading_input in = { .messages = m->messages, .n = m->n, .ids = m->ids };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    bool seen[MOST + 1] = { false };
    av_uid_list list = { 0 };
    uint32_t uid, children, open = 0;
    size_t count = 0;
    av_error err = { 0 };
    av_span rest;

    av_buf_init(&out, 10000);
    AV_CHECK_RC(
        references ? av_threading_references(&in, &out, &err) : av_threading_subjects(&in, &out, &err), AV_OK, &err);
    rest = av_buf_span(&out);
    while (av_uid_list_take_node(&list, &rest, &uid, &children)) {
        AV_CHECK(uid <= m->n && (uid != 0 || (open == 0 && children > 1)));
        AV_CHECK(uid == 0 || !seen[uid]);
        seen[uid] = true;
        count += uid != 0;
        open = open == 0 ? children : open - 1 + children;
    }
    AV_CHECK_INT(rest.n, 0);
    AV_CHECK_INT(open, 0);
    AV_CHECK_INT(count, m->n);
}

static void
test_random(void)
{
    const char *seed = getenv("ARCHIVOLT_SEED"), *rounds_text = getenv("AV_ROUNDS");
    long rounds = rounds_text != NULL ? strtol(rounds_text, NULL, 10) : 3000;

    state = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    for (long round = 0; round < rounds; round++) {
        made m = { .n = 0 };
        size_t n = below(MOST), kinds = 1 + below(40);

        av_check_row = round;
        while (m.n < n) {
            uint64_t refs[REFS];
            size_t k = below(REFS + 1);

            for (size_t i = 0; i < k; i++)
                refs[i] = 1 + below(kinds);
            add(&m, below(kinds + 1), (int64_t)below(50),
                (uint32_t)(below(5) == 0 ? AV_THREADING_NO_SUBJECT : below(8)), below(2) == 0, refs, k);
        }
        check_whole(&m, true);
        check_whole(&m, false);
    }
    printf("  %ld rounds\n", rounds);
}

/* A chain as long as a mailbox, from its end: quick, and no deeper on the stack than any other. */
static void
test_long_chain(void)
{
    enum { LONG = 200000 };
    AV_CLEANUP(av_free) av_threading_message *all = av_xcalloc(LONG, sizeof *all);
    AV_CLEANUP(av_free) uint64_t *ids = av_xcalloc(LONG, sizeof *ids);
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    const av_threading_input in = { .messages = all, .n = LONG, .ids = ids };
    av_error err = { 0 };

    for (size_t i = 0; i < LONG; i++) {
        ids[i] = i + 2;
        all[i] = (av_threading_message){
            .uid = (uint32_t)i + 1, .subject = AV_THREADING_NO_SUBJECT, .own = i + 1, .ids = i, .id_count = i + 1 < LONG
        };
    }
    av_buf_init(&out, 1 << 22);
    AV_CHECK_RC(av_threading_references(&in, &out, &err), AV_OK, &err);
}

static void
test_ranks(void)
{
    static const char *const texts[] = { "b", "", "a", "b", "ab", "\xff", "a" };
    static const uint32_t want[] = { 3, 0, 1, 3, 2, 4, 1 };
    AV_CLEANUP(av_text_ranks_release) av_text_ranks ranks;
    uint32_t numbers[AV_COUNT(texts)];
    av_error err;

    av_text_ranks_init(&ranks, 10);
    for (size_t i = 0; i < AV_COUNT(texts); i++)
        AV_CHECK_RC(av_text_ranks_add(&ranks, av_span_str(texts[i]), &numbers[i], &err), AV_OK, &err);
    AV_CHECK_RC(av_text_ranks_add(&ranks, av_span_str("long text"), &numbers[0], &err), AV_ERR_LIMIT, &err);
    av_text_ranks_finish(&ranks);
    for (size_t i = 0; i < AV_COUNT(texts); i++)
        AV_CHECK_INT(av_text_ranks_of(&ranks, numbers[i]), want[i]);
}

static void
test_envelope(void)
{
    static const char envelope[] =
        "(\"date\" {3}\r\na\"b ((\"=?utf-8?q?Z=C3=B6?=\" NIL \"ann\" \"x.org\")(NIL NIL \"bob\" \"y\")) "
        "NIL NIL ((NIL NIL \"t\\\"o\" \"host\")) NIL NIL NIL \"<id>\")";
    static const struct {
        av_envelope_field field;
        bool display;
        const char *want;
    } rows[] = {
        { AV_ENVELOPE_FROM, false, "ANN" },
        { AV_ENVELOPE_FROM, true, "ZO\xcc\x88" },
        { AV_ENVELOPE_TO, false, "T\"O" },
        { AV_ENVELOPE_TO, true, "T\"O@HOST" },
        { AV_ENVELOPE_CC, false, "" },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };

        av_check_row = (long)i;
        av_buf_init(&out, 100);
        av_envelope_sort_text(av_span_str(envelope), rows[i].field, rows[i].display, &out);
        AV_CHECK_STR(av_buf_cstr(&out), rows[i].want);
        for (size_t n = 0; n < sizeof envelope - 1; n++) /* cut anywhere: something or nothing, no more than that */
            av_envelope_sort_text(av_span_of(envelope, n), rows[i].field, rows[i].display, &out);
    }
}

int
main(void)
{
    AV_RUN(test_made);
    AV_RUN(test_subjects);
    AV_RUN(test_random);
    AV_RUN(test_long_chain);
    AV_RUN(test_ranks);
    AV_RUN(test_envelope);
    return av_check_done();
}
