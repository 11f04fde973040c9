/*
 * verb_up.c - archivolt up and down: run all actors of this node and keep them running
 *
 * A small supervisor for single servers, tests and laptops; under systemd each actor is a unit of its own. A program that ends
 * is started again with a growing pause. SIGTERM or SIGINT stops them in the order gateway, host, management, broker.
 */
#include "tools/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 15000
#define STOP_MS        25000 /* then SIGKILL */
#define STEADY_MS      30000 /* a run this long makes the next pause short again */

typedef struct child {
    const char *program;
    bool wanted;
    pid_t pid; /* 0: not running */
    int64_t started_ms, start_at_ms;
    int64_t backoff_ms;
} child;

/* In the order of starting; stopped the other way round. */
typedef struct supervisor {
    cli *cli;
    child children[4];
    bool stopping;
} supervisor;

static void
start_child(supervisor *self, child *c)
{
    AV_CLEANUP(av_free) char *path = cli_program(c->program);
    pid_t pid;

    if (path == NULL) {
        AV_LOG(AV_LOG_ERROR, "node.program_missing", AV_STR("program", c->program));
        c->start_at_ms = av_clock_mono_ms() + BACKOFF_MAX_MS;
        return;
    }
    pid = fork();
    if (pid == 0) {
        sigset_t none;
        const char *argv[] = { c->program, "--data", self->cli->node.data_dir, NULL };

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)prctl(
            PR_SET_PDEATHSIG, SIGTERM); /* no actor without a supervisor: a new `up` would find its ports taken */
        (void)setpgid(0, 0);            /* Ctrl-C reaches the supervisor alone, which stops them in order */
        (void)execv(path, (char *const *)argv);
        _exit(127);
    }
    if (pid < 0) {
        AV_LOG(AV_LOG_ERROR, "node.fork_failed", AV_STR("program", c->program), AV_STR("detail", strerror(errno)));
        c->start_at_ms = av_clock_mono_ms() + BACKOFF_MAX_MS;
        return;
    }
    c->pid = pid;
    c->started_ms = av_clock_mono_ms();
    AV_LOG(AV_LOG_INFO, "node.actor_started", AV_STR("program", c->program), AV_I64("pid", pid));
}

static void
child_ended(supervisor *self, child *c, int status)
{
    int64_t now = av_clock_mono_ms();

    AV_LOG(self->stopping ? AV_LOG_INFO : AV_LOG_WARN, "node.actor_ended", AV_STR("program", c->program),
        AV_I64("pid", c->pid), AV_I64("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
        AV_I64("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    if (now - c->started_ms > STEADY_MS)
        c->backoff_ms = BACKOFF_MIN_MS;
    c->start_at_ms = now + c->backoff_ms;
    c->backoff_ms = AV_MIN(c->backoff_ms * 2, BACKOFF_MAX_MS);
    c->pid = 0;
}

static void
reap(supervisor *self)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < AV_COUNT(self->children); i++)
            if (self->children[i].pid == pid)
                child_ended(self, &self->children[i], status);
}

static void
stop_child(supervisor *self, child *c)
{
    int64_t until = av_clock_mono_ms() + STOP_MS;

    if (c->pid == 0)
        return;
    (void)kill(c->pid, SIGTERM);
    while (c->pid != 0) {
        if (av_clock_mono_ms() > until) {
            AV_LOG(AV_LOG_WARN, "node.actor_killed", AV_STR("program", c->program), AV_I64("pid", c->pid));
            (void)kill(c->pid, SIGKILL);
            until += STOP_MS;
        }
        reap(self);
        if (c->pid != 0)
            (void)usleep(20000);
    }
}

static void
supervise(supervisor *self)
{
    sigset_t wanted;

    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &wanted, NULL);
    for (;;) {
        struct timespec pause = { .tv_nsec = 200000000 };
        int64_t now = av_clock_mono_ms();
        int got;

        for (size_t i = 0; i < AV_COUNT(self->children); i++) {
            child *c = &self->children[i];

            if (c->wanted && c->pid == 0 && now >= c->start_at_ms)
                start_child(self, c);
        }
        got = sigtimedwait(&wanted, NULL, &pause);
        if (got == SIGTERM || got == SIGINT)
            break;
        reap(self);
    }
    self->stopping = true;
    for (size_t i = AV_COUNT(self->children); i > 0; i--)
        stop_child(self, &self->children[i - 1]);
}

/* Hold D/run/node.lock, empty until write_pid: two supervisors of one node must not be. */
static av_errc
take_lock(const av_node *node, int *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *dir = av_node_path(node, "run");
    AV_CLEANUP(av_free) char *path = av_node_path(node, "run/node.lock");
    av_errc rc = av_dir_make(dir, err);

    if (rc == AV_OK)
        rc = av_file_open(path, O_RDWR | O_CREAT, 0600, ret, err);
    if (rc != AV_OK)
        return rc;
    if (flock(*ret, LOCK_EX | LOCK_NB) != 0)
        return av_error_set(err, AV_ERR_EXISTS, "this node runs already (archivolt down stops it)");
    return av_file_truncate(*ret, 0, err);
}

