/*
 * test_api.c - the Management API over TLS, through the real broker, to a management and an instance made for the test
 *
 * Here stands what only the gateway decides: login and its memory, routing, envelopes, tokens, long polls. Whole
 * systems: tests/sessions.
 */
#include "gateway/api/api.h"

#include "actors/bus/operations.h"
#include "tests/actors/bus/house.h"
#include "tests/gateway/client.h"

#include "proto/instance.pb-c.h"
#include "proto/json.h"

#define BOM "\xef\xbb\xbf"

typedef struct world {
    house house;
    av_keypair k_management, k_gateway, k_instance;
    av_bus *management, *gateway_bus, *instance;
    av_operations *operations;
    av_loop_timer *steps;
    av_operation *running;
    int step;
    char password[64];
    unsigned logins, bad_tickets, users_asked, resolved;
    char idempotency[2][16];
    unsigned creates;
    av_node node;
    av_gateway_settings settings;
    av_gateway *gateway;
    av_http_server *http;
    av_api *api;
} world;

static char *
text(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* ---- the actors ---- */

static void
on_login(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    world *w = ctx;
    const Archivolt__AdminLoginRequest *ask = (const Archivolt__AdminLoginRequest *)body;
    Archivolt__AdminTicket ticket = ARCHIVOLT__ADMIN_TICKET__INIT;
    Archivolt__AdminLoginReply reply = ARCHIVOLT__ADMIN_LOGIN_REPLY__INIT;
    AV_CLEANUP(av_buf_release) av_buf plain = { 0 };
    uint8_t packed[512];
    av_error err;

    w->logins++;
    av_buf_init(&plain, 256);
    AV_CHECK_RC(
        av_unseal(av_span_of(ask->sealed_password.data, ask->sealed_password.len), &w->k_management, &plain, &err),
        AV_OK, &err);
    AV_CHECK_STR(ask->client_address, "api 127.0.0.1");
    if (!av_span_eq_str(av_buf_span(&plain), w->password) || strcmp(ask->user_name, "locked") == 0) {
        av_request_failf(
            request, strcmp(ask->user_name, "locked") == 0 ? AV_ERR_LIMIT : AV_ERR_AUTH, "wrong name or password");
        return;
    }
    ticket.user_name = ask->user_name;
    ticket.issued_to = text(w->bad_tickets > 0 ? "gateway@n1#00000000" : av_request_from(request));
    ticket.expires_unix_ms = av_clock_wall_ms() + 600000;
    if (w->bad_tickets > 0)
        w->bad_tickets--;
    reply.ticket.len = AV_SIGNATURE_SIZE + archivolt__admin_ticket__pack(&ticket, packed + AV_SIGNATURE_SIZE);
    av_sign(
        av_span_of(packed + AV_SIGNATURE_SIZE, reply.ticket.len - AV_SIGNATURE_SIZE), w->house.rig.sign_secret, packed);
    reply.ticket.data = packed;
    reply.expires_unix_ms = ticket.expires_unix_ms;
    av_request_reply(request, &reply.base);
}

static void
on_empty(void *ctx AV_UNUSED, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    Archivolt__Empty reply = ARCHIVOLT__EMPTY__INIT;

    AV_CHECK_STR(av_request_admin(request), "admin");
    av_request_reply(request, &reply.base);
}

static void
on_create(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    world *w = ctx;

    if (w->creates < 2 && av_request_idempotency_key(request).n == 16)
        memcpy(w->idempotency[w->creates], av_request_idempotency_key(request).p, 16);
    w->creates++;
    on_empty(ctx, request, body);
}

static void
on_set_password(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    world *w = ctx;
    const Archivolt__SetSystemAdministratorPasswordRequest *ask =
        (const Archivolt__SetSystemAdministratorPasswordRequest *)body;

    (void)snprintf(w->password, sizeof w->password, "%s", ask->password);
    on_empty(ctx, request, body);
}

static void
on_get_instances(void *ctx AV_UNUSED, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__InstanceFilterRequest *ask = (const Archivolt__InstanceFilterRequest *)body;
    Archivolt__GetInstancesReply reply = ARCHIVOLT__GET_INSTANCES_REPLY__INIT;
    Archivolt__InstanceInfo info = ARCHIVOLT__INSTANCE_INFO__INIT, *list[1] = { &info };

    if (strcmp(ask->instance_filter, "*") != 0) {
        av_request_failf(request, AV_ERR_INVALID, "the filter \"%s\" is not understood", ask->instance_filter);
        return;
    }
    info.instance_id = text("demo");
    info.display_name = text("D\xc3\xa4mo \"1\"");
    info.instance_host = text("n1");
    info.start_mode = ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC;
    info.status = ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_RUNNING;
    reply.n_instances = 1;
    reply.instances = list;
    av_request_reply(request, &reply.base);
}

static void
next_step(void *ctx)
{
    world *w = ctx;
    av_error err;

    switch (w->step++) {
    case 0:
        av_operation_log(w->running, "first");
        av_operation_progress(w->running, 10, "working");
        return;
    case 1:
        av_operation_log(w->running, "second");
        av_operation_progress(w->running, 90, NULL);
        return;
    case 2:
        av_operation_succeed(w->running, NULL);
        break;
    default:
        (void)av_error_set(&err, AV_ERR_IO, "late");
        break;
    }
    av_loop_remove_timer(&w->steps);
}

static void
on_cancel(void *ctx, av_operation *op)
{
    world *w = ctx;

    av_loop_remove_timer(&w->steps);
    av_operation_cancelled(op);
}

static void
on_start_instances(void *ctx, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    world *w = ctx;

    w->running = av_operations_start(w->operations, NULL, "StartInstances", on_cancel, w);
    w->step = 0;
    if (w->steps != NULL)
        av_loop_remove_timer(&w->steps);
    w->steps = av_loop_add_timer(w->house.loop, 150, 150, next_step, w);
    av_request_reply(request, &av_operation_get(w->running)->base);
}

static void
on_stop_instances(void *ctx, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    world *w = ctx;
    av_operation *op = av_operations_start(w->operations, NULL, "StopInstances", NULL, NULL);
    av_error err;

    av_request_reply(request, &av_operation_get(op)->base);
    (void)av_error_set(&err, AV_ERR_IO, "the host does not answer");
    av_operation_fail(op, &err);
}

static void
on_resolve(void *ctx, av_request *request, const ProtobufCMessage *body)
{
    world *w = ctx;
    const Archivolt__ResolveInstanceRequest *ask = (const Archivolt__ResolveInstanceRequest *)body;
    Archivolt__ResolveInstanceReply reply = ARCHIVOLT__RESOLVE_INSTANCE_REPLY__INIT;

    w->resolved++;
    if (strcmp(ask->name, "demo") == 0 || strcmp(ask->name, "show") == 0)
        reply.instance_id = text("demo");
    else if (strcmp(ask->name, "gone") == 0)
        reply.instance_id = text("gone");
    if (reply.instance_id == NULL)
        av_request_failf(request, AV_ERR_NOT_FOUND, "there is no instance \"%s\"", ask->name);
    else
        av_request_reply(request, &reply.base);
}

static void
on_pinged(void *ctx AV_UNUSED, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    Archivolt__PingReply reply = ARCHIVOLT__PING_REPLY__INIT;

    reply.actor = text("management");
    reply.version = text("test");
    av_request_reply(request, &reply.base);
}

static void
on_get_users(void *ctx, av_request *request, const ProtobufCMessage *body AV_UNUSED)
{
    world *w = ctx;
    Archivolt__GetUsersReply reply = ARCHIVOLT__GET_USERS_REPLY__INIT;

    w->users_asked++;
    av_request_reply(request, &reply.base);
}

static const av_handler management_handlers[] = {
    { "archivolt.Actor.Ping", on_pinged },
    { "archivolt.Management.AdminLogin", on_login },
    { "archivolt.Management.Ping", on_empty },
    { "archivolt.Management.GetInstances", on_get_instances },
    { "archivolt.Management.ResolveInstance", on_resolve },
    { "archivolt.Management.CreateSystemAdministrator", on_create },
    { "archivolt.Management.SetSystemAdministratorPassword", on_set_password },
    { "archivolt.Management.StartInstances", on_start_instances },
    { "archivolt.Management.StopInstances", on_stop_instances },
};
static const av_handler instance_handlers[] = { { "archivolt.Instance.GetUsers", on_get_users } };

/* ---- the house ---- */

static void
set_up(world *w)
{
    av_gateway_config config = { .node = &w->node, .name = "gateway@n1", .settings = &w->settings };
    av_error err = { 0 };

    *w = (world){ .password = "secret: one" };
    house_init(&w->house);
    w->k_management = rig_actor(&w->house.rig, "management");
    w->k_gateway = rig_actor(&w->house.rig, "gateway@n1");
    w->k_instance = rig_actor(&w->house.rig, "instance/demo");
    rig_start(&w->house.rig, true);
    w->management = house_bus(&w->house, &w->k_management);
    w->instance = house_bus(&w->house, &w->k_instance);
    w->gateway_bus = house_bus(&w->house, &w->k_gateway);
    av_bus_serve(w->management, management_handlers, AV_COUNT(management_handlers), w);
    av_bus_serve(w->instance, instance_handlers, AV_COUNT(instance_handlers), w);
    w->operations = av_operations_new(w->management, NULL, NULL);
    AV_CHECK(make_certificate(w->house.rig.dir));
    w->node = (av_node){
        .data_dir = w->house.rig.dir, .node = text("n1"), .listen = text("127.0.0.1"), .port_api = free_port()
    };
    av_settings_defaults(av_gateway_setting_rows, &w->settings);
    config.loop = w->house.loop;
    config.bus = w->gateway_bus;
    AV_CHECK_RC(av_gateway_new(&config, &w->gateway, &err), AV_OK, &err);
    AV_CHECK_RC(av_http_server_new(w->gateway, &w->http, &err), AV_OK, &err);
    AV_CHECK_RC(av_api_new(w->gateway, w->http, &w->api, &err), AV_OK, &err);
    av_gateway_watch_management(w->gateway);
}

static void
tear_down(world *w)
{
    if (w->steps != NULL)
        av_loop_remove_timer(&w->steps);
    av_gateway_close(w->gateway);
    av_bus_destroy(&w->gateway_bus);
    av_http_server_destroy(&w->http);
    av_api_destroy(&w->api);
    av_gateway_destroy(&w->gateway);
    av_operations_destroy(&w->operations);
    av_bus_destroy(&w->management);
    av_bus_destroy(&w->instance);
    av_settings_release(av_gateway_setting_rows, &w->settings);
    house_release(&w->house);
}

static void
run(void (*speak)(void *ctx), world *w)
{
    set_up(w);
    gw_run_client(w->house.loop, speak, w);
    tear_down(w);
}

/* ---- the client ---- */

/* One request on a connection of its own; body into reply, status returned. login: "user:password" or NULL. */
static int
post(const world *w, const char *login, const char *path, const char *form, const char *headers, av_buf *reply)
{
    AV_CLEANUP(av_buf_release) av_buf request = { 0 };
    const char *end;
    int status = 0;
    peer p;

    av_buf_init(&request, 1 << 16);
    av_buf_clear(reply);
    av_buf_printf(
        &request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", form == NULL ? "GET" : "POST", path, headers);
    if (login != NULL) {
        av_buf_puts(&request, "Authorization: Basic ");
        av_base64_encode(av_span_str(login), &request);
        av_buf_puts(&request, "\r\n");
    }
    if (form != NULL)
        av_buf_printf(
            &request, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n", strlen(form));
    av_buf_printf(&request, "\r\n%s", form == NULL ? "" : form);
    AV_CHECK(peer_connect(&p, (unsigned)w->node.port_api) && peer_start_tls(&p));
    AV_CHECK(peer_send(&p, request.p, request.n) && peer_read(&p, NULL, reply));
    peer_close(&p);
    (void)sscanf(av_buf_cstr(reply), "HTTP/1.1 %d", &status);
    end = strstr(av_buf_cstr(reply), "\r\n\r\n");
    if (!AV_CHECK(end != NULL))
        return 0;
    return status;
}

static const char *
body_of(av_buf *reply)
{
    const char *end = strstr(av_buf_cstr(reply), "\r\n\r\n");

    return end == NULL ? av_buf_cstr(reply) + reply->n : end + 4;
}

/* The body without its mark, as JSON; owned by the caller. */
static json_t *
json_of(av_buf *reply)
{
    const char *body = body_of(reply);
    json_t *value = NULL;
    av_error err = { 0 };

    if (!AV_CHECK(strncmp(body, BOM, strlen(BOM)) == 0))
        return json_object();
    AV_CHECK_RC(av_json_parse(av_span_str(body + strlen(BOM)), &value, &err), AV_OK, &err);
    return value != NULL ? value : json_object();
}

#define ADMIN "admin:secret: one"
#define DONE(result)                                                                                                   \
    BOM "{\"error\":null,\"token\":null,\"statusVersion\":2,\"statusCode\":\"succeeded\",\"percentProgress\":null,"    \
        "\"statusText\":null,\"result\":" result ",\"logOutput\":null}"
#define FAILED(function, message)                                                                                      \
    BOM "{\"error\":{\"message\":\"" message "\",\"details\":\"System.Exception: " message "\\r\\n   at " function     \
        "\"},\"token\":null,\"statusVersion\":2,\"statusCode\":\"failed\",\"percentProgress\":null,"                   \
        "\"statusText\":null,\"result\":null,\"logOutput\":null}"

static const struct {
    const char *login, *path, *form, *headers;
    int status;
    const char *body; /* NULL: whatever */
} cases[] = {
    { NULL, "/api/invoke/Ping", "", "", 401, NULL },
    { NULL, "/api/invoke/GetUsers", "instanceID=demo", "", 401, NULL },
    { "admin:wrong", "/api/invoke/Ping", "", "", 401, NULL },
    { "locked:x", "/api/invoke/Ping", "", "", 429, NULL },
    { ADMIN, "/api/invoke/Ping", "", "", 200, DONE("null") },
    { ADMIN, "/api//invoke//Ping/", "", "", 200, DONE("null") },
    { ADMIN, "/api/invoke/Ping", NULL, "", 405, NULL },
    { ADMIN, "/api/invoke/ping", "", "", 404, NULL },
    { ADMIN, "/api/invoke/", "", "", 404, NULL },
    { ADMIN, "/api/nothing", "", "", 404, NULL },
    { ADMIN, "/", NULL, "", 404, NULL },
    { ADMIN, "/api/invoke/GetInstances", "instanceFilter=*", "", 200,
        DONE(
            "[{\"instanceID\":\"demo\",\"alias\":null,\"displayName\":\"D\xc3\xa4mo \\\"1\\\"\",\"instanceHost\":"
            "\"n1\",\"startMode\":\"automatic\",\"processID\":null,\"status\":\"running\",\"startStopError\":null}]") },
    { ADMIN, "/api/invoke/GetInstances", "", "", 200, FAILED("GetInstances", "Missing API argument instanceFilter.") },
    { ADMIN, "/api/invoke/GetInstances", "instanceFilter=*&x=1", "", 200,
        FAILED("GetInstances", "Unknown API argument x.") },
    { ADMIN, "/api/invoke/GetInstances", "instanceFilter=what", "", 200,
        FAILED("GetInstances", "the filter \\\"what\\\" is not understood") },
    { ADMIN, "/api/invoke/GetInstances", "instanceFilter=%ff", "", 200, NULL },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=demo", "", 200, DONE("[]") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=DEMO", "", 200, DONE("[]") },
    { ADMIN, "/api/invoke/GetUsers", BOM "instanceID=demo", "", 200, DONE("[]") },
    { ADMIN, "/api/invoke/Ping", BOM, "", 200, DONE("null") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=show", "", 200, DONE("[]") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=Show", "", 200, DONE("[]") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=gone", "", 200,
        FAILED("GetUsers", "There is no instance \\\"gone\\\".") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=gone", "", 200,
        FAILED("GetUsers", "There is no instance \\\"gone\\\".") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=nobody", "", 200,
        FAILED("GetUsers", "There is no instance \\\"nobody\\\".") },
    { ADMIN, "/api/invoke/GetUsers", "instanceID=../x", "", 200,
        FAILED("GetUsers", "There is no instance \\\"../x\\\".") },
    { ADMIN, "/api/get-status", "token=00000000000000000000000000000000", "", 404, NULL },
    { ADMIN, "/api/get-status", "", "", 200, NULL },
    { ADMIN, "/api/cancel-async", "token=zz", "", 404, NULL },
    { NULL, "/api/get-metadata", "", "", 401, NULL },
    { ADMIN, "/api/get-metadata", NULL, "", 200, NULL },
    { ADMIN, "/api//get-metadata", "", "", 200, NULL },
    { NULL, "/healthz", NULL, "", 200, "ok\n" },
    { NULL, "/readyz", NULL, "", 200, "ready\n" },
};

static void
client_cases(void *ctx)
{
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 };

    av_buf_init(&reply, 1 << 20);
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        av_check_row = (long)i;
        AV_CHECK_INT(
            post(ctx, cases[i].login, cases[i].path, cases[i].form, cases[i].headers, &reply), cases[i].status);
        if (cases[i].body != NULL)
            AV_CHECK_STR(body_of(&reply), cases[i].body);
        if (cases[i].status == 401)
            AV_CHECK(strstr(av_buf_cstr(&reply), "WWW-Authenticate: Basic realm=\"") != NULL);
        if (cases[i].status == 200 && cases[i].login != NULL)
            AV_CHECK(strstr(av_buf_cstr(&reply), "Cache-Control: no-cache, private, no-store") != NULL);
    }
}

