/*
 * needle.c - see needle.h
 *
 * A match begins with the first item of the phrase (phrase.h), so all places where that may stand are tried:
 *
 *   a mark                    memmem of its bytes
 *   a word of ASCII letters   memchr on its rarest letter finds it where the text writes it in ASCII, too; where the
 * text
 *                             has other bytes in it (accents, wide letters), the walk below does
 *   any other word, a row     a walk over the words of the text that hold bytes beyond ASCII, or over all of them
 */
#include "storage/index/needle.h"

#include "storage/index/phrase.h"
#include "storage/index/substring.h"
#include "storage/index/token_priv.h"

struct av_needle {
    av_phrase phrase;
    av_substring *substring; /* NULL: the phrase is searched */
    bool plain;              /* the first item is a word of ASCII letters, or begins so */
    bool every;              /* the first item is a pattern: every word has to be looked at */
    size_t anchor;           /* index of its rarest letter */
    uint8_t upper;           /* that letter's other case, or itself */
};

/* How common a byte is in mail, from letters that are everywhere to rare ones; for the choice of the anchor only. */
static unsigned
commonness(uint8_t c)
{
    static const char by_rarity[] = "zqjxkvbywpgfumcdlhrsinoate";
    const char *at = c >= 'a' && c <= 'z' ? strchr(by_rarity, c) : NULL;

    return at == NULL ? 8 : (unsigned)(at - by_rarity);
}

static void
prepare(av_needle *self)
{
    const av_phrase_item *first = self->phrase.items;
    av_span form;

    if (self->phrase.count == 0 || first->kind != AV_PHRASE_WORD)
        return;
    form = first->word.form;
    self->every = first->word.how == AV_WORD_ENDS || first->word.how == AV_WORD_LIKE;
    self->plain = !self->every && !first->word.accented;
    for (size_t i = 0; i < form.n; i++) {
        self->plain &= form.p[i] < 0x80;
        if (commonness(form.p[i]) < commonness(form.p[self->anchor]))
            self->anchor = i;
    }
    if (!self->plain)
        return;
    self->upper = form.p[self->anchor];
    if (self->upper >= 'a' && self->upper <= 'z')
        self->upper = (uint8_t)(self->upper - 32);
}

av_needle *
av_needle_new(av_span text, av_query_kind kind)
{
    av_needle *self = av_xcalloc(1, sizeof *self);

    if (kind == AV_QUERY_SUBSTRING)
        self->substring = av_substring_new(text);
    else
        av_phrase_init(&self->phrase, kind, text);
    prepare(self);
    return self;
}

void
av_needle_destroy(av_needle **self)
{
    if (*self == NULL)
        return;
    av_phrase_release(&(*self)->phrase);
    av_substring_destroy(&(*self)->substring);
    free(*self);
    *self = NULL;
}

/* Class of the character at byte at, which is within text, and its bytes. */
static uint8_t
class_at(av_span text, size_t at, uint32_t *ret_c, size_t *ret_n)
{
    av_span rest = av_span_skip(text, at);

    *ret_c = av_utf8_next(&rest);
    *ret_n = text.n - at - rest.n;
    return av_fold_of(*ret_c)->class;
}

/* The word at byte at is one that is asked for; ret_end is set behind it in any case. */
static bool
word_at(const av_word *word, av_span text, size_t at, size_t *ret_end)
{
    uint8_t folded[AV_WORD_MAX], cased[AV_WORD_MAX];
    bool pattern = word->how == AV_WORD_ENDS || word->how == AV_WORD_LIKE;
    av_forms forms = { .folded = folded, .cased = cased, .max = pattern ? AV_TOKEN_MAX : AV_WORD_MAX };

    *ret_end = av_forms_take(&forms, text, at);
    return av_word_fits(
        word, av_span_of(folded, forms.folded_n), av_span_of(cased, forms.accented ? forms.cased_n : 0));
}

