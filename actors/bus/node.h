/*
 * node.h - what every actor of a node knows: the settings of node.conf and where things lie
 *
 * A data folder D holds: node.conf, keys/ (one file an actor, 0600), registry.pub (management's Ed25519 public key,
 * hex), broker.pub (z85), broker/registry.bin, tls/, management/, host/, instances/, run/, logs/. All paths may be
 * settings.
 */
#ifndef AV_ACTORS_BUS_NODE_H
#define AV_ACTORS_BUS_NODE_H

#include "actors/bus/keys.h"
#include "base/settings.h"

typedef struct av_node {
    char *data_dir; /* absolute; not a setting: --data */
    char *node;     /* node name: [a-z0-9][a-z0-9.-]{0,62} */
    char *full_host_name;
    uint64_t port_offset;
    char *listen;      /* address gateways listen on; 0.0.0.0 */
    char *bus_listen;  /* address the broker binds; 127.0.0.1 in single server mode */
    char *bus_address; /* host part actors connect to; 127.0.0.1 */
    uint64_t port_imap, port_imaps, port_https, port_console, port_management, port_host, port_access, port_api;
    uint64_t port_status, port_smtp, port_metrics; /* all before the offset */
    char *instances_dir;                           /* base directory for new instances; empty: D/instances */
    char *log_level;                               /* debug info warn error */
    bool log_json;
    bool local_streams; /* large answers between actors of this node by a local socket */
    bool role_management, role_host, role_access;
    uint8_t registry_key[AV_SIGN_PUBLIC]; /* from registry.pub */
    uint8_t broker_key[AV_KEY_SIZE];      /* from broker.pub */
    bool paired; /* registry.pub is there; until then registry_key is zero, which verifies nothing */
} av_node;

extern const av_setting av_node_settings[];

/* The data folder: given (--data; NULL or "" is none) wins over env ARCHIVOLT_DATA wins over /var/lib/archivolt. Borrowed. */
const char *av_node_data_dir(const char *given);
/* Read D/node.conf and the two public keys; data_dir as given to av_node_data_dir. */
av_errc av_node_load(const char *data_dir, av_node *ret, av_error *err);
void av_node_release(av_node *self);
/* Path below the data folder; owned by the caller (free). */
char *av_node_path(const av_node *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* D/keys/<file of name>.key */
char *av_node_key_path(const av_node *self, const char *actor_name);
/* port + offset */
unsigned av_node_port(const av_node *self, uint64_t port);
/* tcp://<bus_address>:<port of the role the actor belongs to>; owned by the caller. */
char *av_node_bus_endpoint(const av_node *self, const char *actor_name);

#endif
