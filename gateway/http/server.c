/*
 * server.c - see server.h: libmicrohttpd inside our loop
 *
 * libmicrohttpd runs in MHD_run, called before the loop waits whenever its epoll descriptor was ready or something was
 * resumed or added; never from inside its own callbacks.
 */
#include "gateway/http/server.h"

#include "base/log.h"
#include "gateway/http/http_priv.h"

#define RUNS_PER_TURN 4
#define RUNS_AT_END   1000

void
av_http_server_wake(av_http_server *self)
{
    self->work = true;
    av_loop_again(self->loop);
}

static void
on_epoll(void *ctx, int fd AV_UNUSED, unsigned events AV_UNUSED)
{
    av_http_server *self = ctx;

    self->work = true;
}

static bool
has_more(av_http_server *self)
{
    MHD_UNSIGNED_LONG_LONG timeout = 1;

    return MHD_get_timeout(self->daemon, &timeout) == MHD_YES && timeout == 0;
}

static void
on_prepare(void *ctx)
{
    av_http_server *self = ctx;

    for (int i = 0; i < RUNS_PER_TURN && self->work; i++) {
        self->work = false;
        (void)MHD_run(self->daemon);
        if (has_more(self))
            self->work = true;
    }
    if (self->work)
        av_loop_again(self->loop);
}

/* ---- libmicrohttpd's callbacks ---- */

static void
on_mhd_log(void *ctx AV_UNUSED, const char *format, va_list args)
{
    char line[300];

    (void)vsnprintf(line, sizeof line, format, args);
    if (strstr(line, "TCP_") != NULL || strstr(line, "TCP") != NULL)
        return; /* it tries TCP options on the socket pair; the real socket has them already */
    line[strcspn(line, "\n")] = '\0';
    AV_LOG(AV_LOG_DEBUG, "http.library", AV_STR("detail", line));
}

/* Paths reach us as they stood in the request line: path.c decodes them once, strictly. */
static size_t
keep_escapes(void *ctx AV_UNUSED, struct MHD_Connection *connection AV_UNUSED, char *s)
{
    return strlen(s);
}

static void
on_connection(
    void *ctx, struct MHD_Connection *connection, void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    av_http_server *self = ctx;
    const union MHD_ConnectionInfo *info;
    uint64_t key;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context != NULL)
            av_bridge_released(*socket_context);
        *socket_context = NULL;
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    key = (uint64_t)info->connect_fd;
    *socket_context = av_map_get(self->arriving, av_map_key_u64(&key));
    assert(*socket_context != NULL);
    ((av_bridge *)*socket_context)->mhd_has_it = true;
}

static enum MHD_Result
on_request(void *ctx AV_UNUSED, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version AV_UNUSED, const char *upload, size_t *upload_size, void **request_context)
{
    av_http_request *request = *request_context;

    if (request == NULL) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        *request_context = av_http_request_begin(info->socket_context, connection, url, method);
        request = *request_context;
        if (request->response == NULL)
            return MHD_YES;
    } else if (*upload_size > 0) {
        av_http_request_take_body(request, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    } else if (!request->handed) {
        av_http_request_hand_over(request);
    }
    if (request->response != NULL)
        return MHD_queue_response(connection, request->status, request->response);
    MHD_suspend_connection(connection);
    request->suspended = true;
    return MHD_YES;
}

static void
on_completed(void *ctx AV_UNUSED, struct MHD_Connection *connection AV_UNUSED, void **request_context,
    enum MHD_RequestTerminationCode why AV_UNUSED)
{
    if (*request_context != NULL)
        av_http_request_finish(*request_context);
    *request_context = NULL;
}

/* ---- life ---- */

static struct MHD_Daemon *
start_daemon(av_http_server *self)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, self, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, self, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)self->settings->http_header_bytes, MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT32_MAX,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, self, MHD_OPTION_NOTIFY_COMPLETED, on_completed, self,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, self, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

av_errc
av_http_server_new(av_gateway *gateway, av_http_server **ret, av_error *err)
{
    AV_CLEANUP(av_http_server_destroy) av_http_server *self = av_xcalloc(1, sizeof *self);
    const union MHD_DaemonInfo *info;

    self->gateway = gateway;
    self->loop = av_gateway_loop(gateway);
    self->settings = av_gateway_get_settings(gateway);
    self->arriving = av_map_new();
    self->daemon = start_daemon(self);
    if (self->daemon == NULL)
        return av_error_set(err, AV_ERR_IO, "the HTTP library did not start");
    info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    self->watch = av_loop_add_fd(self->loop, info->epoll_fd, AV_LOOP_READ, on_epoll, self);
    av_loop_add_prepare(self->loop, on_prepare, self);
    *ret = AV_TAKE(self);
    return AV_OK;
}

static void
free_doors(av_http_door *door)
{
    while (door != NULL) {
        av_http_door *next = door->next;

        free(door);
        door = next;
    }
}

void
av_http_server_destroy(av_http_server **self)
{
    av_http_server *s = *self;

    if (s == NULL)
        return;
    if (s->daemon != NULL) {
        av_loop_remove_prepare(s->loop, on_prepare, s);
        /* What was suspended has been resumed with an answer nobody reads: let it run out before the end. */
        for (int i = 0; i < RUNS_AT_END && s->bridges > 0; i++)
            (void)MHD_run(s->daemon);
        av_loop_remove_fd(&s->watch);
        MHD_stop_daemon(s->daemon);
    }
    av_map_destroy(&s->arriving, NULL);
    free_doors(s->doors);
    free(s);
    *self = NULL;
}

av_errc
av_http_server_open(av_http_server *self, uint64_t port, const av_http_site *site, av_error *err)
{
    av_http_door *door = av_xcalloc(1, sizeof *door);
    const av_door spec = {
        .name = site->name,
        .port = port,
        .implicit_tls = true,
        .max_connections = self->settings->http_connections,
        .max_connections_per_address = self->settings->http_connections_per_address,
        .accept = av_bridge_accept,
        .ctx = door,
    };

    *door = (av_http_door){ .server = self, .site = site, .next = self->doors };
    self->doors = door;
    return av_gateway_open_door(self->gateway, &spec, err);
}
