/*
 * test_slow.c - a receiver that is frozen (SIGSTOP): its senders get busy, everybody else goes on, memory stays bounded
 */
#include "tests/broker/rig.h"

#define CHUNK 65536

static rig r;
static av_keypair management, gateway, sender, bystander;
static client c_management, c_sender, c_bystander;
static message got;

/*
 * A process that joins as the gateway, tells its connection through fd and then counts what it receives until it
 * is killed.
 */
static pid_t
start_receiver(int *ret_fd)
{
    int fds[2];
    pid_t pid;

    AV_CHECK(pipe(fds) == 0);
    pid = fork();
    if (pid == 0) {
        client c;

        r.context = zmq_ctx_new(); /* the parent's is not ours to touch */
        client_join(&r, &gateway, &c);
        if (write(fds[1], c.you, sizeof c.you) != (ssize_t)sizeof c.you)
            _exit(1);
        for (;;) {
            if (client_receive(&c, 60000, &got) && write(fds[1], "x", 1) != 1)
                _exit(1);
            message_release(&got);
        }
    }
    (void)close(fds[1]);
    *ret_fd = fds[0];
    return pid;
}

static void
send_chunk(const char *to, uint64_t correlation)
{
    static uint8_t bytes[CHUNK];

    client_say(&c_sender, to, ARCHIVOLT__KIND__KIND_CHUNK, correlation, true, av_span_of(bytes, CHUNK));
}

/* Round trip of the bystander to the broker, in ms. */
static int64_t
ping_ms(void)
{
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    int64_t from = av_clock_mono_ms();
    av_error err;

    AV_CHECK_INT(client_call(&c_bystander, "archivolt.Actor.Ping", &empty.base, &got, &err), AV_OK);
    return av_clock_mono_ms() - from;
}

static void
test_frozen(void)
{
    char you[sizeof c_sender.you];
    size_t before, most = 0;
    int64_t worst = 0;
    unsigned busy = 0, sent = 0, taken = 0;
    int fd;
    pid_t pid = start_receiver(&fd);

    AV_CHECK(read(fd, you, sizeof you) == (ssize_t)sizeof you);
    send_chunk(you, 1);
    AV_CHECK(read(fd, you + sizeof you - 1, 1) == 1);
    before = rig_status_kb(&r, "VmRSS");
    AV_CHECK(kill(pid, SIGSTOP) == 0);
    /* No credit is asked: what a broken sender does. It stops at the first busy. */
    while (busy == 0 && sent < 600) {
        for (unsigned i = 0; i < 8; i++, sent++)
            send_chunk(you, 2);
        worst = AV_MAX(worst, ping_ms());
        most = AV_MAX(most, rig_status_kb(&r, "VmRSS"));
        while (client_receive(&c_sender, 5, &got)) {
            AV_CHECK_INT(got.envelope->kind, ARCHIVOLT__KIND__KIND_ERROR);
            AV_CHECK_INT(got.envelope->error->code, AV_ERR_BUSY);
            AV_CHECK(!got.envelope->from_caller);
            busy++;
            message_release(&got);
        }
    }
    AV_CHECK(busy > 0);
    printf("  busy after %u chunks (%u MB, most of it in kernel buffers), broker %zu -> %zu KB, worst ping %lld ms\n",
        sent, sent * CHUNK / 1048576, before, most, (long long)worst);
    AV_CHECK(worst < 1000);
    AV_CHECK(most < before + 16 * 1024);
    /* Thawed: what was taken arrives, and there is room again. */
    AV_CHECK(kill(pid, SIGCONT) == 0);
    for (unsigned i = 0; i < sent - busy; i++)
        if (read(fd, you + sizeof you - 1, 1) == 1)
            taken++;
    AV_CHECK_INT(taken, sent - busy);
    send_chunk(you, 3);
    AV_CHECK(read(fd, you + sizeof you - 1, 1) == 1);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)close(fd);
}

/* A sender that goes on into busy is cut; it may come back and is heard again. */
static void
test_into_busy(void)
{
    char you[sizeof c_sender.you], before[sizeof c_sender.you];
    int fd;
    pid_t pid = start_receiver(&fd);
    bool back = false;

    AV_CHECK(read(fd, you, sizeof you) == (ssize_t)sizeof you);
    (void)snprintf(before, sizeof before, "%s", c_sender.you);
    AV_CHECK(kill(pid, SIGSTOP) == 0);
    for (unsigned i = 0; i < 900; i++) {
        send_chunk(you, 2);
        if (i % 16 == 0)
            while (client_receive(&c_sender, 1, &got))
                message_release(&got);
    }
    AV_CHECK(ping_ms() < 1000);
    while (client_receive(&c_sender, 300, &got))
        message_release(&got);
    for (unsigned i = 0; i < 20 && !back; i++)
        back = client_hello(&c_sender, 500);
    AV_CHECK(back);
    AV_CHECK(strcmp(before, c_sender.you) != 0);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)close(fd);
    sleep_ms(300);
    /* The dead receiver is known to be dead. */
    while (client_receive(&c_sender, 100, &got))
        message_release(&got);
    client_say(&c_sender, you, ARCHIVOLT__KIND__KIND_REQUEST, 4, false, av_span_str(""));
    if (AV_CHECK(client_receive(&c_sender, 3000, &got)))
        AV_CHECK_INT(got.envelope->error->code, AV_ERR_UNAVAILABLE);
    message_release(&got);
}

int
main(void)
{
    rig_init(&r);
    (void)setenv("ASAN_OPTIONS", "quarantine_size_mb=1", 1); /* or freed memory counts as held */
    management = rig_actor(&r, "management");
    gateway = rig_actor(&r, "gateway@n1");
    sender = rig_actor(&r, "instance/sender");
    bystander = rig_actor(&r, "instance/bystander");
    rig_start(&r, true);
    client_join(&r, &management, &c_management);
    client_join(&r, &sender, &c_sender);
    client_join(&r, &bystander, &c_bystander);
    AV_RUN(test_frozen);
    AV_RUN(test_into_busy);
    client_close(&c_management);
    client_close(&c_sender);
    client_close(&c_bystander);
    rig_release(&r);
    return av_check_done();
}
