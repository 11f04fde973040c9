/*
 * names.c - see names.h
 */
#include "gateway/api/names.h"

#include "base/map.h"
#include "base/util.h"

struct av_api_names {
    av_map *map; /* name -> struct entry */
};

struct entry {
    int64_t until_mono_ms;
    char id[];
};

av_api_names *
av_api_names_new(void)
{
    av_api_names *self = av_xcalloc(1, sizeof *self);

    self->map = av_map_new();
    return self;
}

void
av_api_names_destroy(av_api_names **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->map, free);
    free(*self);
    *self = NULL;
}

const char *
av_api_names_get(av_api_names *self, const char *name, int64_t now_mono_ms)
{
    const struct entry *e = av_map_get_str(self->map, name);

    return e != NULL && now_mono_ms < e->until_mono_ms ? e->id : NULL;
}

void
av_api_names_put(av_api_names *self, const char *name, const char *id, int64_t now_mono_ms)
{
    size_t n = strlen(id) + 1;
    struct entry *e = av_xalloc(sizeof *e + n);

    memcpy(e->id, id, n);
    e->until_mono_ms = strcmp(name, id) == 0 ? INT64_MAX : now_mono_ms + AV_API_ALIAS_MS;
    av_api_names_drop(self, name);
    if (av_map_count(self->map) >= AV_API_NAMES_MAX)
        av_api_names_clear(self);
    (void)av_map_put_str(self->map, name, e);
}

void
av_api_names_drop(av_api_names *self, const char *name)
{
    free(av_map_remove_str(self->map, name));
}

void
av_api_names_clear(av_api_names *self)
{
    av_map_destroy(&self->map, free);
    self->map = av_map_new();
}
