/*
 * test_carrier.c - streams by local sockets: tickets that are wrong, stolen, used twice; peers that die; hundreds at
 * once; and the way back to the broker whenever the socket cannot be had
 *
 * What a stream does on either way (windows, ends, cancelling) is test_stream.c's.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "actors/bus/bus_priv.h"
#include "tests/actors/bus/house.h"

#define SESSION_TEXT "0123456789abcdef0123456789abcdef"
#define SIZE         300000U
#define LARGE        (64U * 1024 * 1024)

static house h;
static char local_dir[300];
static av_keypair k_gateway, k_instance, k_other;
static av_bus *gateway, *instance;

static uint8_t
byte_at(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* ---- the callee: GetMessage of `id` bytes ---- */

typedef struct answer {
    av_request *request;
    av_stream *stream;
    uint64_t size, written;
} answer;

static unsigned gone, answered;
static answer *held; /* not begun before the test lets it */
static bool hold;

static void
finish(answer *self, const av_error *err)
{
    Archivolt__GetMessageReply reply = ARCHIVOLT__GET_MESSAGE_REPLY__INIT;
    uint8_t sha[32] = { 0 };

    reply.size = self->size;
    reply.sha256 = (ProtobufCBinaryData){ sizeof sha, sha };
    if (err != NULL)
        av_request_fail(self->request, err);
    else
        av_request_reply(self->request, &reply.base);
    answered++;
    free(self);
}

static void
on_room(void *ctx, av_stream *stream)
{
    answer *self = ctx;
    uint8_t block[20000];
    size_t room;

    while (self->written < self->size && (room = av_stream_room(stream)) > 0) {
        size_t n = (size_t)AV_MIN(self->size - self->written, AV_MIN(room, sizeof block));

        for (size_t i = 0; i < n; i++)
            block[i] = byte_at(self->written + i);
        av_stream_write(stream, av_span_of(block, n));
        self->written += n;
    }
    if (self->written == self->size)
        finish(self, NULL);
}

static void
on_gone(void *ctx, av_request *request)
{
    av_error err;

    (void)request;
    gone++;
    (void)av_error_set(&err, AV_ERR_CANCELLED, "gone");
    finish(ctx, &err);
}

static void
begin_held(void)
{
    answer *a = held;

    held = NULL;
    if (a != NULL)
        on_room(a, a->stream);
}

static void
serve_message(void *owner, av_request *request, const ProtobufCMessage *body)
{
    static const av_stream_events events = { .on_room = on_room };
    answer *self = av_xcalloc(1, sizeof *self);

    (void)owner;
    self->request = request;
    self->size = strtoull(((const Archivolt__GetMessageRequest *)body)->id, NULL, 10);
    self->stream = av_request_downstream(request, &events, self);
    av_request_on_gone(request, on_gone, self);
    if (hold)
        held = self;
    else
        on_room(self, self->stream);
}

static const av_handler handlers[] = { { "archivolt.Archive.GetMessage", serve_message } };

static void *
check_session(void *ctx, const char *from, av_span session)
{
    (void)from;
    return av_span_eq_str(session, SESSION_TEXT) ? ctx : NULL;
}

static av_bus *
open_callee(const av_keypair *keys)
{
    av_bus *bus = house_bus(&h, keys);

    av_bus_serve(bus, handlers, AV_COUNT(handlers), NULL);
    av_bus_set_session_check(bus, check_session, &h);
    return bus;
}

/* ---- the caller ---- */

typedef struct got {
    outcome out; /* first: the call's ctx is both */
    uint64_t taken;
    bool bad, slow;
} got;

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    got *self = ctx;

    for (size_t i = 0; i < bytes.n; i++)
        self->bad = self->bad || bytes.p[i] != byte_at(self->taken + i);
    self->taken += bytes.n;
    if (!self->slow)
        av_stream_consumed(stream, bytes.n);
}

static av_call *
ask(av_bus *bus, got *into, uint64_t size)
{
    static const av_stream_events events = { .on_data = on_data };
    Archivolt__GetMessageRequest body = ARCHIVOLT__GET_MESSAGE_REQUEST__INIT;
    char id[24];
    av_call_spec spec = { .to = "instance/demo",
        .method = "archivolt.Archive.GetMessage",
        .body = &body.base,
        .session = av_span_str(SESSION_TEXT),
        .timeout_ms = 60000,
        .done = outcome_done,
        .downstream = &events,
        .ctx = into };

    (void)snprintf(id, sizeof id, "%llu", (unsigned long long)size);
    body.id = id;
    return av_bus_call(bus, &spec);
}

