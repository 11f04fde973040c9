/*
 * sealed_priv.h - what the C files of this folder do for env.cc
 *
 *   cipher.c  header and key of a file, AES-CTR at any offset
 *   witness.c what a guarded file says of its own contents
 *   file.c    a sealed file: create, open, append, read, sync
 *   names.c   names and folders through the seam, lines for the log
 *
 * For C++ too: so nothing of base/span.h here.
 */
#ifndef AV_SEALED_PRIV_H
#define AV_SEALED_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "storage/sealed/env.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SEALED_HEADER  96U /* bytes before the first sealed one */
#define SEALED_WITNESS 48U /* of them, at their end: the witness; zeros when there is none */

/* What all files of a database share. Thread safe. */
typedef struct sealed_base sealed_base;
av_errc sealed_base_new(const uint8_t key[AV_SEALED_KEY], sealed_base **ret, av_error *err);
void sealed_base_destroy(sealed_base **self);

/* Are these n bytes at the front of a file (at most SEALED_HEADER) what a power cut leaves of a header? */
bool sealed_header_is_torn(const uint8_t *p, size_t n);

/* The cipher of one file. Thread safe. base is borrowed for its life. */
typedef struct sealed_cipher sealed_cipher;
/* Of a new file: makes the header, too (without a witness). */
sealed_cipher *sealed_cipher_new(const sealed_base *base, bool guarded, uint8_t ret_header[SEALED_HEADER]);
/* Of a file that is there. AV_ERR_CORRUPT: no header of ours, or a damaged one; AV_ERR_VERSION; AV_ERR_AUTH. */
av_errc sealed_cipher_open(
    const sealed_base *base, const uint8_t header[SEALED_HEADER], sealed_cipher **ret, av_error *err);
void sealed_cipher_destroy(sealed_cipher **self);
bool sealed_cipher_is_guarded(const sealed_cipher *self);
const uint8_t *sealed_cipher_mac_key(const sealed_cipher *self); /* 32 bytes */
/* Seal or open n bytes that stand at offset `at` of the file (without its header). out may be in. */
av_errc sealed_cipher_run(sealed_cipher *self, uint64_t at, const uint8_t *in, uint8_t *out, size_t n, av_error *err);

/* The MAC of a guarded file's sealed bytes as they grow. */
typedef struct sealed_mac sealed_mac;
sealed_mac *sealed_mac_new(const sealed_cipher *cipher);
void sealed_mac_destroy(sealed_mac **self);
void sealed_mac_add(sealed_mac *self, const uint8_t *p, size_t n);
/* Of all bytes added so far; more may follow. */
void sealed_mac_witness(const sealed_mac *self, uint8_t ret[SEALED_WITNESS]);
/* How many bytes a witness speaks for; 0: there is none. */
uint64_t sealed_witness_length(const uint8_t witness[SEALED_WITNESS]);

/* Offsets and sizes are without the header. */
typedef struct sealed_file sealed_file;
/*
 * Empty; an old file of that name is cut to nothing. For appending. guarded: its end and its bytes are vouched for by a
 * witness, written with each sync: for files that are read from front to end and whose last record must not get lost.
 */
av_errc sealed_file_create(const sealed_base *base, const char *path, bool guarded, sealed_file **ret, av_error *err);
/*
 * For reading; thread safe. A file that ends inside its header, or whose header is zeros, is what a power cut leaves of
 * one that was never synced: it reads as an empty file. A guarded one is read through and ends where its witness says.
 * AV_ERR_NOT_FOUND, AV_ERR_CORRUPT, AV_ERR_AUTH, AV_ERR_VERSION, AV_ERR_IO.
 */
av_errc sealed_file_open(const sealed_base *base, const char *path, sealed_file **ret, av_error *err);
void sealed_file_close(sealed_file **self);
/* Less than n bytes only at the end of the file. */
av_errc sealed_file_read(sealed_file *self, void *p, size_t n, uint64_t at, size_t *ret_n, av_error *err);
/* One thread at a time; sync may run beside it when the file is not guarded. After a failed append or sync both fail for good. */
av_errc sealed_file_append(sealed_file *self, const void *p, size_t n, av_error *err);
av_errc sealed_file_sync(sealed_file *self, av_error *err);
uint64_t sealed_file_size(const sealed_file *self); /* of one that is written */

/* Through av_file_ops. */
av_errc sealed_size_of(const char *path, uint64_t *ret, av_error *err);
av_errc sealed_rename(const char *from, const char *to, av_error *err);
av_errc sealed_unlink(const char *path, av_error *err);
/* AV_ERR_UNSUPPORTED: not on one file system, or it has no links. */
av_errc sealed_link(const char *from, const char *to, av_error *err);
/* AV_ERR_EXISTS. */
av_errc sealed_mkdir(const char *path, av_error *err);
av_errc sealed_rmdir(const char *path, av_error *err);
av_errc sealed_dir_sync(const char *path, av_error *err);

/* A line of RocksDB's: database.error or database.warning. */
void sealed_log(bool error, const char *text);

#ifdef __cplusplus
}
#endif

#endif
