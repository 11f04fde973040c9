/*
 * test_actor.c - av_actor_main as a process: ready, status, reload, child, orderly stop, exit codes; node.conf
 *
 * Started with --data the test program is the actor itself.
 */
#include "actors/bus/actor.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/actors/bus/house.h"

/* ---- the actor ---- */

typedef struct state {
    uint64_t number;
    unsigned reloads, children, started;
} state;

static const av_setting settings[] = {
    { "number", AV_SETTING_U64, offsetof(state, number), "7", 1, 100, "a number" },
    { .key = NULL },
};

static av_errc
on_start(void *self, av_actor *actor, av_error *err)
{
    state *s = self;

    s->started++;
    if (av_actor_arg(actor, "fail") != NULL)
        return av_error_set(err, AV_ERR_IO, "the database is gone");
    return AV_OK;
}

static void
on_ready(void *self, av_actor *actor)
{
    state *s = self;

    if (s->started == 1 && strcmp(av_actor_name(actor), "host/n1") == 0)
        av_actor_set_state(actor, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY, NULL);
}

static void
on_reload(void *self, av_actor *actor)
{
    (void)actor;
    ((state *)self)->reloads++;
}

static void
on_child(void *self, av_actor *actor)
{
    (void)actor;
    ((state *)self)->children++;
}

static void
on_stop(void *self, av_actor *actor)
{
    (void)self;
    av_actor_stopped(actor);
}

static void
on_status(void *self, Archivolt__Status *status, av_buf *scratch)
{
    static Archivolt__KeyValue row = ARCHIVOLT__KEY_VALUE__INIT, *rows[] = { &row };
    const state *s = self;

    av_buf_printf(scratch, "%u %u %u", (unsigned)s->number, s->reloads, s->children);
    row.key = (char *)(uintptr_t) "seen";
    row.value = (char *)(uintptr_t)av_buf_cstr(scratch);
    status->n_counters = 1;
    status->counters = rows;
}

static int
actor_main(int argc, char **argv)
{
    state s = { 0 };
    av_actor_config config = { .program = "archivolt-test",
        .help = "A program of the tests.",
        .name = "host/%s",
        .settings = settings,
        .settings_into = &s,
        .on_start = on_start,
        .on_ready = on_ready,
        .on_reload = on_reload,
        .on_child = on_child,
        .on_stop = on_stop,
        .on_status = on_status,
        .self = &s };

    return av_actor_main(&config, argc, argv);
}

/* ---- the tests ---- */

static house h;
static av_keypair k_host, k_cli;

static pid_t
spawn(char *const more[], int ready_fd, int key_fd)
{
    char *argv[16] = { (char *)(uintptr_t) "actor", (char *)(uintptr_t) "--data", h.rig.dir };
    char ready[16], key[16];
    int n = 3;
    pid_t pid;

    for (; *more != NULL; more++)
        argv[n++] = *more;
    if (ready_fd >= 0) {
        (void)snprintf(ready, sizeof ready, "%d", ready_fd);
        argv[n++] = (char *)(uintptr_t) "--ready-fd";
        argv[n++] = ready;
    }
    if (key_fd >= 0) {
        (void)snprintf(key, sizeof key, "%d", key_fd);
        argv[n++] = (char *)(uintptr_t) "--keys-fd";
        argv[n++] = key;
    }
    pid = fork();
    if (pid == 0) {
        (void)execv("/proc/self/exe", argv);
        _exit(127);
    }
    return pid;
}

