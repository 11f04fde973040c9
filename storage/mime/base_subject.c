/*
 * base_subject.c - see base_subject.h; the steps are those of RFC 5256, 2.1
 */
#include "storage/mime/base_subject.h"

/* Step 1: runs of white space are one space. Decoding has been done. */
static void
squeeze(av_span in, av_buf *out)
{
    av_buf_clear(out);
    for (size_t i = 0; i < in.n; i++) {
        bool blank = in.p[i] == ' ' || in.p[i] == '\t' || in.p[i] == '\r' || in.p[i] == '\n';

        if (blank && out->n > 0 && out->p[out->n - 1] == ' ')
            continue;
        if (!av_buf_putc(out, blank ? ' ' : in.p[i]))
            break;
    }
    if (!out->full)
        return;
    while (out->n > 0 && (out->p[out->n - 1] & 0xC0) == 0x80) /* what was cut may be half a character */
        out->n--;
    if (out->n > 0 && out->p[out->n - 1] >= 0xC0)
        out->n--;
}

static bool
begins(av_span s, const char *word)
{
    size_t n = strlen(word);

    return s.n >= n && av_span_ieq_str(av_span_slice(s, 0, n), word);
}

static av_span
skip_blanks(av_span s)
{
    while (s.n > 0 && s.p[0] == ' ')
        s = av_span_skip(s, 1);
    return s;
}

/* subj-blob: "[...]" without brackets inside, and the blanks behind it. */
static bool
skip_blob(av_span *s)
{
    if (s->n == 0 || s->p[0] != '[')
        return false;
    for (size_t i = 1; i < s->n && s->p[i] != '['; i++) {
        if (s->p[i] != ']')
            continue;
        *s = skip_blanks(av_span_skip(*s, i + 1));
        return true;
    }
    return false;
}

/* subj-refwd: re, fw or fwd, blanks, perhaps a blob, a colon. */
static bool
skip_refwd(av_span *s)
{
    av_span at = *s;
    size_t n = begins(at, "re") ? 2 : begins(at, "fwd") ? 3 : begins(at, "fw") ? 2 : 0;

    if (n == 0)
        return false;
    at = skip_blanks(av_span_skip(at, n));
    (void)skip_blob(&at);
    if (at.n == 0 || at.p[0] != ':')
        return false;
    *s = av_span_skip(at, 1);
    return true;
}

/* subj-leader: blobs and a refwd (*answer is set then), or a blank. */
static bool
skip_leader(av_span *s, bool *answer)
{
    av_span at = *s;

    if (at.n > 0 && at.p[0] == ' ') {
        *s = skip_blanks(at);
        return true;
    }
    while (skip_blob(&at)) {
    }
    if (!skip_refwd(&at))
        return false;
    *answer = true;
    *s = at;
    return true;
}

/* Step 2. */
static av_span
cut_trailers(av_span s, bool *answer)
{
    for (;;) {
        if (s.n > 0 && s.p[s.n - 1] == ' ')
            s.n--;
        else if (s.n >= 5 && av_span_ieq_str(av_span_skip(s, s.n - 5), "(fwd)")) {
            s.n -= 5;
            *answer = true;
        } else {
            return s;
        }
    }
}

/* Steps 3 to 5. */
static av_span
cut_leaders(av_span s, bool *answer)
{
    for (;;) {
        av_span rest = s;

        if (skip_leader(&s, answer))
            continue;
        if (!skip_blob(&rest) || rest.n == 0)
            return s;
        s = rest;
    }
}

bool
av_base_subject(av_span subject, av_buf *out)
{
    bool answer = false;
    av_span s;
    size_t n;

    squeeze(subject, out);
    s = av_buf_span(out);
    for (;;) {
        s = cut_leaders(cut_trailers(s, &answer), &answer);
        if (!begins(s, "[fwd:") || s.p[s.n - 1] != ']') /* step 6 */
            break;
        s = av_span_slice(s, 5, s.n - 1);
        answer = true;
    }
    n = s.n;
    if (s.n > 0)
        memmove(out->p, s.p, s.n);
    out->n = n;
    return answer;
}
