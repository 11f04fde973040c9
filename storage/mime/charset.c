/*
 * charset.c - see charset.h
 */
#include "storage/mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdio.h>

#include "base/unicode.h"
#include "storage/mime/mime_priv.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Names that mail uses, and the charset that is really meant (as the WHATWG Encoding Standard has it). */
static const struct alias {
    const char *name;
    const char *real; /* for iconv; NULL: done here, see kind */
    enum { KIND_ICONV, KIND_GUESS, KIND_UTF8, KIND_1252 } kind;
} aliases[] = {
    { "utf-8", NULL, KIND_UTF8 },
    { "utf8", NULL, KIND_UTF8 },
    { "us-ascii", NULL, KIND_GUESS },
    { "ascii", NULL, KIND_GUESS },
    { "iso-8859-1", NULL, KIND_1252 },
    { "iso8859-1", NULL, KIND_1252 },
    { "iso_8859-1", NULL, KIND_1252 },
    { "latin1", NULL, KIND_1252 },
    { "windows-1252", NULL, KIND_1252 },
    { "cp1252", NULL, KIND_1252 },
    { "x-unknown", NULL, KIND_GUESS },
    { "unknown-8bit", NULL, KIND_GUESS },
    { "gb2312", "GB18030", KIND_ICONV },
    { "gb_2312-80", "GB18030", KIND_ICONV },
    { "gbk", "GB18030", KIND_ICONV },
    { "x-gbk", "GB18030", KIND_ICONV },
    { "cp936", "GB18030", KIND_ICONV },
    { "euc-cn", "GB18030", KIND_ICONV },
    { "eucgb2312_cn", "GB18030", KIND_ICONV },
    { "gb_2312", "GB18030", KIND_ICONV },
    { "iso-8859-9", "CP1254", KIND_ICONV },
    { "iso-8859-11", "CP874", KIND_ICONV },
    { "tis-620", "CP874", KIND_ICONV },
    { "iso-8859-8-i", "ISO-8859-8", KIND_ICONV },
    { "iso-8859-8-e", "ISO-8859-8", KIND_ICONV },
    { "shift_jis", "CP932", KIND_ICONV },
    { "shift-jis", "CP932", KIND_ICONV },
    { "x-sjis", "CP932", KIND_ICONV },
    { "sjis", "CP932", KIND_ICONV },
    { "windows-31j", "CP932", KIND_ICONV },
    { "x-euc-jp", "EUC-JP", KIND_ICONV },
    { "euc-kr", "CP949", KIND_ICONV },
    { "ks_c_5601-1987", "CP949", KIND_ICONV },
    { "ks_c_5601", "CP949", KIND_ICONV },
    { "windows-949", "CP949", KIND_ICONV },
    { "big5", "BIG5-HKSCS", KIND_ICONV },
    { "x-big5", "BIG5-HKSCS", KIND_ICONV },
    { "cp-850", "CP850", KIND_ICONV },
    { "macintosh", "MACINTOSH", KIND_ICONV },
    { "x-mac-roman", "MACINTOSH", KIND_ICONV },
    { "x-mac-cyrillic", "MAC-CYRILLIC", KIND_ICONV },
    { "unicode-1-1-utf-7", "UTF-7", KIND_ICONV },
    { "unicode-1-1-utf-8", NULL, KIND_UTF8 },
};

/* 0x80 to 0x9F of windows-1252; 0: unassigned, stays a C1 control. */
static const uint16_t high_1252[32] = { 0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030,
    0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122,
    0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178 };

size_t
mime_ascii_run(av_span s)
{
    size_t i = 0;
    uint64_t eight;

    for (; i + sizeof eight <= s.n; i += sizeof eight) {
        memcpy(&eight, s.p + i, sizeof eight);
        if ((eight & 0x8080808080808080U) != 0)
            break;
    }
    while (i < s.n && s.p[i] < 0x80)
        i++;
    return i;
}

