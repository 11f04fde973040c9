/*
 * ask.c - replies on the heap, and changes of accounts with their idempotency result
 */
#include "actors/instance/ask.h"

#include "base/clock.h"
#include "base/encode.h"

#define REPLY_MAX AV_ROW_MAX

void *
av_reply_new(const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *m = av_xcalloc(1, type->sizeof_message);

    protobuf_c_message_init(type, m);
    return m;
}

void
av_reply_bytes(ProtobufCBinaryData *field, const void *p, size_t n)
{
    field->data = av_xalloc(n == 0 ? 1 : n);
    field->len = n;
    if (n > 0)
        memcpy(field->data, p, n);
}

void
av_reply_push(void *repeated, size_t *count, void *element)
{
    void **list;

    memcpy(&list, repeated, sizeof list);
    /* Grown at powers of two: the count alone tells the room. */
    if ((*count & (*count - 1)) == 0)
        list = av_xrealloc(list, (*count == 0 ? 1 : *count * 2) * sizeof *list);
    list[(*count)++] = element;
    memcpy(repeated, &list, sizeof list);
}

char *
av_reply_date(int64_t ms)
{
    char text[32];

    (void)av_clock_format(ms, text);
    text[strlen("2026-11-22T11:33:31")] = '\0';
    return av_xstrdup(text);
}

void
av_ask_release(av_ask *self)
{
    if (self->reply != NULL)
        protobuf_c_message_free_unpacked(self->reply, NULL);
    self->reply = NULL;
    free(self->ended_user);
    self->ended_user = NULL;
}

void
av_ask_key(const char *caller, const char *method, av_span idempotency_key, uint8_t ret[32])
{
    av_sha256_stream *sha = av_sha256_stream_new();
    size_t n = strcspn(caller, "#");

    av_sha256_stream_update(sha, av_span_of(caller, n));
    av_sha256_stream_update(sha, av_span_of("", 1));
    av_sha256_stream_update(sha, av_span_of(method, strlen(method) + 1));
    av_sha256_stream_update(sha, idempotency_key);
    av_sha256_stream_finish(&sha, ret);
}

void
av_ask_pack(const ProtobufCMessage *body, av_buf *ret)
{
    size_t n = protobuf_c_message_get_packed_size(body);
    uint8_t *room;

    av_buf_init(ret, n + 1);
    room = av_buf_reserve(ret, n + 1);
    assert(room != NULL);
    ret->n = protobuf_c_message_pack(body, room);
}

static void
digest_body(const ProtobufCMessage *body, uint8_t ret[32])
{
    AV_CLEANUP(av_buf_release_secret) av_buf packed = { 0 };

    av_ask_pack(body, &packed);
    av_sha256(av_buf_span(&packed), ret);
}

/* The reply of the first time. *ret_seen false: the key is new. */
static av_errc
replay(av_ask *self, const ProtobufCMessageDescriptor *output, const uint8_t key[32], const uint8_t digest[32],
    bool *ret_seen, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf result = { 0 };
    av_errc rc;

    av_buf_init(&result, REPLY_MAX);
    rc = av_accounts_result_get(
        av_accounts_writer(self->archive->accounts), av_span_of(key, 32), digest, av_clock_wall_ms(), &result, err);
    *ret_seen = rc == AV_OK;
    if (rc == AV_ERR_NOT_FOUND)
        return AV_OK;
    if (rc == AV_ERR_CONFLICT)
        return av_error_set(err, rc, "this idempotency key was used for another request");
    if (rc == AV_OK)
        self->reply = protobuf_c_message_unpack(output, NULL, result.n, result.p);
    if (rc == AV_OK && self->reply == NULL)
        return av_error_set(err, AV_ERR_CORRUPT, "the stored result of this request cannot be read");
    return rc;
}

static av_errc
keep(av_ask *self, const uint8_t key[32], const uint8_t digest[32], av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf result = { 0 };
    size_t n = self->reply == NULL ? 0 : protobuf_c_message_get_packed_size(self->reply), expired;
    int64_t now = av_clock_wall_ms();
    uint8_t *room;
    av_errc rc;

    av_buf_init(&result, REPLY_MAX);
    room = av_buf_reserve(&result, n + 1);
    if (room == NULL)
        return av_error_set(err, AV_ERR_LIMIT, "the result of this request is over %u bytes", REPLY_MAX);
    if (n > 0)
        result.n = protobuf_c_message_pack(self->reply, room);
    rc = av_accounts_results_expire(self->archive->accounts, now, 64, &expired, err);
    if (rc != AV_OK)
        return rc;
    return av_accounts_result_put(
        self->archive->accounts, av_span_of(key, 32), digest, av_buf_span(&result), now + AV_DAY_MS, err);
}

/* fn inside the group of accounts with its result, or before it. */
static av_errc
run_once(av_ask *self, av_ask_fn *fn, bool inside, const ProtobufCMessageDescriptor *output, const uint8_t key[32],
    av_error *err)
{
    uint8_t digest[32];
    bool seen = false;
    av_errc rc = AV_OK;

    if (key != NULL) {
        digest_body(self->body, digest);
        rc = replay(self, output, key, digest, &seen, err);
        if (rc != AV_OK || seen)
            return rc;
    }
    if (!inside) {
        rc = fn(self, err);
        if (rc != AV_OK || key == NULL)
            return rc;
    }
    av_accounts_begin(self->archive->accounts);
    if (inside)
        rc = fn(self, err);
    if (rc == AV_OK && key != NULL)
        rc = keep(self, key, digest, err);
    if (rc == AV_OK)
        return av_accounts_commit(self->archive->accounts, err);
    av_accounts_rollback(self->archive->accounts);
    return rc;
}

av_errc
av_ask_write(
    av_ask *self, av_ask_fn *fn, const ProtobufCMessageDescriptor *output, const uint8_t key[32], av_error *err)
{
    return run_once(self, fn, true, output, key, err);
}

av_errc
av_ask_do(av_ask *self, av_ask_fn *fn, const ProtobufCMessageDescriptor *output, const uint8_t key[32], av_error *err)
{
    return run_once(self, fn, false, output, key, err);
}
