/*
 * throttle.c - failed logins cost time
 */
#include "base/throttle.h"

#include "base/map.h"

#define KEYS_MAX  8192
#define FORGET_MS (15 * 60 * 1000)

typedef struct entry {
    unsigned failures;
    int64_t last_ms;
} entry;

struct av_throttle {
    av_map *entries;
    unsigned free_tries;
    uint32_t max_wait_s;
};

av_throttle *
av_throttle_new(unsigned free_tries, uint32_t max_wait_s)
{
    av_throttle *self = av_xcalloc(1, sizeof *self);

    self->entries = av_map_new();
    self->free_tries = free_tries;
    self->max_wait_s = max_wait_s;
    return self;
}

void
av_throttle_destroy(av_throttle **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->entries, free);
    free(*self);
    *self = NULL;
}

int64_t
av_throttle_wait_ms(av_throttle *self, av_span key, int64_t now_mono_ms)
{
    const entry *e = av_map_get(self->entries, key);
    unsigned over;
    int64_t wait;

    if (e == NULL || e->failures < self->free_tries || now_mono_ms - e->last_ms > FORGET_MS)
        return 0;
    over = AV_MIN(e->failures - self->free_tries, 20U);
    wait = AV_MIN((int64_t)1 << over, (int64_t)self->max_wait_s) * 1000;
    return AV_MAX(e->last_ms + wait - now_mono_ms, 0);
}

/* Everything that is forgotten anyway, and the oldest when that was nothing. */
static void
make_room(av_throttle *self, int64_t now)
{
    size_t at = 0, before = av_map_count(self->entries);
    int64_t oldest = INT64_MAX;
    av_span key;
    void *value;

    while (av_map_next(self->entries, &at, &key, &value)) {
        oldest = AV_MIN(oldest, ((entry *)value)->last_ms);
        if (now - ((entry *)value)->last_ms > FORGET_MS)
            free(av_map_remove(self->entries, key));
    }
    if (av_map_count(self->entries) < before)
        return;
    for (at = 0; av_map_next(self->entries, &at, &key, &value);) {
        if (((entry *)value)->last_ms == oldest) {
            free(av_map_remove(self->entries, key));
            return;
        }
    }
}

void
av_throttle_failed(av_throttle *self, av_span key, int64_t now_mono_ms)
{
    entry *e = av_map_get(self->entries, key);

    if (e == NULL) {
        if (av_map_count(self->entries) >= KEYS_MAX)
            make_room(self, now_mono_ms);
        e = av_xcalloc(1, sizeof *e);
        (void)av_map_put(self->entries, key, e);
    } else if (now_mono_ms - e->last_ms > FORGET_MS) {
        e->failures = 0;
    }
    e->failures++;
    e->last_ms = now_mono_ms;
}

void
av_throttle_succeeded(av_throttle *self, av_span key)
{
    free(av_map_remove(self->entries, key));
}
