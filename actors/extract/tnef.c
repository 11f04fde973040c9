/*
 * tnef.c - winmail.dat: Transport Neutral Encapsulation ([MS-OXTNEF])
 *
 * Body and attachments, messages inside included. Checksums are not looked at: what is damaged is read as far as
 * it goes.
 */
#include "actors/extract/mapi.h"
#include "actors/extract/readers.h"

enum { /* 2.1.3.2 */
    SUBJECT = 0x00018004,
    BODY = 0x0002800C,
    ATTACH_TITLE = 0x00018010,
    ATTACH_DATA = 0x0006800F,
    ATTACH_BEGINS = 0x00069002,
    MESSAGE_PROPERTIES = 0x00069003,
    ATTACH_PROPERTIES = 0x00069005,
    OEM_CODE_PAGE = 0x00069007
};

typedef struct tnef {
    av_job *job;
    av_mapi_bodies bodies;
    av_span name, data; /* of the attachment at hand */
    unsigned name_type;
    bool attachment, message; /* there is one at hand; it is a message (data is TNEF) */
} tnef;

/* The attachment at hand, now that all of it was read. */
static void
put_attachment(tnef *self)
{
    AV_CLEANUP(av_job_release) av_job name;

    av_job_init(&name, 4096, 0, 0, -1);
    (void)av_mapi_string(&name, self->name_type, self->bodies.codepage, self->name);
    if (self->attachment && self->job->items_left > 0)
        (void)av_job_nested(self->job, av_buf_span(&name.out),
            self->message ? av_span_str("application/ms-tnef") : (av_span){ 0 }, self->data);
    self->attachment = self->message = false;
    self->name = self->data = (av_span){ 0 };
    self->name_type = AV_MAPI_STRING8;
}

/* Bytes of a value of fixed size (padded to 4); 0: its size stands before it. */
static size_t
fixed_size(unsigned type)
{
    switch (type & 0xFFF) {
    case 0x0002:
    case 0x0003:
    case 0x0004:
    case 0x000A:
    case 0x000B:
        return 4;
    case 0x0005:
    case 0x0006:
    case 0x0007:
    case 0x0014:
    case 0x0040:
        return 8;
    case 0x0048:
        return 16;
    default:
        return 0;
    }
}

static void
on_property(tnef *self, unsigned type, unsigned id, av_span value, bool of_attachment)
{
    if (of_attachment && (id == AV_MAPI_ATTACH_LONG_NAME || (id == AV_MAPI_ATTACH_NAME && self->name.n == 0))) {
        self->name = value;
        self->name_type = type;
    } else if (of_attachment && id == AV_MAPI_ATTACH_DATA && value.n > 0) {
        self->message = type == AV_MAPI_OBJECT && value.n > 16; /* 2.1.3.4.1: an interface's id, then TNEF */
        self->data = self->message ? av_span_skip(value, 16) : value;
    } else if (!of_attachment && id == AV_MAPI_BODY) {
        self->bodies.plain = value;
        self->bodies.plain_type = type;
    } else if (!of_attachment && id == AV_MAPI_HTML) {
        self->bodies.html = value;
    } else if (!of_attachment && id == AV_MAPI_RTF) {
        self->bodies.rtf = value;
    } else if (!of_attachment && (id == AV_MAPI_SUBJECT || id == AV_MAPI_SENDER_NAME) &&
               (type == AV_MAPI_UNICODE || type == AV_MAPI_STRING8)) {
        (void)av_mapi_string(self->job, type, self->bodies.codepage, value);
        (void)av_job_line(self->job);
    }
}

/* 2.1.3.5: a named property's name stands before its value. */
static bool
skip_name(av_span *s)
{
    uint32_t kind, n;
    av_span skipped;

    if (!av_span_get_bytes(s, 16, &skipped) || !av_span_get_u32(s, &kind) || !av_span_get_u32(s, &n))
        return false;
    return kind == 0 || (n <= s->n && av_span_get_bytes(s, AV_MIN(((size_t)n + 3) / 4 * 4, s->n), &skipped));
}

