/*
 * credit.c - see credit.h
 */
#include "actors/bus/credit.h"

#define WINDOW_MIN 65536U
#define WINDOW_MAX (1024U * 1024U)
#define SENDER_MAX (1536U * 1024U)

void
av_credit_sent(av_credit_sender *self, uint64_t n)
{
    assert(n <= av_credit_room(self));
    self->sent += n;
}

void
av_credit_granted(av_credit_sender *self, uint64_t granted)
{
    self->granted = AV_MAX(self->granted, granted);
}

av_errc
av_credit_received(av_credit_receiver *self, uint64_t offset, uint64_t n, av_credit_take *ret, av_error *err)
{
    if (offset < self->received && n <= self->received - offset) {
        *ret = AV_CREDIT_DOUBLE;
        return AV_OK;
    }
    if (offset == self->received && n == 0) {
        *ret = AV_CREDIT_TAKE;
        return AV_OK;
    }
    if (offset != self->received)
        return av_error_set(err, AV_ERR_IO, "stream broken: bytes at %llu came, bytes at %llu were next",
            (unsigned long long)offset, (unsigned long long)self->received);
    if (n > self->granted - self->received)
        return av_error_set(err, AV_ERR_LIMIT, "stream broken: %llu bytes came, %llu were allowed",
            (unsigned long long)n, (unsigned long long)(self->granted - self->received));
    self->received += n;
    *ret = AV_CREDIT_TAKE;
    return AV_OK;
}

void
av_credit_consumed(av_credit_receiver *self, uint64_t n)
{
    assert(n <= self->received - self->consumed);
    self->consumed += n;
}

uint64_t
av_credit_grant(av_credit_receiver *self, uint64_t window)
{
    uint64_t grant = self->consumed + window;

    if (grant <= self->granted || grant - self->granted < (window + 1) / 2)
        return 0;
    self->granted = grant;
    return grant;
}

uint64_t
av_credit_window(uint64_t budget, uint64_t streams, uint64_t granted_to_sender)
{
    uint64_t left = granted_to_sender < SENDER_MAX ? SENDER_MAX - granted_to_sender : 0;
    uint64_t window = AV_MIN(budget / AV_MAX(streams, 1U), AV_MIN(left, WINDOW_MAX));

    return AV_MAX(window, WINDOW_MIN);
}
