/*
 * test_server.c - HTTP over TLS on loopback: answers now and later, bodies, refusals, clients that go away
 */
#include "gateway/http/server.h"

#include "gateway/http/health.h"
#include "tests/gateway/client.h"

#define END  "\r\n\r\n"
#define HOST " HTTP/1.1\r\nHost: x\r\n"

typedef struct site {
    av_loop *loop;
    av_gateway *gateway;
    size_t gone, ended;
    bool wants;
} site;

typedef struct later {
    site *site;
    av_http_request *request;
    av_loop_timer *timer;
} later;

static void
answer_later(void *ctx)
{
    later *self = ctx;

    av_http_request_answer_text(self->request, 200, NULL, "later");
    free(self);
}

static void
on_gone(void *ctx, av_http_request *request AV_UNUSED)
{
    later *self = ctx;

    self->site->gone++;
    av_loop_remove_timer(&self->timer);
    free(self);
}

static void
on_end(void *ctx)
{
    ((site *)ctx)->ended++;
}

static void
put_off(site *self, av_http_request *request, uint64_t ms)
{
    later *l = av_xcalloc(1, sizeof *l);

    *l = (later){ .site = self, .request = request };
    l->timer = av_loop_add_timer(self->loop, ms, 0, answer_later, l);
    av_http_request_on_gone(request, on_gone, l);
}

static void
handle(void *ctx, av_http_request *request)
{
    site *self = ctx;
    const char *path = av_http_request_path(request);
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };

    av_http_request_on_end(request, on_end, self);
    av_buf_init(&body, 8 << 20);
    if (av_http_health_answer(self->gateway, request))
        return;
    if (strcmp(path, "/echo") == 0) {
        av_buf_append_span(&body, av_http_request_body(request));
        av_http_request_answer(request, 200, "text/plain", NULL, &body);
    } else if (strcmp(path, "/big") == 0) {
        while (body.n < 3000000)
            av_buf_puts(&body, "0123456789");
        av_http_request_answer(request, 200, "text/plain", NULL, &body);
    } else if (strcmp(path, "/soon") == 0) {
        put_off(self, request, 100);
    } else if (strcmp(path, "/never") == 0) {
        put_off(self, request, 60000);
    } else {
        av_http_request_answer_text(request, 404, NULL, "no");
    }
}

static bool
wants_body(void *ctx, const av_http_request *request)
{
    return ((site *)ctx)->wants && av_http_request_header(request, "x-drop") == NULL;
}

static void
run(void (*settings)(av_gateway_settings *), void (*client)(void *), site *seen)
{
    gw_rig rig;
    av_http_server *server = NULL;
    av_http_site shown = { .name = "test", .handle = handle, .wants_body = wants_body, .ctx = seen };
    av_error err = { 0 };

    gw_start(&rig);
    if (settings != NULL)
        settings(&rig.settings);
    *seen = (site){ .loop = rig.loop, .gateway = rig.gateway, .wants = true };
    AV_CHECK_RC(av_http_server_new(rig.gateway, &server, &err), AV_OK, &err);
    AV_CHECK_RC(av_http_server_open(server, rig.port, &shown, &err), AV_OK, &err);
    gw_run_client(rig.loop, client, &rig);
    av_gateway_close(rig.gateway);
    av_http_server_destroy(&server);
    gw_end(&rig);
}

/* One connection: sends, reads to the end. */
static void
ask(const gw_rig *rig, av_span request, av_buf *reply)
{
    peer p;

    av_buf_clear(reply);
    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    (void)peer_send(&p, request.p, request.n);
    AV_CHECK(peer_read(&p, NULL, reply));
    peer_close(&p);
}

static bool
begins(av_buf *reply, const char *with)
{
    return strncmp(av_buf_cstr(reply), with, strlen(with)) == 0;
}

