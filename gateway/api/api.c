/*
 * api.c - see api.h: routes, logins, limits, the life of a job
 */
#include "gateway/api/api.h"

#include "base/log.h"
#include "base/secret.h"
#include "gateway/api/api_priv.h"
#include "gateway/http/health.h"

#define TICKET_MAX 4096

static const av_api_route routes[] = {
    { "/api/invoke/", true, false, av_api_run_invoke },
    { "/api/get-metadata", false, true, av_api_run_metadata },
    { "/api/get-status", false, false, av_api_run_status },
    { "/api/cancel-async", false, false, av_api_run_cancel },
};

static const av_api_route *
find_route(const char *path)
{
    for (size_t i = 0; i < AV_COUNT(routes); i++) {
        size_t n = strlen(routes[i].path);

        if (routes[i].is_prefix ? strncmp(path, routes[i].path, n) == 0 && path[n] != '\0'
                                : strcmp(path, routes[i].path) == 0)
            return &routes[i];
    }
    return NULL;
}

/* ---- counting ---- */

static bool
count_in(av_api_job *job)
{
    const av_gateway_settings *s = av_gateway_get_settings(job->api->gateway);
    uint64_t *mine = av_map_get_str(job->api->per_user, job->login.user);

    if (job->counted)
        return true;
    if (job->api->jobs >= s->api_calls || (mine != NULL && *mine >= s->api_calls_per_administrator))
        return false;
    if (mine == NULL) {
        mine = av_xcalloc(1, sizeof *mine);
        (void)av_map_put_str(job->api->per_user, job->login.user, mine);
    }
    (*mine)++;
    job->api->jobs++;
    job->counted = true;
    return true;
}

static void
count_out(av_api_job *job)
{
    uint64_t *mine;

    if (!job->counted)
        return;
    mine = av_map_get_str(job->api->per_user, job->login.user);
    job->api->jobs--;
    if (--*mine == 0)
        free(av_map_remove_str(job->api->per_user, job->login.user));
}

/* ---- the life of a job ---- */

static void
stop_job(av_api_job *job)
{
    av_api_auth_forget(&job->wait);
    av_call_cancel(&job->call);
}

static void
on_gone(void *ctx, av_http_request *request AV_UNUSED)
{
    stop_job(ctx);
}

static void
on_end(void *ctx)
{
    av_api_job *job = ctx;

    stop_job(job);
    count_out(job);
    av_http_basic_release(&job->login);
    av_http_form_release(&job->form);
    av_buf_release_secret(&job->ticket);
    if (job->body != NULL)
        protobuf_c_message_free_unpacked(job->body, NULL);
    free(job);
}

void
av_api_job_challenge(av_api_job *self)
{
    static const av_http_header challenge[] = { { "WWW-Authenticate", "Basic realm=\"Archivolt Management API\"" },
        { NULL, NULL } };

    av_http_request_answer_text(
        self->request, 401, challenge, "The name and password of a system administrator are needed.");
}

static void
refuse_login(av_api_job *job, const av_error *err)
{
    static const av_http_header later[] = { { "Retry-After", "5" }, { NULL, NULL } };

    AV_LOG(AV_LOG_WARN, "api.login_failed", AV_STR("user", job->login.user),
        AV_STR("peer", av_http_request_peer(job->request)), AV_STR("trace", av_http_request_trace_hex(job->request)),
        AV_ERRF(err));
    switch (err->code) {
    case AV_ERR_AUTH:
    case AV_ERR_NOT_FOUND: /* no such administrator: not told apart */
    case AV_ERR_INVALID:
        av_api_job_challenge(job);
        return;
    case AV_ERR_DENIED:
        av_http_request_answer_text(job->request, 403, NULL, err->msg);
        return;
    case AV_ERR_LIMIT:
        av_http_request_answer_text(job->request, 429, later, err->msg);
        return;
    default:
        av_http_request_answer_text(job->request, 503, later, err->msg);
        return;
    }
}

static void
on_ticket(void *ctx, av_span ticket, const av_error *err)
{
    static const av_http_header later[] = { { "Retry-After", "1" }, { NULL, NULL } };
    av_api_job *job = ctx;

    job->wait = NULL;
    if (err != NULL) {
        refuse_login(job, err);
        return;
    }
    av_buf_clear(&job->ticket);
    (void)av_buf_append_span(&job->ticket, ticket);
    if (!count_in(job)) {
        av_http_request_answer_text(job->request, 503, later, "Too many calls are at work; try again later.");
        return;
    }
    job->route->run(job);
}

