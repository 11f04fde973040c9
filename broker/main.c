/*
 * main.c - archivolt-broker: arguments, settings, signals, and the turns of the router
 *
 * SIGTERM and SIGINT end it, SIGHUP reads the registry again. Exit status: 0 stopped in order, 2 usage, 78 bad settings
 * (EX_CONFIG), 1 else.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "actors/bus/node.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/secret.h"
#include "broker/router.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 78, START_AGAIN = -1 };

struct settings {
    uint64_t io_threads, max_files, lane_kb, peer_kb, total_kb, handshake_ms, status_interval_ms;
};

#define U64(key, fallback, min, max, help)                                                                             \
    {                                                                                                                  \
#key, AV_SETTING_U64, offsetof(struct settings, key), fallback, min, max, help                                 \
    }
static const av_setting settings_table[] = {
    U64(io_threads, "0", 0, 4, "threads that encrypt and decrypt; 0: one per two cores, at most 4"),
    U64(max_files, "65536", 64, 1048576, "open files, one a connection"),
    U64(lane_kb, "2048", 64, 1048576, "KB held of one sender for one receiver; more is answered busy"),
    U64(peer_kb, "16384", 64, 1048576, "KB held for one receiver"),
    U64(total_kb, "65536", 64, 16777216, "KB held in all"),
    U64(handshake_ms, "5000", 100, 60000, "time a connection has to prove its key"),
    U64(status_interval_ms, "5000", 100, 3600000, "how often the broker publishes its own status"),
    { 0 },
};
#undef U64

struct options {
    const char *data;
    const char *set[16];
    size_t set_count;
    int ready_fd;
};

static void
help(void)
{
    printf("archivolt-broker --data DIR [--set KEY=VALUE]...\n\n"
           "The broker of a node: carries messages between actors whose keys are in the registry, and publishes their\n"
           "status. Reads DIR/node.conf, DIR/archivolt-broker.conf and DIR/broker/registry.bin.\n\n"
           "  --data DIR       data folder of the node\n"
           "  --set KEY=VALUE  a setting, over the file's\n"
           "  --ready-fd N     write \"ready\" to this descriptor once all ports are bound\n"
           "  --help, --version\n\nSettings:\n");
    av_settings_help(settings_table, stdout);
}

/* -1: go on; else the exit status. */
static int
parse(int argc, char **argv, struct options *ret)
{
    static const struct option known[] = {
        { "data", required_argument, NULL, 'd' },
        { "set", required_argument, NULL, 's' },
        { "ready-fd", required_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { 0 },
    };
    uint64_t fd;
    int c;

    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (c == 'h') {
            help();
            return 0;
        }
        if (c == 'v') {
            printf("archivolt-broker %s\n", AV_VERSION);
            return 0;
        }
        if (c == 'd') {
            ret->data = optarg;
        } else if (c == 's' && ret->set_count < AV_COUNT(ret->set)) {
            ret->set[ret->set_count++] = optarg;
        } else if (c == 'r' && av_span_u64(av_span_str(optarg), INT32_MAX, &fd)) {
            ret->ready_fd = (int)fd;
        } else {
            fprintf(stderr, "archivolt-broker: see --help\n");
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "archivolt-broker: unexpected \"%s\"; see --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

static av_errc
load_settings(const av_node *node, const struct options *options, struct settings *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_node_path(node, "archivolt-broker.conf");
    av_errc rc;

    av_settings_defaults(settings_table, ret);
    rc = av_settings_load(settings_table, ret, path, err);
    for (size_t i = 0; (rc == AV_OK || rc == AV_ERR_NOT_FOUND) && i < options->set_count; i++) {
        av_span pair = av_span_str(options->set[i]);
        size_t eq = av_span_find(pair, '=');

        if (eq == pair.n)
            return av_error_set(err, AV_ERR_INVALID, "--set %s: KEY=VALUE is wanted", options->set[i]);
        rc = av_settings_set(settings_table, ret, av_span_trim(av_span_slice(pair, 0, eq)),
            av_span_trim(av_span_skip(pair, eq + 1)), "--set", err);
    }
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

/* One descriptor a connection: as many as the setting says, or as the system lets us. */
static void
raise_files(uint64_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_max < wanted)
        (void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ wanted, wanted }); /* root may */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = AV_MIN((rlim_t)wanted, limit.rlim_max);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (limit.rlim_cur < wanted)
            AV_LOG(AV_LOG_INFO, "broker.files", AV_U64("wanted", wanted), AV_U64("allowed", limit.rlim_cur));
    }
}

static int
open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* before libzmq's threads exist: they inherit it */
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
say_ready(struct options *options)
{
    av_notify("READY=1");
    if (options->ready_fd < 0)
        return;
    if (write(options->ready_fd, "ready\n", 6) != 6)
        AV_LOG(AV_LOG_WARN, "broker.ready", AV_STR("detail", "nobody reads --ready-fd"));
    (void)close(options->ready_fd);
    options->ready_fd = -1;
}

/* Turns until a signal says stop (0), or until a node that was never paired is (START_AGAIN: its keys must be read). */
static int
run(av_router *router, const av_node *node, int signals)
{
    AV_CLEANUP(av_free) char *public_key = av_node_path(node, "registry.pub");
    struct signalfd_siginfo info;
    av_error err;

    for (;;) {
        bool signalled = av_router_turn(router, signals, 1000);

        if (!node->paired && av_file_exists(public_key))
            return START_AGAIN;
        if (!signalled || read(signals, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo != SIGHUP)
            break;
        if (av_router_reload(router, &err) != AV_OK)
            AV_LOG(AV_LOG_ERROR, "broker.reload", AV_ERRF(&err));
    }
    av_notify("STOPPING=1");
    av_router_stopping(router);
    AV_LOG(AV_LOG_INFO, "broker.stopped");
    return 0;
}

static av_errc
open_router(const av_node *node, const struct settings *settings, av_router **ret, av_error *err)
{
    AV_CLEANUP(av_free) char *name = av_xasprintf("broker@%s", node->node);
    AV_CLEANUP(av_free) char *key_path = av_node_key_path(node, name);
    AV_CLEANUP(av_free) char *dir = av_node_path(node, "broker");
    AV_CLEANUP(av_free) char *registry = av_node_path(node, "broker/registry.bin");
    const bool roles[] = { node->role_management, node->role_host, node->role_access };
    const uint64_t ports[] = { node->port_management, node->port_host, node->port_access };
    char *endpoints[AV_ROUTER_ENDPOINTS + 1] = { NULL };
    av_router_config config = { .node = node->node, .registry_path = registry };
    av_keypair keys;
    av_errc rc = av_keypair_load(key_path, &keys, err);

    if (rc == AV_OK)
        rc = av_dir_make(dir, err);
    for (size_t i = 0; i < AV_ROUTER_ENDPOINTS; i++)
        if (roles[i])
            config.endpoints[i] = endpoints[i] =
                av_xasprintf("tcp://%s:%u", node->bus_listen, av_node_port(node, ports[i]));
    config.status_endpoint = endpoints[AV_ROUTER_ENDPOINTS] =
        av_xasprintf("tcp://%s:%u", node->bus_listen, av_node_port(node, node->port_status));
    config.keys = &keys;
    memcpy(config.registry_key, node->registry_key, AV_SIGN_PUBLIC);
    config.io_threads = (unsigned)settings->io_threads;
    config.lane_bytes = settings->lane_kb * 1024;
    config.peer_bytes = settings->peer_kb * 1024;
    config.total_bytes = settings->total_kb * 1024;
    config.handshake_ms = (uint32_t)settings->handshake_ms;
    config.status_interval_ms = (uint32_t)settings->status_interval_ms;
    if (rc == AV_OK)
        rc = av_router_open(&config, ret, err);
    for (size_t i = 0; i < AV_COUNT(endpoints); i++)
        free(endpoints[i]);
    av_keypair_wipe(&keys);
    return rc;
}

static int
serve(const av_node *node, struct options *options)
{
    struct settings settings = { 0 };
    av_router *router = NULL;
    av_error err;
    int signals, status;

    if (load_settings(node, options, &settings, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "broker.settings", AV_ERRF(&err));
        return EXIT_CONFIG;
    }
    raise_files(settings.max_files);
    signals = open_signals();
    if (open_router(node, &settings, &router, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "broker.start", AV_ERRF(&err));
        status = err.code == AV_ERR_INVALID || err.code == AV_ERR_NOT_FOUND ? EXIT_CONFIG : 1;
    } else {
        AV_LOG(AV_LOG_INFO, "broker.ready", AV_STR("status", av_router_status_endpoint(router)));
        say_ready(options);
        status = run(router, node, signals);
    }
    av_router_destroy(&router);
    (void)close(signals);
    av_settings_release(settings_table, &settings);
    return status;
}

/* One life with what the data folder says now. */
static int
load_and_serve(struct options *options)
{
    AV_CLEANUP(av_free) char *name = NULL;
    av_log_level level = AV_LOG_INFO;
    av_node node = { 0 };
    av_error err;
    int status;

    if (av_node_load(options->data, &node, &err) != AV_OK) {
        AV_LOG(AV_LOG_ERROR, "broker.node", AV_ERRF(&err));
        return EXIT_CONFIG;
    }
    (void)av_log_level_parse(node.log_level, &level);
    name = av_xasprintf("broker@%s", node.node);
    av_log_init(name, level, node.log_json);
    status = serve(&node, options);
    av_node_release(&node);
    return status;
}

int
main(int argc, char **argv)
{
    struct options options = { .ready_fd = -1 };
    int status = parse(argc, argv, &options);

    if (status >= 0)
        return status;
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }); /* what passes through, and its key, are for nobody else */
    (void)mallopt(M_ARENA_MAX, 2); /* the loop's and the I/O thread's: more only scatters free memory */
    av_secret_init();
    av_log_init("broker", AV_LOG_INFO, false);
    do
        status = load_and_serve(&options);
    while (status == START_AGAIN);
    return status;
}
