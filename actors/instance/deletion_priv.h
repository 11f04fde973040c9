/*
 * deletion_priv.h - what the files of deletion.h share (deletion.c)
 */
#ifndef AV_INSTANCE_DELETION_PRIV_H
#define AV_INSTANCE_DELETION_PRIV_H

#include "actors/instance/deletion.h"

#define AV_DELETION_BYTES (64U * 1024 * 1024) /* of one gathered list of placements or LSNs */

/* Message ids as asked for. Zeroed at first. */
typedef struct av_id_set {
    uint8_t (*v)[AV_MESSAGE_ID_BYTES];
    size_t n;
} av_id_set;

void av_id_set_release(av_id_set *self);
/* 1 to 10,000 ids in their text form; otherwise AV_ERR_INVALID. What was taken before a failure is the caller's to release. */
av_errc av_id_set_take(char *const *texts, size_t n, av_id_set *ret, av_error *err);
/* digest: its first AV_MESSAGE_ID_BYTES are looked at. */
bool av_id_set_has(const av_id_set *self, const uint8_t *digest);

/* Of the content at this LSN. Reads its record: AV_ERR_NOT_FOUND when it was erased, AV_ERR_CORRUPT, AV_ERR_IO. */
av_errc av_deletion_digest(const av_open_store *store, uint64_t lsn, uint8_t ret[AV_SHA256_SIZE], av_error *err);
/* Writer: placements of an id, appended to out as av_placement; guid NULL: in all mailboxes. AV_ERR_LIMIT: out is full. */
av_errc av_deletion_placements(av_archive *archive, const uint8_t *id, const uint8_t *guid, av_buf *out, av_error *err);

#endif
