/*
 * test_supervisor.c - real child processes: ready, crash, hang, stop, sleep, taken over from a host that was killed
 *
 * The children are this program again: "--child KIND LOCK READY_FD".
 */
#include "actors/host/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/host/lock.h"
#include "actors/host/spawn.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "tests/check.h"

static char self_path[512];
static char dir[] = "/tmp/av-supervisor-XXXXXX";

/* ---- the child ---- */

static void
child_say_ready(int fd)
{
    if (write(fd, "ready", 5) != 5)
        _exit(9);
    (void)close(fd);
}

static void
child_take_lock(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        _exit(8);
}

static int
child_main(char **argv)
{
    const char *kind = argv[2];
    int ready = (int)strtol(argv[4], NULL, 10);

    if (strcmp(kind, "worker") != 0)
        child_take_lock(argv[3]);
    if (strcmp(kind, "crash") == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    }
    if (strcmp(kind, "silent") == 0)
        for (;;)
            (void)pause();
    child_say_ready(ready);
    if (strcmp(kind, "sleepy") == 0)
        return AV_EXIT_ASLEEP;
    if (strcmp(kind, "stubborn") == 0)
        (void)signal(SIGTERM, SIG_IGN);
    if (strcmp(kind, "orderly") == 0) {
        sigset_t set;
        int which;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)sigwait(&set, &which);
        return 0;
    }
    for (;;)
        (void)pause();
}

/* ---- the host's side ---- */

struct world {
    av_loop *loop;
    av_supervisor *supervisor;
    const char *kind;
    char lock[600];
    int last_exit;
    unsigned exits, changes;
};

static av_errc
on_launch(void *ctx, av_launched *ret, av_error *err)
{
    struct world *w = ctx;
    AV_CLEANUP(av_fd_close) int lock_fd = -1;
    char fd_text[16];
    const char *argv[] = { self_path, "--child", w->kind, w->lock, fd_text, NULL };
    av_spawn spawn = { .program = self_path, .argv = argv, .log_fd = -1, .lock_fd = -1, .limits = { .cgroup_fd = -1 } };
    int fds[2];
    av_errc rc;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return av_error_errno(err, "pipe");
    (void)snprintf(fd_text, sizeof fd_text, "%d", fds[1]);
    spawn.keep[spawn.keep_count++] = fds[1];
    if (strcmp(w->kind, "worker") == 0) {
        rc = av_lock_take(w->lock, &lock_fd, err);
        if (rc != AV_OK)
            return rc;
        spawn.lock_fd = lock_fd;
    }
    if (strcmp(w->kind, "missing") == 0)
        spawn.program = "/nonexistent/program";
    rc = av_spawn_run(&spawn, &ret->pid, &ret->pidfd, err);
    (void)close(fds[1]);
    if (rc != AV_OK)
        (void)close(fds[0]);
    else
        ret->ready_fd = fds[0];
    return rc;
}

static av_supervisor_verdict
on_exit_status(void *ctx, int status)
{
    struct world *w = ctx;

    w->last_exit = status;
    w->exits++;
    return status == AV_EXIT_ASLEEP ? AV_SUPERVISOR_STAY_DOWN : AV_SUPERVISOR_RESTART;
}

static void
on_change(void *ctx)
{
    ((struct world *)ctx)->changes++;
}

static void
world_open(struct world *w, const char *kind, uint32_t start_timeout_ms)
{
    static unsigned number;
    av_error err;
    av_supervisor_config config = { .name = "test",
        .lock_path = w->lock,
        .start_timeout_ms = start_timeout_ms,
        .backoff_min_ms = 20,
        .backoff_max_ms = 100,
        .backoff_reset_ms = 60000,
        .launch = on_launch,
        .on_exit = on_exit_status,
        .on_change = on_change,
        .ctx = w };

    memset(w, 0, sizeof *w);
    w->kind = kind;
    (void)snprintf(w->lock, sizeof w->lock, "%s/%u.lock", dir, number++);
    AV_CHECK_RC(av_loop_new(&w->loop, &err), AV_OK, &err);
    config.loop = w->loop;
    w->supervisor = av_supervisor_new(&config);
}

static void
world_close(struct world *w)
{
    av_supervisor_destroy(&w->supervisor);
    av_loop_destroy(&w->loop);
}

/* Turn the loop until the state is this one; false after 10 s. */
static bool
turn_until(struct world *w, av_supervisor_state state)
{
    int64_t end = av_clock_mono_ms() + 10000;

    while (av_supervisor_get_state(w->supervisor) != state) {
        if (av_clock_mono_ms() > end)
            return false;
        av_loop_turn(w->loop, 100);
    }
    return true;
}

