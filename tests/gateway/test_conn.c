/*
 * test_conn.c - connections on loopback: TLS from the start, STARTTLS, bounded output, times, limits
 */
#include "gateway/conn.h"

#include "base/encode.h"
#include "tests/gateway/client.h"

/* A protocol of lines: ECHO x, BIG (1 MB), TLS, QUIT; anything else is ignored. One object a connection. */
typedef struct echo {
    av_conn *conn;
    size_t big_left;
    bool injected; /* bytes came behind TLS in clear */
} echo;

static struct {
    size_t open, closed, peak_queue;
    char why[16];
    uint32_t idle_ms;
} seen;

static void
send_big(echo *self)
{
    static const uint8_t block[8192] = { 'x' };

    while (self->big_left > 0) {
        size_t n = AV_MIN(AV_MIN(self->big_left, sizeof block), av_conn_room(self->conn));

        if (n == 0)
            return;
        (void)av_conn_write(self->conn, av_span_of(block, n));
        self->big_left -= n;
        seen.peak_queue = AV_MAX(seen.peak_queue, av_conn_queued(self->conn));
    }
}

/* Both kinds of channel binding in hex, and that there is no third. */
static void
tell_bindings(av_conn *conn)
{
    static const char *const names[] = { "tls-exporter", "tls-server-end-point" };

    for (size_t i = 0; i < AV_COUNT(names); i++) {
        AV_CLEANUP(av_buf_release) av_buf data = { 0 };
        char hex[129];

        av_buf_init(&data, 64);
        AV_CHECK(av_conn_channel_binding(conn, av_span_str(names[i]), &data));
        av_hex_encode(av_buf_span(&data), hex);
        (void)av_conn_write(conn, av_span_str(hex));
        (void)av_conn_write(conn, av_span_str(" "));
        AV_CHECK(!av_conn_channel_binding(conn, av_span_str("tls-unique"), &data));
    }
    (void)av_conn_write(conn, av_span_str("BOUND\r\n"));
}

static void
on_data(void *ctx, av_conn *conn, av_span bytes)
{
    echo *self = ctx;
    av_error err;

    if (bytes.n >= 5 && memcmp(bytes.p, "ECHO ", 5) == 0) {
        (void)av_conn_write(conn, av_span_skip(bytes, 5));
    } else if (bytes.n >= 3 && memcmp(bytes.p, "BIG", 3) == 0) {
        self->big_left += 1000000;
        send_big(self);
    } else if (bytes.n >= 3 && memcmp(bytes.p, "TLS", 3) == 0) {
        self->injected = bytes.n > 5;
        (void)av_conn_write(conn, av_span_str("OK\r\n"));
        AV_CHECK_RC(av_conn_start_tls(conn, &err), AV_OK, &err);
        AV_CHECK(av_conn_start_tls(conn, &err) == AV_ERR_INVALID);
    } else if (bytes.n >= 4 && memcmp(bytes.p, "BIND", 4) == 0) {
        tell_bindings(conn);
    } else if (bytes.n >= 4 && memcmp(bytes.p, "QUIT", 4) == 0) {
        (void)av_conn_write(conn, av_span_str("BYE\r\n"));
        av_conn_finish(conn);
    }
}

static void
on_writable(void *ctx, av_conn *conn AV_UNUSED)
{
    send_big(ctx);
}

static void
on_secure(void *ctx AV_UNUSED, av_conn *conn)
{
    AV_CHECK(av_conn_is_secure(conn) && av_conn_tls_version(conn) != NULL);
    (void)av_conn_write(conn, av_span_str("SECURE\r\n"));
}

static void
on_timeout(void *ctx AV_UNUSED, av_conn *conn)
{
    (void)av_conn_write(conn, av_span_str("IDLE\r\n"));
    av_conn_finish(conn);
}

static void
on_close(void *ctx, av_conn *conn AV_UNUSED, const char *why)
{
    seen.open--;
    seen.closed++;
    (void)snprintf(seen.why, sizeof seen.why, "%s", why);
    free(ctx);
}

static const av_conn_events events = { on_data, on_writable, on_secure, on_timeout, on_close };

static void
on_accept(void *ctx AV_UNUSED, av_conn *conn)
{
    echo *self = av_xcalloc(1, sizeof *self);

    self->conn = conn;
    seen.open++;
    AV_CHECK_STR(av_conn_peer(conn), "127.0.0.1");
    av_conn_attach(conn, &events, self);
    av_conn_set_idle(conn, seen.idle_ms);
}

