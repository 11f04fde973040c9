/*
 * test_instance.c - the real archivolt-instance behind the real broker: users, logins, an import, reading, a kill, sleep
 */
#include "tests/actors/instance/town.h"

#define ITEMS 400

/* ---- the items ---- */

static av_span
body_of(unsigned i, av_buf *buf)
{
    av_buf_clear(buf);
    (void)av_buf_printf(buf,
        "From: Writer %u <w%u@example.org>\nTo: alice@example.org\nSubject: letter %u\n"
        "Date: Mon, 2 Mar 2015 10:%02u:%02u +0000\n\nThe quick brown fox number %u.\r\nmixed line ends\n",
        i, i, i, i / 60 % 60, i % 60, i);
    if (i == 7)
        while (buf->n < 300000)
            (void)av_buf_puts(buf, "a long line of a large message, and a bare line feed at its end\n");
    return av_buf_span(buf);
}

static void
put_items(worker *w, uint64_t first, uint64_t last)
{
    AV_CLEANUP(av_buf_release) av_buf bytes = { 0 };
    uint8_t digest[32];
    uint64_t i;

    av_buf_init(&bytes, 1 << 20);
    for (i = first; i <= last; i++) {
        Archivolt__IntakeItem row = ARCHIVOLT__INTAKE_ITEM__INIT;
        char *folder = (char *)(uintptr_t) "In", *forwarded = (char *)(uintptr_t) "$Forwarded", path[32];
        av_span b = body_of((unsigned)(i % 50 == 0 ? 1 : i), &bytes); /* every 50th is the first one again */

        (void)snprintf(path, sizeof path, "m%llu.eml", (unsigned long long)i);
        av_sha256(b, digest);
        row.number = i;
        row.path = path;
        row.folder = &folder;
        row.n_folder = 1;
        row.has_sha256 = 1;
        row.sha256.data = digest;
        row.sha256.len = 32;
        row.length = b.n;
        row.n_flags = i == 7;
        row.flags = &forwarded;
        if (i == 13) {
            row.refused = (char *)(uintptr_t) "it cannot be read";
            row.length = 0;
        }
        AV_CHECK(av_rows_put(&w->stream, &row.base));
        if (i != 13)
            AV_CHECK(av_buf_append_span(&w->stream, b));
    }
}

static void
check_operation(town *t, char id[33], Archivolt__OperationState state)
{
    Archivolt__OperationWaitRequest body = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
    Archivolt__Operation *op = NULL;
    Archivolt__RunAccount *account;
    int64_t until = av_clock_mono_ms() + 10000;
    av_error err;

    body.id = id;
    do {
        if (op != NULL)
            archivolt__operation__free_unpacked(op, NULL);
        op = NULL;
        AV_CHECK_RC(ask(t->cli_bus, "archivolt.Operations.Wait", &body.base, (av_span){ 0 }, &op, &err), AV_OK, &err);
    } while (
        op != NULL && op->state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING && av_clock_mono_ms() < until);
    if (op == NULL)
        return;
    AV_CHECK_INT(op->state, state);
    if (state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED && AV_CHECK(op->has_result)) {
        account = archivolt__run_account__unpack(NULL, op->result.len, op->result.data);
        AV_CHECK(account != NULL);
        AV_CHECK_INT(account->offered, ITEMS);
        AV_CHECK_INT(account->duplicate, ITEMS / 50);
        AV_CHECK_INT(account->refused, 1);
        AV_CHECK_INT(account->stored, ITEMS - ITEMS / 50 - 1);
        archivolt__run_account__free_unpacked(account, NULL);
    }
    archivolt__operation__free_unpacked(op, NULL);
}

/* An import during which the instance is killed: the worker begins anew and nothing is lost or doubled. */
static void
import_with_kill(town *t)
{
    char id[33];
    uint64_t last;
    worker w;

    start_import(t, id);
    begin_worker(t, &w);
    AV_CHECK_INT(begin_run(t, &w), 0);
    put_items(&w, 1, 150);
    start_put(t, &w, 1);
    for (int i = 0; i < 500 && w.acked < 150; i++)
        av_loop_turn(t->house.loop, 20);
    AV_CHECK_INT(w.acked, 150); /* without more input the group is committed by itself */
    (void)kill(t->pid, SIGKILL);
    (void)wait_instance(t);
    start_instance(t);
    AV_CHECK(house_until(&t->house, &w.out.done, 20000) && w.out.err.code != AV_OK);
    last = begin_run(t, &w);
    AV_CHECK_INT(last, 150);
    av_buf_clear(&w.stream);
    w.at = 0;
    w.end_it = true;
    put_items(&w, last + 1, ITEMS);
    start_put(t, &w, last + 1);
    AV_CHECK(house_until(&t->house, &w.out.done, 20000));
    AV_CHECK_RC(w.out.err.code, AV_OK, &w.out.err);
    check_operation(t, id, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED);
    end_worker(&w);
}