static bool
process_lives(pid_t pid)
{
    return kill(pid, 0) == 0;
}

static void
test_ready_and_stop(void)
{
    struct world w;
    pid_t pid;

    world_open(&w, "orderly", 10000);
    av_supervisor_start(w.supervisor);
    AV_CHECK_INT(av_supervisor_get_state(w.supervisor), AV_SUPERVISOR_STARTING);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_UP));
    pid = av_supervisor_pid(w.supervisor);
    AV_CHECK(pid > 0 && process_lives(pid));
    AV_CHECK(av_supervisor_error(w.supervisor) == NULL);
    av_supervisor_stop(w.supervisor, 5000);
    AV_CHECK_INT(av_supervisor_get_state(w.supervisor), AV_SUPERVISOR_STOPPING);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_DOWN));
    AV_CHECK(!process_lives(pid)); /* reaped: no zombie answers */
    AV_CHECK_INT(w.exits, 0);      /* asked for: no verdict wanted */
    world_close(&w);
}

static void
test_restart_while_stopping(void)
{
    struct world w;
    pid_t first;

    world_open(&w, "orderly", 10000);
    av_supervisor_start(w.supervisor);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_UP));
    first = av_supervisor_pid(w.supervisor);
    av_supervisor_stop(w.supervisor, 5000);
    av_supervisor_start(w.supervisor);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_STARTING));
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_UP));
    AV_CHECK(av_supervisor_pid(w.supervisor) != first);
    av_supervisor_stop(w.supervisor, 5000);
    av_supervisor_start(w.supervisor);
    av_supervisor_stop(w.supervisor, 5000); /* takes the start back */
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_DOWN));
    world_close(&w);
}

static void
test_crash_backs_off(void)
{
    struct world w;
    int64_t begin = av_clock_mono_ms();

    world_open(&w, "crash", 10000);
    av_supervisor_start(w.supervisor);
    while (w.exits < 4 && av_clock_mono_ms() - begin < 10000)
        av_loop_turn(w.loop, 100);
    AV_CHECK_INT(w.exits, 4);
    AV_CHECK(av_clock_mono_ms() - begin >= 20 + 40 + 80);
    AV_CHECK_INT(w.last_exit, -1);
    AV_CHECK_INT(av_supervisor_restarts(w.supervisor), 3);
    AV_CHECK(
        av_supervisor_error(w.supervisor) != NULL && strstr(av_supervisor_error(w.supervisor), "signal 11") != NULL);
    AV_CHECK_INT(av_supervisor_get_state(w.supervisor), AV_SUPERVISOR_BACKOFF);
    av_supervisor_stop(w.supervisor, 1000);
    AV_CHECK_INT(av_supervisor_get_state(w.supervisor), AV_SUPERVISOR_DOWN);
    world_close(&w);
}

static void
test_hang_is_ended(void)
{
    struct world w;

    world_open(&w, "silent", 300);
    av_supervisor_start(w.supervisor);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_BACKOFF));
    AV_CHECK(strstr(av_supervisor_error(w.supervisor), "not ready") != NULL);
    av_supervisor_stop(w.supervisor, 1000);
    world_close(&w);

    world_open(&w, "stubborn", 10000);
    av_supervisor_start(w.supervisor);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_UP));
    av_supervisor_stop(w.supervisor, 200); /* TERM is ignored, KILL is not */
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_DOWN));
    world_close(&w);
}

static void
test_verdict_and_missing(void)
{
    struct world w;

    world_open(&w, "sleepy", 10000);
    av_supervisor_start(w.supervisor);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_DOWN));
    AV_CHECK_INT(w.last_exit, AV_EXIT_ASLEEP);
    world_close(&w);

    world_open(&w, "missing", 10000);
    av_supervisor_start(w.supervisor);
    AV_CHECK_INT(av_supervisor_get_state(w.supervisor), AV_SUPERVISOR_BACKOFF);
    AV_CHECK(strstr(av_supervisor_error(w.supervisor), "/nonexistent/program") != NULL);
    world_close(&w);
}

/* A host that starts a child and is killed: in a process of its own, as it would be. */
static void
host_that_dies(const char *kind, char lock[600])
{
    struct world w;
    int up[2];
    pid_t host;
    char byte;

    AV_CHECK(pipe(up) == 0);
    world_open(&w, kind, 10000);
    host = fork();
    if (host == 0) {
        av_supervisor_start(w.supervisor);
        if (turn_until(&w, AV_SUPERVISOR_UP) && write(up[1], "u", 1) == 1)
            for (;;)
                (void)pause();
        _exit(1);
    }
    (void)close(up[1]);
    AV_CHECK_INT(read(up[0], &byte, 1), 1);
    (void)close(up[0]);
    (void)kill(host, SIGKILL);
    (void)waitpid(host, NULL, 0);
    memcpy(lock, w.lock, 600);
    world_close(&w);
}