static int
exit_status(pid_t pid)
{
    int status = 0;

    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Reads until the text came or the other end is closed. */
static bool
reads(int fd, const char *text)
{
    char line[64] = "";
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n = poll(&p, 1, 10000) > 0 ? read(fd, line, sizeof line - 1) : 0;

    return n > 0 && strncmp(line, text, strlen(text)) == 0;
}

static void
save_key(const av_keypair *key, const char *file)
{
    char path[300];
    av_error err;

    (void)snprintf(path, sizeof path, "%s/keys/%s.key", h.rig.dir, file);
    AV_CHECK_RC(av_keypair_save(key, path, &err), AV_OK, &err);
}

static void
check_status(av_bus *cli, const char *seen)
{
    Archivolt__Empty body = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = { .to = "host/n1", .method = "archivolt.Actor.GetStatus", .body = &body.base };
    ProtobufCMessage *reply = NULL;
    const Archivolt__Status *status;
    av_error err;

    AV_CHECK_RC(av_bus_call_wait(cli, &spec, &reply, &err), AV_OK, &err);
    if (reply == NULL)
        return;
    status = (const Archivolt__Status *)reply;
    AV_CHECK_STR(status->actor, "host/n1");
    AV_CHECK_STR(status->node, "n1");
    AV_CHECK_INT(status->state, ARCHIVOLT__ACTOR_STATE__ACTOR_STATE_READY);
    AV_CHECK(status->memory_bytes > 1000000);
    AV_CHECK_STR(status->n_counters == 1 ? status->counters[0]->value : NULL, seen);
    protobuf_c_message_free_unpacked(reply, NULL);
}

static void
test_life(void)
{
    char *const more[] = { (char *)(uintptr_t) "--set", (char *)(uintptr_t) "number=9", NULL };
    char notify_path[300];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ready[2];
    av_bus *cli = house_bus(&h, &k_cli);
    pid_t pid;

    (void)snprintf(notify_path, sizeof notify_path, "%s/n", h.rig.dir);
    memcpy(address.sun_path, notify_path, AV_MIN(strlen(notify_path), sizeof address.sun_path - 1));
    AV_CHECK(bind(notify, (const struct sockaddr *)&address, sizeof address) == 0);
    AV_CHECK(pipe(ready) == 0);
    (void)setenv("NOTIFY_SOCKET", notify_path, 1);
    pid = spawn(more, ready[1], -1);
    (void)unsetenv("NOTIFY_SOCKET");
    (void)close(ready[1]);
    AV_CHECK(reads(ready[0], "ready\n"));
    AV_CHECK(reads(notify, "READY=1"));
    check_status(cli, "9 0 0");
    (void)kill(pid, SIGHUP);
    (void)kill(pid, SIGCHLD);
    house_turn(&h, 200);
    check_status(cli, "9 1 1");
    (void)kill(pid, SIGTERM);
    AV_CHECK(reads(notify, "STOPPING=1"));
    AV_CHECK_INT(exit_status(pid), 0);
    (void)close(ready[0]);
    (void)close(notify);
    av_bus_destroy(&cli);
}

static void
test_key_by_descriptor(void)
{
    char *const none[] = { NULL };
    char text[400], public_z85[64], secret_z85[64];
    int key[2], ready[2], n;
    pid_t pid;

    (void)zmq_z85_encode(public_z85, k_host.public_key, AV_KEY_SIZE);
    (void)zmq_z85_encode(secret_z85, k_host.secret_key, AV_KEY_SIZE);
    n = snprintf(text, sizeof text, "name = host/n1\npublic = %s\nsecret = %s\n", public_z85, secret_z85);
    AV_CHECK(pipe(key) == 0 && pipe(ready) == 0);
    AV_CHECK(write(key[1], text, (size_t)n) == n);
    (void)close(key[1]);
    pid = spawn(none, ready[1], key[0]);
    (void)close(ready[1]);
    (void)close(key[0]);
    AV_CHECK(reads(ready[0], "ready\n"));
    (void)close(ready[0]);
    (void)kill(pid, SIGINT);
    AV_CHECK_INT(exit_status(pid), 0);
}

static const struct {
    const char *more[4];
    int want;
} ends[] = {
    { { "--nonsense" }, 2 },
    { { "--set" }, 2 },
    { { "--set", "number=101" }, 78 },
    { { "--set", "unknown=1" }, 78 },
    { { "--set", "log_level=loud" }, 78 },
    { { "--name", "host/other" }, 78 },
    { { "--name", "nobody" }, 78 },
    { { "--data", "/nonexistent" }, 78 },
    { { "--arg", "fail=1" }, 1 },
    { { "--version" }, 0 },
    { { "--help" }, 0 },
};

static void
test_exit_status(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC), out = dup(1), err_out = dup(2);

    for (size_t i = 0; i < AV_COUNT(ends); i++) {
        pid_t pid;

        av_check_row = (long)i;
        (void)fflush(stdout);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        pid = spawn((char *const *)(uintptr_t)ends[i].more, -1, -1);
        (void)dup2(out, 1);
        (void)dup2(err_out, 2);
        AV_CHECK_INT(exit_status(pid), ends[i].want);
    }
    av_check_row = -1;
    (void)close(null);
    (void)close(out);
    (void)close(err_out);
}

