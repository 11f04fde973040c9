/*
 * error.h - an error is a code for the program and a sentence for a person
 *
 * Library code returns errors; the actor that owns the request logs each once. The numbers of av_errc are the
 * numbers of ErrorCode in proto/envelope.proto and therefore never change their meaning.
 */
#ifndef AV_BASE_ERROR_H
#define AV_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

typedef enum av_errc {
    AV_OK = 0,
    AV_ERR_SYNTAX = 1,  /* the peer broke the grammar */
    AV_ERR_INVALID = 2, /* a well-formed value that is not allowed here */
    AV_ERR_LIMIT = 3,   /* a configured limit was met; msg names it */
    AV_ERR_CORRUPT = 4, /* our own stored bytes fail their checks */
    AV_ERR_NOT_FOUND = 5,
    AV_ERR_EXISTS = 6,
    AV_ERR_DENIED = 7, /* known, but not allowed to */
    AV_ERR_AUTH = 8,   /* login missing, wrong or run out */
    AV_ERR_IO = 9,
    AV_ERR_NOSPACE = 10, /* disk or quota full; nothing was changed */
    AV_ERR_NOMEM = 11,
    AV_ERR_BUSY = 12,        /* try again later */
    AV_ERR_NO_ACTOR = 13,    /* nobody of that name in the registry */
    AV_ERR_UNAVAILABLE = 14, /* known actor, not connected now */
    AV_ERR_ASLEEP = 15,      /* known instance, asleep: wake it and send again */
    AV_ERR_MOVED = 16,       /* the name lives on another node now */
    AV_ERR_TIMEOUT = 17,     /* deadline passed; the outcome is unknown */
    AV_ERR_CANCELLED = 18,
    AV_ERR_CONFLICT = 19,    /* idempotency key seen with another body, or a version clash */
    AV_ERR_VERSION = 20,     /* newer major version or an unknown required bit */
    AV_ERR_UNSUPPORTED = 21, /* method or option this actor does not have */
    AV_ERR_READONLY = 22,    /* write protected */
    AV_ERR_INTERNAL = 23,    /* our own mistake, reported instead of a crash */
    AV_ERR_GONE = 24,        /* was here and was erased for good */
    AV_ERRC_COUNT
} av_errc;

typedef struct av_error {
    av_errc code;
    char msg[320]; /* outermost step first: "stored blob: header at byte 12: no colon" */
} av_error;

/* Set err and return its code, so that a failing line can be: return av_error_set(err, ...). err is never NULL. */
av_errc av_error_set(av_error *err, av_errc code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same with ": " and the text of errno (taken at entry) at the end. ENOSPC and EDQUOT turn AV_ERR_IO into AV_ERR_NOSPACE. */
av_errc av_error_errno(av_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Put "<prefix>: " in front of the message; returns err->code. */
av_errc av_error_prefix(av_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The word for logs and JSON: "not_found". Never NULL. */
const char *av_errc_word(av_errc code);

#endif
