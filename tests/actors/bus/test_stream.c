/*
 * test_stream.c - long replies, up- and downstream of 50 MB under credit, ends and breaks, over the real broker
 */
#include "tests/actors/bus/house.h"

#define BIG          (50U * 1024 * 1024)
#define IN_WAY_MAX   (AV_BUS_WINDOW + 2 * AV_BUS_BLOB_MAX)
#define SOCKET_MAX   (512U * 1024) /* what the kernel holds of a local socket, beside a window */
#define SESSION_TEXT "0123456789abcdef0123456789abcdef"

static house h;
static av_keypair k_gateway, k_instance, k_worker, k_cli;
static av_bus *gateway, *instance, *worker;

/* Bytes that tell where they stand: the i-th is a function of i. */
static uint8_t
byte_at(uint64_t i)
{
    return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

typedef struct flow {
    uint64_t size, written, taken;
    uint64_t most_in_way;
    bool bad, ended, broken, slow;
    uint64_t held; /* slow reader: not yet consumed */
    av_error err;
    av_request *request;
    av_stream *out, *in;
    uint64_t items;
    unsigned gone;
} flow;

static flow f;
static outcome out;

static void
fill(flow *self, av_stream *stream)
{
    uint8_t block[20000];
    size_t room;

    while (self->written < self->size && (room = av_stream_room(stream)) > 0) {
        size_t n = (size_t)AV_MIN(self->size - self->written, AV_MIN(room, sizeof block));

        for (size_t i = 0; i < n; i++)
            block[i] = byte_at(self->written + i);
        av_stream_write(stream, av_span_of(block, n));
        self->written += n;
        self->most_in_way = AV_MAX(self->most_in_way, self->written - self->taken);
    }
}

static void
on_data(void *ctx, av_stream *stream, av_span bytes)
{
    flow *self = ctx;

    for (size_t i = 0; i < bytes.n; i++)
        self->bad = self->bad || bytes.p[i] != byte_at(self->taken + i);
    self->taken += bytes.n;
    if (self->slow)
        self->held += bytes.n;
    else
        av_stream_consumed(stream, bytes.n);
}

static void
on_end(void *ctx, av_stream *stream)
{
    flow *self = ctx;

    (void)stream;
    self->ended = true;
}

static void
on_broken(void *ctx, av_stream *stream, const av_error *err)
{
    flow *self = ctx;

    (void)stream;
    self->broken = true;
    self->err = *err;
}

static void
on_item(void *ctx, av_stream *stream, uint64_t item)
{
    flow *self = ctx;

    (void)stream;
    self->items = item;
}

static void
on_gone(void *ctx, av_request *request)
{
    flow *self = ctx;

    (void)request;
    self->gone++;
}

/* ---- instance: GetMessage downstream, Put upstream, ListMailboxes as long reply ---- */

static void
on_message_room(void *ctx, av_stream *stream)
{
    flow *self = ctx;
    Archivolt__GetMessageReply reply = ARCHIVOLT__GET_MESSAGE_REPLY__INIT;
    uint8_t sha[32] = { 0 };

    fill(self, stream);
    if (self->written < self->size || self->request == NULL)
        return;
    reply.size = self->size;
    reply.sha256 = (ProtobufCBinaryData){ sizeof sha, sha };
    av_request_reply(AV_TAKE(self->request), &reply.base);
}

static void
serve_message(void *owner, av_request *request, const ProtobufCMessage *body)
{
    static const av_stream_events events = { .on_room = on_message_room, .on_broken = on_broken };

    (void)owner;
    (void)body;
    AV_CHECK(av_request_session(request) == &h);
    AV_CHECK_INT(av_request_caller(request), ARCHIVOLT__CALLER__CALLER_SESSION);
    f.request = request;
    av_request_on_gone(request, on_gone, &f);
    f.out = av_request_downstream(request, &events, &f);
    on_message_room(&f, f.out);
}

static void
on_put_end(void *ctx, av_stream *stream)
{
    flow *self = ctx;
    Archivolt__RunAccount reply = ARCHIVOLT__RUN_ACCOUNT__INIT;

    self->ended = true;
    av_stream_ack_item(stream, 77); /* durable after the last byte came */
    reply.offered = self->taken;
    av_request_reply(AV_TAKE(self->request), &reply.base);
}

static void
serve_put(void *owner, av_request *request, const ProtobufCMessage *body)
{
    static const av_stream_events events = { .on_data = on_data, .on_end = on_put_end, .on_broken = on_broken };

    (void)owner;
    (void)body;
    f.request = request;
    av_request_on_gone(request, on_gone, &f);
    f.in = av_request_upstream(request, &events, &f);
    AV_CHECK(av_request_downstream(request, NULL, NULL) == NULL);
}

static unsigned list_rows;

static void
serve_list(void *owner, av_request *request, const ProtobufCMessage *body)
{
    Archivolt__ListMailboxesReply reply = ARCHIVOLT__LIST_MAILBOXES_REPLY__INIT;
    Archivolt__MailboxInfo *rows = av_xcalloc(list_rows, sizeof *rows), **list = av_xcalloc(list_rows, sizeof *list);
    uint8_t guid[16] = { 1 };

    (void)owner;
    (void)body;
    for (unsigned i = 0; i < list_rows; i++) {
        archivolt__mailbox_info__init(&rows[i]);
        rows[i].guid = (ProtobufCBinaryData){ sizeof guid, guid };
        rows[i].path = (char *)(uintptr_t) "alice/a folder with a name that takes some room";
        rows[i].uidnext = i;
        list[i] = &rows[i];
    }
    reply.mailboxes = list;
    reply.n_mailboxes = list_rows;
    av_request_reply(request, &reply.base);
    free(rows);
    free(list);
}

static const av_handler handlers[] = {
    { "archivolt.Archive.GetMessage", serve_message },
    { "archivolt.Archive.ListMailboxes", serve_list },
    { "archivolt.Intake.Put", serve_put },
};

static void *
check_session(void *ctx, const char *from, av_span session)
{
    AV_CHECK(strncmp(from, "gateway@n1#", 11) == 0);
    return av_span_eq_str(session, SESSION_TEXT) ? ctx : NULL;
}

/* ---- callers ---- */

static av_call *
get_message(const av_stream_events *events, uint32_t timeout_ms)
{
    Archivolt__GetMessageRequest body = ARCHIVOLT__GET_MESSAGE_REQUEST__INIT;
    av_call_spec spec = { .to = "instance/demo",
        .method = "archivolt.Archive.GetMessage",
        .body = &body.base,
        .session = av_span_str(SESSION_TEXT),
        .timeout_ms = timeout_ms,
        .done = outcome_done,
        .downstream = events,
        .ctx = &out };

    body.id = (char *)(uintptr_t) "M";
    outcome_release(&out);
    return av_bus_call(gateway, &spec);
}

/* ctx of a call is one for done and streams; here it is the outcome, and the flow is f. */
static void
call_data(void *ctx, av_stream *stream, av_span bytes)
{
    (void)ctx;
    on_data(&f, stream, bytes);
}

static void
call_end(void *ctx, av_stream *stream)
{
    (void)ctx;
    on_end(&f, stream);
}

static void
call_broken(void *ctx, av_stream *stream, const av_error *err)
{
    (void)ctx;
    on_broken(&f, stream, err);
}

static const av_stream_events down_events = { .on_data = call_data, .on_end = call_end, .on_broken = call_broken };

static void
test_downstream(void)
{
    int64_t start = av_clock_mono_ms();

    f = (flow){ .size = BIG };
    (void)get_message(&down_events, 10000);
    AV_CHECK(house_until(&h, &out.done, 20000));
    AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    AV_CHECK(f.taken == BIG && f.ended && !f.bad && !f.broken);
    AV_CHECK(f.most_in_way <= IN_WAY_MAX + SOCKET_MAX);
    printf("  50 MB down in %d ms, at most %llu bytes on their way\n", (int)(av_clock_mono_ms() - start),
        (unsigned long long)f.most_in_way);
}

static void
test_empty_downstream(void)
{
    f = (flow){ .size = 0 };
    (void)get_message(&down_events, 5000);
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    AV_CHECK(f.ended && f.taken == 0);
}

static void
test_wrong_session(void)
{
    Archivolt__GetMessageRequest body = ARCHIVOLT__GET_MESSAGE_REQUEST__INIT;
    av_call_spec spec = { .to = "instance/demo", .method = "archivolt.Archive.GetMessage", .body = &body.base };
    av_error err;

    body.id = (char *)(uintptr_t) "M";
    AV_CHECK_RC(av_bus_call_wait(gateway, &spec, NULL, &err), AV_ERR_AUTH, &err);
    spec.session = av_span_str("another");
    AV_CHECK_RC(av_bus_call_wait(gateway, &spec, NULL, &err), AV_ERR_AUTH, &err);
    AV_CHECK_RC(av_bus_call_wait(worker, &spec, NULL, &err), AV_ERR_DENIED, &err);
}

static void
put_room(void *ctx, av_stream *stream)
{
    (void)ctx;
    fill(&f, stream);
    if (f.written == f.size)
        av_stream_end(stream);
}

static void
put_item(void *ctx, av_stream *stream, uint64_t item)
{
    (void)ctx;
    on_item(&f, stream, item);
}

static av_call *
put(uint32_t timeout_ms)
{
    static const av_stream_events events = { .on_room = put_room, .on_item = put_item, .on_broken = call_broken };
    Archivolt__IntakeRequest body = ARCHIVOLT__INTAKE_REQUEST__INIT;
    uint8_t run[16] = { 0 };
    av_call_spec spec = { .to = "instance/demo",
        .method = "archivolt.Intake.Put",
        .body = &body.base,
        .timeout_ms = timeout_ms,
        .done = outcome_done,
        .upstream = &events,
        .ctx = &out };

    body.run = (ProtobufCBinaryData){ sizeof run, run };
    body.first_item = 1;
    outcome_release(&out);
    return av_bus_call(worker, &spec);
}

static void
test_upstream(void)
{
    int64_t start = av_clock_mono_ms();
    av_call *call;

    f = (flow){ .size = BIG };
    call = put(10000);
    AV_CHECK(av_call_upstream(call) != NULL && av_call_downstream(call) == NULL);
    AV_CHECK_INT(av_stream_room(av_call_upstream(call)), 0);
    AV_CHECK(house_until(&h, &out.done, 20000));
    AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    AV_CHECK(f.taken == BIG && f.ended && !f.bad && !f.broken);
    AV_CHECK_INT(f.items, 77);
    AV_CHECK(f.most_in_way <= IN_WAY_MAX + SOCKET_MAX);
    if (out.reply != NULL)
        AV_CHECK_INT(((Archivolt__RunAccount *)out.reply)->offered, BIG);
    printf("  50 MB up in %d ms, at most %llu bytes on their way\n", (int)(av_clock_mono_ms() - start),
        (unsigned long long)f.most_in_way);
}

static void
test_empty_upstream(void)
{
    av_call *call;

    f = (flow){ .size = 0 };
    call = put(5000);
    av_stream_end(av_call_upstream(call)); /* before anybody granted anything */
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_OK, &out.err);
    AV_CHECK(f.ended && f.taken == 0);
}

