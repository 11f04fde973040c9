/*
 * path.h - the path of a request in its one canonical spelling
 */
#ifndef AV_GATEWAY_HTTP_PATH_H
#define AV_GATEWAY_HTTP_PATH_H

#include "base/buf.h"

#define AV_HTTP_PATH_MAX 512

/*
 * raw: path as it stood in the request line, without query. Appends to out: percent-decoded, runs of '/' as one, no '/'
 * at the end ("/" for the root). Clients of the Management API write "/api//get-status" and "/api/invoke/GetUsers/".
 * false, and out untouched: no '/' in front, a malformed or encoded-slash escape (RFC 3986, 2.1), control bytes, not
 * UTF-8, a "." or ".." segment, longer than AV_HTTP_PATH_MAX. Pure.
 */
bool av_http_path_normalise(av_span raw, av_buf *out);

#endif
