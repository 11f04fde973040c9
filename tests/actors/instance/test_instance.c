/*
 * test_instance.c - the real archivolt-instance behind the real broker: users, logins, an import, reading, a kill, sleep
 *
 * The test itself is the host, the worker, the operator's CLI and a gateway. Programs are found beside the test: ../bin.
 */
#include "actors/bus/login.h"
#include "actors/bus/rows.h"
#include "proto/instance.pb-c.h"
#include "tests/actors/bus/house.h"

#define INSTANCE "instance/demo"
#define ITEMS    400

typedef struct town {
    house house;
    av_keypair instance, host, cli, gateway, management;
    av_bus *host_bus, *cli_bus, *gateway_bus;
    pid_t pid;
    char dir[200];
    char sleep[32];
    uint8_t run[16];
    unsigned started, stopped;
} town;

/* ---- processes ---- */

static int
pipe_with(const void *p, size_t n)
{
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], p, n) != (ssize_t)n)
        exit(1);
    (void)close(ends[1]);
    return ends[0];
}

static void
start_instance(town *t)
{
    char program[512], keys_path[300], key_fd[32], dir[220], sleep_arg[64], *slash;
    uint8_t store_key[32];
    int ready[2], fd;
    char ready_fd[16], line[8];

    memset(store_key, 9, sizeof store_key);
    rig_program(program, sizeof program);
    slash = strrchr(program, '/');
    (void)snprintf(slash, 32, "/archivolt-instance");
    (void)snprintf(keys_path, sizeof keys_path, "%s/keys/instance_demo.key", t->house.rig.dir);
    (void)snprintf(dir, sizeof dir, "dir=%s", t->dir);
    (void)snprintf(sleep_arg, sizeof sleep_arg, "sleep_after_s=%s", t->sleep);
    fd = pipe_with(store_key, sizeof store_key);
    (void)snprintf(key_fd, sizeof key_fd, "store_key_fd=%d", fd);
    if (pipe(ready) != 0)
        exit(1);
    (void)snprintf(ready_fd, sizeof ready_fd, "%d", ready[1]);
    t->pid = fork();
    if (t->pid == 0) {
        const char *argv[] = { program, "--data", t->house.rig.dir, "--name", INSTANCE, "--ready-fd", ready_fd, "--arg",
            dir, "--arg", key_fd, "--arg", sleep_arg, NULL };

        execv(program, (char **)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(fd);
    (void)close(ready[1]);
    AV_CHECK(read(ready[0], line, sizeof line) > 0);
    (void)close(ready[0]);
}

static int
wait_instance(town *t)
{
    int status = 0;

    (void)waitpid(t->pid, &status, 0);
    t->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- calls ---- */

static av_errc
ask(av_bus *bus, const char *method, const ProtobufCMessage *body, av_span session, void *ret_reply, av_error *err)
{
    av_call_spec spec = { .to = INSTANCE, .method = method, .body = body, .session = session, .timeout_ms = 20000 };
    ProtobufCMessage *reply = NULL;
    av_errc rc = av_bus_call_wait(bus, &spec, &reply, err);

    if (ret_reply != NULL)
        memcpy(ret_reply, &reply, sizeof reply);
    else if (reply != NULL)
        protobuf_c_message_free_unpacked(reply, NULL);
    return rc;
}

typedef struct collect {
    av_buf bytes;
    av_call_spec spec;
} collect;

static void
on_bytes(void *ctx, av_stream *stream, av_span bytes)
{
    AV_CHECK(av_buf_append_span(&((collect *)ctx)->bytes, bytes));
    av_stream_consumed(stream, bytes.n);
}

static av_errc
ask_stream(town *t, const char *method, const ProtobufCMessage *body, av_span session, collect *c, void *ret_reply,
    av_error *err)
{
    static const av_stream_events events = { .on_data = on_bytes };
    ProtobufCMessage *reply = NULL;
    av_errc rc;

    av_buf_clear(&c->bytes);
    c->spec = (av_call_spec){ .to = INSTANCE,
        .method = method,
        .body = body,
        .session = session,
        .timeout_ms = 20000,
        .downstream = &events,
        .ctx = c };
    rc = av_bus_call_wait(t->gateway_bus, &c->spec, &reply, err);
    if (ret_reply != NULL)
        memcpy(ret_reply, &reply, sizeof reply);
    else if (reply != NULL)
        protobuf_c_message_free_unpacked(reply, NULL);
    return rc;
}

/* ---- the host ---- */

static void
on_start_worker(void *self, av_request *request, const ProtobufCMessage *body)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;
    town *t = self;

    memcpy(t->run, ((const Archivolt__StartWorkerRequest *)body)->run.data, sizeof t->run);
    t->started++;
    av_request_reply(request, &reply.base);
}

static void
on_stop_worker(void *self, av_request *request, const ProtobufCMessage *body)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;

    (void)body;
    ((town *)self)->stopped++;
    av_request_reply(request, &reply.base);
}

static void
town_init(town *t)
{
    static const av_handler handlers[] = { { "archivolt.Host.StartWorker", on_start_worker },
        { "archivolt.Host.StopWorker", on_stop_worker } };
    char path[400];
    av_error err;

    memset(t, 0, sizeof *t);
    house_init(&t->house);
    t->instance = rig_actor(&t->house.rig, INSTANCE);
    t->host = rig_actor(&t->house.rig, "host/" RIG_NODE);
    t->cli = rig_actor(&t->house.rig, "cli/op");
    t->gateway = rig_actor(&t->house.rig, "gateway@" RIG_NODE);
    t->management = rig_actor(&t->house.rig, "management");
    (void)snprintf(path, sizeof path, "%s/keys/instance_demo.key", t->house.rig.dir);
    AV_CHECK_RC(av_keypair_save(&t->instance, path, &err), AV_OK, &err);
    (void)snprintf(t->dir, sizeof t->dir, "%s/instances/demo", t->house.rig.dir);
    (void)snprintf(t->sleep, sizeof t->sleep, "0");
    rig_start(&t->house.rig, true);
    t->host_bus = house_bus(&t->house, &t->host);
    t->cli_bus = house_bus(&t->house, &t->cli);
    t->gateway_bus = house_bus(&t->house, &t->gateway);
    av_bus_serve(t->host_bus, handlers, AV_COUNT(handlers), t);
}

static void
town_release(town *t)
{
    av_bus_destroy(&t->host_bus);
    av_bus_destroy(&t->cli_bus);
    av_bus_destroy(&t->gateway_bus);
    house_release(&t->house);
}

/* ---- users ---- */

static av_errc
create_user(town *t, const char *name, const char *password, av_error *err)
{
    Archivolt__CreateUserRequest body = ARCHIVOLT__CREATE_USER_REQUEST__INIT;
    Archivolt__Privilege login = ARCHIVOLT__PRIVILEGE__PRIVILEGE_LOGIN;

    body.instance_id = (char *)(uintptr_t) "demo";
    body.user_name = (char *)(uintptr_t)name;
    body.password = (char *)(uintptr_t)password;
    body.privileges = &login;
    body.n_privileges = 1;
    return ask(t->cli_bus, "archivolt.Instance.CreateUser", &body.base, (av_span){ 0 }, NULL, err);
}

typedef struct login_outcome {
    bool done;
    uint8_t session[32];
    av_error err;
} login_outcome;

static void
on_login(void *ctx, av_span session, int64_t expires, const av_error *err)
{
    login_outcome *o = ctx;

    (void)expires;
    o->done = true;
    o->err = err == NULL ? (av_error){ 0 } : *err;
    if (err == NULL && session.n == 32)
        memcpy(o->session, session.p, 32);
}

static av_errc
login(town *t, const char *user, const char *password, login_outcome *o)
{
    memset(o, 0, sizeof *o);
    av_login_user(t->gateway_bus, "demo", user, password, "imap 192.0.2.1", on_login, o);
    AV_CHECK(house_until(&t->house, &o->done, 20000));
    return o->err.code;
}

/* ---- the worker ---- */

typedef struct worker {
    av_bus *bus;
    av_buf stream;
    size_t at;
    uint64_t acked;
    bool ended, end_it;
    outcome out;
    av_call *call;
} worker;

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
push(worker *w, av_stream *stream)
{
    size_t n;

    while (w->at < w->stream.n && (n = AV_MIN(av_stream_room(stream), w->stream.n - w->at)) > 0) {
        av_stream_write(stream, av_span_of(w->stream.p + w->at, n));
        w->at += n;
    }
    if (w->at == w->stream.n && w->end_it && !w->ended) {
        w->ended = true;
        av_stream_end(stream);
    }
}

static void
on_room(void *ctx, av_stream *stream)
{
    push(AV_CONTAINER(ctx, worker, out), stream);
}

static void
on_item(void *ctx, av_stream *stream, uint64_t item)
{
    worker *w = AV_CONTAINER(ctx, worker, out);

    (void)stream;
    AV_CHECK(item > w->acked);
    w->acked = item;
}

static void
begin_worker(town *t, worker *w)
{
    Archivolt__SignedEntry *entry;
    char name[100], hex[33];
    av_keypair keys;
    client management;
    av_error err;

    memset(w, 0, sizeof *w);
    av_hex_encode(av_span_of(t->run, 16), hex);
    (void)snprintf(name, sizeof name, "worker/" RIG_NODE "/%s", hex);
    av_keypair_generate(name, &keys);
    client_join(&t->house.rig, &t->management, &management);
    entry = rig_entry(&t->house.rig, &keys, ++t->house.rig.serial, false, RIG_NODE, NULL);
    AV_CHECK_INT(client_update(&management, entry, NULL, &err), AV_OK);
    client_close(&management);
    w->bus = house_bus(&t->house, &keys);
    av_buf_init(&w->stream, 64 << 20);
}

static uint64_t
begin_run(town *t, worker *w)
{
    Archivolt__BeginRunRequest body = ARCHIVOLT__BEGIN_RUN_REQUEST__INIT;
    Archivolt__RunSpec *spec = NULL;
    uint64_t last = 0;
    av_error err;

    body.run.data = t->run;
    body.run.len = 16;
    AV_CHECK_RC(ask(w->bus, "archivolt.Intake.BeginRun", &body.base, (av_span){ 0 }, &spec, &err), AV_OK, &err);
    if (spec == NULL)
        return 0;
    AV_CHECK_STR(spec->archive, "alice");
    last = spec->last_item;
    archivolt__run_spec__free_unpacked(spec, NULL);
    return last;
}

static void
start_put(town *t, worker *w, uint64_t first)
{
    static const av_stream_events events = { .on_room = on_room, .on_item = on_item };
    Archivolt__IntakeRequest body = ARCHIVOLT__INTAKE_REQUEST__INIT;
    av_call_spec spec = { .to = INSTANCE,
        .method = "archivolt.Intake.Put",
        .body = &body.base,
        .timeout_ms = 3000,
        .done = outcome_done,
        .upstream = &events,
        .ctx = &w->out };

    body.run.data = t->run;
    body.run.len = 16;
    body.first_item = first;
    outcome_release(&w->out);
    w->call = av_bus_call(w->bus, &spec);
    push(w, av_call_upstream(w->call));
}

static void
end_worker(worker *w)
{
    outcome_release(&w->out);
    av_buf_release(&w->stream);
    av_bus_destroy(&w->bus);
}

static void
start_import(town *t, char id[33])
{
    Archivolt__ImportFilesRequest body = ARCHIVOLT__IMPORT_FILES_REQUEST__INIT;
    Archivolt__Operation *op = NULL;
    char *path = (char *)(uintptr_t) "/mail";
    unsigned before = t->started;
    int64_t until = av_clock_mono_ms() + 10000;
    av_error err;

    body.instance_id = (char *)(uintptr_t) "demo";
    body.archive = (char *)(uintptr_t) "alice";
    body.paths = &path;
    body.n_paths = 1;
    AV_CHECK_RC(ask(t->cli_bus, "archivolt.Instance.ImportFiles", &body.base, (av_span){ 0 }, &op, &err), AV_OK, &err);
    if (op == NULL)
        exit(1);
    (void)snprintf(id, 33, "%s", op->id);
    archivolt__operation__free_unpacked(op, NULL);
    while (t->started == before && av_clock_mono_ms() < until)
        av_loop_turn(t->house.loop, 20);
    AV_CHECK_INT(t->started, before + 1);
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
        AV_CHECK_INT(box->n_uids, 1);
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
