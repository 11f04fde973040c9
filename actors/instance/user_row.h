/*
 * user_row.h - a user as the instance keeps him, and his row in accounts
 *
 * Pure. Rows are TLV. A user is heap memory with his texts; the password is only ever its Argon2id string and, where the
 * instance is set so, its SCRAM verifier.
 */
#ifndef AV_INSTANCE_USER_ROW_H
#define AV_INSTANCE_USER_ROW_H

#include "base/scram.h"
#include "base/secret.h"
#include "proto/instance.pb-c.h"
#include "storage/meta/accounts.h"

#define AV_USER_LIST_MAX 256 /* e-mail addresses, POP3 names, archives with rights: each */

typedef struct av_texts {
    char **v;
    size_t n;
} av_texts;

/* A copy of text at the end. false: AV_USER_LIST_MAX are in it. */
bool av_texts_add(av_texts *self, av_span text);
void av_texts_release(av_texts *self);

typedef struct av_grant {
    char *archive;   /* top folder */
    uint32_t rights; /* bits 1 << FolderPrivilege */
} av_grant;

typedef struct av_user {
    char *name;                           /* as given; compared without case */
    char *full_name, *distinguished_name; /* or NULL */
    uint32_t authentication;              /* Authentication */
    uint32_t privileges;                  /* bits 1 << Privilege; 0: none */
    char password[AV_PASSWORD_HASH_MAX];  /* "": none, he cannot log in */
    av_scram_verifier scram;              /* of the same password; rounds 0: none is kept */
    av_texts emails, pop3_names;
    av_grant grants[AV_USER_LIST_MAX];
    size_t grant_count;
} av_user;

av_user *av_user_new(av_span name);
void av_user_destroy(av_user **self);

av_errc av_user_encode(const av_user *self, av_buf *out, av_error *err);
av_errc av_user_decode(av_span row, av_user **ret, av_error *err);

/* AV_ERR_NOT_FOUND with the sentence every method gives: user "x" does not exist. */
av_errc av_user_load(const av_meta_view *accounts, av_span name, av_user **ret, av_error *err);
/* Into the open group. */
av_errc av_user_store(av_accounts *accounts, const av_user *self, av_error *err);

#endif
