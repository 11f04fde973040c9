/*
 * doc.c - text of Word documents, version 6 to 2003 ([MS-DOC])
 *
 * All text, in the order of the piece table: body, footnotes, headers, comments, endnotes, text boxes. What fields
 * say (where a link leads) is text, too.
 */
#include "actors/extract/ole.h"

#define FIB_MIN      0x200
#define PIECES_MAX   1000000
#define FLAG_COMPLEX 0x0004
#define FLAG_ENCRYPT 0x0100
#define FLAG_TABLE_1 0x0200
#define NFIB_97      0x00C1

static uint32_t
u16_at(av_span s, size_t at)
{
    return (uint32_t)s.p[at] | (uint32_t)s.p[at + 1] << 8;
}

static uint32_t
u32_at(av_span s, size_t at)
{
    return u16_at(s, at) | u16_at(s, at + 2) << 16;
}

/* 2.4.1 and 2.8.23 ff.: characters that mean something else. */
static void
put_char(av_job *job, uint32_t c)
{
    switch (c) {
    case 0x07: /* end of a table cell */
        (void)av_job_char(job, '\t');
        break;
    case 0x0B: /* line, page, paragraph */
    case 0x0C:
    case 0x0D:
    case 0x0E:
        (void)av_job_line(job);
        break;
    case 0x1E: /* a hyphen that does not break */
        (void)av_job_char(job, '-');
        break;
    case 0x01: /* picture, note reference, object, a hyphen where the line may break */
    case 0x02:
    case 0x03:
    case 0x04:
    case 0x05:
    case 0x08:
    case 0x1F:
        break;
    default: /* fields' 0x13 to 0x15 become blanks */
        (void)av_job_char(job, c);
    }
}

/* One piece of 8-bit characters: runs that are plain go through the charset, the rest by put_char. */
static void
put_bytes(av_job *job, av_span s, const char *charset)
{
    while (s.n > 0 && !job->out.full) {
        size_t n = 0;

        while (n < s.n && s.p[n] >= 0x20)
            n++;
        if (n > 0)
            (void)av_job_charset(job, charset, av_span_slice(s, 0, n));
        if (n < s.n)
            put_char(job, s.p[n++]);
        s = av_span_skip(s, n);
    }
}

static void
put_units(av_job *job, av_span s)
{
    while (s.n >= 2 && !job->out.full) {
        size_t n = 0;

        while (n + 1 < s.n && u16_at(s, n) >= 0x20)
            n += 2;
        if (n > 0)
            (void)av_job_utf16le(job, av_span_slice(s, 0, n));
        if (n + 1 < s.n) {
            put_char(job, u16_at(s, n));
            n += 2;
        }
        s = av_span_skip(s, n);
    }
}

/* 2.9.38: behind property modifiers, the piece table. */
static bool
find_pieces(av_span clx, av_span *ret)
{
    while (clx.n >= 5) {
        uint32_t n;

        if (clx.p[0] == 2) {
            n = u32_at(clx, 1);
            *ret = av_span_slice(clx, 5, 5 + (size_t)AV_MIN((uint64_t)n, (uint64_t)(clx.n - 5)));
            return ret->n >= 16;
        }
        n = u16_at(clx, 1);
        if (clx.p[0] != 1 || 3 + (size_t)n > clx.n)
            return false;
        clx = av_span_skip(clx, 3 + (size_t)n);
    }
    return false;
}

