/*
 * statistics.h - what administrators ask about an instance: sizes, folders, its process
 *
 * On a reader, as functions of ask.h; the process's counters are read by instance.c from av_process_read.
 */
#ifndef AV_INSTANCE_STATISTICS_H
#define AV_INSTANCE_STATISTICS_H

#include "actors/instance/ask.h"
#include "proto/instance.pb-c.h"

av_errc av_statistics_instance(av_ask *ask, av_error *err);
av_errc av_statistics_folders(av_ask *ask, av_error *err);

typedef struct av_process_counters {
    uint64_t cpu_ms, read_bytes, written_bytes, private_bytes;
} av_process_counters;
/* Of this process, from /proc/self; what cannot be read stays 0. */
void av_process_read(av_process_counters *ret);

#endif
