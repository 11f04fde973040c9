/*
 * param.h - structured MIME header values: `text/plain; charset="utf-8"; name*0*=...`
 *
 * Pure and tolerant: missing quotes, doubled semicolons, comments and blanks around `=` are all taken. Source: RFC 2045,
 * 5.1; RFC 2231, 3 and 4 for continuations and character sets.
 */
#ifndef AV_STORAGE_MIME_PARAM_H
#define AV_STORAGE_MIME_PARAM_H

#include "base/buf.h"
#include "storage/mime/pool.h"

#define AV_MIME_PARAMS_MAX 64 /* per header field; what comes after is not read */

typedef struct av_mime_param {
    av_span name;  /* lower-case, with any `*0*` of RFC 2231 */
    av_span value; /* unquoted and unfolded, not decoded */
} av_mime_param;

/*
 * Parse value (raw, folds allowed): the words before the first `;` go to ret_head (comments and blanks removed, lower
 * case), the parameters to ret (at most max). Strings live in pool. Returns the number of parameters.
 */
size_t av_mime_params_parse(av_span value, av_mime_pool *pool, av_span *ret_head, av_mime_param *ret, size_t max);
/* Raw value of the parameter of exactly that (lower-case) name; an empty span when there is none. */
av_span av_mime_param_raw(const av_mime_param *params, size_t n, const char *name);
/*
 * Value of a parameter as UTF-8 onto out: plain, `name*` with charset, `name*0`, `name*0*` continuations in any order,
 * and, because mailers do it, RFC 2047 words inside quotes. false: there is no such parameter (nothing appended).
 */
bool av_mime_param_decode(const av_mime_param *params, size_t n, const char *name, av_buf *out);

#endif
