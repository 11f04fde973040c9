/*
 * names.h - actor names taken apart, and keys as text; pure (see keys.h for the public rules)
 *
 * The broker writes senders as "<name>#<connection>"; the part before '#' is the actor, the whole is one connection of
 * it.
 */
#ifndef AV_ACTORS_BUS_NAMES_H
#define AV_ACTORS_BUS_NAMES_H

#include "actors/bus/keys.h"

#define AV_SENDER_MAX         (AV_ACTOR_NAME_MAX + 20) /* name, '#' and connection, with the NUL */
#define AV_KEY_Z85_MAX        41                       /* with the NUL */
#define AV_REGISTRY_ENTRY_MAX 1024                     /* bytes of a packed RegistryEntry */

/* [a-z0-9][a-z0-9.-]{0,62} */
bool av_node_name_valid(av_span name);
/* The node a name carries (host/n1, gateway@n1, worker/n1/..., broker@n1), or an empty span. name is valid. */
av_span av_actor_name_node(av_span name);
/* "gateway@n1#0000002a" -> "gateway@n1"; without '#' all of it. */
av_span av_sender_name(av_span sender);
/* A valid actor name, '#', and 1 to 16 lower-case hex digits. */
bool av_sender_valid(av_span sender);
/* A broker's own sender: broker@<node>, with or without a connection. */
bool av_sender_is_broker(av_span sender);

/* 40 characters of Z85. false: not a key. */
bool av_key_from_z85(av_span text, uint8_t ret[AV_KEY_SIZE]);
void av_key_to_z85(const uint8_t key[AV_KEY_SIZE], char ret[AV_KEY_Z85_MAX]);

#endif
