/*
 * users_folders.c - rights of a user on archives other than his own
 *
 * An archive is a top folder; it need not exist yet, so that rights can be given before the first import.
 */
#include "actors/instance/privileges.h"
#include "actors/instance/rights.h"
#include "actors/instance/user_row.h"
#include "actors/instance/users.h"
#include "storage/meta/mailbox_name.h"

static av_errc
archive_name(const char *folder, av_buf *ret, av_error *err)
{
    av_errc rc = av_mailbox_path_normalize(av_span_str(folder), ret, err);

    if (rc != AV_OK)
        return av_error_prefix(err, "archive");
    if (av_span_find(av_buf_span(ret), '/') != ret->n)
        return av_error_set(
            err, AV_ERR_INVALID, "rights are given on whole archives: \"%.200s\" is a folder below one", folder);
    return AV_OK;
}

static void
drop_grant(av_user *user, size_t i)
{
    free(user->grants[i].archive);
    user->grant_count--;
    memmove(&user->grants[i], &user->grants[i + 1], (user->grant_count - i) * sizeof user->grants[0]);
}

static av_errc
set_grant(av_user *user, av_span archive, uint32_t rights, av_error *err)
{
    size_t i;

    for (i = 0; i < user->grant_count && !av_rights_same_name(av_span_str(user->grants[i].archive), archive); i++)
        continue;
    if (i < user->grant_count && rights == 0) {
        drop_grant(user, i);
    } else if (i < user->grant_count) {
        user->grants[i].rights = rights;
    } else if (rights != 0) {
        if (user->grant_count == AV_USER_LIST_MAX)
            return av_error_set(err, AV_ERR_LIMIT, "a user has rights on at most %d archives", AV_USER_LIST_MAX);
        user->grants[user->grant_count++] = (av_grant){ av_span_dup(archive), rights };
    }
    return AV_OK;
}

av_errc
av_users_set_folder_privileges(av_ask *ask, av_error *err)
{
    const Archivolt__SetUserPrivilegesOnFolderRequest *body =
        (const Archivolt__SetUserPrivilegesOnFolderRequest *)ask->body;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    AV_CLEANUP(av_buf_release) av_buf archive = { 0 };
    uint32_t rights = 0;
    av_errc rc;

    av_buf_init(&archive, AV_MAILBOX_PATH_MAX);
    rc = av_user_load(av_accounts_writer(ask->archive->accounts), av_span_str(body->user_name), &user, err);
    if (rc == AV_OK)
        rc = archive_name(body->folder, &archive, err);
    if (rc == AV_OK)
        rc = av_folder_privileges_bits(body->privileges, body->n_privileges, &rights, err);
    if (rc == AV_OK)
        rc = set_grant(user, av_buf_span(&archive), rights, err);
    return rc != AV_OK ? rc : av_user_store(ask->archive->accounts, user, err);
}

av_errc
av_users_clear_folder_privileges(av_ask *ask, av_error *err)
{
    const Archivolt__UserRequest *body = (const Archivolt__UserRequest *)ask->body;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_errc rc = av_user_load(av_accounts_writer(ask->archive->accounts), av_span_str(body->user_name), &user, err);

    if (rc != AV_OK)
        return rc;
    while (user->grant_count > 0)
        drop_grant(user, user->grant_count - 1);
    return av_user_store(ask->archive->accounts, user, err);
}
