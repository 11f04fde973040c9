/*
 * test_token.c - words, their two forms and steps; the table of characters against ICU; word boundaries against ICU's
 */
#include "storage/index/token.h"

#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>

#include "storage/index/fold.h"
#include "tests/check.h"

/* "folded[=cased][!]" for each word, with what stands between: " " white space, "" nothing (shown as "|"), a mark, "~"
 * mixed */
static void
show(const char *text, av_buf *out)
{
    av_tokens tokens;
    av_token t;

    av_buf_clear(out);
    av_tokens_init(&tokens, av_span_str(text));
    while (av_tokens_next(&tokens, &t)) {
        if (t.step == AV_TOKEN_STEP_SPACE)
            (void)av_buf_putc(out, ' ');
        else if (t.step == AV_TOKEN_STEP_NOTHING)
            (void)av_buf_putc(out, '|');
        else if (t.step == AV_TOKEN_STEP_MIXED)
            (void)av_buf_putc(out, '~');
        else if (t.step != 0)
            (void)av_buf_putc(out, (uint8_t)AV_TOKEN_MARKS[t.step - AV_TOKEN_STEP_MARK]);
        (void)av_buf_append_span(out, t.folded);
        if (t.cased.n > 0)
            (void)av_buf_printf(out, "=%.*s", (int)t.cased.n, (const char *)t.cased.p);
        (void)av_buf_puts(out, t.cut ? "!" : "");
    }
}

static void
test_words(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { " ,.- ", "" },
        { "Hello", "hello" },
        { "Hello World", "hello world" },
        { "Hello \r\n\t World", "hello world" },
        { "Hello, World", "hello~world" },
        { "joe@Example.COM", "joe@example.com" },
        { "a-b/c:d,e'f", "a-b/c:d,e'f" },
        { "a--b a- b a_b a+b", "a~b a~b a_b a~b" },
        { "\"quoted\" 10:30", "quoted~10:30" },
        { "Müller", "muller=mu\u0308ller" },
        { "MU\u0308LLER", "muller=mu\u0308ller" },
        { "Straße STRAẞE", "strasse=straße strasse=straße" },
        { "Ærø đak Łódź þing ıldız", "aero=ærø dak=đak lodz=ło\u0301dz\u0301 thing=þing ildiz=ıldız" },
        { "ŒUVRE ﬁnd ＡＢＣ１", "oeuvre=œuvre find abc1" },
        { "Ελλάδα ΣΊΣΥΦΟΣ", "ελλαδα=ελλα\u0301δα σισυφοσ=σι\u0301συφοσ" },
        { "ёлка ЙОД и\u0306од", "елка=е\u0308лка и\u0306од и\u0306од" },
        { "İstanbul K 5Å", "istanbul=i\u0307stanbul k 5a=5a\u030a" },
        { "Viê\u0323t Việt", "viet=vie\u0323\u0302t viet=vie\u0323\u0302t" },
        { "o\u0331\u0308 ö\u0331", "o=o\u0331\u0308 o=o\u0331\u0308" }, /* canonical order */
        { "שָׁלוֹם مُحَمَّد", "שלום=שָׁלוֹם محمد=مُحَمَّد" },
        { "हिन्दी", "हिन्दी" },
        { "Rech\u00adnung a\u200db", "rechnung ab" },
        { "a\u200b\u00a0b", "a b" },
        { "日本語", "日本|本語|語" },
        { "日", "日" },
        { "ABC日本 x", "abc|日本|本 x" },
        { "スーパー", "スー|ーパ|パー|ー" },
        { "がか\u3099ｶﾞ", "がが|がガ|ガ" },
        { "각\u1100\u1161\u11a8", "각각|각" },
        { "สวัสดี", "สว|วั|ัส|สด|ดี|ี" },
        { "\u0301abc * \u0301", "abc" },
        { "a\xff b\xc3", "a~b" },
        { "x😀y ❤️z", "x~y~z" },
        { "don't don’t", "don't don~t" },
    };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 65536);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        show(cases[i].text, &out);
        AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
    }
}