/* A reader that takes nothing off: the sender stops at the window, and goes on when it does. */
static void
test_slow_reader(void)
{
    f = (flow){ .size = 8U * 1024 * 1024, .slow = true };
    (void)put(10000);
    house_turn(&h, 300);
    AV_CHECK(f.written >= 65536 && f.taken >= 65536 && f.taken <= AV_BUS_WINDOW);
    AV_CHECK(f.written <= f.taken + (h.local_dir == NULL ? 0 : SOCKET_MAX));
    for (int i = 0; i < 500 && !out.done; i++) {
        if (f.request != NULL)
            av_stream_consumed(f.in, (size_t)f.held);
        f.held = 0;
        av_loop_turn(h.loop, 10);
    }
    AV_CHECK(out.done);
    AV_CHECK(f.taken == f.size && !f.bad);
}

static void
test_caller_cancels(void)
{
    av_call *call;

    f = (flow){ .size = BIG, .slow = true };
    call = get_message(&down_events, 10000);
    house_turn(&h, 200);
    AV_CHECK(f.taken > 0 && f.request != NULL);
    av_call_cancel(&call);
    house_turn(&h, 200);
    AV_CHECK_INT(out.count, 0);
    AV_CHECK_INT(f.gone, 1);
    AV_CHECK(f.broken);
    AV_CHECK_INT(f.err.code, AV_ERR_CANCELLED);
    AV_CHECK_INT(av_stream_room(f.out), 0);
    av_request_failf(AV_TAKE(f.request), AV_ERR_CANCELLED, "gone");
}

