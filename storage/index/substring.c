/*
 * substring.c - see substring.h
 *
 *   needle   i n v [o] i c e        anchor 3: its place is the same in bytes and characters, for what stands before it
 *   text   ...I N V [O] I C E...    is ASCII that no other character folds to (all but k and s: KELVIN SIGN, LONG S)
 */
#include "storage/index/substring.h"

#include "base/unicode.h"

#include <unicode/uset.h>

enum { LEADS_MAX = 8 };

struct av_substring {
    uint32_t *chars; /* folded */
    size_t n;
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
    return c < 0x80 && c != 'k' && c != 's';
}

static void
choose_anchor(av_substring *self)
{
    bool alone;

    self->anchor = 0;
    for (size_t i = 1; i < self->n && i < 32 && is_plain(self->chars[i - 1]) && is_plain(self->chars[i]); i++)
        if (commonness(self->chars[i]) < commonness(self->chars[self->anchor]))
            self->anchor = i;
    self->lead_count = first_bytes(self->chars[self->anchor], self->leads, &alone);
}

/* No letter case: the needle's own bytes are what stands in a text. */
static bool
is_exact(const av_substring *self)
{
    uint8_t leads[LEADS_MAX];
    bool alone = true;

    for (size_t i = 0; i < self->n && alone; i++) {
        if (self->chars[i] < 0x80)
            alone = self->chars[i] < 'a' || self->chars[i] > 'z';
        else
            (void)first_bytes(self->chars[i], leads, &alone);
    }
    return alone;
}

av_substring *
av_substring_new(av_span text)
{
    av_substring *self = av_xcalloc(1, sizeof *self);
    av_span rest = text;

    self->bytes = av_span_of(av_span_dup(text), text.n);
    self->chars = av_xcalloc(text.n + 1, sizeof *self->chars);
    while (rest.n > 0)
        self->chars[self->n++] = av_unicode_fold_char(av_utf8_next(&rest));
    if (self->n > 0 && !is_exact(self))
        choose_anchor(self);
    return self;
}

void
av_substring_destroy(av_substring **self)
{
    if (*self == NULL)
        return;
    free((void *)(*self)->bytes.p);
    free((*self)->chars);
    free(*self);
    *self = NULL;
}

/* The needle's characters stand at byte at; ret_end is set behind them. */
static bool
stands_at(const av_substring *self, av_span text, size_t at, size_t *ret_end)
{
    for (size_t i = 0; i < self->n; i++) {
        uint32_t want = self->chars[i];

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

/* The next place at or after from where this first byte stands; text.n when there is none. */
static size_t
next_lead(av_span text, size_t from, uint8_t lead)
{
    const uint8_t *hit = from < text.n ? memchr(text.p + from, lead, text.n - from) : NULL;

    return hit == NULL ? text.n : (size_t)(hit - text.p);
}

static bool
find_exact(const av_substring *self, av_span text, size_t *ret_at, size_t *ret_end)
{
    const uint8_t *hit = text.n == 0 ? NULL : memmem(text.p, text.n, self->bytes.p, self->bytes.n);

    if (hit == NULL)
        return false;
    *ret_at = (size_t)(hit - text.p);
    *ret_end = *ret_at + self->bytes.n;
    return true;
}

bool
av_substring_find(const av_substring *self, av_span text, size_t *ret_at, size_t *ret_end)
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
        if (stands_at(self, text, at - self->anchor, &end)) {
            *ret_at = at - self->anchor;
            *ret_end = end;
            return true;
        }
        next[first] = next_lead(text, at + 1, self->leads[first]);
    }
}
