/*
 * token.c - see token.h
 *
 * ASCII goes by a table of bytes, which is most of all mail; the first byte beyond it in a word leads to the slow path,
 * which goes on where the fast one was. The cased form is written only from the first accent on.
 */
#include "storage/index/token.h"

#include <endian.h>

#include "storage/index/token_priv.h"

void
av_tokens_init(av_tokens *self, av_span text)
{
    self->text = text;
    self->at = 0;
    self->position = 0;
    self->row_at = SIZE_MAX;
}

#define HASH_ONE 0x9E3779B97F4A7C15U
#define HASH_TWO 0xD6E8FEB86659FD93U

/* Two halves of a product, mixed (the folded multiply of wyhash's family). */
static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t
av_token_hash(av_span folded)
{
    const uint8_t *p = folded.p;
    size_t n = folded.n;
    uint64_t hash = HASH_ONE ^ n, word;

    for (; n > 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        word = le64toh(word);
        hash = mix(word ^ HASH_TWO, hash) + HASH_ONE;
    }
    word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return mix(word ^ HASH_TWO, hash);
}

/* The same where at least 8 bytes may be read. */
static inline uint64_t
hash_padded(const uint8_t *p, size_t n)
{
    uint64_t word;

    if (n == 0 || n > 8)
        return av_token_hash(av_span_of(p, n));
    memcpy(&word, p, 8);
    word = le64toh(word) & (UINT64_MAX >> (64 - 8 * n));
    return mix(word ^ HASH_TWO, HASH_ONE ^ n);
}

/* The character at byte at and its bytes. */
static inline uint32_t
char_at(av_span text, size_t at, size_t *ret_n)
{
    av_span rest = av_span_skip(text, at);
    uint32_t c = av_utf8_next(&rest);

    *ret_n = text.n - at - rest.n;
    return c;
}

uint32_t
av_token_step_of(uint32_t c)
{
    switch (c) {
    case '.':
        return AV_TOKEN_STEP_MARK;
    case '@':
        return AV_TOKEN_STEP_MARK + 1;
    case '-':
        return AV_TOKEN_STEP_MARK + 2;
    case '\'':
        return AV_TOKEN_STEP_MARK + 3;
    case '/':
        return AV_TOKEN_STEP_MARK + 4;
    case ':':
        return AV_TOKEN_STEP_MARK + 5;
    case ',':
        return AV_TOKEN_STEP_MARK + 6;
    default:
        return AV_TOKEN_STEP_MIXED;
    }
}

/* From byte at to the next letter; text.n when there is none. step: what stands between, AV_TOKEN_STEP_NOTHING at
 * first. */
static size_t
skip_gap(av_span text, size_t at, uint32_t *step)
{
    while (at < text.n) {
        uint8_t b = text.p[at];
        uint32_t this = AV_TOKEN_STEP_MIXED;
        size_t n = 1;

        if (b < 0x80) {
            if (av_fold_ascii[b] != 0)
                return at;
            this = b == ' ' || (b >= 0x09 && b <= 0x0D) ? AV_TOKEN_STEP_SPACE : av_token_step_of(b);
        } else {
            switch (av_fold_of(char_at(text, at, &n))->class) {
            case AV_FOLD_WORD:
            case AV_FOLD_ROW:
                return at;
            case AV_FOLD_SPACE:
                this = AV_TOKEN_STEP_SPACE;
                break;
            case AV_FOLD_IGNORED:
                at += n;
                continue;
            default:
                break;
            }
        }
        if (*step == AV_TOKEN_STEP_NOTHING)
            *step = this;
        else if (*step != AV_TOKEN_STEP_SPACE || this != AV_TOKEN_STEP_SPACE)
            *step = AV_TOKEN_STEP_MIXED;
        at += n;
    }
    return at;
}

/* More of a form; once it is cut nothing more goes in. */
static void
put(av_forms *m, uint8_t *form, size_t *n, bool *cut, const uint8_t *bytes, size_t bytes_n)
{
    if (*cut || *n + bytes_n > m->max) {
        *cut = true;
        return;
    }
    memcpy(form + *n, bytes, bytes_n);
    *n += bytes_n;
}

static void
put_folded(av_forms *m, const uint8_t *bytes, size_t n)
{
    put(m, m->folded, &m->folded_n, &m->folded_cut, bytes, n);
}

