/*
 * envelope.c - see envelope.h
 */
#include "actors/bus/envelope.h"

#include "base/unicode.h"

typedef Archivolt__Envelope envelope;

enum need { NEED_CORRELATION = 1, NEED_METHOD = 2, NEED_TIME = 4, NEED_ERROR = 8, NEED_OFFSET = 16, NEED_TOPIC = 32 };

static const struct kind_rule {
    unsigned need;
} kind_rules[] = {
    [ARCHIVOLT__KIND__KIND_REQUEST] = { NEED_CORRELATION | NEED_METHOD | NEED_TIME },
    [ARCHIVOLT__KIND__KIND_REPLY] = { NEED_CORRELATION },
    [ARCHIVOLT__KIND__KIND_ERROR] = { NEED_CORRELATION | NEED_ERROR },
    [ARCHIVOLT__KIND__KIND_CHUNK] = { NEED_CORRELATION | NEED_OFFSET },
    [ARCHIVOLT__KIND__KIND_CREDIT] = { NEED_CORRELATION },
    [ARCHIVOLT__KIND__KIND_CANCEL] = { NEED_CORRELATION },
    [ARCHIVOLT__KIND__KIND_HELLO] = { 0 },
    [ARCHIVOLT__KIND__KIND_STATUS] = { NEED_TOPIC },
};

static bool
text_ok(const char *s, size_t max)
{
    return s == NULL || (strlen(s) <= max && av_utf8_valid(av_span_str(s)));
}

/* What must be there for this kind. */
static const char *
missing(const envelope *e, unsigned need)
{
    if ((need & NEED_CORRELATION) != 0 && (!e->has_correlation || e->correlation == 0))
        return "correlation";
    if ((need & NEED_METHOD) != 0 && e->method == NULL)
        return "method";
    if ((need & NEED_TIME) != 0 && (!e->has_time_left_ms || e->time_left_ms == 0))
        return "time_left_ms";
    if ((need & NEED_ERROR) != 0 && (e->error == NULL || e->error->code == ARCHIVOLT__ERROR_CODE__ERROR_OK))
        return "error";
    if ((need & NEED_OFFSET) != 0 && !e->has_offset)
        return "offset";
    if ((need & NEED_TOPIC) != 0 && (e->topic == NULL || !e->has_sequence))
        return "topic or sequence";
    return NULL;
}

/* Bounds hold for every kind, needed or not. */
static const char *
out_of_bounds(const envelope *e)
{
    if (!text_ok(e->method, AV_ENVELOPE_METHOD_MAX))
        return "method";
    if (!text_ok(e->topic, AV_ENVELOPE_TOPIC_MAX))
        return "topic";
    if (e->has_idempotency_key && e->idempotency_key.len != AV_ENVELOPE_KEY_SIZE)
        return "idempotency_key";
    if (e->has_trace && e->trace.len != AV_ENVELOPE_TRACE_SIZE)
        return "trace";
    if (e->has_session && e->session.len > AV_ENVELOPE_SESSION_MAX)
        return "session";
    if (e->has_ticket && e->ticket.len != AV_ENVELOPE_TICKET_SIZE)
        return "ticket";
    if (e->error != NULL &&
        (!text_ok(e->error->message, AV_ENVELOPE_TEXT_MAX) || !text_ok(e->error->actor, AV_ENVELOPE_TOPIC_MAX)))
        return "error";
    if (e->end != NULL && e->end->sha256.len != 32)
        return "end";
    return NULL;
}

static av_errc
check(const envelope *e, av_error *err)
{
    const char *field;

    if (e->version != AV_ENVELOPE_VERSION)
        return av_error_set(
            err, AV_ERR_VERSION, "protocol version %u is not spoken here, only %u", e->version, AV_ENVELOPE_VERSION);
    if ((e->required_bits & ~AV_ENVELOPE_KNOWN_BITS) != 0)
        return av_error_set(err, AV_ERR_VERSION, "required features 0x%llx are not known here",
            (unsigned long long)(e->required_bits & ~AV_ENVELOPE_KNOWN_BITS));
    if ((unsigned)e->kind == 0 || (unsigned)e->kind >= AV_COUNT(kind_rules))
        return av_error_set(err, AV_ERR_INVALID, "envelope: unknown kind %d", (int)e->kind);
    field = missing(e, kind_rules[e->kind].need);
    if (field != NULL)
        return av_error_set(err, AV_ERR_INVALID, "envelope: %s is missing", field);
    field = out_of_bounds(e);
    if (field != NULL)
        return av_error_set(err, AV_ERR_INVALID, "envelope: %s is out of bounds", field);
    return AV_OK;
}

av_errc
av_envelope_open(av_span frame, Archivolt__Envelope **ret, av_error *err)
{
    AV_CLEANUP(av_envelope_free) envelope *e = NULL;
    av_errc rc;

    if (frame.n > AV_ENVELOPE_FRAME_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "envelope: %zu bytes, %u is the most", frame.n, AV_ENVELOPE_FRAME_MAX);
    e = archivolt__envelope__unpack(NULL, frame.n, frame.n == 0 ? (const uint8_t *)"" : frame.p);
    if (e == NULL)
        return av_error_set(err, AV_ERR_SYNTAX, "envelope: not an Envelope message");
    rc = check(e, err);
    *ret = AV_TAKE(e);
    return rc;
}

void
av_envelope_free(Archivolt__Envelope **self)
{
    if (self == NULL || *self == NULL)
        return;
    archivolt__envelope__free_unpacked(*self, NULL);
    *self = NULL;
}

void
av_envelope_init(Archivolt__Envelope *self, Archivolt__Kind kind, uint64_t correlation)
{
    archivolt__envelope__init(self);
    self->version = AV_ENVELOPE_VERSION;
    self->kind = kind;
    self->has_correlation = correlation != 0;
    self->correlation = correlation;
}

bool
av_envelope_pack(const Archivolt__Envelope *self, av_buf *out)
{
    uint8_t *at = av_buf_reserve(out, archivolt__envelope__get_packed_size(self));

    if (at == NULL)
        return false;
    out->n += archivolt__envelope__pack(self, at);
    return true;
}

void
av_envelope_set_error(Archivolt__Envelope *self, Archivolt__Error *error, const av_error *err, const char *actor)
{
    archivolt__error__init(error);
    error->code = (Archivolt__ErrorCode)err->code;
    error->message = (char *)err->msg;
    error->actor = (char *)actor;
    self->kind = ARCHIVOLT__KIND__KIND_ERROR;
    self->error = error;
}

void
av_envelope_get_error(const Archivolt__Envelope *self, av_error *ret)
{
    const Archivolt__Error *e = self->error;
    bool known = e != NULL && (int)e->code > AV_OK && (int)e->code < AV_ERRC_COUNT;

    (void)av_error_set(
        ret, known ? (av_errc)e->code : AV_ERR_INTERNAL, "%s", e == NULL ? "no reason given" : e->message);
}
