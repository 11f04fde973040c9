/*
 * users.c - users: created, changed, renamed, deleted
 *
 * Not here: lists (users_list.c), rights on archives (users_folders.c), lists to bits (privileges.c), rows (user_row.c).
 */
#include "actors/instance/users.h"

#include "actors/instance/privileges.h"
#include "actors/instance/saved_searches.h"
#include "actors/instance/user_row.h"
#include "base/unicode.h"

static char *
dup_or_null(const char *s)
{
    return s == NULL || s[0] == '\0' ? NULL : av_xstrdup(s);
}

/* Replace a text; NULL or "" clears it. */
static void
set_text(char **field, const char *value)
{
    free(*field);
    *field = dup_or_null(value);
}

const char *
av_users_password_of(const ProtobufCMessage *body)
{
    if (body->descriptor == &archivolt__create_user_request__descriptor)
        return ((const Archivolt__CreateUserRequest *)body)->password;
    if (body->descriptor == &archivolt__set_user_password_request__descriptor)
        return ((const Archivolt__SetUserPasswordRequest *)body)->password;
    return NULL;
}

av_errc
av_users_password_check(const char *password, av_error *err)
{
    av_span rest = av_span_str(password);
    size_t n = 0;

    if (!av_utf8_valid(rest))
        return av_error_set(err, AV_ERR_INVALID, "the password is not valid UTF-8");
    for (; rest.n > 0; n++)
        (void)av_utf8_next(&rest);
    if (n < AV_PASSWORD_CHARACTERS_MIN)
        return av_error_set(
            err, AV_ERR_INVALID, "the password must have at least %d characters", AV_PASSWORD_CHARACTERS_MIN);
    return AV_OK;
}

static av_errc
must_be_free(av_ask *ask, const char *name, av_error *err)
{
    AV_CLEANUP(av_user_destroy) av_user *other = NULL;
    av_errc rc = av_user_load(av_accounts_writer(ask->archive->accounts), av_span_str(name), &other, err);

    if (rc == AV_OK)
        return av_error_set(err, AV_ERR_EXISTS, "user \"%s\" exists already", other->name);
    return rc == AV_ERR_NOT_FOUND ? AV_OK : rc;
}

/* The name as it is kept: in NFC. What a name may be is checked where it is put (accounts.h). */
static av_errc
normal_name(const char *name, char **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf nfc = { 0 };

    av_buf_init(&nfc, (size_t)AV_USER_NAME_MAX * 4);
    if (!av_unicode_nfc(av_span_str(name), &nfc) || nfc.n == 0)
        return av_error_set(err, AV_ERR_INVALID, "a user name has 1 to %d bytes of valid UTF-8", AV_USER_NAME_MAX);
    if (nfc.p[0] == ' ' || nfc.p[nfc.n - 1] == ' ')
        return av_error_set(err, AV_ERR_INVALID, "a user name neither begins nor ends with a space");
    *ret = av_span_dup(av_buf_span(&nfc));
    return AV_OK;
}

static void
set_hash(av_user *user, const av_ask *ask)
{
    (void)snprintf(user->password, sizeof user->password, "%s", ask->password_hash);
    user->scram = ask->scram == NULL ? (av_scram_verifier){ 0 } : *ask->scram;
}

av_errc
av_users_create(av_ask *ask, av_error *err)
{
    const Archivolt__CreateUserRequest *body = (const Archivolt__CreateUserRequest *)ask->body;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    AV_CLEANUP(av_free) char *name = NULL;
    av_errc rc;

    rc = normal_name(body->user_name, &name, err);
    if (rc == AV_OK)
        rc = must_be_free(ask, name, err);
    if (rc != AV_OK)
        return rc;
    user = av_user_new(av_span_str(name));
    rc = av_privileges_bits(body->privileges, body->n_privileges, &user->privileges, err);
    if (rc != AV_OK)
        return rc;
    set_text(&user->full_name, body->full_name);
    set_text(&user->distinguished_name, body->distinguished_name);
    if (body->has_authentication)
        user->authentication = (uint32_t)body->authentication;
    if (ask->password_hash != NULL)
        set_hash(user, ask);
    return av_user_store(ask->archive->accounts, user, err);
}

