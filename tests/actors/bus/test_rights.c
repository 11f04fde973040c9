/*
 * test_rights.c - who may call what; bodies; the command line of an actor
 */
#include "actors/bus/rights.h"

#include "actors/bus/args.h"
#include "actors/bus/body.h"
#include "base/secret.h"
#include "proto/archive.pb-c.h"
#include "proto/host.pb-c.h"
#include "tests/check.h"

static uint8_t sign_public[AV_SIGN_PUBLIC], sign_secret[AV_SIGN_SECRET];
static uint8_t ticket[400];
static size_t ticket_n;

static void
make_ticket(const char *issued_to, int64_t expires)
{
    Archivolt__AdminTicket t = ARCHIVOLT__ADMIN_TICKET__INIT;

    t.user_name = (char *)(uintptr_t) "root";
    t.issued_to = (char *)(uintptr_t)issued_to;
    t.expires_unix_ms = expires;
    ticket_n = archivolt__admin_ticket__pack(&t, ticket + AV_SIGNATURE_SIZE);
    av_sign(av_span_of(ticket + AV_SIGNATURE_SIZE, ticket_n), sign_secret, ticket);
    ticket_n += AV_SIGNATURE_SIZE;
}

static void *
check_session(void *ctx, const char *from, av_span session)
{
    (void)from;
    return av_span_eq_str(session, "session") ? ctx : NULL;
}

/* What a sender gets: the class that admits it, or minus the error. */
static int
ask(const char *method, const char *from, av_span session, bool with_sessions)
{
    static int object;
    av_rights_ask a = { .method = av_proto_method(method),
        .from = from,
        .session = session,
        .registry_key = sign_public,
        .now_unix_ms = 1000,
        .session_check = with_sessions ? check_session : NULL,
        .session_ctx = &object };
    av_rights r = { 0 };
    av_error err;
    av_errc rc = av_rights_check(&a, &r, &err);

    if (rc != AV_OK)
        return -(int)rc;
    AV_CHECK((r.ticket != NULL) == (r.caller == ARCHIVOLT__CALLER__CALLER_ADMIN));
    AV_CHECK((r.session != NULL) == (r.caller == ARCHIVOLT__CALLER__CALLER_SESSION));
    if (r.ticket != NULL)
        archivolt__admin_ticket__free_unpacked(r.ticket, NULL);
    return (int)r.caller;
}

#define PING  "archivolt.Actor.Ping"            /* any */
#define START "archivolt.Host.StartInstance"    /* management */
#define USERS "archivolt.Instance.GetUsers"     /* admin, operator */
#define BOXES "archivolt.Archive.ListMailboxes" /* session */

static void
test_rights(void)
{
    av_span none = av_span_of(NULL, 0), session = av_span_str("session"), wrong = av_span_str("wrong");

    AV_CHECK_INT(ask(PING, "cli/op#1", none, false), ARCHIVOLT__CALLER__CALLER_OPERATOR);
    AV_CHECK_INT(
        ask(PING, "worker/n1/00112233445566778899aabbccddeeff#1", none, false), ARCHIVOLT__CALLER__CALLER_WORKER);
    AV_CHECK_INT(ask(PING, "broker@n1#1", none, false), -AV_ERR_DENIED);
    AV_CHECK_INT(ask(PING, "somebody#1", none, false), -AV_ERR_DENIED);
    AV_CHECK_INT(ask(START, "management#1", none, false), ARCHIVOLT__CALLER__CALLER_MANAGEMENT);
    AV_CHECK_INT(ask(START, "cli/op#1", none, false), -AV_ERR_DENIED);
    AV_CHECK_INT(ask(START, "instance/management#1", none, false), -AV_ERR_DENIED);
    AV_CHECK_INT(ask(BOXES, "gateway@n1#1", none, true), -AV_ERR_AUTH);
    AV_CHECK_INT(ask(BOXES, "gateway@n1#1", session, true), ARCHIVOLT__CALLER__CALLER_SESSION);
    AV_CHECK_INT(ask(BOXES, "cli/op#1", session, true), ARCHIVOLT__CALLER__CALLER_SESSION);
    AV_CHECK_INT(ask(BOXES, "gateway@n1#1", wrong, true), -AV_ERR_AUTH);
    AV_CHECK_INT(ask(BOXES, "gateway@n1#1", session, false), -AV_ERR_AUTH);
    AV_CHECK_INT(ask(BOXES, "host/n1#1", session, true), -AV_ERR_DENIED);

    make_ticket("gateway@n1#1", 2000);
    AV_CHECK_INT(ask(USERS, "gateway@n1#1", av_span_of(ticket, ticket_n), true), ARCHIVOLT__CALLER__CALLER_ADMIN);
    AV_CHECK_INT(ask(USERS, "gateway@n1#2", av_span_of(ticket, ticket_n), true), -AV_ERR_AUTH);
    AV_CHECK_INT(ask(USERS, "host/n1#1", av_span_of(ticket, ticket_n), true), -AV_ERR_DENIED);
    AV_CHECK_INT(ask(USERS, "gateway@n1#1", none, true), -AV_ERR_AUTH);
    AV_CHECK_INT(ask(USERS, "cli/op#1", none, true), ARCHIVOLT__CALLER__CALLER_OPERATOR);
    ticket[AV_SIGNATURE_SIZE + 3] ^= 1;
    AV_CHECK_INT(ask(USERS, "gateway@n1#1", av_span_of(ticket, ticket_n), true), -AV_ERR_AUTH);
    AV_CHECK_INT(ask(USERS, "gateway@n1#1", av_span_of(ticket, 64), true), -AV_ERR_AUTH);
    make_ticket("gateway@n1#1", 1000);
    AV_CHECK_INT(ask(USERS, "gateway@n1#1", av_span_of(ticket, ticket_n), true), -AV_ERR_AUTH);
}