static void
test_long_words(void)
{
    static const struct {
        const char *piece;
        size_t times, folded, cased;
        bool cut;
    } cases[] = {
        { "a", 64, 64, 0, false },
        { "a", 65, 64, 0, true },
        { "a", 1000, 64, 0, true },
        { "ж", 32, 64, 0, false },
        { "ж", 33, 64, 0, true },
        { "ü", 21, 21, 63, false },
        { "ü", 22, 22, 63, true },
        { "ü", 100, 64, 63, true },
        { "\u0301", 500, 1, 63, true }, /* on one letter */
        { "ß", 32, 64, 64, false },
    };
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, 65536);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_tokens tokens;
        av_token t;

        av_check_row = (long)i;
        av_buf_clear(&text);
        if (i == 8)
            (void)av_buf_putc(&text, 'E');
        for (size_t k = 0; k < cases[i].times; k++)
            (void)av_buf_puts(&text, cases[i].piece);
        av_tokens_init(&tokens, av_buf_span(&text));
        AV_CHECK(av_tokens_next(&tokens, &t));
        AV_CHECK_INT(t.folded.n, cases[i].folded);
        AV_CHECK_INT(t.cased.n, cases[i].cased);
        AV_CHECK_INT(t.cut, cases[i].cut);
        AV_CHECK(t.from == 0 && t.to == text.n && t.hash == av_token_hash(t.folded));
        AV_CHECK(!av_tokens_next(&tokens, &t));
    }
}

static void
test_positions(void)
{
    static const uint32_t want[] = { 1, 11, 24, 36, 47, 58, 69 };
    av_tokens tokens;
    av_token t;

    av_tokens_init(&tokens, av_span_str("one two.three, x日本"));
    for (size_t i = 0; i < AV_COUNT(want) - 1; i++) {
        av_check_row = (long)i;
        AV_CHECK(av_tokens_next(&tokens, &t));
        AV_CHECK_INT(t.position, want[i]);
    }
    AV_CHECK(!av_tokens_next(&tokens, &t));
    AV_CHECK(AV_TOKEN_STEP_MARK + strlen(AV_TOKEN_MARKS) == 2 * AV_TOKEN_STEP);
    AV_CHECK_INT(AV_TOKEN_WITHIN(1), 19);
}

static void
test_edges(void)
{
    static const struct {
        const char *text;
        bool before, behind;
    } cases[] = {
        { "a", false, false },
        { " a ", false, false },
        { ".pdf", true, false },
        { "c++", false, true },
        { "\"a b\"", true, true },
        { " - a -", true, true },
        { "...", false, false },
        { "", false, false },
        { "日本。", false, true },
        { "a\u00ad", false, false },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        bool before, behind;

        av_check_row = (long)i;
        av_tokens_edges(av_span_str(cases[i].text), &before, &behind);
        AV_CHECK_INT(before, cases[i].before);
        AV_CHECK_INT(behind, cases[i].behind);
    }
}

/* All words of three letters: no two have one hash, and they spread over a table by its low bits. */
static void
test_hash(void)
{
    static uint32_t slots[1024];
    static uint64_t seen[26 * 26 * 26];
    uint32_t most = 0;

    for (size_t i = 0; i < AV_COUNT(seen); i++) {
        uint8_t word[3] = { (uint8_t)('a' + i % 26), (uint8_t)('a' + i / 26 % 26), (uint8_t)('a' + i / 676) };
        uint32_t *slot;

        seen[i] = av_token_hash(av_span_of(word, 3));
        slot = &slots[seen[i] % AV_COUNT(slots)];
        most = AV_MAX(most, *slot + 1);
        ++*slot;
    }
    AV_CHECK(most < 50); /* 17 on average */
    for (size_t i = 0; i < 1000; i++)
        for (size_t k = i + 1; k < AV_COUNT(seen); k++)
            if (seen[i] == seen[k])
                AV_CHECK_INT(i, k);
}

/* The one word that a text is, its forms; false when it is not one word. */
static bool
one_word(av_span text, av_buf *folded, av_buf *cased)
{
    av_tokens tokens;
    av_token t;

    av_buf_clear(folded);
    av_buf_clear(cased);
    av_tokens_init(&tokens, text);
    if (!av_tokens_next(&tokens, &t))
        return false;
    (void)av_buf_append_span(folded, t.folded);
    (void)av_buf_append_span(cased, t.cased.n > 0 ? t.cased : t.folded);
    return !av_tokens_next(&tokens, &t);
}

