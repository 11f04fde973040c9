/*
 * test_split.c - what becomes of a message: literals, raw and base64 parts, the bounds, and a sink that fails
 *
 * A row's pieces: L<bytes> literal, R<bytes> raw, B<decoded>/<characters a line><l or c: LF or CRLF><+: last newline>.
 */
#include "tests/check.h"
#include "tests/storage/mime/split_check.h"

#define B64 "Content-Transfer-Encoding: base64\n\n"         /* 35 bytes */
#define MIX "Content-Type: multipart/mixed; boundary=b\n\n" /* 43 bytes */

static const struct row {
    const char *in;
    const char *want; /* min_raw 4, min_base64 8 */
} rows[] = {
    { "", "" },
    { "\n", "L1" },
    { "A: b\n\nbody", "L6 R4" },
    { "A: b\n\nbod", "L9" },
    { "A: b\r\n\r\nbody\r\n", "L8 R6" },
    { "A: b", "L4" },
    { "body without header", "R19" },
    { "From a@b Thu\nA: b\n\nbody", "L19 R4" },
    { "\xEF\xBB\xBF" B64 "QUJDREVG\n", "L38 B6/8l+" },
    { B64 "QUJDREVG", "L35 B6/0l" },
    { B64 "QUJDREVG\n", "L35 B6/8l+" },
    { B64 "QUJDREVG\r\n", "L35 B6/8c+" },
    { B64 "QUJDREVG\nQUJDREVG\nQQ==\n", "L35 B13/8l+" },
    { B64 "QUJDREVG\nQUJDREVG\nQQ==", "L35 B13/8l" },
    { B64 "QUJDREVG\r\nQUJDREVG", "L35 B12/8c" },
    { B64 "QUJDREVG\nQUJDREVG\n\n", "L35 B12/8l+ L1" },
    { B64 "QUJDREVG\nQUJDREVG\n\n-- \nlist", "L35 B12/8l+ R9" },
    { B64 "QUJDREVG\nQUJDREVG\r\nQUJD\n", "L35 B6/8l+ R15" }, /* line ends of two kinds */
    { B64 "QUJDREVG\nQUJDREVGQUJD\n", "L35 B6/8l+ R13" },     /* a longer line */
    { B64 "QUJDREVG\nQUJD\nQUJDREVG\n", "L35 B9/8l+ R9" },    /* a shorter one in the middle */
    { B64 "QUJDREVG\nQR==\n", "L35 B6/8l+ R5" },              /* spare bits */
    { B64 "QUJDREVG\nQQ==\nQUJD\n", "L35 B7/8l+ R5" },        /* padding in the middle */
    { B64 "QUJDREVG \nQUJDREVG\n", "L35 R19" },
    { B64 "QUJD\n", "L35 R5" /* short */ },
    { B64 "no base64 at all\n", "L35 R17" },
    { "content-transfer-ENCODING:\n BASE64 (sic)\n\nQUJDREVG\n", "L42 B6/8l+" },
    { "Content-Transfer-Encoding: 7bit\n" B64 "QUJDREVG\n", "L67 R9" }, /* the first of a name counts */
    { MIX "--b\n\npart\n--b\n\nsecond\r\n--b--\nepilogue", "L48 R4 L6 R6 L8 R8" },
    { MIX "preamble\n--b\n\nx\n--b--", "L43 R8 L13" },
    { MIX "--b\n" B64 "QUJDREVG\n--b\n" B64 "QUJDREVG\n\n--b--\n", "L82 B6/0l L40 B6/8l+ L7" },
    { MIX "--b \t\n\npart\n--bb\n--b-\n--b--x\n--b--", "L50 R21 L6" },
    { MIX
        "--b\nContent-Type: multipart/alternative; boundary=\"i\"\n\n--i\n\ninner\n--i\n\nlast\n--b\n\nouter\n--b--\n",
        "L103 R5 L6 R4 L6 R5 L7" },
    { MIX "--b\nContent-Type: message/rfc822\n\nSubject: x\n" B64 "QUJDREVG\n\n--b--\n", "L123 B6/8l+ L7" },
    { "Content-Type: message/rfc822\n" B64 "QUJDREVG\n", "L64 B6/8l+" }, /* encoded: a body */
    { "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\nbody\n--b--", "L61 R4 L6" },
    { MIX "--b\nA: b\n--b\n\npart\n--b--", "L57 R4 L6" }, /* a header without a body */
    { MIX "no boundary line\n", "L43 R17" },
    { "Content-Type: multipart/mixed\n\n--b\n\npart\n--b--", "L31 R15" },
};

