/*
 * form.c - see form.h
 */
#include "gateway/http/form.h"

#include "base/unicode.h"
#include "gateway/http/escape.h"

static size_t
count_fields(av_span body)
{
    size_t n = body.n > 0 ? 1 : 0;

    for (size_t i = 0; i < body.n; i++)
        n += body.p[i] == '&';
    return n;
}

/* Decodes into form->text, whose memory was reserved whole before: spans into it stay good. */
static av_errc
decode(av_http_form *form, av_span in, av_span *ret, av_error *err)
{
    size_t from = form->text.n;

    if (!av_http_unescape(in, true, &form->text))
        return av_error_set(err, AV_ERR_SYNTAX, "The form holds a malformed %%-escape.");
    *ret = av_span_slice(av_buf_span(&form->text), from, form->text.n);
    if (!av_utf8_valid(*ret))
        return av_error_set(err, AV_ERR_SYNTAX, "The form holds bytes that are not UTF-8.");
    return AV_OK;
}

static av_errc
add_field(av_http_form *form, av_span field, av_error *err)
{
    const av_span bom = av_span_str("\xef\xbb\xbf"); /* some clients' encoders write it before the first byte */
    size_t equals = av_span_find(field, '=');
    av_form_field *slot = &form->fields[form->count];
    av_errc rc = decode(form, av_span_slice(field, 0, equals), &slot->key, err);

    if (rc == AV_OK)
        rc = decode(form, av_span_skip(field, AV_MIN(equals + 1, field.n)), &slot->value, err);
    if (rc != AV_OK)
        return rc;
    if (form->count == 0 && av_span_eq(av_span_slice(slot->key, 0, AV_MIN(slot->key.n, bom.n)), bom)) {
        slot->key = av_span_skip(slot->key, bom.n);
        if (slot->key.n == 0 && slot->value.n == 0) /* a mark before an empty form */
            return AV_OK;
    }
    if (slot->key.n == 0)
        return av_error_set(err, AV_ERR_SYNTAX, "The form holds a value without a name.");
    form->count++;
    return AV_OK;
}

static av_errc
parse(av_span body, av_http_form *form, av_error *err)
{
    while (body.n > 0) {
        size_t end = av_span_find(body, '&');
        av_errc rc = end == 0 ? AV_OK : add_field(form, av_span_slice(body, 0, end), err);

        if (rc != AV_OK)
            return rc;
        body = av_span_skip(body, AV_MIN(end + 1, body.n));
    }
    return AV_OK;
}

av_errc
av_http_form_parse(av_span body, av_http_form *ret, av_error *err)
{
    AV_CLEANUP(av_http_form_release) av_http_form form = { 0 };
    size_t fields = count_fields(body);
    av_errc rc;

    if (fields > AV_HTTP_FORM_FIELDS_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "The form has more than %d fields.", AV_HTTP_FORM_FIELDS_MAX);
    form.fields = av_xcalloc(fields + 1, sizeof *form.fields);
    av_buf_init(&form.text, body.n + 1);
    if (av_buf_reserve(&form.text, body.n + 1) == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "There is no memory for the form.");
    rc = parse(body, &form, err);
    if (rc != AV_OK)
        return rc;
    *ret = form;
    form = (av_http_form){ 0 };
    return AV_OK;
}

void
av_http_form_release(av_http_form *self)
{
    free(self->fields);
    av_buf_release_secret(&self->text);
    *self = (av_http_form){ 0 };
}

bool
av_http_form_get(const av_http_form *self, const char *key, av_span *ret)
{
    for (size_t i = 0; i < self->count; i++) {
        if (av_span_eq_str(self->fields[i].key, key)) {
            *ret = self->fields[i].value;
            return true;
        }
    }
    return false;
}
