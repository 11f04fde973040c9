/*
 * tasks.c - see tasks.h
 */
#include "actors/management/tasks.h"

#include <sodium.h>

#include "actors/bus/names.h"
#include "actors/management/db.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/secret.h"

#define KEEP_MS     INT64_C(86400000)
#define DIGEST_SIZE 32
#define EXPIRE_MOST 1000

struct av_tasks {
    av_meta *db;
    uint8_t hash_key[32];
    av_map *at_work; /* key -> av_task */
};

struct waiting {
    av_request *request;
    struct waiting *next;
};

struct av_task {
    av_tasks *owner;
    uint8_t key[AV_TASK_KEY_MAX];
    size_t key_n; /* 0: no idempotency key */
    uint8_t digest[DIGEST_SIZE];
    struct waiting *requests;
};

av_tasks *
av_tasks_new(av_meta *db, const uint8_t hash_key[32])
{
    av_tasks *self = av_xcalloc(1, sizeof *self);

    self->db = db;
    memcpy(self->hash_key, hash_key, 32);
    self->at_work = av_map_new();
    return self;
}

static void
task_free(void *task)
{
    av_task *t = task;

    while (t->requests != NULL) {
        struct waiting *w = t->requests;

        t->requests = w->next;
        free(w);
    }
    free(t);
}

void
av_tasks_destroy(av_tasks **self)
{
    if (*self == NULL)
        return;
    av_map_destroy(&(*self)->at_work, task_free);
    av_secret_wipe((*self)->hash_key, sizeof(*self)->hash_key);
    free(*self);
    *self = NULL;
}

static void
make_digest(const av_tasks *self, const av_method_info *method, const ProtobufCMessage *body, uint8_t ret[DIGEST_SIZE])
{
    size_t n = protobuf_c_message_get_packed_size(body);
    AV_CLEANUP(av_free) uint8_t *packed = av_xalloc(n);
    crypto_generichash_state state;

    (void)protobuf_c_message_pack(body, packed);
    (void)crypto_generichash_init(&state, self->hash_key, sizeof self->hash_key, DIGEST_SIZE);
    (void)crypto_generichash_update(&state, (const uint8_t *)method->name, strlen(method->name) + 1);
    (void)crypto_generichash_update(&state, packed, n);
    (void)crypto_generichash_final(&state, ret, DIGEST_SIZE);
    av_secret_wipe(packed, n);
}

static void
add_request(av_task *self, av_request *request)
{
    struct waiting *w = av_xcalloc(1, sizeof *w), **at = &self->requests;

    w->request = request;
    while (*at != NULL)
        at = &(*at)->next;
    *at = w;
}

/* Rows: expiry, digest, packed reply. false: there is none (or it has run out). */
static bool
answer_from_memory(av_tasks *self, const av_task *t, av_request *request)
{
    AV_CLEANUP(av_buf_release_secret) av_buf row = { 0 };
    ProtobufCMessage *reply = NULL;
    uint64_t expires = 0;
    av_span rest, digest;
    av_error err;

    av_buf_init(&row, AV_DB_ROW_MAX);
    if (av_db_get(self->db, AV_DB_TASK, av_span_of(t->key, t->key_n), &row, &err) != AV_OK)
        return false;
    rest = av_buf_span(&row);
    if (!av_span_get_u64(&rest, &expires) || (int64_t)expires <= av_clock_wall_ms() || !av_db_get_blob(&rest, &digest))
        return false;
    if (!av_span_eq(digest, av_span_of(t->digest, DIGEST_SIZE)))
        av_request_failf(request, AV_ERR_CONFLICT, "this idempotency key was used for another request");
    else if (!av_db_get_message(&rest, av_request_method(request)->output, &reply))
        av_request_failf(request, AV_ERR_CORRUPT, "the kept result of this request cannot be read");
    else
        av_request_reply(request, reply);
    if (reply != NULL)
        protobuf_c_message_free_unpacked(reply, NULL);
    return true;
}

