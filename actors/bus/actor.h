/*
 * actor.h - main() of an actor: arguments, settings, log, keys, loop, bus, ready, status, stop
 *
 * An actor program fills av_actor_config and calls av_actor_main. It understands: --data DIR, --name NAME (where the
 * program serves several names), --keys-fd N (key file text from a descriptor, then --broker/--registry key from
 * node.conf), --ready-fd N, --set key=value (of the program or of node.conf), --arg key=value, --help, --version.
 * Signals: TERM and INT stop it in order (on_stop, then the loop ends), HUP reloads. sd_notify READY=1 and STOPPING=1
 * when NOTIFY_SOCKET is set; "ready" is also written to the descriptor of --ready-fd N. Status is published every
 * status_interval (5 s) and on av_actor_set_state.
 */
#ifndef AV_ACTORS_BUS_ACTOR_H
#define AV_ACTORS_BUS_ACTOR_H

#include "actors/bus/bus.h"
#include "actors/bus/node.h"
#include "proto/status.pb-c.h"

typedef struct av_actor av_actor;

typedef struct av_actor_config {
    const char *program;        /* archivolt-host */
    const char *help;           /* one paragraph for --help */
    const char *name;           /* "management"; "host/%s" and "gateway@%s" get the node's name; NULL: from --name */
    const av_setting *settings; /* of this program (D/<program>.conf, then --set), or NULL */
    void *settings_into;
    size_t receive_budget_bytes; /* see av_bus_config */
    /*
     * After settings, keys and loop. The bus exists, so handlers may be added, but nothing is sent or taken before the
     * loop runs. May block (opens databases).
     */
    av_errc (*on_start)(void *self, av_actor *actor, av_error *err);
    /*
     * Bus ready for the first time: handlers are served from here on. The actor says when it is ready
     * (av_actor_set_state).
     */
    void (*on_ready)(void *self, av_actor *actor);
    void (*on_reconnect)(void *self, av_actor *actor); /* each later time the broker has answered hello; may be NULL */
    void (*on_reload)(void *self, av_actor *actor);    /* SIGHUP; may be NULL */
    /* SIGCHLD: reap with waitpid(WNOHANG) until there is none; may be NULL */
    void (*on_child)(void *self, av_actor *actor);
    /* Asked to stop: finish, then call av_actor_stopped. NULL: stops at once. After 20 s it ends anyway. */
    void (*on_stop)(void *self, av_actor *actor);
    void (*on_end)(void *self); /* after the bus is gone: close databases */
    /* Adds counters to the status about to be published; may be NULL. */
    void (*on_status)(void *self, Archivolt__Status *status, av_buf *scratch);
    void *self;
} av_actor_config;

/* Exit status of the process: 0 stopped in order, 2 usage, 78 bad settings (EX_CONFIG), 1 else. */
int av_actor_main(const av_actor_config *config, int argc, char **argv);

av_bus *av_actor_bus(av_actor *self);
av_loop *av_actor_loop(av_actor *self);
const av_node *av_actor_node(const av_actor *self);
const char *av_actor_name(const av_actor *self);
void av_actor_set_state(av_actor *self, Archivolt__ActorState state, const char *detail);
void av_actor_stopped(av_actor *self);
/* Stop in order from inside, with this exit status. */
void av_actor_stop(av_actor *self, int exit_status);
/* An extra "key=value" of --arg key=value, or NULL: what only one program needs (instance: dir, descriptors). */
const char *av_actor_arg(const av_actor *self, const char *key);

#endif
