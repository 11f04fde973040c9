/*
 * search_return.h - what a SEARCH or SORT is to give back: RETURN (...)
 *
 * Pure. Source: RFC 4731, 3.1; RFC 5182, 2.1 (SAVE); RFC 9394, 3.1 (PARTIAL); RFC 9051, 6.4.4.
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_RETURN_H
#define AV_GATEWAY_IMAP_SEARCH_RETURN_H

#include "base/error.h"
#include "base/span.h"

enum {
    AV_IMAP_RETURN_MIN = 1,
    AV_IMAP_RETURN_MAX = 2,
    AV_IMAP_RETURN_ALL = 4,
    AV_IMAP_RETURN_COUNT = 8,
    AV_IMAP_RETURN_SAVE = 16,
    AV_IMAP_RETURN_PARTIAL = 32
};

typedef struct av_imap_return {
    bool given;           /* there was a RETURN: the answer is an ESEARCH */
    unsigned options;     /* AV_IMAP_RETURN_...; "RETURN ()" is ALL */
    bool from_end;        /* of PARTIAL: -1 is the last message */
    uint32_t first, last; /* of PARTIAL, from 1; first <= last */
} av_imap_return;

/* "RETURN (MIN COUNT) " off the front, with the blank behind it; nothing when there is none. AV_ERR_SYNTAX. */
av_errc av_imap_take_return(av_span *in, av_imap_return *ret, av_error *err);
/* partial-range: "1:100" or "-1:-100" (RFC 9394, 4). */
bool av_imap_take_partial(av_span *in, av_imap_return *ret);

#endif
