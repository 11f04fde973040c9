/*
 * needle.c - see needle.h
 *
 *   needle   i n v [o] i c e        anchor 3: its place is the same in bytes and characters, for what stands before it
 *   text   ...I N V [O] I C E...    is ASCII that no other character folds to (all but k and s: KELVIN SIGN, LONG S)
 */
#include "storage/index/needle.h"

#include "base/unicode.h"
#include "storage/index/query_priv.h"

#include <unicode/uset.h>

enum { LEADS_MAX = 8 };

struct av_needle {
    av_needle_mode mode;
    uint32_t *chars; /* folded; ' ' is a gap except in substrings */
    size_t n;
    bool left, right;         /* the end must stand beside no word character */
    size_t anchor;            /* index of the anchor character */
    uint8_t leads[LEADS_MAX]; /* first bytes of what folds to it */
    size_t lead_count;        /* 0: no letter case anywhere, `bytes` is searched as it is */
    av_span bytes;
};

/* How common a byte is in mail, from letters that are everywhere to rare ones; for the choice of the anchor only. */
static unsigned
commonness(uint32_t c)
{
    static const char by_rarity[] = "zqjxkvbywpgfumcdlhrsinoate";
    const char *at = c >= 'a' && c <= 'z' ? strchr(by_rarity, (int)c) : NULL;

    return at == NULL ? 8 : (unsigned)(at - by_rarity);
}

static uint8_t
utf8_lead(uint32_t c)
{
    return (uint8_t)(c < 0x80 ? c : c < 0x800 ? 0xC0 | c >> 6 : c < 0x10000 ? 0xE0 | c >> 12 : 0xF0 | c >> 18);
}

/* All characters that fold to c, as a set; c is folded. Only single characters: strings in the set are left out. */
static size_t
first_bytes(uint32_t c, uint8_t *ret_leads, bool *ret_alone)
{
    USet *set = uset_open((UChar32)c, (UChar32)c);
    size_t n = 0, members = 0;

    uset_closeOver(set, USET_CASE_INSENSITIVE);
    for (int32_t i = 0; i < uset_getItemCount(set); i++) {
        UErrorCode status = U_ZERO_ERROR;
        UChar32 from, to;

        if (uset_getItem(set, i, &from, &to, NULL, 0, &status) != 0)
            continue;
        for (UChar32 v = from; v <= to; v++) {
            uint8_t lead = utf8_lead((uint32_t)v);

            if (av_unicode_fold_char((uint32_t)v) != c)
                continue;
            members++;
            if (memchr(ret_leads, lead, n) == NULL && n < LEADS_MAX)
                ret_leads[n++] = lead;
        }
    }
    uset_close(set);
    *ret_alone = members == 1;
    return n;
}

/* An ASCII character that nothing but its own two cases folds to. */
static bool
is_plain(uint32_t c)
{
    return c < 0x80 && c != 'k' && c != 's' && c != ' ';
}

static void
choose_anchor(av_needle *self)
{
    bool alone;

    self->anchor = 0;
    for (size_t i = 1; i < self->n && i < 32 && is_plain(self->chars[i - 1]) && is_plain(self->chars[i]); i++)
        if (commonness(self->chars[i]) < commonness(self->chars[self->anchor]))
            self->anchor = i;
    self->lead_count = first_bytes(self->chars[self->anchor], self->leads, &alone);
}

/* Neither letter case nor gaps: the needle's own bytes are what stands in a text. */
static bool
is_exact(const av_needle *self)
{
    uint8_t leads[LEADS_MAX];
    bool alone = true;

    for (size_t i = 0; i < self->n && alone; i++) {
        if (self->chars[i] == ' ' && self->mode != AV_NEEDLE_SUBSTRING)
            return false;
        if (self->chars[i] < 0x80)
            alone = self->chars[i] < 'a' || self->chars[i] > 'z';
        else
            (void)first_bytes(self->chars[i], leads, &alone);
    }
    return alone;
}

av_needle *
av_needle_new(av_span text, av_needle_mode mode)
{
    av_needle *self = av_xcalloc(1, sizeof *self);
    av_span rest = text;

    self->mode = mode;
    self->bytes = av_span_of(av_span_dup(text), text.n);
    self->chars = av_xcalloc(text.n + 1, sizeof *self->chars);
    while (rest.n > 0)
        self->chars[self->n++] = av_unicode_fold_char(av_utf8_next(&rest));
    if (self->n == 0)
        return self;
    if (mode != AV_NEEDLE_SUBSTRING) {
        uint32_t first = self->chars[0], last = self->chars[self->n - 1];

        self->left = av_unicode_is_word(first) && !av_unicode_is_unspaced(first);
        self->right = mode == AV_NEEDLE_WORD && av_unicode_is_word(last) && !av_unicode_is_unspaced(last);
    }
    if (!is_exact(self))
        choose_anchor(self);
    return self;
}

