/*
 * bundle_priv.h - what bundle.c (clear header and key), bundle_write.c and bundle_read.c share
 */
#ifndef AV_BACKUP_BUNDLE_PRIV_H
#define AV_BACKUP_BUNDLE_PRIV_H

#include <sodium.h>

#include "storage/backup/backup_priv.h"
#include "storage/backup/bundle.h"

#define BUNDLE_PIECE         65536U
#define BUNDLE_SEALED        (BUNDLE_PIECE + crypto_secretstream_xchacha20poly1305_ABYTES)
#define BUNDLE_BOX           (crypto_box_SEALBYTES + 32U)
#define BUNDLE_STREAM        crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define BUNDLE_HEADER        (8U + 2U + 2U + 4U + 4U + 16U + BUNDLE_BOX + BUNDLE_STREAM)
#define BUNDLE_BY_PASSPHRASE 1U
#define BUNDLE_BY_RECOVERY   2U

/* Clear header: magic, format, kind, then what each kind needs, then the stream's own header. */
typedef struct bundle_head {
    uint16_t kind;
    uint32_t ops, mem_kb;
    uint8_t salt[16];
    uint8_t box[BUNDLE_BOX];
    uint8_t stream[BUNDLE_STREAM];
} bundle_head;

void bundle_head_encode(const bundle_head *self, av_buf *out);
/* Pure. AV_ERR_CORRUPT, AV_ERR_VERSION. */
av_errc bundle_head_decode(av_span in, bundle_head *ret, av_error *err);
/* A key for a new bundle; what leads back to it goes into head. The caller wipes ret. */
av_errc bundle_make_key(const av_bundle_secret *secret, bundle_head *head, uint8_t ret[32], av_error *err);
/* AV_ERR_AUTH: not the secret it is sealed with; a wrong passphrase shows at the first piece alone. */
av_errc bundle_find_key(const av_bundle_secret *secret, const bundle_head *head, uint8_t ret[32], av_error *err);

#endif
