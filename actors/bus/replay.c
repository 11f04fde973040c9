/*
 * replay.c - see replay.h; a map for finding, a list in order of age for forgetting
 */
#include "actors/bus/replay.h"

#include "base/map.h"

#define ENTRY_COST   200 /* bytes an entry takes beside its reply, roughly */
#define FULL_KEY_MAX 256

struct entry {
    uint8_t full_key[FULL_KEY_MAX]; /* idempotency key, then the sender's name */
    size_t full_key_n;
    uint8_t body_hash[AV_SHA256_SIZE];
    int64_t at_ms;
    struct entry *next; /* younger */
    size_t reply_n;
    uint8_t reply[];
};

struct av_replay {
    av_map *map;
    struct entry *oldest, **youngest;
    size_t bytes, max_count, max_bytes;
    int64_t max_age_ms;
};

av_replay *
av_replay_new(size_t max_count, size_t max_bytes, int64_t max_age_ms)
{
    av_replay *self = av_xcalloc(1, sizeof *self);

    self->map = av_map_new();
    self->youngest = &self->oldest;
    self->max_count = max_count;
    self->max_bytes = max_bytes;
    self->max_age_ms = max_age_ms;
    return self;
}

static void
drop_oldest(av_replay *self)
{
    struct entry *e = self->oldest;

    (void)av_map_remove(self->map, av_span_of(e->full_key, e->full_key_n));
    self->oldest = e->next;
    if (self->oldest == NULL)
        self->youngest = &self->oldest;
    self->bytes -= e->reply_n + ENTRY_COST;
    free(e);
}

void
av_replay_destroy(av_replay **self)
{
    if (*self == NULL)
        return;
    while ((*self)->oldest != NULL)
        drop_oldest(*self);
    av_map_destroy(&(*self)->map, NULL);
    free(*self);
    *self = NULL;
}

static void
forget_old(av_replay *self, int64_t now_ms)
{
    while (self->oldest != NULL && now_ms - self->oldest->at_ms > self->max_age_ms)
        drop_oldest(self);
}

static size_t
make_key(av_span name, const uint8_t key[AV_REPLAY_KEY_SIZE], uint8_t ret[FULL_KEY_MAX])
{
    size_t n = AV_MIN(name.n, (size_t)FULL_KEY_MAX - AV_REPLAY_KEY_SIZE);

    memcpy(ret, key, AV_REPLAY_KEY_SIZE);
    if (n > 0)
        memcpy(ret + AV_REPLAY_KEY_SIZE, name.p, n);
    return AV_REPLAY_KEY_SIZE + n;
}

av_replay_answer
av_replay_find(av_replay *self, av_span sender_name, const uint8_t key[AV_REPLAY_KEY_SIZE],
    const uint8_t body_hash[AV_SHA256_SIZE], int64_t now_ms, av_span *ret_reply)
{
    uint8_t full[FULL_KEY_MAX];
    size_t n = make_key(sender_name, key, full);
    const struct entry *e;

    forget_old(self, now_ms);
    e = av_map_get(self->map, av_span_of(full, n));
    if (e == NULL)
        return AV_REPLAY_NONE;
    if (memcmp(e->body_hash, body_hash, AV_SHA256_SIZE) != 0)
        return AV_REPLAY_OTHER;
    *ret_reply = av_span_of(e->reply, e->reply_n);
    return AV_REPLAY_SAME;
}

void
av_replay_put(av_replay *self, av_span sender_name, const uint8_t key[AV_REPLAY_KEY_SIZE],
    const uint8_t body_hash[AV_SHA256_SIZE], int64_t now_ms, av_span reply)
{
    struct entry *e;

    forget_old(self, now_ms);
    if (reply.n > self->max_bytes / 4)
        return;
    e = av_xcalloc(1, sizeof *e + reply.n);
    e->full_key_n = make_key(sender_name, key, e->full_key);
    if (av_map_get(self->map, av_span_of(e->full_key, e->full_key_n)) != NULL) {
        free(e); /* the first answer stays */
        return;
    }
    memcpy(e->body_hash, body_hash, AV_SHA256_SIZE);
    e->at_ms = now_ms;
    e->reply_n = reply.n;
    if (reply.n > 0)
        memcpy(e->reply, reply.p, reply.n);
    (void)av_map_put(self->map, av_span_of(e->full_key, e->full_key_n), e);
    *self->youngest = e;
    self->youngest = &e->next;
    self->bytes += reply.n + ENTRY_COST;
    while (av_map_count(self->map) > self->max_count || self->bytes > self->max_bytes)
        drop_oldest(self);
}

size_t
av_replay_count(const av_replay *self)
{
    return av_map_count(self->map);
}