/* White space, and what is not seen, at *at; false when there is no white space. */
static bool
take_space(av_span text, size_t *at)
{
    bool any = false;

    while (*at < text.n) {
        uint32_t c;
        size_t n;
        uint8_t class = class_at(text, *at, &c, &n);

        if (class != AV_FOLD_SPACE && class != AV_FOLD_IGNORED)
            break;
        any |= class == AV_FOLD_SPACE;
        *at += n;
    }
    return any;
}

/* The items from number i on stand at byte at, where a word may begin; *ret_end is moved behind them. */
static bool
rest_at(const av_needle *self, size_t i, av_span text, size_t at, size_t *ret_end)
{
    for (; i < self->phrase.count; i++) {
        const av_phrase_item *item = &self->phrase.items[i];
        uint8_t class = AV_FOLD_OTHER;
        size_t n = 0;
        uint32_t c = 0;

        if (item->kind == AV_PHRASE_SPACE) {
            if (!take_space(text, &at))
                return false;
            continue;
        }
        while (at < text.n && (class = class_at(text, at, &c, &n)) == AV_FOLD_IGNORED)
            at += n;
        if (at >= text.n)
            return false;
        if (item->kind == AV_PHRASE_WORD) {
            if (class != AV_FOLD_WORD || !word_at(&item->word, text, at, &at))
                return false;
        } else if (item->kind == AV_PHRASE_ROW) {
            av_span rest = av_span_skip(text, at);

            if (class != AV_FOLD_ROW || av_fold_take_row(&rest) != item->code_point)
                return false;
            at = text.n - rest.n;
        } else {
            if (c != item->code_point)
                return false;
            at += n;
        }
    }
    *ret_end = at;
    return true;
}

/* Where the character before byte at begins, one malformed byte being one; at is not 0. */
static size_t
before(av_span text, size_t at)
{
    size_t from = at - 1;
    av_span one;

    while (from > 0 && at - from < 4 && (text.p[from] & 0xC0) == 0x80)
        from--;
    one = av_span_slice(text, from, at);
    (void)av_utf8_next(&one);
    return one.n == 0 ? from : at - 1;
}

/* Class of the character that accents at byte at would belong to: the one before, over accents and what is not seen. */
static uint8_t
base_class(av_span text, size_t at)
{
    uint8_t class = AV_FOLD_OTHER;

    while (at > 0) {
        uint32_t c;
        size_t n;

        if (text.p[at - 1] < 0x80)
            return av_fold_of(text.p[at - 1])->class;
        at = before(text, at);
        class = class_at(text, at, &c, &n);
        if (class != AV_FOLD_ACCENT && class != AV_FOLD_VOICE && class != AV_FOLD_IGNORED)
            break;
    }
    return class;
}

/* The first word stands at byte at, written in ASCII throughout. */
static bool
plain_at(const av_needle *self, av_span text, size_t at, size_t *ret_end)
{
    const av_word *word = &self->phrase.items[0].word;
    uint8_t class;
    uint32_t c;
    size_t n;

    if (text.n - at < word->form.n)
        return false;
    for (size_t i = 0; i < word->form.n; i++)
        if (av_fold_ascii[text.p[at + i]] != word->form.p[i])
            return false;
    if (base_class(text, at) == AV_FOLD_WORD)
        return false;
    at += word->form.n;
    while (at < text.n && av_fold_ascii[text.p[at]] != 0) {
        if (word->how == AV_WORD_IS)
            return false;
        at++;
    }
    *ret_end = at;
    if (at == text.n || text.p[at] < 0x80)
        return true;
    class = class_at(text, at, &c, &n);
    return class == AV_FOLD_ROW || class == AV_FOLD_OTHER || class == AV_FOLD_SPACE; /* else the walk sees this word */
}

static size_t
next_byte(av_span text, size_t from, uint8_t byte)
{
    const uint8_t *hit = from < text.n ? memchr(text.p + from, byte, text.n - from) : NULL;

    return hit == NULL ? text.n : (size_t)(hit - text.p);
}