/* 2.8.35: n + 1 character positions, n descriptors of 8 bytes, in which one bit of Word 97 says 8-bit (2.9.73). */
static av_errc
put_pieces(av_job *job, av_span word, av_span table, bool word_97, const char *charset, av_error *err)
{
    size_t n = (table.n - 4) / 12;
    bool cut = false;

    if (n > PIECES_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "has more than %d pieces", PIECES_MAX);
    for (size_t i = 0; i < n && !job->out.full; i++) {
        uint32_t from = u32_at(table, i * 4), to = u32_at(table, i * 4 + 4);
        uint32_t fc = u32_at(table, (n + 1) * 4 + i * 8 + 2);
        bool wide = word_97 && (fc & 0x40000000) == 0;
        uint64_t at = word_97 ? (wide ? fc & 0x3FFFFFFF : (fc & 0x3FFFFFFF) / 2) : fc, length;

        if (to <= from || at >= word.n) {
            cut = cut || to > from;
            continue;
        }
        length = (uint64_t)(to - from) * (wide ? 2 : 1);
        if (length > word.n - at) {
            length = word.n - at;
            cut = true;
        }
        if (wide)
            put_units(job, av_span_slice(word, (size_t)at, (size_t)(at + length)));
        else
            put_bytes(job, av_span_slice(word, (size_t)at, (size_t)(at + length)), charset);
    }
    return cut ? av_error_set(err, AV_ERR_CORRUPT, "is cut short: text is missing") : av_job_done(job, err);
}

/* Word 6 and 95 have no Unicode: the document's language says the code page. */
static const char *
charset_of_language(uint32_t lid)
{
    static const struct language {
        uint8_t primary;
        const char *charset;
    } languages[] = { { 0x01, "windows-1256" }, { 0x02, "windows-1251" }, { 0x05, "windows-1250" },
        { 0x08, "windows-1253" }, { 0x0D, "windows-1255" }, { 0x0E, "windows-1250" }, { 0x11, "shift_jis" },
        { 0x12, "ks_c_5601-1987" }, { 0x15, "windows-1250" }, { 0x18, "windows-1250" }, { 0x19, "windows-1251" },
        { 0x1B, "windows-1250" }, { 0x1E, "CP874" }, { 0x1F, "windows-1254" }, { 0x22, "windows-1251" },
        { 0x23, "windows-1251" }, { 0x24, "windows-1250" }, { 0x25, "windows-1257" }, { 0x26, "windows-1257" },
        { 0x27, "windows-1257" } };

    for (size_t i = 0; i < AV_COUNT(languages); i++)
        if (languages[i].primary == (lid & 0xFF))
            return languages[i].charset;
    return lid == 0x0804 ? "gbk" : lid == 0x0404 ? "big5" : "windows-1252";
}

av_errc
av_doc_text(av_job *job, av_span word, const av_span tables[2], av_error *err)
{
    uint32_t flags, at, n, version;
    const char *charset = "windows-1252";
    av_span clx = { 0 }, pieces;
    bool word_97;

    if (word.n < FIB_MIN)
        return av_error_set(err, AV_ERR_CORRUPT, "is cut short");
    version = u16_at(word, 2);
    flags = u16_at(word, 0x0A);
    if ((flags & FLAG_ENCRYPT) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "is encrypted");
    word_97 = version >= NFIB_97;
    if (word_97) {
        at = u32_at(word, 0x1A2);
        n = u32_at(word, 0x1A6);
        clx = tables[(flags & FLAG_TABLE_1) != 0];
    } else {
        at = u32_at(word, 0x160);
        n = u32_at(word, 0x164);
        clx = word;
        charset = charset_of_language(u16_at(word, 6));
    }
    clx =
        at < clx.n ? av_span_slice(clx, at, at + (size_t)AV_MIN((uint64_t)n, (uint64_t)(clx.n - at))) : (av_span){ 0 };
    if ((word_97 || (flags & FLAG_COMPLEX) != 0) && find_pieces(clx, &pieces))
        return put_pieces(job, word, pieces, word_97, charset, err);
    at = u32_at(word, 0x18);
    n = u32_at(word, 0x1C);
    if (word_97 || at >= n || at >= word.n) /* the text of Word 97 is where the piece table says, or unknown */
        return av_error_set(err, AV_ERR_CORRUPT, "is broken: it does not say where its text is");
    put_bytes(job, av_span_slice(word, at, (size_t)AV_MIN((uint64_t)n, (uint64_t)word.n)), charset);
    return av_job_done(job, err);
}
