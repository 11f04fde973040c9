/*
 * heal.h - an instance that starts again by itself when a database or log of it takes no writes any more
 *
 *          a tick finds trouble (trouble.h)              room, and a write succeeds
 *   WELL ---------------------------------> TROUBLED ---------------------------------> exit AV_EXIT_HEAL
 *    ^                                       |  every some seconds a step on the writer tries the disks
 *    +--- the store in trouble was closed ---+
 *
 * Meanwhile reading goes on, changes that cannot be kept are refused, the status is degraded and says why. A process
 * ends itself only after heal_pause_s of life; the host starts it again. What the writer holds is committed on the way
 * out, as at any stop; the next start brings the views to the end of their logs.
 *
 * Belongs to the bus thread.
 */
#ifndef AV_INSTANCE_HEAL_H
#define AV_INSTANCE_HEAL_H

#include "actors/instance/instance_priv.h"

typedef enum av_heal_need {
    AV_HEAL_ACCOUNTS, /* a change of accounts alone */
    AV_HEAL_EVENTS,   /* events in a log, which databases follow */
    AV_HEAL_WORKER    /* the same, for one who waits and comes again: told unavailable even when the disk is full */
} av_heal_need;

av_heal *av_heal_new(av_instance *in);
void av_heal_destroy(av_heal **self); /* NULL and *NULL are no-ops; the pools are stopped */
/* Each second. May ask the actor to stop. */
void av_heal_tick(av_heal *self, int64_t now_mono_ms);
/* Why changes are refused, for the status; NULL: all is well. */
const char *av_heal_problem(const av_heal *self);
/* What of the archive takes no writes. */
size_t av_heal_count(const av_heal *self);
/* true: what the request needs takes no writes, and it was failed: AV_ERR_NOSPACE or AV_ERR_UNAVAILABLE and why. */
bool av_heal_refuses(const av_heal *self, av_request *request, av_heal_need need);
/* Any thread: av_trouble_explain with this instance's setting. */
av_errc av_heal_explain(const av_instance *in, av_error *err);

#endif
