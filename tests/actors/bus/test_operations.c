/*
 * test_operations.c - long operations as their callers see them, and kept ones; logins, over the real broker
 */
#include "actors/bus/operations.h"

#include "actors/bus/login.h"
#include "proto/instance.pb-c.h"
#include "tests/actors/bus/house.h"

static house h;
static av_keypair k_host, k_cli, k_gateway, k_instance;
static av_bus *host, *cli;
static av_operations *ops;
static av_buf saved;
static unsigned saves, forgotten, cancels;

static void
on_save(void *ctx, const char *id, const Archivolt__Operation *op)
{
    (void)ctx;
    AV_CHECK_INT(strlen(id), 32);
    saves++;
    if (op == NULL) {
        forgotten++;
        return;
    }
    av_buf_clear(&saved);
    saved.n = archivolt__operation__pack(op, av_buf_reserve(&saved, archivolt__operation__get_packed_size(op) + 1));
}

static void
on_cancel(void *ctx, av_operation *op)
{
    (void)ctx;
    cancels++;
    av_operation_cancelled(op);
}

static av_call *
wait_for(const char *id, bool has_known, uint64_t known, uint32_t timeout_ms, outcome *out)
{
    Archivolt__OperationWaitRequest body = ARCHIVOLT__OPERATION_WAIT_REQUEST__INIT;
    av_call_spec spec = {
        .to = "host/n1", .method = "archivolt.Operations.Wait", .body = &body.base, .done = outcome_done, .ctx = out
    };

    outcome_release(out);
    body.id = (char *)(uintptr_t)id;
    body.has_known_version = has_known;
    body.known_version = known;
    body.has_timeout_ms = true;
    body.timeout_ms = timeout_ms;
    return av_bus_call(cli, &spec);
}

static const Archivolt__Operation *
answer(outcome *out)
{
    static const Archivolt__Operation none = ARCHIVOLT__OPERATION__INIT;

    AV_CHECK(house_until(&h, &out->done, 5000));
    AV_CHECK_RC(out->err.code, AV_OK, &out->err);
    return out->reply == NULL ? &none : (const Archivolt__Operation *)out->reply;
}

static void
test_life(void)
{
    Archivolt__PingReply result = ARCHIVOLT__PING_REPLY__INIT;
    av_operation *op = av_operations_start(ops, NULL, "ImportFiles", on_cancel, NULL);
    const Archivolt__Operation *seen;
    outcome out = { 0 }, second = { 0 };
    uint64_t version;

    AV_CHECK_INT(saves, 1);
    (void)wait_for(av_operation_id(op), false, 0, 100, &out);
    seen = answer(&out);
    AV_CHECK_INT(seen->state, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_RUNNING);
    AV_CHECK(!seen->has_percent && seen->log == NULL);
    AV_CHECK_STR(seen->name, "ImportFiles");
    version = seen->version;

    (void)wait_for(av_operation_id(op), true, version, 5000, &out); /* two wait for the next change */
    (void)wait_for(av_operation_id(op), true, version, 5000, &second);
    house_turn(&h, 100);
    AV_CHECK(!out.done && !second.done);
    av_operation_progress(op, 30, "reading");
    seen = answer(&out);
    AV_CHECK(seen->percent == 30 && seen->version > version);
    AV_CHECK_STR(seen->text, "reading");
    AV_CHECK_INT(answer(&second)->percent, 30);
    version = seen->version;

    av_operation_log(op, "line %d", 1);
    (void)wait_for(av_operation_id(op), true, version, 5000, &out);
    seen = answer(&out);
    AV_CHECK_STR(seen->log, "line 1\n");
    version = seen->version;
    av_operation_log(op, "line %d", 2);
    (void)wait_for(av_operation_id(op), true, version, 5000, &out);
    AV_CHECK_STR(answer(&out)->log, "line 2\n");

    version = av_operation_get(op)->version;
    (void)wait_for(av_operation_id(op), true, version, 150, &out); /* nothing changes: answered when the time is over */
    AV_CHECK_INT(answer(&out)->version, version);

    AV_CHECK_INT(saves, 1); /* progress is not saved */
    result.actor = result.version = (char *)(uintptr_t) "x";
    av_operation_succeed(op, &result.base);
    AV_CHECK_INT(saves, 2);
    av_operation_fail(op, &(av_error){ AV_ERR_IO, "too late" });
    (void)wait_for(av_operation_id(op), true, UINT64_MAX, 5000, &out); /* ended: nothing to wait for */
    seen = answer(&out);
    AV_CHECK_INT(seen->state, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_SUCCEEDED);
    AV_CHECK_STR(seen->result_type, "archivolt.PingReply");
    AV_CHECK_INT(seen->result.len, protobuf_c_message_get_packed_size(&result.base));
    AV_CHECK(seen->ended_unix_ms >= seen->started_unix_ms);
    outcome_release(&out);
    outcome_release(&second);
}

