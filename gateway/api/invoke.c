/*
 * invoke.c - /api/invoke/<Function>: form fields into a message, a call to the actor, its reply as the result
 *
 * Where a call goes: to the instance its route_by field names, by id or alias in any letter case (management knows
 * which it is, names.c remembers), else to management.
 */
#include "base/clock.h"
#include "base/encode.h"
#include "base/unicode.h"
#include "gateway/api/api_priv.h"
#include "proto/json.h"
#include "proto/management.pb-c.h"
#include "proto/status.pb-c.h"

#define IDEMPOTENCY_HEADER_MAX 255
#define RESOLVE_TIMEOUT_MS     15000

static const char *
string_field(const ProtobufCMessage *message, const char *name)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    const char *value;

    if (field == NULL || field->type != PROTOBUF_C_TYPE_STRING || field->label == PROTOBUF_C_LABEL_REPEATED)
        return NULL;
    memcpy(&value, (const uint8_t *)message + field->offset, sizeof value);
    return value;
}

/* Names of instances compare without case (decisions: names). false: it cannot be one. */
static bool
take_name(av_api_job *job)
{
    const char *name = string_field(job->body, job->method->route_by);
    char actor[sizeof "instance/" + sizeof job->name];
    size_t n = name == NULL ? 0 : strlen(name);

    if (n == 0 || n >= sizeof job->name)
        return false;
    for (size_t i = 0; i < n; i++)
        job->name[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    job->name[n] = '\0';
    (void)snprintf(actor, sizeof actor, "instance/%s", job->name);
    return av_actor_name_valid(av_span_str(actor));
}

static void
fail_no_instance(av_api_job *job)
{
    const char *id = string_field(job->body, job->method->route_by);
    AV_CLEANUP(av_free)
    char *sentence = av_xasprintf("There is no instance \"%.80s\".", id == NULL ? "" : id);

    av_api_job_fail(job, sentence);
}

/*
 * An administrator whose entry was changed by this call logs in anew: his password may be another now. Which calls
 * those are is read from the contract: they change state in management and name the administrator in a field user_name,
 * of the request or of its config.
 */
static void
drop_changed_administrator(av_api_job *job)
{
    const ProtobufCFieldDescriptor *config;
    const ProtobufCMessage *inner = NULL;
    const char *user = string_field(job->body, "user_name");

    if (!job->method->changes_state || job->method->route_by != NULL)
        return;
    config = protobuf_c_message_descriptor_get_field_by_name(job->body->descriptor, "config");
    if (user == NULL && config != NULL && config->type == PROTOBUF_C_TYPE_MESSAGE &&
        config->label != PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&inner, (const uint8_t *)job->body + config->offset, sizeof inner);
        user = inner == NULL ? NULL : string_field(inner, "user_name");
    }
    if (user != NULL)
        av_api_auth_drop_user(job->api->auth, user);
}

static void
answer_operation(av_api_job *job, const ProtobufCMessage *reply)
{
    const Archivolt__Operation *op = (const Archivolt__Operation *)(const void *)reply;

    (void)snprintf(job->token.operation, sizeof job->token.operation, "%s", op->id);
    (void)snprintf(job->token.actor, sizeof job->token.actor, "%s", job->to);
    (void)snprintf(job->token.method, sizeof job->token.method, "%s", job->method->name);
    if (!av_api_token_seal(&job->token, job->login.user, job->api->token_key, job->token_text))
        av_api_job_fail(job, "The operation began, but its id cannot be made into a token.");
    else
        av_api_job_operation(job, reply);
}

static void
on_reply(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    av_api_job *job = ctx;
    json_t *result;

    job->call = NULL;
    if (err != NULL && err->code == AV_ERR_AUTH && av_api_job_log_in_again(job))
        return;
    if (err != NULL && err->code == AV_ERR_AUTH) {
        av_api_job_challenge(job);
        return;
    }
    if (err != NULL && err->code == AV_ERR_NO_ACTOR && job->method->route_by != NULL) {
        av_api_names_drop(job->api->names, job->name);
        fail_no_instance(job);
        return;
    }
    if (err != NULL) {
        av_api_job_fail(job, err->msg);
        return;
    }
    drop_changed_administrator(job);
    if (job->method->changes_state && job->method->route_by == NULL) /* an alias may be another's now */
        av_api_names_clear(job->api->names);
    if (job->method->long_running && reply->descriptor == &archivolt__operation__descriptor) {
        answer_operation(job, reply);
        return;
    }
    result = av_api_result_of(job->method, reply);
    av_api_job_succeed(job, result);
    json_decref(result);
}

