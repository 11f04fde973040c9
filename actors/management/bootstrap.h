/*
 * bootstrap.h - what `archivolt init` leaves for the Management Server's first start
 *
 * File D/management/bootstrap, mode 0600, lines "key = value" (base/settings.h):
 *
 *   node = n1                          node name
 *   full_host_name = archive.example   name clients connect to
 *   roles = management host access     roles of the node, parted by spaces
 *   admin_name = admin                 first system administrator; empty: none
 *   admin_full_name = Ada Example      may be empty
 *   admin_email = ada@example.com      may be empty
 *   admin_password_hash = $argon2id$.. av_password_hash()
 *
 * Beside it D/management/registry.key: the Ed25519 secret key, 64 bytes as 128 hex digits, mode 0600; and
 * D/broker/registry.bin with the first signed entries, whose serials management goes on from.
 *
 * The file is taken in with one synced group and then removed. A crash in between is harmless: the database remembers
 * the file's digest and does not take it in twice. A new file of this name later on (with another content) sets the
 * administrator's password again: whoever may write D owns the system anyway.
 */
#ifndef AV_ACTORS_MANAGEMENT_BOOTSTRAP_H
#define AV_ACTORS_MANAGEMENT_BOOTSTRAP_H

#include "base/error.h"
#include "base/span.h"

enum { AV_ROLE_MANAGEMENT = 1, AV_ROLE_HOST = 2, AV_ROLE_ACCESS = 4 };

typedef struct av_bootstrap {
    char *node, *full_host_name, *roles_text;
    char *admin_name, *admin_full_name, *admin_email, *admin_password_hash;
    unsigned roles; /* AV_ROLE_... */
} av_bootstrap;

/* Pure. AV_ERR_INVALID names the line or the missing key. End with av_bootstrap_release (also after a failure). */
av_errc av_bootstrap_parse(av_span text, av_bootstrap *ret, av_error *err);
void av_bootstrap_release(av_bootstrap *self);

/* "management host" -> bits; commas part as well. false: an unknown word. */
bool av_roles_parse(av_span text, unsigned *ret);

#endif
