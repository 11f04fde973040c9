/*
 * sandbox.c - see sandbox.h
 *
 * Under a sanitizer there are no limits on memory (its shadow is terabytes); the filter is the same.
 */
#include "actors/extract/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct av_sandbox {
    struct sock_filter *filter;
    unsigned short count;
};

static const int allowed[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(lseek),
    SCMP_SYS(fstat), SCMP_SYS(close), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    SCMP_SYS(futex), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(restart_syscall), SCMP_SYS(getrusage), SCMP_SYS(exit),
    SCMP_SYS(exit_group) };

/* What libraries try and can do without. abort() without tgkill ends in a fault, which ends the process just as
 * well. */
static const int refused[] = { SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(prlimit64), SCMP_SYS(sysinfo), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(tgkill) };

/* Memory may be had, but none that can be executed. */
static int
add_conditions(scmp_filter_ctx ctx)
{
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    return rc != 0 ? rc
                   : seccomp_rule_add(
                         ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int
build(scmp_filter_ctx ctx)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < AV_COUNT(allowed); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; rc == 0 && i < AV_COUNT(refused); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
    return rc == 0 ? add_conditions(ctx) : rc;
}

/* The filter as the kernel wants it, by way of a memory file: libseccomp 2.5 gives it no other way. */
static av_errc
export_filter(scmp_filter_ctx ctx, av_sandbox *self, av_error *err)
{
    AV_CLEANUP(av_fd_close) int fd = memfd_create("filter", MFD_CLOEXEC);
    off_t size;

    if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0 || (size = lseek(fd, 0, SEEK_END)) <= 0)
        return av_error_errno(err, "the sandbox's filter");
    self->filter = av_xalloc((size_t)size);
    self->count = (unsigned short)((size_t)size / sizeof *self->filter);
    if (pread(fd, self->filter, (size_t)size, 0) != (ssize_t)size)
        return av_error_errno(err, "the sandbox's filter");
    return AV_OK;
}

void
av_sandbox_destroy(av_sandbox **self)
{
    if (self == NULL || *self == NULL)
        return;
    free((*self)->filter);
    free(*self);
    *self = NULL;
}

av_errc
av_sandbox_new(av_sandbox **ret, av_error *err)
{
    AV_CLEANUP(av_sandbox_destroy) av_sandbox *self = av_xcalloc(1, sizeof *self);
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    av_errc rc;
    int failed;

    if (ctx == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for the sandbox's filter");
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree instead of a list */
    failed = build(ctx);
    if (failed != 0) {
        errno = -failed;
        rc = av_error_errno(err, "the sandbox's filter");
    } else {
        rc = export_filter(ctx, self, err);
    }
    seccomp_release(ctx);
    if (rc == AV_OK)
        *ret = AV_TAKE(self);
    return rc;
}

static void
limit(__rlimit_resource_t what, uint64_t value)
{
    struct rlimit now;

    if (getrlimit(what, &now) == 0 && value > now.rlim_max)
        value = now.rlim_max;
    (void)setrlimit(what, &(struct rlimit){ value, value });
}

/* Bytes of address space in use now. */
static uint64_t
mapped_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (f == NULL)
        return (uint64_t)1 << 30;
    if (fscanf(f, "%lu", &pages) != 1) /* NOLINT(cert-err34-c): the kernel's own number */
        pages = 1 << 18;
    (void)fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
set_limits(const av_sandbox_limits *limits, uint64_t mapped)
{
    if (!SANITIZED) {
        limit(RLIMIT_AS, mapped + limits->memory_bytes);
        limit(RLIMIT_DATA, limits->memory_bytes);
    }
    (void)setrlimit(RLIMIT_CPU, &(struct rlimit){ limits->cpu_s, limits->cpu_s + 1 });
    limit(RLIMIT_FSIZE, limits->file_bytes);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    limit(RLIMIT_NOFILE, 0); /* what is open stays, nothing new gets a number */
}

/* A ruleset that handles all it knows and allows nothing. Kernels know more or less of it: asked for the most
 * first. */
static void
enter_landlock(void)
{
    static const uint64_t fs_rights[] = { 0xFFFF, 0x7FFF, 0x3FFF, 0x1FFF }; /* ABI 5, 3, 2, 1 */
    uint64_t both[2] = { 0, 3 };                                            /* fs, net: bind and connect (ABI 4) */

    for (size_t i = 0; i < AV_COUNT(fs_rights); i++) {
        AV_CLEANUP(av_fd_close) int fd = -1;

        both[0] = fs_rights[i];
        fd = (int)syscall(SYS_landlock_create_ruleset, both, i == 0 ? sizeof both : sizeof both[0], 0);
        if (fd < 0)
            continue;
        (void)syscall(SYS_landlock_restrict_self, fd, 0);
        return;
    }
}

av_errc
av_sandbox_enter(const av_sandbox *self, const av_sandbox_limits *limits, av_error *err)
{
    struct sock_fprog program = { .len = self->count, .filter = self->filter };
    uint64_t mapped = mapped_bytes();

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return av_error_errno(err, "giving up privileges");
    enter_landlock();
    set_limits(limits, mapped);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        return av_error_set(err, AV_ERR_UNSUPPORTED,
            "this kernel has no seccomp filters, without which no attachment is read: %s", strerror(errno));
    return AV_OK;
}
