/*
 * builder.c - documents are turned round in memory: from words in a row to rows of a word
 *
 * The hot path of indexing: for each word one look in a table, one or two bytes behind its postings.
 */
#include <sodium.h>

#include "storage/index/token.h"
#include "storage/postings/builder_priv.h"
#include "storage/postings/steps.h"

enum { FIRST_SLOTS = 1 << 12, CROWD = 16, WAITING = 16 };
_Static_assert(sizeof(((av_builder *)NULL)->salt) == crypto_shorthash_KEYBYTES, "the salt is a key");

static void
make_table(av_builder *self, uint32_t slots)
{
    free(self->slots);
    self->slots = av_xcalloc(slots, sizeof *self->slots);
    self->mask = slots - 1;
}

av_builder *
av_builder_new(void)
{
    av_builder *self = av_xcalloc(1, sizeof *self);

    make_table(self, FIRST_SLOTS);
    av_buf_init(&self->steps, SIZE_MAX / 2);
    /* Nobody outside can tell which words share a slot. */
    randombytes_buf(self->salt, sizeof self->salt);
    return self;
}

void
av_builder_destroy(av_builder **self)
{
    if (self == NULL || *self == NULL)
        return;
    av_pool_release(&(*self)->pool);
    free((*self)->terms);
    free((*self)->slots);
    free((*self)->numbers);
    free((*self)->strings);
    free((*self)->lengths);
    free((*self)->steps_at);
    av_buf_release(&(*self)->steps);
    free(*self);
    *self = NULL;
}

uint32_t
av_builder_count(const av_builder *self)
{
    return self->count;
}

size_t
av_builder_bytes(const av_builder *self)
{
    return sizeof *self + av_pool_bytes(&self->pool) + self->cap * sizeof *self->terms +
           ((size_t)self->mask + 1) * sizeof *self->slots +
           self->count_cap * (AV_COLUMN_NUMBERS * sizeof *self->numbers + AV_STRINGS * sizeof *self->strings +
                                 AV_LENGTHS + sizeof *self->steps_at) +
           self->steps.cap;
}

void
av_builder_begin(av_builder *self, const av_doc_facts *facts)
{
    uint32_t i, n, at;
    uint8_t *to;

    assert(self->count < UINT32_MAX - 1);
    if (self->count == self->count_cap) {
        self->count_cap = AV_MAX(self->count_cap * 2, 64);
        self->numbers = av_xrealloc(self->numbers, (size_t)self->count_cap * AV_COLUMN_NUMBERS * sizeof(uint64_t));
        self->strings = av_xrealloc(self->strings, (size_t)self->count_cap * AV_STRINGS * sizeof(uint32_t));
        self->steps_at = av_xrealloc(self->steps_at, (size_t)self->count_cap * sizeof *self->steps_at);
        self->lengths = av_xrealloc(self->lengths, (size_t)self->count_cap * AV_LENGTHS);
    }
    memcpy(self->numbers + (size_t)self->count * AV_COLUMN_NUMBERS, facts->numbers, sizeof facts->numbers);
    for (i = 0; i < AV_STRINGS; i++) {
        n = (uint32_t)AV_MIN(facts->strings[i].n, (size_t)255);
        at = av_pool_take(&self->pool, n + 1);
        to = av_pool_at(&self->pool, at);
        to[0] = (uint8_t)n;
        if (n > 0)
            memcpy(to + 1, facts->strings[i].p, n);
        self->strings[(size_t)self->count * AV_STRINGS + i] = at;
    }
    memset(self->lengths + (size_t)self->count * AV_LENGTHS, 0, AV_LENGTHS);
    self->steps_at[self->count] = self->steps.n;
    self->count++;
    memset(self->words, 0, sizeof self->words);
    memset(self->last, 0, sizeof self->last);
}

static void
grow_table(av_builder *self)
{
    uint32_t i, at;

    make_table(self, (self->mask + 1) * 2);
    for (i = 0; i < self->n; i++) {
        for (at = self->terms[i].hash & self->mask; self->slots[at].term != 0; at = (at + 1) & self->mask)
            ;
        self->slots[at] = (av_build_slot){ .hash = self->terms[i].hash, .term = i + 1 };
    }
}

