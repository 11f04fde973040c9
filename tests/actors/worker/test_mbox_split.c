/*
 * test_mbox_split.c - what is a separator, a quote, an empty line; in windows of any size the same
 */
#include "actors/worker/mbox_split.h"

#include "base/buf.h"
#include "tests/check.h"

#define F1 "From a@b Mon Jan  2 15:04:05 2006\n"

/* Pieces as text: S separator, q quote, e empty line, [..] data with neighbours joined. */
static void
pieces(const char *text, size_t n, av_mbox_kind kind, bool separators, size_t hold_at, size_t hold, av_buf *out)
{
    av_mbox_split split;
    av_span in = av_span_of(text, n);
    bool open = false;

    av_mbox_split_init(&split, kind, separators);
    for (;;) {
        av_mbox_piece piece;

        if (hold > 0 && in.n == n - hold_at)
            av_mbox_split_hold(&split, hold);
        if (av_mbox_split_next(&split, &in, true, &piece) != AV_PARSE_OK)
            break;
        if (piece.kind != AV_MBOX_DATA && open)
            (void)av_buf_putc(out, ']');
        if (piece.kind == AV_MBOX_DATA && !open)
            (void)av_buf_putc(out, '[');
        open = piece.kind == AV_MBOX_DATA;
        if (open)
            (void)av_buf_append_span(out, piece.bytes);
        else
            (void)av_buf_putc(out, (uint8_t)("?eqS"[piece.kind]));
    }
    if (open)
        (void)av_buf_putc(out, ']');
}

static void
test_pieces(void)
{
    static const struct {
        const char *in;
        av_mbox_kind kind;
        const char *want;
    } cases[] = {
        { F1 "A: b\n\nx\n\n" F1 "C: d\n", AV_MBOX_RD, "S[A: b\n]e[x\n]eS[C: d\n]" },
        { F1 "A: b\r\n\r\nx\r\n\r\n" F1 "C: d\r\n", AV_MBOX_RD, "S[A: b\r\n]e[x\r\n]eS[C: d\r\n]" },
        { F1 "A: b\n\nx\n" F1 "y\n", AV_MBOX_RD, "S[A: b\n]e[x\n" F1 "y\n]" }, /* no empty line before */
        { F1 "A: b\n\nFrom here on all is text\n", AV_MBOX_RD, "S[A: b\n]e[From here on all is text\n]" },
        { F1 "A: b\n\nFrom here\nTo: there\n", AV_MBOX_RD, "S[A: b\n]eS[To: there\n]" },
        { "From -\nA: b\n\n\nFrom -\nC: d\n", AV_MBOX_RD, "S[A: b\n]eeS[C: d\n]" },
        { "A: b\n", AV_MBOX_RD, "[A: b\n]" },
        { "\n\n" F1 "A: b\n", AV_MBOX_RD, "eeS[A: b\n]" },
        { F1 "A: b\n\n>From x\n>>From y\n>Fro\n", AV_MBOX_RD, "S[A: b\n]eq[From x\n]q[>From y\n>Fro\n]" },
        { F1 "A: b\n\n>From x\n>>From y\n", AV_MBOX_O, "S[A: b\n]eq[From x\n>>From y\n]" },
        { F1 "A: b\n\n>From x\n>>From y\n", AV_MBOX_CL2, "S[A: b\n]e[>From x\n>>From y\n]" },
        { F1 ">From x\nA: b\n", AV_MBOX_RD, "S[>From x\nA: b\n]" }, /* headers are not quoted */
        { F1, AV_MBOX_RD, "S" },
        { F1 "\n" F1 "\n", AV_MBOX_RD, "SeSe" },
        { F1 "A: b", AV_MBOX_RD, "S[A: b]" },
        { "", AV_MBOX_RD, "" },
    };
    av_buf out;

    av_buf_init(&out, 65536);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        av_buf_clear(&out);
        pieces(cases[i].in, strlen(cases[i].in), cases[i].kind, true, 0, 0, &out);
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
    av_buf_release(&out);
}

static void
test_held_body(void)
{
    static const char text[] = F1 "A: b\n\n\n" F1 "C: d\n\nx\n\n" F1 "E: f\n";
    size_t body = strlen(F1 "A: b\n\n"), length = strlen("\n" F1 "C: d\n\nx\n");
    av_buf out;

    av_buf_init(&out, 65536);
    pieces(text, sizeof text - 1, AV_MBOX_CL2, true, body, length, &out);
    AV_CHECK_STR(av_buf_cstr(&out), "S[A: b\n]e[\n" F1 "C: d\n\nx\n]eS[E: f\n]");
    av_buf_clear(&out);
    pieces(text, sizeof text - 1, AV_MBOX_RD, false, 0, 0, &out); /* one message: no separator at all */
    AV_CHECK_STR(av_buf_cstr(&out), "[" F1 "A: b\n]ee[" F1 "C: d\n]e[x\n]e[" F1 "E: f\n]");
    av_buf_release(&out);
}

static void
test_separator_dates(void)
{
    static const struct {
        const char *line;
        bool dated;
        int64_t unix_s;
    } cases[] = {
        { "From a@b Mon Jan  2 15:04:05 2006", true, 1136214245 },
        { "From a@b  Wed Dec  1 08:26:40 2010", true, 1291192000 },
        { "From a b c Tue Aug 27 20:32:26 2002", true, 1030480346 },
        { "From a@b Mon Jan  2 15:04:05 2006 +0100", true, 1136210645 },
        { "From - Thu Jan 01 00:00:00 1970", true, 0 },
        { "From Mon on Jan 2 we meet", false, 0 },
        { "From here", false, 0 },
        { "From ", false, 0 },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        int64_t at = -1;

        av_check_row = (long)i;
        AV_CHECK_INT(av_mbox_line_is_dated(av_span_str(cases[i].line)), cases[i].dated);
        AV_CHECK_INT(av_mbox_line_date(av_span_str(cases[i].line), &at), cases[i].dated);
        if (cases[i].dated)
            AV_CHECK_INT(at, cases[i].unix_s);
    }
}

/* A window is enough when it has AV_MBOX_WINDOW_MIN bytes, whatever is in it. */
static void
test_long_lines(void)
{
    static const char *const starts[] = { "From ", ">", ">From ", "", "From a@b Mon Jan  2 15:04:05 2006\n" };

    for (size_t i = 0; i < AV_COUNT(starts); i++) {
        av_mbox_split split;
        av_mbox_piece piece;
        av_span in;
        av_buf b;

        av_check_row = (long)i;
        av_buf_init(&b, 65536);
        (void)av_buf_puts(&b, starts[i]);
        while (b.n < AV_MBOX_WINDOW_MIN)
            (void)av_buf_putc(&b, starts[i][0] == '>' && starts[i][1] == 0 ? '>' : 'x');
        av_mbox_split_init(&split, AV_MBOX_RD, true);
        split.in_body = true;
        in = av_buf_span(&b);
        AV_CHECK_INT(av_mbox_split_next(&split, &in, false, &piece), AV_PARSE_OK);
        in = av_span_of(b.p, AV_MBOX_WINDOW_MIN - 1);
        av_mbox_split_init(&split, AV_MBOX_RD, true);
        AV_CHECK_INT(av_mbox_split_next(&split, &in, false, &piece), AV_PARSE_MORE);
        av_buf_release(&b);
    }
}

int
main(void)
{
    AV_RUN(test_pieces);
    AV_RUN(test_held_body);
    AV_RUN(test_separator_dates);
    AV_RUN(test_long_lines);
    return av_check_done();
}
