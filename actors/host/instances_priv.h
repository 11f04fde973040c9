/*
 * instances_priv.h - one instance of the host, for instances.c, instance_answers.c, instance_asks.c, instance_remove.c,
 *                    placement.c
 */
#ifndef AV_ACTORS_HOST_INSTANCES_PRIV_H
#define AV_ACTORS_HOST_INSTANCES_PRIV_H

#include "actors/host/host_priv.h"

/* What a caller waits for; WAIT_PAUSE is answered by its timer alone. */
enum waiting { WAIT_START, WAIT_STOP, WAIT_WAKE, WAIT_PAUSE };

struct waiter {
    av_host_instance *instance;
    enum waiting kind;
    av_loop_timer *pause; /* WAIT_PAUSE */
    av_host_answer_fn *done;
    void *ctx;
    struct waiter *next;
};

struct av_host_instance {
    av_host *host;
    char id[AV_HOST_INSTANCE_MAX + 1];
    char *base_dir;
    Archivolt__StartMode mode;
    bool sleep_allowed;
    av_wanted wanted;
    bool queued; /* shall start as soon as fewer are starting */
    av_supervisor *supervisor;
    unsigned seen_restarts;
    struct waiter *waiters;
    bool removing, delete_files, remove_busy;
    av_host_answer_fn *removed;
    void *removed_ctx;
};

/* ---- instance_answers.c ---- */

void av_host_answer(av_host_instance *self, av_host_answer_fn *done, void *ctx);
/* "instance <id> <why>" */
void av_host_answer_error(av_host_answer_fn *done, void *ctx, av_errc code, const char *id, const char *why);
struct waiter *av_host_wait(av_host_instance *self, enum waiting kind, av_host_answer_fn *done, void *ctx);
/* Answer those whose wait is over. */
void av_host_answer_settled(av_host_instance *self);
void av_host_waiters_free(av_host_instance *self);

/* ---- instances.c ---- */

/* Start it, or as soon as fewer than starts_at_once are starting. */
void av_host_start_or_queue(av_host_instance *self);

/* ---- placement.c ---- */

/* AV_ERR_INVALID when a new instance's base directory would overlap another's or a folder of the node's own. */
av_errc av_host_check_base_dir(av_host *self, const char *id, const char *base_dir, av_error *err);

/* ---- instance_remove.c ---- */

/* Its process is down: files and keys go, then the record. */
void av_host_begin_removal(av_host_instance *self);

#endif
