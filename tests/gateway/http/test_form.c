/*
 * test_form.c - form bodies: fields, escapes, what is refused
 */
#include "gateway/http/form.h"
#include "tests/check.h"

/* Fields of a parsed form as "key=value|key=value|". */
static void
show(const av_http_form *form, av_buf *out)
{
    for (size_t i = 0; i < form->count; i++) {
        av_buf_append_span(out, form->fields[i].key);
        av_buf_putc(out, '=');
        av_buf_append_span(out, form->fields[i].value);
        av_buf_putc(out, '|');
    }
}

static const struct {
    const char *in;
    av_errc rc;
    const char *want; /* fields, or the sentence */
} cases[] = {
    { "", AV_OK, "" },
    { "&&", AV_OK, "" },
    { "a=1", AV_OK, "a=1|" },
    { "a=1&b=2", AV_OK, "a=1|b=2|" },
    { "a=1&&b=2&", AV_OK, "a=1|b=2|" },
    { "a", AV_OK, "a=|" },
    { "a=", AV_OK, "a=|" },
    { "a=b=c", AV_OK, "a=b=c|" },
    { "privileges=read%2C+write", AV_OK, "privileges=read, write|" },
    { "n=%C3%84rger+%26+Co", AV_OK, "n=\xc3\x84rger & Co|" },
    { "config=%7B%22a%22%3A1%7D", AV_OK, "config={\"a\":1}|" },
    { "a=1&a=2", AV_OK, "a=1|a=2|" },
    { "\xef\xbb\xbf"
      "a=1&b=2",
        AV_OK, "a=1|b=2|" },
    { "%EF%BB%BFa=1", AV_OK, "a=1|" },
    { "\xef\xbb\xbf", AV_OK, "" },
    { "\xef\xbb\xbf"
      "=1",
        AV_ERR_SYNTAX, "The form holds a value without a name." },
    { "a=1&\xef\xbb\xbf"
      "b=2",
        AV_OK,
        "a=1|\xef\xbb\xbf"
        "b=2|" },
    { "=1", AV_ERR_SYNTAX, "The form holds a value without a name." },
    { "a=%", AV_ERR_SYNTAX, "The form holds a malformed %-escape." },
    { "a=%4", AV_ERR_SYNTAX, "The form holds a malformed %-escape." },
    { "a%zz=1", AV_ERR_SYNTAX, "The form holds a malformed %-escape." },
    { "a=%FF", AV_ERR_SYNTAX, "The form holds bytes that are not UTF-8." },
    { "a=\xff", AV_ERR_SYNTAX, "The form holds bytes that are not UTF-8." },
    { "%ED%A0%80=1", AV_ERR_SYNTAX, "The form holds bytes that are not UTF-8." },
};

static void
test_cases(void)
{
    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        AV_CLEANUP(av_http_form_release) av_http_form form = { 0 };
        AV_CLEANUP(av_buf_release) av_buf out = { 0 };
        av_error err = { 0 };

        av_check_row = (long)i;
        av_buf_init(&out, 1024);
        AV_CHECK_RC(av_http_form_parse(av_span_str(cases[i].in), &form, &err), cases[i].rc, &err);
        if (cases[i].rc == AV_OK) {
            show(&form, &out);
            AV_CHECK_STR(av_buf_cstr(&out), cases[i].want);
        } else {
            AV_CHECK_STR(err.msg, cases[i].want);
            AV_CHECK(form.fields == NULL);
        }
    }
}

static void
test_get(void)
{
    AV_CLEANUP(av_http_form_release) av_http_form form = { 0 };
    av_error err;
    av_span value;

    AV_CHECK_RC(av_http_form_parse(av_span_str("token=ab&x=1&token=cd"), &form, &err), AV_OK, &err);
    AV_CHECK(av_http_form_get(&form, "token", &value) && av_span_eq_str(value, "ab"));
    AV_CHECK(!av_http_form_get(&form, "Token", &value));
}

static void
test_too_many_fields(void)
{
    AV_CLEANUP(av_http_form_release) av_http_form form = { 0 };
    AV_CLEANUP(av_buf_release) av_buf in = { 0 };
    av_error err;

    av_buf_init(&in, 4096);
    for (int i = 0; i < AV_HTTP_FORM_FIELDS_MAX; i++)
        av_buf_printf(&in, "%sa=1", i == 0 ? "" : "&");
    AV_CHECK_RC(av_http_form_parse(av_buf_span(&in), &form, &err), AV_OK, &err);
    AV_CHECK_INT(form.count, AV_HTTP_FORM_FIELDS_MAX);
    av_http_form_release(&form);
    av_buf_puts(&in, "&b=2");
    AV_CHECK_RC(av_http_form_parse(av_buf_span(&in), &form, &err), AV_ERR_LIMIT, &err);
}

int
main(void)
{
    AV_RUN(test_cases);
    AV_RUN(test_get);
    AV_RUN(test_too_many_fields);
    return av_check_done();
}
