/*
 * saslprep.c - RFC 4013 by ICU (scram.h)
 */
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include "base/scram.h"
#include "base/secret.h"
#include "base/unicode.h"

#define UNITS_MAX 2048

static bool
prepare(const UChar *in, int32_t n, UChar *out, int32_t *ret_n)
{
    UErrorCode status = U_ZERO_ERROR;
    UStringPrepProfile *profile = usprep_openByType(USPREP_RFC4013_SASLPREP, &status);

    if (U_FAILURE(status))
        return false;
    *ret_n = usprep_prepare(profile, in, n, out, UNITS_MAX, USPREP_DEFAULT, NULL, &status);
    usprep_close(profile);
    return U_SUCCESS(status);
}

bool
av_saslprep(av_span in, av_buf *out)
{
    UChar from[UNITS_MAX], to[UNITS_MAX];
    uint8_t *room = av_buf_reserve(out, (size_t)UNITS_MAX * 3);
    UErrorCode status = U_ZERO_ERROR;
    int32_t n = 0, prepared = 0, bytes = 0;
    bool ok = room != NULL && in.n < UNITS_MAX && av_utf8_valid(in);

    if (ok)
        (void)u_strFromUTF8(from, UNITS_MAX, &n, (const char *)in.p, (int32_t)in.n, &status);
    ok = ok && U_SUCCESS(status) && prepare(from, n, to, &prepared);
    if (ok)
        (void)u_strToUTF8((char *)room, UNITS_MAX * 3, &bytes, to, prepared, &status);
    ok = ok && U_SUCCESS(status);
    if (ok)
        out->n += (size_t)bytes;
    av_secret_wipe(from, sizeof from);
    av_secret_wipe(to, sizeof to);
    return ok;
}