static void
test_cases(void)
{
    world w;

    run(client_cases, &w);
    AV_CHECK_INT(w.users_asked, 5);
    /* demo and show once, nobody once; gone twice, for the broker knew better than the memory */
    AV_CHECK_INT(w.resolved, 5);
    AV_CHECK_INT(w.logins, 3); /* one wrong, one locked, one for all the rest */
}

/* A long call from its token to its end: versions rise, the log comes in pieces, polls are held. */
static void
client_long_call(void *ctx)
{
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 }, form = { 0 }, log = { 0 };
    json_t *value;
    int64_t began;
    char *token;

    av_buf_init(&reply, 1 << 20);
    av_buf_init(&form, 4096);
    av_buf_init(&log, 4096);
    AV_CHECK_INT(post(ctx, ADMIN, "/api/invoke/StartInstances", "instanceFilter=*", "", &reply), 200);
    value = json_of(&reply);
    AV_CHECK_STR(json_string_value(json_object_get(value, "statusCode")), "running");
    token = av_xstrdup(json_string_value(json_object_get(value, "token")));
    AV_CHECK(strlen(token) >= 32);
    /* No timeout: answered at once, whatever the version. */
    began = av_clock_mono_ms();
    av_buf_printf(&form, "token=%s&lastKnownStatusVersion=-1", token);
    AV_CHECK_INT(post(ctx, ADMIN, "/api/get-status", av_buf_cstr(&form), "", &reply), 200);
    AV_CHECK(av_clock_mono_ms() - began < 140);
    /* The token is nothing to others. */
    AV_CHECK_INT(post(ctx, "other:secret: one", "/api/get-status", av_buf_cstr(&form), "", &reply), 404);
    for (int i = 0; i < 20 && strcmp(json_string_value(json_object_get(value, "statusCode")), "running") == 0; i++) {
        json_int_t version = json_integer_value(json_object_get(value, "statusVersion"));

        json_decref(value);
        av_buf_clear(&form);
        av_buf_printf(
            &form, "token=%s&lastKnownStatusVersion=%lld&millisecondsTimeout=5000", token, (long long)version);
        AV_CHECK_INT(post(ctx, ADMIN, "/api/get-status", av_buf_cstr(&form), "", &reply), 200);
        value = json_of(&reply);
        AV_CHECK(json_integer_value(json_object_get(value, "statusVersion")) > version);
        AV_CHECK_STR(json_string_value(json_object_get(value, "token")), token);
        if (json_is_string(json_object_get(value, "logOutput")))
            av_buf_puts(&log, json_string_value(json_object_get(value, "logOutput")));
    }
    AV_CHECK_STR(json_string_value(json_object_get(value, "statusCode")), "succeeded");
    AV_CHECK_STR(av_buf_cstr(&log), "first\r\nsecond\r\n");
    AV_CHECK(json_is_null(json_object_get(value, "error")) && json_is_null(json_object_get(value, "result")));
    json_decref(value);
    free(token);
}