static const struct {
    const char *bytes;
    size_t n;
    bool limits;
    av_errc want;
} bodies[] = {
    /* InstanceIdRequest: field 1 is a required string */
    { "\x0a\x04"
      "demo",
        6, true, AV_OK },
    { "\x0a\x04"
      "de\0o",
        6, true, AV_ERR_INVALID },
    { "\x0a\x02\xc3\x28", 4, true, AV_ERR_INVALID }, { "\x0a\x02\xc3\xa4", 4, true, AV_OK },
    { "", 0, true, AV_ERR_SYNTAX },
    { "\x0a\x05"
      "demo",
        6, true, AV_ERR_SYNTAX },
    { "\x0a", 1, true, AV_ERR_SYNTAX }, { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, true, AV_ERR_SYNTAX },
    { "\x08\x04", 2, true, AV_ERR_SYNTAX }, /* another wire type */
    { "\x0a\x01"
      "d\xfa\x01\x02\xff\xff",
        8, true, AV_OK },                   /* an unknown field may hold anything */
    { "\x0b\x0c", 2, true, AV_ERR_SYNTAX }, /* groups are no part of the contract */
};

static void
test_bodies(void)
{
    static char text[1100];
    ProtobufCMessage *m = NULL;
    av_error err;

    for (size_t i = 0; i < AV_COUNT(bodies); i++) {
        av_check_row = (long)i;
        m = NULL;
        AV_CHECK_RC(av_body_open(&archivolt__instance_id_request__descriptor, av_span_of(bodies[i].bytes, bodies[i].n),
                        bodies[i].limits, &m, &err),
            bodies[i].want, &err);
        if (m != NULL)
            protobuf_c_message_free_unpacked(m, NULL);
    }
    av_check_row = -1;
    memset(text, 'a', sizeof text);
    memcpy(text, "\x0a\xc9\x08", 3); /* 1097 bytes */
    AV_CHECK_RC(
        av_body_open(&archivolt__instance_id_request__descriptor, av_span_of(text, sizeof text), true, &m, &err),
        AV_ERR_LIMIT, &err);
    AV_CHECK(strstr(err.msg, "instance_id") != NULL);
    AV_CHECK_RC(
        av_body_open(&archivolt__instance_id_request__descriptor, av_span_of(text, sizeof text), false, &m, &err),
        AV_OK, &err);
    protobuf_c_message_free_unpacked(m, NULL);
}

static av_errc
parse(const char *a, const char *b, const char *c, av_actor_args *ret)
{
    char *argv[] = { (char *)(uintptr_t) "prog", (char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c,
        NULL };
    int argc = 1;
    av_error err;

    while (argv[argc] != NULL)
        argc++;
    return av_actor_args_parse(argc, argv, ret, &err);
}

static void
test_args(void)
{
    av_actor_args args;

    AV_CHECK_INT(parse("--data", "/x", "--help", &args), AV_OK);
    AV_CHECK(args.help && !args.version && args.keys_fd == -1);
    AV_CHECK_STR(args.data, "/x");
    AV_CHECK_INT(parse("--data", NULL, NULL, &args), AV_ERR_SYNTAX);
    AV_CHECK_INT(parse("--unknown", NULL, NULL, &args), AV_ERR_SYNTAX);
    AV_CHECK_INT(parse("word", NULL, NULL, &args), AV_ERR_SYNTAX);
    AV_CHECK_INT(parse("--keys-fd", "999", NULL, &args), AV_ERR_SYNTAX);
    AV_CHECK_INT(parse("--keys-fd", "x", NULL, &args), AV_ERR_SYNTAX);
    AV_CHECK_INT(parse("--set", "novalue", NULL, &args), AV_ERR_SYNTAX);
    AV_CHECK_INT(parse("--arg", "dir=/a=b", NULL, &args), AV_OK);
    AV_CHECK_STR(av_actor_args_get(&args, "dir"), "/a=b");
    AV_CHECK(av_actor_args_get(&args, "di") == NULL);
}

int
main(void)
{
    av_secret_init();
    av_sign_generate(sign_public, sign_secret);
    AV_RUN(test_rights);
    AV_RUN(test_bodies);
    AV_RUN(test_args);
    return av_check_done();
}