static void
check_adoption(const char *kind)
{
    struct world w;
    char lock[600];
    pid_t pid;
    av_lock_state state = AV_LOCK_FREE;
    av_error err;

    host_that_dies(kind, lock);
    AV_CHECK_RC(av_lock_probe(lock, &state, &pid, &err), AV_OK, &err);
    AV_CHECK_INT(state, AV_LOCK_HELD);
    world_open(&w, kind, 10000);
    av_supervisor_destroy(&w.supervisor);
    {
        av_supervisor_config config = { .loop = w.loop,
            .name = "heir",
            .lock_path = lock,
            .start_timeout_ms = 10000,
            .backoff_min_ms = 20,
            .backoff_max_ms = 100,
            .backoff_reset_ms = 60000,
            .launch = on_launch,
            .on_exit = on_exit_status,
            .on_change = on_change,
            .ctx = &w };

        memcpy(w.lock, lock, sizeof w.lock);
        w.supervisor = av_supervisor_new(&config);
    }
    AV_CHECK(av_supervisor_adopt(w.supervisor));
    AV_CHECK_INT(av_supervisor_get_state(w.supervisor), AV_SUPERVISOR_UP);
    AV_CHECK_INT(av_supervisor_pid(w.supervisor), pid);
    av_supervisor_start(w.supervisor); /* nothing: it runs */
    AV_CHECK_INT(av_supervisor_pid(w.supervisor), pid);

    /* It dies: a new one is started, now as a child. */
    (void)kill(pid, SIGKILL);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_BACKOFF));
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_UP));
    AV_CHECK(av_supervisor_pid(w.supervisor) != pid);
    av_supervisor_stop(w.supervisor, 5000);
    AV_CHECK(turn_until(&w, AV_SUPERVISOR_DOWN));
    AV_CHECK_RC(av_lock_probe(lock, &state, &pid, &err), AV_OK, &err);
    AV_CHECK_INT(state, AV_LOCK_FREE);
    world_close(&w);
}

static void
test_adoption(void)
{
    check_adoption("orderly"); /* takes its lock by itself, as an instance does */
    check_adoption("worker");  /* holds an inherited one */
}

/* A start finds the process of an earlier host without being told to adopt. */
static void
test_start_adopts(void)
{
    struct world first, second;

    world_open(&first, "orderly", 10000);
    av_supervisor_start(first.supervisor);
    AV_CHECK(turn_until(&first, AV_SUPERVISOR_UP));
    world_open(&second, "orderly", 10000);
    av_supervisor_destroy(&second.supervisor);
    second = (struct world){ .loop = second.loop, .kind = "orderly" };
    memcpy(second.lock, first.lock, sizeof second.lock);
    second.supervisor = av_supervisor_new(&(av_supervisor_config){ .loop = second.loop,
        .name = "second",
        .lock_path = second.lock,
        .start_timeout_ms = 1000,
        .backoff_min_ms = 20,
        .backoff_max_ms = 100,
        .backoff_reset_ms = 60000,
        .launch = on_launch,
        .on_exit = on_exit_status,
        .on_change = on_change,
        .ctx = &second });
    av_supervisor_start(second.supervisor);
    AV_CHECK_INT(av_supervisor_pid(second.supervisor), av_supervisor_pid(first.supervisor));
    world_close(&second); /* leaves the process alone */
    AV_CHECK(process_lives(av_supervisor_pid(first.supervisor)));
    av_supervisor_stop(first.supervisor, 5000);
    AV_CHECK(turn_until(&first, AV_SUPERVISOR_DOWN));
    world_close(&first);
}

int
main(int argc, char **argv)
{
    av_error err;
    ssize_t n;

    if (argc == 5 && strcmp(argv[1], "--child") == 0)
        return child_main(argv);
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    n = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
    AV_CHECK(n > 0 && mkdtemp(dir) != NULL);
    AV_RUN(test_ready_and_stop);
    AV_RUN(test_restart_while_stopping);
    AV_RUN(test_crash_backs_off);
    AV_RUN(test_hang_is_ended);
    AV_RUN(test_verdict_and_missing);
    AV_RUN(test_adoption);
    AV_RUN(test_start_adopts);
    (void)av_dir_remove(dir, "/tmp", &err);
    return av_check_done();
}
