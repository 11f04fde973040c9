/*
 * fuzz_mail_setup.c - instance, user and address of a stranger, lines of the input: what is sound makes files in which no byte
 * of theirs is markup; the address in a request stays inside it
 */
#include <stdio.h>

#include "gateway/http/mail_setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static av_span
take_line(av_span *in)
{
    size_t end = av_span_find(*in, '\n');
    av_span line = av_span_slice(*in, 0, end);

    *in = av_span_skip(*in, AV_MIN(end + 1, in->n));
    return line;
}

static size_t
count(const av_buf *file, uint8_t c)
{
    size_t n = 0;

    for (size_t i = 0; i < file->n; i++)
        n += file->p[i] == c;
    return n;
}

/* The file of these has as much markup as that of harmless ones. */
static void
compare(bool (*make)(const av_mail_setup *, av_buf *), const av_mail_setup *given)
{
    AV_CLEANUP(av_buf_release) av_buf a = { 0 };
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };
    av_mail_setup harmless = *given;

    harmless.instance = av_span_str("x");
    if (given->user.n > 0)
        harmless.user = av_span_str("x");
    if (given->email.n > 0)
        harmless.email = av_span_str("x@x");
    av_buf_init(&a, 65536);
    av_buf_init(&b, 65536);
    assert(make(given, &a) && make(&harmless, &b));
    assert(count(&a, '<') == count(&b, '<') && count(&a, '>') == count(&b, '>'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    av_span in = av_span_of(data, n), email = av_mail_setup_asked_email(in);
    av_mail_setup setup = { .host = av_span_str("h"), .display_name = av_span_str("d"), .imaps_port = 993 };

    assert(email.n == 0 || (email.p >= data && email.p + email.n <= data + n));
    setup.instance = take_line(&in);
    setup.user = take_line(&in);
    setup.email = take_line(&in);
    if (!av_mail_setup_is_sound(&setup) || setup.instance.n == 0)
        return 0;
    compare(av_mail_setup_thunderbird, &setup);
    if (setup.user.n == 0)
        return 0;
    compare(av_mail_setup_outlook, &setup);
    compare(av_mail_setup_apple, &setup);
    return 0;
}
