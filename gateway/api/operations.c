/*
 * operations.c - get-status and cancel-async: the long operations of actors by their tokens
 *
 * The actor that executes keeps the state (decisions.md 19); here is only the token. get-status is held by the actor
 * until there is something new or the time is up, meanwhile the client's connection costs nothing.
 */
#include "gateway/api/api_priv.h"
#include "proto/status.pb-c.h"

#define ANSWER_MARGIN_MS 10000 /* beyond the time the actor holds the request */

static void
answer_gone(av_api_job *job)
{
    av_http_request_answer_text(job->request, 404, NULL, "This token is unknown or has expired.");
}

/*
 * The actor does not answer now, which says nothing of the operation: actors keep them across a restart. A client that
 * saw "failed" would stop asking; so it is told that it runs, and why there is no news.
 */
static void
answer_no_news(av_api_job *job, const av_error *err)
{
    const av_api_envelope envelope = {
        .token = job->token_text,
        .status_version = job->known_version,
        .status_code = "running",
        .percent = -1,
        .status_text = err->msg,
    };

    av_api_job_envelope(job, &envelope);
}

static void
on_operation(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    av_api_job *job = ctx;

    job->call = NULL;
    if (err == NULL) {
        av_api_job_operation(job, reply);
        return;
    }
    switch (err->code) {
    case AV_ERR_NOT_FOUND:
    case AV_ERR_NO_ACTOR:
        answer_gone(job);
        return;
    case AV_ERR_AUTH:
        if (!av_api_job_log_in_again(job))
            av_api_job_challenge(job);
        return;
    case AV_ERR_UNAVAILABLE:
    case AV_ERR_BUSY:
    case AV_ERR_TIMEOUT:
        answer_no_news(job, err);
        return;
    default:
        av_api_job_fail(job, err->msg);
        return;
    }
}

/* Answers when there is no good token. */
static bool
take_token(av_api_job *job)
{
    av_span text;

    if (!av_http_form_get(&job->form, "token", &text)) {
        av_api_job_fail(job, "Missing API argument token.");
        return false;
    }
    if (!av_api_token_open(text, job->login.user, job->api->token_key, &job->token)) {
        answer_gone(job);
        return false;
    }
    (void)snprintf(job->token_text, sizeof job->token_text, "%.*s", (int)text.n, (const char *)text.p);
    job->method = av_proto_method(job->token.method);
    (void)snprintf(job->to, sizeof job->to, "%s", job->token.actor);
    if (job->method != NULL && job->method->api != NULL)
        av_http_request_set_function(job->request, job->method->api);
    return true;
}

/* A whole number, or -1 where that is allowed; left out: absent stays false. */
static bool
take_number(av_api_job *job, const char *name, uint64_t max, bool *ret_present, uint64_t *ret)
{
    AV_CLEANUP(av_free) char *sentence = NULL;
    av_span text;

    *ret_present = false;
    if (!av_http_form_get(&job->form, name, &text) || av_span_eq_str(text, "-1"))
        return true;
    if (av_span_u64(text, max, ret)) {
        *ret_present = true;
        return true;
    }
    sentence = av_xasprintf("API argument %s: must be a whole number.", name);
    av_api_job_fail(job, sentence);
    return false;
}

static void
start_call(av_api_job *job, const char *method, const ProtobufCMessage *body, uint32_t timeout_ms, bool with_ticket)
{
    const av_call_spec spec = {
        .to = job->to,
        .method = method,
        .body = body,
        .timeout_ms = timeout_ms,
        .session = with_ticket ? av_buf_span(&job->ticket) : (av_span){ 0 },
        .trace = av_span_of(av_http_request_trace(job->request), 16),
        .done = on_operation,
        .ctx = job,
    };

    job->call = av_bus_call(av_gateway_bus(job->api->gateway), &spec);
}

void
av_api_run_status(av_api_job *self)
{
    Archivolt__OperationWaitRequest body = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
    uint64_t longest = av_gateway_get_settings(self->api->gateway)->api_long_poll_max_s * 1000;
    uint64_t wait_ms = 0;
    bool has_version = false, has_wait = false;

    if (!take_token(self) ||
        !take_number(self, "lastKnownStatusVersion", INT64_MAX, &has_version, &self->known_version) ||
        !take_number(self, "millisecondsTimeout", INT64_MAX, &has_wait, &wait_ms))
        return;
    body.id = self->token.operation;
    body.has_known_version = has_version;
    body.known_version = self->known_version;
    body.has_timeout_ms = true;
    body.timeout_ms = (uint32_t)AV_MIN(wait_ms, longest);
    start_call(self, "archivolt.Operations.Wait", &body.base, body.timeout_ms + ANSWER_MARGIN_MS, false);
}

void
av_api_run_cancel(av_api_job *self)
{
    Archivolt__OperationCancelRequest body = ARCHIVOLT__OPERATION_CANCEL_REQUEST__INIT;

    if (!take_token(self))
        return;
    body.id = self->token.operation;
    start_call(self, "archivolt.Operations.Cancel", &body.base,
        (uint32_t)av_gateway_get_settings(self->api->gateway)->api_call_timeout_s * 1000, true);
}
