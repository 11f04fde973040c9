/*
 * test_users.c - users, privileges, idempotency, rights, sessions, throttle
 */
#include "actors/instance/privileges.h"
#include "actors/instance/rights.h"
#include "actors/instance/sessions.h"
#include "actors/instance/user_row.h"
#include "actors/instance/users.h"
#include "base/map.h"
#include "base/throttle.h"
#include "tests/actors/instance/rig.h"

static const char hash_a[] = "$argon2id$a", hash_b[] = "$argon2id$b";

static av_errc
create(rig *r, const char *name, uint8_t key, av_error *err)
{
    Archivolt__CreateUserRequest body = ARCHIVOLT__CREATE_USER_REQUEST__INIT;
    Archivolt__Privilege login = ARCHIVOLT__PRIVILEGE__PRIVILEGE_LOGIN;
    av_ask ask = { .archive = r->archive, .body = &body.base, .caller = "cli/op", .password_hash = hash_a };
    uint8_t k[32];
    av_errc rc;

    body.instance_id = (char *)(uintptr_t) "demo";
    body.user_name = (char *)(uintptr_t)name;
    body.n_privileges = 1;
    body.privileges = &login;
    memset(k, key, sizeof k);
    rc = av_ask_write(&ask, av_users_create, &archivolt__empty__descriptor, key == 0 ? NULL : k, err);
    av_ask_release(&ask);
    return rc;
}

static av_errc
load(rig *r, const char *name, av_user **ret)
{
    av_error err;

    return av_user_load(av_accounts_writer(r->archive->accounts), av_span_str(name), ret, &err);
}

static void
test_create(void)
{
    static const char *const bad[] = { "", "a/b", "a\nb", " a", "a " };
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_error err = { 0 };
    size_t i;
    rig r;

    rig_new(&r);
    AV_CHECK_RC(create(&r, "Alice", 1, &err), AV_OK, &err);
    AV_CHECK_RC(create(&r, "Alice", 1, &err), AV_OK, &err);         /* the same request again */
    AV_CHECK_RC(create(&r, "Bob", 1, &err), AV_ERR_CONFLICT, &err); /* another body under the key */
    AV_CHECK_RC(create(&r, "ALICE", 2, &err), AV_ERR_EXISTS, &err);
    AV_CHECK_RC(create(&r, "ALICE", 0, &err), AV_ERR_EXISTS, &err);
    for (i = 0; i < AV_COUNT(bad); i++) {
        av_check_row = (long)i;
        AV_CHECK_RC(create(&r, bad[i], 0, &err), AV_ERR_INVALID, &err);
    }
    av_check_row = -1;
    AV_CHECK_INT(load(&r, "aLiCe", &user), AV_OK);
    AV_CHECK_STR(user->name, "Alice");
    AV_CHECK_STR(user->password, hash_a);
    AV_CHECK_INT(user->privileges, AV_CAN_LOGIN);
    rig_end(&r);
}

static av_errc
run(rig *r, av_ask_fn *fn, ProtobufCMessage *body, char **ret_ended, av_error *err)
{
    av_ask ask = { .archive = r->archive, .body = body, .caller = "cli/op", .password_hash = hash_b };
    av_errc rc = av_ask_write(&ask, fn, &archivolt__empty__descriptor, NULL, err);

    if (ret_ended != NULL)
        *ret_ended = AV_TAKE(ask.ended_user);
    av_ask_release(&ask);
    return rc;
}

