/*
 * management.h - archivolt-management: nodes, instances, administrators, the signed registry
 *
 * Takes:  archivolt.Management, archivolt.Operations (proto/management.proto, status.proto)
 * Calls:  Host.*, Broker.UpdateRegistry, Actor.Ping
 * Owns:   D/management: db/ (RocksDB, every change synced), registry.key, bootstrap (taken in and removed)
 * Limits: 1024 requests at once, 64 password checks waiting, 4 instances of an operation at work at the same time
 */
#ifndef AV_ACTORS_MANAGEMENT_MANAGEMENT_H
#define AV_ACTORS_MANAGEMENT_MANAGEMENT_H

#include "base/settings.h"

typedef struct av_management av_management;

typedef struct av_management_settings {
    char *licensee_name;
    uint64_t name_reuse_days, low_space_mb;
} av_management_settings;

extern const av_setting av_management_settings_table[];

/* main() of archivolt-management. Returns the exit status. */
int av_management_main(int argc, char **argv);

#endif
