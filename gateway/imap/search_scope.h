/*
 * search_scope.h - the mailboxes a search goes over: IN (mailboxes "a" subtree ("b" "c") personal)
 *
 * Pure. Source: RFC 7377, 2.2; RFC 5465, 6 (what the words mean). Every mailbox the user may read is personal and
 * subscribed; no scope options are known.
 */
#ifndef AV_GATEWAY_IMAP_SEARCH_SCOPE_H
#define AV_GATEWAY_IMAP_SEARCH_SCOPE_H

#include "base/buf.h"
#include "base/error.h"

#define AV_IMAP_SCOPES_MAX 256

typedef enum av_imap_scope_kind {
    AV_IMAP_SCOPE_SELECTED,
    AV_IMAP_SCOPE_INBOX,
    AV_IMAP_SCOPE_ALL,
    AV_IMAP_SCOPE_MAILBOX,
    AV_IMAP_SCOPE_SUBTREE,    /* it and all below */
    AV_IMAP_SCOPE_SUBTREE_ONE /* it and what is right below */
} av_imap_scope_kind;

typedef struct av_imap_scope {
    struct {
        av_imap_scope_kind kind;
        size_t at, n; /* of names */
    } parts[AV_IMAP_SCOPES_MAX];
    size_t n;
    bool utf8;
    av_buf names; /* UTF-8 */
} av_imap_scope;

/* "IN (...) " off the front, with the blank behind it; without it the selected mailbox. utf8: as in av_imap_name_decode. Release it whatever happened.
 * AV_ERR_SYNTAX, AV_ERR_LIMIT. */
av_errc av_imap_take_scope(av_span *in, bool utf8, av_imap_scope *ret, av_error *err);
void av_imap_scope_release(av_imap_scope *self);
/* Is this mailbox (UTF-8, "/" between names) meant? selected: the selected one's name, or empty. */
bool av_imap_scope_has(const av_imap_scope *self, av_span path, av_span selected);
/* Nothing but the selected mailbox. */
bool av_imap_scope_is_selected(const av_imap_scope *self);

#endif