static void
test_long_call(void)
{
    world w;

    run(client_long_call, &w);
}

static void
client_cancel(void *ctx)
{
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 }, form = { 0 };
    json_t *value;

    av_buf_init(&reply, 1 << 20);
    av_buf_init(&form, 4096);
    AV_CHECK_INT(post(ctx, ADMIN, "/api/invoke/StartInstances", "instanceFilter=*", "", &reply), 200);
    value = json_of(&reply);
    av_buf_printf(&form, "token=%s", json_string_value(json_object_get(value, "token")));
    json_decref(value);
    AV_CHECK_INT(post(ctx, ADMIN, "/api/cancel-async", av_buf_cstr(&form), "", &reply), 200);
    AV_CHECK_INT(post(ctx, ADMIN, "/api//get-status", av_buf_cstr(&form), "", &reply), 200);
    value = json_of(&reply);
    AV_CHECK_STR(json_string_value(json_object_get(value, "statusCode")), "cancelled");
    json_decref(value);
    /* One that fails. */
    AV_CHECK_INT(post(ctx, ADMIN, "/api/invoke/StopInstances", "instanceFilter=*", "", &reply), 200);
    value = json_of(&reply);
    av_buf_clear(&form);
    av_buf_printf(&form, "token=%s", json_string_value(json_object_get(value, "token")));
    json_decref(value);
    AV_CHECK_INT(post(ctx, ADMIN, "/api/get-status", av_buf_cstr(&form), "", &reply), 200);
    value = json_of(&reply);
    AV_CHECK_STR(json_string_value(json_object_get(value, "statusCode")), "failed");
    AV_CHECK_STR(
        json_string_value(json_object_get(json_object_get(value, "error"), "message")), "the host does not answer");
    json_decref(value);
}