static void
check_whole(got *self, uint64_t size)
{
    AV_CHECK(house_until(&h, &self->out.done, 60000));
    AV_CHECK_RC(self->out.err.code, AV_OK, &self->out.err);
    AV_CHECK(self->taken == size && !self->bad && self->out.count == 1);
    outcome_release(&self->out);
}

static uint64_t
local_streams(void)
{
    return av_bus_get_counters(gateway).local_streams;
}

/* ---- a process that connects by hand ---- */

static int
connect_raw(void)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    char *path = av_carrier_path(local_dir, k_gateway.name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    free(path);
    rc = connect(fd, (const struct sockaddr *)&to, sizeof to);
    if (rc == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void
present(int fd, const char *magic, const uint8_t *ticket, const char *name)
{
    AV_CLEANUP(av_buf_release) av_buf hello = { 0 };

    av_buf_init(&hello, 300);
    (void)av_buf_puts(&hello, magic);
    (void)av_buf_append(&hello, ticket, AV_WIRE_TICKET);
    (void)av_buf_put_u8(&hello, (uint8_t)strlen(name));
    (void)av_buf_puts(&hello, name);
    AV_CHECK_INT(send(fd, hello.p, hello.n, MSG_NOSIGNAL), hello.n);
}

/* What came back: 1 a byte, 0 it was closed, -1 nothing yet. */
static int
answer_of(int fd)
{
    uint8_t byte;
    ssize_t n = -1;

    for (int i = 0; i < 50 && n < 0; i++) {
        av_loop_turn(h.loop, 10);
        n = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (n < 0 && errno == ECONNRESET) /* closed with our bytes unread */
            n = 0;
    }
    return (int)n;
}

/* ---- tests ---- */

static void
test_short_needs_no_socket(void)
{
    uint64_t before = local_streams();
    got g = { 0 };

    (void)ask(gateway, &g, 40000);
    check_whole(&g, 40000);
    AV_CHECK_INT(local_streams(), before);
    g = (got){ 0 };
    (void)ask(gateway, &g, SIZE);
    check_whole(&g, SIZE);
    AV_CHECK_INT(local_streams(), before + 1);
}

static void
test_wrong_tickets(void)
{
    static const uint8_t ticket[AV_WIRE_TICKET] = { 7 };
    static const struct {
        const char *magic, *name;
    } rows[] = { { "AVW1", "instance/demo#00000001" }, { "AVW2", "instance/demo#00000001" }, { "AVW1", "no name" },
        { "AVW1", "" } };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        int fd = connect_raw();

        av_check_row = (long)i;
        AV_CHECK(fd >= 0);
        present(fd, rows[i].magic, ticket, rows[i].name);
        AV_CHECK_INT(answer_of(fd), 0);
        (void)close(fd);
    }
    av_check_row = -1;
}

/* The right ticket, presented by hand while the callee has not yet begun. */
static void
test_stolen_ticket(void)
{
    uint64_t before = local_streams();
    got g = { 0 };
    av_call *call;
    uint8_t ticket[AV_WIRE_TICKET];
    int fd;

    hold = true;
    call = ask(gateway, &g, SIZE);
    memcpy(ticket, call->down.ticket, sizeof ticket);
    AV_CHECK(call->down.has_ticket);
    while (held == NULL)
        av_loop_turn(h.loop, 10);
    fd = connect_raw();
    present(fd, "AVW1", ticket, "instance/other#00000001"); /* not the one who was asked */
    AV_CHECK_INT(answer_of(fd), 0);
    (void)close(fd);
    fd = connect_raw(); /* good for one connection, whatever came of it */
    present(fd, "AVW1", ticket, "instance/demo#00000001");
    AV_CHECK_INT(answer_of(fd), 0);
    (void)close(fd);
    hold = false;
    begin_held();
    check_whole(&g, SIZE);
    AV_CHECK_INT(local_streams(), before);
}

/* Connections that say nothing, or half: they cost nobody anything, and are closed when the bus is. */
static void
test_mute_connections(void)
{
    int fds[400];
    got g = { 0 };

    for (size_t i = 0; i < AV_COUNT(fds); i++) {
        fds[i] = connect_raw();
        if (fds[i] >= 0 && i % 2 == 0)
            AV_CHECK_INT(send(fds[i], "AVW1....", 8, MSG_NOSIGNAL), 8);
        if (i % 32 == 0)
            house_turn(&h, 5);
    }
    (void)ask(gateway, &g, SIZE);
    check_whole(&g, SIZE);
    for (size_t i = 0; i < AV_COUNT(fds); i++)
        (void)close(fds[i]);
    house_turn(&h, 50);
}

static void
test_other_user(void)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0) {
        printf("  SKIP: needs root\n");
        return;
    }
    AV_CHECK_INT(chmod(h.rig.dir, 0755), 0); /* so that it is SO_PEERCRED that refuses, not the folder */
    AV_CHECK_INT(chmod(local_dir, 0755), 0);
    {
        char *path = av_carrier_path(local_dir, k_gateway.name);
        struct stat st;

        AV_CHECK_INT(stat(path, &st), 0);
        AV_CHECK_INT(st.st_mode & 0777, 0600);
        AV_CHECK_INT(chmod(path, 0666), 0);
        free(path);
    }
    pid = fork();
    if (pid == 0) {
        int fd;
        uint8_t byte;

        if (setgid(65534) != 0 || setuid(65534) != 0 || (fd = connect_raw()) < 0)
            _exit(2);
        _exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
    }
    for (int i = 0; i < 200 && waitpid(pid, &status, WNOHANG) == 0; i++)
        av_loop_turn(h.loop, 10);
    AV_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    AV_CHECK_INT(chmod(local_dir, 0700), 0);
    AV_CHECK_INT(chmod(h.rig.dir, 0700), 0);
}