static void
describe(const split_record *r, av_buf *ret)
{
    av_buf_clear(ret);
    for (size_t i = 0; i < r->count; i++) {
        const split_piece *p = &r->pieces[i];

        if (p->literal || p->part.coding == AV_SPLIT_RAW)
            (void)av_buf_printf(ret, "%s%c%zu", i > 0 ? " " : "", p->literal ? 'L' : 'R', p->n);
        else
            (void)av_buf_printf(ret, "%sB%zu/%u%c%s", i > 0 ? " " : "", p->n, p->part.lines.line_chars,
                p->part.lines.crlf ? 'c' : 'l', p->part.lines.last_newline ? "+" : "");
    }
}

static struct {
    av_splitter *splitter;
    split_record whole, pieces;
    av_buf text, message;
    uint64_t seed;
} t;

/* Split whole and in pieces: the same, exact, and within the bounds. */
static void
split_both(av_span message, const av_split_options *options)
{
    const char *wrong = split_whole(t.splitter, message, options, &t.whole);

    AV_CHECK_STR(wrong == NULL ? "" : wrong, "");
    wrong = split_chunks(t.splitter, message, options, 1 + message.n / 500, &t.seed, &t.pieces);
    AV_CHECK_STR(wrong == NULL ? "" : wrong, "");
    AV_CHECK(split_same(&t.whole, &t.pieces));
}

static void
test_rows(void)
{
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;

    options.min_raw = 4;
    options.min_base64 = 8;
    for (size_t i = 0; i < AV_COUNT(rows); i++) {
        av_check_row = (long)i;
        split_both(av_span_str(rows[i].in), &options);
        describe(&t.whole, &t.text);
        AV_CHECK_STR(av_buf_cstr(&t.text), rows[i].want);
    }
    av_check_row = -1;
}

/* A message of that many small parts, each of body. */
static void
make_parts(unsigned count, const char *body)
{
    av_buf_clear(&t.message);
    (void)av_buf_puts(&t.message, MIX);
    for (unsigned i = 0; i < count; i++)
        (void)av_buf_printf(&t.message, "--b\n\n%s %u\n", body, i);
    (void)av_buf_puts(&t.message, "--b--\n");
}

static void
test_many_parts(void)
{
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;

    options.min_raw = 8;
    make_parts(1000, "some text");
    split_both(av_buf_span(&t.message), &options);
    AV_CHECK_INT(t.whole.parts, 1000);
    make_parts(12000, "some text"); /* the last part there may be takes the rest */
    split_both(av_buf_span(&t.message), &options);
    AV_CHECK_INT(t.whole.parts, options.max_parts);
    AV_CHECK(t.whole.pieces[t.whole.count - 1].n > 2000 * strlen("--b\n\nsome text\n"));
    options.max_parts = 1;
    split_both(av_buf_span(&t.message), &options);
    describe(&t.whole, &t.text);
    AV_CHECK_INT(t.whole.parts, 1);
    options = (av_split_options){
        .min_raw = 1 << 16, .min_base64 = 1 << 16, .max_literal = 1000, .max_parts = 3, .max_depth = 9
    };
    split_both(av_buf_span(&t.message), &options); /* nothing but literals, and too many of them */
    describe(&t.whole, &t.text);
    AV_CHECK_INT(t.whole.literal_bytes, 1000);
    AV_CHECK_INT(t.whole.parts, 1);
}

