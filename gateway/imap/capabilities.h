/*
 * capabilities.h - what the server says it can do: one table, shown by CAPABILITY and obeyed by ENABLE
 *
 * A row stands in the table when the thing works, in every state in which it is shown.
 * Source: RFC 3501, 6.1.1 and 7.2.1; RFC 5161; the registry "IMAP Capabilities" of IANA for the names.
 */
#ifndef AV_GATEWAY_IMAP_CAPABILITIES_H
#define AV_GATEWAY_IMAP_CAPABILITIES_H

#include "base/buf.h"
#include "gateway/imap/command.h"

/* What a client has switched on for its session, by ENABLE or by using it. */
enum {
    AV_IMAP_ENABLED_IMAP4REV2 = 1,
    AV_IMAP_ENABLED_UTF8 = 2, /* RFC 6855 */
    AV_IMAP_ENABLED_CONDSTORE = 4,
    AV_IMAP_ENABLED_QRESYNC = 8
};

/* Where a session stands, as far as capabilities depend on it. */
typedef struct av_imap_standing {
    unsigned state;    /* AV_IMAP_NOT_AUTH, ... */
    bool secure;       /* under TLS */
    bool may_compress; /* compression is offered, and is not in force yet */
    bool offers_scram; /* the setting imap_scram */
} av_imap_standing;

typedef struct av_imap_capability {
    const char *name;
    unsigned states;                             /* shown in these */
    bool (*when)(const av_imap_standing *where); /* shown only if it says so; NULL: always */
    unsigned enables;                            /* bits that ENABLE sets; 0: it is not for ENABLE */
} av_imap_capability;

/* Ends with name NULL. */
extern const av_imap_capability av_imap_capabilities[];

/* Append the names for a session that stands there, blanks between them. false: out is full. */
bool av_imap_capabilities_put(const av_imap_standing *where, av_buf *out);
/* The row that ENABLE means by this word, or NULL (RFC 5161, 3.1: unknown names are passed over). */
const av_imap_capability *av_imap_capabilities_to_enable(const av_imap_standing *where, av_span name);

#endif
