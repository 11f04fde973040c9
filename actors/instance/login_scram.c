/*
 * login_scram.c - ScramBegin and ScramFinish: a login in which the password is never sent (RFC 5802, RFC 7677)
 *
 * Nothing is kept between the two: the caller brings back what it was answered, with a ticket, an HMAC of it under the key that
 * lives with the process. A user that is not there, or of whom no verifier is kept, has a salt of his own, too, the same one each
 * time; his proof fails, as a wrong one does.
 */
#include <sodium.h>

#include "actors/instance/login_priv.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/secret.h"

#define NONCE_BYTES  18
#define ROUNDS_DECOY 600000U
#define TICKET_SIZE  40 /* u64 when it runs out, HMAC */
#define TICKET_MS    60000
#define ANSWER_MAX   512

typedef struct scram_try {
    av_login_try base;
    av_buf first_bare, answer, final; /* the messages; answer is made in the first half */
    av_scram_verifier verifier;
    uint8_t signature[AV_SCRAM_KEY];
} scram_try;

static scram_try *
of(av_login_try *base)
{
    return AV_CONTAINER(base, scram_try, base);
}

static void
release(av_login_try *base)
{
    scram_try *l = of(base);

    av_buf_release(&l->first_bare);
    av_buf_release(&l->answer);
    av_buf_release_secret(&l->final);
    av_secret_wipe(&l->verifier, sizeof l->verifier);
    av_secret_wipe(l->signature, sizeof l->signature);
}

static void
keep(av_buf *into, ProtobufCBinaryData bytes)
{
    av_buf_init(into, bytes.len + 1);
    (void)av_buf_append(into, bytes.data, bytes.len);
}

/* Stable over restarts, as the salt of a user is; of no use to anybody who has not the keyring. */
static void
decoy_of(const scram_try *l, av_scram_verifier *ret)
{
    uint32_t rounds = (uint32_t)l->base.in->settings.scram_iterations;

    rounds = rounds == 0 ? ROUNDS_DECOY : AV_MAX(rounds, (uint32_t)AV_SCRAM_ROUNDS_MIN);
    av_scram_verifier_decoy(
        av_keyring_accounts_key(l->base.in->archive->keyring), av_span_str(l->base.folded), rounds, ret);
}

/* ---- the ticket ---- */

static void
put_ticket(const scram_try *l, uint64_t runs_out_ms, uint8_t ret[TICKET_SIZE])
{
    const av_span pieces[] = { av_span_str("scram"), av_span_str(av_request_from(l->base.request)),
        av_span_str(l->base.folded), av_buf_span(&l->first_bare), av_buf_span(&l->answer) };
    crypto_auth_hmacsha256_state state;

    memcpy(ret, &runs_out_ms, sizeof runs_out_ms);
    (void)crypto_auth_hmacsha256_init(&state, l->base.in->boot_key, sizeof l->base.in->boot_key);
    (void)crypto_auth_hmacsha256_update(&state, ret, sizeof runs_out_ms);
    for (size_t i = 0; i < AV_COUNT(pieces); i++) {
        uint64_t n = pieces[i].n;

        (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)&n, sizeof n);
        (void)crypto_auth_hmacsha256_update(&state, pieces[i].p, pieces[i].n);
    }
    (void)crypto_auth_hmacsha256_final(&state, ret + sizeof runs_out_ms);
}

static bool
is_ticket(const scram_try *l, ProtobufCBinaryData ticket)
{
    uint8_t want[TICKET_SIZE];
    uint64_t runs_out_ms;

    if (ticket.len != sizeof want)
        return false;
    memcpy(&runs_out_ms, ticket.data, sizeof runs_out_ms);
    put_ticket(l, runs_out_ms, want);
    return av_secret_eq(want, ticket.data, sizeof want) && (uint64_t)av_clock_mono_ms() < runs_out_ms;
}

/* ---- the first half ---- */

static void
look(av_login_try *base, const av_user *user)
{
    scram_try *l = of(base);

    decoy_of(l, &l->verifier);
    if (user != NULL && user->scram.rounds > 0)
        l->verifier = user->scram;
}

static void
put_nonce(av_buf *out)
{
    uint8_t bytes[NONCE_BYTES];

    av_random_bytes(bytes, sizeof bytes);
    (void)av_base64url_encode(av_span_of(bytes, sizeof bytes), out);
}

