/*
 * frames.c - see frames.h; protobuf's wire format is read by hand here, because a refused message must not cost an
 * allocation
 */
#include "broker/frames.h"

#include "proto/envelope.pb-c.h"

#define MESSAGE_MAX 512

/* Field numbers of Envelope (proto/envelope.proto). */
enum { FIELD_VERSION = 1, FIELD_KIND = 2, FIELD_CORRELATION = 4, FIELD_REQUIRED_BITS = 9, FIELD_FROM_CALLER = 11 };
/* Wire types (protobuf encoding, "Message structure"); groups are not in the contract. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

av_frames_kind
av_frames_judge(const av_span *frames, size_t count)
{
    if (count == 1 && frames[0].n == 0)
        return AV_FRAMES_PROBE;
    if (count != AV_FRAMES_PER_MESSAGE || frames[0].n == 0 || frames[0].n > AV_FRAMES_TO_MAX || frames[1].n == 0)
        return AV_FRAMES_MALFORMED;
    if (frames[1].n > AV_FRAMES_ENVELOPE_MAX || frames[2].n > AV_FRAMES_BLOB_MAX)
        return AV_FRAMES_TOO_LARGE;
    return av_span_eq_str(frames[0], "broker") ? AV_FRAMES_BROKER : AV_FRAMES_FORWARD;
}

static bool
hex_digit(uint8_t c, uint32_t *ret)
{
    if (c >= '0' && c <= '9')
        *ret = (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *ret = (uint32_t)(c - 'a') + 10;
    else
        return false;
    return true;
}

bool
av_frames_address_parse(av_span to, av_frames_address *ret)
{
    size_t hash = av_span_find(to, '#');
    uint32_t value = 0, digit;

    if (hash == 0)
        return false;
    ret->name = av_span_slice(to, 0, hash);
    ret->exact = hash < to.n;
    ret->connection = 0;
    if (!ret->exact)
        return true;
    if (to.n - hash != 9)
        return false;
    for (size_t i = hash + 1; i < to.n; i++) {
        if (!hex_digit(to.p[i], &digit))
            return false;
        value = value << 4 | digit;
    }
    ret->connection = value;
    return true;
}

static bool
get_varint(av_span *s, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < 10 && i < s->n; i++) {
        value |= (uint64_t)(s->p[i] & 0x7f) << (7 * i);
        if ((s->p[i] & 0x80) == 0) {
            *s = av_span_skip(*s, i + 1);
            *ret = value;
            return true;
        }
    }
    return false;
}

/* Over one value that is not a varint. */
static bool
skip_value(av_span *s, unsigned wire)
{
    uint64_t n = 0;

    if (wire == WIRE_FIXED64)
        n = 8;
    else if (wire == WIRE_FIXED32)
        n = 4;
    else if (wire != WIRE_BYTES || !get_varint(s, &n))
        return false;
    if (n > s->n)
        return false;
    *s = av_span_skip(*s, (size_t)n);
    return true;
}

static void
take_field(av_frames_peek *peek, uint64_t field, uint64_t value)
{
    switch (field) {
    case FIELD_VERSION:
        peek->version = value;
        break;
    case FIELD_KIND:
        peek->kind = value;
        break;
    case FIELD_CORRELATION:
        peek->correlation = value;
        peek->has_correlation = true;
        break;
    case FIELD_REQUIRED_BITS:
        peek->required_bits = value;
        break;
    case FIELD_FROM_CALLER:
        peek->from_caller = value != 0;
        break;
    default:
        break;
    }
}

bool
av_frames_peek_envelope(av_span envelope, av_frames_peek *ret)
{
    av_frames_peek peek = { 0 };
    uint64_t tag, value;

    while (envelope.n > 0) {
        if (!get_varint(&envelope, &tag) || tag >> 3 == 0)
            return false;
        if ((tag & 7) == WIRE_VARINT) {
            if (!get_varint(&envelope, &value))
                return false;
            take_field(&peek, tag >> 3, value);
        } else if (!skip_value(&envelope, (unsigned)(tag & 7))) {
            return false;
        }
    }
    if (peek.version == 0 || peek.kind == 0)
        return false;
    *ret = peek;
    return true;
}

bool
av_frames_answerable(const av_frames_peek *peek, bool *ret_from_caller)
{
    if (!peek->has_correlation)
        return false;
    switch (peek->kind) {
    case ARCHIVOLT__KIND__KIND_REQUEST:
        *ret_from_caller = false;
        return true;
    case ARCHIVOLT__KIND__KIND_CHUNK:
        *ret_from_caller = !peek->from_caller;
        return true;
    case ARCHIVOLT__KIND__KIND_REPLY:
        *ret_from_caller = true;
        return true;
    default: /* an answer to an error, credit or cancel would be answered in turn for ever */
        return false;
    }
}

void
av_frames_put_error(
    const av_frames_peek *peek, bool from_caller, av_errc code, const char *message, av_span actor, av_buf *out)
{
    Archivolt__Envelope envelope = ARCHIVOLT__ENVELOPE__INIT;
    Archivolt__Error error = ARCHIVOLT__ERROR__INIT;
    char text[MESSAGE_MAX], name[AV_FRAMES_TO_MAX + 1];
    size_t name_n = AV_MIN(actor.n, AV_FRAMES_TO_MAX), n;
    uint8_t *at;

    (void)snprintf(text, sizeof text, "%s", message);
    if (name_n > 0)
        memcpy(name, actor.p, name_n);
    name[name_n] = '\0';
    error.code = (Archivolt__ErrorCode)code;
    error.message = text;
    error.actor = name_n == 0 ? NULL : name;
    envelope.version = 1;
    envelope.kind = ARCHIVOLT__KIND__KIND_ERROR;
    envelope.has_correlation = true;
    envelope.correlation = peek->correlation;
    envelope.has_from_caller = from_caller;
    envelope.from_caller = from_caller;
    envelope.error = &error;
    n = archivolt__envelope__get_packed_size(&envelope);
    at = av_buf_reserve(out, n);
    if (at != NULL)
        out->n += archivolt__envelope__pack(&envelope, at);
}
