/*
 * part_fields.c - see part_fields.h
 */
#include "storage/mime/part_fields.h"

#include "storage/mime/header.h"

enum { FILENAME_MAX_BYTES = 1024, LEADING = 8 /* bytes of "content-" */ };

enum content_field {
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_DISPOSITION,
    CONTENT_ID,
    CONTENT_DESCRIPTION,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_MD5,
    CONTENT_COUNT
};

static const char *const content_names[CONTENT_COUNT] = {
    [CONTENT_TYPE] = "type",
    [CONTENT_ENCODING] = "transfer-encoding",
    [CONTENT_DISPOSITION] = "disposition",
    [CONTENT_ID] = "id",
    [CONTENT_DESCRIPTION] = "description",
    [CONTENT_LANGUAGE] = "language",
    [CONTENT_LOCATION] = "location",
    [CONTENT_MD5] = "md5",
};

static const struct encoding_name {
    const char *name;
    av_mime_encoding encoding;
} encoding_names[] = {
    { "7bit", AV_MIME_7BIT },
    { "8bit", AV_MIME_8BIT },
    { "binary", AV_MIME_BINARY },
    { "quoted-printable", AV_MIME_QP },
    { "base64", AV_MIME_BASE64 },
    { "x-uuencode", AV_MIME_UUENCODE },
    { "uuencode", AV_MIME_UUENCODE },
    { "x-uue", AV_MIME_UUENCODE },
    { "uue", AV_MIME_UUENCODE },
    { "7-bit", AV_MIME_7BIT },
    { "8-bit", AV_MIME_8BIT },
};

/* The values of the first Content-* field of each name; values are never NULL when the field is there. */
static void
collect(av_span header, av_span values[CONTENT_COUNT])
{
    av_header_field field;

    memset(values, 0, CONTENT_COUNT * sizeof *values);
    while (av_header_next(&header, &field)) {
        av_span rest;

        if (field.name.n <= LEADING || (field.name.p[0] | 0x20) != 'c' || field.name.p[LEADING - 1] != '-' ||
            !av_span_ieq_str(av_span_slice(field.name, 0, LEADING), "content-"))
            continue;
        rest = av_span_skip(field.name, LEADING);
        for (size_t i = 0; i < CONTENT_COUNT; i++)
            if (values[i].p == NULL && av_span_ieq_str(rest, content_names[i]))
                values[i] = av_span_trim(field.value);
    }
}

/* Parse a structured value; the parameters go to the end of mime->params. */
static av_span
parse_params(av_mime *mime, av_span value, uint32_t *ret_at, uint32_t *ret_count)
{
    av_mime_param params[AV_MIME_PARAMS_MAX];
    av_span head;
    uint32_t n = (uint32_t)av_mime_params_parse(value, &mime->pool, &head, params, AV_COUNT(params));

    *ret_at = mime->param_count;
    *ret_count = n;
    if (n == 0)
        return head;
    if (mime->param_cap - mime->param_count < n) {
        mime->param_cap = AV_MAX(mime->param_cap * 2, mime->param_count + AV_MAX(n, 16U));
        mime->params = av_xrealloc(mime->params, mime->param_cap * sizeof *mime->params);
    }
    memcpy(mime->params + mime->param_count, params, n * sizeof *params);
    mime->param_count += n;
    return head;
}

static bool
is_type_token(av_span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7F)
            return false;
    return s.n > 0;
}

/* RFC 2045, 5.2: what is not type/subtype is text/plain. */
static void
set_type(av_mime_part *part, av_span head, bool in_digest)
{
    size_t slash = av_span_find(head, '/');

    part->type = av_span_str(in_digest ? "message" : "text");
    part->subtype = av_span_str(in_digest ? "rfc822" : "plain");
    if (head.n == 0)
        return;
    part->type = av_span_str("text");
    part->subtype = av_span_str("plain");
    if (slash == head.n || !is_type_token(av_span_slice(head, 0, slash)) ||
        !is_type_token(av_span_skip(head, slash + 1)) || memchr(head.p + slash + 1, '/', head.n - slash - 1) != NULL)
        return;
    part->type = av_span_slice(head, 0, slash);
    part->subtype = av_span_skip(head, slash + 1);
}

static void
set_encoding(av_mime *mime, av_mime_part *part, av_span value)
{
    size_t n = 0;

    while (n < value.n && value.p[n] > ' ' && value.p[n] != ';' && value.p[n] != '(' && value.p[n] < 0x7F)
        n++;
    part->encoding_word = av_mime_pool_lower(&mime->pool, av_span_slice(value, 0, n));
    if (part->encoding_word.n == 0)
        return;
    part->encoding = AV_MIME_ENCODING_OTHER;
    for (size_t i = 0; i < AV_COUNT(encoding_names); i++)
        if (av_span_eq_str(part->encoding_word, encoding_names[i].name))
            part->encoding = encoding_names[i].encoding;
}

static void
set_disposition(av_mime *mime, av_mime_part *part, av_span value)
{
    part->disp_type = parse_params(mime, value, &part->disp_param_at, &part->disp_param_count);
    part->disposition = part->disp_type.n == 0                          ? AV_MIME_DISPOSITION_NONE
                        : av_span_eq_str(part->disp_type, "inline")     ? AV_MIME_INLINE
                        : av_span_eq_str(part->disp_type, "attachment") ? AV_MIME_ATTACHMENT
                                                                        : AV_MIME_DISPOSITION_OTHER;
}

static void
set_filename(av_mime *mime, av_mime_part *part)
{
    AV_CLEANUP(av_buf_release) av_buf name = { .max = FILENAME_MAX_BYTES };

    if (!av_mime_param_decode(mime->params + part->disp_param_at, part->disp_param_count, "filename", &name) &&
        !av_mime_param_decode(mime->params + part->param_at, part->param_count, "name", &name))
        return;
    for (size_t i = 0; i < name.n; i++) /* names stand one a line in lists: percent escapes may hide line ends */
        if (name.p[i] < ' ' || name.p[i] == 0x7F)
            name.p[i] = ' ';
    part->filename = av_mime_pool_copy(&mime->pool, av_buf_span(&name));
}

void
mime_part_fields(av_mime *mime, av_mime_part *part, av_span header, bool in_digest)
{
    av_span values[CONTENT_COUNT];
    const av_mime_param *params;

    collect(header, values);
    set_type(part, parse_params(mime, values[CONTENT_TYPE], &part->param_at, &part->param_count), in_digest);
    set_encoding(mime, part, values[CONTENT_ENCODING]);
    set_disposition(mime, part, values[CONTENT_DISPOSITION]);
    part->content_id = values[CONTENT_ID];
    part->description = values[CONTENT_DESCRIPTION];
    part->language = values[CONTENT_LANGUAGE];
    part->location = values[CONTENT_LOCATION];
    part->md5 = values[CONTENT_MD5];
    if (part->param_count + part->disp_param_count == 0)
        return;
    params = mime->params + part->param_at;
    part->charset = av_mime_param_raw(params, part->param_count, "charset");
    part->format = av_mime_param_raw(params, part->param_count, "format");
    part->boundary = av_mime_param_raw(params, part->param_count, "boundary");
    while (part->boundary.n > 0 && part->boundary.p[part->boundary.n - 1] == ' ')
        part->boundary.n--; /* RFC 2046, 5.1.1: a boundary never ends with a blank */
    set_filename(mime, part);
}
