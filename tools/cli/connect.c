/*
 * connect.c - the CLI's connection to the bus: calls, logins, waiting for long operations
 */
#include "tools/cli/cli.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "actors/bus/login.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/unicode.h"
#include "proto/management.pb-c.h"

#define OPERATOR    "cli/operator"
#define RIDE_OUT_MS 180000 /* how long an operation's actor may be away before we give up */
#define WAIT_MS     1000
#define LOGOUT_MS   1000

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void
cli_catch_interrupt(void)
{
    struct sigaction action = { .sa_handler = on_interrupt };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool
cli_interrupted(void)
{
    return interrupted != 0;
}

av_errc
cli_try_connect(cli *self, av_error *err)
{
    AV_CLEANUP(av_free) char *key_path = NULL;
    AV_CLEANUP(av_free) char *endpoint = NULL;
    av_bus_config config = { .keys = &self->keys };
    av_errc rc = av_node_load(self->data_dir, &self->node, err);

    if (rc != AV_OK)
        return rc;
    key_path = av_node_key_path(&self->node, OPERATOR);
    rc = av_keypair_load(key_path, &self->keys, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "operator's key");
    rc = av_loop_new(&self->loop, err);
    if (rc != AV_OK)
        return rc;
    endpoint = av_node_bus_endpoint(&self->node, OPERATOR);
    config.loop = self->loop;
    config.endpoint = endpoint;
    config.node = self->node.node;
    memcpy(config.broker_key, self->node.broker_key, sizeof config.broker_key);
    memcpy(config.registry_key, self->node.registry_key, sizeof config.registry_key);
    rc = av_bus_open(&config, &self->bus, err);
    if (rc != AV_OK)
        return rc;
    rc = av_bus_wait_ready(self->bus, (uint32_t)AV_MIN(self->timeout_ms, 10000U), err);
    if (rc == AV_ERR_TIMEOUT)
        return av_error_set(
            err, AV_ERR_UNAVAILABLE, "no broker answers at %s; is the node running? (archivolt up)", endpoint);
    return rc;
}

int
cli_connect(cli *self)
{
    av_error err;

    return cli_try_connect(self, &err) == AV_OK ? 0 : cli_fail(self, &err);
}

/* Else the session would stand for half an hour, and keep its instance awake. */
static void
log_out(cli *self)
{
    Archivolt__Empty request = ARCHIVOLT__EMPTY__INIT;
    av_error ignored; /* the instance forgets it in time */

    if (self->session_actor != NULL)
        (void)cli_try(self, self->session_actor, "archivolt.Instance.Logout", &request.base,
            av_buf_span(&self->session), LOGOUT_MS, NULL, &ignored);
    free(self->session_actor);
    av_buf_release_secret(&self->session);
}

void
cli_close(cli *self)
{
    log_out(self);
    av_bus_destroy(&self->bus);
    av_loop_destroy(&self->loop);
    av_keypair_wipe(&self->keys);
    av_node_release(&self->node);
}

av_errc
cli_try(cli *self, const char *to, const char *method, const ProtobufCMessage *body, av_span session,
    uint32_t timeout_ms, ProtobufCMessage **ret_reply, av_error *err)
{
    av_call_spec spec = { .to = to, .method = method, .body = body, .timeout_ms = timeout_ms, .session = session };

    return av_bus_call_wait(self->bus, &spec, ret_reply, err);
}

int
cli_call(cli *self, const char *to, const char *method, const ProtobufCMessage *body, av_span session,
    ProtobufCMessage **ret_reply)
{
    av_error err;

    if (cli_try(self, to, method, body, session, (uint32_t)self->timeout_ms, ret_reply, &err) != AV_OK)
        return cli_fail(self, &err);
    return 0;
}

/* ---- login ---- */

static char *
ask_password(const char *as)
{
    const char *given = getenv("ARCHIVOLT_PASSWORD");
    struct termios kept, silent;
    char line[1024];
    bool got;
    char *copy;

    if (given != NULL)
        return av_xstrdup(given);
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &kept) != 0)
        return NULL;
    fprintf(stderr, "Password of %s: ", as);
    silent = kept;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    got = fgets(line, sizeof line, stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &kept);
    fprintf(stderr, "\n");
    if (got)
        line[strcspn(line, "\r\n")] = '\0';
    copy = got ? av_xstrdup(line) : NULL;
    av_secret_wipe(line, sizeof line);
    return copy;
}

typedef struct login_result {
    bool done;
    av_errc rc;
    av_error err;
    av_buf *session;
} login_result;

static void
on_login(void *ctx, av_span session, int64_t expires_unix_ms, const av_error *err)
{
    login_result *result = ctx;

    (void)expires_unix_ms;
    result->done = true;
    if (err != NULL) {
        result->rc = err->code;
        result->err = *err;
        return;
    }
    av_buf_append_span(result->session, session);
}