/* A cancelled import: its stream ends, what was durable stays, the operation says so. */
static void
import_with_cancel(town *t)
{
    Archivolt__OperationCancelRequest body = ARCHIVOLT__OPERATION_CANCEL_REQUEST__INIT;
    char id[33];
    av_error err;
    worker w;

    start_import(t, id);
    begin_worker(t, &w);
    AV_CHECK_INT(begin_run(t, &w), 0);
    put_items(&w, 1, 12); /* all of them there since the import before */
    start_put(t, &w, 1);
    for (int i = 0; i < 500 && w.acked < 12; i++)
        av_loop_turn(t->house.loop, 20);
    AV_CHECK_INT(w.acked, 12);
    body.id = id;
    AV_CHECK_RC(ask(t->cli_bus, "archivolt.Operations.Cancel", &body.base, (av_span){ 0 }, NULL, &err), AV_OK, &err);
    check_operation(t, id, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_CANCELLED);
    AV_CHECK(house_until(&t->house, &w.out.done, 5000));
    AV_CHECK_RC(w.out.err.code, AV_ERR_CANCELLED, &w.out.err);
    end_worker(&w);
}

/* What administrators see of both runs, and one refused item with its reason. */
static void
check_runs(town *t)
{
    Archivolt__GetWorkerResultsRequest results = ARCHIVOLT__GET_WORKER_RESULTS_REQUEST__INIT;
    Archivolt__GetRunReportRequest report = ARCHIVOLT__GET_RUN_REPORT_REQUEST__INIT;
    Archivolt__GetWorkerResultsReply *runs = NULL;
    Archivolt__GetRunReportReply *refused = NULL;
    char demo[] = "demo";
    av_error err;

    results.instance_id = report.instance_id = demo;
    report.id = 1;
    AV_CHECK_RC(ask(t->cli_bus, "archivolt.Instance.GetWorkerResults", &results.base, (av_span){ 0 }, &runs, &err),
        AV_OK, &err);
    if (runs != NULL && AV_CHECK(runs->n_runs == 2)) {
        AV_CHECK_INT(runs->runs[0]->result, ARCHIVOLT__RUN_RESULT__RUN_RESULT_CANCELLED);
        AV_CHECK_INT(runs->runs[0]->account->duplicate, 12);
        AV_CHECK_INT(runs->runs[1]->result, ARCHIVOLT__RUN_RESULT__RUN_RESULT_COMPLETED_WITH_ERRORS);
        AV_CHECK_INT(runs->runs[1]->account->offered, ITEMS);
    }
    if (runs != NULL)
        archivolt__get_worker_results_reply__free_unpacked(runs, NULL);
    AV_CHECK_RC(
        ask(t->cli_bus, "archivolt.Instance.GetRunReport", &report.base, (av_span){ 0 }, &refused, &err), AV_OK, &err);
    if (refused != NULL && AV_CHECK(refused->n_refused == 1)) {
        AV_CHECK_INT(refused->refused[0]->item, 13);
        AV_CHECK_STR(refused->refused[0]->reason, "it cannot be read");
    }
    if (refused != NULL)
        archivolt__get_run_report_reply__free_unpacked(refused, NULL);
}

/* ---- reading ---- */

