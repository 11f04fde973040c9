/*
 * test_sandbox.c - what code that took over a helper process can do: each row is tried in a process of its own, inside
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/extract/sandbox.h"
#include "base/util.h"
#include "tests/check.h"

/* Exit status of an attempt: it was refused, and the process lives; or it worked. Killed processes have none. */
enum { REFUSED = 10, WORKED = 20 };

#define THERE  "/tmp/av-sandbox-there"
#define ESCAPE "/tmp/av-sandbox-escape"

static int
told(long rc)
{
    return rc < 0 ? REFUSED : WORKED;
}

static int
try_read_file(void)
{
    return told(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int
try_write_file(void)
{
    return told(open(ESCAPE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
try_openat2(void)
{
    uint64_t how[3] = { O_RDONLY, 0, 0 };

    return told(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how));
}

static int
try_list_folder(void)
{
    return told(openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int
try_unlink(void)
{
    return told(unlink(THERE));
}

static int
try_rename(void)
{
    return told(rename(THERE, ESCAPE));
}

static int
try_chmod(void)
{
    return told(chmod(THERE, 0777));
}

static int
try_socket(void)
{
    return told(socket(AF_INET, SOCK_STREAM, 0));
}

static int
try_unix_socket(void)
{
    return told(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int
try_connect(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    return told(connect(1, (struct sockaddr *)&to, sizeof to));
}

static int
try_send(void)
{
    return told(send(1, "x", 1, 0));
}

static int
try_fork(void)
{
    return told(fork());
}

static int
try_raw_clone(void)
{
    return told(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int
try_clone3(void)
{
    uint64_t args[8] = { 0 };

    return told(syscall(SYS_clone3, args, sizeof args));
}

static int
try_exec(void)
{
    char *const argv[] = { (char *)"/bin/true", NULL };

    return told(execve("/bin/true", argv, argv + 1));
}

static int
try_exec_memory(void)
{
    return told(syscall(SYS_execveat, 1, "", NULL, NULL, AT_EMPTY_PATH));
}

static int
try_executable_memory(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? REFUSED : WORKED;
}

static int
try_make_executable(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? 1 : told(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
try_kill_parent(void)
{
    return told(syscall(SYS_kill, 1, 0));
}

static int
try_signal_thread(void)
{
    return told(syscall(SYS_tgkill, 1, 1, SIGTERM));
}

static int
try_ptrace(void)
{
    return told(ptrace(PTRACE_ATTACH, 1, NULL, NULL));
}

static int
try_read_process(void)
{
    char c;
    struct iovec here = { &c, 1 }, there = { &c, 1 };

    return told(process_vm_readv(1, &here, 1, &there, 1, 0));
}

static int
try_ioctl(void)
{
    return told(syscall(SYS_ioctl, 1, 0x5412, "x"));
}

static int
try_memfd(void)
{
    return told(memfd_create("x", 0));
}

static int
try_dup(void)
{
    return told(dup(1));
}

static int
try_raise_limits(void)
{
    return told(syscall(SYS_prlimit64, 0, RLIMIT_AS, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }, NULL));
}

static int
try_io_uring(void)
{
    return told(syscall(SYS_io_uring_setup, 1, NULL));
}

static int
try_user_namespace(void)
{
    return told(syscall(SYS_unshare, 0x10000000));
}

static int
try_bpf(void)
{
    return told(syscall(SYS_bpf, 0, NULL, 0));
}

static int
try_prctl(void)
{
    return told(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* What is allowed works. */
static int
do_work(void)
{
    char *p = malloc(1 << 20);

    if (p == NULL || write(1, "text", 4) != 4)
        return REFUSED;
    memset(p, 1, 1 << 20);
    free(p);
    return WORKED;
}

static const struct attempt {
    const char *name;
    int (*run)(void);
    bool deadly; /* ends the process; otherwise it is refused, and the process goes on */
} attempts[] = {
    { "read a file", try_read_file, false },
    { "make a file", try_write_file, false },
    { "read a file by the new call", try_openat2, true },
    { "list a folder", try_list_folder, false },
    { "delete a file", try_unlink, true },
    { "rename a file", try_rename, true },
    { "change a file's mode", try_chmod, true },
    { "make a TCP socket", try_socket, true },
    { "make a unix socket", try_unix_socket, true },
    { "connect", try_connect, true },
    { "send", try_send, true },
    { "fork", try_fork, true },
    { "fork by the raw call", try_raw_clone, true },
    { "fork by clone3", try_clone3, true },
    { "run a program", try_exec, true },
    { "run a program from memory", try_exec_memory, true },
    { "memory that can be executed", try_executable_memory, true },
    { "make memory executable", try_make_executable, true },
    { "look for a process by a signal", try_kill_parent, true },
    { "end a process by a signal to its thread", try_signal_thread, false },
    { "trace a process", try_ptrace, true },
    { "read a process's memory", try_read_process, true },
    { "type into a terminal", try_ioctl, true },
    { "make a memory file", try_memfd, true },
    { "another descriptor", try_dup, true },
    { "raise its own limits", try_raise_limits, false },
    { "io_uring", try_io_uring, true },
    { "a namespace of its own", try_user_namespace, true },
    { "bpf", try_bpf, true },
    { "prctl", try_prctl, true },
};

/* Runs what in the sandbox; the wait status. */
static int
in_sandbox(const av_sandbox *sandbox, int (*what)(void))
{
    av_sandbox_limits limits = { .memory_bytes = (uint64_t)64 << 20, .file_bytes = 1 << 20, .cpu_s = 1 };
    int status = 0;
    av_error err;
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int fd = memfd_create("text", 0);

        (void)dup2(fd, 1);
        (void)syscall(SYS_close_range, 2, ~0U, 0);
        if (av_sandbox_enter(sandbox, &limits, &err) != AV_OK)
            _exit(99);
        _exit(what());
    }
    (void)waitpid(pid, &status, 0);
    return status;
}

static void
test_attempts(void)
{
    av_sandbox *sandbox = NULL;
    av_error err;

    AV_CHECK_RC(av_sandbox_new(&sandbox, &err), AV_OK, &err);
    AV_CHECK_INT(WEXITSTATUS(in_sandbox(sandbox, do_work)), WORKED);
    (void)close(open(THERE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (av_check_row = 0; av_check_row < (long)AV_COUNT(attempts); av_check_row++) {
        const struct attempt *attempt = &attempts[av_check_row];
        int status = in_sandbox(sandbox, attempt->run);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        bool refused = WIFEXITED(status) && WEXITSTATUS(status) == REFUSED;

        if (!AV_CHECK(attempt->deadly ? killed : refused))
            printf("    %s: status %#x\n", attempt->name, (unsigned)status);
    }
    av_check_row = -1;
    AV_CHECK(access(THERE, F_OK) == 0);
    AV_CHECK(access(ESCAPE, F_OK) != 0);
    (void)unlink(THERE);
    av_sandbox_destroy(&sandbox);
}

static int
spin(void)
{
    volatile unsigned i = 1;

    while (i != 0)
        i = i | 1;
    return WORKED;
}

static int
fill_file(void)
{
    static char piece[65536];

    for (int i = 0; i < 1000; i++)
        if (write(1, piece, sizeof piece) < 0)
            return REFUSED;
    return WORKED;
}

static int
fill_memory(void)
{
    for (int i = 0; i < 4096; i++) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
            return i < 128 ? REFUSED : WORKED;
    }
    return WORKED;
}

static void
test_limits(void)
{
    av_sandbox *sandbox = NULL;
    av_error err;
    int status;

    AV_CHECK_RC(av_sandbox_new(&sandbox, &err), AV_OK, &err);
    status = in_sandbox(sandbox, spin);
    AV_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
    status = in_sandbox(sandbox, fill_file);
    AV_CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) || WEXITSTATUS(status) == REFUSED);
#ifndef __SANITIZE_ADDRESS__ /* sanitizers reserve terabytes: no limit on memory with them */
    status = in_sandbox(sandbox, fill_memory);
    AV_CHECK_INT(WEXITSTATUS(status), REFUSED);
#else
    (void)fill_memory;
    printf("  memory is not limited under a sanitizer: that is not tested here\n");
#endif
    av_sandbox_destroy(&sandbox);
}

int
main(void)
{
    AV_RUN(test_attempts);
    AV_RUN(test_limits);
    return av_check_done();
}