static void
run(bool implicit_tls, void (*settings)(av_gateway_settings *), void (*client)(void *))
{
    gw_rig rig;
    av_door door = { .name = "test",
        .implicit_tls = implicit_tls,
        .max_connections = 4,
        .max_connections_per_address = 3,
        .refusal = "FULL\r\n",
        .accept = on_accept };
    av_error err = { 0 };

    gw_start(&rig);
    if (settings != NULL)
        settings(&rig.settings);
    door.port = rig.port;
    AV_CHECK_RC(av_gateway_open_door(rig.gateway, &door, &err), AV_OK, &err);
    AV_CHECK(av_gateway_open_door(rig.gateway, &door, &err) != AV_OK); /* the port is taken */
    AV_CHECK(strstr(err.msg, "127.0.0.1 port") != NULL);
    gw_run_client(rig.loop, client, &rig);
    av_gateway_close(rig.gateway);
    AV_CHECK_INT(seen.open, 0);
    AV_CHECK_INT(av_gateway_get_counters(rig.gateway).open, 0);
    gw_end(&rig);
}

/* Sends, reads to the end or to `until`, compares. */
static void
talk(peer *p, const char *say, const char *until, const char *want)
{
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };

    av_buf_init(&got, 1 << 20);
    AV_CHECK(peer_send(p, say, strlen(say)));
    AV_CHECK(peer_read(p, until, &got));
    AV_CHECK_STR(av_buf_cstr(&got), want);
}

static void
client_tls(void *ctx)
{
    const gw_rig *rig = ctx;
    peer p;

    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    talk(&p, "ECHO hello\n", "\n", "hello\n");
    talk(&p, "QUIT\n", NULL, "BYE\r\n");
    peer_close(&p);
}

/* RFC 9266, 2 and RFC 5929, 4.1, as the client's OpenSSL has them; version: TLS 1.2 has an exporter, too. */
static void
check_bindings(gw_rig *rig, int version)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };
    uint8_t exported[32], digest[EVP_MAX_MD_SIZE];
    char want[2 * 65 + 16], hex[65];
    unsigned n = 0;
    peer p;

    av_buf_init(&got, 4096);
    AV_CHECK(peer_connect(&p, rig->port));
    p.context = SSL_CTX_new(TLS_client_method());
    (void)SSL_CTX_set_max_proto_version(p.context, version);
    p.tls = SSL_new(p.context);
    AV_CHECK(SSL_set_fd(p.tls, p.fd) == 1 && SSL_connect(p.tls) == 1);
    AV_CHECK(peer_send(&p, "BIND", 4) && peer_read(&p, "BOUND", &got));
    AV_CHECK_INT(SSL_version(p.tls), version);
    AV_CHECK(SSL_export_keying_material(
                 p.tls, exported, sizeof exported, label, sizeof label - 1, (const unsigned char *)"", 0, 1) == 1);
    AV_CHECK(X509_digest(SSL_get0_peer_certificate(p.tls), EVP_sha256(), digest, &n) == 1 && n == 32);
    av_hex_encode(av_span_of(exported, sizeof exported), hex);
    (void)snprintf(want, sizeof want, "%s ", hex);
    av_hex_encode(av_span_of(digest, n), hex);
    (void)snprintf(want + 65, sizeof want - 65, "%s BOUND\r\n", hex);
    AV_CHECK_STR(av_buf_cstr(&got), want);
    peer_close(&p);
}

static void
client_bindings(void *ctx)
{
    check_bindings(ctx, TLS1_3_VERSION);
    check_bindings(ctx, TLS1_2_VERSION);
}

static void
test_bindings(void)
{
    run(true, NULL, client_bindings);
}

static void
test_tls(void)
{
    run(true, NULL, client_tls);
}

static void
client_start_tls(void *ctx)
{
    const gw_rig *rig = ctx;
    peer p;

    AV_CHECK(peer_connect(&p, rig->port));
    talk(&p, "ECHO clear\n", "\n", "clear\n");
    talk(&p, "TLS\r\n", "\n", "OK\r\n");
    AV_CHECK(peer_start_tls(&p));
    talk(&p, "ECHO sealed\n", "sealed\n", "SECURE\r\nsealed\n");
    talk(&p, "QUIT\n", NULL, "BYE\r\n");
    peer_close(&p);
}

static void
test_start_tls(void)
{
    run(false, NULL, client_start_tls);
}

/* Clear bytes behind STARTTLS never reach the protocol: they break the handshake. */
static void
client_injection(void *ctx)
{
    const gw_rig *rig = ctx;
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };
    peer p;

    av_buf_init(&got, 4096);
    AV_CHECK(peer_connect(&p, rig->port));
    talk(&p, "TLS\r\n", "\n", "OK\r\n");
    AV_CHECK(peer_send(&p, "ECHO evil, long enough to be a record\n", 38));
    (void)peer_read(&p, NULL, &got);
    AV_CHECK(memmem(av_buf_cstr(&got), got.n, "evil", 4) == NULL);
    peer_close(&p);
}