/* Whatever keeps the callee from connecting: the bytes come all the same. */
static void
test_fallbacks(void)
{
    char *path = av_carrier_path(local_dir, k_gateway.name);
    char *away = av_xasprintf("%s.away", path);
    uint64_t before = local_streams();

    AV_CHECK_INT(rename(path, away), 0); /* as in another container */
    for (int i = 0; i < 3; i++) {
        got g = { 0 };
        int fd = -1;

        if (i == 1) { /* something else stands there */
            fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
            AV_CHECK(fd >= 0);
        }
        if (i == 2) { /* one that is dead */
            struct sockaddr_un at = { .sun_family = AF_UNIX };

            fd = socket(AF_UNIX, SOCK_STREAM, 0);
            (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
            AV_CHECK_INT(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
        }
        (void)close(fd);
        (void)ask(gateway, &g, SIZE);
        check_whole(&g, SIZE);
        (void)unlink(path);
    }
    AV_CHECK_INT(local_streams(), before);
    AV_CHECK_INT(rename(away, path), 0);
    free(away);
    free(path);
}

static void
ask_many(size_t count)
{
    got *all = av_xcalloc(count, sizeof *all);

    for (size_t i = 0; i < count; i++)
        (void)ask(gateway, &all[i], SIZE);
    for (size_t i = 0; i < count; i++)
        check_whole(&all[i], SIZE);
    free(all);
}

static void
test_many(void)
{
    struct rlimit was, limit;
    uint64_t before = local_streams();
    size_t count = 200;

    (void)getrlimit(RLIMIT_NOFILE, &was);
    limit = was;
    limit.rlim_cur = AV_MIN(was.rlim_max, (rlim_t)8192);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    while (limit.rlim_cur < 3 * count + 100)
        count /= 2;
    ask_many(count);
    printf("  %zu streams at once, %llu by local sockets\n", count, (unsigned long long)(local_streams() - before));
    AV_CHECK(local_streams() - before >= count / 2);
    (void)setrlimit(RLIMIT_NOFILE, &was);
}

/* No descriptors are left, on either side: the rest goes through the broker. */
static void
test_no_descriptors(void)
{
    struct rlimit was, limit;
    uint64_t before = local_streams();
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)close(next);
    (void)getrlimit(RLIMIT_NOFILE, &was);
    limit = was;
    limit.rlim_cur = (rlim_t)next + 11; /* 5 streams and a half */
    AV_CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ask_many(20); /* the broker holds so many first windows of one sender */
    (void)setrlimit(RLIMIT_NOFILE, &was);
    printf("  %llu of 20 by local sockets\n", (unsigned long long)(local_streams() - before));
    AV_CHECK(local_streams() - before < 20);
}

/* ---- processes that die: PROGRAM --callee|--caller KEYFILE ENDPOINT BROKER_KEY_HEX DIR ---- */

static int
other_main(char **argv)
{
    av_bus_config config = { .endpoint = argv[3], .node = RIG_NODE, .local_dir = argv[5] };
    got g = { .slow = true };
    av_keypair keys;
    av_bus *bus = NULL;
    av_error err;

    av_secret_init();
    av_log_init("other", AV_LOG_ERROR, false);
    if (av_keypair_load(argv[2], &keys, &err) != AV_OK || av_loop_new(&h.loop, &err) != AV_OK)
        return 1;
    config.loop = h.loop;
    config.keys = &keys;
    if (!av_hex_decode(av_span_str(argv[4]), config.broker_key, AV_KEY_SIZE) ||
        av_bus_open(&config, &bus, &err) != AV_OK)
        return 1;
    av_bus_serve(bus, handlers, AV_COUNT(handlers), NULL);
    av_bus_set_session_check(bus, check_session, &h);
    if (strcmp(argv[1], "--caller") == 0)
        (void)ask(bus, &g, LARGE);
    for (;;)
        av_loop_turn(h.loop, 1000);
}

static pid_t
spawn(const char *what, const av_keypair *keys)
{
    char key_path[300], endpoint[64], hex[80];
    av_error err;
    pid_t pid;

    (void)snprintf(key_path, sizeof key_path, "%s/keys/other.key", h.rig.dir);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", 8471 + h.rig.offset);
    av_hex_encode(av_span_of(h.rig.broker.public_key, AV_KEY_SIZE), hex);
    AV_CHECK_RC(av_keypair_save(keys, key_path, &err), AV_OK, &err);
    pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "other", what, key_path, endpoint, hex, local_dir, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void
end_process(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void
test_callee_dies(void)
{
    int64_t died;
    got g = { .slow = true };
    pid_t pid;

    av_bus_destroy(&instance);
    pid = spawn("--callee", &k_instance);
    while (!g.out.done && g.taken == 0) { /* it has to come up first: asked again until it is there */
        (void)ask(gateway, &g, LARGE);
        while (!g.out.done && g.taken == 0)
            av_loop_turn(h.loop, 20);
        if (g.out.done)
            outcome_release(&g.out);
    }
    house_turn(&h, 200);
    AV_CHECK(!g.out.done);
    end_process(pid);
    died = av_clock_mono_ms();
    AV_CHECK(house_until(&h, &g.out.done, 10000));
    AV_CHECK_INT(g.out.err.code, AV_ERR_UNAVAILABLE);
    AV_CHECK(!g.bad && g.taken < LARGE);
    printf("  told %d ms after its end, %llu bytes had come\n", (int)(av_clock_mono_ms() - died),
        (unsigned long long)g.taken);
    outcome_release(&g.out);
    instance = open_callee(&k_instance);
}

static void
test_caller_dies(void)
{
    unsigned before = gone;
    int64_t died;
    pid_t pid = spawn("--caller", &k_other);

    hold = true;
    for (int i = 0; i < 500 && held == NULL; i++)
        av_loop_turn(h.loop, 20);
    hold = false;
    AV_CHECK(held != NULL);
    begin_held();
    house_turn(&h, 300); /* it takes a window and no more */
    AV_CHECK_INT(gone, before);
    end_process(pid);
    died = av_clock_mono_ms();
    for (int i = 0; i < 500 && gone == before; i++)
        av_loop_turn(h.loop, 20);
    AV_CHECK_INT(gone, before + 1);
    printf("  told %d ms after its end\n", (int)(av_clock_mono_ms() - died));
}

/* Streams that are in the middle when the caller's bus ends. */
static void
test_end_in_the_middle(void)
{
    unsigned before = gone;
    got g[3] = { { .slow = true }, { .slow = true }, { .slow = true } };

    for (size_t i = 0; i < AV_COUNT(g); i++)
        (void)ask(gateway, &g[i], LARGE);
    house_turn(&h, 300);
    av_bus_destroy(&gateway);
    for (size_t i = 0; i < AV_COUNT(g); i++) {
        AV_CHECK(g[i].out.done && g[i].taken > 0 && !g[i].bad);
        AV_CHECK_INT(g[i].out.err.code, AV_ERR_CANCELLED);
        outcome_release(&g[i].out);
    }
    house_turn(&h, 100);
    AV_CHECK_INT(gone, before + AV_COUNT(g));
}

int
main(int argc, char **argv)
{
    if (argc == 6)
        return other_main(argv);
    house_init(&h);
    (void)snprintf(local_dir, sizeof local_dir, "%s/run", h.rig.dir);
    h.local_dir = local_dir;
    k_gateway = rig_actor(&h.rig, "gateway@n1");
    k_other = rig_actor(&h.rig, "cli/op");
    k_instance = rig_actor(&h.rig, "instance/demo");
    rig_start(&h.rig, true);
    gateway = house_bus(&h, &k_gateway);
    instance = open_callee(&k_instance);
    AV_RUN(test_short_needs_no_socket);
    AV_RUN(test_wrong_tickets);
    AV_RUN(test_stolen_ticket);
    AV_RUN(test_mute_connections);
    AV_RUN(test_other_user);
    AV_RUN(test_fallbacks);
    AV_RUN(test_many);
    AV_RUN(test_no_descriptors);
    AV_RUN(test_callee_dies);
    AV_RUN(test_caller_dies);
    AV_RUN(test_end_in_the_middle);
    av_bus_destroy(&instance);
    house_release(&h);
    return av_check_done();
}