static void
looked(av_login_try *base)
{
    Archivolt__ScramBeginReply reply = ARCHIVOLT__SCRAM_BEGIN_REPLY__INIT;
    AV_CLEANUP(av_buf_release) av_buf nonce = { 0 };
    AV_CLEANUP(av_buf_release) av_buf message = { 0 };
    uint8_t ticket[TICKET_SIZE];
    av_scram_first first;
    scram_try *l = of(base);
    av_error err;

    /* The parser wants a header in front; the gateway, which keeps the real one, has sent the rest. */
    av_buf_init(&message, l->first_bare.n + 4);
    (void)av_buf_puts(&message, "n,,");
    (void)av_buf_append_span(&message, av_buf_span(&l->first_bare));
    if (av_scram_first_parse(av_buf_span(&message), &first, &err) != AV_OK) {
        av_request_fail(base->request, &err);
        return;
    }
    av_buf_init(&nonce, 64);
    put_nonce(&nonce);
    av_buf_init(&l->answer, ANSWER_MAX);
    (void)av_scram_first_answer(&l->verifier, first.nonce, av_buf_span(&nonce), &l->answer);
    put_ticket(l, (uint64_t)av_clock_mono_ms() + TICKET_MS, ticket);
    reply.first_answer = (ProtobufCBinaryData){ l->answer.n, l->answer.p };
    reply.ticket = (ProtobufCBinaryData){ sizeof ticket, ticket };
    av_request_reply(base->request, &reply.base);
}

static void
on_begin(void *self, av_request *request, const ProtobufCMessage *message)
{
    static const av_login_kind kind = { .check = look, .release = release, .only_looks = true, .looked = looked };
    const Archivolt__ScramBeginRequest *body = (const Archivolt__ScramBeginRequest *)message;
    av_login_try *base = av_login_begin(self, request, &kind, sizeof(scram_try), body->user_name, body->client);

    if (base == NULL)
        return;
    keep(&of(base)->first_bare, body->first_bare);
    av_login_submit(base);
}

/* ---- the second half ---- */

/* The nonce is the one of the answer: "r=" up to ",s=". */
static bool
is_nonce_of(const scram_try *l, av_span nonce)
{
    av_span answer = av_buf_span(&l->answer);
    size_t end = av_span_find(answer, ',');

    return end >= 2 && av_span_eq(nonce, av_span_slice(answer, 2, end));
}

static void
check(av_login_try *base, const av_user *user)
{
    scram_try *l = of(base);
    bool known = user != NULL && user->scram.rounds > 0;
    av_scram_final final;
    av_error why;

    decoy_of(l, &l->verifier);
    if (known)
        l->verifier = user->scram;
    if (av_scram_final_parse(av_buf_span(&l->final), &final, &why) != AV_OK)
        return;
    base->right = is_nonce_of(l, final.nonce) &&
                  av_scram_final_check(
                      &final, &l->verifier, av_buf_span(&l->first_bare), av_buf_span(&l->answer), l->signature) &&
                  known;
}

static void
admitted(av_login_try *base, const av_session *session)
{
    Archivolt__ScramFinishReply reply = ARCHIVOLT__SCRAM_FINISH_REPLY__INIT;

    reply.session.data = (uint8_t *)(uintptr_t)session->token;
    reply.session.len = sizeof session->token;
    reply.user_name = (char *)(uintptr_t)session->user;
    reply.idle_timeout_s = (uint32_t)base->in->settings.session_idle_s;
    reply.signature.data = of(base)->signature;
    reply.signature.len = sizeof of(base)->signature;
    av_request_reply(base->request, &reply.base);
}

static void
on_finish(void *self, av_request *request, const ProtobufCMessage *message)
{
    static const av_login_kind kind = { .check = check, .admitted = admitted, .release = release };
    const Archivolt__ScramFinishRequest *body = (const Archivolt__ScramFinishRequest *)message;
    av_login_try *base = av_login_begin(self, request, &kind, sizeof(scram_try), body->user_name, body->client);

    if (base == NULL)
        return;
    keep(&of(base)->first_bare, body->first_bare);
    keep(&of(base)->answer, body->first_answer);
    keep(&of(base)->final, body->client_final);
    if (is_ticket(of(base), body->ticket)) {
        av_login_submit(base);
        return;
    }
    av_request_failf(request, AV_ERR_AUTH, "the login took too long, or the instance was restarted: try again");
    av_login_drop(base);
}

void
av_login_scram_serve(av_instance *self)
{
    static const av_handler handlers[] = {
        { "archivolt.Instance.ScramBegin", on_begin },
        { "archivolt.Instance.ScramFinish", on_finish },
    };

    av_bus_serve(self->bus, handlers, AV_COUNT(handlers), self);
}
