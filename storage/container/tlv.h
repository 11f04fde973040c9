/*
 * tlv.h - the fields of our disk records (docs/format-container.md, 11)
 *
 * Pure. Tag numbers 1 to 127, ascending, each at most once; bit 7 marks a critical field.
 */
#ifndef AV_CONTAINER_TLV_H
#define AV_CONTAINER_TLV_H

#include "base/buf.h"
#include "base/error.h"

#define AV_TLV_CRITICAL 0x80U

/* tag: number, with AV_TLV_CRITICAL or without. All return false when out is full. */
bool av_tlv_put(av_buf *out, uint8_t tag, av_span value);
bool av_tlv_put_u8(av_buf *out, uint8_t tag, uint8_t v);
bool av_tlv_put_u32(av_buf *out, uint8_t tag, uint32_t v);
bool av_tlv_put_u64(av_buf *out, uint8_t tag, uint64_t v);
bool av_tlv_put_var(av_buf *out, uint8_t tag, uint64_t v);

typedef struct av_tlv_field {
    uint8_t number;
    bool critical;
    av_span value;
} av_tlv_field;

typedef struct av_tlv_reader {
    av_span rest;
    uint8_t last; /* number of the field before; 0 at the start */
} av_tlv_reader;

/* *ret_end is set at the end of the bytes, ret otherwise. AV_ERR_CORRUPT for malformed bytes and wrong order. */
av_errc av_tlv_next(av_tlv_reader *self, av_tlv_field *ret, bool *ret_end, av_error *err);
/* Exactly the size of the integer. */
bool av_tlv_u8(av_span value, uint8_t *ret);
bool av_tlv_u32(av_span value, uint32_t *ret);
bool av_tlv_u64(av_span value, uint64_t *ret);
/* One var and nothing behind it. */
bool av_tlv_var(av_span value, uint64_t *ret);

/* LEB128, shortest form, at most 5 bytes: lengths. put returns false when out is full; get leaves in where it was when
 * no such number stands there. */
bool av_varint_put(av_buf *out, uint32_t v);
bool av_varint_get(av_span *in, uint32_t *ret);

/* The format's "var": LEB128, shortest form, at most 10 bytes. */
bool av_var_put(av_buf *out, uint64_t v);
bool av_var_get(av_span *in, uint64_t *ret);

#endif