static void
check_fetch(town *t, av_span session, const Archivolt__MailboxInfo *box, collect *c)
{
    Archivolt__FetchRequest body = ARCHIVOLT__FETCH_REQUEST__INIT;
    Archivolt__UidRange range = ARCHIVOLT__UID_RANGE__INIT, *ranges = &range;
    Archivolt__FetchItem items[] = { ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_ENVELOPE,
        ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_SECTION, ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_RFC822_SIZE,
        ARCHIVOLT__FETCH_ITEM__FETCH_ITEM_FLAGS };
    Archivolt__FetchSection all = ARCHIVOLT__FETCH_SECTION__INIT, some = ARCHIVOLT__FETCH_SECTION__INIT;
    Archivolt__FetchSection *sections[] = { &all, &some };
    AV_CLEANUP(av_buf_release) av_buf raw = { 0 };
    AV_CLEANUP(av_buf_release) av_buf view = { 0 };
    Archivolt__FetchReply *reply = NULL;
    Archivolt__FetchRow *row;
    av_span rest, part;
    uint32_t n = 0;
    size_t i;
    av_error err;

    body.mailbox = box->guid;
    range.first = range.last = 7;
    body.uids = &ranges;
    body.n_uids = 1;
    body.items = items;
    body.n_items = AV_COUNT(items);
    all.section = (char *)(uintptr_t) "";
    some.section = (char *)(uintptr_t) "HEADER.FIELDS (Subject)";
    body.sections = sections;
    body.n_sections = 2;
    AV_CHECK_RC(ask_stream(t, "archivolt.Archive.Fetch", &body.base, session, c, &reply, &err), AV_OK, &err);
    if (reply == NULL)
        return;
    AV_CHECK_INT(reply->rows, 1);
    archivolt__fetch_reply__free_unpacked(reply, NULL);
    av_buf_init(&raw, 1 << 20);
    av_buf_init(&view, 1 << 20);
    (void)body_of(7, &raw);
    for (i = 0; i < raw.n; i++) {
        if (raw.p[i] == '\n' && (i == 0 || raw.p[i - 1] != '\r'))
            (void)av_buf_putc(&view, '\r');
        (void)av_buf_putc(&view, raw.p[i]);
    }
    rest = av_buf_span(&c->bytes);
    AV_CHECK(av_span_get_u32(&rest, &n) && n <= rest.n);
    row = archivolt__fetch_row__unpack(NULL, n, rest.p);
    AV_CHECK(row != NULL);
    AV_CHECK_INT(row->uid, 7);
    AV_CHECK_INT(row->rfc822_size, view.n);
    AV_CHECK_INT(row->n_parts, 3);
    if (AV_CHECK(row->n_flags == 1))
        AV_CHECK_STR(row->flags[0], "$Forwarded");
    rest = av_span_skip(rest, n);
    for (i = 0; i < row->n_parts; i++) {
        AV_CHECK(av_span_get_bytes(&rest, row->parts[i]->length, &part));
        if (i == 0)
            AV_CHECK(part.n > 20 && part.p[0] == '(');
        if (i == 1)
            AV_CHECK(av_span_eq(part, av_buf_span(&view)));
        if (i == 2)
            AV_CHECK(av_span_eq_str(part, "Subject: letter 7\r\n\r\n"));
    }
    AV_CHECK_INT(rest.n, 0);
    archivolt__fetch_row__free_unpacked(row, NULL);
}