static void
test_node(void)
{
    av_node node = { 0 };
    char *path, *endpoint;
    av_error err;

    AV_CHECK_RC(av_node_load(h.rig.dir, &node, &err), AV_OK, &err);
    AV_CHECK(node.paired);
    AV_CHECK_MEM(node.broker_key, AV_KEY_SIZE, h.rig.broker.public_key, AV_KEY_SIZE);
    AV_CHECK_MEM(node.registry_key, AV_SIGN_PUBLIC, h.rig.sign_public, AV_SIGN_PUBLIC);
    AV_CHECK_INT(av_node_port(&node, node.port_https), 443 + h.rig.offset);
    path = av_node_key_path(&node, "host/n1");
    AV_CHECK(strcmp(path + strlen(node.data_dir), "/keys/host_n1.key") == 0);
    free(path);
    node.port_offset = 0;
    for (int i = 0; i < 5; i++) {
        static const struct {
            const char *name, *want;
            bool management, host, access;
        } rows[] = {
            { "management", "tcp://127.0.0.1:8471", true, true, true },
            { "instance/demo", "tcp://127.0.0.1:8472", true, true, true },
            { "cli/op", "tcp://127.0.0.1:8473", true, true, true },
            { "cli/op", "tcp://127.0.0.1:8472", false, true, false },
            { "host/n1", "tcp://127.0.0.1:8473", false, false, true },
        };

        av_check_row = i;
        node.role_management = rows[i].management;
        node.role_host = rows[i].host;
        node.role_access = rows[i].access;
        endpoint = av_node_bus_endpoint(&node, rows[i].name);
        AV_CHECK_STR(endpoint, rows[i].want);
        free(endpoint);
    }
    av_check_row = -1;
    av_node_release(&node);
    rig_write(&h.rig, "node.conf", "node = N1\n", 10);
    AV_CHECK_RC(av_node_load(h.rig.dir, &node, &err), AV_ERR_INVALID, &err);
    rig_write(&h.rig, "node.conf", "node = n1\nnode = n1\n", 20);
    AV_CHECK_RC(av_node_load(h.rig.dir, &node, &err), AV_ERR_INVALID, &err);
    rig_conf(&h.rig);
    rig_write(&h.rig, "broker.pub", "not a key", 9);
    AV_CHECK_RC(av_node_load(h.rig.dir, &node, &err), AV_ERR_CORRUPT, &err);
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        return actor_main(argc, argv);
    house_init(&h);
    k_host = rig_actor(&h.rig, "host/n1");
    k_cli = rig_actor(&h.rig, "cli/op");
    save_key(&k_host, "host_n1");
    rig_start(&h.rig, true);
    AV_RUN(test_life);
    AV_RUN(test_key_by_descriptor);
    AV_RUN(test_exit_status);
    AV_RUN(test_node);
    house_release(&h);
    return av_check_done();
}