static void
log_in(av_api_job *job)
{
    AV_CLEANUP(av_free) char *client = av_xasprintf("api %s", av_http_request_peer(job->request));
    const av_api_who who = { job->login.user, job->login.password, client, av_http_request_trace(job->request) };

    job->wait = av_api_auth_get(job->api->auth, &who, on_ticket, job);
}

bool
av_api_job_log_in_again(av_api_job *self)
{
    if (self->logged_in_again)
        return false;
    self->logged_in_again = true;
    av_api_auth_refused(self->api->auth, av_buf_span(&self->ticket));
    log_in(self);
    return true;
}

/* ---- requests ---- */

static bool
has_form_type(const av_http_request *request)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = av_http_request_header(request, "Content-Type");
    av_span base;

    if (type == NULL || av_http_request_body(request).n == 0)
        return true;
    base = av_span_str(type);
    return av_span_ieq_str(av_span_trim(av_span_slice(base, 0, av_span_find(base, ';'))), form);
}

/* Answers when something is wrong with it. */
static bool
check_request(av_api_job *job)
{
    static const av_http_header post_only[] = { { "Allow", "POST" }, { NULL, NULL } };
    const char *method = av_http_request_method(job->request);
    av_error err;

    if (strcmp(method, "POST") != 0 && !(job->route->allows_get && strcmp(method, "GET") == 0)) {
        av_http_request_answer_text(job->request, 405, post_only, "This address takes POST.");
        return false;
    }
    if (!has_form_type(job->request)) {
        av_http_request_answer_text(job->request, 415, NULL, "The body must be application/x-www-form-urlencoded.");
        return false;
    }
    if (av_http_form_parse(av_http_request_body(job->request), &job->form, &err) != AV_OK) {
        av_api_job_fail(job, err.msg);
        return false;
    }
    return true;
}

static void
start_job(av_api *api, av_http_request *request, const av_api_route *route)
{
    av_api_job *job = av_xcalloc(1, sizeof *job);
    const char *header = av_http_request_header(request, "Authorization");

    job->api = api;
    job->request = request;
    job->route = route;
    job->argument = av_http_request_path(request) + strlen(route->path);
    av_buf_init(&job->ticket, TICKET_MAX);
    av_http_request_on_gone(request, on_gone, job);
    av_http_request_on_end(request, on_end, job);
    if (header == NULL || !av_http_basic_parse(av_span_str(header), &job->login)) {
        av_api_job_challenge(job);
        return;
    }
    av_http_request_set_user(request, job->login.user);
    if (check_request(job))
        log_in(job);
}

static void
handle(void *ctx, av_http_request *request)
{
    av_api *self = ctx;
    const av_api_route *route;

    if (av_http_health_answer(self->gateway, request))
        return;
    route = find_route(av_http_request_path(request));
    if (route == NULL)
        av_http_request_answer_text(request, 404, NULL, "There is nothing at this address.");
    else
        start_job(self, request, route);
}

static bool
wants_body(void *ctx AV_UNUSED, const av_http_request *request)
{
    return find_route(av_http_request_path(request)) != NULL &&
           av_http_request_header(request, "Authorization") != NULL;
}

av_errc
av_api_new(av_gateway *gateway, av_http_server *server, av_api **ret, av_error *err)
{
    AV_CLEANUP(av_api_destroy) av_api *self = av_xcalloc(1, sizeof *self);
    json_t *metadata = av_api_metadata();
    av_errc rc;

    self->gateway = gateway;
    self->auth = av_api_auth_new(gateway);
    self->names = av_api_names_new();
    self->per_user = av_map_new();
    av_api_token_key(av_bus_keys(av_gateway_bus(gateway))->secret_key, self->token_key);
    av_buf_init(&self->metadata, AV_API_REPLY_MAX);
    (void)av_api_value_write(metadata, &self->metadata);
    json_decref(metadata);
    self->site = (av_http_site){ .name = "api", .handle = handle, .wants_body = wants_body, .ctx = self };
    rc = av_http_server_open(server, av_gateway_node(gateway)->port_api, &self->site, err);
    if (rc != AV_OK)
        return rc;
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_api_destroy(av_api **self)
{
    if (*self == NULL)
        return;
    av_api_auth_destroy(&(*self)->auth);
    av_api_names_destroy(&(*self)->names);
    av_map_destroy(&(*self)->per_user, free);
    av_buf_release(&(*self)->metadata);
    av_secret_wipe((*self)->token_key, sizeof(*self)->token_key);
    free(*self);
    *self = NULL;
}