static bool
find_plain(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end)
{
    uint8_t lower = self->phrase.items[0].word.form.p[self->anchor];
    size_t a = next_byte(text, self->anchor, lower);
    size_t b = self->upper == lower ? text.n : next_byte(text, self->anchor, self->upper);

    while (a < text.n || b < text.n) {
        size_t at = AV_MIN(a, b), end;

        if (plain_at(self, text, at - self->anchor, &end) && rest_at(self, 1, text, end, ret_end)) {
            *ret_at = at - self->anchor;
            return true;
        }
        if (a < b)
            a = next_byte(text, a + 1, lower);
        else
            b = next_byte(text, b + 1, self->upper);
    }
    return false;
}

static bool
find_mark(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end)
{
    uint8_t bytes[4];
    size_t n = av_utf8_write(bytes, self->phrase.items[0].code_point), from = 0;
    bool accent = av_fold_of(self->phrase.items[0].code_point)->class != AV_FOLD_OTHER;

    while (from < text.n) {
        const uint8_t *hit = memmem(text.p + from, text.n - from, bytes, n);
        uint8_t base = AV_FOLD_OTHER;
        size_t at;

        if (hit == NULL)
            return false;
        at = (size_t)(hit - text.p);
        if (accent)
            base = base_class(text, at);
        if (base != AV_FOLD_WORD && base != AV_FOLD_ROW && rest_at(self, 1, text, at + n, ret_end)) {
            *ret_at = at;
            return true;
        }
        from = at + 1;
    }
    return false;
}

/* The first byte beyond ASCII at or behind from; text.n when there is none. */
static size_t
next_high(av_span text, size_t from)
{
    uint64_t eight;

    for (; from + 8 <= text.n; from += 8) {
        memcpy(&eight, text.p + from, 8);
        if ((eight & 0x8080808080808080U) != 0)
            break;
    }
    while (from < text.n && text.p[from] < 0x80)
        from++;
    return from;
}

/*
 * One step of the walk: what stands at *at, where a word may begin, is taken; true when the needle stands there.
 */
static bool
step(const av_needle *self, av_span text, size_t *at, size_t *ret_end)
{
    const av_phrase_item *first = &self->phrase.items[0];
    size_t n, end;
    uint32_t c;
    uint8_t class = class_at(text, *at, &c, &n);
    bool fits = false;

    if (class == AV_FOLD_WORD) {
        fits = first->kind == AV_PHRASE_WORD;
        if (!word_at(&first->word, text, *at, &end))
            fits = false;
    } else if (class == AV_FOLD_ROW) {
        av_span rest = av_span_skip(text, *at);

        fits = av_fold_take_row(&rest) == first->code_point && first->kind == AV_PHRASE_ROW;
        end = text.n - rest.n;
    } else {
        end = *at + n;
    }
    *at = end;
    return fits && rest_at(self, 1, text, end, ret_end);
}

/* Words that hold a byte beyond ASCII (or all of them), and rows, up to byte `most`. */
static bool
find_walking(const av_needle *self, av_span text, size_t most, size_t *ret_at, size_t *ret_end)
{
    size_t at = 0;

    for (;;) {
        size_t high = self->every ? at : next_high(text, at), low = at, from;

        if (high >= text.n)
            return false;
        /* Back to where its word begins; what was walked over already is not walked again. */
        at = high;
        while (at > low && av_fold_ascii[text.p[at - 1]] != 0)
            at--;
        do {
            from = at;
            if (from >= most)
                return false;
            if (step(self, text, &at, ret_end)) {
                *ret_at = from;
                return true;
            }
        } while (at < text.n && (at <= high || text.p[at] >= 0x80 || av_fold_ascii[text.p[at]] != 0));
    }
}

bool
av_needle_find(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end)
{
    size_t most = text.n, at, end;
    bool found;

    if (self->substring != NULL)
        return av_substring_find(self->substring, text, ret_at, ret_end);
    if (self->phrase.count == 0) {
        *ret_at = *ret_end = 0;
        return true;
    }
    if (self->phrase.items[0].kind == AV_PHRASE_MARK)
        return find_mark(self, text, ret_at, ret_end);
    found = self->plain && find_plain(self, text, ret_at, ret_end);
    if (found)
        most = *ret_at;
    if (find_walking(self, text, most, &at, &end)) {
        *ret_at = at;
        *ret_end = end;
        found = true;
    }
    return found;
}
