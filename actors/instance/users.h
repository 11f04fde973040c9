/*
 * users.h - the methods of archivolt.Instance about users, as functions of ask.h
 *
 * Those that change something run inside a group of accounts (av_ask_write). Archives are never touched: deleting or
 * renaming a user keeps them. New passwords, lost privileges, renaming and deleting end the user's sessions.
 */
#ifndef AV_INSTANCE_USERS_H
#define AV_INSTANCE_USERS_H

#include "actors/instance/ask.h"

#define AV_PASSWORD_CHARACTERS_MIN 8
#define AV_EMAIL_MAX               320

/* On a reader. */
av_errc av_users_list(av_ask *ask, av_error *err);
av_errc av_users_info(av_ask *ask, av_error *err);

/* On the writer. */
av_errc av_users_create(av_ask *ask, av_error *err);
av_errc av_users_set_authentication(av_ask *ask, av_error *err);
av_errc av_users_set_distinguished_name(av_ask *ask, av_error *err);
av_errc av_users_set_email_addresses(av_ask *ask, av_error *err);
av_errc av_users_set_full_name(av_ask *ask, av_error *err);
av_errc av_users_set_password(av_ask *ask, av_error *err);
av_errc av_users_set_pop3_user_names(av_ask *ask, av_error *err);
av_errc av_users_set_privileges(av_ask *ask, av_error *err);
av_errc av_users_rename(av_ask *ask, av_error *err);
av_errc av_users_delete(av_ask *ask, av_error *err);
av_errc av_users_set_folder_privileges(av_ask *ask, av_error *err);
av_errc av_users_clear_folder_privileges(av_ask *ask, av_error *err);

/* The password in a CreateUser or SetUserPassword body, or NULL; checked before it is hashed. */
const char *av_users_password_of(const ProtobufCMessage *body);
av_errc av_users_password_check(const char *password, av_error *err);

#endif
