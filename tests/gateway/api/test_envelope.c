/*
 * test_envelope.c - the reply's bytes: mark, keys in their order, error details, and get-metadata's shape
 */
#include "gateway/api/api_priv.h"
#include "gateway/api/envelope.h"
#include "tests/check.h"

#define BOM "\xef\xbb\xbf"

static void
test_done(void)
{
    const av_api_envelope e = { .status_version = 2, .status_code = "succeeded", .percent = -1 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 4096);
    AV_CHECK(av_api_envelope_write(&e, &out));
    AV_CHECK_STR(av_buf_cstr(&out),
        BOM "{\"error\":null,\"token\":null,\"statusVersion\":2,\"statusCode\":\"succeeded\",\"percentProgress\":null,"
            "\"statusText\":null,\"result\":null,\"logOutput\":null}");
}

static void
test_failed(void)
{
    const av_api_envelope e = {
        .error_message = "Missing API argument userName.",
        .function = "GetUserInfo",
        .status_version = 2,
        .status_code = "failed",
        .percent = -1,
    };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 4096);
    AV_CHECK(av_api_envelope_write(&e, &out));
    AV_CHECK_STR(av_buf_cstr(&out),
        BOM "{\"error\":{\"message\":\"Missing API argument userName.\",\"details\":\"System.Exception: Missing API "
            "argument userName.\\r\\n   at GetUserInfo\"},\"token\":null,\"statusVersion\":2,\"statusCode\":\"failed\","
            "\"percentProgress\":null,\"statusText\":null,\"result\":null,\"logOutput\":null}");
}

static void
test_running(void)
{
    json_t *result = json_array();
    const av_api_envelope e = {
        .token = "c2f1",
        .status_version = 7,
        .status_code = "running",
        .percent = 0,
        .status_text = "half \"way\"",
        .result = result,
        .log_output = "line\r\n",
    };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 4096);
    AV_CHECK(av_api_envelope_write(&e, &out));
    AV_CHECK_STR(av_buf_cstr(&out),
        BOM "{\"error\":null,\"token\":\"c2f1\",\"statusVersion\":7,\"statusCode\":\"running\",\"percentProgress\":0,"
            "\"statusText\":\"half \\\"way\\\"\",\"result\":[],\"logOutput\":\"line\\r\\n\"}");
    json_decref(result);
}

static void
test_ceiling(void)
{
    const av_api_envelope e = { .status_version = 2, .status_code = "succeeded", .percent = -1 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };

    av_buf_init(&out, 50);
    AV_CHECK(!av_api_envelope_write(&e, &out));
}

/* Every entry: name, args; every argument: name, type, nullable; types from the four words. */
static void
test_metadata(void)
{
    json_t *list = av_api_metadata(), *entry, *arg;
    size_t i, j;
    bool seen_user_name = false;

    AV_CHECK(json_is_array(list) && json_array_size(list) > 10);
    json_array_foreach(list, i, entry)
    {
        av_check_row = (long)i;
        AV_CHECK(json_is_string(json_object_get(entry, "name")) && json_is_array(json_object_get(entry, "args")));
        AV_CHECK_INT(json_object_size(entry), 2);
        json_array_foreach(json_object_get(entry, "args"), j, arg)
        {
            const char *type = json_string_value(json_object_get(arg, "type"));

            AV_CHECK(json_object_size(arg) == 3 && json_is_boolean(json_object_get(arg, "nullable")));
            AV_CHECK(type != NULL && (strcmp(type, "string") == 0 || strcmp(type, "number") == 0 ||
                                         strcmp(type, "bool") == 0 || strcmp(type, "json") == 0));
            if (strcmp(json_string_value(json_object_get(entry, "name")), "GetUserInfo") == 0 &&
                strcmp(json_string_value(json_object_get(arg, "name")), "userName") == 0)
                seen_user_name = json_is_false(json_object_get(arg, "nullable"));
        }
    }
    AV_CHECK(seen_user_name);
    json_decref(list);
}

int
main(void)
{
    AV_RUN(test_done);
    AV_RUN(test_failed);
    AV_RUN(test_running);
    AV_RUN(test_ceiling);
    AV_RUN(test_metadata);
    return av_check_done();
}
