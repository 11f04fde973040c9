/*
 * envelope.h - the reply of the Management API as JSON text
 */
#ifndef AV_GATEWAY_API_ENVELOPE_H
#define AV_GATEWAY_API_ENVELOPE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

#define AV_API_REPLY_MAX (64U * 1024 * 1024)

typedef struct av_api_envelope {
    const char *error_message; /* NULL: no error */
    const char *function;      /* of the error's details */
    const char *token;         /* NULL: none */
    uint64_t status_version;
    const char *status_code; /* running, succeeded, failed, cancelled */
    int percent;             /* -1: unknown */
    const char *status_text; /* or NULL */
    const json_t *result;    /* or NULL */
    const char *log_output;  /* or NULL */
} av_api_envelope;

/*
 * Append byte order mark and envelope, its keys in the order clients know. Strings that are not UTF-8 become
 * "(not UTF-8)". false: out is full. Pure.
 */
bool av_api_envelope_write(const av_api_envelope *self, av_buf *out);
/* Byte order mark and any JSON value: what get-metadata answers. */
bool av_api_value_write(const json_t *value, av_buf *out);

#endif
