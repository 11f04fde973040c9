/*
 * request.c - one HTTP request from its headers to its last byte
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/secret.h"
#include "gateway/http/escape.h"
#include "gateway/http/http_priv.h"

#define SMALL_BODY_BYTES  16384 /* a body up to this is not counted: the number of connections bounds them */
#define SMALL_REPLY_BYTES 65536

static const av_http_header allow[] = { { "Allow", "GET, HEAD, POST" }, { NULL, NULL } };

static bool
knows_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "POST") == 0;
}

/* Announced size of the body; false: none announced, or not a number. UINT64_MAX: chunks, size unknown. */
static bool
announced_size(const av_http_request *self, uint64_t *ret)
{
    const char *length = av_http_request_header(self, "Content-Length");

    if (av_http_request_header(self, "Transfer-Encoding") != NULL) {
        *ret = UINT64_MAX;
        return true;
    }
    return length != NULL && av_span_u64(av_span_trim(av_span_str(length)), INT64_MAX, ret);
}

struct framing {
    unsigned lengths, encodings;
};

static enum MHD_Result
count_framing(void *ctx, enum MHD_ValueKind kind AV_UNUSED, const char *name, const char *value AV_UNUSED)
{
    struct framing *f = ctx;

    f->lengths += av_span_ieq_str(av_span_str(name), "Content-Length");
    f->encodings += av_span_ieq_str(av_span_str(name), "Transfer-Encoding");
    return MHD_YES;
}

/*
 * RFC 9112, 6.3: two lengths, or a length and chunks, are how requests are smuggled past a proxy that reads them the
 * other way; libmicrohttpd takes the first it finds.
 */
static bool
has_one_framing(const av_http_request *self)
{
    struct framing f = { 0 };

    (void)MHD_get_connection_values(self->connection, MHD_HEADER_KIND, count_framing, &f);
    return f.lengths + f.encodings <= 1;
}

/* What headers alone decide. */
static void
check_headers(av_http_request *self)
{
    uint64_t size = 0;
    bool announced = announced_size(self, &size);

    if (!has_one_framing(self)) {
        av_http_request_answer_text(self, 400, NULL, "The length of the body is given in two ways.");
    } else if (!knows_method(self->method)) {
        av_http_request_answer_text(self, 405, allow, "This method is not served here.");
    } else if (self->path.n == 0) {
        self->refused = 404;
    } else if (strcmp(self->method, "POST") == 0 && !announced) {
        av_http_request_answer_text(self, 411, NULL, "A POST needs a Content-Length, 0 when there is no body.");
    } else if (announced && size != UINT64_MAX && size > self->server->settings->http_form_bytes) {
        av_http_request_answer_text(self, 413, NULL, "The body is larger than this server takes.");
    }
}

static void
begin_body(av_http_request *self)
{
    const av_http_site *site = self->bridge->site;
    uint64_t size = 0;

    av_buf_init(&self->body, (size_t)self->server->settings->http_form_bytes);
    if (self->refused != 0 || self->response != NULL || site->wants_body == NULL)
        return;
    if (!announced_size(self, &size) || size == 0)
        return;
    self->keeps_body = site->wants_body(site->ctx, self);
}

av_http_request *
av_http_request_begin(av_bridge *bridge, struct MHD_Connection *connection, const char *url, const char *method)
{
    av_http_request *self = av_xcalloc(1, sizeof *self);

    self->magic = AV_HTTP_REQUEST_MAGIC;
    self->server = bridge->server;
    self->bridge = bridge;
    self->connection = connection;
    self->began_ms = av_clock_mono_ms();
    bridge->request = self;
    (void)snprintf(self->method, sizeof self->method, "%s", strlen(method) < sizeof self->method ? method : "?");
    av_random_bytes(self->trace, sizeof self->trace);
    av_hex_encode(av_span_of(self->trace, sizeof self->trace), self->trace_hex);
    av_buf_init(&self->path, AV_HTTP_PATH_MAX);
    (void)av_http_path_normalise(av_span_str(url), &self->path);
    (void)av_buf_cstr(&self->path);
    if (bridge->state == AV_BRIDGE_WAITING)
        av_bridge_set_state(bridge, AV_BRIDGE_READING, 0);
    check_headers(self);
    begin_body(self);
    return self;
}

/* Bodies over 16 KB share a budget; each takes its largest size from it once. */
static bool
reserve(av_http_request *self, size_t want)
{
    av_http_server *server = self->server;
    uint64_t max = server->settings->http_form_bytes;

    if (want <= SMALL_BODY_BYTES || self->form_reserved > 0)
        return true;
    if (server->form_bytes + max > server->settings->http_form_budget_bytes)
        return false;
    self->form_reserved = max;
    server->form_bytes += max;
    return true;
}

void
av_http_request_take_body(av_http_request *self, const void *p, size_t n)
{
    if (!self->keeps_body || self->refused != 0)
        return;
    if (!reserve(self, self->body.n + n))
        self->refused = 503;
    else if (!av_buf_append(&self->body, p, n))
        self->refused = 413;
    if (self->refused != 0)
        av_buf_release_secret(&self->body);
}

void
av_http_request_hand_over(av_http_request *self)
{
    const av_http_site *site = self->bridge->site;

    self->handed = true;
    av_bridge_set_state(self->bridge, AV_BRIDGE_WORKING, 0);
    switch (self->refused) {
    case 0:
        site->handle(site->ctx, self);
        return;
    case 404:
        av_http_request_answer_text(self, 404, NULL, "There is nothing at this address.");
        return;
    case 413:
        av_http_request_answer_text(self, 413, NULL, "The body is larger than this server takes.");
        return;
    default:
        av_http_request_answer_text(self, 503, NULL, "Too much is being sent to this server now; try again later.");
        return;
    }
}

