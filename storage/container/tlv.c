/*
 * tlv.c - see tlv.h
 */
#include "storage/container/tlv.h"

bool
av_var_put(av_buf *out, uint64_t v)
{
    while (v >= 0x80) {
        if (!av_buf_put_u8(out, (uint8_t)(v | 0x80)))
            return false;
        v >>= 7;
    }
    return av_buf_put_u8(out, (uint8_t)v);
}

bool
av_var_get(av_span *in, uint64_t *ret)
{
    uint64_t v = 0;

    for (size_t i = 0; i < 10 && i < in->n; i++) {
        uint8_t c = in->p[i];

        if (i == 9 && c > 1) /* bit 64 and up */
            return false;
        v |= (uint64_t)(c & 0x7F) << (7 * i);
        if (c & 0x80)
            continue;
        if (i > 0 && c == 0) /* one value, one form */
            return false;
        *in = av_span_skip(*in, i + 1);
        *ret = v;
        return true;
    }
    return false;
}

bool
av_varint_put(av_buf *out, uint32_t v)
{
    return av_var_put(out, v);
}

bool
av_varint_get(av_span *in, uint32_t *ret)
{
    av_span rest = *in;
    uint64_t v = 0;

    if (!av_var_get(&rest, &v) || v > UINT32_MAX)
        return false;
    *in = rest;
    *ret = (uint32_t)v;
    return true;
}

bool
av_tlv_put(av_buf *out, uint8_t tag, av_span value)
{
    assert((tag & ~AV_TLV_CRITICAL) != 0 && value.n <= UINT32_MAX);
    return av_buf_put_u8(out, tag) && av_varint_put(out, (uint32_t)value.n) && av_buf_append_span(out, value);
}

bool
av_tlv_put_u8(av_buf *out, uint8_t tag, uint8_t v)
{
    return av_tlv_put(out, tag, av_span_of(&v, 1));
}

bool
av_tlv_put_u32(av_buf *out, uint8_t tag, uint32_t v)
{
    return av_buf_put_u8(out, tag) && av_varint_put(out, 4) && av_buf_put_u32(out, v);
}

bool
av_tlv_put_u64(av_buf *out, uint8_t tag, uint64_t v)
{
    return av_buf_put_u8(out, tag) && av_varint_put(out, 8) && av_buf_put_u64(out, v);
}

bool
av_tlv_put_var(av_buf *out, uint8_t tag, uint64_t v)
{
    uint8_t size = 1;

    for (uint64_t rest = v >> 7; rest > 0; rest >>= 7)
        size++;
    return av_buf_put_u8(out, tag) && av_buf_put_u8(out, size) && av_var_put(out, v);
}

av_errc
av_tlv_next(av_tlv_reader *self, av_tlv_field *ret, bool *ret_end, av_error *err)
{
    av_span in = self->rest, value;
    uint8_t tag = 0;
    uint32_t n = 0;

    *ret_end = in.n == 0;
    if (*ret_end)
        return AV_OK;
    (void)av_span_get_u8(&in, &tag);
    if (!av_varint_get(&in, &n) || !av_span_get_bytes(&in, n, &value))
        return av_error_set(err, AV_ERR_CORRUPT, "field %u is cut short or has a bad length", tag & 0x7FU);
    if ((tag & 0x7FU) <= self->last)
        return av_error_set(err, AV_ERR_CORRUPT, "field %u stands after field %u", tag & 0x7FU, self->last);
    self->last = tag & 0x7FU;
    self->rest = in;
    *ret = (av_tlv_field){ .number = self->last, .critical = (tag & AV_TLV_CRITICAL) != 0, .value = value };
    return AV_OK;
}

bool
av_tlv_u8(av_span value, uint8_t *ret)
{
    return value.n == 1 && av_span_get_u8(&value, ret);
}

bool
av_tlv_u32(av_span value, uint32_t *ret)
{
    return value.n == 4 && av_span_get_u32(&value, ret);
}

bool
av_tlv_u64(av_span value, uint64_t *ret)
{
    return value.n == 8 && av_span_get_u64(&value, ret);
}

bool
av_tlv_var(av_span value, uint64_t *ret)
{
    return av_var_get(&value, ret) && value.n == 0;
}