size_t
mime_cut_utf8(av_span utf8, size_t max)
{
    size_t n = AV_MIN(utf8.n, max);

    while (n > 0 && n < utf8.n && (utf8.p[n] & 0xC0) == 0x80)
        n--;
    return n;
}

bool
mime_append_utf8(av_buf *out, av_span utf8)
{
    size_t left = out->full ? 0 : out->max - out->n;
    size_t n = mime_cut_utf8(utf8, left);

    if (n == utf8.n && !out->full)
        return av_buf_append_span(out, utf8);
    (void)av_buf_append(out, utf8.p, n);
    out->full = true;
    return false;
}

/* Valid UTF-8 without NUL goes out in one piece; NULs are replaced. */
static bool
put_valid(av_span in, av_buf *out)
{
    while (in.n > 0) {
        size_t n = av_span_find(in, '\0');

        if (!mime_append_utf8(out, av_span_slice(in, 0, n)))
            return false;
        if (n < in.n && !mime_append_utf8(out, av_span_str(REPLACEMENT)))
            return false;
        in = av_span_skip(in, n < in.n ? n + 1 : n);
    }
    return true;
}

static bool
from_utf8(av_span in, av_buf *out)
{
    if (av_utf8_valid(av_span_skip(in, mime_ascii_run(in))))
        return put_valid(in, out);
    while (in.n > 0) {
        size_t ascii = mime_ascii_run(in);

        if (!put_valid(av_span_slice(in, 0, ascii), out))
            return false;
        in = av_span_skip(in, ascii);
        while (in.n > 0 && in.p[0] >= 0x80)
            if (!av_utf8_put(out, av_utf8_next(&in)))
                return false;
    }
    return true;
}

static bool
from_1252(av_span in, av_buf *out)
{
    while (in.n > 0) {
        size_t ascii = mime_ascii_run(in);

        if (!put_valid(av_span_slice(in, 0, ascii), out))
            return false;
        in = av_span_skip(in, ascii);
        while (in.n > 0 && in.p[0] >= 0x80) {
            uint8_t c = in.p[0];

            if (!av_utf8_put(out, c < 0xA0 && high_1252[c - 0x80] != 0 ? high_1252[c - 0x80] : c))
                return false;
            in = av_span_skip(in, 1);
        }
    }
    return true;
}

bool
av_charset_guess(av_span in, av_buf *out)
{
    if (av_utf8_valid(av_span_skip(in, mime_ascii_run(in))))
        return put_valid(in, out);
    return from_1252(in, out);
}

/* Some glibc charsets can give code points beyond Unicode's end: what iconv wrote is checked like any input. */
static bool
from_iconv(iconv_t cd, av_span in, av_buf *out)
{
    char *from = (char *)(uintptr_t)in.p;
    size_t left = in.n;
    bool ok = true;

    while (ok) {
        char chunk[4096], *to = chunk;
        size_t room = sizeof chunk, before = left;
        size_t rc = left > 0 ? iconv(cd, &from, &left, &to, &room) : iconv(cd, NULL, NULL, &to, &room);
        int failed = rc == (size_t)-1 ? errno : 0;

        ok = from_utf8(av_span_of(chunk, sizeof chunk - room), out);
        if (before == 0)
            break; /* that was the flush of the state at the end */
        if (failed == E2BIG && (left < before || room < sizeof chunk))
            continue;
        if (failed != 0) { /* EILSEQ, or EINVAL: a character cut off at the end */
            ok = ok && mime_append_utf8(out, av_span_str(REPLACEMENT));
            from++;
            left = failed == EILSEQ ? left - 1 : 0;
        }
    }
    return ok;
}

/*
 * Charsets whose shared library stays loaded. iconv_close unloads a library that nobody uses any more, so each text
 * would load it anew: 60 us a time. The first converter of each charset is therefore kept open, and never used: those
 * that are used have one owner. Of the process, as loaded libraries are; mail can name any charset there is, so no more
 * than these few.
 */
