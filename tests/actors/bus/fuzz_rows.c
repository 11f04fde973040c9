/*
 * fuzz_rows.c - any bytes as a row stream, whole and in pieces: both ways say the same
 */
#include <stdint.h>

#include "actors/bus/rows.h"
#include "proto/worker.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
    uint64_t rows, bytes;
} seen;

static uint64_t
on_row(void *ctx, const ProtobufCMessage *row, av_error *err)
{
    seen *self = ctx;
    const Archivolt__IntakeItem *item = (const Archivolt__IntakeItem *)row;

    (void)err;
    self->rows++;
    return item->length;
}

static void
on_bytes(void *ctx, av_span bytes, av_error *err)
{
    seen *self = ctx;

    (void)err;
    self->bytes += bytes.n;
}

static av_errc
read_all(const uint8_t *data, size_t size, size_t piece, seen *ret)
{
    static const av_rows_events events = { .on_row = on_row, .on_bytes = on_bytes };
    av_rows_reader *reader = av_rows_reader_new(&archivolt__intake_item__descriptor, 4096, &events, ret);
    av_errc rc = AV_OK;
    av_error err;

    for (size_t at = 0; at < size && rc == AV_OK; at += piece)
        rc = av_rows_reader_feed(reader, av_span_of(data + at, AV_MIN(piece, size - at)), &err);
    if (rc == AV_OK)
        rc = av_rows_reader_finish(reader, &err);
    av_rows_reader_destroy(&reader);
    return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen whole = { 0 }, pieces = { 0 };
    size_t piece = size == 0 ? 1 : 1 + data[0] % 7U;
    av_errc a = read_all(data, size, size + 1, &whole), b = read_all(data, size, piece, &pieces);

    assert(a == b && whole.rows == pieces.rows && whole.bytes == pieces.bytes);
    return 0;
}
