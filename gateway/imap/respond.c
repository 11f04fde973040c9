/*
 * respond.c - what a session says: bytes, tagged ends of commands, errors as response codes
 *
 * Source: RFC 3501, 7; RFC 5530.
 */
#include "base/clock.h"
#include "base/log.h"
#include "gateway/imap/session_priv.h"

void
av_imap_session_write(av_imap_session *self, av_span bytes)
{
    (void)av_buf_append_span(&self->out, bytes);
}

void
av_imap_session_printf(av_imap_session *self, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert(n >= 0 && (size_t)n < sizeof text);
    av_imap_session_write(self, av_span_of(text, (size_t)n));
}

bool
av_imap_session_drained(const av_imap_session *self)
{
    return self->out_at == self->out.n;
}

static void
forget_out(av_imap_session *self)
{
    size_t max = self->out.max;

    self->out_at = 0;
    if (self->out.cap > 65536) {
        av_buf_release(&self->out);
        av_buf_init(&self->out, max);
    } else {
        av_buf_clear(&self->out);
    }
}

static void
send_clear(av_imap_session *self)
{
    size_t n = AV_MIN(self->out.n - self->out_at, av_conn_room(self->conn));

    if (n == 0)
        return;
    (void)av_conn_write(self->conn, av_span_slice(av_buf_span(&self->out), self->out_at, self->out_at + n));
    self->out_at += n;
}

static bool
flush(av_imap_session *self, bool sync)
{
    if (self->out.full) {
        AV_LOG(AV_LOG_WARN, "imap.answer_too_large", AV_U64("conn", av_conn_number(self->conn)),
            AV_STR("user", self->user == NULL ? "" : self->user), AV_U64("most", self->out.max));
        av_conn_close(self->conn);
        self->ending = true;
    }
    if (self->deflate != NULL)
        av_imap_compress_send(self, sync);
    else
        send_clear(self);
    if (!av_imap_session_drained(self))
        return false;
    forget_out(self);
    return true;
}

bool
av_imap_session_flush(av_imap_session *self)
{
    return flush(self, false);
}

bool
av_imap_session_push(av_imap_session *self)
{
    return flush(self, true) && (self->deflate == NULL || !av_deflate_owes(self->deflate));
}

/* IMAP's resp-text is ASCII on one line (RFC 3501, 9). */
static void
put_text(av_imap_session *self, const char *fmt, va_list ap)
{
    char text[AV_IMAP_TEXT_MAX];

    (void)vsnprintf(text, sizeof text, fmt, ap);
    for (char *c = text; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    }
    av_imap_session_write(self, av_span_str(text));
    av_imap_session_write(self, av_span_str("\r\n"));
}

void
av_imap_session_done(av_imap_session *self, const char *status, const char *code, const char *fmt, ...)
{
    const av_gateway_settings *settings = av_gateway_get_settings(self->imap->gateway);
    va_list ap;

    if (strcmp(status, "BAD") == 0 && ++self->bad_commands > settings->imap_bad_commands)
        av_imap_session_bye(self, "too many commands that make no sense");
    av_imap_session_printf(self, "%s %s ", self->tag[0] == '\0' ? "*" : self->tag, status);
    if (code != NULL)
        av_imap_session_printf(self, "[%s] ", code);
    if (self->state != AV_IMAP_NOT_AUTH)
        av_imap_session_note(self, "< %s %s%s%s after %lld ms", self->tag, status, code == NULL ? "" : " ",
            code == NULL ? "" : code, (long long)(av_clock_mono_ms() - self->command_began_ms));
    va_start(ap, fmt);
    put_text(self, fmt, ap);
    va_end(ap);
    av_imap_session_finished(self);
}

void
av_imap_session_bye(av_imap_session *self, const char *fmt, ...)
{
    va_list ap;

    av_imap_session_write(self, av_span_str("* BYE "));
    va_start(ap, fmt);
    put_text(self, fmt, ap);
    va_end(ap);
    self->ending = true;
}

/* What the client asked wrongly is for the curious; what failed on our side is for the operator. */
static void
log_failure(const av_imap_session *self, const av_error *err)
{
    bool ours = err->code == AV_ERR_CORRUPT || err->code == AV_ERR_IO || err->code == AV_ERR_INTERNAL ||
                err->code == AV_ERR_TIMEOUT || err->code == AV_ERR_UNAVAILABLE || err->code == AV_ERR_NO_ACTOR;

    AV_LOG(ours ? AV_LOG_WARN : AV_LOG_DEBUG, "imap.command_failed", AV_U64("conn", av_conn_number(self->conn)),
        AV_STR("user", self->user == NULL ? "" : self->user),
        AV_STR("command", self->command.row == NULL ? "" : self->command.row->name),
        AV_STR("trace", av_imap_session_trace(self).hex), AV_ERRF(err));
}

void
av_imap_session_fail(av_imap_session *self, const av_error *err)
{
    static const struct {
        av_errc code;
        const char *status, *response;
    } rows[] = {
        { AV_ERR_SYNTAX, "BAD", NULL },
        { AV_ERR_INVALID, "NO", "CANNOT" },
        { AV_ERR_LIMIT, "NO", "LIMIT" },
        { AV_ERR_NOT_FOUND, "NO", "NONEXISTENT" },
        { AV_ERR_DENIED, "NO", "NOPERM" },
        { AV_ERR_READONLY, "NO", "NOPERM" },
        { AV_ERR_CORRUPT, "NO", "CORRUPTION" },
        { AV_ERR_INTERNAL, "NO", "SERVERBUG" },
        { AV_ERR_UNSUPPORTED, "NO", "CANNOT" },
        { AV_ERR_AUTH, "NO", "UNAVAILABLE" },
    };

    log_failure(self, err);
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        if (rows[i].code != err->code)
            continue;
        if (err->code == AV_ERR_AUTH) /* the instance was restarted, or the bus is another connection now */
            av_imap_session_bye(self, "the session has ended: please log in again");
        av_imap_session_done(self, rows[i].status, rows[i].response, "%s", err->msg);
        return;
    }
    av_imap_session_done(self, "NO", "UNAVAILABLE", "%s", err->msg);
}

av_imap_standing
av_imap_session_standing(const av_imap_session *self)
{
    const av_gateway_settings *settings = av_gateway_get_settings(self->imap->gateway);

    return (av_imap_standing){
        .state = self->state,
        .secure = av_conn_is_secure(self->conn),
        .may_compress = settings->imap_compress && self->deflate == NULL,
        .offers_scram = settings->imap_scram,
    };
}

void
av_imap_session_write_capabilities(av_imap_session *self)
{
    const av_imap_standing where = av_imap_session_standing(self);

    av_imap_session_write(self, av_span_str("CAPABILITY "));
    (void)av_imap_capabilities_put(&where, &self->out);
}