/* form and word together are the term; its bytes lie in front of its first slice: one line of cache. */
static av_build_term *
add_term(av_builder *self, uint32_t hash, uint8_t form, av_span word)
{
    av_build_term *t;
    uint8_t *to;

    if (self->n == self->cap) {
        self->cap = AV_MAX(self->cap * 2, FIRST_SLOTS / 2);
        self->terms = av_xrealloc(self->terms, (size_t)self->cap * sizeof *self->terms);
    }
    t = &self->terms[self->n++];
    memset(t, 0, sizeof *t);
    t->hash = hash;
    t->n = (uint8_t)(1 + word.n);
    t->word = av_pool_take(&self->pool, t->n);
    to = av_pool_at(&self->pool, t->word);
    to[0] = form;
    memcpy(to + 1, word.p, word.n);
    t->postings = av_slice_begin(&self->pool, &t->end);
    return t;
}

/*
 * The term among those with this hash, or made. NULL: more than CROWD others have the same hash before it, so it must be
 * looked for by another one. Terms of one hash lie in the order in which they came, also after the table has grown, so the
 * answer for a word never changes.
 */
static av_build_term *
probe(av_builder *self, uint32_t hash, uint8_t form, av_span word, bool crowded)
{
    uint32_t at, others = 0;
    const uint8_t *p;
    av_build_term *t;

    for (at = hash & self->mask; self->slots[at].term != 0; at = (at + 1) & self->mask) {
        if (self->slots[at].hash != hash)
            continue;
        t = &self->terms[self->slots[at].term - 1];
        p = av_pool_at(&self->pool, t->word);
        if (t->n == 1 + word.n && p[0] == form && memcmp(p + 1, word.p, word.n) == 0)
            return t;
        if (++others > CROWD && !crowded)
            return NULL;
    }
    t = add_term(self, hash, form, word);
    self->slots[at] = (av_build_slot){ .hash = hash, .term = self->n };
    if (self->n > self->mask / 4 * 3)
        grow_table(self);
    return t;
}

static uint32_t
slot_hash(const av_builder *self, uint64_t hash, uint8_t form)
{
    hash = (hash ^ self->salt[0] ^ form) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32);
}

/* Words that a stranger chose to have one hash are parted by a keyed one, which costs more. */
static av_build_term *
find_term(av_builder *self, uint32_t hash, uint8_t form, av_span word)
{
    uint8_t keyed[crypto_shorthash_BYTES];
    av_build_term *t = probe(self, hash, form, word, false);

    if (t != NULL)
        return t;
    (void)crypto_shorthash(keyed, word.p, word.n, (const uint8_t *)self->salt);
    memcpy(&hash, keyed, sizeof hash);
    return probe(self, hash, form, word, true);
}

static void
mark_truncated(av_builder *self)
{
    self->numbers[(size_t)(self->count - 1) * AV_COLUMN_NUMBERS + AV_COLUMN_BITS] |= AV_DOC_TRUNCATED;
}

static void
add_position(av_builder *self, av_build_term *t, uint8_t field, uint32_t position)
{
    if (t->doc != self->count || t->field != field) {
        if (t->doc != self->count)
            t->in_doc = t->fields = 0;
        av_slice_put(&self->pool, &t->end, (uint64_t)(self->count - t->doc) << 5 | (uint64_t)field << 1 | 1);
        t->doc = self->count;
        t->field = field;
        t->position = 0;
    }
    if (t->in_doc >= AV_POSITIONS_MAX - AV_FIELD_COUNT && (t->fields & 1u << field) != 0) {
        mark_truncated(self);
        return;
    }
    av_slice_put(&self->pool, &t->end, (uint64_t)(position - t->position) << 1);
    t->position = position;
    t->fields |= (uint16_t)(1u << field);
    t->in_doc++;
}

/* --- some words at a time ----------------------------------------------------------------------------------------- */

/*
 * A table of words is far larger than the caches, and a word's slot, term and postings lie in places that have nothing to
 * do with each other: waiting for them one by one was a quarter of the time of indexing. So words are kept until there are
 * some, and what they need is fetched side by side.
 */
