/*
 * helper.c - see helper.h
 */
#include "storage/extract/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define GRACE_MS 5000 /* beyond the helper's own deadline */

/* The program beside this one; owned by the caller (free). NULL: cannot be told. */
static char *
beside_self(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash;

    if (n <= 0)
        return NULL;
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    return av_xasprintf("%s/%s", path, AV_EXTRACT_PROGRAM);
}

/* Its own session, an empty environment, the socket as descriptor 0, nothing else but where this process writes
 * its log. */
static int
spawn(const char *program, int socket_fd, pid_t *ret)
{
    char *const argv[] = { (char *)AV_EXTRACT_PROGRAM, NULL };
    char *const environment[] = { NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int rc;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawn_file_actions_adddup2(&actions, socket_fd, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, 2, 1);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    rc = posix_spawn(ret, program, &actions, &attributes, argv, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

av_errc
av_helper_start(av_helper *self, const char *program, av_error *err)
{
    AV_CLEANUP(av_free) char *path = program != NULL ? av_xstrdup(program) : beside_self();
    int fds[2], rc;

    assert(self->pid == 0);
    if (path == NULL)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "where %s lies cannot be told", AV_EXTRACT_PROGRAM);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return av_error_errno(err, "a socket for %s", AV_EXTRACT_PROGRAM);
    rc = spawn(path, fds[1], &self->pid);
    (void)close(fds[1]);
    if (rc != 0) {
        (void)close(fds[0]);
        self->pid = 0;
        return av_error_set(
            err, AV_ERR_UNAVAILABLE, "%s cannot be started, attachments are not read: %s", path, strerror(rc));
    }
    self->fd = fds[0];
    return AV_OK;
}

void
av_helper_stop(av_helper *self)
{
    av_fd_close(&self->fd);
    if (self->pid > 0) {
        (void)kill(self->pid, SIGKILL); /* its helper processes end with it (PR_SET_PDEATHSIG) */
        while (waitpid(self->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    *self = AV_HELPER_NONE;
}

static av_errc
fill(int fd, av_span bytes, av_error *err)
{
    size_t at = 0;

    while (at < bytes.n) {
        ssize_t n = write(fd, bytes.p + at, bytes.n - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return av_error_errno(err, "a memory file for the attachment");
        at += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return av_error_errno(err, "sealing the attachment");
    return AV_OK;
}

av_errc
av_helper_input(av_span bytes, int *ret, av_error *err)
{
    int fd = memfd_create("attachment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    av_errc rc;

    if (fd < 0)
        return av_error_errno(err, "a memory file for the attachment");
    rc = fill(fd, bytes, err);
    if (rc == AV_OK)
        *ret = fd;
    else
        av_fd_close(&fd);
    return rc;
}

static bool
send_request(int fd, const av_extract_request *request, int in_fd, int out_fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
    struct iovec io = { (void *)(uintptr_t)request, sizeof *request };
    struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    int fds[2] = { in_fd, out_fd };
    ssize_t n;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *request;
}

av_errc
av_helper_ask(
    av_helper *self, const av_extract_request *request, int in_fd, int out_fd, av_extract_answer *ret, av_error *err)
{
    struct pollfd wait = { self->fd, POLLIN, 0 };
    int64_t until = av_clock_mono_ms() + (int64_t)request->wall_s * 1000 + GRACE_MS;
    av_extract_answer answer;
    ssize_t n;

    if (!send_request(self->fd, request, in_fd, out_fd))
        return av_error_set(err, AV_ERR_UNAVAILABLE, "%s is gone", AV_EXTRACT_PROGRAM);
    while (wait.revents == 0) {
        int64_t left = until - av_clock_mono_ms();

        if (left <= 0)
            return av_error_set(err, AV_ERR_TIMEOUT, "%s does not answer", AV_EXTRACT_PROGRAM);
        (void)poll(&wait, 1, (int)AV_MIN(left, (int64_t)60000));
    }
    do
        n = recv(self->fd, &answer, sizeof answer, 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof answer || answer.magic != AV_EXTRACT_MAGIC)
        return av_error_set(err, AV_ERR_UNAVAILABLE, "%s is gone, or of another version", AV_EXTRACT_PROGRAM);
    answer.message[sizeof answer.message - 1] = '\0';
    *ret = answer;
    return AV_OK;
}