static void
test_cancel_and_list(void)
{
    av_operation *op = av_operations_start(ops, "00112233445566778899aabbccddeeff", "Compact", on_cancel, NULL);
    Archivolt__OperationCancelRequest body = ARCHIVOLT__OPERATION_CANCEL_REQUEST__INIT;
    Archivolt__Empty empty = ARCHIVOLT__EMPTY__INIT;
    av_call_spec spec = { .to = "host/n1", .method = "archivolt.Operations.Cancel", .body = &body.base };
    av_call_spec list = { .to = "host/n1", .method = "archivolt.Operations.List", .body = &empty.base };
    ProtobufCMessage *reply = NULL;
    av_call *call;
    outcome out = { 0 };
    av_error err;

    call = wait_for(av_operation_id(op), true, av_operation_get(op)->version, 5000, &out);
    house_turn(&h, 50);
    av_call_cancel(&call); /* a waiter that goes away */
    house_turn(&h, 50);
    body.id = (char *)(uintptr_t) "00112233445566778899aabbccddeeff";
    AV_CHECK_RC(av_bus_call_wait(cli, &spec, &reply, &err), AV_OK, &err);
    AV_CHECK_INT(((Archivolt__Operation *)reply)->state, ARCHIVOLT__OPERATION_STATE__OPERATION_STATE_CANCELLED);
    protobuf_c_message_free_unpacked(reply, NULL);
    AV_CHECK_INT(cancels, 1);
    body.id = (char *)(uintptr_t) "none";
    AV_CHECK_RC(av_bus_call_wait(cli, &spec, NULL, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_bus_call_wait(cli, &list, &reply, &err), AV_OK, &err);
    AV_CHECK_INT(((Archivolt__OperationListReply *)reply)->n_operations, 2);
    AV_CHECK_STR(((Archivolt__OperationListReply *)reply)->operations[0]->name, "Compact");
    protobuf_c_message_free_unpacked(reply, NULL);
}

static void
test_restore(void)
{
    av_operation *op = av_operations_start(ops, NULL, "Verify", on_cancel, NULL);
    char id[33];
    uint64_t version = av_operation_get(op)->version;

    memcpy(id, av_operation_id(op), sizeof id);
    av_operations_destroy(&ops); /* the actor starts again */
    ops = av_operations_new(host, on_save, NULL);
    AV_CHECK(av_operations_restore(ops, av_span_str("\xff"), on_cancel, NULL) == NULL);
    op = av_operations_restore(ops, av_buf_span(&saved), on_cancel, NULL);
    AV_CHECK(op != NULL && op == av_operations_find(ops, id));
    if (op == NULL)
        return;
    AV_CHECK(av_operation_get(op)->version > version);
    AV_CHECK_STR(av_operation_get(op)->name, "Verify");
    av_operation_fail(op, &(av_error){ AV_ERR_CANCELLED, "the actor was restarted" });
    AV_CHECK_INT(av_operation_get(op)->error_code, AV_ERR_CANCELLED);
}

static void
test_many_are_bounded(void)
{
    for (int i = 0; i < 1100; i++)
        av_operation_succeed(av_operations_start(ops, NULL, "Many", NULL, NULL), NULL);
    AV_CHECK(forgotten >= 99);
}

/* ---- logins ---- */

static void
serve_login(void *owner, av_request *request, const ProtobufCMessage *body)
{
    const Archivolt__LoginRequest *ask = (const Archivolt__LoginRequest *)body;
    Archivolt__LoginReply reply = ARCHIVOLT__LOGIN_REPLY__INIT;
    AV_CLEANUP(av_buf_release_secret) av_buf password = { 0 };
    uint8_t session[32] = { 7 };
    av_error err;

    (void)owner;
    av_buf_init(&password, 100);
    if (av_unseal(av_span_of(ask->sealed_password.data, ask->sealed_password.len), &k_instance, &password, &err) !=
            AV_OK ||
        !av_span_eq_str(av_buf_span(&password), "secret")) {
        av_request_failf(request, AV_ERR_AUTH, "wrong user name or password");
        return;
    }
    reply.session = (ProtobufCBinaryData){ sizeof session, session };
    reply.user_name = ask->user_name;
    reply.idle_timeout_s = 60;
    av_request_reply(request, &reply.base);
}

static void
on_login(void *ctx, av_span session, int64_t expires_unix_ms, const av_error *err)
{
    outcome *out = ctx;

    out->done = true;
    out->count++;
    out->err = err == NULL ? (av_error){ 0 } : *err;
    if (err == NULL)
        AV_CHECK(session.n == 32 && session.p[0] == 7 && expires_unix_ms > av_clock_wall_ms() + 50000);
}

static void
test_login(void)
{
    static const av_handler handlers[] = { { "archivolt.Instance.Login", serve_login } };
    av_bus *gateway = house_bus(&h, &k_gateway), *instance = house_bus(&h, &k_instance);
    outcome out = { 0 };

    av_bus_serve(instance, handlers, 1, NULL);
    av_login_user(gateway, "demo", "alice", "secret", "imap 192.0.2.1", on_login, &out);
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    out.done = false;
    av_login_user(gateway, "demo", "alice", "guess", NULL, on_login, &out);
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_ERR_AUTH, &out.err);
    out.done = false;
    av_login_user(gateway, "none", "alice", "guess", NULL, on_login, &out);
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK(out.err.code == AV_ERR_NO_ACTOR || out.err.code == AV_ERR_NOT_FOUND);
    out.done = false;
    av_login_user(gateway, "demo", "alice", "secret", NULL, on_login, &out); /* under way when the bus ends */
    av_bus_destroy(&gateway);
    AV_CHECK(out.done);
    AV_CHECK_RC(out.err.code, AV_ERR_CANCELLED, &out.err);
    av_bus_destroy(&instance);
}

int
main(void)
{
    house_init(&h);
    k_host = rig_actor(&h.rig, "host/n1");
    k_cli = rig_actor(&h.rig, "cli/op");
    k_gateway = rig_actor(&h.rig, "gateway@n1");
    k_instance = rig_actor(&h.rig, "instance/demo");
    rig_start(&h.rig, true);
    host = house_bus(&h, &k_host);
    cli = house_bus(&h, &k_cli);
    av_buf_init(&saved, 1 << 17);
    ops = av_operations_new(host, on_save, NULL);
    AV_RUN(test_life);
    AV_RUN(test_cancel_and_list);
    AV_RUN(test_restore);
    AV_RUN(test_many_are_bounded);
    AV_RUN(test_login);
    av_bus_destroy(&cli);
    av_bus_destroy(&host);
    av_operations_destroy(&ops);
    av_buf_release(&saved);
    house_release(&h);
    return av_check_done();
}
