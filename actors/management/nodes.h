/*
 * nodes.h - the nodes of the system and their roles
 */
#ifndef AV_ACTORS_MANAGEMENT_NODES_H
#define AV_ACTORS_MANAGEMENT_NODES_H

#include "actors/management/bootstrap.h"
#include "storage/meta/meta.h"

typedef struct av_nodes av_nodes;

typedef struct av_node_record {
    char *name, *full_host_name;
    unsigned roles; /* AV_ROLE_... */
} av_node_record;

av_errc av_nodes_open(av_meta *db, av_nodes **ret, av_error *err);
void av_nodes_destroy(av_nodes **self);
/* In the open group; in memory at once (the only caller ends the process when the commit fails). */
void av_nodes_put(av_nodes *self, const char *name, const char *full_host_name, unsigned roles);
/* NULL: no such node. */
const av_node_record *av_nodes_find(const av_nodes *self, const char *name);
size_t av_nodes_count(const av_nodes *self);
const av_node_record *av_nodes_at(const av_nodes *self, size_t index); /* by name */

#endif
