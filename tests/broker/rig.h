/*
 * rig.h - the real archivolt-broker on a made-up data folder and random ports, and raw DEALERs that speak to it
 *
 * Header only, for the tests of this folder. The program is found beside the test: ../bin/archivolt-broker.
 */
#ifndef AV_TESTS_BROKER_RIG_H
#define AV_TESTS_BROKER_RIG_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "actors/bus/envelope.h"
#include "actors/bus/keys.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "proto/broker.pb-c.h"
#include "proto/status.pb-c.h"
#include "tests/check.h"

typedef struct rig {
    char dir[128];
    char set[160]; /* one --set for the broker, or empty */
    unsigned offset;
    pid_t pid;
    av_keypair broker;
    uint8_t sign_public[AV_SIGN_PUBLIC], sign_secret[AV_SIGN_SECRET];
    uint64_t serial;
    av_buf registry; /* packed SignedEntries, as fields of a RegistryFile */
    void *context;
} rig;

typedef struct client {
    rig *of;
    av_keypair keys;
    void *socket;
    char you[AV_ACTOR_NAME_MAX + 16]; /* as the broker's hello named it */
} client;

typedef struct message {
    char from[256];
    Archivolt__Envelope *envelope;
    uint8_t blob[70000];
    size_t blob_n;
} message;

#define RIG_NODE "n1"

AV_UNUSED static void
rig_write(const rig *self, const char *file, const void *p, size_t n)
{
    char path[400];
    av_error err;

    (void)snprintf(path, sizeof path, "%s/%s", self->dir, file);
    AV_CHECK_RC(av_file_replace(path, av_span_of(p, n), 0600, &err), AV_OK, &err);
}

/* A signed entry; owned by the caller (archivolt__signed_entry__free_unpacked). */
AV_UNUSED static Archivolt__SignedEntry *
rig_entry(rig *self, const av_keypair *keys, uint64_t serial, bool revoked, const char *node, const char *host)
{
    Archivolt__RegistryEntry entry = ARCHIVOLT__REGISTRY_ENTRY__INIT;
    Archivolt__SignedEntry *ret;
    av_buf packed;

    entry.serial = serial;
    entry.name = (char *)(uintptr_t)keys->name;
    entry.public_key.data = (uint8_t *)(uintptr_t)keys->public_key;
    entry.public_key.len = AV_KEY_SIZE;
    entry.node = (char *)(uintptr_t)node;
    entry.has_revoked = revoked;
    entry.revoked = revoked;
    entry.host = (char *)(uintptr_t)host;
    av_buf_init(&packed, 4096);
    AV_CHECK(av_registry_entry_sign(&entry, self->sign_secret, &packed));
    ret = archivolt__signed_entry__unpack(NULL, packed.n, packed.p);
    av_buf_release(&packed);
    AV_CHECK(ret != NULL);
    return ret;
}

AV_UNUSED static void
rig_append(av_buf *file, Archivolt__SignedEntry *entry)
{
    Archivolt__UpdateRegistryRequest one = ARCHIVOLT__UPDATE_REGISTRY_REQUEST__INIT;
    uint8_t *at;

    one.n_entries = 1;
    one.entries = &entry;
    at = av_buf_reserve(file, archivolt__update_registry_request__get_packed_size(&one));
    file->n += archivolt__update_registry_request__pack(&one, at);
}

/* New keys for a name, and their entry in the registry the broker will be started with. */
AV_UNUSED static av_keypair
rig_actor(rig *self, const char *name)
{
    bool instance = strncmp(name, "instance/", 9) == 0;
    Archivolt__SignedEntry *entry;
    av_keypair keys;

    av_keypair_generate(name, &keys);
    entry = rig_entry(self, &keys, ++self->serial, false, RIG_NODE, instance ? "host/" RIG_NODE : NULL);
    rig_append(&self->registry, entry);
    archivolt__signed_entry__free_unpacked(entry, NULL);
    return keys;
}

AV_UNUSED static void
rig_program(char *ret, size_t n)
{
    ssize_t len = readlink("/proc/self/exe", ret, n - 1);
    char *slash;

    ret[len < 0 ? 0 : len] = '\0';
    slash = strrchr(ret, '/');
    (void)snprintf(slash, n - (size_t)(slash - ret), "/../bin/archivolt-broker");
}

