/*
 * token.c - see token.h
 *
 * ASCII goes by a table of bytes, which is most of all mail; the first byte beyond it in a word leads to the slow path,
 * which goes on where the fast one was. The cased form is written only from the first accent on.
 */
#include "storage/index/token.h"

#include "storage/index/token_priv.h"

void
av_tokens_init(av_tokens *self, av_span text)
{
    self->text = text;
    self->at = 0;
    self->position = 0;
}

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
    const uint64_t one = 0x9E3779B97F4A7C15U, two = 0xD6E8FEB86659FD93U;
    const uint8_t *p = folded.p;
    size_t n = folded.n;
    uint64_t hash = one ^ n, word;

    for (; n > 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = mix(word ^ two, hash ^ one);
    }
    word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return mix(word ^ two, hash ^ one);
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

/* From byte at to the next letter; text.n when there is none. step: what stands between, AV_TOKEN_STEP_NOTHING at first. */
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

size_t
av_forms_take(av_forms *m, av_span text, size_t at)
{
    const uint8_t *p = text.p + at;
    size_t most = AV_MIN(text.n - at, m->max), n = 0;
    uint8_t c;

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

/* One character of an unspaced script and, when there is one, the next. */
static void
take_row(av_tokens *self, size_t at, av_token *ret)
{
    av_span rest = av_span_skip(self->text, at);
    size_t n = 0;

    ret->from = at;
    for (int i = 0; i < 2; i++) {
        av_span ahead = rest;
        uint32_t c;

        if (rest.n == 0 || av_fold_of(av_utf8_next(&ahead))->class != AV_FOLD_ROW)
            break;
        c = av_fold_take_row(&rest);
        n += av_utf8_write(self->folded + n, c);
        if (i == 0)
            self->at = self->text.n - rest.n;
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
    size_t at = skip_gap(self->text, self->at, &step), n;

    if (at >= self->text.n) {
        self->at = self->text.n;
        return false;
    }
    if (self->text.p[at] < 0x80 || av_fold_of(char_at(self->text, at, &n))->class == AV_FOLD_WORD)
        take_word(self, at, ret);
    else
        take_row(self, at, ret);
    ret->step = self->position == 0 ? 0 : step;
    self->position = self->position == 0 ? 1 : step > UINT32_MAX - self->position ? UINT32_MAX : self->position + step;
    ret->position = self->position;
    ret->hash = av_token_hash(ret->folded);
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
