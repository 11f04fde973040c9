/*
 * serve.c - see serve.h
 */
#include "actors/extract/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/extract/job.h"
#include "actors/extract/sandbox.h"
#include "base/clock.h"
#include "base/file.h"
#include "storage/extract/wire.h"

#define GRACE_BYTES (64 * 1024) /* the text file may be this much larger than its text: a line end, no more */

/* What a helper process says at its end, in memory it shares with the server. Its words are taken for nothing
 * more. */
typedef struct report {
    uint32_t code;
    char message[AV_EXTRACT_MESSAGE];
} report;

typedef struct server {
    int socket_fd;
    av_sandbox *sandbox;
    report *shared;
} server;

/* 1: a request and its descriptors; 0: the other end is gone; -1: not what was agreed, nothing is open. */
static int
receive(int socket_fd, av_extract_request *ret, int fds[2])
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec io = { ret, sizeof *ret };
    struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    ssize_t n;

    do
        n = recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return 0;
    c = CMSG_FIRSTHDR(&msg);
    if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return -1;
    memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    if (n == (ssize_t)sizeof *ret && ret->magic == AV_EXTRACT_MAGIC && ret->kind < AV_KIND_COUNT)
        return 1;
    (void)close(fds[0]);
    (void)close(fds[1]);
    return -1;
}

/* The document as read-only memory. Its file is sealed, so it cannot shrink below the reader. */
static av_errc
map_input(int fd, const av_extract_request *request, av_span *ret, av_error *err)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != request->input_bytes)
        return av_error_set(err, AV_ERR_INTERNAL, "the document is not of the size that was told");
    if (request->input_bytes == 0)
        return AV_OK;
    p = mmap(NULL, request->input_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return av_error_errno(err, "mapping the document");
    *ret = av_span_of(p, request->input_bytes);
    return AV_OK;
}

/* Only the text's descriptor stays, as number 1: a library that complains on number 2 complains to nobody. */
static void
close_others(int out_fd)
{
    (void)dup2(out_fd, 1);
    (void)syscall(SYS_close_range, 2, ~0U, 0);
    (void)close(0);
}

static av_errc
work(const server *self, const av_extract_request *request, const int fds[2], av_error *err)
{
    av_sandbox_limits limits = {
        .memory_bytes = request->memory_bytes, .file_bytes = request->text_bytes + GRACE_BYTES, .cpu_s = request->cpu_s
    };
    av_span bytes = { 0 };
    av_job job;
    av_errc rc = map_input(fds[0], request, &bytes, err);

    if (rc != AV_OK)
        return rc;
    close_others(fds[1]);
    rc = av_sandbox_enter(self->sandbox, &limits, err);
    if (rc != AV_OK)
        return rc;
    av_job_init(&job, request->text_bytes, request->unpacked_bytes, request->depth, 1);
    job.skip_pdf_files = request->skip_pdf_files != 0;
    rc = av_job_read(&job, (av_kind)request->kind, bytes, err);
    av_job_flush(&job);
    if (rc == AV_OK && job.inner.code != AV_OK) {
        *err = job.inner;
        rc = err->code;
    }
    return rc;
}

__attribute__((noreturn)) static void
helper(const server *self, const av_extract_request *request, const int fds[2])
{
    av_error err = { .code = AV_OK };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)setsid();
    self->shared->code = (uint32_t)work(self, request, fds, &err);
    (void)snprintf(self->shared->message, sizeof self->shared->message, "%.*s", AV_EXTRACT_MESSAGE - 1,
        err.code == AV_OK ? "" : err.msg);
    _exit(0);
}

/* Waits for the helper, kills it at its deadline or when nobody waits for the answer any more. false: killed for
 * time. */
