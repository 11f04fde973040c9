/*
 * phrase.c - see phrase.h
 *
 * Not here: where a phrase stands in a text (needle.c), what a query may hold (query.c).
 */
#include "storage/index/phrase.h"

#include "storage/index/token_priv.h"

/* One character as a person sees it: a letter with its accents. */
static size_t
letter(av_span s)
{
    av_span rest = s, ahead;

    (void)av_utf8_next(&rest);
    for (ahead = rest; ahead.n > 0 && av_fold_of(av_utf8_next(&ahead))->class == AV_FOLD_ACCENT; rest = ahead)
        continue;
    return s.n - rest.n;
}

/* Each * takes as little as it can and more when the rest does not fit: at most pattern times text steps. */
static bool
is_like(av_span pattern, av_span text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, retry = 0;

    while (t < text.n || p < pattern.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.n && t < text.n && pattern.p[p] == '?') {
            p++;
            t += letter(av_span_skip(text, t));
        } else if (p < pattern.n && t < text.n && pattern.p[p] == text.p[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX && retry < text.n) {
            p = star + 1;
            retry += letter(av_span_skip(text, retry));
            t = retry;
        } else {
            return false;
        }
    }
    return true;
}

bool
av_word_fits(const av_word *self, av_span folded, av_span cased)
{
    av_span text = self->accented ? cased : folded, form = self->form;

    if (self->how == AV_WORD_LIKE)
        return text.n > 0 && is_like(form, text);
    if (text.n < form.n || (self->how == AV_WORD_IS && text.n > form.n))
        return false;
    return av_span_eq(
        self->how == AV_WORD_ENDS ? av_span_skip(text, text.n - form.n) : av_span_slice(text, 0, form.n), form);
}

static av_phrase_item *
add(av_phrase *self, av_phrase_kind kind)
{
    av_phrase_item *item = &self->items[self->count++];

    *item = (av_phrase_item){ .kind = kind };
    return item;
}

static uint32_t
peek(av_span s, size_t *ret_n)
{
    av_span rest = s;
    uint32_t c = av_utf8_next(&rest);

    *ret_n = s.n - rest.n;
    return c;
}

static bool
is_wildcard(av_span s)
{
    return s.n > 0 && (s.p[0] == '*' || s.p[0] == '?');
}

/* Both forms of what lies between two wildcards, put behind what there is; false when it is not a word's. */
static bool
take_piece(av_span *in, av_buf *folded, av_buf *cased, bool *accented)
{
    uint8_t a[AV_WORD_MAX], b[AV_WORD_MAX];
    av_forms forms = { .folded = a, .cased = b, .max = AV_WORD_MAX };
    size_t n;

    if (in->n == 0 || av_fold_of(peek(*in, &n))->class != AV_FOLD_WORD)
        return false;
    *in = av_span_skip(*in, av_forms_take(&forms, *in, 0));
    (void)av_buf_append(folded, a, forms.folded_n);
    (void)av_buf_append(cased, forms.accented ? b : a, forms.accented ? forms.cased_n : forms.folded_n);
    *accented |= forms.accented;
    return true;
}

/* A word, with its wildcards when these count. Its form goes to self->bytes, as an offset at first. */
static void
take_word(av_phrase *self, av_span *in, bool patterns)
{
    AV_CLEANUP(av_buf_release) av_buf folded = { 0 };
    AV_CLEANUP(av_buf_release) av_buf cased = { 0 };
    av_phrase_item *item = add(self, AV_PHRASE_WORD);
    size_t wildcards = self->wildcards;
    av_buf *form;

    av_buf_init(&folded, SIZE_MAX / 2);
    av_buf_init(&cased, SIZE_MAX / 2);
    for (;;) {
        if (patterns && is_wildcard(*in)) {
            (void)av_buf_putc(&folded, in->p[0]);
            (void)av_buf_putc(&cased, in->p[0]);
            *in = av_span_skip(*in, 1);
            self->wildcards++;
        } else if (!take_piece(in, &folded, &cased, &item->word.accented)) {
            break;
        }
    }
    form = item->word.accented ? &cased : &folded;
    item->word.how = self->wildcards > wildcards ? AV_WORD_LIKE : AV_WORD_IS;
    item->word.form = av_span_of(NULL, AV_MIN(form->n, (size_t)AV_WORD_MAX));
    (void)av_buf_append(&self->bytes, form->p, item->word.form.n);
}

static void
take_items(av_phrase *self, av_span in, bool patterns)
{
    while (in.n > 0) {
        size_t n;
        uint32_t c = peek(in, &n);
        uint8_t class = av_fold_of(c)->class;
        bool pattern = self->count > 0 && self->items[self->count - 1].word.how == AV_WORD_LIKE;

        if (class == AV_FOLD_WORD || (patterns && is_wildcard(in))) {
            bool behind_row = self->count > 0 && self->items[self->count - 1].kind == AV_PHRASE_ROW;

            take_word(self, &in, patterns);
            if (behind_row && self->items[self->count - 1].word.how == AV_WORD_LIKE)
                self->items[self->count - 2].beside_pattern = true;
            continue;
        }
        if (class == AV_FOLD_ROW) {
            c = av_fold_take_row(&in);
            add(self, AV_PHRASE_ROW)->code_point = c;
            self->items[self->count - 1].beside_pattern = pattern;
            continue;
        }
        if (class == AV_FOLD_SPACE) {
            if (self->count > 0 && self->items[self->count - 1].kind != AV_PHRASE_SPACE)
                (void)add(self, AV_PHRASE_SPACE);
        } else if (class != AV_FOLD_IGNORED) {
            add(self, AV_PHRASE_MARK)->code_point = c;
        }
        in = av_span_skip(in, n);
    }
    if (self->count > 0 && self->items[self->count - 1].kind == AV_PHRASE_SPACE)
        self->count--;
}

