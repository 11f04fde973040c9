/*
 * test_rows.c - row streams in pieces of every size, and broken ones
 */
#include "actors/bus/rows.h"

#include "proto/archive.pb-c.h"
#include "proto/worker.pb-c.h"
#include "tests/check.h"

typedef struct seen {
    unsigned rows, ends;
    uint64_t bytes;
    bool refuse, bad;
} seen;

static uint64_t
on_row(void *ctx, const ProtobufCMessage *row, av_error *err)
{
    seen *self = ctx;
    const Archivolt__IntakeItem *item = (const Archivolt__IntakeItem *)row;

    self->bad = self->bad || item->number != ++self->rows;
    if (self->refuse)
        (void)av_error_set(err, AV_ERR_NOSPACE, "full");
    return item->length;
}

static void
on_bytes(void *ctx, av_span bytes, av_error *err)
{
    seen *self = ctx;

    (void)err;
    for (size_t i = 0; i < bytes.n; i++)
        self->bad = self->bad || bytes.p[i] != (uint8_t)self->rows;
    self->bytes += bytes.n;
}

static void
on_row_end(void *ctx, av_error *err)
{
    seen *self = ctx;

    (void)err;
    self->bad = self->bad || ++self->ends != self->rows;
}

static const av_rows_events events = { on_row, on_bytes, on_row_end };

static void
put_item(av_buf *out, uint64_t number, uint64_t length)
{
    Archivolt__IntakeItem item = ARCHIVOLT__INTAKE_ITEM__INIT;

    item.number = number;
    item.path = (char *)(uintptr_t) "a/b.eml";
    item.length = length;
    AV_CHECK(av_rows_put(out, &item.base));
    for (uint64_t i = 0; i < length; i++)
        (void)av_buf_putc(out, (uint8_t)number);
}

static av_errc
read_in_pieces(av_span all, size_t piece, seen *self, size_t max_row)
{
    av_rows_reader *reader = av_rows_reader_new(&archivolt__intake_item__descriptor, max_row, &events, self);
    av_errc rc = AV_OK;
    av_error err;

    while (all.n > 0 && rc == AV_OK) {
        size_t n = AV_MIN(piece, all.n);

        rc = av_rows_reader_feed(reader, av_span_slice(all, 0, n), &err);
        all = av_span_skip(all, n);
    }
    if (rc == AV_OK)
        rc = av_rows_reader_finish(reader, &err);
    else
        AV_CHECK_INT(av_rows_reader_feed(reader, av_span_str("x"), &err), rc); /* it stays */
    av_rows_reader_destroy(&reader);
    return rc;
}

static void
test_pieces(void)
{
    static const uint64_t lengths[] = { 0, 1, 100, 0, 0, 70000, 3 };
    av_buf all;

    av_buf_init(&all, 1 << 20);
    for (size_t i = 0; i < AV_COUNT(lengths); i++)
        put_item(&all, i + 1, lengths[i]);
    for (size_t piece = 1; piece < 200; piece += 1 + piece / 9) {
        seen s = { 0 };

        av_check_row = (long)piece;
        AV_CHECK_INT(read_in_pieces(av_buf_span(&all), piece, &s, 1000), AV_OK);
        AV_CHECK(!s.bad && s.rows == 7 && s.ends == 7 && s.bytes == 70104);
    }
    av_check_row = -1;
    for (size_t cut = 1; cut < 20; cut++) {
        seen s = { 0 };

        AV_CHECK_INT(read_in_pieces(av_span_slice(av_buf_span(&all), 0, all.n - cut), 50, &s, 1000), AV_ERR_SYNTAX);
    }
    av_buf_release(&all);
}

static void
test_bad(void)
{
    seen s = { .refuse = true }, t = { 0 };
    av_buf all, tiny;

    av_buf_init(&all, 1 << 16);
    put_item(&all, 1, 5);
    AV_CHECK_INT(read_in_pieces(av_buf_span(&all), 3, &s, 1000), AV_ERR_NOSPACE);
    AV_CHECK_INT(read_in_pieces(av_buf_span(&all), 3, &t, 5), AV_ERR_LIMIT);
    AV_CHECK_INT(read_in_pieces(av_span_of("\xff\xff\xff\xff", 4), 1, &t, 1000), AV_ERR_LIMIT);
    AV_CHECK_INT(read_in_pieces(av_span_of("\2\0\0\0\xff\xff", 6), 1, &t, 1000), AV_ERR_SYNTAX);
    AV_CHECK_INT(read_in_pieces(av_span_of("\0\0\0\0", 4), 1, &t, 1000), AV_ERR_SYNTAX); /* required fields */
    av_buf_init(&tiny, 6);
    AV_CHECK(av_buf_putc(&tiny, 'x'));
    AV_CHECK(!av_rows_put(&tiny, &(Archivolt__SearchReply)ARCHIVOLT__SEARCH_REPLY__INIT.base));
    AV_CHECK_INT(tiny.n, 1);
    av_buf_release(&tiny);
    av_buf_release(&all);
}

int
main(void)
{
    AV_RUN(test_pieces);
    AV_RUN(test_bad);
    return av_check_done();
}
