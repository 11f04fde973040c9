/*
 * ask.h - one request as the threads see it: who asks, what, and where the reply goes
 *
 * Functions of this shape know no bus and no thread; work.c runs them on a reader, or on the writer inside a group of
 * accounts together with the idempotency result. A reply is heap memory as protobuf_c_message_free_unpacked frees it.
 */
#ifndef AV_INSTANCE_ASK_H
#define AV_INSTANCE_ASK_H

#include <protobuf-c/protobuf-c.h>

#include "actors/instance/archive.h"
#include "base/scram.h"

typedef struct av_ask {
    av_archive *archive;
    const ProtobufCMessage *body;   /* of the method's input type */
    const char *user;               /* end user of the session, or NULL */
    const char *caller;             /* actor or administrator, for the log */
    const char *password_hash;      /* of the body's password, for methods that carry one: hashed before, on a reader */
    const av_scram_verifier *scram; /* of the same password; NULL: none is kept */
    ProtobufCMessage *reply;        /* out; NULL: Empty */
    char *ended_user;               /* out: sessions of this user end when the group is committed; heap */
} av_ask;

typedef av_errc av_ask_fn(av_ask *ask, av_error *err);

/* A zeroed message of this type, initialised. Ends the process when memory is gone. */
void *av_reply_new(const ProtobufCMessageDescriptor *type);
/* reply->field = copy of bytes. */
void av_reply_bytes(ProtobufCBinaryData *field, const void *p, size_t n);
/* One more pointer at the end of a repeated field. */
void av_reply_push(void *repeated, size_t *count, void *element);
/* "2026-11-22T11:33:31", UTC; heap. */
char *av_reply_date(int64_t ms);
/* Frees reply and ended_user. */
void av_ask_release(av_ask *self);

/*
 * Run fn in a group of accounts. key: 32 bytes derived from caller and idempotency key, or NULL. A key seen before with the
 * same body gives the reply of then and changes nothing; with another body AV_ERR_CONFLICT (decisions.md 20). Writer.
 */
av_errc av_ask_write(
    av_ask *self, av_ask_fn *fn, const ProtobufCMessageDescriptor *output, const uint8_t key[32], av_error *err);
/* The same for fn that commits by itself and opens no group of accounts; the result is kept behind it. A crash in between
 * runs fn again when the request is repeated: it finds the work done. */
av_errc av_ask_do(
    av_ask *self, av_ask_fn *fn, const ProtobufCMessageDescriptor *output, const uint8_t key[32], av_error *err);
/* A request's bytes, which may hold a password: ret is released with av_buf_release_secret. */
void av_ask_pack(const ProtobufCMessage *body, av_buf *ret);
/* The key of above. caller: actor name, connection left out. */
void av_ask_key(const char *caller, const char *method, av_span idempotency_key, uint8_t ret[32]);

#endif
