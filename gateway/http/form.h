/*
 * form.h - a body of application/x-www-form-urlencoded as a list of fields
 */
#ifndef AV_GATEWAY_HTTP_FORM_H
#define AV_GATEWAY_HTTP_FORM_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/json.h"

#define AV_HTTP_FORM_FIELDS_MAX 256

typedef struct av_http_form {
    av_form_field *fields; /* spans into text */
    size_t count;
    av_buf text; /* wiped at release: a form carries passwords */
} av_http_form;

/*
 * Parse a whole body. ret is filled on success only; release it. Errors are sentences for the client: SYNTAX for a
 * malformed escape, a field without a name, bytes that are not UTF-8; LIMIT for more than AV_HTTP_FORM_FIELDS_MAX
 * fields. A byte order mark before the first name is no part of it. Pure.
 */
av_errc av_http_form_parse(av_span body, av_http_form *ret, av_error *err);
void av_http_form_release(av_http_form *self); /* a zeroed one is fine */
/* Value of the first field of that name; false when there is none. */
bool av_http_form_get(const av_http_form *self, const char *key, av_span *ret);

#endif
