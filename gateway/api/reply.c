/*
 * reply.c - answers of the Management API: envelopes, results, headers
 */
#include "gateway/api/api_priv.h"
#include "proto/json.h"
#include "proto/status.pb-c.h"

#define DONE_VERSION 2 /* of a call that was done at once */

/* The headers the known server sends; Server too, for there are clients that look at it. */
static const av_http_header json_headers[] = {
    { "Cache-Control", "no-cache, private, no-store, must-revalidate, max-stale=0, post-check=0, pre-check=0" },
    { "Pragma", "no-cache" },
    { "Server", "Microsoft-HTTPAPI/2.0" },
    { NULL, NULL },
};

void
av_api_job_json(av_api_job *self, av_buf *text)
{
    av_http_request_answer(self->request, 200, "application/json", json_headers, text);
}

void
av_api_job_envelope(av_api_job *self, const av_api_envelope *envelope)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, AV_API_REPLY_MAX);
    if (av_api_envelope_write(envelope, &text)) {
        av_api_job_json(self, &text);
        return;
    }
    av_buf_release(&text);
    av_api_job_fail(self, "The result is too large for one reply.");
}

void
av_api_job_fail(av_api_job *self, const char *sentence)
{
    const av_api_envelope envelope = {
        .error_message = sentence,
        .function = self->method != NULL ? self->method->api : NULL,
        .status_version = DONE_VERSION,
        .status_code = "failed",
        .percent = -1,
    };

    av_api_job_envelope(self, &envelope);
}

void
av_api_job_succeed(av_api_job *self, const json_t *result)
{
    const av_api_envelope envelope = {
        .status_version = DONE_VERSION,
        .status_code = "succeeded",
        .percent = -1,
        .result = result,
    };

    av_api_job_envelope(self, &envelope);
}

json_t *
av_api_result_of(const av_method_info *method, const ProtobufCMessage *reply)
{
    json_t *whole;

    if (method != NULL && method->result != NULL &&
        protobuf_c_message_descriptor_get_field_by_name(reply->descriptor, method->result) != NULL)
        return av_json_from_field(reply, method->result);
    whole = av_json_from_message(reply);
    if (!json_is_object(whole) || json_object_size(whole) > 0)
        return whole;
    json_decref(whole);
    return NULL;
}

/* The result an operation carries: packed, with the name of its type. */
static json_t *
operation_result(const av_method_info *method, const Archivolt__Operation *op)
{
    const av_message_info *type = op->result_type == NULL ? NULL : av_proto_message_by_name(op->result_type);
    ProtobufCMessage *message;
    json_t *value;

    if (type == NULL || !op->has_result)
        return NULL;
    message = protobuf_c_message_unpack(type->descriptor, NULL, op->result.len, op->result.data);
    if (message == NULL)
        return NULL;
    value = av_api_result_of(method, message);
    protobuf_c_message_free_unpacked(message, NULL);
    return value;
}

/* Actors end a log line with LF; clients of this API print what they get, and expect CR LF. NULL for an empty log. */
static char *
log_output(const char *log)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, log == NULL ? 0 : 2 * strlen(log));
    for (const char *p = log; p != NULL && *p != '\0'; p++) {
        if (*p == '\n' && (p == log || p[-1] != '\r'))
            (void)av_buf_putc(&out, '\r');
        (void)av_buf_putc(&out, (uint8_t)*p);
    }
    return out.n == 0 ? NULL : av_xstrdup(av_buf_cstr(&out));
}

void
av_api_job_operation(av_api_job *self, const ProtobufCMessage *operation)
{
    const Archivolt__Operation *op = (const Archivolt__Operation *)(const void *)operation;
    bool failed = op->state == ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_FAILED;
    const char *word = av_proto_enum_word(&archivolt__operation_state__descriptor, (int)op->state);
    json_t *result = operation_result(self->method, op);
    AV_CLEANUP(av_free) char *log = log_output(op->log);
    const av_api_envelope envelope = {
        .error_message = !failed                     ? NULL
                         : op->error_message != NULL ? op->error_message
                                                     : "The operation failed.",
        .function = self->method != NULL ? self->method->api : op->name,
        .token = self->token_text,
        .status_version = op->version,
        .status_code = word != NULL ? word : "running",
        .percent = op->has_percent ? (int)AV_MIN(op->percent, 100U) : -1,
        .status_text = op->text,
        .result = result,
        .log_output = log,
    };

    av_api_job_envelope(self, &envelope);
    json_decref(result);
}
