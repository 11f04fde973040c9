/*
 * watch.h - how long work over a store tells of itself, and is told to stop
 */
#ifndef AV_CARE_WATCH_H
#define AV_CARE_WATCH_H

#include "base/error.h"
#include "base/log.h"

/* Both members may be NULL. Called on the thread that works. */
typedef struct av_care_watch {
    void *ctx;
    /* done of total, in bytes of containers; false: stop, which ends the work with AV_ERR_CANCELLED. Keep it cheap. */
    bool (*go_on)(void *ctx, uint64_t done, uint64_t total);
    /* A finding or a note, one sentence for a person. lsn 0: not about one record. */
    void (*say)(void *ctx, av_log_level level, uint64_t lsn, const char *sentence);
} av_care_watch;

/* watch may be NULL in both. go_on: AV_OK or AV_ERR_CANCELLED. */
av_errc av_care_go_on(const av_care_watch *watch, uint64_t done, uint64_t total, av_error *err);
void av_care_say(const av_care_watch *watch, av_log_level level, uint64_t lsn, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
