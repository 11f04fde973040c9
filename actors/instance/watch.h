/*
 * watch.h - Instance.Watch: a gateway is told when mailboxes have changed, one question for all its clients
 *
 * A question waits until something changes, or for half a minute. It is no work: an instance that has questions waiting
 * rests as ever, and whether it may sleep is up to its sessions. Answers come at most a few times a second, however much
 * is archived. Loop's thread.
 */
#ifndef AV_INSTANCE_WATCH_H
#define AV_INSTANCE_WATCH_H

#include "actors/instance/instance_priv.h"

av_watch *av_watch_new(av_instance *in);
/* The writer has ended. Fails what waits. */
void av_watch_stop(av_watch *self);
void av_watch_destroy(av_watch **self); /* NULL and *NULL are no-ops */
/* Now and then: questions that have waited long are answered. */
void av_watch_tick(av_watch *self, int64_t now_mono_ms);

#endif
