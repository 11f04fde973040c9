/*
 * pending.c - see pending.h
 */
#include "storage/meta/pending.h"

#define CHUNK      (256U * 1024)
#define SLOTS_MIN  1024U
#define READ_MAX   (2U * 1024 * 1024) /* bytes of rows remembered that are not written, with what a row costs */
#define READ_COST  128U
#define READ_ROW   4096U        /* a larger one is read again */
#define KEEP_SLOTS (16U * 1024) /* a table larger than this is not kept for the next group */

typedef struct slot {
    uint64_t hash;
    av_pending_state state; /* UNKNOWN: empty */
    uint32_t key_n;
    uint32_t value_n, room;
    uint8_t *key, *value;
} slot;

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    uint8_t p[];
} chunk;

struct av_pending {
    slot *slots;
    size_t size, count; /* size: a power of two */
    size_t bytes, reads;
    chunk *chunks; /* the newest first */
};

static uint64_t
hash_of(av_span key)
{
    uint64_t h = 0x9E3779B97F4A7C15ULL ^ key.n, word = 0;
    size_t i = 0;

    for (; i + 8 <= key.n; i += 8) {
        memcpy(&word, key.p + i, 8);
        h = (h ^ word) * 0xFF51AFD7ED558CCDULL;
        h ^= h >> 32;
    }
    word = 0;
    if (i < key.n)
        memcpy(&word, key.p + i, key.n - i);
    h = (h ^ word) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ h >> 29;
}

av_pending *
av_pending_new(void)
{
    av_pending *self = av_xcalloc(1, sizeof *self);

    self->size = SLOTS_MIN;
    self->slots = av_xcalloc(self->size, sizeof *self->slots);
    return self;
}

static void
free_chunks(chunk *c)
{
    while (c != NULL) {
        chunk *next = c->next;

        free(c);
        c = next;
    }
}

void
av_pending_destroy(av_pending **self)
{
    if (*self == NULL)
        return;
    free_chunks((*self)->chunks);
    free((*self)->slots);
    free(*self);
    *self = NULL;
}

void
av_pending_clear(av_pending *self)
{
    free_chunks(self->chunks);
    self->chunks = NULL;
    if (self->size > KEEP_SLOTS) {
        free(self->slots);
        self->size = SLOTS_MIN;
        self->slots = av_xcalloc(self->size, sizeof *self->slots);
    } else if (self->count > 0) {
        memset(self->slots, 0, self->size * sizeof *self->slots);
    }
    self->count = self->reads = self->bytes = 0;
}

static uint8_t *
allot(av_pending *self, size_t n)
{
    chunk *c = self->chunks;
    uint8_t *p;

    if (c == NULL || c->size - c->used < n) {
        size_t size = AV_MAX(n, (size_t)CHUNK);

        c = av_xalloc(sizeof *c + size);
        c->size = size;
        c->used = 0;
        c->next = self->chunks;
        self->chunks = c;
    }
    p = c->p + c->used;
    c->used += n;
    return p;
}

/* The slot of the key, or the empty one where it would stand. */
static slot *
find(const av_pending *self, av_span key, uint64_t hash)
{
    for (size_t i = hash & (self->size - 1);; i = (i + 1) & (self->size - 1)) {
        slot *s = &self->slots[i];

        if (s->state == AV_PENDING_UNKNOWN ||
            (s->hash == hash && s->key_n == key.n && memcmp(s->key, key.p, key.n) == 0))
            return s;
    }
}

static void
grow(av_pending *self)
{
    slot *old = self->slots;
    size_t size = self->size;

    self->size *= 2;
    self->slots = av_xcalloc(self->size, sizeof *self->slots);
    for (size_t i = 0; i < size; i++)
        if (old[i].state != AV_PENDING_UNKNOWN)
            *find(self, av_span_of(old[i].key, old[i].key_n), old[i].hash) = old[i];
    free(old);
}

/* The slot of the key, taken when it was empty. */
static slot *
take(av_pending *self, av_span key)
{
    uint64_t hash = hash_of(key);
    slot *s;

    assert(key.n <= UINT32_MAX);
    if ((self->count + 1) * 4 > self->size * 3)
        grow(self);
    s = find(self, key, hash);
    if (s->state != AV_PENDING_UNKNOWN)
        return s;
    self->count++;
    *s = (slot){ .hash = hash, .key_n = (uint32_t)key.n, .key = allot(self, key.n) };
    if (key.n > 0)
        memcpy(s->key, key.p, key.n);
    return s;
}

/* A value may be one that was got from here. */
static void
set_value(av_pending *self, slot *s, av_span value)
{
    assert(value.n <= UINT32_MAX);
    if (value.n > s->room) {
        s->room = (uint32_t)value.n;
        s->value = allot(self, value.n);
    }
    s->value_n = (uint32_t)value.n;
    if (value.n > 0)
        memmove(s->value, value.p, value.n);
}

void
av_pending_put(av_pending *self, av_span key, av_span value)
{
    slot *s = take(self, key);

    set_value(self, s, value);
    s->state = AV_PENDING_PUT;
    self->bytes += key.n + value.n;
}

void
av_pending_delete(av_pending *self, av_span key)
{
    slot *s = take(self, key);

    s->state = AV_PENDING_DELETED;
    self->bytes += key.n;
}

void
av_pending_note(av_pending *self, av_span key, av_span value, bool found)
{
    slot *s;

    if (self->reads >= READ_MAX || value.n > READ_ROW)
        return;
    s = take(self, key);
    if (s->state != AV_PENDING_UNKNOWN)
        return;
    set_value(self, s, value);
    s->state = found ? AV_PENDING_READ : AV_PENDING_ABSENT;
    self->reads += READ_COST + key.n + value.n;
}

av_pending_state
av_pending_get(const av_pending *self, av_span key, av_span *ret_value)
{
    const slot *s = find(self, key, hash_of(key));

    if (s->state == AV_PENDING_PUT || s->state == AV_PENDING_READ)
        *ret_value = av_span_of(s->value, s->value_n);
    return s->state;
}

size_t
av_pending_bytes(const av_pending *self)
{
    return self->bytes;
}

static int
by_key(const void *a, const void *b)
{
    const av_pending_row *x = a, *y = b;
    int order = memcmp(x->key.p, y->key.p, AV_MIN(x->key.n, y->key.n));

    if (order != 0)
        return order;
    return x->key.n < y->key.n ? -1 : x->key.n > y->key.n;
}

size_t
av_pending_changes(const av_pending *self, av_span prefix, av_pending_row **ret)
{
    av_pending_row *rows = NULL;
    size_t n = 0, room = 0;

    for (size_t i = 0; i < self->size; i++) {
        const slot *s = &self->slots[i];

        if ((s->state != AV_PENDING_PUT && s->state != AV_PENDING_DELETED) || s->key_n < prefix.n ||
            (prefix.n > 0 && memcmp(s->key, prefix.p, prefix.n) != 0))
            continue;
        if (n == room) {
            room = AV_MAX(room * 2, (size_t)16);
            rows = av_xrealloc(rows, room * sizeof *rows);
        }
        rows[n++] = (av_pending_row){ .state = s->state,
            .key = av_span_of(s->key, s->key_n),
            .value = s->state == AV_PENDING_PUT ? av_span_of(s->value, s->value_n) : av_span_of(NULL, 0) };
    }
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_key);
    *ret = rows;
    return n;
}
