/*
 * verb_user.c - archivolt user create|list|show|passwd|privileges|grant|delete --instance ID
 */
#include "tools/cli/cli.h"

#include "base/secret.h"

static int
with_password(cli *self, const char *instance, const char *function, const char *name, const char *privileges)
{
    bool generated = false;
    AV_CLEANUP(av_secret_free) char *password = cli_new_password(&generated);
    av_form_field fields[4] = { cli_field("instanceID", instance), cli_field("userName", name),
        cli_field("password", password) };
    size_t n = 3;
    ProtobufCMessage *reply = NULL;
    int status;

    if (privileges != NULL)
        fields[n++] = cli_field("privileges", privileges);
    status = cli_call_api(self, instance, function, fields, n, &reply);
    if (status != 0)
        return status;
    protobuf_c_message_free_unpacked(reply, NULL);
    if (self->json)
        cli_print_json(self, generated ? json_pack("{s:s,s:o,s:s}", "instance", instance, "user", av_json_text(name),
                                             "password", password)
                                       : json_pack("{s:s,s:o}", "instance", instance, "user", av_json_text(name)));
    else if (generated)
        printf("Password of %s/%s: %s\n", instance, name, password);
    return CLI_OK;
}

static int
show(cli *self, const char *instance, const char *function, const char *name, const char *result)
{
    static const cli_column columns[] = { { "userName", "USER" }, { "fullName", "NAME" },
        { "distinguishedName", "DN" } };
    av_form_field fields[2] = { cli_field("instanceID", instance), cli_field("userName", name == NULL ? "" : name) };
    ProtobufCMessage *reply = NULL;
    json_t *value;
    int status = cli_call_api(self, instance, function, fields, name == NULL ? 1 : 2, &reply);

    if (status != 0)
        return status;
    value = result != NULL ? av_json_from_field(reply, result) : av_json_from_message(reply);
    protobuf_c_message_free_unpacked(reply, NULL);
    if (self->json || result == NULL) {
        cli_print_json(self, value);
        return CLI_OK;
    }
    cli_print_table(columns, AV_COUNT(columns), value);
    json_decref(value);
    return CLI_OK;
}

static int
change(cli *self, const char *instance, const char *function, const av_form_field *fields, size_t count)
{
    ProtobufCMessage *reply = NULL;
    int status = cli_call_api(self, instance, function, fields, count, &reply);

    protobuf_c_message_free_unpacked(reply, NULL);
    if (status == 0 && self->json)
        cli_print_json(self, json_object());
    return status;
}

int
verb_user(cli *self, int argc, char **argv)
{
    const char *instance = NULL, *privileges = NULL, *what, *name;
    const cli_option options[] = { { "--instance", &instance, NULL, NULL, "ID", "the instance" },
        { "--privileges", &privileges, NULL, NULL, "WORDS", "create: comma list (login)" },
        { NULL, NULL, NULL, NULL, NULL, NULL } };
    AV_CLEANUP(av_free) char *id = NULL;
    int status, most;

    if (cli_options(self, options, &argc, argv, &status) != 0)
        return status;
    if (argc < 2 || (argc < 3 && strcmp(argv[1], "list") != 0))
        return cli_usage("user",
            "create NAME, list, show NAME, passwd NAME, privileges NAME WORDS, grant NAME ARCHIVE WORDS, delete NAME");
    what = argv[1];
    most = strcmp(what, "list") == 0 ? 2 : strcmp(what, "privileges") == 0 ? 4 : strcmp(what, "grant") == 0 ? 5 : 3;
    if (argc > most)
        return cli_usage("user", "\"%s\" is one argument too many (the instance is said with --instance)", argv[most]);
    if (instance == NULL)
        return cli_usage("user", "--instance is needed");
    name = argc > 2 ? argv[2] : NULL;
    status = cli_connect(self);
    if (status == 0)
        status = cli_resolve(self, instance, &id);
    if (status != 0)
        return status;
    instance = id;
    if (strcmp(what, "create") == 0)
        return with_password(self, instance, "CreateUser", name, privileges == NULL ? "login" : privileges);
    if (strcmp(what, "passwd") == 0)
        return with_password(self, instance, "SetUserPassword", name, NULL);
    if (strcmp(what, "list") == 0)
        return show(self, instance, "GetUsers", NULL, "users");
    if (strcmp(what, "show") == 0)
        return show(self, instance, "GetUserInfo", name, NULL);
    if (strcmp(what, "delete") == 0) {
        const av_form_field f[] = { cli_field("instanceID", instance), cli_field("userName", name) };

        return change(self, instance, "DeleteUser", f, AV_COUNT(f));
    }
    if (strcmp(what, "privileges") == 0 && argc == 4) {
        const av_form_field f[] = { cli_field("instanceID", instance), cli_field("userName", name),
            cli_field("privileges", argv[3]) };

        return change(self, instance, "SetUserPrivileges", f, AV_COUNT(f));
    }
    if (strcmp(what, "grant") == 0 && argc == 5) {
        const av_form_field f[] = { cli_field("instanceID", instance), cli_field("userName", name),
            cli_field("folder", argv[3]), cli_field("privileges", argv[4]) };

        return change(self, instance, "SetUserPrivilegesOnFolder", f, AV_COUNT(f));
    }
    return cli_usage("user", "\"%s\" is not understood", what);
}
