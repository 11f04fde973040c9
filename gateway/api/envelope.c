/*
 * envelope.c - see envelope.h
 *
 * The mark in front: the known server writes it, and there are scripts that cut the first character off blindly.
 */
#include "gateway/api/envelope.h"

#include "proto/json.h"

static const char byte_order_mark[] = "\xef\xbb\xbf";

static json_t *
string_or_null(const char *s)
{
    json_t *v = s == NULL ? json_null() : json_string(s);

    return v != NULL ? v : json_string("(not UTF-8)");
}

/* The details of the known server are a .NET exception with its stack; scripts show them, none takes them apart. */
static json_t *
error_or_null(const av_api_envelope *self)
{
    json_t *error, *message;
    AV_CLEANUP(av_free) char *details = NULL;

    if (self->error_message == NULL)
        return json_null();
    details = av_xasprintf(
        "System.Exception: %s\r\n   at %s", self->error_message, self->function == NULL ? "Archivolt" : self->function);
    error = json_object();
    message = string_or_null(self->error_message);
    (void)json_object_set_new(error, "message", message);
    (void)json_object_set_new(error, "details", string_or_null(details));
    return error;
}

bool
av_api_value_write(const json_t *value, av_buf *out)
{
    return av_buf_puts(out, byte_order_mark) && av_json_write(value, false, out);
}

bool
av_api_envelope_write(const av_api_envelope *self, av_buf *out)
{
    json_t *object = json_object();
    json_t *result = self->result == NULL ? json_null() : json_incref((json_t *)(uintptr_t)self->result);
    bool ok;

    (void)json_object_set_new(object, "error", error_or_null(self));
    (void)json_object_set_new(object, "token", string_or_null(self->token));
    (void)json_object_set_new(object, "statusVersion", json_integer((json_int_t)self->status_version));
    (void)json_object_set_new(object, "statusCode", json_string(self->status_code));
    (void)json_object_set_new(object, "percentProgress", self->percent < 0 ? json_null() : json_integer(self->percent));
    (void)json_object_set_new(object, "statusText", string_or_null(self->status_text));
    (void)json_object_set_new(object, "result", result);
    (void)json_object_set_new(object, "logOutput", string_or_null(self->log_output));
    ok = av_api_value_write(object, out);
    json_decref(object);
    return ok;
}
