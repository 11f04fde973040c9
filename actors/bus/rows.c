/*
 * rows.c - see rows.h
 */
#include "actors/bus/rows.h"

#define LENGTH_SIZE 4

struct av_rows_reader {
    const ProtobufCMessageDescriptor *type;
    av_rows_events events;
    void *ctx;
    av_buf head;       /* length and packed row, as far as they came */
    uint64_t raw_left; /* bytes of the last row still to come */
    bool in_raw;
    av_error err; /* stays */
};

bool
av_rows_put(av_buf *out, const ProtobufCMessage *row)
{
    size_t n = protobuf_c_message_get_packed_size(row);
    uint8_t *at;

    if (n > UINT32_MAX - LENGTH_SIZE)
        return false;
    at = av_buf_reserve(out, LENGTH_SIZE + n); /* both or nothing */
    if (at == NULL)
        return false;
    (void)av_buf_put_u32(out, (uint32_t)n);
    out->n += protobuf_c_message_pack(row, out->p + out->n);
    return true;
}

av_rows_reader *
av_rows_reader_new(
    const ProtobufCMessageDescriptor *row_type, size_t max_row_bytes, const av_rows_events *events, void *ctx)
{
    av_rows_reader *self = av_xcalloc(1, sizeof *self);

    self->type = row_type;
    self->events = *events;
    self->ctx = ctx;
    av_buf_init(&self->head, max_row_bytes + LENGTH_SIZE);
    return self;
}

void
av_rows_reader_destroy(av_rows_reader **self)
{
    if (*self == NULL)
        return;
    av_buf_release(&(*self)->head);
    free(*self);
    *self = NULL;
}

/* Move bytes into head until it holds `want`; false: more must come first. */
static bool
gather(av_rows_reader *self, av_span *in, size_t want)
{
    size_t n = AV_MIN(in->n, want - self->head.n);

    (void)av_buf_append(&self->head, in->p, n);
    *in = av_span_skip(*in, n);
    return self->head.n == want;
}

static void
end_row(av_rows_reader *self)
{
    self->in_raw = false;
    if (self->events.on_row_end != NULL)
        self->events.on_row_end(self->ctx, &self->err);
}

static void
take_row(av_rows_reader *self, av_span packed)
{
    ProtobufCMessage *row = protobuf_c_message_unpack(self->type, NULL, packed.n, packed.p);

    av_buf_clear(&self->head);
    if (row == NULL) {
        (void)av_error_set(&self->err, AV_ERR_SYNTAX, "row stream: not a %s row", self->type->short_name);
        return;
    }
    self->raw_left = self->events.on_row(self->ctx, row, &self->err);
    protobuf_c_message_free_unpacked(row, NULL);
    self->in_raw = self->err.code == AV_OK;
    if (self->in_raw && self->raw_left == 0)
        end_row(self);
}

static void
feed_head(av_rows_reader *self, av_span *in)
{
    av_span head;
    uint32_t n;

    if (self->head.n < LENGTH_SIZE && !gather(self, in, LENGTH_SIZE))
        return;
    head = av_buf_span(&self->head);
    (void)av_span_get_u32(&head, &n);
    if (n > self->head.max - LENGTH_SIZE) {
        (void)av_error_set(&self->err, AV_ERR_LIMIT, "row stream: a row of %u bytes, %zu is the most", n,
            self->head.max - LENGTH_SIZE);
        return;
    }
    if (gather(self, in, LENGTH_SIZE + n))
        take_row(self, av_span_skip(av_buf_span(&self->head), LENGTH_SIZE));
}

static void
feed_raw(av_rows_reader *self, av_span *in)
{
    size_t n = (size_t)AV_MIN((uint64_t)in->n, self->raw_left);
    av_span piece = av_span_slice(*in, 0, n);

    *in = av_span_skip(*in, n);
    self->raw_left -= n;
    if (n > 0 && self->events.on_bytes != NULL)
        self->events.on_bytes(self->ctx, piece, &self->err);
    if (self->err.code == AV_OK && self->raw_left == 0)
        end_row(self);
}

av_errc
av_rows_reader_feed(av_rows_reader *self, av_span bytes, av_error *err)
{
    while (bytes.n > 0 && self->err.code == AV_OK) {
        if (self->in_raw)
            feed_raw(self, &bytes);
        else
            feed_head(self, &bytes);
    }
    if (self->err.code != AV_OK)
        *err = self->err;
    return self->err.code;
}

av_errc
av_rows_reader_finish(av_rows_reader *self, av_error *err)
{
    if (self->err.code == AV_OK && (self->in_raw || self->head.n > 0))
        (void)av_error_set(&self->err, AV_ERR_SYNTAX, "row stream: it ends inside a row");
    if (self->err.code != AV_OK)
        *err = self->err;
    return self->err.code;
}
