/*
 * map.h - byte-string keys to pointers: the one hash table of the house
 *
 * Open addressing, keyed SipHash (a peer that chooses names cannot make it slow). Keys are copied; values are borrowed.
 * Not thread safe: one owner.
 */
#ifndef AV_BASE_MAP_H
#define AV_BASE_MAP_H

#include "base/span.h"

typedef struct av_map av_map;

av_map *av_map_new(void);
/* free_value may be NULL. */
void av_map_destroy(av_map **self, void (*free_value)(void *));
size_t av_map_count(const av_map *self);
void *av_map_get(const av_map *self, av_span key); /* NULL when absent */
/* Returns the value that was there before, or NULL. value is never NULL. */
void *av_map_put(av_map *self, av_span key, void *value);
void *av_map_remove(av_map *self, av_span key); /* the removed value, or NULL */
/* Walk in no order: size_t at = 0; while (av_map_next(m, &at, &key, &value)). Removing the current entry is allowed. */
bool av_map_next(const av_map *self, size_t *at, av_span *ret_key, void **ret_value);

static inline void *
av_map_get_str(const av_map *self, const char *key)
{
    return av_map_get(self, av_span_str(key));
}

static inline void *
av_map_put_str(av_map *self, const char *key, void *value)
{
    return av_map_put(self, av_span_str(key), value);
}

static inline void *
av_map_remove_str(av_map *self, const char *key)
{
    return av_map_remove(self, av_span_str(key));
}

static inline av_span
av_map_key_u64(const uint64_t *id)
{
    return (av_span){ (const uint8_t *)id, sizeof *id };
}

#endif