/* Where forms are is known once all are there. */
static void
place_forms(av_phrase *self)
{
    size_t at = 0;

    for (size_t i = 0; i < self->count; i++) {
        av_word *word = &self->items[i].word;

        if (self->items[i].kind != AV_PHRASE_WORD)
            continue;
        word->form.p = self->bytes.p + at;
        at += word->form.n;
    }
}

/* Into whose step the items between two terms go. */
static uint32_t
step_over(uint32_t step, const av_phrase_item *item)
{
    bool space = item->kind == AV_PHRASE_SPACE;

    if (step == AV_TOKEN_STEP_NOTHING) {
        if (space)
            return AV_TOKEN_STEP_SPACE;
        return av_token_step_of(item->code_point);
    }
    return step == AV_TOKEN_STEP_SPACE && space ? step : AV_TOKEN_STEP_MIXED;
}

/* A word so long that an index may have cut it is asked for by what was surely left of it. */
static void
add_term(av_phrase *self, uint32_t step, av_word word)
{
    size_t n = AV_TOKEN_MAX - AV_FOLD_BYTES;

    if (word.form.n > n && (word.how == AV_WORD_IS || word.how == AV_WORD_BEGINS)) {
        while (n > 0 && (word.form.p[n] & 0xC0) == 0x80)
            n--;
        word.how = AV_WORD_BEGINS;
        word.form.n = n;
        self->exact = false;
    }
    self->exact &= step != AV_TOKEN_STEP_MIXED;
    self->terms[self->term_count] = (av_phrase_term){ word, self->term_count == 0 ? 0 : step };
    self->term_count++;
}

/*
 * Two characters of a row side by side are a term. The last of a row is one, too, when something follows: then it is
 * the last in the text as well. When nothing follows a row may go on there; a character all alone is the beginning of a
 * term.
 */
static void
add_row_term(av_phrase *self, size_t i, uint32_t step)
{
    bool pair = i + 1 < self->count && self->items[i + 1].kind == AV_PHRASE_ROW;
    bool lone = i == 0 || self->items[i - 1].kind != AV_PHRASE_ROW;
    size_t from = self->bytes.n;

    if (!pair && i + 1 == self->count && !lone)
        return;
    (void)av_utf8_put(&self->bytes, self->items[i].code_point);
    if (pair)
        (void)av_utf8_put(&self->bytes, self->items[i + 1].code_point);
    add_term(self, step,
        (av_word){ .how = !pair && i + 1 == self->count ? AV_WORD_BEGINS : AV_WORD_IS,
            .form = av_span_of(self->bytes.p + from, self->bytes.n - from) });
}

static void
make_terms(av_phrase *self)
{
    uint32_t step = AV_TOKEN_STEP_NOTHING;

    self->exact = true;
    for (size_t i = 0; i < self->count; i++) {
        const av_phrase_item *item = &self->items[i];

        if (item->kind == AV_PHRASE_WORD)
            add_term(self, step, item->word);
        else if (item->kind == AV_PHRASE_ROW)
            add_row_term(self, i, step);
        if (item->kind == AV_PHRASE_SPACE || item->kind == AV_PHRASE_MARK)
            step = step_over(step, item);
        else
            step = AV_TOKEN_STEP_NOTHING;
        self->exact &= item->kind != AV_PHRASE_MARK || (self->term_count > 0 && i + 1 < self->count);
    }
    self->exact &= self->term_count > 0 && self->items[self->count - 1].kind != AV_PHRASE_MARK;
}

void
av_phrase_init(av_phrase *self, av_query_kind kind, av_span text)
{
    *self = (av_phrase){ 0 };
    self->items = av_xcalloc(text.n + 1, sizeof *self->items);
    self->terms = av_xcalloc(text.n + 1, sizeof *self->terms);
    av_buf_init(&self->bytes, SIZE_MAX / 2);
    /* No form is longer than this, nor are the terms of rows: what points into bytes stays. */
    (void)av_buf_reserve(&self->bytes, text.n * (AV_FOLD_BYTES + 8) + 16);
    take_items(self, text, kind == AV_QUERY_WILDCARD || kind == AV_QUERY_NEAR);
    if (self->count > 0 && kind == AV_QUERY_PREFIX && self->items[self->count - 1].kind == AV_PHRASE_WORD)
        self->items[self->count - 1].word.how = AV_WORD_BEGINS;
    if (self->count > 0 && kind == AV_QUERY_SUFFIX && self->items[0].kind == AV_PHRASE_WORD)
        self->items[0].word.how = AV_WORD_ENDS;
    place_forms(self);
    make_terms(self);
}

void
av_phrase_release(av_phrase *self)
{
    free(self->items);
    free(self->terms);
    av_buf_release(&self->bytes);
}
