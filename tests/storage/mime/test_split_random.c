/*
 * test_split_random.c - random messages that are nearly right: trees of parts, base64 of all shapes, some bytes damaged
 *
 * AV_ROUNDS (2000) messages from ARCHIVOLT_SEED (1); each is split whole and in pieces, joined, and read in ranges.
 */
#include "tests/check.h"
#include "tests/storage/mime/split_check.h"

static struct {
    uint64_t seed;
    av_buf message;
    av_splitter *splitter;
    split_record whole, pieces;
    bool crlf; /* of a whole stretch, mostly */
    size_t base64, raw, literal;
} t;

static size_t
below(size_t n)
{
    return (size_t)(split_random(&t.seed) % n);
}

static void
put(const char *s)
{
    (void)av_buf_puts(&t.message, s);
}

static void
put_newline(void)
{
    if (below(40) == 0)
        t.crlf = !t.crlf;
    put(t.crlf ? "\r\n" : "\n");
}

static void
put_text(size_t n)
{
    static const char bytes[] = "abc -=\r\n\t-----.\0xyz:QUJD";

    for (size_t i = 0; i < n; i++)
        (void)av_buf_putc(&t.message, (uint8_t)bytes[below(sizeof bytes)]);
}

/* A canonical body, of any shape; what may follow it. */
static void
put_base64(void)
{
    static const uint32_t rows[] = { 76, 60, 64, 72, 4, 8, AV_BASE64_LINE_MAX, 0 };
    static const char *const ends[] = { "", "", "", "\n", "\r\n", "\r", "-- \n", "=", "QUJD\n", "QQ==", "A" };
    const av_base64_lines lines = { rows[below(AV_COUNT(rows))], below(2) == 0, below(2) == 0 };
    size_t n = 1 + below(below(4) == 0 ? 9000 : 800), encoded;
    AV_CLEANUP(av_free) uint8_t *decoded = av_xalloc(n);
    uint8_t *to;

    for (size_t i = 0; i < n; i++)
        decoded[i] = (uint8_t)split_random(&t.seed);
    encoded = (size_t)av_base64_lines_size(&lines, n);
    to = av_buf_reserve(&t.message, encoded);
    av_base64_lines_encode(&lines, n, av_span_of(decoded, n), 0, encoded, to);
    t.message.n += encoded;
    put(ends[below(AV_COUNT(ends))]);
}

static void
put_leaf(void)
{
    size_t kind = below(10);

    if (kind < 6)
        put("Content-Transfer-Encoding: base64");
    else
        put("Subject: x");
    put_newline();
    put_newline();
    if (kind < 7)
        put_base64();
    else
        put_text(below(below(5) == 0 ? 6000 : 100));
}

/* A tree by a list of open boundaries: opened, answered and closed at random. */
static void
make_message(void)
{
    char open[12][16];
    size_t depth = 0, parts = 1 + below(12);

    av_buf_clear(&t.message);
    t.crlf = below(2) == 0;
    if (below(8) == 0)
        put("From a@b Thu Jan  1\n");
    for (size_t i = 0; i < parts; i++) {
        if (depth < AV_COUNT(open) && below(depth == 0 ? 6 : 3) < (depth == 0 ? 5 : 1)) {
            (void)snprintf(open[depth], sizeof open[depth], "b%zu", below(1000));
            put(below(5) == 0 ? "Content-Type: multipart/digest; boundary=\""
                              : "content-type: Multipart/mixed;\r\n boundary=\"");
            put(open[depth++]);
            put("\"");
            put_newline();
            put_newline();
            put_text(below(3) == 0 ? below(50) : 0);
        } else if (below(8) == 0) {
            put("Content-Type: message/rfc822");
            put_newline();
            put_newline();
            continue;
        } else {
            put_leaf();
        }
        while (depth > 0) {
            bool close = below(4) == 0;

            put_newline();
            put("--");
            put(open[depth - 1]);
            put(close ? "--" : "");
            put_newline();
            if (!close)
                break;
            depth--;
            put_text(below(3) == 0 ? below(50) : 0);
        }
    }
    for (size_t i = below(4) == 0 ? below(4) : 0; i > 0 && t.message.n > 0; i--)
        t.message.p[below(t.message.n)] = (uint8_t)split_random(&t.seed);
}

static bool
holds(const char *wrong)
{
    if (wrong != NULL)
        printf("    %s\n", wrong);
    return wrong == NULL;
}

static bool
check_message(void)
{
    static const size_t mins[] = { 1, 4, 100, 512, 2048, 16384 };
    av_split_options options = AV_SPLIT_OPTIONS_DEFAULT;
    bool ok;

    options.min_raw = mins[below(AV_COUNT(mins))];
    options.min_base64 = mins[below(below(4) == 0 ? AV_COUNT(mins) : 3)];
    if (below(4) == 0)
        options.max_literal = below(2000);
    if (below(4) == 0)
        options.max_parts = (uint32_t)(1 + below(6));
    if (below(4) == 0)
        options.max_depth = (uint32_t)below(6);
    ok = AV_CHECK(holds(split_whole(t.splitter, av_buf_span(&t.message), &options, &t.whole)));
    for (size_t chunk = 1; chunk < 20000; chunk = chunk * 11 + below(50)) {
        ok &= AV_CHECK(holds(split_chunks(t.splitter, av_buf_span(&t.message), &options, chunk, &t.seed, &t.pieces)));
        ok &= AV_CHECK(split_same(&t.whole, &t.pieces));
    }
    for (size_t i = 0; i < t.whole.count; i++) {
        const split_piece *p = &t.whole.pieces[i];

        t.literal += p->literal;
        t.raw += !p->literal && p->part.coding == AV_SPLIT_RAW;
        if (p->literal || p->part.coding != AV_SPLIT_BASE64)
            continue;
        t.base64++;
        for (int k = 0; k < 5; k++)
            ok &= AV_CHECK(split_range_holds(&t.whole, p, &t.seed));
    }
    return ok;
}

int
main(void)
{
    const char *seed = getenv("ARCHIVOLT_SEED"), *wanted = getenv("AV_ROUNDS");
    unsigned long rounds = wanted != NULL ? strtoul(wanted, NULL, 10) : 2000, first, done = 0;

    first = seed != NULL ? strtoul(seed, NULL, 10) : 1;
    t.message.max = 8 << 20;
    t.splitter = av_splitter_new();
    split_record_init(&t.whole, 16 << 20);
    split_record_init(&t.pieces, 16 << 20);
    for (; done < rounds; done++) {
        t.seed = (first + done) * 2 + 1;
        (void)split_random(&t.seed);
        make_message();
        if (!check_message()) {
            printf("    with ARCHIVOLT_SEED=%lu\n", first + done);
            break;
        }
    }
    printf("  %lu rounds: %zu base64 parts, %zu raw parts, %zu literals\n", done, t.base64, t.raw, t.literal);
    AV_CHECK(rounds < 100 || (t.base64 > rounds / 2 && t.raw > rounds / 2));
    av_splitter_destroy(&t.splitter);
    split_record_release(&t.whole);
    split_record_release(&t.pieces);
    av_buf_release(&t.message);
    return av_check_done();
}