av_task *
av_tasks_begin(av_tasks *self, av_request *request, const ProtobufCMessage *body)
{
    av_span key = av_request_idempotency_key(request), name = av_sender_name(av_span_str(av_request_from(request)));
    av_task *t = av_xcalloc(1, sizeof *t), *same;

    t->owner = self;
    make_digest(self, av_request_method(request), body, t->digest);
    if (key.n > 0 && name.n + 1 + key.n <= sizeof t->key) {
        memcpy(t->key, name.p, name.n);
        memcpy(t->key + name.n + 1, key.p, key.n);
        t->key_n = name.n + 1 + key.n;
    }
    if (t->key_n == 0) {
        add_request(t, request);
        return t;
    }
    same = av_map_get(self->at_work, av_span_of(t->key, t->key_n));
    if (same != NULL && memcmp(same->digest, t->digest, DIGEST_SIZE) != 0)
        av_request_failf(request, AV_ERR_CONFLICT, "this idempotency key was used for another request");
    else if (same != NULL)
        add_request(same, request);
    else if (!answer_from_memory(self, t, request)) {
        add_request(t, request);
        (void)av_map_put(self->at_work, av_span_of(t->key, t->key_n), t);
        return t;
    }
    task_free(t);
    return NULL;
}

av_request *
av_task_request(const av_task *self)
{
    return self->requests->request;
}

av_span
av_task_key(const av_task *self)
{
    return av_span_of(self->key, self->key_n);
}

av_span
av_task_digest(const av_task *self)
{
    return av_span_of(self->digest, DIGEST_SIZE);
}

av_task *
av_tasks_find(av_tasks *self, av_span key)
{
    return key.n == 0 ? NULL : av_map_get(self->at_work, key);
}

void
av_tasks_record(av_tasks *self, av_span key, av_span digest, const ProtobufCMessage *reply)
{
    AV_CLEANUP(av_buf_release_secret) av_buf row = { 0 };

    if (key.n == 0)
        return;
    av_buf_init(&row, AV_DB_ROW_MAX);
    (void)av_buf_put_u64(&row, (uint64_t)(av_clock_wall_ms() + KEEP_MS));
    (void)av_db_put_blob(&row, digest);
    if (av_db_put_message(&row, reply))
        av_db_put(self->db, AV_DB_TASK, key, av_buf_span(&row));
}

void
av_task_record(av_task *self, const ProtobufCMessage *reply)
{
    av_tasks_record(self->owner, av_task_key(self), av_task_digest(self), reply);
}

/* Out of the table first: an answer may lead to a new request with the same key only after it. */
static av_task *
take(av_task **self)
{
    av_task *t = AV_TAKE(*self);

    if (t->key_n > 0)
        (void)av_map_remove(t->owner->at_work, av_task_key(t));
    return t;
}

void
av_task_reply(av_task **self, const ProtobufCMessage *reply)
{
    av_task *t = take(self);

    for (struct waiting *w = t->requests; w != NULL; w = w->next)
        av_request_reply(w->request, reply);
    task_free(t);
}

void
av_task_fail(av_task **self, const av_error *err)
{
    av_task *t = take(self);

    for (struct waiting *w = t->requests; w != NULL; w = w->next)
        av_request_fail(w->request, err);
    task_free(t);
}

av_errc
av_task_commit(av_task **self, const ProtobufCMessage *reply, av_error *err)
{
    av_errc rc;

    av_task_record(*self, reply);
    rc = av_meta_commit((*self)->owner->db, true, err);
    if (rc == AV_OK)
        av_task_reply(self, reply);
    else
        av_task_fail(self, err);
    return rc;
}

struct expiry {
    av_buf keys; /* blobs */
    int64_t now;
    size_t count;
};

static av_errc
collect_expired(void *ctx, av_span key, av_span row, av_error *err AV_UNUSED)
{
    struct expiry *e = ctx;
    uint64_t expires = 0;

    if (e->count < EXPIRE_MOST && (!av_span_get_u64(&row, &expires) || (int64_t)expires <= e->now) &&
        av_db_put_blob(&e->keys, key))
        e->count++;
    return AV_OK;
}

av_errc
av_tasks_expire(av_tasks *self, int64_t now_unix_ms, av_error *err)
{
    struct expiry e = { .now = now_unix_ms };
    av_span rest, key;
    av_errc rc;

    av_buf_init(&e.keys, EXPIRE_MOST * (AV_TASK_KEY_MAX + 4));
    rc = av_db_each(self->db, AV_DB_TASK, collect_expired, &e, err);
    if (rc == AV_OK && e.count > 0) {
        av_meta_begin(self->db);
        for (rest = av_buf_span(&e.keys); av_db_get_blob(&rest, &key);)
            av_db_delete(self->db, AV_DB_TASK, key);
        rc = av_meta_commit(self->db, true, err);
    }
    av_buf_release(&e.keys);
    return rc;
}