static void
put_cased(av_forms *m, const uint8_t *bytes, size_t n)
{
    put(m, m->cased, &m->cased_n, &m->cased_cut, bytes, n);
}

/* From here on the two forms differ. */
static void
part_forms(av_forms *m)
{
    if (m->accented)
        return;
    memcpy(m->cased, m->folded, m->folded_n);
    m->cased_n = m->folded_n;
    m->cased_cut = m->folded_cut;
    m->accented = true;
}

static void
put_letter(av_forms *m, const av_fold *fold, const uint8_t *bytes, size_t n)
{
    bool own = fold->folded_n == 0;

    if (fold->accented)
        part_forms(m);
    if (m->accented)
        put_cased(m, own ? bytes : fold->cased, own ? n : fold->cased_n);
    put_folded(m, own ? bytes : fold->folded, own ? n : fold->folded_n);
}

/* Byte where the last character of a form begins. */
static size_t
last_char(const uint8_t *form, size_t n)
{
    do
        n--;
    while (n > 0 && (form[n] & 0xC0) == 0x80);
    return n;
}

/* An accent of its own: canonical order puts it before those of a higher class. */
static void
put_accent(av_forms *m, uint32_t c, const av_fold *fold, const uint8_t *bytes, size_t n)
{
    size_t last = last_char(m->folded, m->folded_n), at;
    av_span before = av_span_of(m->folded + last, m->folded_n - last);
    bool kept = c == AV_FOLD_BREVE && av_fold_is_cyrillic(av_utf8_next(&before));
    bool cut = m->accented ? m->cased_cut : m->folded_cut;

    if (!kept)
        part_forms(m);
    if (kept)
        put_folded(m, bytes, n);
    if (!m->accented || cut)
        return;
    at = m->cased_n;
    put_cased(m, bytes, n);
    if (m->cased_cut)
        return;
    while (at > 0 && fold->combining > 0) {
        size_t from = last_char(m->cased, at);
        av_span one = av_span_of(m->cased + from, at - from);

        if (av_fold_of(av_utf8_next(&one))->combining <= fold->combining)
            break;
        memmove(m->cased + from + n, m->cased + from, at - from);
        memcpy(m->cased + from, bytes, n);
        at = from;
    }
}

/* A word from byte at on, whose first characters, ASCII, are in m already; its end. */
static size_t
take_mixed(av_span text, size_t at, av_forms *m)
{
    size_t end = at;

    while (at < text.n) {
        uint8_t b = text.p[at];
        const av_fold *fold;
        uint32_t c = b;
        size_t n = 1;

        if (b < 0x80) {
            if (av_fold_ascii[b] == 0)
                break;
        } else {
            c = char_at(text, at, &n);
        }
        fold = av_fold_of(c);
        if (fold->class == AV_FOLD_WORD)
            put_letter(m, fold, text.p + at, n);
        else if (fold->class == AV_FOLD_ACCENT || fold->class == AV_FOLD_VOICE)
            put_accent(m, c, fold, text.p + at, n);
        else if (fold->class != AV_FOLD_IGNORED)
            break;
        at += n;
        if (fold->class != AV_FOLD_IGNORED)
            end = at;
    }
    return end;
}

/* Every byte of a word this value. */
#define EIGHT(byte) ((byte)*0x0101010101010101U)

/*
 * Eight bytes at once: those of ASCII letters, digits and underscore from the first on are put in lower case at `to`,
 * where the rest is rubbish. How many they are. In each byte below 0x80, adding 0x80 - x sets the top bit from x on.
 */
static inline size_t
take_eight(const uint8_t *from, uint8_t *to)
{
    uint64_t x, low, folded, letter, digit, under, other;

    memcpy(&x, from, 8);
    x = le64toh(x);
    low = x & EIGHT(0x7F);
    folded = low | EIGHT(0x20);
    letter = (folded + EIGHT(0x80 - 'a')) & ~(folded + EIGHT(0x7F - 'z'));
    digit = (low + EIGHT(0x80 - '0')) & ~(low + EIGHT(0x7F - '9'));
    under = ~((low ^ EIGHT('_')) + EIGHT(0x7F));
    other = (~(letter | digit | under) | x) & EIGHT(0x80);
    x = htole64(x | (letter & EIGHT(0x80)) >> 2);
    memcpy(to, &x, 8);
    return other == 0 ? 8 : (size_t)__builtin_ctzll(other) / 8;
}

