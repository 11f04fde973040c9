/*
 * foldgen - what ICU knows of each character -> C: storage/index/fold.h's table
 *
 *   foldgen OUTPUT
 *
 * Two stages: blocks of 128 code points, equal ones once, give the number of an entry; equal entries once. The rules of
 * what a class is and what folding does are here and nowhere else; storage/index/fold.h says them in words.
 */
#include "storage/index/fold.h"

#include <errno.h>
#include <stdio.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>

#include "base/error.h"

enum { LAST = 0x10FFFF, BLOCKS = (LAST + 1) / AV_FOLD_BLOCK, ENTRIES_MAX = 16384, TEXT_MAX = 32 };

typedef struct text {
    uint32_t c[TEXT_MAX];
    size_t n;
} text;

static struct {
    av_fold entries[ENTRIES_MAX];
    size_t entry_count;
    uint16_t blocks[BLOCKS][AV_FOLD_BLOCK];
    size_t block_count;
    uint16_t block_of[BLOCKS];
} table;

/* Letters that a decomposition does not take apart, and what people type for them. */
static const struct {
    uint32_t c;
    const char *plain;
} plain_letters[] = {
    { 0xDF, "ss" },  /* sharp s */
    { 0xE6, "ae" },  /* ae */
    { 0xF0, "d" },   /* eth */
    { 0xF8, "o" },   /* o with stroke */
    { 0xFE, "th" },  /* thorn */
    { 0x111, "d" },  /* d with stroke */
    { 0x127, "h" },  /* h with stroke */
    { 0x131, "i" },  /* dotless i */
    { 0x142, "l" },  /* l with stroke */
    { 0x14B, "ng" }, /* eng */
    { 0x153, "oe" }, /* oe */
    { 0x167, "t" },  /* t with stroke */
    { 0x237, "j" },  /* dotless j */
};

static bool
is_mark(uint32_t c)
{
    return (U_GET_GC_MASK((UChar32)c) & U_GC_M_MASK) != 0;
}

/* A script whose words are not parted by spaces; the sound mark of kana and its like belong to several scripts. */
static bool
is_unspaced(uint32_t c)
{
    static const UScriptCode scripts[] = { USCRIPT_HAN, USCRIPT_HIRAGANA, USCRIPT_KATAKANA, USCRIPT_HANGUL,
        USCRIPT_THAI, USCRIPT_LAO, USCRIPT_KHMER, USCRIPT_MYANMAR };
    UErrorCode status = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript((UChar32)c, &status);

    for (size_t i = 0; i < AV_COUNT(scripts); i++) {
        if (script == scripts[i])
            return true;
        if (script == USCRIPT_COMMON && u_isalpha((UChar32)c) && uscript_hasScript((UChar32)c, scripts[i]))
            return true;
    }
    return false;
}

/* A mark that is an accent or a reading aid, not a letter. Hamza and madda are parts of Arabic letters. */
static bool
is_accent(uint32_t c)
{
    static const UScriptCode scripts[] = { USCRIPT_INHERITED, USCRIPT_COMMON, USCRIPT_LATIN, USCRIPT_GREEK,
        USCRIPT_CYRILLIC, USCRIPT_HEBREW, USCRIPT_ARABIC };
    UErrorCode status = U_ZERO_ERROR;
    UScriptCode script = uscript_getScript((UChar32)c, &status);
    int8_t type = u_charType((UChar32)c);

    if ((type != U_NON_SPACING_MARK && type != U_ENCLOSING_MARK) || (c >= 0x653 && c <= 0x655))
        return false;
    for (size_t i = 0; i < AV_COUNT(scripts); i++)
        if (script == scripts[i])
            return true;
    return false;
}

static av_fold_class
class_of(uint32_t c)
{
    int8_t type = u_charType((UChar32)c);

    if (u_isUWhiteSpace((UChar32)c) || c == 0x200B)
        return AV_FOLD_SPACE;
    if (u_hasBinaryProperty((UChar32)c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) &&
        (type == U_FORMAT_CHAR || type == U_NON_SPACING_MARK))
        return AV_FOLD_IGNORED;
    if (c == 0x3099 || c == 0x309A || c == 0xFF9E || c == 0xFF9F)
        return AV_FOLD_VOICE;
    if (is_accent(c))
        return AV_FOLD_ACCENT;
    if (is_mark(c) || c == '_' || type == U_DECIMAL_DIGIT_NUMBER || u_hasBinaryProperty((UChar32)c, UCHAR_ALPHABETIC))
        return is_unspaced(c) ? AV_FOLD_ROW : AV_FOLD_WORD;
    return AV_FOLD_OTHER;
}

