/*
 * map.c - see map.h; linear probing, at most 3/4 full, deleted slots are tombstones until the next growth
 */
#include "base/map.h"

#include <sodium.h>

struct slot {
    uint8_t *key; /* NULL: never used */
    size_t key_n;
    uint64_t hash;
    void *value; /* NULL with a key: tombstone (the key is kept until the table is rebuilt) */
};

struct av_map {
    struct slot *slots;
    size_t cap;  /* power of two */
    size_t live; /* entries */
    size_t used; /* entries and tombstones */
    uint8_t seed[crypto_shorthash_KEYBYTES];
};

av_map *
av_map_new(void)
{
    av_map *self = av_xcalloc(1, sizeof *self);

    self->cap = 16;
    self->slots = av_xcalloc(self->cap, sizeof *self->slots);
    randombytes_buf(self->seed, sizeof self->seed);
    return self;
}

void
av_map_destroy(av_map **self, void (*free_value)(void *))
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->cap; i++) {
        struct slot *s = &(*self)->slots[i];

        if (s->value != NULL && free_value != NULL)
            free_value(s->value);
        free(s->key);
    }
    free((*self)->slots);
    free(*self);
    *self = NULL;
}

size_t
av_map_count(const av_map *self)
{
    return self->live;
}

static uint64_t
hash_of(const av_map *self, av_span key)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t h;

    crypto_shorthash(out, key.n == 0 ? (const uint8_t *)"" : key.p, key.n, self->seed);
    memcpy(&h, out, sizeof h);
    return h;
}

static bool
slot_is(const struct slot *s, uint64_t hash, av_span key)
{
    return s->value != NULL && s->hash == hash && av_span_eq(av_span_of(s->key, s->key_n), key);
}

static struct slot *
find(const av_map *self, av_span key, uint64_t hash)
{
    for (size_t i = hash & (self->cap - 1); self->slots[i].key != NULL; i = (i + 1) & (self->cap - 1))
        if (slot_is(&self->slots[i], hash, key))
            return &self->slots[i];
    return NULL;
}

static void
place(struct slot *slots, size_t cap, struct slot entry)
{
    size_t i = entry.hash & (cap - 1);

    while (slots[i].key != NULL)
        i = (i + 1) & (cap - 1);
    slots[i] = entry;
}

static void
rebuild(av_map *self)
{
    size_t cap = self->cap;
    struct slot *slots;

    while (self->live * 2 >= cap)
        cap *= 2;
    slots = av_xcalloc(cap, sizeof *slots);
    for (size_t i = 0; i < self->cap; i++) {
        if (self->slots[i].value != NULL)
            place(slots, cap, self->slots[i]);
        else
            free(self->slots[i].key);
    }
    free(self->slots);
    self->slots = slots;
    self->cap = cap;
    self->used = self->live;
}

void *
av_map_get(const av_map *self, av_span key)
{
    struct slot *s = find(self, key, hash_of(self, key));

    return s == NULL ? NULL : s->value;
}

void *
av_map_put(av_map *self, av_span key, void *value)
{
    uint64_t hash = hash_of(self, key);
    struct slot *s = find(self, key, hash);
    void *old;

    assert(value != NULL);
    if (s != NULL) {
        old = s->value;
        s->value = value;
        return old;
    }
    if ((self->used + 1) * 4 > self->cap * 3)
        rebuild(self);
    place(self->slots, self->cap, (struct slot){ (uint8_t *)av_span_dup(key), key.n, hash, value });
    self->live++;
    self->used++;
    return NULL;
}

void *
av_map_remove(av_map *self, av_span key)
{
    struct slot *s = find(self, key, hash_of(self, key));
    void *old;

    if (s == NULL)
        return NULL;
    old = s->value;
    s->value = NULL;
    self->live--;
    return old;
}

bool
av_map_next(const av_map *self, size_t *at, av_span *ret_key, void **ret_value)
{
    for (; *at < self->cap; ++*at) {
        struct slot *s = &self->slots[*at];

        if (s->value == NULL)
            continue;
        if (ret_key != NULL)
            *ret_key = av_span_of(s->key, s->key_n);
        if (ret_value != NULL)
            *ret_value = s->value;
        ++*at;
        return true;
    }
    return false;
}