typedef struct waiting {
    uint8_t field; /* number of its bit */
    uint32_t n;
    struct {
        uint32_t hash, word; /* word: its number in the field */
        uint8_t form, n, bytes[AV_TOKEN_MAX];
    } words[WAITING];
} waiting;

static void
take_waiting(av_builder *self, waiting *w)
{
    const av_build_slot *slot;
    const av_build_term *t;
    uint32_t i;

    for (i = 0; i < w->n; i++) {
        slot = &self->slots[w->words[i].hash & self->mask];
        if (slot->term != 0)
            __builtin_prefetch(&self->terms[slot->term - 1], 1);
    }
    for (i = 0; i < w->n; i++) {
        slot = &self->slots[w->words[i].hash & self->mask];
        if (slot->term == 0 || slot->hash != w->words[i].hash)
            continue;
        t = &self->terms[slot->term - 1];
        __builtin_prefetch(av_pool_at(&self->pool, t->word));
        __builtin_prefetch(av_pool_at(&self->pool, t->end.at), 1);
    }
    for (i = 0; i < w->n; i++)
        add_position(self,
            find_term(self, w->words[i].hash, w->words[i].form, av_span_of(w->words[i].bytes, w->words[i].n)), w->field,
            w->words[i].word);
    w->n = 0;
}

static void
let_wait(av_builder *self, waiting *w, uint64_t hash, uint8_t form, av_span bytes, uint32_t word)
{
    uint32_t i = w->n++;

    assert(bytes.n <= AV_TOKEN_MAX);
    w->words[i].hash = slot_hash(self, hash, form);
    w->words[i].word = word;
    w->words[i].form = form;
    w->words[i].n = (uint8_t)bytes.n;
    memcpy(w->words[i].bytes, bytes.p, bytes.n);
    __builtin_prefetch(&self->slots[w->words[i].hash & self->mask]);
    if (w->n == WAITING)
        take_waiting(self, w);
}

/* The byte that stands for what is in front of a word (steps.h). */
static uint8_t
step_byte(const av_token *t, bool first_of_text, bool first_of_field)
{
    if (first_of_text)
        return first_of_field ? AV_STEP_FIRST : AV_STEP_APART;
    assert(t->step >= AV_TOKEN_STEP && t->step < 2 * AV_TOKEN_STEP);
    return (uint8_t)(t->step - AV_TOKEN_STEP);
}

void
av_builder_text(av_builder *self, av_text_field field, av_span text)
{
    uint8_t number = (uint8_t)__builtin_ctz(field), *code;
    uint32_t base, position = 0, word, count;
    size_t head = self->steps.n;
    av_tokens tokens;
    av_token t;
    waiting w;

    assert(self->count > 0 && number < AV_FIELD_COUNT);
    word = self->words[number];
    base = self->last[number];
    base = word == 0 ? 0 : AV_MIN(base, UINT32_MAX - AV_TOKEN_APART) + AV_TOKEN_APART - 1;
    (void)av_buf_put_u8(&self->steps, number);
    (void)av_buf_put_u32(&self->steps, 0);
    av_tokens_init(&tokens, text);
    w.field = number;
    w.n = 0;
    while (av_tokens_next(&tokens, &t)) {
        /* Where positions end, words do, too: nothing could be said of them in a row. */
        if (t.position <= position || t.position >= UINT32_MAX - base) {
            mark_truncated(self);
            break;
        }
        (void)av_buf_putc(&self->steps, step_byte(&t, position == 0, word == 0));
        position = t.position;
        word++;
        let_wait(self, &w, t.hash, AV_TERM_FOLDED, t.folded, word);
        if (t.cased.n > 0)
            let_wait(self, &w, av_token_hash(t.cased), AV_TERM_CASED, t.cased, word);
    }
    take_waiting(self, &w);
    if (position == 0) {
        self->steps.n = head;
        return;
    }
    count = word - self->words[number];
    memcpy(self->steps.p + head + 1, &count, sizeof count);
    self->words[number] = word;
    self->last[number] = base + position;
    code = &self->lengths[(size_t)(self->count - 1) * AV_LENGTHS + av_length_of_field(number)];
    *code = AV_MAX(*code, av_length_code(word));
}
