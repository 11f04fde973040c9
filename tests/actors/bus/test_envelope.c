/*
 * test_envelope.c - the Envelope frame: what each kind needs, and bounds
 */
#include "actors/bus/envelope.h"

#include "tests/check.h"

typedef Archivolt__Envelope envelope;

static Archivolt__Error some_error = ARCHIVOLT__ERROR__INIT;
static uint8_t sixteen[16], big[2000];

static void
plain(envelope *e)
{
    (void)e;
}
static void
add_method(envelope *e)
{
    e->method = (char *)(uintptr_t) "archivolt.Actor.Ping";
}
static void
add_time(envelope *e)
{
    e->has_time_left_ms = true;
    e->time_left_ms = 5;
}
static void
request(envelope *e)
{
    add_method(e);
    add_time(e);
}
static void
no_time(envelope *e)
{
    add_method(e);
}
static void
zero_time(envelope *e)
{
    request(e);
    e->time_left_ms = 0;
}
static void
no_correlation(envelope *e)
{
    request(e);
    e->has_correlation = false;
}
static void
old_version(envelope *e)
{
    request(e);
    e->version = 2;
}
static void
unknown_bit(envelope *e)
{
    request(e);
    e->has_required_bits = true;
    e->required_bits = 1;
}
static void
short_key(envelope *e)
{
    request(e);
    e->has_idempotency_key = true;
    e->idempotency_key.data = sixteen;
    e->idempotency_key.len = 15;
}
static void
right_key(envelope *e)
{
    short_key(e);
    e->idempotency_key.len = 16;
}
static void
long_session(envelope *e)
{
    request(e);
    e->has_session = true;
    e->session.data = big;
    e->session.len = 1025;
}
static void
short_trace(envelope *e)
{
    request(e);
    e->has_trace = true;
    e->trace.data = sixteen;
    e->trace.len = 3;
}
static void
with_error(envelope *e)
{
    e->error = &some_error;
    some_error.code = ARCHIVOLT__ERROR_CODE__ERROR_BUSY;
    some_error.message = (char *)(uintptr_t) "busy";
}
static void
error_ok(envelope *e)
{
    with_error(e);
    some_error.code = ARCHIVOLT__ERROR_CODE__ERROR_OK;
}
static void
error_latin(envelope *e)
{
    with_error(e);
    some_error.message = (char *)(uintptr_t) "\xe4";
}
static void
offset(envelope *e)
{
    e->has_offset = true;
}
static void
topic(envelope *e)
{
    e->topic = (char *)(uintptr_t) "status/x";
    e->has_sequence = true;
}
static void
no_sequence(envelope *e)
{
    topic(e);
    e->has_sequence = false;
}
static void
kind_99(envelope *e)
{
    e->kind = (Archivolt__Kind)99;
}

static const struct {
    Archivolt__Kind kind;
    void (*change)(envelope *);
    av_errc want;
} cases[] = {
    { ARCHIVOLT__KIND__KIND_REQUEST, request, AV_OK },
    { ARCHIVOLT__KIND__KIND_REQUEST, plain, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REQUEST, no_time, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REQUEST, zero_time, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REQUEST, no_correlation, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REQUEST, old_version, AV_ERR_VERSION },
    { ARCHIVOLT__KIND__KIND_REQUEST, unknown_bit, AV_ERR_VERSION },
    { ARCHIVOLT__KIND__KIND_REQUEST, short_key, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REQUEST, right_key, AV_OK },
    { ARCHIVOLT__KIND__KIND_REQUEST, long_session, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REQUEST, short_trace, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REPLY, plain, AV_OK },
    { ARCHIVOLT__KIND__KIND_ERROR, with_error, AV_OK },
    { ARCHIVOLT__KIND__KIND_ERROR, plain, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_ERROR, error_ok, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_ERROR, error_latin, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_CHUNK, offset, AV_OK },
    { ARCHIVOLT__KIND__KIND_CHUNK, plain, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_CREDIT, plain, AV_OK },
    { ARCHIVOLT__KIND__KIND_CANCEL, plain, AV_OK },
    { ARCHIVOLT__KIND__KIND_STATUS, topic, AV_OK },
    { ARCHIVOLT__KIND__KIND_STATUS, plain, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_STATUS, no_sequence, AV_ERR_INVALID },
    { ARCHIVOLT__KIND__KIND_REPLY, kind_99, AV_ERR_INVALID },
};

static void
test_kinds(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_envelope_free) envelope *back = NULL;
        AV_CLEANUP(av_buf_release) av_buf packed = { 0 };
        envelope e;
        av_error err;

        av_check_row = (long)i;
        av_buf_init(&packed, 65536);
        av_envelope_init(&e, cases[i].kind, 7);
        cases[i].change(&e);
        AV_CHECK(av_envelope_pack(&e, &packed));
        AV_CHECK_RC(av_envelope_open(av_buf_span(&packed), &back, &err), cases[i].want, &err);
        AV_CHECK(back != NULL); /* so that the sender can be told */
        if (cases[i].want == AV_OK && back != NULL)
            AV_CHECK_INT(back->kind, cases[i].kind);
    }
    av_check_row = -1;
}

static void
test_garbage(void)
{
    static uint8_t large[AV_ENVELOPE_FRAME_MAX + 1];
    envelope *back = NULL;
    av_error err;

    AV_CHECK_RC(av_envelope_open(av_span_of(NULL, 0), &back, &err), AV_ERR_SYNTAX, &err);
    AV_CHECK_RC(av_envelope_open(av_span_str("\xff\xff"), &back, &err), AV_ERR_SYNTAX, &err);
    AV_CHECK_RC(av_envelope_open(av_span_of(large, sizeof large), &back, &err), AV_ERR_LIMIT, &err);
    AV_CHECK(back == NULL);
}

static void
test_errors(void)
{
    av_error in = { AV_ERR_NOSPACE, "the disk is full" }, out;
    Archivolt__Error error;
    envelope e;

    av_envelope_init(&e, ARCHIVOLT__KIND__KIND_REPLY, 3);
    av_envelope_set_error(&e, &error, &in, "host/n1");
    av_envelope_get_error(&e, &out);
    AV_CHECK_INT(e.kind, ARCHIVOLT__KIND__KIND_ERROR);
    AV_CHECK_INT(out.code, AV_ERR_NOSPACE);
    AV_CHECK_STR(out.msg, "the disk is full");
    error.code = (Archivolt__ErrorCode)4711; /* of a newer peer */
    av_envelope_get_error(&e, &out);
    AV_CHECK_INT(out.code, AV_ERR_INTERNAL);
    for (int code = 0; code < AV_ERRC_COUNT; code++) /* one list of numbers in two places */
        AV_CHECK(protobuf_c_enum_descriptor_get_value(&archivolt__error_code__descriptor, code) != NULL);
}

int
main(void)
{
    AV_RUN(test_kinds);
    AV_RUN(test_garbage);
    AV_RUN(test_errors);
    return av_check_done();
}
