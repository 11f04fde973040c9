/*
 * test_settings.c - a table of settings: defaults, files, bounds, sentences
 */
#include "base/settings.h"
#include "tests/check.h"

typedef struct conf {
    char *name;
    uint64_t port;
    bool on;
} conf;

static const av_setting table[] = { { "name", AV_SETTING_STRING, offsetof(conf, name), "n1", 0, 8, "a name" },
    { "port", AV_SETTING_U64, offsetof(conf, port), "143", 1, 65535, "a port" },
    { "on", AV_SETTING_BOOL, offsetof(conf, on), "no", 0, 0, "a switch" }, { .key = NULL } };

static void
test_defaults_and_file(void)
{
    conf c = { 0 };
    av_error err;

    av_settings_defaults(table, &c);
    AV_CHECK_STR(c.name, "n1");
    AV_CHECK_INT(c.port, 143);
    AV_CHECK(!c.on);
    AV_CHECK_RC(av_settings_parse(table, &c, av_span_str("# comment\n\n name = a b \r\nport=993\non = Yes"), "f", &err),
        AV_OK, &err);
    AV_CHECK_STR(c.name, "a b");
    AV_CHECK_INT(c.port, 993);
    AV_CHECK(c.on);
    av_settings_release(table, &c);
    AV_CHECK(c.name == NULL);
}

static void
test_refused(void)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "port = 0", "f:1: port must be a whole number from 1 to 65535, not \"0\"" },
        { "\nport = 65536", "f:2: port must be a whole number from 1 to 65535, not \"65536\"" },
        { "on = maybe", "f:1: on must be yes or no" },
        { "what = 1", "f:1: there is no setting \"what\"" },
        { "name", "f:1: expected \"key = value\"" },
        { "name = 1\nname = 2", "f:2: name is set twice" },
        { "name = 123456789", "f:1: name is longer than 8 bytes or holds a NUL byte" },
    };
    av_error err;

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        conf c = { 0 };

        av_check_row = (long)i;
        AV_CHECK(av_settings_parse(table, &c, av_span_str(cases[i].text), "f", &err) != AV_OK);
        AV_CHECK_STR(err.msg, cases[i].says);
        av_settings_release(table, &c);
    }
}

int
main(void)
{
    AV_RUN(test_defaults_and_file);
    AV_RUN(test_refused);
    return av_check_done();
}