static void
test_cancel_and_failure(void)
{
    world w;

    run(client_cancel, &w);
}

/* A password changed here is out of use at once, a ticket of an old connection is replaced unseen. */
static void
client_passwords(void *ctx)
{
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 };

    av_buf_init(&reply, 1 << 20);
    AV_CHECK_INT(post(ctx, ADMIN, "/api/invoke/Ping", "", "", &reply), 200);
    AV_CHECK_STR(body_of(&reply), DONE("null"));
    AV_CHECK_INT(post(ctx, ADMIN, "/api/invoke/SetSystemAdministratorPassword", "userName=Admin&password=secret+two",
                     "", &reply),
        200);
    AV_CHECK_STR(body_of(&reply), DONE("null"));
    AV_CHECK_INT(post(ctx, ADMIN, "/api/invoke/Ping", "", "", &reply), 401);
    AV_CHECK_INT(post(ctx, "admin:secret two", "/api/invoke/Ping", "", "", &reply), 200);
}

static void
test_passwords(void)
{
    world w;

    set_up(&w);
    w.bad_tickets = 1;
    gw_run_client(w.house.loop, client_passwords, &w);
    AV_CHECK_INT(w.logins, 4); /* refused ticket, its successor, the old password, the new one */
    tear_down(&w);
}

