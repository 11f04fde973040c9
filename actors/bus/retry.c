/*
 * retry.c - see retry.h
 */
#include "actors/bus/retry.h"

uint32_t
av_retry_next(av_retry *self, uint64_t random)
{
    uint64_t pause = self->first_ms;

    for (uint32_t i = 0; i < self->tries && pause < self->max_ms; i++)
        pause *= 2;
    pause = AV_MIN(pause, self->max_ms);
    if (self->tries < UINT32_MAX)
        self->tries++;
    return (uint32_t)(pause / 2 + random % (pause - pause / 2 + 1));
}

void
av_retry_reset(av_retry *self)
{
    self->tries = 0;
}

bool
av_retry_helps(av_errc code)
{
    return code == AV_ERR_BUSY || code == AV_ERR_UNAVAILABLE;
}