/* Load one, change him by fn, store him. */
typedef av_errc change_fn(av_ask *ask, av_user *user, av_error *err);

static av_errc
change(av_ask *ask, const char *name, change_fn *fn, av_error *err)
{
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_errc rc = av_user_load(av_accounts_writer(ask->archive->accounts), av_span_str(name), &user, err);

    if (rc == AV_OK)
        rc = fn(ask, user, err);
    return rc != AV_OK ? rc : av_user_store(ask->archive->accounts, user, err);
}

static void
end_sessions(av_ask *ask, const char *name)
{
    free(ask->ended_user);
    ask->ended_user = av_xstrdup(name);
}

static av_errc
change_authentication(av_ask *ask, av_user *user, AV_UNUSED av_error *err)
{
    const Archivolt__SetUserAuthenticationRequest *body = (const Archivolt__SetUserAuthenticationRequest *)ask->body;

    if (user->authentication != (uint32_t)body->authentication)
        end_sessions(ask, user->name);
    user->authentication = (uint32_t)body->authentication;
    return AV_OK;
}

av_errc
av_users_set_authentication(av_ask *ask, av_error *err)
{
    return change(
        ask, ((const Archivolt__SetUserAuthenticationRequest *)ask->body)->user_name, change_authentication, err);
}

static av_errc
change_distinguished_name(av_ask *ask, av_user *user, AV_UNUSED av_error *err)
{
    set_text(
        &user->distinguished_name, ((const Archivolt__SetUserDistinguishedNameRequest *)ask->body)->distinguished_name);
    return AV_OK;
}

av_errc
av_users_set_distinguished_name(av_ask *ask, av_error *err)
{
    return change(ask, ((const Archivolt__SetUserDistinguishedNameRequest *)ask->body)->user_name,
        change_distinguished_name, err);
}

static av_errc
change_full_name(av_ask *ask, av_user *user, AV_UNUSED av_error *err)
{
    set_text(&user->full_name, ((const Archivolt__SetUserFullNameRequest *)ask->body)->full_name);
    return AV_OK;
}

av_errc
av_users_set_full_name(av_ask *ask, av_error *err)
{
    return change(ask, ((const Archivolt__SetUserFullNameRequest *)ask->body)->user_name, change_full_name, err);
}

/* A list of addresses or names; the same one twice (letter case ignored) is kept once. */
static av_errc
replace_texts(av_texts *texts, char *const *list, size_t n, const char *what, av_error *err)
{
    AV_CLEANUP(av_texts_release) av_texts fresh = { 0 };
    size_t i, k;

    for (i = 0; i < n; i++) {
        for (k = 0; k < fresh.n && !av_span_ieq_str(av_span_str(list[i]), fresh.v[k]); k++)
            continue;
        if (k == fresh.n && !av_texts_add(&fresh, av_span_str(list[i])))
            return av_error_set(err, AV_ERR_LIMIT, "a user has at most %d %s", AV_USER_LIST_MAX, what);
    }
    av_texts_release(texts);
    *texts = fresh;
    fresh = (av_texts){ 0 };
    return AV_OK;
}

static bool
is_email(av_span address)
{
    size_t at = av_span_find(address, '@'), i;

    if (at == 0 || at + 1 >= address.n || address.n > AV_EMAIL_MAX)
        return false;
    for (i = 0; i < address.n; i++) {
        if (address.p[i] <= ' ' || address.p[i] == 127 || address.p[i] == ',' || address.p[i] == '<' ||
            address.p[i] == '>' || (address.p[i] == '@' && i != at))
            return false;
    }
    return true;
}

static av_errc
change_email_addresses(av_ask *ask, av_user *user, av_error *err)
{
    const Archivolt__SetUserEmailAddressesRequest *body = (const Archivolt__SetUserEmailAddressesRequest *)ask->body;
    size_t i;

    for (i = 0; i < body->n_email_addresses; i++) {
        if (!is_email(av_span_str(body->email_addresses[i])))
            return av_error_set(err, AV_ERR_INVALID, "\"%.200s\" is not an e-mail address", body->email_addresses[i]);
    }
    return replace_texts(&user->emails, body->email_addresses, body->n_email_addresses, "e-mail addresses", err);
}