int
cli_resolve(cli *self, const char *name, char **ret_id)
{
    Archivolt__ResolveInstanceRequest request = ARCHIVOLT__RESOLVE_INSTANCE_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    int status;

    if (!av_utf8_valid(av_span_str(name)))
        return cli_failf(self, AV_ERR_INVALID, "\"%s\" is no instance: its name is not UTF-8", name);
    request.name = (char *)name;
    status = cli_call(
        self, "management", "archivolt.Management.ResolveInstance", &request.base, av_span_of(NULL, 0), &reply);
    if (status != 0)
        return status;
    *ret_id = av_xstrdup(((Archivolt__ResolveInstanceReply *)reply)->instance_id);
    protobuf_c_message_free_unpacked(reply, NULL);
    return 0;
}

/* "INSTANCE/USER" -> instance id (aliases resolved) and user. */
static int
split_login(cli *self, const char *as, char **ret_instance, const char **ret_user)
{
    const char *slash = strchr(as, '/');
    AV_CLEANUP(av_free) char *name = NULL;

    if (slash == NULL || slash == as || slash[1] == '\0')
        return cli_failf(self, AV_ERR_INVALID, "--as needs INSTANCE/USER, not \"%s\"", as);
    name = av_span_dup(av_span_of(as, (size_t)(slash - as)));
    *ret_user = slash + 1;
    return cli_resolve(self, name, ret_instance);
}

int
cli_login(cli *self, const char *as, av_buf *session, char **ret_actor)
{
    AV_CLEANUP(av_free) char *instance = NULL;
    AV_CLEANUP(av_secret_free) char *password = NULL;
    const char *user = NULL;
    login_result result = { .session = session };
    int status = split_login(self, as, &instance, &user);

    if (status != 0)
        return status;
    password = ask_password(as);
    if (password == NULL)
        return cli_failf(self, AV_ERR_AUTH, "no password: set ARCHIVOLT_PASSWORD or run in a terminal");
    av_login_user(self->bus, instance, user, password, "cli", on_login, &result);
    while (!result.done) /* each step of a login has its deadline: this ends */
        av_loop_turn(self->loop, 100);
    if (result.rc != AV_OK)
        return cli_fail(self, &result.err);
    *ret_actor = av_xasprintf("instance/%s", instance);
    self->session_actor = av_xstrdup(*ret_actor);
    av_buf_init(&self->session, 4096);
    av_buf_append_span(&self->session, av_buf_span(session));
    return 0;
}

/* ---- long operations ---- */

static void
cancel_operation(cli *self, const char *actor, const char *id)
{
    Archivolt__OperationCancelRequest request = ARCHIVOLT__OPERATION_CANCEL_REQUEST__INIT;
    av_error err;

    request.id = (char *)id;
    (void)cli_try(self, actor, "archivolt.Operations.Cancel", &request.base, av_span_of(NULL, 0), 10000, NULL, &err);
}

/* Is it worth asking again? The actor, its broker or its host may be on its way back. */
static bool
may_come_back(av_errc code)
{
    return code == AV_ERR_UNAVAILABLE || code == AV_ERR_TIMEOUT || code == AV_ERR_BUSY || code == AV_ERR_CANCELLED ||
           code == AV_ERR_ASLEEP;
}

int
cli_wait_operation(cli *self, const char *actor, const char *id, Archivolt__Operation **ret_operation)
{
    uint64_t version = 0;
    int64_t last_answer = av_clock_mono_ms();
    bool cancelled = false, whole = false;

    cli_catch_interrupt();
    for (;;) {
        Archivolt__OperationWaitRequest request = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
        ProtobufCMessage *reply = NULL;
        Archivolt__Operation *op;
        av_error err;

        request.id = (char *)id;
        request.has_known_version = request.has_timeout_ms = 1;
        request.known_version = version;
        request.timeout_ms = WAIT_MS;
        if (cli_interrupted() && !cancelled) {
            cancelled = true;
            cancel_operation(self, actor, id);
        }
        if (cli_try(self, actor, "archivolt.Operations.Wait", &request.base, av_span_of(NULL, 0), WAIT_MS + 5000,
                &reply, &err) != AV_OK) {
            if (!may_come_back(err.code) || av_clock_mono_ms() - last_answer > RIDE_OUT_MS) {
                cli_progress_end(self);
                return cli_fail(self, &err);
            }
            av_loop_turn(self->loop, 200);
            continue;
        }
        last_answer = av_clock_mono_ms();
        op = (Archivolt__Operation *)reply;
        version = op->version;
        if (op->state != ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING && !whole) {
            whole = true; /* once more, for all of its log: each answer has what came since the one before */
            version = 0;
            protobuf_c_message_free_unpacked(reply, NULL);
            continue;
        }
        if (op->state != ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING) {
            cli_progress_end(self);
            *ret_operation = op;
            return 0;
        }
        cli_progress(self, op->has_percent ? (int)op->percent : -1, op->text);
        protobuf_c_message_free_unpacked(reply, NULL);
    }
}