/* Who holds the lock, for `down`. */
static av_errc
write_pid(int lock, pid_t pid, av_error *err)
{
    char line[32];

    (void)snprintf(line, sizeof line, "%ld\n", (long)pid);
    return av_file_write_at(lock, line, strlen(line), 0, err);
}

/*
 * Go on in a child with the log in D/logs/node.log; the parent names it in the lock, which both share, and leaves at once.
 * 0 in the child.
 */
static int
detach(cli *self, int lock)
{
    AV_CLEANUP(av_free) char *dir = av_node_path(&self->node, "logs");
    AV_CLEANUP(av_free) char *path = av_node_path(&self->node, "logs/node.log");
    av_error err;
    int fd, null;
    pid_t pid;

    if (av_dir_make(dir, &err) != AV_OK)
        return cli_fail(self, &err);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || null < 0)
        return cli_failf(self, AV_ERR_IO, "open %s: %s", path, strerror(errno));
    pid = fork();
    if (pid < 0)
        return cli_failf(self, AV_ERR_IO, "fork: %s", strerror(errno));
    if (pid > 0) {
        if (write_pid(lock, pid, &err) == AV_OK)
            _exit(CLI_OK);
        (void)kill(pid, SIGKILL);
        return cli_fail(self, &err);
    }
    (void)setsid();
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(fd, STDOUT_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
    (void)close(null);
    return 0;
}

int
verb_up(cli *self, int argc, char **argv)
{
    bool in_background = false;
    const cli_option options[] = { { "--detach", NULL, NULL, &in_background, NULL,
                                       "run in the background, log to DIR/logs/node.log" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    supervisor s = { .cli = self };
    int status, lock = -1;
    av_error err;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (av_node_load(self->data_dir, &self->node, &err) != AV_OK)
        return cli_fail(self, &err);
    status = CLI_OK;
    if (take_lock(&self->node, &lock, &err) != AV_OK || (!in_background && write_pid(lock, getpid(), &err) != AV_OK))
        status = cli_fail(self, &err);
    else if (in_background)
        status = detach(self, lock);
    if (status != CLI_OK) {
        av_file_close(&lock);
        return status;
    }
    av_log_init("node", AV_LOG_INFO, self->node.log_json);
    s.children[0] = (child){ .program = "archivolt-broker", .wanted = true, .backoff_ms = BACKOFF_MIN_MS };
    s.children[1] = (child){
        .program = "archivolt-management", .wanted = self->node.role_management, .backoff_ms = BACKOFF_MIN_MS
    };
    s.children[2] =
        (child){ .program = "archivolt-host", .wanted = self->node.role_host, .backoff_ms = BACKOFF_MIN_MS };
    s.children[3] = (child){ .program = "archivolt-gateway",
        .wanted = self->node.role_access || self->node.role_management,
        .backoff_ms = BACKOFF_MIN_MS };
    supervise(&s);
    av_file_close(&lock);
    return CLI_OK;
}

int
verb_down(cli *self, int argc, char **argv)
{
    AV_CLEANUP(av_free) char *path = NULL;
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    uint64_t pid = 0;
    int status, fd = -1;
    av_error err;

    av_buf_init(&text, 64);
    if (cli_options(self, NULL, &argc, argv, &status) != 0)
        return status;
    if (av_node_load(self->data_dir, &self->node, &err) != AV_OK)
        return cli_fail(self, &err);
    path = av_node_path(&self->node, "run/node.lock");
    if (av_file_open(path, O_RDWR, 0, &fd, &err) != AV_OK || av_file_read_all(path, &text, &err) != AV_OK) {
        av_file_close(&fd);
        return cli_failf(self, AV_ERR_NOT_FOUND, "this node does not run");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || !av_span_u64(av_span_trim(av_buf_span(&text)), INT32_MAX, &pid) ||
        pid < 2) {
        av_file_close(&fd);
        return cli_failf(self, AV_ERR_NOT_FOUND, "this node does not run");
    }
    (void)kill((pid_t)pid, SIGTERM);
    for (int i = 0; i < 1200; i++) { /* at most 2 minutes: four actors, each with its time to stop */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            av_file_close(&fd);
            return CLI_OK;
        }
        (void)usleep(100000);
    }
    av_file_close(&fd);
    return cli_failf(
        self, AV_ERR_TIMEOUT, "the node (pid %llu) has not stopped within 2 minutes", (unsigned long long)pid);
}
