/*
 * test_framer.c - bytes to commands: literals, ceilings, any cut of the same bytes
 */
#include "gateway/imap/framer.h"
#include "tests/check.h"

#define LINE_MAX_    40
#define LITERAL_MAX_ 10

/*
 * Feeds in steps and writes down what happened: C<command> T<beginning> L (accepted; with `refuse` R). Commands are cut to
 * what is kept.
 */
static void
run(av_span in, size_t step, bool refuse, av_buf *out)
{
    av_imap_framer framer;

    av_imap_framer_init(&framer, LINE_MAX_, LITERAL_MAX_);
    while (in.n > 0) {
        av_span piece = av_span_slice(in, 0, AV_MIN(step, in.n));

        in = av_span_skip(in, piece.n);
        while (piece.n > 0) {
            switch (av_imap_framer_feed(&framer, &piece)) {
            case AV_IMAP_FRAME_MORE:
                break;
            case AV_IMAP_FRAME_LITERAL:
                (void)av_buf_puts(out, refuse ? "R" : "L");
                if (refuse)
                    av_imap_framer_refuse(&framer);
                else
                    av_imap_framer_accept(&framer);
                break;
            case AV_IMAP_FRAME_COMMAND:
                (void)av_buf_puts(out, "C<");
                (void)av_buf_append_span(out, av_imap_framer_command(&framer));
                (void)av_buf_puts(out, ">");
                av_imap_framer_next(&framer);
                break;
            case AV_IMAP_FRAME_TOO_BIG:
                (void)av_buf_puts(out, "T<");
                (void)av_buf_append_span(out, av_span_slice(av_imap_framer_command(&framer), 0, 3));
                (void)av_buf_puts(out, ">");
                av_imap_framer_next(&framer);
                break;
            case AV_IMAP_FRAME_HOPELESS:
                (void)av_buf_puts(out, "H<");
                (void)av_buf_append_span(out, av_span_slice(av_imap_framer_command(&framer), 0, 3));
                (void)av_buf_puts(out, ">");
                av_imap_framer_release(&framer);
                return;
            }
        }
    }
    av_imap_framer_release(&framer);
}

static const struct {
    const char *in, *want;
    bool refuse;
} cases[] = {
    { "a NOOP\r\nb NOOP\n", "C<a NOOP>C<b NOOP>", false },
    { "\r\n\n", "C<>C<>", false },
    { "a NOOP", "", false },
    { "a X {3}\r\nab\r c\r\n", "LC<a X {3}\r\nab\r c>", false },
    { "a X {3}\r\nb NOOP\r\n", "RC<b NOOP>", true },
    { "a X {3+}\r\nabc {2+}\r\nde\r\n", "C<a X {3+}\r\nabc {2+}\r\nde>", false },
    { "a X {0}\r\n\r\n", "LC<a X {0}\r\n>", false },
    { "a X {11}\r\nb NOOP\r\n", "T<a X>C<b NOOP>", false },                     /* never sent */
    { "a X {11+}\r\n1234567\r\nab x\r\nb NOOP\r\n", "T<a X>C<b NOOP>", false }, /* read past */
    { "a X {6+}\r\n123456 {6+}\r\n123456\r\nb N\r\n", "T<a X>C<b N>", false },  /* both together */
    { "a X {6+}\r\n123456 {6}\r\nb N\r\n", "T<a X>C<b N>", false },
    { "a X {99999999999}\r\nb N\r\n", "T<a X>C<b N>", false },
    { "a X {16777216+}\r\nb N\r\n", "", false },       /* may come, and be read past */
    { "a X {16777217+}\r\nb N\r\n", "H<a X>", false }, /* may not */
    { "a 0123456789012345678901234567890123456789\r\nb N\r\n", "T<a 0>C<b N>", false },
    { "a 01234567890123456789012345678901234567 {3+}\r\nx\r\n\r\nb N\r\n", "T<a 0>C<b N>", false },
    { "a 01234567890123456789012345678901234567 {3}\r\nb N\r\n", "T<a 0>C<b N>", false },
};

static void
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        for (size_t step = 1; step <= 64; step++) {
            AV_CLEANUP(av_buf_release) av_buf out = { 0 };

            av_check_row = (long)(i * 100 + step);
            av_buf_init(&out, 4096);
            run(av_span_str(cases[i].in), step, cases[i].refuse, &out);
            AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        }
    }
}

/* RFC 7888, 5: whatever the ceiling is, a literal of more than 4096 bytes has to be asked for. */
static void
test_nonsync(void)
{
    for (size_t n = AV_IMAP_NONSYNC_MAX; n <= AV_IMAP_NONSYNC_MAX + 1; n++) {
        AV_CLEANUP(av_buf_release) av_buf in = { 0 };
        av_imap_framer framer;
        av_span left;

        av_buf_init(&in, 100000);
        (void)av_buf_printf(&in, "a X {%zu+}\r\n", n);
        for (size_t i = 0; i < n; i++)
            (void)av_buf_putc(&in, 'x');
        (void)av_buf_puts(&in, "\r\n");
        left = av_buf_span(&in);
        av_imap_framer_init(&framer, 1000, 1 << 20);
        AV_CHECK_INT(av_imap_framer_feed(&framer, &left),
            n <= AV_IMAP_NONSYNC_MAX ? AV_IMAP_FRAME_COMMAND : AV_IMAP_FRAME_TOO_BIG);
        AV_CHECK_INT(left.n, 0);
        AV_CHECK(av_imap_framer_command(&framer).n <= in.n);
        av_imap_framer_release(&framer);
    }
}

static void
test_plain_line(void)
{
    av_imap_framer framer;
    av_span in = av_span_str("x {3}\r\nb N\r\n");

    av_imap_framer_init(&framer, LINE_MAX_, LITERAL_MAX_);
    av_imap_framer_plain_line(&framer);
    AV_CHECK_INT(av_imap_framer_feed(&framer, &in), AV_IMAP_FRAME_COMMAND);
    AV_CHECK(av_span_eq_str(av_imap_framer_command(&framer), "x {3}"));
    av_imap_framer_next(&framer);
    AV_CHECK_INT(av_imap_framer_feed(&framer, &in), AV_IMAP_FRAME_COMMAND);
    av_imap_framer_release(&framer);
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_nonsync);
    AV_RUN(test_plain_line);
    return av_check_done();
}