/* One value off the front. */
static bool
take_value(av_span *s, unsigned type, av_span *ret)
{
    size_t fixed = fixed_size(type);
    av_span padding;
    uint32_t n;

    if (fixed > 0)
        return av_span_get_bytes(s, fixed, ret);
    if (!av_span_get_u32(s, &n) || !av_span_get_bytes(s, n, ret))
        return false;
    return av_span_get_bytes(s, AV_MIN((4 - (size_t)n % 4) % 4, s->n), &padding);
}

static bool
read_properties(tnef *self, av_span s, bool of_attachment)
{
    uint32_t count;

    if (!av_span_get_u32(&s, &count))
        return false;
    while (count-- > 0) {
        uint16_t type, id;
        uint32_t values = 1;

        if (!av_span_get_u16(&s, &type) || !av_span_get_u16(&s, &id) || (id >= 0x8000 && !skip_name(&s)))
            return false;
        if ((fixed_size(type) == 0 || (type & 0x1000) != 0) && !av_span_get_u32(&s, &values))
            return false;
        while (values-- > 0) {
            av_span value;

            if (!take_value(&s, type, &value))
                return false;
            on_property(self, type, id, value, of_attachment);
        }
    }
    return true;
}

static bool
on_attribute(tnef *self, uint32_t id, av_span data)
{
    uint32_t codepage;

    switch (id) {
    case SUBJECT:
        (void)av_mapi_string(self->job, AV_MAPI_STRING8, self->bodies.codepage, data);
        (void)av_job_line(self->job);
        return true;
    case BODY:
        self->bodies.plain = data;
        self->bodies.plain_type = AV_MAPI_STRING8;
        return true;
    case OEM_CODE_PAGE:
        if (av_span_get_u32(&data, &codepage))
            self->bodies.codepage = codepage;
        return true;
    case MESSAGE_PROPERTIES:
        return read_properties(self, data, false);
    case ATTACH_BEGINS:
        put_attachment(self);
        self->attachment = true;
        return true;
    case ATTACH_TITLE:
        self->name = data;
        self->name_type = AV_MAPI_STRING8;
        return true;
    case ATTACH_DATA:
        self->data = data;
        return true;
    case ATTACH_PROPERTIES:
        return read_properties(self, data, true);
    default:
        return true;
    }
}

/* The message's own attributes come before those of attachments: its body is put where these begin. */
static bool
read_attributes(tnef *self, av_span s)
{
    bool body = false, whole = true;

    while (s.n >= 9 && whole && !self->job->out.full) {
        uint8_t level = 0;
        uint16_t checksum;
        uint32_t id = 0, n = 0;
        av_span data;

        (void)av_span_get_u8(&s, &level);
        (void)av_span_get_u32(&s, &id);
        (void)av_span_get_u32(&s, &n);
        whole = n <= s.n;
        (void)av_span_get_bytes(&s, AV_MIN((size_t)n, s.n), &data);
        (void)av_span_get_u16(&s, &checksum);
        if (level == 2 && !body) {
            av_mapi_body(self->job, &self->bodies, &self->job->inner);
            body = true;
        }
        whole = on_attribute(self, id, data) && whole;
    }
    if (!body)
        av_mapi_body(self->job, &self->bodies, &self->job->inner);
    put_attachment(self);
    return whole;
}

av_errc
av_read_tnef(av_job *job, av_span bytes, av_error *err)
{
    tnef self = { .job = job, .name_type = AV_MAPI_STRING8 };

    if (bytes.n < 6 || memcmp(bytes.p, "\x78\x9F\x3E\x22", 4) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "is broken");
    if (!read_attributes(&self, av_span_skip(bytes, 6)))
        return av_error_set(err, AV_ERR_CORRUPT, "is cut short, or has a broken attribute");
    return av_job_done(job, err);
}
