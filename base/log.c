/*
 * log.c - see log.h; one write() a line, so lines of several threads and processes do not mix
 */
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINE_MAX_BYTES 4096 /* longer values are cut: a log is for reading */
#define VALUE_MAX      600

static struct {
    char actor[96];
    av_log_level least;
    bool json;
} config = { .actor = "-", .least = AV_LOG_INFO };

static const char *const level_words[] = { "debug", "info", "warn", "error" };

void
av_log_init(const char *actor, av_log_level least, bool json)
{
    (void)snprintf(config.actor, sizeof config.actor, "%s", actor);
    config.least = least;
    config.json = json;
}

bool
av_log_level_parse(const char *word, av_log_level *ret)
{
    for (size_t i = 0; i < AV_COUNT(level_words); i++) {
        if (strcmp(word, level_words[i]) == 0) {
            *ret = (av_log_level)i;
            return true;
        }
    }
    return false;
}

/* A bare word needs no quotes in logfmt. */
static bool
is_bare(av_span v)
{
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || v.p[i] == '"' || v.p[i] == '=' || v.p[i] == '\\' || v.p[i] >= 0x7f)
            return false;
    return v.n > 0;
}

/* Quotes, backslashes and control bytes escaped: a value can never forge a field or a line. */
static void
put_quoted(av_buf *out, av_span v)
{
    av_buf_putc(out, '"');
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];

        if (c == '"' || c == '\\')
            av_buf_printf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            av_buf_printf(out, "\\u%04x", c);
        else
            av_buf_putc(out, c);
    }
    av_buf_putc(out, '"');
}

static void
put_pair(av_buf *out, const char *key, av_span v)
{
    if (v.n > VALUE_MAX)
        v.n = VALUE_MAX;
    if (config.json) {
        av_buf_printf(out, "%s\"%s\":", out->n > 1 ? "," : "", key);
        put_quoted(out, v);
        return;
    }
    av_buf_printf(out, "%s%s=", out->n > 0 ? " " : "", key);
    if (is_bare(v))
        av_buf_append_span(out, v);
    else
        put_quoted(out, v);
}

static void
put_field(av_buf *out, const av_field *f)
{
    char number[32];

    switch (f->type) {
    case AV_FIELD_STR:
        put_pair(out, f->key, av_span_str(f->str == NULL ? "" : f->str));
        return;
    case AV_FIELD_SPAN:
        put_pair(out, f->key, f->span);
        return;
    case AV_FIELD_I64:
        (void)snprintf(number, sizeof number, "%lld", (long long)f->i64);
        break;
    case AV_FIELD_U64:
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)f->u64);
        break;
    }
    put_pair(out, f->key, av_span_str(number));
}

void
av_log_event(av_log_level level, const char *event, const av_field *fields)
{
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    char now[32];

    if (level < config.least)
        return;
    av_buf_init(&out, LINE_MAX_BYTES);
    if (config.json)
        av_buf_putc(&out, '{');
    put_pair(&out, "time", av_span_str(av_clock_format(av_clock_wall_ms(), now)));
    put_pair(&out, "level", av_span_str(level_words[level]));
    put_pair(&out, "actor", av_span_str(config.actor));
    put_pair(&out, "event", av_span_str(event));
    for (; fields->key != NULL; fields++)
        put_field(&out, fields);
    out.full = false; /* a cut line still ends like a line */
    out.max += 2;
    av_buf_puts(&out, config.json ? "}\n" : "\n");
    while (write(STDERR_FILENO, out.p, out.n) < 0 && errno == EINTR)
        ;
}