static void
client_idempotency(void *ctx)
{
    static const char form[] = "config=%7B%22userName%22%3A%22eve%22%7D&password=password+of+eve";
    AV_CLEANUP(av_buf_release) av_buf reply = { 0 };

    av_buf_init(&reply, 1 << 20);
    AV_CHECK_INT(
        post(ctx, ADMIN, "/api/invoke/CreateSystemAdministrator", form, "Idempotency-Key: a\r\n", &reply), 200);
    AV_CHECK_STR(body_of(&reply), DONE("null"));
    AV_CHECK_INT(
        post(ctx, ADMIN, "/api/invoke/CreateSystemAdministrator", form, "Idempotency-Key: b\r\n", &reply), 200);
    /* The same again: the same answer, without asking management. */
    AV_CHECK_INT(
        post(ctx, ADMIN, "/api/invoke/CreateSystemAdministrator", form, "Idempotency-Key: a\r\n", &reply), 200);
    AV_CHECK_STR(body_of(&reply), DONE("null"));
}

static void
test_idempotency(void)
{
    world w;

    run(client_idempotency, &w);
    AV_CHECK_INT(w.creates, 2);
    AV_CHECK(memcmp(w.idempotency[0], w.idempotency[1], 16) != 0);
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_long_call);
    AV_RUN(test_cancel_and_failure);
    AV_RUN(test_passwords);
    AV_RUN(test_idempotency);
    return av_check_done();
}