static struct kept {
    pthread_mutex_t lock;
    unsigned count;
    struct {
        char name[64];
        iconv_t cd;
    } of[16];
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
keep_loaded(const char *real)
{
    unsigned i = 0;

    (void)pthread_mutex_lock(&kept.lock);
    while (i < kept.count && strcmp(kept.of[i].name, real) != 0)
        i++;
    if (i == kept.count && i < AV_COUNT(kept.of)) {
        kept.of[i].cd = iconv_open("UTF-8", real);
        if (kept.of[i].cd != (iconv_t)-1) {
            (void)snprintf(kept.of[i].name, sizeof kept.of[i].name, "%s", real);
            kept.count++;
        }
    }
    (void)pthread_mutex_unlock(&kept.lock);
}

static bool
is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("-_.:+", c) != NULL);
}

/* The name lower-case, quotes and blanks gone, as a C string; false when it is none (iconv takes `/` as an option). */
static bool
normal_name(av_span charset, char *ret, size_t max)
{
    charset = av_span_trim(charset);
    while (charset.n > 0 && strchr("\"' ", charset.p[0]) != NULL && charset.p[0] != '\0')
        charset = av_span_skip(charset, 1);
    while (charset.n > 0 && strchr("\"' ", charset.p[charset.n - 1]) != NULL && charset.p[charset.n - 1] != '\0')
        charset.n--;
    if (charset.n == 0 || charset.n >= max)
        return false;
    for (size_t i = 0; i < charset.n; i++) {
        uint8_t c = charset.p[i] >= 'A' && charset.p[i] <= 'Z' ? (uint8_t)(charset.p[i] + 32) : charset.p[i];

        if (!is_name_byte(c))
            return false;
        ret[i] = (char)c;
    }
    ret[charset.n] = '\0';
    return true;
}

/* Is a byte below 0x80 always the same character of ASCII in this charset (iconv's name)? Where nothing else comes, no
 * converter is needed: opening one loads a shared library each time. */
static bool
contains_ascii(const char *real)
{
    static const char *const beginnings[] = { "GB18030", "CP", "BIG5", "EUC-", "MAC", "iso-8859-", "iso8859-",
        "windows-", "koi8-" };

    for (size_t i = 0; i < AV_COUNT(beginnings); i++)
        if (strncmp(real, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

bool
av_charset_is_known(av_span charset)
{
    char name[64];
    const char *real = name;
    iconv_t cd;

    if (!normal_name(charset, name, sizeof name))
        return false;
    for (size_t i = 0; i < AV_COUNT(aliases); i++) {
        if (strcmp(aliases[i].name, name) != 0)
            continue;
        if (aliases[i].kind == KIND_UTF8 || aliases[i].kind == KIND_1252)
            return true;
        if (aliases[i].kind == KIND_GUESS) /* ASCII, and labels that say nothing */
            return strstr(name, "ascii") != NULL;
        real = aliases[i].real;
        break;
    }
    cd = iconv_open("UTF-8", real);
    if (cd == (iconv_t)-1)
        return false;
    (void)iconv_close(cd);
    return true;
}

bool
av_charset_to_utf8(av_span charset, av_span in, av_buf *out)
{
    char name[64];
    const char *real = name;
    iconv_t cd;
    bool ok;

    if (!normal_name(charset, name, sizeof name))
        return av_charset_guess(in, out);
    for (size_t i = 0; i < AV_COUNT(aliases); i++) {
        if (strcmp(aliases[i].name, name) != 0)
            continue;
        if (aliases[i].kind == KIND_UTF8)
            return from_utf8(in, out);
        if (aliases[i].kind == KIND_1252)
            return from_1252(in, out);
        if (aliases[i].kind == KIND_GUESS)
            return av_charset_guess(in, out);
        real = aliases[i].real;
        break;
    }
    if (contains_ascii(real) && mime_ascii_run(in) == in.n)
        return put_valid(in, out);
    cd = iconv_open("UTF-8", real);
    if (cd == (iconv_t)-1)
        return av_charset_guess(in, out);
    keep_loaded(real);
    ok = from_iconv(cd, in, out);
    (void)iconv_close(cd);
    return ok;
}
