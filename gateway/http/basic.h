/*
 * basic.h - user and password out of an Authorization header (RFC 7617)
 */
#ifndef AV_GATEWAY_HTTP_BASIC_H
#define AV_GATEWAY_HTTP_BASIC_H

#include "base/buf.h"

#define AV_HTTP_BASIC_MAX 1024 /* longest header value looked at */

typedef struct av_http_basic {
    char *user, *password; /* password may be empty */
} av_http_basic;

/*
 * Scheme in any letter case, one or more spaces, base64 of "user:password", UTF-8 without NUL and control bytes; the
 * user is not empty. false: anything else, ret untouched. Pure.
 */
bool av_http_basic_parse(av_span header, av_http_basic *ret);
/* Wipes and frees; a zeroed one is fine. */
void av_http_basic_release(av_http_basic *self);

#endif
