/*
 * error.c - see error.h
 */
#include "base/error.h"

#include <errno.h>

static const char *const words[AV_ERRC_COUNT] = {
    [AV_OK] = "ok",
    [AV_ERR_SYNTAX] = "syntax",
    [AV_ERR_INVALID] = "invalid",
    [AV_ERR_LIMIT] = "limit",
    [AV_ERR_CORRUPT] = "corrupt",
    [AV_ERR_NOT_FOUND] = "not_found",
    [AV_ERR_EXISTS] = "exists",
    [AV_ERR_DENIED] = "denied",
    [AV_ERR_AUTH] = "auth",
    [AV_ERR_IO] = "io",
    [AV_ERR_NOSPACE] = "no_space",
    [AV_ERR_NOMEM] = "no_memory",
    [AV_ERR_BUSY] = "busy",
    [AV_ERR_NO_ACTOR] = "no_actor",
    [AV_ERR_UNAVAILABLE] = "unavailable",
    [AV_ERR_ASLEEP] = "asleep",
    [AV_ERR_MOVED] = "moved",
    [AV_ERR_TIMEOUT] = "timeout",
    [AV_ERR_CANCELLED] = "cancelled",
    [AV_ERR_CONFLICT] = "conflict",
    [AV_ERR_VERSION] = "version",
    [AV_ERR_UNSUPPORTED] = "unsupported",
    [AV_ERR_READONLY] = "read_only",
    [AV_ERR_INTERNAL] = "internal",
    [AV_ERR_GONE] = "gone",
};

av_errc
av_error_set(av_error *err, av_errc code, const char *fmt, ...)
{
    va_list ap;

    err->code = code;
    va_start(ap, fmt);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return code;
}

av_errc
av_error_errno(av_error *err, const char *fmt, ...)
{
    int saved = errno;
    char text[96];
    size_t n;
    va_list ap;

    err->code = saved == ENOSPC || saved == EDQUOT ? AV_ERR_NOSPACE : saved == ENOMEM ? AV_ERR_NOMEM : AV_ERR_IO;
    va_start(ap, fmt);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    n = strlen(err->msg);
    (void)snprintf(err->msg + n, sizeof err->msg - n, ": %s", strerror_r(saved, text, sizeof text));
    errno = saved;
    return err->code;
}

av_errc
av_error_prefix(av_error *err, const char *fmt, ...)
{
    char old[sizeof err->msg];
    size_t n;
    va_list ap;

    memcpy(old, err->msg, sizeof old);
    va_start(ap, fmt);
    (void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    n = strlen(err->msg);
    (void)snprintf(err->msg + n, sizeof err->msg - n, ": %s", old);
    return err->code;
}

const char *
av_errc_word(av_errc code)
{
    return (unsigned)code < AV_ERRC_COUNT ? words[code] : "unknown";
}
