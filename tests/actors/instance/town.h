/*
 * town.h - a real archivolt-instance behind the real broker; the test is the host, the worker, the operator and a gateway
 *
 * Programs are found beside the test: ../bin.
 */
#ifndef AV_TESTS_INSTANCE_TOWN_H
#define AV_TESTS_INSTANCE_TOWN_H

#include "actors/bus/login.h"
#include "actors/bus/rows.h"
#include "proto/instance.pb-c.h"
#include "tests/actors/bus/house.h"

#define INSTANCE "instance/demo"

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

AV_UNUSED static int
pipe_with(const void *p, size_t n)
{
    int ends[2];

    if (pipe(ends) != 0 || write(ends[1], p, n) != (ssize_t)n)
        exit(1);
    (void)close(ends[1]);
    return ends[0];
}

AV_UNUSED static void
start_instance(town *t)
{
    char program[512], keys_path[300], key_fd[32], dir[220], sleep_arg[64], *slash;
    char recovery_arg[100];
    uint8_t instance_key[32];
    int ready[2], fd;
    char ready_fd[16], line[8];

    memset(instance_key, 9, sizeof instance_key);
    (void)snprintf(recovery_arg, sizeof recovery_arg, "recovery_public=%064d", 9);
    rig_program(program, sizeof program);
    slash = strrchr(program, '/');
    (void)snprintf(slash, 32, "/archivolt-instance");
    (void)snprintf(keys_path, sizeof keys_path, "%s/keys/instance_demo.key", t->house.rig.dir);
    (void)snprintf(dir, sizeof dir, "dir=%s", t->dir);
    (void)snprintf(sleep_arg, sizeof sleep_arg, "sleep_after_s=%s", t->sleep);
    fd = pipe_with(instance_key, sizeof instance_key);
    (void)snprintf(key_fd, sizeof key_fd, "instance_key_fd=%d", fd);
    if (pipe(ready) != 0)
        exit(1);
    (void)snprintf(ready_fd, sizeof ready_fd, "%d", ready[1]);
    t->pid = fork();
    if (t->pid == 0) {
        const char *argv[] = { program, "--data", t->house.rig.dir, "--name", INSTANCE, "--ready-fd", ready_fd, "--arg",
            dir, "--arg", key_fd, "--arg", recovery_arg, "--arg", sleep_arg, NULL };

        execv(program, (char **)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(fd);
    (void)close(ready[1]);
    AV_CHECK(read(ready[0], line, sizeof line) > 0);
    (void)close(ready[0]);
}

AV_UNUSED static int
wait_instance(town *t)
{
    int status = 0;

    (void)waitpid(t->pid, &status, 0);
    t->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* ---- calls ---- */

AV_UNUSED static av_errc
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

AV_UNUSED static void
on_bytes(void *ctx, av_stream *stream, av_span bytes)
{
    AV_CHECK(av_buf_append_span(&((collect *)ctx)->bytes, bytes));
    av_stream_consumed(stream, bytes.n);
}

AV_UNUSED static av_errc
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

AV_UNUSED static void
on_start_worker(void *self, av_request *request, const ProtobufCMessage *body)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;
    town *t = self;

    memcpy(t->run, ((const Archivolt__StartWorkerRequest *)body)->run.data, sizeof t->run);
    t->started++;
    av_request_reply(request, &reply.base);
}

AV_UNUSED static void
on_stop_worker(void *self, av_request *request, const ProtobufCMessage *body)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;

    (void)body;
    ((town *)self)->stopped++;
    av_request_reply(request, &reply.base);
}

AV_UNUSED static void
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

AV_UNUSED static void
town_release(town *t)
{
    av_bus_destroy(&t->host_bus);
    av_bus_destroy(&t->cli_bus);
    av_bus_destroy(&t->gateway_bus);
    house_release(&t->house);
}

/* ---- users ---- */

AV_UNUSED static av_errc
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

AV_UNUSED static void
on_login(void *ctx, av_span session, int64_t expires, const av_error *err)
{
    login_outcome *o = ctx;

    (void)expires;
    o->done = true;
    o->err = err == NULL ? (av_error){ 0 } : *err;
    if (err == NULL && session.n == 32)
        memcpy(o->session, session.p, 32);
}

AV_UNUSED static av_errc
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

AV_UNUSED static void
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

AV_UNUSED static void
on_room(void *ctx, av_stream *stream)
{
    push(AV_CONTAINER(ctx, worker, out), stream);
}

AV_UNUSED static void
on_item(void *ctx, av_stream *stream, uint64_t item)
{
    worker *w = AV_CONTAINER(ctx, worker, out);

    (void)stream;
    AV_CHECK(item > w->acked);
    w->acked = item;
}

AV_UNUSED static void
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

AV_UNUSED static uint64_t
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

AV_UNUSED static void
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

AV_UNUSED static void
end_worker(worker *w)
{
    outcome_release(&w->out);
    av_buf_release(&w->stream);
    av_bus_destroy(&w->bus);
}

AV_UNUSED static void
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

#endif
