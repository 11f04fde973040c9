/*
 * msg_id.c - see msg_id.h
 */
#include "storage/mime/msg_id.h"

/* So many openings without an end are looked through in one value; then they are bytes like any other. */
#define UNCLOSED_MAX 8U

static bool
is_blank(uint8_t c)
{
    return c <= ' ' || c == 0x7F;
}

/* Length of the comment at the front of s, or 0 when it does not end. inside: of an id, it ends before '<' and '>'. */
static size_t
comment_length(av_span s, bool inside)
{
    size_t depth = 0;

    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];

        if (inside && (c == '<' || c == '>'))
            return 0;
        if (c == '\\')
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Length of the quoted string at the front of s, or 0. inside: of an id, a dot or the '@' follows. */
static size_t
quoted_length(av_span s, bool inside)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return !inside || (i + 1 < s.n && (s.p[i + 1] == '.' || s.p[i + 1] == '@')) ? i + 1 : 0;
    }
    return 0;
}

/* Length of the comment or quoted string at the front of s; 0: there is none. */
static size_t
skip_length(av_msg_ids *self, av_span s, bool inside)
{
    size_t n;

    if ((s.p[0] != '(' && s.p[0] != '"') || self->unclosed >= UNCLOSED_MAX)
        return 0;
    n = s.p[0] == '(' ? comment_length(s, inside) : quoted_length(s, inside);
    if (n == 0)
        self->unclosed++;
    return n;
}

/* What a quoted string says; blanks stay. */
static void
put_quoted(av_span quoted, av_buf *out)
{
    for (size_t i = 1; i + 1 < quoted.n; i++) {
        if (quoted.p[i] == '\\' && i + 2 < quoted.n)
            i++;
        if (quoted.p[i] != '\r' && quoted.p[i] != '\n')
            (void)av_buf_putc(out, quoted.p[i]);
    }
}

/* Behind a '<': bytes up to where reading goes on. *ret_found: out has an id. */
static size_t
read_id(av_msg_ids *self, av_span s, av_buf *out, bool *ret_found)
{
    av_buf_clear(out);
    *ret_found = false;
    for (size_t i = 0; i < s.n;) {
        size_t n = skip_length(self, av_span_skip(s, i), true);

        if (s.p[i] == '>') {
            *ret_found = out->n > 0 && out->n <= AV_MSG_ID_MAX && !out->full;
            return i + 1;
        }
        if (s.p[i] == '<')
            return i;
        if (n > 0 && s.p[i] == '"')
            put_quoted(av_span_slice(s, i, i + n), out);
        else if (n == 0 && !is_blank(s.p[i]))
            (void)av_buf_putc(out, s.p[i]);
        i += AV_MAX(n, (size_t)1);
    }
    return s.n;
}

bool
av_msg_ids_next(av_msg_ids *self, av_buf *out)
{
    while (self->rest.n > 0) {
        uint8_t c = self->rest.p[0];
        size_t n = skip_length(self, self->rest, false);
        bool found;

        if (c == '<') {
            n = 1 + read_id(self, av_span_skip(self->rest, 1), out, &found);
            self->rest = av_span_skip(self->rest, n);
            if (found)
                return true;
            self->words = true;
            continue;
        }
        if (!(c == '(' && n > 0) && !is_blank(c) && c != ',')
            self->words = true;
        self->rest = av_span_skip(self->rest, AV_MAX(n, (size_t)1));
    }
    return false;
}

bool
av_msg_id_own(av_span value, av_buf *out)
{
    av_msg_ids ids = { .rest = value };

    if (av_msg_ids_next(&ids, out))
        return true;
    value = av_span_trim(value);
    av_buf_clear(out);
    if (value.n > AV_MSG_ID_MAX || av_span_find(value, '@') == value.n)
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (is_blank(value.p[i]) || strchr("<>()\"", value.p[i]) != NULL)
            return false;
    return av_buf_append_span(out, value);
}
