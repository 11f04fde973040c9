/*
 * test_end_to_end.c - the real programs together: broker, management, host, instances; killed and started again
 *
 * The node is made by `archivolt init`. Workers are this program under another name (see worker_main): what they do is
 * told by the first digit of their run. Skipped when the programs have not been built.
 */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/bus/bus.h"
#include "actors/bus/login.h"
#include "actors/bus/node.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "proto/host.pb-c.h"
#include "proto/management.pb-c.h"
#include "tests/check.h"

#define PASSWORD "correct horse"
#define RUN_ENDS "a0000000000000000000000000000001" /* says ready and ends with 0 */
#define RUN_FAST "b0000000000000000000000000000002" /* crashes at its first start, ends at its second */
#define RUN_LONG "c0000000000000000000000000000003" /* goes on until it is stopped */
#define RUN_BAD  "d0000000000000000000000000000004" /* has failed for good: status 3 */

static char dir[] = "/tmp/av-e2e-XXXXXX";
static char programs[512]; /* build tree's bin/ */
static unsigned offset;
static av_loop *loop;

/* ---- the worker's side ---- */

static const char *
option(char **argv, const char *name)
{
    for (; argv[0] != NULL && argv[1] != NULL; argv++)
        if (strcmp(argv[0], name) == 0)
            return argv[1];
    return "";
}

