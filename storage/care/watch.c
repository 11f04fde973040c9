/*
 * watch.c - see watch.h
 */
#include "storage/care/watch.h"

#include <stdio.h>

av_errc
av_care_go_on(const av_care_watch *watch, uint64_t done, uint64_t total, av_error *err)
{
    if (watch == NULL || watch->go_on == NULL || watch->go_on(watch->ctx, done, total))
        return AV_OK;
    return av_error_set(err, AV_ERR_CANCELLED, "it was cancelled");
}

void
av_care_say(const av_care_watch *watch, av_log_level level, uint64_t lsn, const char *fmt, ...)
{
    char sentence[400];
    va_list args;

    if (watch == NULL || watch->say == NULL)
        return;
    va_start(args, fmt);
    (void)vsnprintf(sentence, sizeof sentence, fmt, args);
    va_end(args);
    watch->say(watch->ctx, level, lsn, sentence);
}
