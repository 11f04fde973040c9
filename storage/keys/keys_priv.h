/*
 * keys_priv.h - what the files of this folder share: deriving keys, the one shape of all key files, writing them
 *
 * Layouts and order of writes: docs/format-keys.md, 1, 2 and 4.
 */
#ifndef AV_KEYS_KEYS_PRIV_H
#define AV_KEYS_KEYS_PRIV_H

#include "base/buf.h"
#include "base/error.h"

#define KEYS_FORMAT          1
#define KEYS_SIZE            32U
#define KEYS_CHECK           8U
#define KEYS_TAG             16U
#define KEYS_SEALED_BOX      96U /* crypto_box_seal of UUID and key */
#define KEYS_HEADER          84U
#define KEYS_HEADER_RECOVERY 212U
#define KEYS_PATH            4096U

/* HKDF-Expand of RFC 5869, 2.3, one block. label: at most 32 bytes. The caller wipes ret. */
void keys_derive(const uint8_t key[32], const char *label, uint8_t ret[32]);
/* Tells which key is meant and nothing about it. */
void keys_check(const uint8_t key[32], uint8_t ret[KEYS_CHECK]);
void keys_check_recovery(const uint8_t public_half[32], uint8_t ret[KEYS_CHECK]);
/* The identifier people see: 5 bytes of a check as "XXXX-XXXX". ret: AV_KEY_ID_TEXT bytes. */
void keys_id_text(const uint8_t check[KEYS_CHECK], char *ret);

typedef enum keys_file_kind { KEYS_RING, KEYS_HEAD, KEYS_TREE, KEYS_LOCK } keys_file_kind;

/* A key file's header. size, piece and nonce are set by encoding. */
typedef struct keys_header {
    keys_file_kind kind;
    uint32_t container;
    uint8_t uuid[16];
    uint64_t version;
    uint8_t check[KEYS_CHECK];
    uint32_t piece; /* bytes of the sealed piece, with tag */
    uint8_t nonce[24];
    uint8_t recovery_public[32]; /* KEYS_RING and KEYS_LOCK: */
    uint8_t box[KEYS_SEALED_BOX];
} keys_header;

/*
 * A whole file into out (cleared first): header, then plain sealed with key. header->check is set from key.
 * AV_ERR_LIMIT when out is full.
 */
av_errc keys_file_encode(keys_header *header, const uint8_t key[32], av_span plain, av_buf *out, av_error *err);
/* The header alone; pure. AV_ERR_CORRUPT, AV_ERR_VERSION. */
av_errc keys_header_decode(av_span file, keys_file_kind kind, keys_header *ret, av_error *err);
/*
 * The plain bytes of a whole file into out, which is a secret. AV_ERR_AUTH: sealed with another key (nothing is said
 * about which; header tells); AV_ERR_CORRUPT, AV_ERR_VERSION, AV_ERR_LIMIT.
 */
av_errc keys_file_decode(
    av_span file, keys_file_kind kind, const uint8_t key[32], keys_header *ret, av_buf *out, av_error *err);

/* box = UUID and key sealed to the public half; and back (AV_ERR_AUTH: another recovery key). */
av_errc keys_box_seal(keys_header *header, const uint8_t key[32], av_error *err);
av_errc keys_box_open(
    const keys_header *header, const uint8_t recovery_private[32], uint8_t ret_key[32], av_error *err);

/* "<dir>/<name>"; AV_ERR_INVALID when it is too long. */
av_errc keys_path(const char *dir, const char *name, char ret[KEYS_PATH], av_error *err);
/* The name of a container's tree; ret: at least 24 bytes. */
void keys_tree_name(uint32_t container, char *ret);

/* Contents as path, synced; the name is not. */
av_errc keys_file_write(const char *path, av_span contents, av_error *err);
/* Open a file that will be replaced or removed, for keys_old_wipe; -1 when there is none. */
int keys_old_open(const char *path);
/* Overwrite with zeros and sync, as far as the disk lets us; closes. -1 is a no-op. */
void keys_old_wipe(int *fd);
/*
 * Replace dir/name durably and wipe what was there. ret_renamed (may be NULL) is set when the new file was given its
 * name: after that a failure leaves it open which one a power cut would leave.
 */
av_errc keys_file_replace(const char *dir, const char *name, av_span contents, bool *ret_renamed, av_error *err);
/* Wipe and remove a file, if there is one. The name's end is not synced. */
void keys_file_wipe(const char *path);
/* Wipe and remove every file of the folder and the folder, which lies in parent. Missing is fine. */
av_errc keys_folder_wipe(const char *dir, const char *parent, av_error *err);

#endif
