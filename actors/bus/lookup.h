/*
 * lookup.h - verified public keys of actors, remembered for a minute (av_bus_lookup); actors/bus only
 */
#ifndef AV_ACTORS_BUS_LOOKUP_H
#define AV_ACTORS_BUS_LOOKUP_H

#include "actors/bus/bus.h"

typedef struct av_lookups av_lookups;

av_lookups *av_lookups_new(av_bus *bus);
/* Lookups under way end with AV_ERR_CANCELLED. */
void av_lookups_end_all(av_lookups *self);
void av_lookups_destroy(av_lookups **self);
void av_lookups_forget(av_lookups *self, const char *actor_name);
void av_lookups_ask(av_lookups *self, const char *actor_name, av_lookup_fn *done, void *ctx);

#endif
