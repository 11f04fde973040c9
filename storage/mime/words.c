/*
 * words.c - see words.h
 */
#include "storage/mime/words.h"

#include "storage/mime/charset.h"
#include "storage/mime/decode.h"
#include "storage/mime/header.h"
#include "storage/mime/mime_priv.h"

enum { VALUE_MAX_BYTES = 256 * 1024 }; /* of a value that are looked at */

typedef struct word {
    av_span charset, text;
    uint8_t encoding; /* 'b' or 'q' */
    size_t n;         /* bytes of the whole word */
} word;

typedef struct decoder {
    av_buf bytes;    /* of the words joined so far */
    av_span charset; /* theirs */
    av_buf text;     /* the result, control characters still in it */
} decoder;

/* RFC 2047, 2: `=?charset?encoding?text?=`, with RFC 2231's `*language`; blanks in the text are taken as they come. */
static bool
parse_word(av_span in, word *ret)
{
    size_t q, end;
    av_span rest;

    if (in.n < 8 || in.p[0] != '=' || in.p[1] != '?')
        return false;
    rest = av_span_slice(in, 2, AV_MIN(in.n, 82U)); /* no charset is longer: keeps a row of `=?` linear */
    q = av_span_find(rest, '?');
    if (q == 0 || q + 2 >= rest.n || rest.p[q + 2] != '?' || av_span_find(av_span_slice(rest, 0, q), ' ') < q)
        return false;
    ret->charset = av_span_slice(rest, 0, q);
    ret->charset.n = av_span_find(ret->charset, '*');
    ret->encoding = rest.p[q + 1] | 0x20;
    if (ret->encoding != 'b' && ret->encoding != 'q')
        return false;
    rest = av_span_skip(in, 2 + q + 3);
    for (end = 0; end + 1 < rest.n; end++) {
        end += av_span_find(av_span_slice(rest, end, rest.n - 1), '?');
        if (end + 1 < rest.n && rest.p[end + 1] == '=')
            break;
    }
    if (end + 1 >= rest.n)
        return false;
    ret->text = av_span_slice(rest, 0, end);
    ret->n = 2 + q + 3 + end + 2;
    return true;
}

static void
flush_words(decoder *self)
{
    if (self->bytes.n > 0)
        (void)av_charset_to_utf8(self->charset, av_buf_span(&self->bytes), &self->text);
    av_buf_clear(&self->bytes);
}

static void
take_word(decoder *self, const word *w)
{
    if (!av_span_ieq(self->charset, w->charset))
        flush_words(self);
    self->charset = w->charset;
    if (w->encoding == 'b')
        (void)av_decode_base64(w->text, &self->bytes);
    else
        (void)av_decode_q(w->text, &self->bytes);
}

static bool
all_blank(av_span s)
{
    return av_span_trim(s).n == 0;
}

/* in is unfolded; self->text gets the decoded form. */
static void
decode_words(av_span in, decoder *self)
{
    size_t from = 0, at = 0; /* plain text not yet put out starts at from */
    size_t end_mark = 0;     /* a `?=` stands there: looked for once, or a row of broken `=?` would be quadratic */
    bool after_word = false, searching = true;

    while (searching) {
        const uint8_t *hit = at >= in.n ? NULL : memmem(in.p + at, in.n - at, "=?", 2);
        word w;

        searching = hit != NULL;
        at = hit != NULL ? (size_t)(hit - in.p) : in.n;
        if (hit != NULL && !parse_word(av_span_skip(in, at), &w)) {
            if (end_mark < at) {
                const uint8_t *mark = memmem(hit, in.n - at, "?=", 2);

                end_mark = mark == NULL ? in.n : (size_t)(mark - in.p);
            }
            searching = end_mark < in.n; /* without one nothing later can be a word either */
            at = searching ? at + 2 : in.n;
            if (searching)
                continue;
            hit = NULL;
        }
        if (at > from && !(after_word && hit != NULL && all_blank(av_span_slice(in, from, at)))) {
            flush_words(self);
            (void)av_charset_guess(av_span_slice(in, from, at), &self->text);
        }
        if (hit == NULL)
            break;
        take_word(self, &w);
        after_word = true;
        at += w.n;
        from = at;
    }
    flush_words(self);
}

/* Control characters as spaces, outer blanks gone. */
static bool
put_line(av_buf *text, av_buf *out)
{
    for (size_t i = 0; i < text->n; i++)
        if (text->p[i] < ' ' || text->p[i] == 0x7F)
            text->p[i] = ' ';
    return mime_append_utf8(out, av_span_trim(av_buf_span(text)));
}

static bool
is_plain(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~' || (s.p[i] == '?' && i > 0 && s.p[i - 1] == '='))
            return false;
    return true;
}

bool
av_words_decode(av_span value, av_buf *out)
{
    AV_CLEANUP(av_buf_release) av_buf unfolded = { .max = VALUE_MAX_BYTES };
    decoder self = { .bytes.max = VALUE_MAX_BYTES, .text.max = 3 * VALUE_MAX_BYTES };
    bool ok;

    value = av_span_trim(value);
    if (is_plain(value))
        return mime_append_utf8(out, value);
    (void)av_header_unfold(av_span_slice(value, 0, AV_MIN(value.n, (size_t)VALUE_MAX_BYTES)), &unfolded);
    decode_words(av_buf_span(&unfolded), &self);
    ok = put_line(&self.text, out);
    av_buf_release(&self.bytes);
    av_buf_release(&self.text);
    return ok;
}