/* Every letter: the same forms when taken apart, when put together, in the other case; ICU says what these are. */
static void
test_all_letters(void)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&status);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 }, a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
    size_t letters = 0;

    av_buf_init(&text, 256);
    av_buf_init(&a, 256);
    av_buf_init(&b, 256);
    av_buf_init(&c, 256);
    av_buf_init(&d, 256);
    for (UChar32 v = 1; v <= 0x10FFFF; v++) {
        UChar apart[32];
        int32_t n = 0;

        if (!av_fold_is_letter((uint32_t)v))
            continue;
        letters++;
        av_check_row = v;
        av_buf_clear(&text);
        (void)av_utf8_put(&text, (uint32_t)v);
        if (!AV_CHECK(one_word(av_buf_span(&text), &a, &b)))
            continue;
        n = unorm2_getDecomposition(nfd, v, apart, AV_COUNT(apart), &status);
        av_buf_clear(&text);
        for (int32_t i = 0; i < n;) {
            UChar32 one;

            U16_NEXT(apart, i, n, one);
            (void)av_utf8_put(&text, (uint32_t)one);
        }
        if (n > 0 && u_getIntPropertyValue(v, UCHAR_SCRIPT) != USCRIPT_MYANMAR) {
            AV_CHECK(one_word(av_buf_span(&text), &c, &d));
            AV_CHECK(av_span_eq(av_buf_span(&a), av_buf_span(&c)) && av_span_eq(av_buf_span(&b), av_buf_span(&d)));
        }
        av_buf_clear(&text);
        (void)av_utf8_put(&text, (uint32_t)u_foldCase(v, U_FOLD_CASE_DEFAULT));
        AV_CHECK(one_word(av_buf_span(&text), &c, &d));
        AV_CHECK(av_span_eq(av_buf_span(&a), av_buf_span(&c)) && av_span_eq(av_buf_span(&b), av_buf_span(&d)));
        /* Folding again changes nothing. */
        AV_CHECK(one_word(av_buf_span(&a), &c, &d) && av_span_eq(av_buf_span(&a), av_buf_span(&c)));
    }
    AV_CHECK(U_SUCCESS(status) && letters > 130000);
    printf("    %zu letters, Unicode %s\n", letters, av_fold_unicode);
}

/* Texts of plain letters and marks that UAX #29 takes as we do: each of our words is one of ICU's. */
static void
test_boundaries(void)
{
    static const char *const texts[] = {
        "The quick brown fox, 12 times; über Österreich.",
        "Съешь же ещё этих мягких французских булок",
        "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
        "עטלף אבק נס דרך מזגן",
        "نص حكيم له سر قاطع وذو شأن عظيم",
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में",
        "Příliš žluťoučký kůň úpěl ďábelské ódy",
        "foo_bar e\u0301te\u0301 soft\u00adhyphen",
    };

    for (size_t i = 0; i < AV_COUNT(texts); i++) {
        UErrorCode status = U_ZERO_ERROR;
        UChar wide[512];
        int32_t n = 0, from = 0;
        UBreakIterator *words;
        av_tokens tokens;
        av_token t;

        av_check_row = (long)i;
        (void)u_strFromUTF8(wide, AV_COUNT(wide), &n, texts[i], -1, &status);
        words = ubrk_open(UBRK_WORD, "root", wide, n, &status);
        AV_CHECK(U_SUCCESS(status));
        av_tokens_init(&tokens, av_span_str(texts[i]));
        for (int32_t to = ubrk_next(words); to != UBRK_DONE; from = to, to = ubrk_next(words)) {
            char narrow[256];
            int32_t bytes = 0;

            if (ubrk_getRuleStatus(words) == UBRK_WORD_NONE)
                continue;
            (void)u_strToUTF8(narrow, sizeof narrow, &bytes, wide + from, to - from, &status);
            if (AV_CHECK(av_tokens_next(&tokens, &t)))
                AV_CHECK_MEM(texts[i] + t.from, t.to - t.from, narrow, (size_t)bytes);
        }
        AV_CHECK(!av_tokens_next(&tokens, &t));
        ubrk_close(words);
    }
}

int
main(void)
{
    AV_RUN(test_words);
    AV_RUN(test_long_words);
    AV_RUN(test_positions);
    AV_RUN(test_edges);
    AV_RUN(test_hash);
    AV_RUN(test_all_letters);
    AV_RUN(test_boundaries);
    return av_check_done();
}