static int
worker_main(char **argv)
{
    const char *run = strrchr(option(argv, "--name"), '/') + 1;
    char mark[600];
    bool again;

    (void)snprintf(mark, sizeof mark, "%s/run/%s", option(argv, "--data"), run);
    again = av_file_exists(mark);
    (void)close(open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    if (run[0] == 'b' && !again)
        return 1;
    if (write((int)strtol(option(argv, "--ready-fd"), NULL, 10), "ready\n", 6) != 6)
        return 9;
    while (run[0] == 'c')
        (void)pause();
    return run[0] == 'd' ? 3 : 0;
}

/* ---- the actors ---- */

struct actor {
    const char *program;
    pid_t pid;
};

static struct actor broker = { "archivolt-broker", 0 }, management = { "archivolt-management", 0 },
                    host = { "archivolt-host", 0 };

static pid_t
spawn(const char *program, char *const argv[], const char *log)
{
    char path[600], log_path[600];
    pid_t pid;
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", programs, program);
    (void)snprintf(log_path, sizeof log_path, "%s/%s", dir, log);
    fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid = fork();
    if (pid == 0) {
        (void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
        (void)dup2(fd, 1);
        (void)dup2(fd, 2);
        (void)execv(path, argv);
        _exit(127);
    }
    (void)close(fd);
    return pid;
}

/* Start it and wait until it says that it is ready. */
static void
start(struct actor *a)
{
    char fd_text[16], programs_dir[640], word[8];
    char *argv[] = { (char *)(uintptr_t)a->program, "--data", dir, "--ready-fd", fd_text, NULL, NULL, NULL };
    int fds[2];

    (void)snprintf(programs_dir, sizeof programs_dir, "programs_dir=%s/programs", dir);
    if (a == &host) {
        argv[5] = "--set";
        argv[6] = programs_dir;
    }
    AV_CHECK(pipe(fds) == 0);
    (void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    (void)snprintf(fd_text, sizeof fd_text, "%d", fds[1]);
    a->pid = spawn(a->program, argv, "actors.log");
    (void)close(fds[1]);
    AV_CHECK(read(fds[0], word, sizeof word) > 0);
    (void)close(fds[0]);
}

static void
end(struct actor *a, int signal_number)
{
    int status = 0;

    if (a->pid <= 0)
        return;
    (void)kill(a->pid, signal_number);
    AV_CHECK(waitpid(a->pid, &status, 0) == a->pid);
    if (signal_number == SIGTERM)
        AV_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    a->pid = 0;
}

static av_bus *
connect_file(const char *path)
{
    av_keypair keys;
    av_node node;
    av_bus *bus = NULL;
    av_bus_config config = { .loop = loop };
    AV_CLEANUP(av_free) char *endpoint = NULL;
    av_error err;

    AV_CHECK_RC(av_node_load(dir, &node, &err), AV_OK, &err);
    AV_CHECK_RC(av_keypair_load(path, &keys, &err), AV_OK, &err);
    endpoint = av_node_bus_endpoint(&node, keys.name);
    config.endpoint = endpoint;
    config.node = node.node;
    config.keys = &keys;
    memcpy(config.broker_key, node.broker_key, sizeof config.broker_key);
    memcpy(config.registry_key, node.registry_key, sizeof config.registry_key);
    AV_CHECK_RC(av_bus_open(&config, &bus, &err), AV_OK, &err);
    av_keypair_wipe(&keys);
    av_node_release(&node);
    return bus;
}

static av_bus *
connect_as(const char *key_file)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/keys/%s", dir, key_file);
    av_bus *bus = connect_file(path);
    av_error err;

    AV_CHECK_RC(av_bus_wait_ready(bus, 10000, &err), AV_OK, &err);
    return bus;
}

/* One call; ret is the caller's. */
static av_errc
call(av_bus *bus, const char *to, const char *method, const ProtobufCMessage *body, ProtobufCMessage **ret,
    av_error *err)
{
    av_call_spec spec = { .to = to, .method = method, .body = body, .timeout_ms = 30000 };

    return av_bus_call_wait(bus, &spec, ret, err);
}

static void
release(void *message)
{
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, NULL);
}

static void
turn_for(int64_t ms)
{
    int64_t until = av_clock_mono_ms() + ms;

    while (av_clock_mono_ms() < until)
        av_loop_turn(loop, 20);
}

/* ---- asking management ---- */

static Archivolt__InstanceState
state_of(av_bus *bus, const char *id, uint32_t *ret_pid)
{
    Archivolt__InstanceFilterRequest body = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    Archivolt__InstanceState state = (Archivolt__InstanceState)0;
    av_error err;

    body.instance_filter = (char *)(uintptr_t)id;
    if (AV_CHECK(call(bus, "management", "archivolt.Management.GetInstances", &body.base, &reply, &err) == AV_OK)) {
        const Archivolt__GetInstancesReply *r = (const void *)reply;

        if (r->n_instances == 1) {
            state = r->instances[0]->status;
            *ret_pid = r->instances[0]->process_id;
        }
    }
    release(reply);
    return state;
}

static bool
wait_state(av_bus *bus, const char *id, Archivolt__InstanceState want, uint32_t *ret_pid)
{
    for (int i = 0; i < 100; i++) {
        if (state_of(bus, id, ret_pid) == want)
            return true;
        turn_for(100);
    }
    return false;
}

static av_errc
create_in(av_bus *bus, const char *id, char *base_dir, const uint8_t key[16], av_error *err)
{
    Archivolt__InstanceConfig config = ARCHIVOLT__INSTANCE_CONFIG__INIT;
    Archivolt__CreateInstanceRequest body = ARCHIVOLT__CREATE_INSTANCE_REQUEST__INIT;
    av_call_spec spec = { .to = "management",
        .method = "archivolt.Management.CreateInstance",
        .body = &body.base,
        .timeout_ms = 30000,
        .idempotency_key = key };

    config.instance_id = (char *)(uintptr_t)id;
    config.base_directory = base_dir;
    body.config = &config;
    return av_bus_call_wait(bus, &spec, NULL, err);
}

static av_errc
create(av_bus *bus, const char *id, const uint8_t key[16], av_error *err)
{
    return create_in(bus, id, NULL, key, err);
}

/* A long operation to its end. */
static Archivolt__OperationState
operate(av_bus *bus, const char *method, const char *filter, char ret_id[33])
{
    Archivolt__InstanceFilterRequest body = ARCHIVOLT__INSTANCE_FILTER_REQUEST__INIT;
    Archivolt__DeleteInstancesRequest delete_body = ARCHIVOLT__DELETE_INSTANCES_REQUEST__INIT;
    Archivolt__OperationWaitRequest wait = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
    Archivolt__OperationState state = ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING;
    bool deletes = strstr(method, "Delete") != NULL;
    ProtobufCMessage *reply = NULL;
    av_error err;

    body.instance_filter = delete_body.instance_filter = (char *)(uintptr_t)filter;
    if (!AV_CHECK(call(bus, "management", method, deletes ? &delete_body.base : &body.base, &reply, &err) == AV_OK)) {
        printf("    %s\n", err.msg);
        return (Archivolt__OperationState)0;
    }
    (void)snprintf(ret_id, 33, "%s", ((Archivolt__Operation *)(void *)reply)->id);
    for (int i = 0; i < 50 && state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING; i++) {
        Archivolt__Operation *op = (void *)reply;

        wait.id = ret_id;
        wait.has_known_version = wait.has_timeout_ms = true;
        wait.known_version = op->version;
        wait.timeout_ms = 2000;
        release(reply);
        reply = NULL;
        if (!AV_CHECK(call(bus, "management", "archivolt.Operations.Wait", &wait.base, &reply, &err) == AV_OK))
            break;
        op = (void *)reply;
        state = op->state;
        if (state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_FAILED)
            printf("    %s: %s\n", method, op->error_message);
    }
    release(reply);
    return state;
}

#define RUNNING   ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING
#define ASLEEP    ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_ASLEEP
#define STOPPED   ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_STOPPED
#define SUCCEEDED ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED

static void
test_create_and_repeat(av_bus *bus)
{
    uint8_t key[16] = "0123456789abcde";
    uint32_t pid = 0;
    av_error err;

    AV_CHECK_RC(create(bus, "demo", key, &err), AV_OK, &err);
    AV_CHECK_INT(state_of(bus, "demo", &pid), RUNNING);
    AV_CHECK(pid > 0 && kill((pid_t)pid, 0) == 0);
    AV_CHECK_RC(create(bus, "demo", key, &err), AV_OK, &err);           /* the same request: the same answer */
    AV_CHECK_RC(create(bus, "else", key, &err), AV_ERR_CONFLICT, &err); /* the same key, another request */
    AV_CHECK_RC(create(bus, "Demo", NULL, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(create(bus, "no good", NULL, &err), AV_ERR_INVALID, &err);
}

static void
on_pinged(void *ctx, av_call *c AV_UNUSED, const ProtobufCMessage *reply AV_UNUSED, const av_error *err)
{
    *(int *)ctx += err == NULL ? 1 : 1000;
}

static void
test_sleep_and_wake(av_bus *bus)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    char id[33];
    uint32_t pid = 0;
    int answers = 0;
    int64_t begin;
    av_error err;

    AV_CHECK_INT(operate(bus, "archivolt.Management.SleepInstances", "demo", id), SUCCEEDED);
    AV_CHECK_INT(state_of(bus, "demo", &pid), ASLEEP);
    begin = av_clock_mono_ms();
    for (int i = 0; i < 5; i++) { /* five callers share one start */
        av_call_spec spec = { .to = "instance/demo",
            .method = "archivolt.Actor.Ping",
            .body = &body.base,
            .done = on_pinged,
            .ctx = &answers };

        (void)av_bus_call(bus, &spec);
    }
    while (answers < 5 && av_clock_mono_ms() - begin < 20000)
        av_loop_turn(loop, 100);
    AV_CHECK_INT(answers, 5);
    printf("    woken and answered after %lld ms\n", (long long)(av_clock_mono_ms() - begin));
    AV_CHECK_INT(state_of(bus, "demo", &pid), RUNNING);

    AV_CHECK_INT(operate(bus, "archivolt.Management.StopInstances", "*n1 .running", id), SUCCEEDED);
    AV_CHECK_INT(state_of(bus, "demo", &pid), STOPPED);
    AV_CHECK_RC(call(bus, "instance/demo", "archivolt.Actor.Ping", &body.base, NULL, &err), AV_ERR_UNAVAILABLE, &err);
    AV_CHECK(strstr(err.msg, "stopped") != NULL);
    AV_CHECK_INT(operate(bus, "archivolt.Management.StartInstances", "demo", id), SUCCEEDED);
    AV_CHECK_INT(operate(bus, "archivolt.Management.RestartInstances", "demo", id), SUCCEEDED);
    AV_CHECK_INT(state_of(bus, "demo", &pid), RUNNING);
}

static void
test_host_is_killed(av_bus *bus)
{
    uint32_t before = 0, after = 0;

    AV_CHECK_INT(state_of(bus, "demo", &before), RUNNING);
    end(&host, SIGKILL);
    AV_CHECK(kill((pid_t)before, 0) == 0); /* the instance does not mind */
    AV_CHECK_INT(state_of(bus, "demo", &after), ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_UNREACHABLE);
    start(&host);
    AV_CHECK_INT(state_of(bus, "demo", &after), RUNNING);
    AV_CHECK_INT(after, before);
    (void)kill((pid_t)before, SIGKILL);
    turn_for(100);
    AV_CHECK(wait_state(bus, "demo", RUNNING, &after));
    AV_CHECK(after != before);
}

static void
test_management_is_killed(av_bus *bus)
{
    Archivolt__OperationWaitRequest wait = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
    char id[33], name[16];
    uint32_t pid = 0;
    av_error err;

    AV_CHECK_INT(operate(bus, "archivolt.Management.StartInstances", "demo", id), SUCCEEDED);
    end(&management, SIGKILL);
    start(&management);
    wait.id = id; /* kept across the restart */
    AV_CHECK_RC(call(bus, "management", "archivolt.Operations.Wait", &wait.base, NULL, &err), AV_OK, &err);

    /* Killed in the middle of creating: the caller's repetition or the next start finishes it. */
    for (int i = 0; i < 4; i++) {
        Archivolt__InstanceConfig config = ARCHIVOLT__INSTANCE_CONFIG__INIT;
        Archivolt__CreateInstanceRequest body = ARCHIVOLT__CREATE_INSTANCE_REQUEST__INIT;
        int answers = 0;
        av_call_spec spec = { .to = "management",
            .method = "archivolt.Management.CreateInstance",
            .body = &body.base,
            .timeout_ms = 30000,
            .done = on_pinged,
            .ctx = &answers };
        int64_t begin = av_clock_mono_ms();

        (void)snprintf(name, sizeof name, "k%d", i);
        config.instance_id = name;
        body.config = &config;
        (void)av_bus_call(bus, &spec);
        turn_for(5 + 60 * i);
        end(&management, SIGKILL);
        start(&management);
        while (answers == 0 && av_clock_mono_ms() - begin < 40000)
            av_loop_turn(loop, 100);
        AV_CHECK_INT(answers, 1);
        AV_CHECK(wait_state(bus, name, RUNNING, &pid));
    }
    AV_CHECK_INT(operate(bus, "archivolt.Management.DeleteInstances", "k0 k1 k2 k3", id), SUCCEEDED);
}

static void
test_delete(av_bus *bus)
{
    AV_CLEANUP(av_free) char *folder = av_xasprintf("%s/instances/gone", dir);
    char id[33];
    uint32_t pid = 0;
    av_error err;

    AV_CHECK_RC(create(bus, "gone", NULL, &err), AV_OK, &err);
    AV_CHECK(av_file_exists(folder));
    AV_CHECK_INT(operate(bus, "archivolt.Management.DeleteInstances", "GONE", id), SUCCEEDED);
    AV_CHECK(!av_file_exists(folder));
    AV_CHECK_INT(state_of(bus, "gone", &pid), 0);
    AV_CHECK_RC(create(bus, "gone", NULL, &err), AV_ERR_EXISTS, &err);
    {
        Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;

        AV_CHECK_RC(call(bus, "instance/gone", "archivolt.Actor.Ping", &body.base, NULL, &err), AV_ERR_NO_ACTOR, &err);
    }
}

static void
write_file(const char *folder, const char *name, const char *text)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", folder, name);
    av_error err;

    AV_CHECK_RC(av_dir_make(folder, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_replace(path, av_span_str(text), 0600, &err), AV_OK, &err);
}

/* A base directory is deleted whole with its instance: none may lie in another, or near what the node needs. */
static void
test_base_dirs_lie_apart(av_bus *bus)
{
    static const char *const bad[] = { "instances/outer", "instances/outer/stores/b", "instances", "keys", "keys/b",
        "run/b", "link/stores/b" };
    AV_CLEANUP(av_free) char *outer = av_xasprintf("%s/instances/outer", dir);
    AV_CLEANUP(av_free) char *link_path = av_xasprintf("%s/link", dir);
    AV_CLEANUP(av_free) char *strange = av_xasprintf("%s/stores/deep/down", outer);
    AV_CLEANUP(av_free) char *mail = av_xasprintf("%s/mail", strange);
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/archivolt-instance", strange);
    char id[33], name[16];
    uint32_t pid = 0;
    av_error err;

    AV_CHECK_RC(create(bus, "outer", NULL, &err), AV_OK, &err);
    AV_CHECK(symlink(outer, link_path) == 0);
    for (size_t i = 0; i < AV_COUNT(bad); i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, bad[i]);

        av_check_row = (long)i;
        (void)snprintf(name, sizeof name, "inner%zu", i);
        AV_CHECK_RC(create_in(bus, name, path, NULL, &err), AV_ERR_INVALID, &err);
        AV_CHECK(strstr(err.msg, "choose another base directory") != NULL);
    }
    AV_CHECK_RC(create_in(bus, "above", dir, NULL, &err), AV_ERR_INVALID, &err);

    /* However it came there: another's folder is not deleted, and neither is what lies around it. */
    write_file(strange, "mail", "kept");
    write_file(strange, "archivolt-instance", "someone\n");
    AV_CHECK_INT(operate(bus, "archivolt.Management.DeleteInstances", "outer", id),
        ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_FAILED);
    AV_CHECK(av_file_exists(mail));
    AV_CHECK_INT(operate(bus, "archivolt.Management.StartInstances", "outer", id), SUCCEEDED);
    AV_CHECK_INT(state_of(bus, "outer", &pid), RUNNING);
    AV_CHECK(unlink(mark) == 0);
    AV_CHECK_INT(operate(bus, "archivolt.Management.DeleteInstances", "outer", id), SUCCEEDED);
    AV_CHECK(!av_file_exists(outer));
}

#define HALF_FILES 20000

/* Both are killed while the files go: it is never an archive again, and the deletion comes to its end. */
static void
test_deletion_is_interrupted(av_bus *bus)
{
    AV_CLEANUP(av_free) char *base = av_xasprintf("%s/instances/half", dir);
    AV_CLEANUP(av_free) char *aside = av_xasprintf("%s.deleting-half", base);
    AV_CLEANUP(av_free) char *junk = av_xasprintf("%s/junk", base);
    AV_CLEANUP(av_free) char *mark = av_xasprintf("%s/archivolt-instance", aside);
    Archivolt__DeleteInstancesRequest body = ARCHIVOLT__DELETE_INSTANCES_REQUEST__INIT;
    Archivolt__InstanceIdRequest wake = ARCHIVOLT__INSTANCE_ID_REQUEST__INIT;
    uint32_t pid = 0;
    int64_t begin;
    av_error err;

    AV_CHECK_RC(create(bus, "half", NULL, &err), AV_OK, &err);
    AV_CHECK_RC(av_dir_make(junk, &err), AV_OK, &err);
    for (int i = 0; i < HALF_FILES; i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%d", junk, i);

        (void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    body.instance_filter = wake.instance_id = (char *)(uintptr_t) "half";
    AV_CHECK_RC(call(bus, "management", "archivolt.Management.DeleteInstances", &body.base, NULL, &err), AV_OK, &err);
    begin = av_clock_mono_ms();
    while (!av_file_exists(aside) && av_clock_mono_ms() - begin < 30000)
        (void)usleep(500);
    end(&host, SIGKILL);
    end(&management, SIGKILL);
    AV_CHECK(av_file_exists(mark) && !av_file_exists(base));

    start(&host); /* alone: nobody goes on with it yet */
    turn_for(500);
    AV_CHECK_RC(call(bus, "host/n1", "archivolt.Host.Wake", &wake.base, NULL, &err), AV_ERR_UNAVAILABLE, &err);
    AV_CHECK(strstr(err.msg, "can only be deleted again") != NULL);
    AV_CHECK(av_file_exists(mark) && !av_file_exists(base));
    start(&management);
    for (int i = 0; i < 450 && state_of(bus, "half", &pid) != 0; i++)
        turn_for(100);
    AV_CHECK_INT(state_of(bus, "half", &pid), 0);
    AV_CHECK(!av_file_exists(aside) && !av_file_exists(base));
}

/* ---- administrators ---- */

struct logged_in {
    bool done;
    av_errc code;
    char msg[320];
    uint8_t ticket[512];
    size_t ticket_n;
};

static void
on_login(void *ctx, av_span session, int64_t expires_unix_ms AV_UNUSED, const av_error *err)
{
    struct logged_in *l = ctx;

    l->done = true;
    l->code = err == NULL ? AV_OK : err->code;
    (void)snprintf(l->msg, sizeof l->msg, "%s", err == NULL ? "" : err->msg);
    if (err == NULL && session.n <= sizeof l->ticket) {
        memcpy(l->ticket, session.p, session.n);
        l->ticket_n = session.n;
    }
}

static struct logged_in
login(av_bus *gateway, const char *user, const char *password, const char *address)
{
    struct logged_in l = { 0 };

    av_login_admin(gateway, user, password, address, on_login, &l);
    for (int64_t begin = av_clock_mono_ms(); !l.done && av_clock_mono_ms() - begin < 20000;)
        av_loop_turn(loop, 100);
    AV_CHECK(l.done);
    return l;
}

static void
test_login(void)
{
    av_bus *gateway = connect_as("gateway@n1.key");
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = {
        .to = "management", .method = "archivolt.Management.GetEnvironmentInfo", .body = &body.base, .timeout_ms = 10000
    };
    struct logged_in right = login(gateway, "Admin", PASSWORD, "192.0.2.1"), wrong, unknown;
    ProtobufCMessage *reply = NULL;
    int64_t begin;
    av_error err;

    AV_CHECK_INT(right.code, AV_OK);
    spec.session = av_span_of(right.ticket, right.ticket_n);
    AV_CHECK_RC(av_bus_call_wait(gateway, &spec, &reply, &err), AV_OK, &err);
    if (reply != NULL)
        AV_CHECK_STR(((Archivolt__EnvironmentInfo *)(void *)reply)->user_name, "admin");
    release(reply);
    spec.session = av_span_of(NULL, 0);
    AV_CHECK_RC(av_bus_call_wait(gateway, &spec, NULL, &err), AV_ERR_AUTH, &err);

    wrong = login(gateway, "admin", "wrong password", "192.0.2.2");
    unknown = login(gateway, "nobody", "wrong password", "192.0.2.3");
    AV_CHECK_INT(wrong.code, AV_ERR_AUTH);
    AV_CHECK_INT(unknown.code, AV_ERR_AUTH);
    AV_CHECK_STR(wrong.msg, unknown.msg);
    for (int i = 0; i < 5 && wrong.code == AV_ERR_AUTH; i++)
        wrong = login(gateway, "admin", "wrong password", "192.0.2.2");
    AV_CHECK_INT(wrong.code, AV_ERR_LIMIT);
    begin = av_clock_mono_us();
    right = login(gateway, "admin", PASSWORD, "192.0.2.1"); /* remembered: a stranger does not shut it out */
    AV_CHECK_INT(right.code, AV_OK);
    printf("    remembered login: %lld us\n", (long long)(av_clock_mono_us() - begin));
    AV_CHECK_INT(login(gateway, "admin", "wrong password", "192.0.2.1").code, AV_ERR_LIMIT);
    av_bus_destroy(&gateway);
}

static void
test_administrators(av_bus *bus)
{
    Archivolt__SystemAdministrator config = ARCHIVOLT__SYSTEM_ADMINISTRATOR__INIT;
    Archivolt__CreateSystemAdministratorRequest make = ARCHIVOLT__CREATE_SYSTEM_ADMINISTRATOR_REQUEST__INIT;
    Archivolt__SystemAdministratorRequest drop = ARCHIVOLT__SYSTEM_ADMINISTRATOR_REQUEST__INIT;
    av_bus *gateway = connect_as("gateway@n1.key");
    av_error err;

    config.user_name = (char *)(uintptr_t) "Eve";
    make.config = &config;
    make.password = (char *)(uintptr_t) "short";
    drop.user_name = (char *)(uintptr_t) "eve";
    AV_CHECK_RC(call(bus, "management", "archivolt.Management.CreateSystemAdministrator", &make.base, NULL, &err),
        AV_ERR_INVALID, &err);
    make.password = (char *)(uintptr_t) "long enough";
    AV_CHECK_RC(
        call(bus, "management", "archivolt.Management.CreateSystemAdministrator", &make.base, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(login(gateway, "EVE", "long enough", "192.0.2.9").code, AV_OK);
    AV_CHECK_RC(
        call(bus, "management", "archivolt.Management.DeleteSystemAdministrator", &drop.base, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(login(gateway, "EVE", "long enough", "192.0.2.9").code, AV_ERR_AUTH); /* not remembered any more */
    drop.user_name = (char *)(uintptr_t) "admin";
    AV_CHECK_RC(call(bus, "management", "archivolt.Management.DeleteSystemAdministrator", &drop.base, NULL, &err),
        AV_ERR_INVALID, &err);
    av_bus_destroy(&gateway);
}

/* ---- actors and workers ---- */

static void
test_register(av_bus *bus)
{
    Archivolt__RegisterActorRequest body = ARCHIVOLT__REGISTER_ACTOR_REQUEST__INIT;
    Archivolt__RevokeActorRequest revoke = ARCHIVOLT__REVOKE_ACTOR_REQUEST__INIT;
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/keys/cli_second.key", dir);
    av_keypair keys;
    av_bus *second;
    av_error err;

    av_keypair_generate("cli/second", &keys);
    AV_CHECK_RC(av_keypair_save(&keys, path, &err), AV_OK, &err);
    body.public_key = (ProtobufCBinaryData){ AV_KEY_SIZE, keys.public_key };
    body.name = (char *)(uintptr_t) "instance/demo";
    AV_CHECK_RC(
        call(bus, "management", "archivolt.Management.RegisterActor", &body.base, NULL, &err), AV_ERR_DENIED, &err);
    body.name = (char *)(uintptr_t) "cli/second";
    AV_CHECK_RC(call(bus, "management", "archivolt.Management.RegisterActor", &body.base, NULL, &err), AV_OK, &err);
    second = connect_as("cli_second.key");
    revoke.name = body.name;
    AV_CHECK_RC(call(bus, "management", "archivolt.Management.RevokeActor", &revoke.base, NULL, &err), AV_OK, &err);
    av_bus_destroy(&second);
    second = connect_file(path);
    AV_CHECK(av_bus_wait_ready(second, 1500, &err) != AV_OK);
    av_bus_destroy(&second);
    av_keypair_wipe(&keys);
}

static av_errc
ask_worker(av_bus *instance, const char *method, const char *id, const char *run_hex, av_error *err)
{
    Archivolt__StartWorkerRequest body = ARCHIVOLT__START_WORKER_REQUEST__INIT;
    uint8_t run[16];

    AV_CHECK(av_hex_decode(av_span_str(run_hex), run, sizeof run));
    body.instance_id = (char *)(uintptr_t)id;
    body.run = (ProtobufCBinaryData){ sizeof run, run };
    return call(instance, "host/n1", method, &body.base, NULL, err);
}

static bool
worker_key_exists(const char *run)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/host/workers/%s.key", dir, run);

    return av_file_exists(path);
}

static bool
wait_forgotten(const char *run)
{
    for (int i = 0; i < 100 && worker_key_exists(run); i++)
        turn_for(50);
    return !worker_key_exists(run);
}

static pid_t
worker_pid(const char *run)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/host/workers/%s.lock", dir, run);
    FILE *f = fopen(path, "re");
    int pid = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%d", &pid) != 1)
        pid = 0;
    (void)fclose(f);
    return pid;
}

static void
test_workers(av_bus *bus)
{
    static const char start_method[] = "archivolt.Host.StartWorker", stop_method[] = "archivolt.Host.StopWorker";
    AV_CLEANUP(av_free) char *key = av_xasprintf("%s/host/keys/instance_demo.key", dir);
    av_bus *instance;
    char id[33];
    pid_t pid;
    av_error err;

    AV_CHECK_INT(operate(bus, "archivolt.Management.StopInstances", "demo", id), SUCCEEDED);
    instance = connect_file(key); /* the test speaks as the instance */
    AV_CHECK_RC(av_bus_wait_ready(instance, 10000, &err), AV_OK, &err);
    AV_CHECK_RC(ask_worker(instance, start_method, "other", RUN_ENDS, &err), AV_ERR_DENIED, &err);
    AV_CHECK_RC(ask_worker(instance, start_method, "demo", RUN_ENDS, &err), AV_OK, &err);
    AV_CHECK(wait_forgotten(RUN_ENDS)); /* ended with 0: key revoked and gone */
    AV_CHECK_RC(ask_worker(instance, start_method, "demo", RUN_BAD, &err), AV_OK, &err);
    AV_CHECK(wait_forgotten(RUN_BAD));
    AV_CHECK_RC(ask_worker(instance, start_method, "demo", RUN_FAST, &err), AV_OK, &err);
    AV_CHECK(wait_forgotten(RUN_FAST)); /* crashed, came back, ended */

    AV_CHECK_RC(ask_worker(instance, start_method, "demo", RUN_LONG, &err), AV_OK, &err);
    AV_CHECK_RC(ask_worker(instance, start_method, "demo", RUN_LONG, &err), AV_OK, &err); /* again: nothing */
    turn_for(300);
    pid = worker_pid(RUN_LONG);
    AV_CHECK(pid > 0 && kill(pid, 0) == 0);
    end(&host, SIGKILL);
    start(&host);
    AV_CHECK_INT(worker_pid(RUN_LONG), pid); /* no second one beside it */
    (void)kill(pid, SIGKILL);
    for (int i = 0; i < 100 && (worker_pid(RUN_LONG) == pid || worker_pid(RUN_LONG) == 0); i++)
        turn_for(50);
    AV_CHECK(worker_pid(RUN_LONG) > 0 && worker_pid(RUN_LONG) != pid);
    AV_CHECK_RC(ask_worker(instance, stop_method, "demo", RUN_LONG, &err), AV_OK, &err);
    AV_CHECK(!worker_key_exists(RUN_LONG));
    AV_CHECK_RC(ask_worker(instance, stop_method, "demo", RUN_LONG, &err), AV_OK, &err);
    av_bus_destroy(&instance);
    AV_CHECK_INT(operate(bus, "archivolt.Management.StartInstances", "demo", id), SUCCEEDED);
}

/* ---- the node ---- */

static void
link_program(const char *name, const char *target)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/programs/%s", dir, name);

    AV_CHECK(symlink(target, path) == 0);
}

static void
make_node(const char *own_path)
{
    AV_CLEANUP(av_free) char *programs_dir = av_xasprintf("%s/programs", dir);
    AV_CLEANUP(av_free) char *instance = av_xasprintf("%s/archivolt-instance", programs);
    char offset_text[16];
    char *argv[] = { "archivolt", "--data", dir, "init", "--port-offset", offset_text, NULL };
    int status = -1;
    pid_t pid;
    av_error err;

    (void)snprintf(offset_text, sizeof offset_text, "%u", offset);
    AV_CHECK(setenv("ARCHIVOLT_NEW_PASSWORD", PASSWORD, 1) == 0);
    pid = spawn("archivolt", argv, "init.log");
    AV_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    AV_CHECK_RC(av_dir_make(programs_dir, &err), AV_OK, &err);
    link_program("archivolt-instance", instance);
    link_program("archivolt-worker", own_path);
}

static void
need_programs(const char *own_path)
{
    static const char *const names[] = { "archivolt", "archivolt-broker", "archivolt-management", "archivolt-host",
        "archivolt-instance" };
    char *slash;

    (void)snprintf(programs, sizeof programs, "%s", own_path);
    slash = strstr(programs, "/tests/");
    if (slash == NULL)
        AV_SKIP("not in a build tree");
    (void)snprintf(slash, sizeof programs - (size_t)(slash - programs), "/bin");
    for (size_t i = 0; i < AV_COUNT(names); i++) {
        AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", programs, names[i]);

        if (access(path, X_OK) != 0)
            AV_SKIP("the programs have not been built");
    }
}

#define RUN_WITH(fn)                                                                                                   \
    do {                                                                                                               \
        printf("- %s\n", #fn);                                                                                         \
        (void)fflush(stdout);                                                                                          \
        fn(bus);                                                                                                       \
    } while (0)

int
main(int argc AV_UNUSED, char **argv)
{
    char own_path[512] = "";
    const char *name = strrchr(argv[0], '/');
    uint32_t pid = 0;
    av_bus *bus;
    av_error err;

    if (strcmp(name == NULL ? argv[0] : name + 1, "archivolt-worker") == 0)
        return worker_main(argv);
    if (readlink("/proc/self/exe", own_path, sizeof own_path - 1) <= 0)
        return 1;
    need_programs(own_path);
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_CHECK(mkdtemp(dir) != NULL);
    offset = 12000 + (unsigned)getpid() % 2000 * 20;
    make_node(own_path);
    AV_CHECK_RC(av_loop_new(&loop, &err), AV_OK, &err);
    start(&broker);
    start(&management);
    start(&host);
    bus = connect_as("cli_operator.key");
    RUN_WITH(test_create_and_repeat);
    RUN_WITH(test_sleep_and_wake);
    RUN_WITH(test_host_is_killed);
    RUN_WITH(test_management_is_killed);
    RUN_WITH(test_delete);
    RUN_WITH(test_base_dirs_lie_apart);
    RUN_WITH(test_deletion_is_interrupted);
    AV_RUN(test_login);
    RUN_WITH(test_administrators);
    RUN_WITH(test_register);
    RUN_WITH(test_workers);
    AV_CHECK_INT(state_of(bus, "demo", &pid), RUNNING);
    end(&host, SIGTERM);
    AV_CHECK(kill((pid_t)pid, 0) != 0); /* a host that stops in order takes its instances with it */
    end(&management, SIGTERM);
    av_bus_destroy(&bus);
    end(&broker, SIGTERM);
    av_loop_destroy(&loop);
    if (av_check_failed == 0)
        (void)av_dir_remove(dir, "/tmp", &err);
    else
        printf("left for you to see: %s\n", dir);
    return av_check_done();
}
