/*
 * verb_admin.c - archivolt admin create|list|passwd|delete: the system administrators of the Management API
 */
#include "tools/cli/cli.h"

#include "base/secret.h"
#include "proto/management.pb-c.h"

static int
call(cli *self, const char *method, const ProtobufCMessage *request, ProtobufCMessage **ret)
{
    return cli_call(self, "management", method, request, av_span_of(NULL, 0), ret);
}

/* What was done, and the password when nobody else knows it. */
static int
print_done(const cli *self, const char *name, const char *generated)
{
    if (self->json)
        cli_print_json(self, generated != NULL
                                 ? json_pack("{s:o,s:s}", "user", av_json_text(name), "password", generated)
                                 : json_pack("{s:o}", "user", av_json_text(name)));
    else if (generated != NULL)
        printf("Password of administrator %s: %s\n", name, generated);
    return CLI_OK;
}

static int
create(cli *self, const char *name, const char *full_name, const char *address)
{
    Archivolt__SystemAdministrator config = ARCHIVOLT__SYSTEM_ADMINISTRATOR__INIT;
    Archivolt__CreateSystemAdministratorRequest request = ARCHIVOLT__CREATE_SYSTEM_ADMINISTRATOR_REQUEST__INIT;
    bool generated = false;
    AV_CLEANUP(av_secret_free) char *password = cli_new_password(&generated);
    int status;

    config.user_name = (char *)name;
    config.full_name = (char *)full_name;
    config.email_address = (char *)address;
    request.config = &config;
    request.password = password;
    status = call(self, "archivolt.Management.CreateSystemAdministrator", &request.base, NULL);
    return status != 0 ? status : print_done(self, name, generated ? password : NULL);
}

static int
passwd(cli *self, const char *name)
{
    Archivolt__SetSystemAdministratorPasswordRequest request =
        ARCHIVOLT__SET_SYSTEM_ADMINISTRATOR_PASSWORD_REQUEST__INIT;
    bool generated = false;
    AV_CLEANUP(av_secret_free) char *password = cli_new_password(&generated);
    int status;

    request.user_name = (char *)name;
    request.password = password;
    status = call(self, "archivolt.Management.SetSystemAdministratorPassword", &request.base, NULL);
    return status != 0 ? status : print_done(self, name, generated ? password : NULL);
}

static int delete (cli *self, const char *name)
{
    Archivolt__SystemAdministratorRequest request = ARCHIVOLT__SYSTEM_ADMINISTRATOR_REQUEST__INIT;
    int status;

    request.user_name = (char *)name;
    status = call(self, "archivolt.Management.DeleteSystemAdministrator", &request.base, NULL);
    return status != 0 ? status : print_done(self, name, NULL);
}

static int
list(cli *self)
{
    static const cli_column columns[] = { { "userName", "ADMINISTRATOR" }, { "fullName", "NAME" },
        { "emailAddress", "E-MAIL" } };
    Archivolt__Empty request = ARCHIVOLT__EMPTY__INIT;
    ProtobufCMessage *reply = NULL;
    json_t *rows;
    int status = call(self, "archivolt.Management.GetSystemAdministrators", &request.base, &reply);

    if (status != 0)
        return status;
    rows = av_json_from_field(reply, "administrators");
    protobuf_c_message_free_unpacked(reply, NULL);
    if (self->json) {
        cli_print_json(self, rows);
        return CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), rows);
    json_decref(rows);
    return CLI_OK;
}

int
verb_admin(cli *self, int argc, char **argv)
{
    const char *full_name = NULL, *address = NULL;
    const cli_option options[] = { { "--full-name", &full_name, NULL, NULL, "TEXT", "create: name shown to people" },
        { "--email", &address, NULL, NULL, "ADDRESS", "create: e-mail address" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    enum { CREATE, LIST, PASSWD, DELETE, WORDS };
    static const char *const words[WORDS] = { "create", "list", "passwd", "delete" };
    int what = 0, status;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    while (what < WORDS && (argc < 2 || strcmp(argv[1], words[what]) != 0))
        what++;
    if (what == WORDS || argc != (what == LIST ? 2 : 3))
        return cli_usage("admin", "create NAME, list, passwd NAME or delete NAME");
    status = cli_connect(self);
    if (status != 0)
        return status;
    switch (what) {
    case CREATE:
        return create(self, argv[2], full_name, address);
    case PASSWD:
        return passwd(self, argv[2]);
    case DELETE:
        return delete (self, argv[2]);
    default:
        return list(self);
    }
}
