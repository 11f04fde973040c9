/*
 * list_request.h - what a LIST or LSUB asks for
 *
 * Pure. The basic form (RFC 3501, 6.3.8) and the extended one (RFC 5258; RFC 9051, 6.3.9) with the options of RFC 6154,
 * 5819 and 8440. An option that is not known is BAD.
 */
#ifndef AV_GATEWAY_IMAP_LIST_REQUEST_H
#define AV_GATEWAY_IMAP_LIST_REQUEST_H

#include "base/buf.h"
#include "base/error.h"

#define AV_IMAP_LIST_PATTERNS_MAX 64

/* Selection and return options. */
enum {
    AV_IMAP_LIST_SUBSCRIBED = 1,
    AV_IMAP_LIST_REMOTE = 2, /* there are none: asking for them changes nothing */
    AV_IMAP_LIST_RECURSIVE = 4,
    AV_IMAP_LIST_SPECIAL_USE = 8,
    AV_IMAP_LIST_CHILDREN = 16,
    AV_IMAP_LIST_MYRIGHTS = 32,
    AV_IMAP_LIST_STATUS = 64
};

typedef struct av_imap_list_request {
    bool extended;  /* the form of RFC 5258 */
    bool asks_root; /* an empty pattern in the basic form: asks for the separator (RFC 3501, 6.3.8) */
    unsigned select, ret;
    unsigned status; /* of status_items.h, with AV_IMAP_LIST_STATUS */
    size_t count;
    av_buf patterns[AV_IMAP_LIST_PATTERNS_MAX]; /* reference and pattern in one, UTF-8; AV_IMAP_PATTERN_MAX at most */
} av_imap_list_request;

/*
 * args: what stands behind the command's name, without the blank. utf8: as in mailbox_name.h. ret need not be initialized
 * and is to be released in any case. Patterns that no mailbox's name can match are left out: count may be 0.
 * AV_ERR_SYNTAX (BAD), AV_ERR_LIMIT (too many patterns, or one that is too long).
 */
av_errc av_imap_list_request_parse(av_span args, bool utf8, av_imap_list_request *ret, av_error *err);
void av_imap_list_request_release(av_imap_list_request *self);

#endif