AV_UNUSED static bool
rig_try_start(rig *self)
{
    char program[512], fd[16], line[8];
    int ready[2];
    ssize_t n;

    rig_program(program, sizeof program);
    if (pipe(ready) != 0)
        return false;
    self->pid = fork();
    if (self->pid == 0) {
        char *argv[] = { program, (char *)(uintptr_t) "--data", self->dir, (char *)(uintptr_t) "--ready-fd", fd,
            (char *)(uintptr_t) "--set", self->set, NULL };

        (void)close(ready[0]);
        (void)snprintf(fd, sizeof fd, "%d", ready[1]);
        if (self->set[0] == '\0')
            argv[5] = NULL;
        execv(program, argv);
        _exit(127);
    }
    (void)close(ready[1]);
    n = read(ready[0], line, sizeof line);
    (void)close(ready[0]);
    if (n == 6)
        return true;
    (void)waitpid(self->pid, NULL, 0);
    self->pid = 0;
    return false;
}

AV_UNUSED static void
rig_conf(rig *self)
{
    char conf[256];
    int n = snprintf(conf, sizeof conf, "node = " RIG_NODE "\nport_offset = %u\nlog_level = warn\n", self->offset);

    rig_write(self, "node.conf", conf, (size_t)n);
}

/* Folder, keys; nobody registered yet. */
AV_UNUSED static void
rig_init(rig *self)
{
    char path[512], z85[64], hex[80];
    av_error err;

    memset(self, 0, sizeof *self);
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    (void)snprintf(self->dir, sizeof self->dir, "/tmp/av-broker-test.XXXXXX");
    AV_CHECK(mkdtemp(self->dir) != NULL);
    av_keypair_generate("broker@" RIG_NODE, &self->broker);
    av_sign_generate(self->sign_public, self->sign_secret);
    av_buf_init(&self->registry, 1 << 20);
    (void)snprintf(path, sizeof path, "%s/keys", self->dir);
    AV_CHECK_RC(av_dir_make(path, &err), AV_OK, &err);
    (void)snprintf(path, sizeof path, "%s/keys/broker@" RIG_NODE ".key", self->dir);
    AV_CHECK_RC(av_keypair_save(&self->broker, path, &err), AV_OK, &err);
    (void)snprintf(path, sizeof path, "%s/broker", self->dir);
    AV_CHECK_RC(av_dir_make(path, &err), AV_OK, &err);
    (void)zmq_z85_encode(z85, self->broker.public_key, AV_KEY_SIZE);
    rig_write(self, "broker.pub", z85, 40);
    av_hex_encode(av_span_of(self->sign_public, AV_SIGN_PUBLIC), hex);
    rig_write(self, "registry.pub", hex, strlen(hex));
    self->context = zmq_ctx_new();
}

/* Start the broker on ports of its own; with_registry: with the actors made so far. */
AV_UNUSED static void
rig_start(rig *self, bool with_registry)
{
    if (with_registry)
        rig_write(self, "broker/registry.bin", self->registry.p, self->registry.n);
    for (int i = 0; i < 20; i++) {
        uint32_t random;

        av_random_bytes(&random, sizeof random);
        self->offset = 10000 + random % 13000;
        rig_conf(self);
        if (rig_try_start(self))
            return;
    }
    printf("the broker does not start\n");
    exit(1);
}

/* End the broker; its exit status, or 1000 + signal. */
AV_UNUSED static int
rig_kill(rig *self, int sig)
{
    int status = 0;

    if (self->pid <= 0)
        return 0;
    (void)kill(self->pid, sig);
    (void)waitpid(self->pid, &status, 0);
    self->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Stops in order (with the sanitizers' checks) and removes everything. */
AV_UNUSED static void
rig_release(rig *self)
{
    av_error err;

    AV_CHECK_INT(rig_kill(self, SIGTERM), 0);
    (void)zmq_ctx_term(self->context);
    (void)av_dir_remove(self->dir, "/tmp/", &err);
    av_buf_release(&self->registry);
}

AV_UNUSED static bool
rig_alive(const rig *self)
{
    return self->pid > 0 && waitpid(self->pid, NULL, WNOHANG) == 0;
}

AV_UNUSED static size_t
rig_status_kb(const rig *self, const char *field)
{
    char path[64], line[256];
    unsigned long value = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)self->pid);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            (void)sscanf(line + strlen(field), ": %lu", &value);
    if (f != NULL)
        (void)fclose(f);
    return value;
}

