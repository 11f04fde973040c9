/*
 * host.h - archivolt-host: starts, stops, wakes and limits the instances and workers of one node
 *
 * Takes:  archivolt.Host (proto/host.proto)          Calls: Management.RegisterActor, Management.RevokeActor
 * Owns:   D/host: state (what is assigned here), keys/ (CURVE and store keys, 0600), workers/ (locks and keys of runs)
 * Limits: AV_BUS's 1024 requests at once; starts_at_once instances are started at the same time
 *
 * Instances and workers outlive a host that is killed; the next one finds them by their locks. A host that is stopped
 * in order stops them first.
 */
#ifndef AV_ACTORS_HOST_HOST_H
#define AV_ACTORS_HOST_HOST_H

#include "base/settings.h"

typedef struct av_host_settings {
    char *programs_dir; /* empty: where archivolt-host itself is */
    char *cgroup_dir;
    uint64_t start_timeout_s, stop_timeout_s, sleep_after_s;
    uint64_t instance_memory_mb, worker_memory_mb, instance_files, worker_files;
    uint64_t log_max_mb, starts_at_once, worker_restarts;
    bool log_files;
} av_host_settings;

extern const av_setting av_host_settings_table[];

/* main() of archivolt-host. Returns the exit status. */
int av_host_main(int argc, char **argv);

typedef struct av_host av_host;

#endif