/* Multiparts in multiparts: 64 of them are looked into. */
static void
test_depth(void)
{
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;

    av_buf_clear(&t.message);
    for (unsigned i = 0; i < 100; i++)
        (void)av_buf_printf(&t.message, "%s%u\n\n--x%u\n", "Content-Type: multipart/mixed; boundary=x", i, i);
    (void)av_buf_puts(&t.message, "\nbody\n");
    options.min_raw = 4;
    split_both(av_buf_span(&t.message), &options);
    AV_CHECK_INT(t.whole.parts, 1);
    AV_CHECK(t.whole.pieces[1].n > 35 * strlen("Content-Type: multipart/mixed; boundary=x64\n\n"));
    options.max_depth = 0;
    split_both(av_buf_span(&t.message), &options);
    describe(&t.whole, &t.text);
    AV_CHECK(strncmp(av_buf_cstr(&t.text), "L44 R", 5) == 0);
    av_buf_clear(&t.message);
    for (unsigned i = 0; i < 100; i++)
        (void)av_buf_puts(&t.message, "Content-Type: message/rfc822\n\n");
    (void)av_buf_puts(&t.message, "A: b\n\nbody");
    options.max_depth = 64;
    split_both(av_buf_span(&t.message), &options);
    AV_CHECK_INT(t.whole.literal_bytes, 65 * strlen("Content-Type: message/rfc822\n\n"));
}

/* A line longer than what is looked at: no boundary, yet a header line is one. */
static void
test_long_lines(void)
{
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;

    options.min_raw = 4;
    for (size_t n = AV_SPLIT_LINE_LOOK - 20; n < AV_SPLIT_LINE_LOOK + 20; n++) {
        av_buf_clear(&t.message);
        (void)av_buf_puts(&t.message, MIX "--b\n\npart\r\n--b");
        for (size_t i = 3; i < n; i++)
            (void)av_buf_putc(&t.message, ' ');
        (void)av_buf_puts(&t.message, "\n\nnext\n--b--\n");
        split_both(av_buf_span(&t.message), &options);
        AV_CHECK_INT(t.whole.parts, n < AV_SPLIT_LINE_LOOK ? 2 : 1);
    }
    for (size_t n = AV_SPLIT_LINE_LOOK - 20; n < AV_SPLIT_LINE_LOOK + 20; n++) {
        av_buf_clear(&t.message);
        (void)av_buf_puts(&t.message, "X: ");
        for (size_t i = 3; i < n; i++)
            (void)av_buf_putc(&t.message, 'x');
        (void)av_buf_puts(&t.message, "\r\n" B64 "QUJDREVG\n");
        options.min_base64 = 8;
        split_both(av_buf_span(&t.message), &options);
        AV_CHECK_INT(t.whole.count, 2);
        AV_CHECK_INT(t.whole.literal_bytes, n + 2 + strlen(B64));
    }
}

