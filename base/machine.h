/*
 * machine.h - what kind of machine this is, for people
 */
#ifndef AV_BASE_MACHINE_H
#define AV_BASE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

typedef struct av_machine {
    char *operating_system; /* "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-amd64" */
    char **processors;      /* model of each logical processor, at most 1024 */
    size_t processor_count;
    uint64_t memory_bytes; /* physical */
} av_machine;

/* Reads /etc/os-release and /proc/cpuinfo; what cannot be read is "unknown" or left out. End with av_machine_release. */
void av_machine_read(av_machine *ret);
void av_machine_release(av_machine *self);

/* Bytes of physical memory this process holds now, from /proc/self/statm; 0 when that cannot be read. */
uint64_t av_machine_own_memory_bytes(void);

#endif
