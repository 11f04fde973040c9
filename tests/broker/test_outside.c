/*
 * test_outside.c - strangers at the broker's ports: garbage, half greetings, claimed huge frames, silence; it neither
 * grows nor falls, and the admitted go on. Seeded: ARCHIVOLT_SEED and ARCHIVOLT_ROUNDS repeat or lengthen a run.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/broker/rig.h"

#define GROWTH_KB (24U * 1024) /* with the sanitizer's own bookkeeping; without it 1,000 connections cost some MB */

static rig r;
static av_keypair management;
static client c_management;
static message got;
static uint64_t state;

static uint32_t
next_random(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(state >> 33);
}

static int
connect_raw(unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(port + r.offset)) };
    struct timeval timeout = { 1, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return fd;
}

/* Everything or until the other side has had enough. */
static size_t
push(int fd, const uint8_t *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t k = send(fd, p + done, n - done, MSG_NOSIGNAL);

        if (k <= 0)
            break;
        done += (size_t)k;
    }
    return done;
}

/* ZMTP 3.1 greeting (rfc.zeromq.org/spec/37): signature, version, mechanism, as-server, filler. */
static size_t
put_greeting(uint8_t *at, const char *mechanism)
{
    memset(at, 0, 64);
    at[0] = 0xff;
    at[9] = 0x7f;
    at[10] = 3;
    memcpy(at + 12, mechanism, strlen(mechanism));
    return 64;
}

static void
random_bytes(uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)next_random();
}

static size_t
put_command(uint8_t *at, const char *name, size_t body)
{
    at[0] = 4; /* command, short */
    at[1] = (uint8_t)(1 + strlen(name) + body);
    at[2] = (uint8_t)strlen(name);
    memcpy(at + 3, name, strlen(name));
    random_bytes(at + 3 + strlen(name), body);
    return 3 + strlen(name) + body;
}

static size_t
make_attack(unsigned kind, uint8_t *at, size_t max)
{
    static const char *const mechanisms[] = { "CURVE", "NULL", "PLAIN", "GSSAPI", "XXXXXXXXXXXXXXXXXXX" };
    size_t n = 0, more;

    switch (kind) {
    case 0: /* noise */
        n = next_random() % max;
        random_bytes(at, n);
        return n;
    case 1: /* half a greeting */
        (void)put_greeting(at, "CURVE");
        return next_random() % 64;
    case 2: /* greeting, noise */
        n = put_greeting(at, mechanisms[next_random() % AV_COUNT(mechanisms)]);
        more = next_random() % 2000;
        random_bytes(at + n, more);
        return n + more;
    case 3: /* a frame that claims to be huge, and as much of it as is taken */
        n = put_greeting(at, "CURVE");
        at[n++] = 6; /* command, long */
        memset(at + n, 0, 8);
        at[n + 4] = (uint8_t)(next_random() % 64);
        at[n] = (uint8_t)(next_random() % 3 == 0 ? 0xff : 0);
        at[n + 5] = 0x10;
        n += 8;
        random_bytes(at + n, max - n);
        return max;
    case 4: /* HELLO of CURVE, of random sizes */
        n = put_greeting(at, "CURVE");
        return n + put_command(at + n, "HELLO", next_random() % 2 == 0 ? 194 : next_random() % 200);
    case 5: /* later steps first */
        n = put_greeting(at, "CURVE");
        n += put_command(at + n, next_random() % 2 == 0 ? "INITIATE" : "READY", next_random() % 200);
        return n + put_command(at + n, "MESSAGE", next_random() % 200);
    case 6: /* as with no security: READY and messages */
        n = put_greeting(at, "NULL");
        n += put_command(at + n, "READY", 40);
        at[n++] = 0;
        at[n++] = 6;
        memcpy(at + n, "broker", 6);
        return n + 6;
    default: /* old ZMTP 1.0 and 2.0 */
        at[0] = 0x01;
        at[1] = 0x00;
        n = 2 + next_random() % 300;
        random_bytes(at + 2, n - 2);
        return n;
    }
}

static void
check_service(void)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    av_error err;

    AV_CHECK_INT(client_call(&c_management, "archivolt.Actor.Ping", &empty.base, &got, &err), AV_OK);
}