/* Every cut of a message in two, and every line length. */
static void
test_cuts(void)
{
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;

    options.min_base64 = 16;
    options.min_raw = 20;
    for (uint32_t chars = 4; chars <= 40; chars += 4) {
        const av_base64_lines lines = { chars, chars % 8 == 0, true };
        uint8_t decoded[50], *to;
        size_t n = (size_t)av_base64_lines_size(&lines, sizeof decoded);

        for (size_t i = 0; i < sizeof decoded; i++)
            decoded[i] = (uint8_t)(i * 77 + chars);
        av_buf_clear(&t.message);
        (void)av_buf_puts(&t.message, MIX "--b\r\n" B64);
        to = av_buf_reserve(&t.message, n);
        av_base64_lines_encode(&lines, sizeof decoded, av_span_of(decoded, sizeof decoded), 0, n, to);
        t.message.n += n;
        (void)av_buf_puts(&t.message, "\r\n--b--\r\n");
        split_both(av_buf_span(&t.message), &options);
        AV_CHECK_INT(t.whole.parts, 1);
        AV_CHECK_INT(t.whole.pieces[1].n, sizeof decoded);
        AV_CHECK_MEM(t.whole.stored.p + t.whole.pieces[1].at, t.whole.pieces[1].n, decoded, sizeof decoded);
        for (size_t cut = 0; cut <= t.message.n; cut++) {
            av_split_sink sink = split_record_sink(&t.pieces);
            av_error err;

            split_record_clear(&t.pieces);
            av_splitter_begin(t.splitter, &options, &sink);
            AV_CHECK(av_splitter_feed(t.splitter, av_span_slice(av_buf_span(&t.message), 0, cut), &err) == AV_OK);
            AV_CHECK(av_splitter_feed(t.splitter, av_span_skip(av_buf_span(&t.message), cut), &err) == AV_OK);
            AV_CHECK(av_splitter_end(t.splitter, &err) == AV_OK && split_same(&t.whole, &t.pieces));
        }
    }
}

static unsigned calls_left;

static av_errc
fail_after(av_error *err)
{
    if (calls_left-- > 0)
        return AV_OK;
    return av_error_set(err, AV_ERR_NOSPACE, "no room");
}

static av_errc
failing_bytes(void *ctx, av_span bytes, av_error *err)
{
    (void)ctx;
    (void)bytes;
    return fail_after(err);
}

static av_errc
failing_begin(void *ctx, av_split_coding coding, av_error *err)
{
    (void)ctx;
    (void)coding;
    return fail_after(err);
}

static av_errc
failing_end(void *ctx, const av_split_part *part, av_error *err)
{
    (void)ctx;
    (void)part;
    return fail_after(err);
}

/* The sink fails at each of its calls in turn: nothing more is called, and the failure comes out. */
static void
test_failing_sink(void)
{
    const av_split_sink sink = { NULL, failing_bytes, failing_begin, failing_bytes, failing_end };
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;
    av_span message = av_span_str(MIX "--b\n" B64 "QUJDREVG\nQUJDREVG\n--b\n\nraw body\n--b--\n");
    av_error err;
    unsigned calls = 0;
    av_errc rc;

    options.min_raw = 4;
    options.min_base64 = 8;
    do {
        calls_left = calls++;
        rc = av_splitter_message(t.splitter, message, &options, &sink, &err);
        AV_CHECK(rc == AV_OK || (rc == AV_ERR_NOSPACE && strcmp(err.msg, "no room") == 0 && calls_left == UINT32_MAX));
        calls_left = calls - 1;
        av_splitter_begin(t.splitter, &options, &sink);
        for (size_t at = 0; at < message.n; at += 5)
            (void)av_splitter_feed(t.splitter, av_span_slice(message, at, AV_MIN(at + 5, message.n)), &err);
        AV_CHECK((av_splitter_end(t.splitter, &err) == AV_OK) == (rc == AV_OK) || calls > 9);
    } while (rc != AV_OK);
    AV_CHECK_INT(calls, 10); /* 3 literals, 2 parts of 3 calls, and the one time that all went well */
}

int
main(void)
{
    t.splitter = av_splitter_new();
    t.seed = 1;
    split_record_init(&t.whole, 8 << 20);
    split_record_init(&t.pieces, 8 << 20);
    t.text.max = 1 << 20;
    t.message.max = 8 << 20;
    AV_RUN(test_rows);
    AV_RUN(test_many_parts);
    AV_RUN(test_depth);
    AV_RUN(test_long_lines);
    AV_RUN(test_cuts);
    AV_RUN(test_failing_sink);
    av_splitter_destroy(&t.splitter);
    av_splitter_destroy(&t.splitter);
    split_record_release(&t.whole);
    split_record_release(&t.pieces);
    av_buf_release(&t.text);
    av_buf_release(&t.message);
    return av_check_done();
}
