/*
 * spawn.c - see spawn.h
 *
 * Between fork and exec the child is a copy of one thread of a process with many (ZeroMQ's): only async-signal-safe
 * calls are made there, everything that needs memory is prepared before.
 */
#include "actors/host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

extern char **environ;

/* The environment without what is meant for the host alone: its notification socket. Strings are borrowed. */
static char **
child_environment(void)
{
    size_t n = 0, out = 0;
    char **env;

    while (environ[n] != NULL)
        n++;
    env = av_xcalloc(n + 1, sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "NOTIFY_SOCKET=", 14) != 0 && strncmp(environ[i], "WATCHDOG_", 9) != 0)
            env[out++] = environ[i];
    return env;
}

static void
write_pid(int fd)
{
    char text[16];
    size_t at = sizeof text;
    unsigned pid = (unsigned)getpid();

    text[--at] = '\n';
    do
        text[--at] = (char)('0' + pid % 10);
    while ((pid /= 10) > 0);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text + at, sizeof text - at, 0) < 0)
        errno = 0; /* the lock is then held by nobody known: a restarted host waits until it is free */
}

static void
reset_signals(void)
{
    struct sigaction by_default = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        (void)sigaction(s, &by_default, NULL); /* KILL and STOP refuse, which is fine */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only the named descriptors and 0 to 2 pass the exec. */
static bool
keep_descriptors(const av_spawn *self)
{
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return false;
    for (size_t i = 0; i < self->keep_count; i++)
        if (fcntl(self->keep[i], F_SETFD, 0) != 0)
            return false;
    return self->lock_fd < 0 || fcntl(self->lock_fd, F_SETFD, 0) == 0;
}

static _Noreturn void
run_child(const av_spawn *self, char **env, int null_fd, int error_fd)
{
    int failure;
    ssize_t ignored;

    (void)setsid();
    reset_signals();
    if (dup2(null_fd, STDIN_FILENO) < 0)
        goto out;
    if (self->log_fd >= 0 && (dup2(self->log_fd, STDOUT_FILENO) < 0 || dup2(self->log_fd, STDERR_FILENO) < 0))
        goto out;
    if (!keep_descriptors(self) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !av_limits_apply(&self->limits))
        goto out;
    if (self->lock_fd >= 0)
        write_pid(self->lock_fd);
    (void)execve(self->program, (char *const *)(uintptr_t)self->argv, env);
out:
    failure = errno;
    ignored = write(error_fd, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

/* AV_OK when the pipe ended without a word: exec closed it. */
static av_errc
read_failure(int fd, const char *program, av_error *err)
{
    int failure = 0;
    ssize_t n;

    do
        n = read(fd, &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return AV_OK;
    errno = n == (ssize_t)sizeof failure ? failure : EIO;
    if (errno == ENOENT)
        return av_error_set(err, AV_ERR_NOT_FOUND, "the program %s does not exist", program);
    return av_error_errno(err, "start %s", program);
}

av_errc
av_spawn_run(const av_spawn *self, pid_t *ret_pid, int *ret_pidfd, av_error *err)
{
    AV_CLEANUP(av_free) char **env = child_environment();
    AV_CLEANUP(av_fd_close) int null_fd = -1;
    AV_CLEANUP(av_fd_close) int error_read = -1;
    AV_CLEANUP(av_fd_close) int error_write = -1;
    int pidfd = -1;
    int pipe_fds[2];
    pid_t pid;
    av_errc rc = av_file_open("/dev/null", O_RDONLY, 0, &null_fd, err);

    if (rc != AV_OK)
        return rc;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return av_error_errno(err, "pipe");
    error_read = pipe_fds[0];
    error_write = pipe_fds[1];
    pid = fork();
    if (pid < 0)
        return av_error_errno(err, "fork");
    if (pid == 0)
        run_child(self, env, null_fd, error_write);
    av_fd_close(&error_write);
    rc = read_failure(error_read, self->program, err);
    if (rc == AV_OK) {
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0U);
        if (pidfd < 0)
            rc = av_error_errno(err, "pidfd_open");
    }
    if (rc != AV_OK) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return rc;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return AV_OK;
}

av_errc
av_spawn_pipe_with(av_span bytes, int *ret_fd, av_error *err)
{
    AV_CLEANUP(av_fd_close) int writing = -1;
    int fds[2];

    assert(bytes.n <= 4096); /* a pipe takes that much at once without a reader (pipe(7)) */
    if (pipe2(fds, O_CLOEXEC) != 0)
        return av_error_errno(err, "pipe");
    writing = fds[1];
    if (write(writing, bytes.p, bytes.n) != (ssize_t)bytes.n) {
        (void)av_error_errno(err, "fill a pipe");
        av_fd_close(&fds[0]);
        return err->code;
    }
    *ret_fd = fds[0];
    return AV_OK;
}