static void
test_change(void)
{
    Archivolt__SetUserPrivilegesRequest privileges = ARCHIVOLT__SET_USER_PRIVILEGES_REQUEST__INIT;
    Archivolt__SetUserPasswordRequest password = ARCHIVOLT__SET_USER_PASSWORD_REQUEST__INIT;
    Archivolt__SetUserEmailAddressesRequest emails = ARCHIVOLT__SET_USER_EMAIL_ADDRESSES_REQUEST__INIT;
    Archivolt__RenameUserRequest rename = ARCHIVOLT__RENAME_USER_REQUEST__INIT;
    Archivolt__UserRequest user_request = ARCHIVOLT__USER_REQUEST__INIT;
    Archivolt__Privilege two[] = { ARCHIVOLT__PRIVILEGE__PRIVILEGE_ADMIN, ARCHIVOLT__PRIVILEGE__PRIVILEGE_LOGIN };
    char alice[] = "alice", bob[] = "Bob", id[] = "demo", good[] = "a@b.example", bad[] = "a b@c";
    char *list[] = { good, bad }, *ended = NULL;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    AV_CHECK_RC(create(&r, "Alice", 0, &err), AV_OK, &err);
    privileges.instance_id = password.instance_id = emails.instance_id = rename.instance_id = id;
    user_request.instance_id = id;
    privileges.user_name = password.user_name = emails.user_name = rename.old_user_name = alice;
    privileges.privileges = two;
    privileges.n_privileges = 2;
    AV_CHECK_RC(run(&r, av_users_set_privileges, &privileges.base, NULL, &err), AV_ERR_INVALID, &err);
    privileges.n_privileges = 1;
    AV_CHECK_RC(run(&r, av_users_set_privileges, &privileges.base, NULL, &err), AV_OK, &err);
    emails.email_addresses = list;
    emails.n_email_addresses = 2;
    AV_CHECK_RC(run(&r, av_users_set_email_addresses, &emails.base, NULL, &err), AV_ERR_INVALID, &err);
    AV_CHECK(strstr(err.msg, "a b@c") != NULL);
    emails.n_email_addresses = 1;
    AV_CHECK_RC(run(&r, av_users_set_email_addresses, &emails.base, NULL, &err), AV_OK, &err);
    password.password = (char *)(uintptr_t) "a new password";
    AV_CHECK_RC(run(&r, av_users_set_password, &password.base, &ended, &err), AV_OK, &err);
    AV_CHECK_STR(ended, "Alice");
    free(ended);
    rename.new_user_name = bob;
    AV_CHECK_RC(run(&r, av_users_rename, &rename.base, &ended, &err), AV_OK, &err);
    AV_CHECK_STR(ended, "Alice");
    free(ended);
    AV_CHECK_INT(load(&r, "alice", &user), AV_ERR_NOT_FOUND);
    AV_CHECK_INT(load(&r, "bob", &user), AV_OK);
    AV_CHECK_STR(user->password, hash_b);
    AV_CHECK_INT(user->emails.n, 1);
    AV_CHECK_INT(user->privileges, AV_CAN_ADMIN);
    user_request.user_name = bob;
    AV_CHECK_RC(run(&r, av_users_delete, &user_request.base, &ended, &err), AV_OK, &err);
    AV_CHECK_STR(ended, "Bob");
    free(ended);
    AV_CHECK_RC(run(&r, av_users_delete, &user_request.base, NULL, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_STR(err.msg, "user \"Bob\" does not exist");
    rig_end(&r);
}

static bool
may_read(rig *r, const char *user, const char *path)
{
    AV_CLEANUP(av_rights_destroy) av_rights *rights = NULL;
    av_error err = { 0 };

    AV_CHECK_RC(av_rights_load(av_accounts_writer(r->archive->accounts), user, &rights, &err), AV_OK, &err);
    return rights != NULL && av_rights_may_read(rights, av_span_str(path));
}

static void
test_rights(void)
{
    Archivolt__SetUserPrivilegesOnFolderRequest grant = ARCHIVOLT__SET_USER_PRIVILEGES_ON_FOLDER_REQUEST__INIT;
    Archivolt__FolderPrivilege read[] = { ARCHIVOLT__FOLDER_PRIVILEGE__FOLDER_PRIVILEGE_READ };
    Archivolt__FolderPrivilege none[] = { ARCHIVOLT__FOLDER_PRIVILEGE__FOLDER_PRIVILEGE_NONE };
    Archivolt__FolderPrivilege write[] = { ARCHIVOLT__FOLDER_PRIVILEGE__FOLDER_PRIVILEGE_WRITE };
    AV_CLEANUP(av_rights_destroy) av_rights *rights = NULL;
    char alice[] = "alice", id[] = "demo", bob[] = "Bob", below[] = "Bob/x";
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    AV_CHECK_RC(create(&r, "Alice", 0, &err), AV_OK, &err);
    AV_CHECK(may_read(&r, "Alice", "Alice"));
    AV_CHECK(may_read(&r, "Alice", "alice/In/x"));
    AV_CHECK(!may_read(&r, "Alice", "alicex"));
    AV_CHECK(!may_read(&r, "Alice", "Bob/alice"));
    grant.instance_id = id;
    grant.user_name = alice;
    grant.folder = bob;
    grant.n_privileges = 1;
    grant.privileges = write; /* alone gives nothing to read */
    AV_CHECK_RC(run(&r, av_users_set_folder_privileges, &grant.base, NULL, &err), AV_OK, &err);
    AV_CHECK(!may_read(&r, "Alice", "Bob/x"));
    grant.privileges = read;
    AV_CHECK_RC(run(&r, av_users_set_folder_privileges, &grant.base, NULL, &err), AV_OK, &err);
    AV_CHECK(may_read(&r, "Alice", "Bob/x"));
    AV_CHECK(may_read(&r, "Alice", "bob"));
    grant.privileges = none;
    AV_CHECK_RC(run(&r, av_users_set_folder_privileges, &grant.base, NULL, &err), AV_OK, &err);
    AV_CHECK(!may_read(&r, "Alice", "Bob/x"));
    grant.folder = below;
    AV_CHECK_RC(run(&r, av_users_set_folder_privileges, &grant.base, NULL, &err), AV_ERR_INVALID, &err);
    AV_CHECK_RC(av_rights_load(av_accounts_writer(r.archive->accounts), "nobody", &rights, &err), AV_ERR_AUTH, &err);
    rig_end(&r);
}

static void
test_sessions(void)
{
    av_sessions *s = av_sessions_new(1000, 2, 3);
    av_session *a, *b, *c;
    uint8_t token[AV_SESSION_SIZE];
    av_error err = { 0 };

    AV_CHECK_RC(av_sessions_issue(s, "gateway@n1#1", "Alice", "imap 192.0.2.1", 0, &a, &err), AV_OK, &err);
    memcpy(token, a->token, sizeof token);
    AV_CHECK(av_sessions_check(s, "gateway@n1#1", av_span_of(token, 32), 10) == a);
    AV_CHECK(av_sessions_check(s, "gateway@n1#2", av_span_of(token, 32), 10) == NULL); /* another connection */
    AV_CHECK(av_sessions_check(s, "gateway@n1#1", av_span_of(token, 31), 10) == NULL);
    AV_CHECK(av_sessions_check(s, "gateway@n1#1", av_span_of(token, 32), 900) == a);
    AV_CHECK(av_sessions_check(s, "gateway@n1#1", av_span_of(token, 32), 1901) == NULL); /* run out */
    AV_CHECK_INT(av_sessions_count(s), 0);
    AV_CHECK_RC(av_sessions_issue(s, "x", "Alice", "imap 192.0.2.1", 1, &a, &err), AV_OK, &err);
    memcpy(token, a->token, sizeof token);
    AV_CHECK_RC(av_sessions_issue(s, "x", "ALICE", "imap 192.0.2.1", 2, &b, &err), AV_OK, &err);
    AV_CHECK_RC(av_sessions_issue(s, "x", "alice", "imap 192.0.2.1", 3, &c, &err), AV_OK,
        &err); /* the oldest of the three ends */
    AV_CHECK(av_sessions_check(s, "x", av_span_of(token, 32), 4) == NULL);
    AV_CHECK_RC(av_sessions_issue(s, "x", "bob", "imap 192.0.2.1", 3, &a, &err), AV_OK, &err);
    AV_CHECK_RC(av_sessions_issue(s, "x", "carol", "imap 192.0.2.1", 3, &a, &err), AV_ERR_LIMIT, &err);
    AV_CHECK_INT(av_sessions_end_user(s, "aLICE"), 2);
    AV_CHECK_INT(av_sessions_expire(s, 5000), 1);
    av_sessions_destroy(&s);
}

static void
test_throttle(void)
{
    av_throttle *t = av_throttle_new(3, 4);
    av_span a = av_span_str("a");
    uint64_t i;

    for (i = 0; i < 3; i++) {
        AV_CHECK_INT(av_throttle_wait_ms(t, a, 0), 0);
        av_throttle_failed(t, a, 0);
    }
    AV_CHECK_INT(av_throttle_wait_ms(t, a, 0), 1000);
    AV_CHECK_INT(av_throttle_wait_ms(t, a, 1000), 0);
    av_throttle_failed(t, a, 1000);
    AV_CHECK_INT(av_throttle_wait_ms(t, a, 1000), 2000);
    for (i = 0; i < 40; i++)
        av_throttle_failed(t, a, 1000);
    AV_CHECK_INT(av_throttle_wait_ms(t, a, 1000), 4000); /* the most */
    AV_CHECK_INT(av_throttle_wait_ms(t, av_span_str("b"), 1000), 0);
    av_throttle_succeeded(t, a);
    AV_CHECK_INT(av_throttle_wait_ms(t, a, 1000), 0);
    for (i = 0; i < 8500; i++) /* bounded, however many names a peer makes up */
        av_throttle_failed(t, av_map_key_u64(&i), (int64_t)i * 100);
    av_throttle_destroy(&t);
}

/* A verifier lives with its password: kept with it, gone with the next password that has none. */
static void
test_scram(void)
{
    Archivolt__SetUserPasswordRequest password = ARCHIVOLT__SET_USER_PASSWORD_REQUEST__INIT;
    AV_CLEANUP(av_user_destroy) av_user *user = NULL;
    av_scram_verifier v = { .rounds = 4096 };
    av_ask ask = { .body = &password.base, .caller = "cli/op", .password_hash = hash_b, .scram = &v };
    char alice[] = "alice", id[] = "demo";
    av_error err = { 0 };
    rig r;

    rig_new(&r);
    memset(v.salt, 1, sizeof v.salt);
    memset(v.stored_key, 2, sizeof v.stored_key);
    memset(v.server_key, 3, sizeof v.server_key);
    ask.archive = r.archive;
    password.instance_id = id;
    password.user_name = alice;
    AV_CHECK_RC(create(&r, "Alice", 0, &err), AV_OK, &err);
    AV_CHECK_INT(load(&r, "alice", &user), AV_OK);
    AV_CHECK_INT(user->scram.rounds, 0);
    av_user_destroy(&user);
    AV_CHECK_RC(av_ask_write(&ask, av_users_set_password, &archivolt__empty__descriptor, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(load(&r, "alice", &user), AV_OK);
    AV_CHECK(memcmp(&user->scram, &v, sizeof v) == 0);
    av_user_destroy(&user);
    AV_CHECK_RC(run(&r, av_users_set_password, &password.base, NULL, &err), AV_OK, &err);
    AV_CHECK_INT(load(&r, "alice", &user), AV_OK);
    AV_CHECK_INT(user->scram.rounds, 0);
    av_ask_release(&ask);
    rig_end(&r);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_create);
    AV_RUN(test_change);
    AV_RUN(test_scram);
    AV_RUN(test_rights);
    AV_RUN(test_sessions);
    AV_RUN(test_throttle);
    return av_check_done();
}