AV_UNUSED static void
sleep_ms(unsigned ms)
{
    (void)poll(NULL, 0, (int)ms);
}

/* ---- clients ---- */

AV_UNUSED static void *
rig_socket(const rig *self, const av_keypair *keys, int type, unsigned port)
{
    void *socket = zmq_socket(self->context, type);
    char endpoint[64];
    int linger = 0, timeout = 5000;

    (void)zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    (void)zmq_setsockopt(socket, ZMQ_SNDTIMEO, &timeout, sizeof timeout); /* a refused DEALER has nowhere to send to */
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, self->broker.public_key, AV_KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, AV_KEY_SIZE);
    (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, AV_KEY_SIZE);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port + self->offset);
    AV_CHECK(zmq_connect(socket, endpoint) == 0);
    return socket;
}

AV_UNUSED static void
client_open(rig *of, const av_keypair *keys, client *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->of = of;
    ret->keys = *keys;
    ret->socket = rig_socket(of, keys, ZMQ_DEALER, 8471);
}

AV_UNUSED static void
client_close(client *self)
{
    if (self->socket != NULL)
        (void)zmq_close(self->socket);
    self->socket = NULL;
}

AV_UNUSED static void
client_send_raw(client *self, const char *to, av_span envelope, av_span blob)
{
    if (zmq_send(self->socket, to, strlen(to), ZMQ_SNDMORE) < 0) { /* refused by the broker: nowhere to send to */
        AV_CHECK_INT(errno, EAGAIN);
        return;
    }
    AV_CHECK(zmq_send(self->socket, envelope.p, envelope.n, ZMQ_SNDMORE) >= 0);
    AV_CHECK(zmq_send(self->socket, blob.p == NULL ? (const void *)"" : blob.p, blob.n, 0) >= 0);
}

AV_UNUSED static void
client_send(client *self, const char *to, const Archivolt__Envelope *envelope, av_span blob)
{
    av_buf packed;

    av_buf_init(&packed, 1 << 17);
    AV_CHECK(av_envelope_pack(envelope, &packed));
    client_send_raw(self, to, av_buf_span(&packed), blob);
    av_buf_release(&packed);
}

/* A message of a kind with a correlation (and what such a kind needs to be well formed). */
AV_UNUSED static void
client_say(client *self, const char *to, Archivolt__Kind kind, uint64_t correlation, bool from_caller, av_span blob)
{
    Archivolt__Error error = ARCHIVOLT__ERROR__INIT;
    Archivolt__Envelope envelope;

    av_envelope_init(&envelope, kind, correlation);
    if (kind == ARCHIVOLT__KIND__KIND_REQUEST) {
        envelope.method = (char *)(uintptr_t) "archivolt.Actor.Ping";
        envelope.has_time_left_ms = true;
        envelope.time_left_ms = 5000;
    }
    if (kind == ARCHIVOLT__KIND__KIND_CHUNK || kind == ARCHIVOLT__KIND__KIND_CREDIT) {
        envelope.has_from_caller = true;
        envelope.from_caller = from_caller;
    }
    if (kind == ARCHIVOLT__KIND__KIND_CHUNK)
        envelope.has_offset = true;
    if (kind == ARCHIVOLT__KIND__KIND_CREDIT)
        envelope.has_credit = true;
    error.code = ARCHIVOLT__ERROR_CODE__ERROR_IO;
    error.message = (char *)(uintptr_t) "made up";
    if (kind == ARCHIVOLT__KIND__KIND_ERROR)
        envelope.error = &error;
    client_send(self, to, &envelope, blob);
}

AV_UNUSED static void
message_release(message *self)
{
    av_envelope_free(&self->envelope);
    self->envelope = NULL;
}

