/*
 * mailbox_name.c - see mailbox_name.h
 */
#include "gateway/imap/mailbox_name.h"

#include "base/mutf7.h"
#include "base/unicode.h"

bool
av_imap_name_decode(av_span wire, bool utf8, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    if (wire.n > 0 && memchr(wire.p, '\0', wire.n) != NULL)
        return false;
    if (utf8)
        return av_unicode_nfc(wire, out);
    av_buf_init(&text, AV_IMAP_NAME_MAX);
    return av_mutf7_decode(wire, &text) && av_unicode_nfc(av_buf_span(&text), out);
}

bool
av_imap_name_put(av_span name, bool utf8, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf wire = { 0 };
    size_t before = out->n;

    av_buf_init(&wire, 4 * AV_IMAP_NAME_MAX);
    if (utf8 ? !av_utf8_valid(name) || !av_buf_append_span(&wire, name) : !av_mutf7_encode(name, &wire))
        return false;
    /* Names have no control characters (storage/meta/mailbox_name.h): only these two need an escape inside quotes. */
    (void)av_buf_putc(out, '"');
    for (size_t i = 0; i < wire.n; i++) {
        if (wire.p[i] == '"' || wire.p[i] == '\\')
            (void)av_buf_putc(out, '\\');
        (void)av_buf_putc(out, wire.p[i]);
    }
    if (!av_buf_putc(out, '"'))
        out->n = before;
    return !out->full;
}

bool
av_imap_name_is_inbox(av_span name)
{
    return av_span_ieq_str(name, "INBOX");
}

/*
 * One step of a set of states: open[i] says that the first i bytes of the name are matched so far. A byte of the pattern
 * moves the set on; a wildcard lets each state reach on to the right.
 */
static bool
step(uint8_t wild, bool *open, av_span name)
{
    bool any = false;

    if (wild == '*' || wild == '%') {
        for (size_t i = 1; i <= name.n; i++)
            open[i] = open[i] || (open[i - 1] && (wild == '*' || name.p[i - 1] != '/'));
        return true;
    }
    for (size_t i = name.n; i > 0; i--) {
        open[i] = open[i - 1] && name.p[i - 1] == wild;
        any = any || open[i];
    }
    open[0] = false;
    return any;
}

/* What stands before the first wildcard decides most names at no cost. */
static size_t
fixed_bytes(av_span pattern)
{
    size_t n = 0;

    while (n < pattern.n && pattern.p[n] != '*' && pattern.p[n] != '%')
        n++;
    return n;
}

uint64_t
av_imap_name_match_cost(av_span pattern, av_span name)
{
    return 1 + (uint64_t)(pattern.n - fixed_bytes(pattern)) * (name.n + 1);
}

bool
av_imap_name_matches(av_span pattern, av_span name)
{
    AV_CLEANUP(av_free) bool *open = NULL;
    size_t fixed = fixed_bytes(pattern);

    if (fixed > name.n || memcmp(pattern.p, name.p, fixed) != 0)
        return false;
    pattern = av_span_skip(pattern, fixed);
    name = av_span_skip(name, fixed);
    if (pattern.n == 0)
        return name.n == 0;
    open = av_xcalloc(name.n + 1, sizeof *open);
    open[0] = true;
    for (size_t i = 0; i < pattern.n; i++) {
        if (!step(pattern.p[i], open, name))
            return false;
    }
    return open[name.n];
}
