/*
 * freeze.h - Freeze and Thaw: nothing is acknowledged and no log, key or account is written while files are copied
 *
 * Freeze answers when the open group is on disk and everything in memory is in files; from then on the writer stands
 * still: who wants to change something is told busy, intake waits. Readers go on. It thaws by itself after a time.
 * Events: backup.began, backup.frozen, backup.thawed, backup.ended; the status counter "frozen" is 1 meanwhile.
 */
#ifndef AV_INSTANCE_FREEZE_H
#define AV_INSTANCE_FREEZE_H

#include "actors/instance/instance_priv.h"

/* Adds its handlers to the bus. */
av_freeze *av_freeze_new(av_instance *in);
void av_freeze_destroy(av_freeze **self);
/* Frozen, or about to be. self may be NULL. */
bool av_freeze_is_on(const av_freeze *self);
/* The instance ends: go on, so that what waits can end. */
void av_freeze_stop(av_freeze *self);

#endif