/* Widths, ligatures and the shapes of Arabic letters: another drawing of the same letters. */
static bool
is_drawing(uint32_t c)
{
    int32_t type = u_getIntPropertyValue((UChar32)c, UCHAR_DECOMPOSITION_TYPE);

    if (c >= 0xFFA0 && c <= 0xFFDC) /* half-width Hangul letters stand alone */
        return false;
    return type == U_DT_WIDE || type == U_DT_NARROW || type == U_DT_INITIAL || type == U_DT_MEDIAL ||
           type == U_DT_FINAL || type == U_DT_ISOLATED || (c >= 0xFB00 && c <= 0xFB17) || c == 0x132 || c == 0x133 ||
           (c >= 0x1C4 && c <= 0x1CC) || (c >= 0x1F1 && c <= 0x1F3);
}

static text
normalized(const text *in, const UNormalizer2 *form)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar from[TEXT_MAX * 2], to[TEXT_MAX * 2];
    int32_t n = 0, length;
    text ret = { .n = 0 };

    for (size_t i = 0; i < in->n; i++)
        U16_APPEND_UNSAFE(from, n, in->c[i]);
    length = unorm2_normalize(form, from, n, to, AV_COUNT(to), &status);
    assert(U_SUCCESS(status));
    for (int32_t i = 0; i < length;) {
        assert(ret.n < TEXT_MAX);
        U16_NEXT(to, i, length, ret.c[ret.n]);
        ret.n++;
    }
    return ret;
}

/* Without case, and taken apart; characters of unspaced scripts stay whole. */
static text
cased_of(uint32_t c, av_fold_class class)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status), *nfd = unorm2_getNFDInstance(&status);
    const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&status), *nfkd = unorm2_getNFKDInstance(&status);
    text self = { .c = { c }, .n = 1 }, out;

    assert(U_SUCCESS(status));
    if (class == AV_FOLD_ROW || class == AV_FOLD_VOICE) {
        out = normalized(&self, is_drawing(c) ? nfkc : nfc);
        return out.n == 1 ? out : self;
    }
    if (class != AV_FOLD_WORD)
        return self;
    out = normalized(&self, is_drawing(c) ? nfkd : nfd);
    for (size_t i = 0; i < out.n; i++) {
        if (class_of(out.c[i]) != AV_FOLD_WORD && class_of(out.c[i]) != AV_FOLD_ACCENT)
            return self; /* a drawing with a space in it, say */
        if (!is_mark(out.c[i]))
            out.c[i] = (uint32_t)u_foldCase((UChar32)out.c[i], U_FOLD_CASE_DEFAULT);
    }
    return normalized(&out, nfd);
}

/* And without accents. A breve on a Cyrillic letter makes another letter of it. */
static text
folded_of(const text *cased)
{
    text out = { .n = 0 };

    for (size_t i = 0; i < cased->n; i++) {
        const char *plain = NULL;

        if (class_of(cased->c[i]) == AV_FOLD_ACCENT &&
            !(cased->c[i] == AV_FOLD_BREVE && out.n > 0 && av_fold_is_cyrillic(out.c[out.n - 1])))
            continue;
        for (size_t k = 0; k < AV_COUNT(plain_letters) && plain == NULL; k++)
            if (plain_letters[k].c == cased->c[i])
                plain = plain_letters[k].plain;
        if (plain == NULL)
            out.c[out.n++] = cased->c[i];
        for (; plain != NULL && *plain != '\0'; plain++)
            out.c[out.n++] = (uint8_t)*plain;
        assert(out.n + 2 < TEXT_MAX);
    }
    return out;
}

static uint8_t
put(const text *in, uint8_t *out)
{
    AV_CLEANUP(av_buf_release) av_buf b = { 0 };

    av_buf_init(&b, 256);
    for (size_t i = 0; i < in->n; i++)
        (void)av_utf8_put(&b, in->c[i]);
    assert(b.n > 0 && b.n <= AV_FOLD_BYTES);
    memcpy(out, b.p, b.n);
    return (uint8_t)b.n;
}

