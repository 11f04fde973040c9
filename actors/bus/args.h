/*
 * args.h - the command line of an actor program (actor.h); pure
 */
#ifndef AV_ACTORS_BUS_ARGS_H
#define AV_ACTORS_BUS_ARGS_H

#include "base/error.h"
#include "base/span.h"

#define AV_ACTOR_ARGS_MAX 64

typedef struct av_actor_args {
    const char *data, *name; /* or NULL; all strings are argv's */
    int keys_fd, ready_fd;   /* or -1 */
    const char *set[AV_ACTOR_ARGS_MAX], *arg[AV_ACTOR_ARGS_MAX];
    size_t set_n, arg_n;
    bool help, version;
} av_actor_args;

/* AV_ERR_SYNTAX with a sentence; ret is filled as far as it came and must be released in any case. */
av_errc av_actor_args_parse(int argc, char **argv, av_actor_args *ret, av_error *err);
/* Closes the descriptors that are still its own. */
void av_actor_args_release(av_actor_args *self);
/* "key=value" -> key and value; without '=' the value is empty. */
void av_actor_args_split(av_span pair, av_span *ret_key, av_span *ret_value);
/* The value of the last --arg key=..., or NULL. */
const char *av_actor_args_get(const av_actor_args *self, const char *key);

#endif
