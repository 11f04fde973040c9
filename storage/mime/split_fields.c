/*
 * split_fields.c - what the header of a part says of its body
 *
 * Reads as part_fields.c does, but keeps two fields only, and of them a bounded beginning. Source: RFC 2045, 5 and 6.
 */
#include "storage/mime/param.h"
#include "storage/mime/split_priv.h"

void
split_fields_begin(split_fields *self)
{
    self->field = SPLIT_FIELD_NONE;
    self->type = (split_value){ .p = self->type_bytes, .max = SPLIT_TYPE_MAX };
    self->encoding = (split_value){ .p = self->encoding_bytes, .max = SPLIT_ENCODING_MAX };
}

void
split_fields_more(split_fields *self, av_span bytes)
{
    split_value *value = self->field == SPLIT_FIELD_TYPE       ? &self->type
                         : self->field == SPLIT_FIELD_ENCODING ? &self->encoding
                                                               : NULL;

    if (value == NULL)
        return;
    bytes.n = AV_MIN(bytes.n, value->max - value->n);
    if (bytes.n > 0)
        memcpy(value->p + value->n, bytes.p, bytes.n);
    value->n += bytes.n;
}

void
split_fields_other(split_fields *self)
{
    self->field = SPLIT_FIELD_NONE;
}

void
split_fields_line(split_fields *self, av_span line, av_span bytes)
{
    size_t colon;
    av_span name;
    split_value *value;

    self->field = SPLIT_FIELD_NONE;
    if ((line.p[0] | 0x20) != 'c')
        return;
    colon = av_span_find(line, ':');
    name = av_span_trim(av_span_slice(line, 0, colon));
    if (av_span_ieq_str(name, "content-type"))
        self->field = SPLIT_FIELD_TYPE;
    else if (av_span_ieq_str(name, "content-transfer-encoding"))
        self->field = SPLIT_FIELD_ENCODING;
    else
        return;
    value = self->field == SPLIT_FIELD_TYPE ? &self->type : &self->encoding;
    if (value->seen)
        self->field = SPLIT_FIELD_NONE;
    value->seen = true;
    split_fields_more(self, av_span_skip(bytes, colon + 1));
}

/* The declared encoding without parameters and comments; empty when there is none. */
static av_span
encoding_word(const split_fields *self)
{
    av_span word = av_span_trim(av_span_of(self->encoding.p, self->encoding.n));
    size_t n = 0;

    while (n < word.n && word.p[n] > ' ' && word.p[n] != ';' && word.p[n] != '(' && word.p[n] < 0x7F)
        n++;
    return av_span_slice(word, 0, n);
}

/* The bytes of the body are those of the content. */
static bool
is_plain(av_span encoding)
{
    static const char *const plain[] = { "", "7bit", "8bit", "binary", "7-bit", "8-bit" };

    for (size_t i = 0; i < AV_COUNT(plain); i++)
        if (av_span_ieq_str(encoding, plain[i]))
            return true;
    return false;
}

split_content
split_fields_content(split_fields *self, bool in_digest)
{
    av_span encoding = encoding_word(self), head = { NULL, 0 };
    split_content content = { .kind = SPLIT_LEAF, .base64 = av_span_ieq_str(encoding, "base64") };
    av_mime_param params[AV_MIME_PARAMS_MAX];
    size_t n = 0;

    av_mime_pool_clear(&self->pool);
    if (self->type.n > 0)
        n = av_mime_params_parse(
            av_span_trim(av_span_of(self->type.p, self->type.n)), &self->pool, &head, params, AV_COUNT(params));
    if (head.n == 0 && in_digest)
        head = av_span_str("message/rfc822");
    if (is_plain(encoding) && (av_span_eq_str(head, "message/rfc822") || av_span_eq_str(head, "message/global"))) {
        content.kind = SPLIT_MESSAGE;
    } else if (head.n > 10 && memcmp(head.p, "multipart/", 10) == 0) {
        content.kind = SPLIT_MULTIPART;
        content.digest = av_span_eq_str(head, "multipart/digest");
        content.boundary = av_mime_param_raw(params, n, "boundary");
        while (content.boundary.n > 0 && content.boundary.p[content.boundary.n - 1] == ' ')
            content.boundary.n--; /* RFC 2046, 5.1.1: a boundary never ends with a blank */
    }
    return content;
}