av_errc
av_users_set_email_addresses(av_ask *ask, av_error *err)
{
    return change(
        ask, ((const Archivolt__SetUserEmailAddressesRequest *)ask->body)->user_name, change_email_addresses, err);
}

static av_errc
change_pop3_names(av_ask *ask, av_user *user, av_error *err)
{
    const Archivolt__SetUserPop3UserNamesRequest *body = (const Archivolt__SetUserPop3UserNamesRequest *)ask->body;
    size_t i;

    for (i = 0; i < body->n_pop3_user_names; i++) {
        if (body->pop3_user_names[i][0] == '\0' || strlen(body->pop3_user_names[i]) > AV_USER_NAME_MAX)
            return av_error_set(err, AV_ERR_INVALID, "a POP3 user name has 1 to %d bytes", AV_USER_NAME_MAX);
    }
    return replace_texts(&user->pop3_names, body->pop3_user_names, body->n_pop3_user_names, "POP3 user names", err);
}

av_errc
av_users_set_pop3_user_names(av_ask *ask, av_error *err)
{
    return change(ask, ((const Archivolt__SetUserPop3UserNamesRequest *)ask->body)->user_name, change_pop3_names, err);
}

static av_errc
change_password(av_ask *ask, av_user *user, av_error *err)
{
    if (user->authentication != ARCHIVOLT__AUTHENTICATION__AUTHENTICATION_INTEGRATED)
        return av_error_set(err, AV_ERR_INVALID,
            "the password of \"%s\" is checked by directory services and cannot be set here", user->name);
    assert(ask->password_hash != NULL);
    set_hash(user, ask);
    end_sessions(ask, user->name);
    return AV_OK;
}

av_errc
av_users_set_password(av_ask *ask, av_error *err)
{
    return change(ask, ((const Archivolt__SetUserPasswordRequest *)ask->body)->user_name, change_password, err);
}

static av_errc
change_privileges(av_ask *ask, av_user *user, av_error *err)
{
    const Archivolt__SetUserPrivilegesRequest *body = (const Archivolt__SetUserPrivilegesRequest *)ask->body;
    av_errc rc = av_privileges_bits(body->privileges, body->n_privileges, &user->privileges, err);

    if (rc == AV_OK && !av_privileges_may_login(user->privileges))
        end_sessions(ask, user->name);
    return rc;
}

av_errc
av_users_set_privileges(av_ask *ask, av_error *err)
{
    return change(ask, ((const Archivolt__SetUserPrivilegesRequest *)ask->body)->user_name, change_privileges, err);
}

av_errc
av_users_rename(av_ask *ask, av_error *err)
{
    const Archivolt__RenameUserRequest *body = (const Archivolt__RenameUserRequest *)ask->body;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    AV_CLEANUP(av_free) char *name = NULL;
    av_errc rc;

    rc = av_user_load(av_accounts_writer(ask->archive->accounts), av_span_str(body->old_user_name), &user, err);
    if (rc == AV_OK)
        rc = normal_name(body->new_user_name, &name, err);
    if (rc == AV_OK)
        rc = av_accounts_user_delete(ask->archive->accounts, av_span_str(body->old_user_name), err);
    /* Looked for behind the deletion: a change of letter case alone is a new name, too. */
    if (rc == AV_OK)
        rc = must_be_free(ask, name, err);
    if (rc == AV_OK)
        rc = av_saved_rename(ask->archive->accounts, user->name, name, err);
    if (rc != AV_OK)
        return rc;
    end_sessions(ask, user->name);
    free(user->name);
    user->name = AV_TAKE(name);
    return av_user_store(ask->archive->accounts, user, err);
}

av_errc
av_users_delete(av_ask *ask, av_error *err)
{
    const char *name = ((const Archivolt__UserRequest *)ask->body)->user_name;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_errc rc = av_user_load(av_accounts_writer(ask->archive->accounts), av_span_str(name), &user, err);

    if (rc == AV_OK)
        rc = av_saved_forget(ask->archive->accounts, user->name, err);
    if (rc != AV_OK)
        return rc;
    end_sessions(ask, user->name);
    return av_accounts_user_delete(ask->archive->accounts, av_span_str(name), err);
}
