/*
 * test_searches.c - many searches of one session: a few work, some wait, the rest hears busy; who goes away leaves the queue
 */
#include "tests/actors/instance/town.h"

enum { LETTERS = 1500, ASKED = 60 };

typedef struct asked {
    outcome out; /* first: the context of the call */
    collect c;
    av_call *call;
} asked;

static void
on_found(void *ctx, av_stream *stream, av_span bytes)
{
    (void)ctx;
    av_stream_consumed(stream, bytes.n);
}

static void
search(town *t, av_span session, asked *a)
{
    static const av_stream_events events = { .on_data = on_found };
    Archivolt__SearchRequest body = ARCHIVOLT__SEARCH_REQUEST__INIT;
    av_call_spec spec = { .to = INSTANCE,
        .method = "archivolt.Archive.Search",
        .body = &body.base,
        .session = session,
        .timeout_ms = 20000,
        .done = outcome_done,
        .downstream = &events,
        .ctx = &a->out };

    body.query = (char *)(uintptr_t) "body:fox";
    a->call = av_bus_call(t->gateway_bus, &spec);
}

static void
import_letters(town *t)
{
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };
    char id[33];
    uint8_t digest[32];
    uint64_t i;
    worker w;

    av_buf_init(&b, 1 << 20);
    start_import(t, id);
    begin_worker(t, &w);
    AV_CHECK_INT(begin_run(t, &w), 0);
    for (i = 1; i <= LETTERS; i++) {
        Archivolt__IntakeItem row = ARCHIVOLT__INTAKE_ITEM__INIT;

        av_buf_clear(&b);
        (void)av_buf_printf(&b, "From: a@example.org\nSubject: %llu\n\nThe quick fox.\n", (unsigned long long)i);
        av_sha256(av_buf_span(&b), digest);
        row.number = i;
        row.path = (char *)(uintptr_t) "letter";
        row.has_sha256 = 1;
        row.sha256.data = digest;
        row.sha256.len = 32;
        row.length = b.n;
        AV_CHECK(av_rows_put(&w.stream, &row.base));
        AV_CHECK(av_buf_append_span(&w.stream, av_buf_span(&b)));
    }
    w.end_it = true;
    start_put(t, &w, 1);
    AV_CHECK(house_until(&t->house, &w.out.done, 20000));
    AV_CHECK_RC(w.out.err.code, AV_OK, &w.out.err);
    end_worker(&w);
}

static void
until_all_done(town *t, asked *a, size_t n)
{
    int64_t until = av_clock_mono_ms() + 20000;
    size_t i = 0;

    while (i < n && av_clock_mono_ms() < until) {
        if (a[i].out.done)
            i++;
        else
            av_loop_turn(t->house.loop, 10);
    }
    AV_CHECK_INT(i, n);
}

static void
count(const asked *a, size_t n, unsigned *ret_found, unsigned *ret_busy)
{
    size_t i;

    *ret_found = *ret_busy = 0;
    for (i = 0; i < n; i++) {
        const Archivolt__SearchReply *reply = (const Archivolt__SearchReply *)a[i].out.reply;

        if (a[i].out.err.code == AV_ERR_BUSY) {
            ++*ret_busy;
            AV_CHECK(strstr(a[i].out.err.msg, "searches waiting: try again") != NULL);
        } else if (AV_CHECK(a[i].out.err.code == AV_OK) && AV_CHECK(reply != NULL)) {
            ++*ret_found;
            AV_CHECK_INT(reply->total, LETTERS);
        }
    }
}

static void
test_searches(void)
{
    static asked many[ASKED], one;
    login_outcome alice, again;
    unsigned found, busy;
    av_error err;
    size_t i;
    town t;

    town_init(&t);
    start_instance(&t);
    AV_CHECK_RC(create_user(&t, "alice", "correct horse", &err), AV_OK, &err);
    import_letters(&t);
    AV_CHECK_INT(login(&t, "alice", "correct horse", &alice), AV_OK);
    AV_CHECK_INT(login(&t, "alice", "correct horse", &again), AV_OK);

    /* One session asks for many; another one has its turn all the same. */
    for (i = 0; i < ASKED; i++)
        search(&t, av_span_of(alice.session, 32), &many[i]);
    search(&t, av_span_of(again.session, 32), &one);
    until_all_done(&t, &one, 1);
    until_all_done(&t, many, ASKED);
    count(&one, 1, &found, &busy);
    AV_CHECK_INT(found, 1);
    count(many, ASKED, &found, &busy);
    printf("  %u found, %u busy\n", found, busy);
    AV_CHECK(found >= 10); /* 2 at work, 8 that wait */
    AV_CHECK(busy > 0);

    /* Those that go away make room, and the instance is as before. */
    for (i = 0; i < ASKED; i++) {
        outcome_release(&many[i].out);
        search(&t, av_span_of(alice.session, 32), &many[i]);
    }
    for (i = 0; i < ASKED; i++)
        av_call_cancel(&many[i].call);
    outcome_release(&one.out);
    for (i = 0; i < 8; i++) /* what went away may still be at work for a moment: all of these have room to wait */
        search(&t, av_span_of(again.session, 32), &many[i]);
    until_all_done(&t, many, 8);
    count(many, 8, &found, &busy);
    AV_CHECK_INT(found, 8);
    for (i = 0; i < ASKED; i++)
        outcome_release(&many[i].out);

    /* Stopped while searches wait: all of them are answered and it ends in order. */
    for (i = 0; i < 10; i++)
        search(&t, av_span_of(alice.session, 32), &many[i]);
    house_turn(&t.house, 20);
    (void)kill(t.pid, SIGTERM);
    AV_CHECK_INT(wait_instance(&t), 0);
    until_all_done(&t, many, 10);
    for (i = 0; i < 10; i++)
        outcome_release(&many[i].out);
    town_release(&t);
}

int
main(void)
{
    AV_RUN(test_searches);
    return av_check_done();
}