static void
test_callee_fails(void)
{
    f = (flow){ .size = BIG };
    (void)put(10000);
    for (int i = 0; i < 500 && f.taken < 3U * 1024 * 1024; i++)
        av_loop_turn(h.loop, 10);
    AV_CHECK(f.request != NULL);
    av_request_failf(AV_TAKE(f.request), AV_ERR_NOSPACE, "the disk is full \xff");
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_ERR_NOSPACE, &out.err);
    AV_CHECK_STR(out.err.msg, "the disk is full ?");
    AV_CHECK(f.broken);
}

/* Nothing moves: both ends notice by themselves. */
static void
test_stalled(void)
{
    f = (flow){ .size = BIG, .slow = true };
    (void)get_message(&down_events, 500);
    AV_CHECK(house_until(&h, &out.done, 5000));
    AV_CHECK_RC(out.err.code, AV_ERR_TIMEOUT, &out.err);
    house_turn(&h, 200);
    AV_CHECK_INT(f.gone, 1);
    av_request_failf(AV_TAKE(f.request), AV_ERR_TIMEOUT, "gone");
}

static void
test_long_reply(void)
{
    static const unsigned sizes[] = { 0, 100, 700, 900, 20000, 100000 };
    Archivolt__ListMailboxesRequest body = ARCHIVOLT__LIST_MAILBOXES_REQUEST__INIT;
    av_call_spec spec = { .to = "instance/demo",
        .method = "archivolt.Archive.ListMailboxes",
        .body = &body.base,
        .session = av_span_str(SESSION_TEXT) };

    for (size_t i = 0; i < AV_COUNT(sizes); i++) {
        ProtobufCMessage *reply = NULL;
        av_error err;

        av_check_row = (long)i;
        list_rows = sizes[i];
        if (sizes[i] * 70U > 8U * 1024 * 1024) { /* over the caller's max_reply_bytes */
            AV_CHECK_RC(av_bus_call_wait(gateway, &spec, &reply, &err), AV_ERR_LIMIT, &err);
            continue;
        }
        AV_CHECK_RC(av_bus_call_wait(gateway, &spec, &reply, &err), AV_OK, &err);
        if (reply == NULL)
            continue;
        AV_CHECK_INT(((Archivolt__ListMailboxesReply *)reply)->n_mailboxes, sizes[i]);
        protobuf_c_message_free_unpacked(reply, NULL);
    }
    av_check_row = -1;
    house_turn(&h, 100);
}