static const struct {
    const char *request, *status, *has; /* has NULL: whatever */
} cases[] = {
    { "GET /healthz" HOST "Connection: close" END, "HTTP/1.1 200", "\r\n\r\nok\n" },
    { "GET //healthz/" HOST "Connection: close" END, "HTTP/1.1 200", "X-Archivolt-Trace: " },
    { "GET /readyz" HOST "Connection: close" END, "HTTP/1.1 503", "not ready: no connection to the broker\n" },
    { "HEAD /healthz" HOST "Connection: close" END, "HTTP/1.1 200", "Content-Length: 3\r\n" },
    { "GET /healthz HTTP/1.0" END, "HTTP/1.1 200", "ok\n" },
    { "GET /soon" HOST "Connection: close" END, "HTTP/1.1 200", "later\n" },
    { "POST /echo" HOST "Content-Length: 5\r\nConnection: close" END "hello", "HTTP/1.1 200", END "hello" },
    { "POST /echo" HOST "Content-Length: 0\r\nConnection: close" END, "HTTP/1.1 200", "Content-Length: 0\r\n" },
    { "POST /echo" HOST "Transfer-Encoding: chunked\r\nConnection: close" END "3\r\nabc\r\n2\r\nde\r\n0" END,
        "HTTP/1.1 200", END "abcde" },
    { "POST /echo" HOST "X-Drop: 1\r\nContent-Length: 5\r\nConnection: close" END "hello", "HTTP/1.1 200",
        "Content-Length: 0\r\n" },
    { "POST /echo" HOST "Connection: close" END, "HTTP/1.1 411", NULL },
    { "POST /echo" HOST "Content-Length: 5\r\nContent-Length: 7\r\nConnection: close" END "hello!!", "HTTP/1.1 400",
        "two ways" },
    { "POST /echo" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close" END "0" END,
        "HTTP/1.1 400", "two ways" },
    { "POST /echo" HOST "Content-Length: -1\r\nConnection: close" END, "HTTP/1.1 400", NULL },
    { "POST /echo" HOST "Content-Length: 999999999\r\nConnection: close" END, "HTTP/1.1 413", NULL },
    { "DELETE /echo" HOST "Connection: close" END, "HTTP/1.1 405", "Allow: GET, HEAD, POST\r\n" },
    { "GET /a/../healthz" HOST "Connection: close" END, "HTTP/1.1 404", NULL },
    { "GET /nothing" HOST "Connection: close" END, "HTTP/1.1 404", NULL },
    { "GET /healthz HTTP/1.1\r\nConnection: close" END, "HTTP/1.1 400", NULL }, /* RFC 9112, 3.2: no Host */
};

static void
client_cases(void *ctx)
{
    const gw_rig *rig = ctx;
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 };

    av_buf_init(&reply, 1 << 20);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        ask(rig, av_span_str(cases[i].request), &reply);
        AV_CHECK(begins(&reply, cases[i].status));
        AV_CHECK(cases[i].has == NULL || strstr(av_buf_cstr(&reply), cases[i].has) != NULL);
    }
}

static void
test_cases(void)
{
    site seen;

    run(NULL, client_cases, &seen);
    AV_CHECK(seen.ended > 0 && seen.gone == 0);
}

/* Several requests on one connection, sent before the first is answered. */
static void
client_pipeline(void *ctx)
{
    const gw_rig *rig = ctx;
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 };
    const char *text = "GET /healthz" HOST "\r\nGET /soon" HOST "\r\nPOST /echo" HOST
                       "Content-Length: 4\r\nConnection: close" END "last";
    const char *first, *second, *third;

    av_buf_init(&reply, 1 << 20);
    ask(rig, av_span_str(text), &reply);
    first = strstr(av_buf_cstr(&reply), "ok\n");
    second = first == NULL ? NULL : strstr(first, "later\n");
    third = second == NULL ? NULL : strstr(second, END "last");
    AV_CHECK(third != NULL);
}

static void
test_pipeline(void)
{
    site seen;

    run(NULL, client_pipeline, &seen);
    AV_CHECK_INT(seen.ended, 3);
}

static void
client_large(void *ctx)
{
    const gw_rig *rig = ctx;
    AV_CLEANUP(av_buf_release) av_buf request = { 0 }, reply = { 0 };
    peer p;

    av_buf_init(&request, 4 << 20);
    av_buf_init(&reply, 4 << 20);
    av_buf_puts(&request, "POST /echo" HOST "Content-Length: 1000000\r\nConnection: close" END);
    for (size_t i = 0; i < 100000; i++)
        av_buf_puts(&request, "abcdefghij");
    ask(rig, av_buf_span(&request), &reply);
    AV_CHECK(begins(&reply, "HTTP/1.1 200") && reply.n > 1000000);
    AV_CHECK(memcmp(reply.p + reply.n - 1000000, request.p + request.n - 1000000, 1000000) == 0);
    /* A reader that takes its time gets all of it. */
    av_buf_clear(&reply);
    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    AV_CHECK(peer_send(&p, "GET /big" HOST "Connection: close" END, strlen("GET /big" HOST "Connection: close" END)));
    (void)usleep(500000);
    AV_CHECK(peer_read(&p, NULL, &reply));
    AV_CHECK(reply.n > 3000000 && memcmp(reply.p + reply.n - 10, "0123456789", 10) == 0);
    peer_close(&p);
}