void
av_needle_destroy(av_needle **self)
{
    if (*self == NULL)
        return;
    free((void *)(*self)->bytes.p);
    free((*self)->chars);
    free(*self);
    *self = NULL;
}

/* No word character right before byte at. */
static bool
free_on_left(av_span text, size_t at)
{
    size_t from = at;
    av_span before;

    if (at == 0)
        return true;
    if (text.p[at - 1] < 0x80)
        return !av_unicode_is_word(text.p[at - 1]);
    do
        from--;
    while (from > 0 && at - from < 4 && (text.p[from] & 0xC0) == 0x80);
    before = av_span_slice(text, from, at);
    return !av_unicode_is_word(av_utf8_next(&before));
}

static bool
free_on_right(av_span text, size_t end)
{
    av_span rest = av_span_skip(text, end);

    return rest.n == 0 || !av_unicode_is_word(av_utf8_next(&rest));
}

/* Skip white space at *at; false when there is none. */
static bool
skip_gap(av_span text, size_t *at)
{
    size_t from = *at;

    while (*at < text.n) {
        av_span rest = av_span_skip(text, *at);

        if (!av_query_is_space(av_utf8_next(&rest)))
            break;
        *at = text.n - rest.n;
    }
    return *at > from;
}

/* The needle's characters stand at byte at; ret_end is set behind them. */
static bool
stands_at(const av_needle *self, av_span text, size_t at, size_t *ret_end)
{
    for (size_t i = 0; i < self->n; i++) {
        uint32_t want = self->chars[i];

        if (want == ' ' && self->mode != AV_NEEDLE_SUBSTRING) {
            if (!skip_gap(text, &at))
                return false;
            continue;
        }
        if (at >= text.n)
            return false;
        if (text.p[at] < 0x80) {
            uint8_t c = text.p[at++];

            if ((c >= 'A' && c <= 'Z' ? c + 32U : c) != want)
                return false;
        } else {
            av_span rest = av_span_skip(text, at);

            if (av_unicode_fold_char(av_utf8_next(&rest)) != want)
                return false;
            at = text.n - rest.n;
        }
    }
    *ret_end = at;
    return true;
}

static bool
matches_at(const av_needle *self, av_span text, size_t at, size_t *ret_end)
{
    return (!self->left || free_on_left(text, at)) && stands_at(self, text, at, ret_end) &&
           (!self->right || free_on_right(text, *ret_end));
}

static bool
find_exact(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end)
{
    size_t from = 0;

    while (from < text.n) {
        const uint8_t *hit = memmem(text.p + from, text.n - from, self->bytes.p, self->bytes.n);
        size_t at;

        if (hit == NULL)
            return false;
        at = (size_t)(hit - text.p);
        *ret_end = at + self->bytes.n;
        if ((!self->left || free_on_left(text, at)) && (!self->right || free_on_right(text, *ret_end))) {
            *ret_at = at;
            return true;
        }
        from = at + 1;
    }
    return false;
}

/* The next place at or after from where this first byte stands; text.n when there is none. */
static size_t
next_lead(av_span text, size_t from, uint8_t lead)
{
    const uint8_t *hit = from < text.n ? memchr(text.p + from, lead, text.n - from) : NULL;

    return hit == NULL ? text.n : (size_t)(hit - text.p);
}

bool
av_needle_find(const av_needle *self, av_span text, size_t *ret_at, size_t *ret_end)
{
    size_t next[LEADS_MAX], end = 0;

    if (self->n == 0) {
        *ret_at = *ret_end = 0;
        return true;
    }
    if (self->lead_count == 0)
        return find_exact(self, text, ret_at, ret_end);
    for (size_t i = 0; i < self->lead_count; i++)
        next[i] = next_lead(text, self->anchor, self->leads[i]);
    for (;;) {
        size_t first = 0, at;

        for (size_t i = 1; i < self->lead_count; i++)
            if (next[i] < next[first])
                first = i;
        at = next[first];
        if (at >= text.n)
            return false;
        if (matches_at(self, text, at - self->anchor, &end)) {
            *ret_at = at - self->anchor;
            *ret_end = end;
            return true;
        }
        next[first] = next_lead(text, at + 1, self->leads[first]);
    }
}