/* Every test both ways: what a stream does is the same. */
static void
run_all(const char *local_dir)
{
    h.local_dir = local_dir;
    gateway = house_bus(&h, &k_gateway);
    instance = house_bus(&h, &k_instance);
    worker = house_bus(&h, &k_worker);
    av_bus_serve(instance, handlers, AV_COUNT(handlers), NULL);
    av_bus_set_session_check(instance, check_session, &h);
    AV_RUN(test_downstream);
    AV_RUN(test_empty_downstream);
    AV_RUN(test_wrong_session);
    AV_RUN(test_upstream);
    AV_RUN(test_empty_upstream);
    AV_RUN(test_slow_reader);
    AV_RUN(test_caller_cancels);
    AV_RUN(test_callee_fails);
    AV_RUN(test_stalled);
    AV_RUN(test_long_reply);
    AV_CHECK((av_bus_get_counters(instance).local_streams > 0) == (local_dir != NULL));
    AV_CHECK((av_bus_get_counters(gateway).local_bytes >= BIG) == (local_dir != NULL));
    AV_CHECK((av_bus_get_counters(worker).local_bytes >= BIG) == (local_dir != NULL));
    outcome_release(&out);
    av_bus_destroy(&worker);
    av_bus_destroy(&gateway);
    av_bus_destroy(&instance);
}

int
main(void)
{
    char local_dir[300];

    house_init(&h);
    (void)snprintf(local_dir, sizeof local_dir, "%s/run", h.rig.dir);
    k_gateway = rig_actor(&h.rig, "gateway@n1");
    k_instance = rig_actor(&h.rig, "instance/demo");
    k_worker = rig_actor(&h.rig, HOUSE_WORKER);
    k_cli = rig_actor(&h.rig, "cli/op");
    rig_start(&h.rig, true);
    run_all(NULL);
    run_all(local_dir);
    house_release(&h);
    return av_check_done();
}
