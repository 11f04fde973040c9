/*
 * log.h - a log line is an event with named fields
 *
 *   AV_LOG(AV_LOG_INFO, "instance.started", AV_STR("instance", id), AV_U64("pid", pid));
 *   -> time=2026-11-22T11:33:31.250Z level=info actor=host/n1 event=instance.started instance=demo pid=4711
 *
 * One line an event, logfmt (default) or JSON, to standard error. Never put a secret, a password or message content
 * into a field. Fields named trace are 32 hex digits and lead from the gateway to the store.
 */
#ifndef AV_BASE_LOG_H
#define AV_BASE_LOG_H

#include "base/error.h"
#include "base/span.h"

typedef enum av_log_level { AV_LOG_DEBUG, AV_LOG_INFO, AV_LOG_WARN, AV_LOG_ERROR } av_log_level;

typedef struct av_field {
    const char *key; /* NULL ends the list */
    enum { AV_FIELD_STR, AV_FIELD_SPAN, AV_FIELD_I64, AV_FIELD_U64 } type;
    const char *str;
    av_span span;
    int64_t i64;
    uint64_t u64;
} av_field;

#define AV_STR(k, v)              ((av_field){ .key = (k), .type = AV_FIELD_STR, .str = (v) })
#define AV_SPAN(k, v)             ((av_field){ .key = (k), .type = AV_FIELD_SPAN, .span = (v) })
#define AV_I64(k, v)              ((av_field){ .key = (k), .type = AV_FIELD_I64, .i64 = (int64_t)(v) })
#define AV_U64(k, v)              ((av_field){ .key = (k), .type = AV_FIELD_U64, .u64 = (uint64_t)(v) })
/* The two fields of an error: code and sentence. */
#define AV_ERRF(e)                AV_STR("error", av_errc_word((e)->code)), AV_STR("detail", (e)->msg)

#define AV_LOG(level, event, ...) av_log_event((level), (event), (const av_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })

/* Name of this actor, shown on each line; copied. Call once at start, before other threads run. */
void av_log_init(const char *actor, av_log_level least, bool json);
/* "debug", "info", "warn", "error"; false for any other word. */
bool av_log_level_parse(const char *word, av_log_level *ret);
void av_log_event(av_log_level level, const char *event, const av_field *fields);

#endif
