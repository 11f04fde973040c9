/*
 * sandbox.h - giving up everything but the memory and two descriptors, before the first byte from outside is
 * looked at
 *
 * In three layers, each enough alone against what it is for: a seccomp filter (which system calls there are),
 * Landlock where the kernel has it (no file, no TCP port), resource limits (memory, CPU, file size, no process, no
 * descriptor, no core file).
 *
 *   allowed   read, write, lseek, fstat, close; memory without PROT_EXEC; clocks, futex, random bytes, exit
 *   refused   with EACCES, harmlessly: what opens, looks at or names a file (a library that looks for a font or a table
 *             goes on without it), tgkill
 *   deadly    all else: sockets, processes, exec, ptrace, ioctl, other descriptors by any way
 */
#ifndef AV_ACTORS_EXTRACT_SANDBOX_H
#define AV_ACTORS_EXTRACT_SANDBOX_H

#include "base/error.h"

#include <stdint.h>

typedef struct av_sandbox av_sandbox;

typedef struct av_sandbox_limits {
    uint64_t memory_bytes; /* private memory, and address space beyond what is mapped at entry */
    uint64_t file_bytes;   /* largest size of a file that is written */
    uint32_t cpu_s;
} av_sandbox_limits;

/* Compile the filter once; av_sandbox_enter then costs a few system calls. AV_ERR_IO, AV_ERR_NOMEM. */
av_errc av_sandbox_new(av_sandbox **ret, av_error *err);
void av_sandbox_destroy(av_sandbox **self);
/*
 * Enter it, for good. Descriptors that should not be reachable inside are closed by the caller before.
 * AV_ERR_UNSUPPORTED: the kernel has no seccomp: the caller reads nothing then. A missing Landlock is no error.
 */
av_errc av_sandbox_enter(const av_sandbox *self, const av_sandbox_limits *limits, av_error *err);

#endif