static uint16_t
entry_of(uint32_t c)
{
    av_fold e = { .class = (uint8_t)class_of(c), .combining = u_getCombiningClass((UChar32)c) };

    if (e.class == AV_FOLD_WORD || e.class == AV_FOLD_ROW || e.class == AV_FOLD_VOICE) {
        text cased = cased_of(c, (av_fold_class)e.class), folded = cased;

        if (e.class == AV_FOLD_WORD)
            folded = folded_of(&cased);
        if (cased.n != 1 || cased.c[0] != c || folded.n != 1 || folded.c[0] != c) {
            e.folded_n = put(&folded, e.folded);
            e.cased_n = put(&cased, e.cased);
            e.accented = e.folded_n != e.cased_n || memcmp(e.folded, e.cased, e.cased_n) != 0;
        }
    }
    for (size_t i = 0; i < table.entry_count; i++)
        if (memcmp(&table.entries[i], &e, sizeof e) == 0)
            return (uint16_t)i;
    assert(table.entry_count < ENTRIES_MAX);
    table.entries[table.entry_count] = e;
    return (uint16_t)table.entry_count++;
}

static void
fill(void)
{
    for (uint32_t b = 0; b < BLOCKS; b++) {
        uint16_t *ids = table.blocks[table.block_count];
        size_t same = 0;

        for (uint32_t i = 0; i < AV_FOLD_BLOCK; i++)
            ids[i] = entry_of(b * AV_FOLD_BLOCK + i);
        while (memcmp(table.blocks[same], ids, sizeof table.blocks[0]) != 0)
            same++;
        table.block_of[b] = (uint16_t)same;
        table.block_count += same == table.block_count;
    }
}

static void
write_bytes(FILE *f, const uint8_t *p, size_t n)
{
    (void)fprintf(f, ", { ");
    for (size_t i = 0; i < n || i == 0; i++)
        (void)fprintf(f, "%s%u", i == 0 ? "" : ",", p[i]);
    (void)fprintf(f, " }");
}

static void
write_all(FILE *f)
{
    (void)fprintf(f, "const char av_fold_unicode[] = \"%s\";\n", U_UNICODE_VERSION);
    (void)fprintf(f, "const av_fold av_fold_entries[] = {\n");
    for (size_t i = 0; i < table.entry_count; i++) {
        const av_fold *e = &table.entries[i];

        (void)fprintf(f, "{ %u, %u, %u, %u, %u", e->class, e->combining, e->accented, e->folded_n, e->cased_n);
        write_bytes(f, e->folded, e->folded_n);
        write_bytes(f, e->cased, e->cased_n);
        (void)fprintf(f, " },\n");
    }
    (void)fprintf(f, "};\nconst uint16_t av_fold_ids[][AV_FOLD_BLOCK] = {\n");
    for (size_t b = 0; b < table.block_count; b++) {
        (void)fprintf(f, "{ ");
        for (size_t i = 0; i < AV_FOLD_BLOCK; i++)
            (void)fprintf(f, "%u,", table.blocks[b][i]);
        (void)fprintf(f, " },\n");
    }
    (void)fprintf(f, "};\nconst uint16_t av_fold_blocks[] = {\n");
    for (size_t b = 0; b < BLOCKS; b++)
        (void)fprintf(f, "%u,\n", table.block_of[b]);
    (void)fprintf(f, "};\nconst uint8_t av_fold_ascii[256] = {\n");
    for (uint32_t c = 0; c < 256; c++) {
        const av_fold *e = &table.entries[c < 128 ? entry_of(c) : 0];
        bool word = c < 128 && e->class == AV_FOLD_WORD;

        (void)fprintf(f, "%u,\n", !word ? 0 : e->folded_n > 0 ? e->folded[0] : c);
    }
    (void)fprintf(f, "};\n");
}

int
main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "w") : NULL;

    if (f == NULL) {
        (void)fprintf(stderr, "usage: foldgen OUTPUT (a file that can be written)\n");
        return 1;
    }
    fill();
    write_all(f);
    if (fclose(f) != 0) {
        (void)fprintf(stderr, "foldgen: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    return 0;
}