/* false: nothing came in time, or it was not three frames with an Envelope. ret->envelope must be released. */
AV_UNUSED static bool
client_receive(client *self, int timeout_ms, message *ret)
{
    uint8_t envelope[20000];
    av_error err;
    int n, more;
    size_t more_n = sizeof more;

    ret->envelope = NULL;
    (void)zmq_setsockopt(self->socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    n = zmq_recv(self->socket, ret->from, sizeof ret->from - 1, 0);
    if (n < 0)
        return false;
    ret->from[n] = '\0';
    n = zmq_recv(self->socket, envelope, sizeof envelope, 0);
    ret->blob_n = (size_t)zmq_recv(self->socket, ret->blob, sizeof ret->blob, 0);
    (void)zmq_getsockopt(self->socket, ZMQ_RCVMORE, &more, &more_n);
    AV_CHECK(n > 0 && more == 0);
    if (n > 0 && av_envelope_open(av_span_of(envelope, (size_t)n), &ret->envelope, &err) == AV_OK)
        return true;
    av_envelope_free(&ret->envelope);
    ret->envelope = NULL;
    return false;
}

/* Hello to the broker; false: no answer within timeout_ms. */
AV_UNUSED static bool
client_hello(client *self, int timeout_ms)
{
    static message got;
    Archivolt__HelloReply *reply;
    bool ok = false;

    client_say(self, "broker", ARCHIVOLT__KIND__KIND_HELLO, 0, false, av_span_str(""));
    if (client_receive(self, timeout_ms, &got) && got.envelope->kind == ARCHIVOLT__KIND__KIND_HELLO) {
        reply = archivolt__hello_reply__unpack(NULL, got.blob_n, got.blob);
        if (reply != NULL) {
            (void)snprintf(self->you, sizeof self->you, "%s", reply->you);
            archivolt__hello_reply__free_unpacked(reply, NULL);
            ok = true;
        }
    }
    message_release(&got);
    return ok;
}

AV_UNUSED static void
client_join(rig *of, const av_keypair *keys, client *ret)
{
    client_open(of, keys, ret);
    AV_CHECK(client_hello(ret, 5000));
}

/*
 * Call a method of the broker: AV_OK and the packed reply in got->blob, the error's code, or -1 when nothing came.
 * Replies over 64 KB are not for here.
 */
AV_UNUSED static int
client_call(client *self, const char *method, const ProtobufCMessage *body, message *got, av_error *err)
{
    Archivolt__Envelope envelope;
    av_buf packed;
    int rc = -1;

    av_envelope_init(&envelope, ARCHIVOLT__KIND__KIND_REQUEST, 77);
    envelope.method = (char *)(uintptr_t)method;
    envelope.has_time_left_ms = true;
    envelope.time_left_ms = 5000;
    av_buf_init(&packed, 70000);
    packed.n = protobuf_c_message_pack(body, av_buf_reserve(&packed, protobuf_c_message_get_packed_size(body) + 1));
    client_send(self, "broker", &envelope, av_buf_span(&packed));
    av_buf_release(&packed);
    if (!client_receive(self, 5000, got))
        return -1;
    AV_CHECK_STR(got->from, "broker@" RIG_NODE);
    AV_CHECK_INT(got->envelope->correlation, 77);
    if (got->envelope->kind == ARCHIVOLT__KIND__KIND_REPLY)
        rc = AV_OK;
    if (got->envelope->kind == ARCHIVOLT__KIND__KIND_ERROR) {
        av_envelope_get_error(got->envelope, err);
        rc = (int)err->code;
    }
    message_release(got);
    return rc;
}

/* Management hands one entry to the broker; the code of the answer. */
AV_UNUSED static int
client_update(client *management, Archivolt__SignedEntry *entry, uint64_t *ret_serial, av_error *err)
{
    Archivolt__UpdateRegistryRequest request = ARCHIVOLT__UPDATE_REGISTRY_REQUEST__INIT;
    Archivolt__UpdateRegistryReply *reply;
    static message got;
    int rc;

    request.n_entries = 1;
    request.entries = &entry;
    rc = client_call(management, "archivolt.Broker.UpdateRegistry", &request.base, &got, err);
    if (rc == AV_OK) {
        reply = archivolt__update_registry_reply__unpack(NULL, got.blob_n, got.blob);
        AV_CHECK(reply != NULL);
        if (reply != NULL && ret_serial != NULL)
            *ret_serial = reply->serial;
        archivolt__update_registry_reply__free_unpacked(reply, NULL);
    }
    archivolt__signed_entry__free_unpacked(entry, NULL);
    return rc;
}

#endif
