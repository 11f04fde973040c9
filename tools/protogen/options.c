/*
 * options.c - custom options, which protobuf-c keeps as unknown fields of the options message
 */
#include "tools/protogen/protogen.h"

static const ProtobufCMessageUnknownField *
find(const ProtobufCMessage *options, unsigned number)
{
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++)
        if (options->unknown_fields[i].tag == number)
            return &options->unknown_fields[i];
    return NULL;
}

/* A varint at *at of the field's bytes. */
static uint64_t
varint(const ProtobufCMessageUnknownField *f, size_t *at)
{
    uint64_t v = 0;

    for (unsigned shift = 0; *at < f->len && shift < 64; shift += 7) {
        uint8_t c = f->data[(*at)++];

        v |= (uint64_t)(c & 0x7F) << shift;
        if ((c & 0x80) == 0)
            break;
    }
    return v;
}

char *
option_string(const ProtobufCMessage *options, unsigned number)
{
    const ProtobufCMessageUnknownField *f = find(options, number);
    size_t at = 0;
    uint64_t n;

    if (f == NULL)
        return NULL;
    n = varint(f, &at); /* unknown fields keep their length prefix */
    if (at + n != f->len)
        die("option %u is not a string", number);
    return av_span_dup(av_span_of(f->data + at, (size_t)n));
}

uint64_t
option_number(const ProtobufCMessage *options, unsigned number)
{
    const ProtobufCMessageUnknownField *f = find(options, number);
    size_t at = 0;

    return f == NULL ? 0 : varint(f, &at);
}

uint32_t
option_bits(const ProtobufCMessage *options, unsigned number)
{
    uint32_t bits = 0;

    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        size_t at = 0;

        if (options->unknown_fields[i].tag == number)
            bits |= 1U << (unsigned)(varint(&options->unknown_fields[i], &at) & 31);
    }
    return bits;
}
