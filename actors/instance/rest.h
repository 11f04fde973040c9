/*
 * rest.h - an instance with nothing to do gives its working memory back
 */
#ifndef AV_INSTANCE_REST_H
#define AV_INSTANCE_REST_H

#include "actors/instance/instance_priv.h"

/* At the start, before the first tick. */
void av_rest_init(av_instance *self);
/*
 * Loop's thread, at every tick of an instance that is idle: hands the writer what is due after setting rest_after_s
 * without work, and after three times as long. The next to ask waits some milliseconds more.
 */
void av_rest_tick(av_instance *self, int64_t now_ms);

#endif
