/*
 * db.h - the rows of the management database (D/management/db)
 *
 * Keys are "<table letter>/<name>". Rows are the owner's own: fixed little-endian fields and blobs (u32 length,
 * bytes); protobuf messages of the contract are kept packed in a blob, so that unknown fields of a newer version
 * survive. Changes go through the groups of storage/meta/meta.h and are always committed synced. Blocks on disk.
 */
#ifndef AV_ACTORS_MANAGEMENT_DB_H
#define AV_ACTORS_MANAGEMENT_DB_H

#include <protobuf-c/protobuf-c.h>

#include "storage/meta/meta.h"

enum {
    AV_DB_ADMIN = 'a',     /* folded user name: admins.c */
    AV_DB_INSTANCE = 'i',  /* instance id: instances.c */
    AV_DB_NODE = 'n',      /* node name: nodes.c */
    AV_DB_OPERATION = 'o', /* operation id: jobs.c */
    AV_DB_PLAN = 'p',      /* operation id: jobs.c */
    AV_DB_ENTRY = 'r',     /* public key: registrar.c */
    AV_DB_TASK = 'k',      /* caller and idempotency key: tasks.c */
    AV_DB_TOMBSTONE = 't', /* name: instances.c */
    AV_DB_VALUE = 'v'      /* single values: serial, bootstrap digest */
};

#define AV_DB_ROW_MAX (1U << 20)

void av_db_put(av_meta *db, char table, av_span key, av_span row);
void av_db_delete(av_meta *db, char table, av_span key);
/* Replaces out. AV_ERR_NOT_FOUND. */
av_errc av_db_get(av_meta *db, char table, av_span key, av_buf *out, av_error *err);
/* fn for each row in order of the keys (without "<letter>/"); an error of fn ends the walk. fn must not change the
   database. */
typedef av_errc av_db_row_fn(void *ctx, av_span key, av_span row, av_error *err);
av_errc av_db_each(av_meta *db, char table, av_db_row_fn *fn, void *ctx, av_error *err);

bool av_db_put_blob(av_buf *row, av_span bytes);
bool av_db_get_blob(av_span *row, av_span *ret);
bool av_db_put_message(av_buf *row, const ProtobufCMessage *message);
/* ret is owned by the caller (protobuf_c_message_free_unpacked). false: malformed. */
bool av_db_get_message(av_span *row, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret);
/* A deep copy, owned by the caller. */
ProtobufCMessage *av_message_clone(const ProtobufCMessage *message);

#endif
