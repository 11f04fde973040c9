/*
 * test_json.c - messages to JSON and back, and messages from form fields
 */
#include "proto/json.h"

#include "proto/instance.pb-c.h"
#include "proto/management.pb-c.h"
#include "tests/check.h"

static const ProtobufCMessageDescriptor *const config_type = &archivolt__instance_config__descriptor;

static av_errc
form(const char *text, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, av_error *err)
{
    av_form_field fields[8];
    size_t n = 0;
    const char *p = text;

    while (*p != '\0' && n < AV_COUNT(fields)) { /* key=value;key=value */
        const char *eq = strchr(p, '='), *end = strchr(p, ';');

        if (end == NULL)
            end = p + strlen(p);
        fields[n++] = (av_form_field){ av_span_of(p, (size_t)(eq - p)), av_span_of(eq + 1, (size_t)(end - eq - 1)) };
        p = *end == ';' ? end + 1 : end;
    }
    return av_form_to_message(fields, n, type, ret, err);
}

static void
test_form_cases(void)
{
    static const struct {
        const char *in;
        av_errc want;
        const char *says;
    } cases[] = {
        { "instanceID=a;userName=u", AV_OK, "" },
        { "instanceID=a;userName=u;privileges=login, archive", AV_OK, "" },
        { "instanceID=a", AV_ERR_INVALID, "Missing API argument userName." },
        { "instanceID=a;userName=u;nonsense=1", AV_ERR_INVALID, "Unknown API argument nonsense." },
        { "instanceID=a;userName=u;userName=v", AV_ERR_INVALID, "API argument userName is given twice." },
        { "instanceID=a;userName=u;privileges=king", AV_ERR_INVALID,
            "API argument privileges: \"king\" is not one of none, admin, login, changePassword, archive, "
            "modifyArchiveProfiles, export, modifyExportProfiles, delete" },
        { "instanceID=a;userName=\xff", AV_ERR_INVALID, "API argument userName: not valid UTF-8 text" },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        ProtobufCMessage *m = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(form(cases[i].in, &archivolt__create_user_request__descriptor, &m, &err), cases[i].want, &err);
        if (cases[i].want != AV_OK)
            AV_CHECK_STR(err.msg, cases[i].says);
        protobuf_c_message_free_unpacked(m, NULL);
    }
}

/* A list whose absence would take all rights away must be given. */
static void
test_form_required_list(void)
{
    ProtobufCMessage *m = NULL;
    av_error err;

    AV_CHECK_RC(form("instanceID=a;userName=u", &archivolt__set_user_privileges_request__descriptor, &m, &err),
        AV_ERR_INVALID, &err);
    AV_CHECK_STR(err.msg, "Missing API argument privileges.");
    AV_CHECK_RC(
        form("instanceID=a;userName=u;privileges=none", &archivolt__set_user_privileges_request__descriptor, &m, &err),
        AV_OK, &err);
    protobuf_c_message_free_unpacked(m, NULL);
}

static void
test_form_list_and_enum(void)
{
    ProtobufCMessage *m = NULL;
    av_error err;
    const Archivolt__CreateUserRequest *user;

    AV_CHECK_RC(form("instanceID=a;userName=u;privileges=login,archive;password=secret",
                    &archivolt__create_user_request__descriptor, &m, &err),
        AV_OK, &err);
    user = (const Archivolt__CreateUserRequest *)m;
    AV_CHECK_INT(user->n_privileges, 2);
    AV_CHECK_INT(user->privileges[1], ARCHIVOLT__PRIVILEGE__PRIVILEGE_ARCHIVE);
    protobuf_c_message_free_unpacked(m, NULL);
}

static void
test_json_round(void)
{
    static const char text[] = "{\"instanceID\":\"a\",\"alias\":null,\"displayName\":\"\xc3\x84 & B\","
                               "\"startMode\":\"manual\",\"baseDirectory\":null,\"sleepAllowed\":true}";
    json_t *value = NULL, *again;
    ProtobufCMessage *m = NULL;
    av_buf out;
    av_error err;

    av_buf_init(&out, 4096);
    AV_CHECK_RC(av_json_parse(av_span_str(text), &value, &err), AV_OK, &err);
    AV_CHECK_RC(av_json_to_message(value, config_type, &m, &err), AV_OK, &err);
    again = av_json_from_message(m);
    av_json_write(again, false, &out);
    AV_CHECK_STR(av_buf_cstr(&out), text);
    json_decref(value);
    json_decref(again);
    protobuf_c_message_free_unpacked(m, NULL);
    av_buf_release(&out);
}

static void
test_json_refused(void)
{
    static const struct {
        const char *in;
        const char *says;
    } cases[] = {
        { "[]", "must be a JSON object" },
        { "{}", "instanceID is missing" },
        { "{\"instanceID\":1}", "instanceID: must be a string" },
        { "{\"instanceID\":\"a\",\"what\":1}", "what: unknown key" },
        { "{\"instanceID\":\"a\",\"startMode\":\"never\"}",
            "startMode: \"never\" is not one of automatic, manual, disabled" },
        { "{\"instanceID\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
            "instanceID: longer than 63 bytes" },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        json_t *value = NULL;
        ProtobufCMessage *m = NULL;

        av_check_row = (long)i;
        AV_CHECK_RC(av_json_parse(av_span_str(cases[i].in), &value, &err), AV_OK, &err);
        AV_CHECK(av_json_to_message(value, config_type, &m, &err) != AV_OK);
        AV_CHECK_STR(err.msg, cases[i].says);
        json_decref(value);
    }
}

static void
test_json_depth(void)
{
    json_t *value = NULL;
    av_error err;

    AV_CHECK_RC(av_json_parse(av_span_str("[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]"), &value, &err), AV_OK, &err);
    json_decref(value);
    AV_CHECK_RC(av_json_parse(av_span_str("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"), &value, &err), AV_ERR_LIMIT, &err);
    AV_CHECK_RC(av_json_parse(av_span_str("{\"a\":1,\"a\":2}"), &value, &err), AV_ERR_SYNTAX, &err);
}

/* Passwords never come out, whatever message holds them. */
static void
test_secret_not_written(void)
{
    Archivolt__SetUserPasswordRequest r = ARCHIVOLT__SET_USER_PASSWORD_REQUEST__INIT;
    json_t *value;

    r.instance_id = (char *)"a";
    r.user_name = (char *)"u";
    r.password = (char *)"secret";
    value = av_json_from_message(&r.base);
    AV_CHECK(json_object_get(value, "password") == NULL);
    AV_CHECK(json_object_get(value, "userName") != NULL);
    json_decref(value);
}

int
main(void)
{
    AV_RUN(test_form_cases);
    AV_RUN(test_form_required_list);
    AV_RUN(test_form_list_and_enum);
    AV_RUN(test_json_round);
    AV_RUN(test_json_refused);
    AV_RUN(test_json_depth);
    AV_RUN(test_secret_not_written);
    return av_check_done();
}
