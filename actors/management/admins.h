/*
 * admins.h - system administrators: name, full name, e-mail address, password hash
 *
 * Names are compared case-folded in NFC; the spelling of the creation is kept. Changes are synced on return. Blocks
 * on disk.
 */
#ifndef AV_ACTORS_MANAGEMENT_ADMINS_H
#define AV_ACTORS_MANAGEMENT_ADMINS_H

#include "base/secret.h"
#include "proto/management.pb-c.h"
#include "storage/meta/meta.h"

#define AV_ADMIN_NAME_MAX 255
#define AV_ADMINS_MAX     10000
#define AV_PASSWORD_MIN   8

typedef struct av_admins av_admins;

typedef struct av_admin {
    Archivolt__SystemAdministrator *config;
    char hash[AV_PASSWORD_HASH_MAX];
} av_admin;

av_errc av_admins_open(av_meta *db, av_admins **ret, av_error *err);
void av_admins_destroy(av_admins **self);

/* Folded name onto out (cleared before). AV_ERR_INVALID: empty, too long, not UTF-8, or with a control character
   or '/'. */
av_errc av_admin_fold(const char *name, av_buf *out, av_error *err);
/* AV_ERR_INVALID: too short or too long. */
av_errc av_password_check(const char *password, av_error *err);

/* NULL: no such administrator (or not a name at all). Borrowed until the next change. */
const av_admin *av_admins_find(const av_admins *self, const char *name);
size_t av_admins_count(const av_admins *self);
/* All, by folded name; the array is the caller's (free). */
const av_admin **av_admins_list(const av_admins *self);

/*
 * The changing ones work in the group that is open: the caller commits (av_tasks_commit), and calls av_admins_reload
 * with the name after a failed commit.
 */
av_errc av_admins_create(
    av_admins *self, const Archivolt__SystemAdministrator *config, const char *hash, av_error *err);
/* Full name and e-mail address. */
av_errc av_admins_configure(av_admins *self, const Archivolt__SystemAdministrator *config, av_error *err);
av_errc av_admins_set_hash(av_admins *self, const char *name, const char *hash, av_error *err);
/* AV_ERR_INVALID for the last one. */
av_errc av_admins_delete(av_admins *self, const char *name, av_error *err);
/* Memory as it is on disk. */
void av_admins_reload(av_admins *self, const char *name);

#endif
