/*
 * test_split_large.c - messages of 200 MB in pieces of 64 KB: what comes out is right, and memory does not grow
 *
 * Nothing is kept: what is sent repeats itself, so the sink can tell each byte that must come.
 */
#include <sys/resource.h>

#include "storage/mime/split.h"
#include "tests/check.h"

enum { PIECE = 64 * 1024, LINE = 57, LINES = 1024, GROWTH_MAX_KB = 4096 };
#define TOTAL_BYTES (200ULL * 1024 * 1024)

static struct {
    uint8_t decoded[LINE * LINES]; /* what the base64 says, again and again */
    uint8_t encoded[(LINE / 3 * 4 + 2) * LINES + PIECE];
    uint8_t text[PIECE * 2]; /* any bytes but line ends */
    av_splitter *splitter;
} t;

typedef struct tally {
    uint64_t literal, parts, data, data_wrong, raw;
    av_split_part last;
} tally;

static av_errc
on_literal(void *ctx, av_span bytes, av_error *err)
{
    tally *self = ctx;

    (void)err;
    self->literal += bytes.n;
    return AV_OK;
}

static av_errc
on_part_begin(void *ctx, av_split_coding coding, av_error *err)
{
    tally *self = ctx;

    (void)err;
    (void)coding;
    self->parts++;
    self->data = 0;
    return AV_OK;
}

/* Decoded bytes are looked at, raw ones counted. */
static av_errc
on_part_data(void *ctx, av_span bytes, av_error *err)
{
    tally *self = ctx;

    (void)err;
    for (av_span rest = bytes; rest.n > 0;) {
        size_t at = (size_t)((self->data + (bytes.n - rest.n)) % sizeof t.decoded);
        size_t n = AV_MIN(rest.n, sizeof t.decoded - at);

        self->data_wrong += memcmp(rest.p, t.decoded + at, n) != 0;
        rest = av_span_skip(rest, n);
    }
    self->data += bytes.n;
    return AV_OK;
}

static av_errc
on_part_end(void *ctx, const av_split_part *part, av_error *err)
{
    tally *self = ctx;

    (void)err;
    self->raw += part->raw_size;
    self->last = *part;
    return AV_OK;
}

static long
memory_kb(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

static void
feed(const void *p, size_t n)
{
    av_error err;

    AV_CHECK_RC(av_splitter_feed(t.splitter, av_span_of(p, n), &err), AV_OK, &err);
}

static void
feed_text(const char *text)
{
    feed(text, strlen(text));
}

static void
begin(tally *ret)
{
    const av_split_sink sink = { ret, on_literal, on_part_begin, on_part_data, on_part_end };

    *ret = (tally){ .literal = 0 };
    av_splitter_begin(t.splitter, NULL, &sink);
}

static void
end(const tally *got, uint64_t sent, long before_kb)
{
    av_error err;

    AV_CHECK_RC(av_splitter_end(t.splitter, &err), AV_OK, &err);
    AV_CHECK_INT(got->literal + got->raw, sent);
    AV_CHECK(memory_kb() - before_kb < GROWTH_MAX_KB);
}

static const char head[] = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
static const char base64[] = "Content-Transfer-Encoding: base64\r\n\r\n";
static const char tail[] = "\r\n--b--\r\n";

static void
test_attachment(void)
{
    const uint64_t lines = TOTAL_BYTES / (LINE / 3 * 4 + 2), n = lines * (LINE / 3 * 4 + 2);
    long before_kb = memory_kb();
    tally got;

    begin(&got);
    feed_text(head);
    feed_text(base64);
    for (uint64_t at = 0; at < n; at += PIECE) {
        size_t period = sizeof t.encoded - PIECE;

        feed(t.encoded + at % period, (size_t)AV_MIN((uint64_t)PIECE, n - at));
    }
    feed_text(tail);
    end(&got, sizeof head + sizeof base64 + sizeof tail - 3 + n, before_kb);
    AV_CHECK_INT(got.parts, 1);
    AV_CHECK_INT(got.data_wrong, 0);
    AV_CHECK_INT(got.last.coding, AV_SPLIT_BASE64);
    AV_CHECK_INT(got.last.size, lines * LINE);
    AV_CHECK_INT(got.last.raw_size, n); /* the line end before the boundary is not the body's */
    AV_CHECK_INT(got.last.lines.line_chars, LINE / 3 * 4);
    AV_CHECK(got.last.lines.crlf && got.last.lines.last_newline);
}

/* The same bytes as one line of a header, of a body, of an undivided message, of a base64 body that is none. */
static void
test_one_line(void)
{
    static const char *const before[] = { "X-Long: ", "A: b\r\n\r\n", head, "", base64 };

    for (size_t i = 0; i < AV_COUNT(before); i++) {
        long before_kb = memory_kb();
        tally got;

        av_check_row = (long)i;
        begin(&got);
        feed_text(before[i]);
        if (before[i] == head)
            feed_text("\r\n");
        for (uint64_t at = 0; at < TOTAL_BYTES; at += PIECE)
            feed(t.text + at % 1000, PIECE);
        if (before[i] == head)
            feed_text(tail);
        end(&got, TOTAL_BYTES + strlen(before[i]) + (before[i] == head ? sizeof tail + 1 : 0), before_kb);
        AV_CHECK_INT(got.parts, 1);
        AV_CHECK(got.literal <= 1024 * 1024);
    }
    av_check_row = -1;
}

/* A header of millions of fields: 1 MB of it is literal, the rest one raw part. */
static void
test_header(void)
{
    static const char field[] = "X-Field: of a header that does not end, the next of very many\r\n folded, too\r\n";
    long before_kb = memory_kb();
    uint64_t sent = 0;
    tally got;

    begin(&got);
    while (sent < TOTAL_BYTES) {
        static char piece[(sizeof field - 1) * 800];

        for (size_t i = 0; sent == 0 && i < 800; i++)
            memcpy(piece + i * (sizeof field - 1), field, sizeof field - 1);
        feed(piece, sizeof piece);
        sent += sizeof piece;
    }
    feed_text(base64);
    feed(t.encoded, LINE * 100);
    end(&got, sent + strlen(base64) + LINE * 100, before_kb);
    AV_CHECK_INT(got.literal, 1024 * 1024);
    AV_CHECK(got.parts >= 2 && got.parts <= 3); /* header, base64, its cut line */
}

int
main(void)
{
    const av_base64_lines lines = { LINE / 3 * 4, true, true };
    size_t period = sizeof t.encoded - PIECE;

    for (size_t i = 0; i < sizeof t.decoded; i++)
        t.decoded[i] = (uint8_t)(i * i * 31 + i / 256 * 7);
    av_base64_lines_encode(&lines, sizeof t.decoded, av_span_of(t.decoded, sizeof t.decoded), 0, period, t.encoded);
    memcpy(t.encoded + period, t.encoded, PIECE);
    for (size_t i = 0; i < sizeof t.text; i++)
        t.text[i] = (uint8_t)(i % 251 == '\n' ? ' ' : i % 251);
    t.splitter = av_splitter_new();
    AV_RUN(test_attachment);
    AV_RUN(test_one_line);
    AV_RUN(test_header);
    printf("  at most %ld KB of memory\n", memory_kb());
    av_splitter_destroy(&t.splitter);
    return av_check_done();
}
