/*
 * users_list.c - GetUsers and GetUserInfo
 */
#include "actors/instance/privileges.h"
#include "actors/instance/user_row.h"
#include "actors/instance/users.h"

static char *
dup_or_null(const char *s)
{
    return s == NULL || s[0] == '\0' ? NULL : av_xstrdup(s);
}

av_errc
av_users_list(av_ask *ask, av_error *err)
{
    Archivolt__GetUsersReply *reply = av_reply_new(&archivolt__get_users_reply__descriptor);
    av_meta_view *view = av_accounts_snapshot(ask->archive->accounts);
    av_meta_iter *it = av_accounts_users(view);
    Archivolt__UserSummary *row;
    av_user *user = NULL;
    av_span key, value;
    av_errc rc = AV_OK;

    ask->reply = &reply->base;
    while (rc == AV_OK && av_accounts_next(it, &key, &value)) {
        rc = av_user_decode(value, &user, err);
        if (rc != AV_OK)
            break;
        row = av_reply_new(&archivolt__user_summary__descriptor);
        row->user_name = av_xstrdup(user->name);
        row->full_name = dup_or_null(user->full_name);
        row->distinguished_name = dup_or_null(user->distinguished_name);
        av_reply_push(&reply->users, &reply->n_users, row);
        av_user_destroy(&user);
    }
    if (rc == AV_OK)
        rc = av_meta_iter_error(it, err);
    av_meta_iter_destroy(&it);
    av_meta_view_destroy(&view);
    return rc;
}

static void
copy_texts(const av_texts *from, char ***ret, size_t *ret_n)
{
    size_t i;

    for (i = 0; i < from->n; i++)
        av_reply_push(ret, ret_n, av_xstrdup(from->v[i]));
}

av_errc
av_users_info(av_ask *ask, av_error *err)
{
    const Archivolt__UserRequest *body = (const Archivolt__UserRequest *)ask->body;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_meta_view *view = av_accounts_snapshot(ask->archive->accounts);
    av_errc rc = av_user_load(view, av_span_str(body->user_name), &user, err);
    Archivolt__FolderPrivileges *grant;
    Archivolt__UserInfo *reply;
    size_t i;

    av_meta_view_destroy(&view);
    if (rc != AV_OK)
        return rc;
    reply = av_reply_new(&archivolt__user_info__descriptor);
    ask->reply = &reply->base;
    reply->user_name = av_xstrdup(user->name);
    reply->full_name = dup_or_null(user->full_name);
    reply->distinguished_name = dup_or_null(user->distinguished_name);
    reply->authentication = (Archivolt__Authentication)user->authentication;
    copy_texts(&user->emails, &reply->email_addresses, &reply->n_email_addresses);
    copy_texts(&user->pop3_names, &reply->pop3_user_names, &reply->n_pop3_user_names);
    reply->n_privileges = av_privileges_list(user->privileges, &reply->privileges);
    for (i = 0; i < user->grant_count; i++) {
        grant = av_reply_new(&archivolt__folder_privileges__descriptor);
        grant->folder = av_xstrdup(user->grants[i].archive);
        grant->n_privileges = av_folder_privileges_list(user->grants[i].rights, &grant->privileges);
        av_reply_push(&reply->privileges_on_folders, &reply->n_privileges_on_folders, grant);
    }
    return AV_OK;
}
