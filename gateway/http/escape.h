/*
 * escape.h - percent-decoding, for paths and for forms
 */
#ifndef AV_GATEWAY_HTTP_ESCAPE_H
#define AV_GATEWAY_HTTP_ESCAPE_H

#include "base/buf.h"

/*
 * Append in with every %XX decoded (RFC 3986, 2.1), and '+' as a space when plus_is_space (forms). false when an escape
 * is malformed or out is full; out may then hold a part. Pure.
 */
bool av_http_unescape(av_span in, bool plus_is_space, av_buf *out);

#endif