static bool
wait_for(int socket_fd, pid_t pid, uint32_t wall_s, int *ret_status, struct rusage *ret_usage)
{
    AV_CLEANUP(av_fd_close) int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd fds[2] = { { pid_fd, POLLIN, 0 }, { socket_fd, 0, 0 } };
    int64_t until = av_clock_mono_ms() + (int64_t)wall_s * 1000;
    bool in_time = true;

    while (fds[0].revents == 0 && fds[1].revents == 0) {
        int64_t left = until - av_clock_mono_ms();

        if (pid_fd < 0 || left <= 0)
            break;
        (void)poll(fds, 2, (int)AV_MIN(left, (int64_t)60000));
    }
    if (fds[0].revents == 0) {
        in_time = false;
        (void)kill(pid, SIGKILL);
    }
    while (wait4(pid, ret_status, 0, ret_usage) < 0 && errno == EINTR)
        continue;
    return in_time;
}

/* Why it ended, for a person. */
static void
explain(const av_extract_request *request, bool in_time, int status, const report *said, av_extract_answer *ret)
{
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    av_error err = { .code = AV_OK };

    if (!in_time)
        (void)av_error_set(&err, AV_ERR_TIMEOUT, "was not read within %u s (attachment_wall_s)", request->wall_s);
    else if (signal == SIGXCPU || signal == SIGKILL)
        (void)av_error_set(
            &err, AV_ERR_LIMIT, "took more than %u s of processor time (attachment_cpu_s)", request->cpu_s);
    else if (signal == SIGSYS)
        (void)av_error_set(&err, AV_ERR_CORRUPT, "made its reader do what the sandbox forbids: it may be an attack");
    else if (signal == SIGXFSZ)
        (void)av_error_set(&err, AV_ERR_LIMIT, "has more text than the limit (attachment_text_mb)");
    else if (signal != 0)
        (void)av_error_set(&err, AV_ERR_CORRUPT, "made its reader crash (signal %d)", signal);
    else if (WEXITSTATUS(status) != 0)
        (void)av_error_set(&err, AV_ERR_LIMIT, "needed more memory than %llu MB (attachment_memory_mb)",
            (unsigned long long)(request->memory_bytes >> 20));
    else if (said->code != AV_OK)
        (void)av_error_set(&err, said->code < AV_ERRC_COUNT ? (av_errc)said->code : AV_ERR_CORRUPT, "%.*s",
            AV_EXTRACT_MESSAGE - 1, said->message);
    ret->code = (uint32_t)err.code;
    ret->died = !in_time || signal != 0 || WEXITSTATUS(status) != 0;
    (void)snprintf(ret->message, sizeof ret->message, "%.*s", AV_EXTRACT_MESSAGE - 1, err.code == AV_OK ? "" : err.msg);
}

static void
read_one(const server *self, const av_extract_request *request, const int fds[2], av_extract_answer *ret)
{
    struct rusage usage = { 0 };
    int status = 0;
    bool in_time;
    pid_t pid;

    memset(self->shared, 0, sizeof *self->shared);
    pid = fork();
    if (pid == 0)
        helper(self, request, fds);
    if (pid < 0) {
        ret->code = AV_ERR_BUSY;
        (void)snprintf(ret->message, sizeof ret->message, "no process to read it: %s", strerror(errno));
        return;
    }
    in_time = wait_for(self->socket_fd, pid, request->wall_s, &status, &usage);
    explain(request, in_time, status, self->shared, ret);
    ret->cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    ret->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

int
av_extract_serve(int socket_fd)
{
    AV_CLEANUP(av_sandbox_destroy) av_sandbox *sandbox = NULL;
    server self = { .socket_fd = socket_fd };
    av_extract_request request;
    av_error err;
    int fds[2], got;

    if (av_sandbox_new(&sandbox, &err) != AV_OK) {
        fprintf(stderr, "%s: %s\n", AV_EXTRACT_PROGRAM, err.msg);
        return 1;
    }
    self.sandbox = sandbox;
    self.shared = mmap(NULL, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (self.shared == MAP_FAILED)
        return 1;
    while ((got = receive(socket_fd, &request, fds)) != 0) {
        av_extract_answer answer = { .magic = AV_EXTRACT_MAGIC };

        if (got < 0)
            return 1; /* another build at the other end: it starts the right one */
        read_one(&self, &request, fds, &answer);
        (void)close(fds[0]);
        (void)close(fds[1]);
        if (send(socket_fd, &answer, sizeof answer, MSG_NOSIGNAL) != (ssize_t)sizeof answer)
            break;
    }
    return 0;
}