static void
test_garbage(void)
{
    enum { MAX = 300000, KEEP = 32 };
    static uint8_t bytes[MAX];
    const char *rounds_text = getenv("ARCHIVOLT_ROUNDS");
    unsigned rounds = rounds_text == NULL ? 1500 : (unsigned)strtoul(rounds_text, NULL, 10);
    int kept[KEEP];
    size_t first, n;

    memset(kept, -1, sizeof kept);
    printf("  %u rounds\n", rounds);
    first = rig_status_kb(&r, "VmRSS");
    for (unsigned i = 0; i < rounds; i++) {
        unsigned kind = next_random() % 8;
        int fd = connect_raw(next_random() % 4 == 0 ? 8475 : 8471 + next_random() % 3);

        if (!AV_CHECK(fd >= 0))
            break;
        n = make_attack(kind, bytes, kind == 0 ? 4000 : MAX);
        (void)push(fd, bytes, n);
        if (kept[i % KEEP] >= 0) /* some at once, in many states */
            (void)close(kept[i % KEEP]);
        kept[i % KEEP] = fd;
        if (i % 100 == 0)
            check_service();
    }
    for (unsigned i = 0; i < KEEP; i++)
        if (kept[i] >= 0)
            (void)close(kept[i]);
    sleep_ms(200);
    check_service();
    n = rig_status_kb(&r, "VmRSS");
    printf("  resident %zu -> %zu KB, at most %zu\n", first, n, rig_status_kb(&r, "VmHWM"));
    AV_CHECK(rig_status_kb(&r, "VmHWM") < first + GROWTH_KB);
    AV_CHECK(rig_alive(&r));
}

static void
test_silent(void)
{
    enum { COUNT = 1000 };
    struct rlimit limit;
    int fds[COUNT];
    size_t before, during;
    unsigned closed = 0;
    char byte;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    before = rig_status_kb(&r, "VmRSS");
    for (unsigned i = 0; i < COUNT; i++)
        AV_CHECK((fds[i] = connect_raw(8471)) >= 0);
    check_service();
    during = rig_status_kb(&r, "VmRSS");
    sleep_ms(1800); /* handshake_ms=1000 */
    check_service();
    for (unsigned i = 0; i < COUNT; i++) {
        ssize_t k;

        while ((k = recv(fds[i], &byte, 1, MSG_DONTWAIT)) > 0) /* its greeting */
            ;
        closed += k == 0 || (k < 0 && errno != EAGAIN);
        (void)close(fds[i]);
    }
    printf("  %d silent connections: resident %zu -> %zu KB; %u closed by the broker\n", (int)COUNT, before, during,
        closed);
    AV_CHECK_INT(closed, COUNT);
    AV_CHECK(during < before + GROWTH_KB);
    AV_CHECK(rig_alive(&r));
}

/* An admitted peer whose frame is over ZMQ_MAXMSGSIZE: its connection ends, the next one works. */
static void
test_oversized_of_admitted(void)
{
    size_t n = 4 << 20;
    uint8_t *large = calloc(1, n);
    client c;

    client_join(&r, &management, &c);
    client_send_raw(&c, "broker", av_span_str("x"), av_span_of(large, n));
    free(large);
    AV_CHECK(!client_receive(&c, 500, &got));
    AV_CHECK(client_hello(&c, 5000));
    client_close(&c);
    check_service();
}

int
main(void)
{
    const char *seed = getenv("ARCHIVOLT_SEED");

    rig_init(&r);
    (void)setenv("ASAN_OPTIONS", "quarantine_size_mb=1", 1);
    (void)snprintf(r.set, sizeof r.set, "handshake_ms=1000");
    state = seed == NULL ? av_random_u64() : strtoull(seed, NULL, 10);
    printf("seed %llu\n", (unsigned long long)state);
    management = rig_actor(&r, "management");
    rig_start(&r, true);
    client_join(&r, &management, &c_management);
    AV_RUN(test_garbage);
    AV_RUN(test_silent);
    AV_RUN(test_oversized_of_admitted);
    client_close(&c_management);
    rig_release(&r);
    return av_check_done();
}
