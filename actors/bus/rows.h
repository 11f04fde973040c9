/*
 * rows.h - row streams: [u32 little-endian length][packed row][raw bytes the row announces]
 *
 * Pure: the writer fills a buffer, the reader takes bytes as they come and calls back. See proto/archive.proto.
 */
#ifndef AV_ACTORS_BUS_ROWS_H
#define AV_ACTORS_BUS_ROWS_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "base/error.h"

/* Append length and packed row. false: out is full (nothing appended). */
bool av_rows_put(av_buf *out, const ProtobufCMessage *row);

typedef struct av_rows_reader av_rows_reader;
typedef struct av_rows_events {
    /* A row; returns how many raw bytes follow it. *err set to a code ends the stream. */
    uint64_t (*on_row)(void *ctx, const ProtobufCMessage *row, av_error *err);
    /* Raw bytes of the last row, in pieces; may be NULL when rows announce none. */
    void (*on_bytes)(void *ctx, av_span bytes, av_error *err);
    /* All raw bytes of the last row have come (also when it announced none); may be NULL. */
    void (*on_row_end)(void *ctx, av_error *err);
} av_rows_events;

/* max_row_bytes: largest packed row taken (LIMIT beyond). */
av_rows_reader *av_rows_reader_new(
    const ProtobufCMessageDescriptor *row_type, size_t max_row_bytes, const av_rows_events *events, void *ctx);
void av_rows_reader_destroy(av_rows_reader **self);
/* All bytes are taken, or an error is returned and stays. */
av_errc av_rows_reader_feed(av_rows_reader *self, av_span bytes, av_error *err);
/* At the end of the stream: SYNTAX when it ends inside a row. */
av_errc av_rows_reader_finish(av_rows_reader *self, av_error *err);

#endif