/* ---- answering ---- */

static void
add_headers(struct MHD_Response *response, const char *content_type, const av_http_header *headers)
{
    if (content_type != NULL)
        (void)MHD_add_response_header(response, "Content-Type", content_type);
    for (; headers != NULL && headers->name != NULL; headers++)
        (void)MHD_add_response_header(response, headers->name, headers->value);
}

static bool
fits_budget(av_http_request *self, size_t n)
{
    if (n <= SMALL_REPLY_BYTES)
        return true;
    if (self->server->reply_bytes + n > self->server->settings->http_reply_budget_bytes)
        return false;
    self->reply_bytes = n;
    self->server->reply_bytes += n;
    return true;
}

void
av_http_request_answer(
    av_http_request *self, unsigned status, const char *content_type, const av_http_header *headers, av_buf *body)
{
    size_t n = body->n;

    assert(self->magic == AV_HTTP_REQUEST_MAGIC && self->response == NULL);
    if (!fits_budget(self, n)) {
        av_buf_release(body);
        av_http_request_answer_text(self, 503, NULL, "Too many large answers are waiting for their readers.");
        return;
    }
    self->on_gone = NULL;
    self->status = status;
    self->response = MHD_create_response_from_buffer(n, AV_TAKE(body->p), MHD_RESPMEM_MUST_FREE);
    *body = (av_buf){ .max = body->max };
    assert(self->response != NULL);
    add_headers(self->response, content_type, headers);
    (void)MHD_add_response_header(self->response, "X-Archivolt-Trace", self->trace_hex);
    (void)MHD_add_response_header(self->response, "X-Content-Type-Options", "nosniff");
    av_bridge_set_state(self->bridge, AV_BRIDGE_SENDING, n);
    if (self->suspended) {
        self->suspended = false;
        MHD_resume_connection(self->connection);
        av_http_server_wake(self->server);
    }
}

void
av_http_request_answer_text(av_http_request *self, unsigned status, const av_http_header *headers, const char *sentence)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };

    av_buf_init(&body, 4096);
    (void)av_buf_printf(&body, "%s\n", sentence);
    av_http_request_answer(self, status, "text/plain; charset=utf-8", headers, &body);
}

/* ---- ending ---- */

void
av_http_request_abandon(av_http_request *self)
{
    self->abandoned = true;
    if (self->response != NULL || !self->handed)
        return;
    if (self->on_gone != NULL) {
        void (*fn)(void *, av_http_request *) = self->on_gone;

        self->on_gone = NULL;
        fn(self->gone_ctx, self);
    }
    av_http_request_answer_text(self, 499, NULL, "The client has gone.");
}

void
av_http_request_finish(av_http_request *self)
{
    AV_LOG(AV_LOG_INFO, "http.request", AV_STR("site", self->bridge->site->name), AV_STR("peer", self->bridge->peer),
        AV_STR("method", self->method), AV_STR("path", av_buf_cstr(&self->path)), AV_STR("user", self->user),
        AV_STR("function", self->function), AV_U64("status", self->abandoned ? 499 : self->status),
        AV_I64("ms", av_clock_mono_ms() - self->began_ms), AV_STR("trace", self->trace_hex));
    if (self->on_end != NULL)
        self->on_end(self->end_ctx);
    self->server->form_bytes -= self->form_reserved;
    self->server->reply_bytes -= self->reply_bytes;
    if (self->bridge->request == self) {
        self->bridge->request = NULL;
        av_bridge_set_state(self->bridge, AV_BRIDGE_WAITING, 0);
    }
    if (self->response != NULL)
        MHD_destroy_response(self->response);
    av_buf_release_secret(&self->body);
    av_buf_release(&self->path);
    self->magic = 0;
    free(self);
}

/* ---- what sites ask ---- */

const char *
av_http_request_method(const av_http_request *self)
{
    return self->method;
}

const char *
av_http_request_path(const av_http_request *self)
{
    return (const char *)self->path.p; /* made by av_buf_cstr, see begin */
}

const char *
av_http_request_header(const av_http_request *self, const char *name)
{
    return MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, name);
}

/* libmicrohttpd is told not to decode (server.c): what it would let pass is refused here. */
bool
av_http_request_argument(const av_http_request *self, const char *name, av_buf *out)
{
    const char *value = MHD_lookup_connection_value(self->connection, MHD_GET_ARGUMENT_KIND, name);

    return value == NULL || av_http_unescape(av_span_str(value), true, out);
}

av_span
av_http_request_body(const av_http_request *self)
{
    return av_buf_span(&self->body);
}

const char *
av_http_request_peer(const av_http_request *self)
{
    return self->bridge->peer;
}

const uint8_t *
av_http_request_trace(const av_http_request *self)
{
    return self->trace;
}

const char *
av_http_request_trace_hex(const av_http_request *self)
{
    return self->trace_hex;
}

void
av_http_request_set_user(av_http_request *self, const char *user)
{
    (void)snprintf(self->user, sizeof self->user, "%s", user);
}

void
av_http_request_set_function(av_http_request *self, const char *function)
{
    (void)snprintf(self->function, sizeof self->function, "%s", function);
}

void
av_http_request_on_gone(av_http_request *self, void (*fn)(void *ctx, av_http_request *request), void *ctx)
{
    self->on_gone = fn;
    self->gone_ctx = ctx;
}

void
av_http_request_on_end(av_http_request *self, void (*fn)(void *ctx), void *ctx)
{
    self->on_end = fn;
    self->end_ctx = ctx;
}
