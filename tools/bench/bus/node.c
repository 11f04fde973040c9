/*
 * node.c - see bench.h: the made-up node, sockets, children, figures
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "actors/bus/envelope.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/secret.h"
#include "tools/bench/bus/bench.h"

void
bench_fail(const char *what)
{
    (void)fprintf(stderr, "bench-bus: %s\n", what);
    exit(1);
}

static void
put_file(const bench_node *self, const char *file, av_span bytes)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", self->dir, file);
    av_error err;

    if (av_file_replace(path, bytes, 0600, &err) != AV_OK)
        bench_fail(err.msg);
}

static void
make_dir(const bench_node *self, const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", self->dir, name);
    av_error err;

    if (av_dir_make(path, &err) != AV_OK)
        bench_fail(err.msg);
}

static void
put_registry(const bench_node *self)
{
    const av_keypair *const keys[] = { &self->caller, &self->callee };
    Archivolt__RegistryFile file = ARCHIVOLT__REGISTRY_FILE__INIT;
    Archivolt__SignedEntry *entries[AV_COUNT(keys)];
    uint8_t bytes[4096];

    for (size_t i = 0; i < AV_COUNT(keys); i++) {
        Archivolt__RegistryEntry entry = ARCHIVOLT__REGISTRY_ENTRY__INIT;
        av_buf packed;

        entry.serial = i + 1;
        entry.name = (char *)(uintptr_t)keys[i]->name;
        entry.public_key.data = (uint8_t *)(uintptr_t)keys[i]->public_key;
        entry.public_key.len = AV_KEY_SIZE;
        entry.node = (char *)(uintptr_t)BENCH_NODE;
        av_buf_init(&packed, 4096);
        if (!av_registry_entry_sign(&entry, self->sign_secret, &packed))
            bench_fail("cannot sign");
        entries[i] = archivolt__signed_entry__unpack(NULL, packed.n, packed.p);
        av_buf_release(&packed);
    }
    file.n_entries = AV_COUNT(keys);
    file.entries = entries;
    put_file(self, "broker/registry.bin", av_span_of(bytes, archivolt__registry_file__pack(&file, bytes)));
    for (size_t i = 0; i < AV_COUNT(keys); i++)
        archivolt__signed_entry__free_unpacked(entries[i], NULL);
}

static bool
try_broker(bench_node *self, const char *program)
{
    char line[8];
    int fds[2];
    ssize_t n;

    if (pipe(fds) != 0)
        bench_fail("pipe");
    self->pid = fork();
    if (self->pid == 0) {
        char fd[16];

        (void)snprintf(fd, sizeof fd, "%d", fds[1]);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, program, "--data", self->dir, "--ready-fd", fd, (char *)NULL);
        _exit(127);
    }
    (void)close(fds[1]);
    n = read(fds[0], line, sizeof line);
    (void)close(fds[0]);
    if (n <= 0)
        (void)waitpid(self->pid, NULL, 0);
    return n > 0;
}

void
bench_node_start(const char *broker_program, bench_node *ret)
{
    AV_CLEANUP(av_free) char *key_path = NULL;
    char text[128];
    av_error err;

    *ret = (bench_node){ .dir = "/tmp/archivolt-bench.XXXXXX" };
    if (mkdtemp(ret->dir) == NULL)
        bench_fail("mkdtemp");
    make_dir(ret, "keys");
    make_dir(ret, "broker");
    av_keypair_generate("broker@" BENCH_NODE, &ret->broker);
    av_keypair_generate("worker/" BENCH_NODE "/00112233445566778899aabbccddeeff", &ret->caller);
    av_keypair_generate("instance/demo", &ret->callee);
    av_sign_generate(ret->sign_public, ret->sign_secret);
    key_path = av_xasprintf("%s/keys/broker@" BENCH_NODE ".key", ret->dir);
    if (av_keypair_save(&ret->broker, key_path, &err) != AV_OK)
        bench_fail(err.msg);
    (void)zmq_z85_encode(text, ret->broker.public_key, AV_KEY_SIZE);
    put_file(ret, "broker.pub", av_span_str(text));
    av_hex_encode(av_span_of(ret->sign_public, AV_SIGN_PUBLIC), text);
    put_file(ret, "registry.pub", av_span_str(text));
    put_registry(ret);
    for (unsigned i = 0; i < 20; i++) {
        ret->offset = 10000 + (unsigned)(av_random_u64() % 13000);
        (void)snprintf(text, sizeof text, "node = " BENCH_NODE "\nport_offset = %u\nlog_level = warn\n", ret->offset);
        put_file(ret, "node.conf", av_span_str(text));
        if (try_broker(ret, broker_program))
            return;
    }
    bench_fail("the broker does not start");
}

void
bench_node_stop(bench_node *self)
{
    av_error err;

    (void)kill(self->pid, SIGTERM);
    (void)waitpid(self->pid, NULL, 0);
    (void)av_dir_remove(self->dir, "/tmp/", &err);
}

void
bench_node_endpoint(const bench_node *self, unsigned port, char ret[64])
{
    (void)snprintf(ret, 64, "tcp://127.0.0.1:%u", port + self->offset);
}

void *
bench_client(void *context, const char *endpoint, const av_keypair *own, const uint8_t *server_key)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int linger = 0, timeout_ms = 20000;

    (void)zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, AV_KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, AV_KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, AV_KEY_SIZE);
    if (zmq_connect(socket, endpoint) != 0)
        bench_fail("connect");
    return socket;
}

void *
bench_server(void *context, const char *endpoint, const av_keypair *own)
{
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int on = 1;

    (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, AV_KEY_SIZE);
    if (zmq_bind(socket, endpoint) != 0)
        bench_fail("bind");
    return socket;
}

pid_t
bench_child(void (*child)(void *ctx), void *ctx)
{
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        child(ctx);
        _exit(0);
    }
    return pid;
}

void
bench_child_end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double
bench_quantile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof *values, ascending);
    return values[AV_MIN((size_t)((double)count * share), count - 1)];
}

static double
status_mb(pid_t pid, const char *field)
{
    char path[64], line[256];
    unsigned long kb = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            kb = strtoul(line + strlen(field) + 1, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return (double)kb / 1024;
}

double
bench_resident_mb(pid_t pid)
{
    return status_mb(pid, "VmRSS");
}

double
bench_peak_mb(pid_t pid)
{
    return status_mb(pid, "VmHWM");
}

void
bench_peak_reset(pid_t pid)
{
    char path[64];
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
    f = fopen(path, "we");
    if (f == NULL)
        return;
    (void)fputs("5", f); /* proc(5): resets the peak resident set size */
    (void)fclose(f);
}

void
bench_envelope(av_buf *out)
{
    Archivolt__Envelope envelope;

    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_REQUEST, 1);
    envelope.method = (char *)(uintptr_t) "archivolt.Actor.Ping";
    envelope.has_time_left_ms = true;
    envelope.time_left_ms = 30000;
    if (!av_envelope_pack(&envelope, out))
        bench_fail("envelope");
}