static void
test_injection(void)
{
    run(false, NULL, client_injection);
    AV_CHECK_STR(seen.why, "tls");
}

static void
small_buffer(av_gateway_settings *s)
{
    s->output_buffer_bytes = 32768;
}

static void
client_big(void *ctx)
{
    const gw_rig *rig = ctx;
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };
    peer p;

    av_buf_init(&got, 2 << 20);
    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    AV_CHECK(peer_send(&p, "BIG\n", 4));
    (void)usleep(300000); /* the kernel's buffers fill, then ours */
    while (got.n < 1000000 && !got.full) {
        uint8_t bytes[16384];
        int n = SSL_read(p.tls, bytes, sizeof bytes);

        if (!AV_CHECK(n > 0))
            break;
        av_buf_append(&got, bytes, (size_t)n);
    }
    AV_CHECK_INT(got.n, 1000000);
    peer_close(&p);
}

static void
test_bounded_output(void)
{
    seen.peak_queue = 0;
    run(true, small_buffer, client_big);
    AV_CHECK(seen.peak_queue > 0 && seen.peak_queue <= 32768);
}

/* A peer that asks and never reads is cut, and what it left behind is freed. */
static void
impatient(av_gateway_settings *s)
{
    s->output_buffer_bytes = 32768;
    s->output_stall_timeout_s = 1;
}

static void
client_stalled(void *ctx)
{
    const gw_rig *rig = ctx;
    int small = 4096;
    peer p;

    AV_CHECK(peer_connect(&p, rig->port));
    (void)setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 8 && peer_send(&p, "BIG\n", 4); i++)
        (void)usleep(100000);
    (void)sleep(4);
    peer_close(&p);
}

static void
test_stalled_reader(void)
{
    run(false, impatient, client_stalled);
    AV_CHECK_STR(seen.why, "slow");
}

static void
client_idle(void *ctx)
{
    const gw_rig *rig = ctx;
    peer p;

    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    talk(&p, "", NULL, "IDLE\r\n");
    peer_close(&p);
}

static void
test_idle(void)
{
    seen.idle_ms = 1000;
    run(true, NULL, client_idle);
    seen.idle_ms = 0;
}

static void
short_handshake(av_gateway_settings *s)
{
    s->handshake_timeout_s = 1;
}

/* Half a handshake is closed in time; garbage at once; neither reaches the protocol. */
static void
client_half_handshake(void *ctx)
{
    const gw_rig *rig = ctx;
    static const uint8_t hello_begin[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03 };
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };
    int64_t began = av_clock_mono_ms();
    peer p;

    av_buf_init(&got, 4096);
    AV_CHECK(peer_connect(&p, rig->port));
    AV_CHECK(peer_send(&p, hello_begin, sizeof hello_begin));
    AV_CHECK(peer_read(&p, NULL, &got));
    AV_CHECK(av_clock_mono_ms() - began < 5000);
    peer_close(&p);
    AV_CHECK(peer_connect(&p, rig->port));
    AV_CHECK(peer_send(&p, "GET / HTTP/1.1\r\n\r\n", 18));
    AV_CHECK(peer_read(&p, NULL, &got));
    peer_close(&p);
}

static void
test_half_handshake(void)
{
    size_t closed = seen.closed;

    run(true, short_handshake, client_half_handshake);
    AV_CHECK_INT(seen.closed, closed);
}

static void
client_limit(void *ctx)
{
    const gw_rig *rig = ctx;
    peer p[4];

    for (size_t i = 0; i < 3; i++) {
        AV_CHECK(peer_connect(&p[i], rig->port));
        talk(&p[i], "ECHO a\n", "\n", "a\n");
    }
    AV_CHECK(peer_connect(&p[3], rig->port));
    talk(&p[3], "", NULL, "FULL\r\n");
    peer_close(&p[0]);
    peer_close(&p[3]);
    (void)usleep(100000);
    AV_CHECK(peer_connect(&p[3], rig->port));
    talk(&p[3], "ECHO b\n", "\n", "b\n");
    for (size_t i = 1; i < 4; i++)
        peer_close(&p[i]);
}

static void
test_limit_per_address(void)
{
    run(false, NULL, client_limit);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_tls);
    AV_RUN(test_bindings);
    AV_RUN(test_start_tls);
    AV_RUN(test_injection);
    AV_RUN(test_bounded_output);
    AV_RUN(test_stalled_reader);
    AV_RUN(test_idle);
    AV_RUN(test_half_handshake);
    AV_RUN(test_limit_per_address);
    return av_check_done();
}
