/*
 * test_frames.c - what frames say: sizes, addresses, the peek into an Envelope, whom an answer is about
 */
#include "broker/frames.h"

#include "actors/bus/envelope.h"
#include "tests/check.h"

static void
test_judge(void)
{
    static uint8_t bytes[65537];
    static const struct {
        size_t n[4];
        size_t count;
        av_frames_kind want;
    } rows[] = {
        { { 0 }, 1, AV_FRAMES_PROBE },
        { { 1 }, 1, AV_FRAMES_MALFORMED },
        { { 0 }, 0, AV_FRAMES_MALFORMED },
        { { 5, 5 }, 2, AV_FRAMES_MALFORMED },
        { { 5, 5, 5 }, 4, AV_FRAMES_MALFORMED },
        { { 5, 5, 5 }, SIZE_MAX, AV_FRAMES_MALFORMED },
        { { 5, 5, 0 }, 3, AV_FRAMES_FORWARD },
        { { 0, 5, 0 }, 3, AV_FRAMES_MALFORMED },
        { { 5, 0, 0 }, 3, AV_FRAMES_MALFORMED },
        { { AV_FRAMES_TO_MAX, 1, 1 }, 3, AV_FRAMES_FORWARD },
        { { AV_FRAMES_TO_MAX + 1, 1, 1 }, 3, AV_FRAMES_MALFORMED },
        { { 5, AV_FRAMES_ENVELOPE_MAX, AV_FRAMES_BLOB_MAX }, 3, AV_FRAMES_FORWARD },
        { { 5, AV_FRAMES_ENVELOPE_MAX + 1, 0 }, 3, AV_FRAMES_TOO_LARGE },
        { { 5, 1, AV_FRAMES_BLOB_MAX + 1 }, 3, AV_FRAMES_TOO_LARGE },
    };
    const av_span to_broker[] = { av_span_str("broker"), av_span_str("x"), av_span_str("") };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_span frames[3];

        av_check_row = (long)i;
        for (size_t k = 0; k < 3; k++)
            frames[k] = av_span_of(bytes, rows[i].n[k]);
        AV_CHECK_INT(av_frames_judge(frames, rows[i].count), rows[i].want);
    }
    av_check_row = -1;
    AV_CHECK_INT(av_frames_judge(to_broker, 3), AV_FRAMES_BROKER);
}

static void
test_address(void)
{
    static const struct {
        const char *to, *name;
        bool ok, exact;
        uint32_t connection;
    } rows[] = {
        { "management", "management", true, false, 0 },
        { "gateway@n1#0000002a", "gateway@n1", true, true, 0x2a },
        { "a#ffffffff", "a", true, true, UINT32_MAX },
        { "a#FFFFFFFF", "", false, false, 0 },
        { "a#fffffff", "", false, false, 0 },
        { "a#fffffffff", "", false, false, 0 },
        { "a#", "", false, false, 0 },
        { "a#0000#002", "", false, false, 0 },
        { "#0000002a", "", false, false, 0 },
        { "", "", false, false, 0 },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_frames_address got;
        bool ok = rows[i].to[0] != '\0' && av_frames_address_parse(av_span_str(rows[i].to), &got);

        av_check_row = (long)i;
        AV_CHECK_INT(ok, rows[i].ok);
        if (!ok)
            continue;
        AV_CHECK(av_span_eq_str(got.name, rows[i].name));
        AV_CHECK_INT(got.exact, rows[i].exact);
        AV_CHECK_INT(got.connection, rows[i].connection);
    }
    av_check_row = -1;
}

static void
test_answerable(void)
{
    static const struct {
        int kind;
        bool from_caller, has_correlation, want, want_from_caller;
    } rows[] = {
        { ARCHIVOLT__KIND__KIND_REQUEST, false, true, true, false },
        { ARCHIVOLT__KIND__KIND_REQUEST, false, false, false, false },
        { ARCHIVOLT__KIND__KIND_CHUNK, true, true, true, false },
        { ARCHIVOLT__KIND__KIND_CHUNK, false, true, true, true },
        { ARCHIVOLT__KIND__KIND_REPLY, false, true, true, true },
        { ARCHIVOLT__KIND__KIND_ERROR, false, true, false, false },
        { ARCHIVOLT__KIND__KIND_CREDIT, true, true, false, false },
        { ARCHIVOLT__KIND__KIND_CANCEL, true, true, false, false },
        { ARCHIVOLT__KIND__KIND_HELLO, false, true, false, false },
        { ARCHIVOLT__KIND__KIND_STATUS, false, true, false, false },
        { 99, false, true, false, false },
    };

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        Archivolt__Envelope envelope;
        Archivolt__Envelope *answer;
        av_frames_peek peek;
        bool from_caller = false, ok;
        av_buf packed, out;

        av_check_row = (long)i;
        av_envelope_init(&envelope, (Archivolt__Kind)rows[i].kind, UINT64_C(1) << 63);
        envelope.has_correlation = rows[i].has_correlation;
        envelope.has_from_caller = true;
        envelope.from_caller = rows[i].from_caller;
        envelope.method = (char *)(uintptr_t) "archivolt.Actor.Ping";
        av_buf_init(&packed, 4096);
        av_buf_init(&out, 4096);
        AV_CHECK(av_envelope_pack(&envelope, &packed));
        AV_CHECK(av_frames_peek_envelope(av_buf_span(&packed), &peek));
        ok = av_frames_answerable(&peek, &from_caller);
        AV_CHECK_INT(ok, rows[i].want);
        if (ok) {
            AV_CHECK_INT(from_caller, rows[i].want_from_caller);
            av_frames_put_error(&peek, from_caller, AV_ERR_BUSY, "why", av_span_str("who"), &out);
            answer = archivolt__envelope__unpack(NULL, out.n, out.p);
            if (AV_CHECK(answer != NULL)) {
                AV_CHECK(answer->correlation == UINT64_C(1) << 63);
                AV_CHECK_STR(answer->error->actor, "who");
                AV_CHECK_INT(answer->from_caller, rows[i].want_from_caller);
            }
            archivolt__envelope__free_unpacked(answer, NULL);
        }
        av_buf_release(&packed);
        av_buf_release(&out);
    }
    av_check_row = -1;
}

static void
test_peek_bad(void)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        { "", 0 }, { "\x08", 1 }, { "\x08\x01", 2 }, /* no kind */
        { "\x08\x01\x10\x01\x1a\x05"
          "ab",
            8 }, /* a string that ends behind the frame */
        { "\x08\x01\x10\x01\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15 },
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01", 14 }, /* varint of 11 bytes */
        { "\x08\x01\x10\x01\x0b", 5 },                                      /* a group */
        { "\x08\x01\x10\x01\x00\x01", 6 },                                  /* field 0 */
    };
    av_frames_peek peek;

    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        AV_CHECK(!av_frames_peek_envelope(av_span_of(rows[i].bytes, rows[i].n), &peek));
    }
    av_check_row = -1;
}

int
main(void)
{
    AV_RUN(test_judge);
    AV_RUN(test_address);
    AV_RUN(test_answerable);
    AV_RUN(test_peek_bad);
    return av_check_done();
}