size_t
av_forms_take(av_forms *m, av_span text, size_t at)
{
    const uint8_t *p = text.p + at;
    size_t most = AV_MIN(text.n - at, m->max), n = 0;
    uint8_t c;

    while (n + 8 <= most) {
        size_t eight = take_eight(p + n, m->folded + n);

        n += eight;
        if (eight < 8)
            break;
    }
    while (n < most && (c = av_fold_ascii[p[n]]) != 0)
        m->folded[n++] = c;
    m->folded_n = n;
    at += n;
    return at < text.n && (n == m->max || p[n] >= 0x80) ? take_mixed(text, at, m) : at;
}

/* A word of a script that parts words, at byte at. */
static void
take_word(av_tokens *self, size_t at, av_token *ret)
{
    av_forms forms = { .folded = self->folded, .cased = self->cased, .max = AV_TOKEN_MAX };

    ret->from = at;
    ret->to = av_forms_take(&forms, self->text, at);
    ret->folded = av_span_of(forms.folded, forms.folded_n);
    ret->cased = av_span_of(forms.cased, forms.accented ? forms.cased_n : 0);
    ret->cut = forms.folded_cut || forms.cased_cut;
    ret->row = false;
    self->at = ret->to;
}

/* One character of an unspaced script and, when there is one, the next, which is kept: the next word begins with it. */
static void
take_row(av_tokens *self, size_t at, av_token *ret)
{
    av_span rest = av_span_skip(self->text, self->row_at == at ? self->row_to : at), ahead;
    uint32_t c = self->row_at == at ? self->row : av_fold_take_row(&rest);
    size_t n = av_utf8_write(self->folded, c);

    ret->from = at;
    self->at = self->text.n - rest.n;
    ahead = rest;
    if (rest.n > 0 && av_fold_of(av_utf8_next(&ahead))->class == AV_FOLD_ROW) {
        self->row_at = self->at;
        self->row = av_fold_take_row(&rest);
        self->row_to = self->text.n - rest.n;
        n += av_utf8_write(self->folded + n, self->row);
    }
    ret->to = self->text.n - rest.n;
    ret->folded = av_span_of(self->folded, n);
    ret->cased = av_span_of(self->cased, 0);
    ret->cut = false;
    ret->row = true;
}

bool
av_tokens_next(av_tokens *self, av_token *ret)
{
    uint32_t step = AV_TOKEN_STEP_NOTHING;
    size_t at = self->at, n;

    if (at < self->text.n && self->text.p[at] == ' ' && at + 1 < self->text.n &&
        av_fold_ascii[self->text.p[at + 1]] != 0) {
        step = AV_TOKEN_STEP_SPACE; /* what is most often there */
        at++;
    } else if (at != self->row_at) {
        at = skip_gap(self->text, at, &step);
    }
    if (at >= self->text.n) {
        self->at = self->text.n;
        return false;
    }
    if (at != self->row_at &&
        (self->text.p[at] < 0x80 || av_fold_of(char_at(self->text, at, &n))->class == AV_FOLD_WORD))
        take_word(self, at, ret);
    else
        take_row(self, at, ret);
    ret->step = self->position == 0 ? 0 : step;
    self->position = self->position == 0 ? 1 : step > UINT32_MAX - self->position ? UINT32_MAX : self->position + step;
    ret->position = self->position;
    ret->hash = hash_padded(self->folded, ret->folded.n);
    return true;
}

void
av_tokens_edges(av_span text, bool *ret_before, bool *ret_behind)
{
    uint32_t step = AV_TOKEN_STEP_NOTHING;
    av_token word = { .to = 0 };
    av_tokens words;

    *ret_before = *ret_behind = false;
    if (skip_gap(text, 0, &step) >= text.n)
        return;
    *ret_before = step != AV_TOKEN_STEP_NOTHING && step != AV_TOKEN_STEP_SPACE;
    av_tokens_init(&words, text);
    while (av_tokens_next(&words, &word))
        continue;
    step = AV_TOKEN_STEP_NOTHING;
    (void)skip_gap(text, word.to, &step);
    *ret_behind = step != AV_TOKEN_STEP_NOTHING && step != AV_TOKEN_STEP_SPACE;
}