static void
small_pipes(av_gateway_settings *s)
{
    s->output_buffer_bytes = 16384;
}

static void
test_large(void)
{
    site seen;

    run(small_pipes, client_large, &seen);
}

static void
client_goes(void *ctx)
{
    const gw_rig *rig = ctx;
    peer p;

    for (int i = 0; i < 3; i++) {
        AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
        AV_CHECK(peer_send(&p, "GET /never" HOST "\r\n", strlen("GET /never" HOST "\r\n")));
        (void)usleep(100000);
        peer_close(&p);
    }
    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    AV_CHECK(peer_send(&p, "GET /never" HOST "\r\n", strlen("GET /never" HOST "\r\n")));
    (void)usleep(200000); /* this one is still waiting when the gateway closes */
}

static void
test_clients_that_go(void)
{
    site seen;

    run(NULL, client_goes, &seen);
    AV_CHECK_INT(seen.gone, 4);
    AV_CHECK_INT(seen.ended, 4);
}

/* A byte now and then does not keep a request alive for longer than it may take. */
static void
client_drips(void *ctx)
{
    const gw_rig *rig = ctx;
    const char *text = "GET /healthz" HOST "X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    int64_t began = av_clock_mono_ms();
    peer p;

    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    for (size_t i = 0; i < strlen(text) && peer_send(&p, text + i, 1); i++)
        (void)usleep(100000);
    AV_CHECK(av_clock_mono_ms() - began < 5000);
    peer_close(&p);
    began = av_clock_mono_ms();
    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    {
        AV_CLEANUP(av_buf_release) av_buf got = { 0 };

        av_buf_init(&got, 1024);
        AV_CHECK(peer_read(&p, NULL, &got)); /* says nothing: closed when idle */
        AV_CHECK_INT(got.n, 0);
    }
    AV_CHECK(av_clock_mono_ms() - began < 5000);
    peer_close(&p);
}

static void
short_times(av_gateway_settings *s)
{
    s->http_request_timeout_s = 2;
    s->http_idle_timeout_s = 1;
}

static void
test_slow_requests(void)
{
    site seen;

    run(short_times, client_drips, &seen);
    AV_CHECK_INT(seen.ended, 0);
}

/* Bodies over the budget are read to their end and refused; small ones go on. */
static void
client_budget(void *ctx)
{
    const gw_rig *rig = ctx;
    static const char head[] = "POST /echo" HOST "Content-Length: 100000" END;
    static const char block[20000] = { 'b' };
    AV_CLEANUP(av_buf_release) av_buf request = { 0 }, reply = { 0 };
    peer p;

    av_buf_init(&request, 1 << 20);
    av_buf_init(&reply, 1 << 20);
    AV_CHECK(peer_connect(&p, rig->port) && peer_start_tls(&p));
    AV_CHECK(peer_send(&p, head, sizeof head - 1) && peer_send(&p, block, sizeof block));
    (void)usleep(200000); /* holds the whole budget now */
    av_buf_puts(&request, "POST /echo" HOST "Content-Length: 100000\r\nConnection: close" END);
    for (size_t i = 0; i < 5; i++)
        av_buf_append(&request, block, sizeof block);
    ask(rig, av_buf_span(&request), &reply);
    AV_CHECK(begins(&reply, "HTTP/1.1 503"));
    ask(rig, av_span_str("POST /echo" HOST "Content-Length: 5\r\nConnection: close" END "small"), &reply);
    AV_CHECK(begins(&reply, "HTTP/1.1 200"));
    peer_close(&p);
    (void)usleep(200000);
    ask(rig, av_buf_span(&request), &reply);
    AV_CHECK(begins(&reply, "HTTP/1.1 200"));
}

static void
small_budget(av_gateway_settings *s)
{
    s->http_form_budget_bytes = s->http_form_bytes;
}

static void
test_body_budget(void)
{
    site seen;

    run(small_budget, client_budget, &seen);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_cases);
    AV_RUN(test_pipeline);
    AV_RUN(test_large);
    AV_RUN(test_clients_that_go);
    AV_RUN(test_slow_requests);
    AV_RUN(test_body_budget);
    return av_check_done();
}