static void
check_reading(town *t, av_span session, av_span stranger)
{
    Archivolt__SelectMailboxRequest select = ARCHIVOLT__SELECT_MAILBOX_REQUEST__INIT;
    Archivolt__SearchRequest search = ARCHIVOLT__SEARCH_REQUEST__INIT;
    Archivolt__GetMessageRequest get = ARCHIVOLT__GET_MESSAGE_REQUEST__INIT;
    Archivolt__SelectMailboxReply *box = NULL;
    Archivolt__SearchReply *found = NULL;
    Archivolt__SearchRow *row;
    AV_CLEANUP(av_buf_release) av_buf raw = { 0 };
    collect c = { 0 };
    av_error err, other;
    char id[32] = "";
    av_span rest;
    uint32_t n = 0;

    av_buf_init(&c.bytes, 8 << 20);
    av_buf_init(&raw, 1 << 20);
    select.path = (char *)(uintptr_t) "alice/In";
    AV_CHECK_RC(ask(t->gateway_bus, "archivolt.Archive.SelectMailbox", &select.base, session, &box, &err), AV_OK, &err);
    if (box != NULL) {
        AV_CHECK_INT(box->mailbox->messages, ITEMS - ITEMS / 50 - 1);
        AV_CHECK_INT(box->uids_from, 1);
        AV_CHECK_INT(box->uids.len, 3); /* one run: no gap, and a number of two bytes */
        check_fetch(t, session, box->mailbox, &c);
        archivolt__select_mailbox_reply__free_unpacked(box, NULL);
    }
    AV_CHECK_RC(ask(t->gateway_bus, "archivolt.Archive.SelectMailbox", &select.base, stranger, NULL, &err),
        AV_ERR_NOT_FOUND, &err);

    search.query = (char *)(uintptr_t) "subject:letter \"fox number 7\"";
    AV_CHECK_RC(ask_stream(t, "archivolt.Archive.Search", &search.base, session, &c, &found, &err), AV_OK, &err);
    if (found != NULL) {
        AV_CHECK_INT(found->total, 1);
        AV_CHECK(found->coverage > 0.999);
        archivolt__search_reply__free_unpacked(found, NULL);
    }
    rest = av_buf_span(&c.bytes);
    if (AV_CHECK(av_span_get_u32(&rest, &n) && n <= rest.n)) {
        row = archivolt__search_row__unpack(NULL, n, rest.p);
        AV_CHECK_STR(row->subject, "letter 7");
        AV_CHECK_STR(row->folder, "alice/In");
        (void)snprintf(id, sizeof id, "%s", row->id);
        archivolt__search_row__free_unpacked(row, NULL);
    }
    get.id = id;
    AV_CHECK_RC(ask_stream(t, "archivolt.Archive.GetMessage", &get.base, session, &c, NULL, &err), AV_OK, &err);
    AV_CHECK(av_span_eq(av_buf_span(&c.bytes), body_of(7, &raw)));
    /* Forbidden and unknown look the same. */
    AV_CHECK_RC(
        ask_stream(t, "archivolt.Archive.GetMessage", &get.base, stranger, &c, NULL, &err), AV_ERR_NOT_FOUND, &err);
    id[5] = id[5] == 'A' ? 'B' : 'A';
    AV_CHECK_RC(
        ask_stream(t, "archivolt.Archive.GetMessage", &get.base, session, &c, NULL, &other), AV_ERR_NOT_FOUND, &other);
    AV_CHECK_STR(err.msg, other.msg);
    av_buf_release(&c.bytes);
}

static void
test_instance(void)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    login_outcome alice, mallory, bad;
    av_error err;
    int64_t before;
    town t;

    town_init(&t);
    start_instance(&t);
    AV_CHECK_RC(create_user(&t, "alice", "short", &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(create_user(&t, "alice", "correct horse", &err), AV_OK, &err);
    AV_CHECK_RC(create_user(&t, "Alice", "correct horse", &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(create_user(&t, "mallory", "battery staple", &err), AV_OK, &err);
    import_with_kill(&t);
    import_with_cancel(&t);
    check_runs(&t);
    AV_CHECK_INT(login(&t, "alice", "wrong password", &bad), AV_ERR_AUTH);
    AV_CHECK_INT(login(&t, "nobody", "wrong password", &mallory), AV_ERR_AUTH);
    AV_CHECK_STR(bad.err.msg, mallory.err.msg);
    AV_CHECK_INT(login(&t, "Alice", "correct horse", &alice), AV_OK);
    AV_CHECK_INT(login(&t, "mallory", "battery staple", &mallory), AV_OK);
    check_reading(&t, av_span_of(alice.session, 32), av_span_of(mallory.session, 32));
    AV_CHECK_RC(ask(t.gateway_bus, "archivolt.Instance.Logout", &empty.base, av_span_of(alice.session, 32), NULL, &err),
        AV_OK, &err);
    AV_CHECK_RC(ask(t.gateway_bus, "archivolt.Instance.Logout", &empty.base, av_span_of(alice.session, 32), NULL, &err),
        AV_ERR_AUTH, &err);
    (void)kill(t.pid, SIGTERM);
    AV_CHECK_INT(wait_instance(&t), 0);
    /* Sleep: nothing to do for a second, and it ends by itself. */
    (void)snprintf(t.sleep, sizeof t.sleep, "1");
    before = av_clock_mono_ms();
    start_instance(&t);
    printf("  wake to ready: %lld ms\n", (long long)(av_clock_mono_ms() - before));
    AV_CHECK_INT(wait_instance(&t), 75);
    town_release(&t);
}

int
main(void)
{
    AV_RUN(test_instance);
    return av_check_done();
}
