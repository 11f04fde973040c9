/*
 * imap.h - IMAP for readers of an archive: doors 143 (STARTTLS) and 993 (TLS), IMAP4rev1, read only
 *
 * A session logs in as `<instance id or alias>/<user>`; the instance itself checks the password and issues the session, the
 * gateway keeps neither passwords nor mail. The folder tree of the archive is shown as it is, one top folder an archive.
 * INBOX, which some clients insist on, is an empty folder that is always there (RFC 3501, 5.1).
 * Source: RFC 3501; RFC 2177 (IDLE), 2342 (NAMESPACE), 2971 (ID), 3348 (CHILDREN), 3691 (UNSELECT), 4959 (SASL-IR),
 * 5161 (ENABLE), 5530 (response codes), 7888 (LITERAL-), 4978 (COMPRESS), 5802 and 7677 (SCRAM); all of them: docs/imap.md.
 */
#ifndef AV_GATEWAY_IMAP_IMAP_H
#define AV_GATEWAY_IMAP_IMAP_H

#include "gateway/gateway.h"

typedef struct av_imap av_imap;

/* Open both doors. gateway is borrowed and outlives the result. AV_ERR_IO when a port is taken. */
av_errc av_imap_open(av_gateway *gateway, av_imap **ret, av_error *err);
/* All connections must be closed (av_gateway_close), and the bus gone or without logins in work. */
void av_imap_destroy(av_imap **self);

#endif