/* The client's own key for "this is the same call again", bound to who says so. */
static bool
idempotency_key(const av_api_job *job, uint8_t ret[AV_SHA256_SIZE])
{
    const char *header = av_http_request_header(job->request, "Idempotency-Key");
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 4096);
    if (header == NULL || header[0] == '\0' || strlen(header) > IDEMPOTENCY_HEADER_MAX)
        return false;
    if (!av_buf_puts(&text, job->login.user) || !av_buf_putc(&text, 0) || !av_buf_puts(&text, header))
        return false;
    av_sha256(av_buf_span(&text), ret);
    return true;
}

static void
start_call(av_api_job *job)
{
    uint8_t key[AV_SHA256_SIZE];
    bool has_key = job->method->changes_state && idempotency_key(job, key);
    const av_call_spec spec = {
        .to = job->to,
        .method = job->method->name,
        .body = job->body,
        .timeout_ms = (uint32_t)av_gateway_get_settings(job->api->gateway)->api_call_timeout_s * 1000,
        .session = av_buf_span(&job->ticket),
        .trace = av_span_of(av_http_request_trace(job->request), 16),
        .idempotency_key = has_key ? key : NULL,
        .done = on_reply,
        .ctx = job,
    };

    job->call = av_bus_call(av_gateway_bus(job->api->gateway), &spec);
}

static void
call_instance(av_api_job *job, const char *id)
{
    (void)snprintf(job->to, sizeof job->to, "instance/%s", id);
    start_call(job);
}

static void
on_resolved(void *ctx, av_call *call AV_UNUSED, const ProtobufCMessage *reply, const av_error *err)
{
    av_api_job *job = ctx;
    const char *id;

    job->call = NULL;
    if (err != NULL && (err->code == AV_ERR_NOT_FOUND || err->code == AV_ERR_INVALID)) {
        fail_no_instance(job);
        return;
    }
    if (err != NULL) {
        av_api_job_fail(job, err->msg);
        return;
    }
    id = ((const Archivolt__ResolveInstanceReply *)reply)->instance_id;
    av_api_names_put(job->api->names, job->name, id, av_clock_mono_ms());
    call_instance(job, id);
}

static void
resolve(av_api_job *job)
{
    Archivolt__ResolveInstanceRequest body = ARCHIVOLT__RESOLVE_INSTANCE_REQUEST__INIT;
    const av_call_spec spec = {
        .to = "management",
        .method = "archivolt.Management.ResolveInstance",
        .body = &body.base,
        .timeout_ms = RESOLVE_TIMEOUT_MS,
        .trace = av_span_of(av_http_request_trace(job->request), 16),
        .done = on_resolved,
        .ctx = job,
    };

    body.name = job->name;
    job->call = av_bus_call(av_gateway_bus(job->api->gateway), &spec);
}

void
av_api_run_invoke(av_api_job *self)
{
    const char *id;
    av_error err;

    self->method = av_proto_method_by_api(self->argument);
    if (self->method == NULL) {
        av_http_request_answer_text(self->request, 404, NULL, "There is no function of this name; see get-metadata.");
        return;
    }
    av_http_request_set_function(self->request, self->method->api);
    if (self->body == NULL &&
        av_form_to_message(self->form.fields, self->form.count, self->method->input, &self->body, &err) != AV_OK) {
        av_api_job_fail(self, err.msg);
        return;
    }
    if (self->method->route_by == NULL) {
        (void)snprintf(self->to, sizeof self->to, "management");
        start_call(self);
        return;
    }
    if (!take_name(self)) {
        fail_no_instance(self);
        return;
    }
    id = av_api_names_get(self->api->names, self->name, av_clock_mono_ms());
    if (id != NULL)
        call_instance(self, id);
    else
        resolve(self);
}
