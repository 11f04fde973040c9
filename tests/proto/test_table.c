/*
 * test_table.c - the written tables say what the .proto files say
 */
#include "proto/table.h"

#include "base/util.h"
#include "proto/host.pb-c.h"
#include "proto/instance.pb-c.h"
#include "proto/options.pb-c.h"
#include "tests/check.h"

static void
test_methods(void)
{
    const av_method_info *m = av_proto_method("archivolt.Instance.GetUsers");

    AV_CHECK(m != NULL);
    AV_CHECK_STR(m->api, "GetUsers");
    AV_CHECK_STR(m->route_by, "instance_id");
    AV_CHECK_STR(m->result, "users");
    AV_CHECK(m->input == &archivolt__instance_request__descriptor);
    AV_CHECK_INT(
        m->callers, AV_CALLER_BIT(ARCHIVOLT__CALLER__CALLER_ADMIN) | AV_CALLER_BIT(ARCHIVOLT__CALLER__CALLER_OPERATOR));
    AV_CHECK(!m->long_running && !m->changes_state);
    AV_CHECK(av_proto_method_by_api("GetUsers") == m);
    AV_CHECK(av_proto_method_by_any_name("GetUsers") == m);
    AV_CHECK(av_proto_method_by_any_name("Instance.GetUsers") == m);
    AV_CHECK(av_proto_method("archivolt.Instance.getusers") == NULL);
    for (size_t i = 1; i < av_proto_method_count; i++)
        AV_CHECK(strcmp(av_proto_methods[i - 1].name, av_proto_methods[i].name) < 0);
}

static void
test_every_message_has_rows(void)
{
    for (size_t i = 0; i < av_proto_method_count; i++) {
        const av_message_info *in = av_proto_message(av_proto_methods[i].input);

        av_check_row = (long)i;
        AV_CHECK(in != NULL && av_proto_message(av_proto_methods[i].output) != NULL);
        for (unsigned k = 0; in != NULL && k < in->descriptor->n_fields; k++)
            AV_CHECK(in->fields[k].json_key != NULL && in->fields[k].help != NULL);
    }
}

static void
test_enum_words(void)
{
    const ProtobufCEnumDescriptor *type = &archivolt__privilege__descriptor;
    int value = 0;

    AV_CHECK_STR(
        av_proto_enum_word(type, ARCHIVOLT__PRIVILEGE__PRIVILEGE_MODIFY_ARCHIVE_PROFILES), "modifyArchiveProfiles");
    AV_CHECK(av_proto_enum_word(type, 99) == NULL);
    AV_CHECK(av_proto_enum_value(type, "changePassword", &value) &&
             value == ARCHIVOLT__PRIVILEGE__PRIVILEGE_CHANGE_PASSWORD);
    AV_CHECK(!av_proto_enum_value(type, "ChangePassword", &value));
    AV_CHECK(av_proto_enum_value(&archivolt__start_mode__descriptor, "automatic", &value) && value == 1);
}

int
main(void)
{
    AV_RUN(test_methods);
    AV_RUN(test_every_message_has_rows);
    AV_RUN(test_enum_words);
    return av_check_done();
}
