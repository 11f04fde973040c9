/*
 * split_out.c - pieces to the sink, within the bounds of split.h
 */
#include "storage/mime/split_priv.h"

void
split_out_begin(split_out *self, const av_split_options *options, const av_split_sink *sink)
{
    *self = (split_out){ .sink = *sink, .options = *options, .literal_left = options->max_literal, .rc = AV_OK };
    self->options.min_raw = AV_MAX(AV_MIN(options->min_raw, (size_t)AV_SPLIT_MIN_MAX), 1U);
    self->options.min_base64 = AV_MAX(AV_MIN(options->min_base64, (size_t)AV_SPLIT_MIN_MAX), 4U);
    self->options.max_parts = AV_MAX(options->max_parts, 1U);
    self->options.max_depth = AV_MIN(options->max_depth, (uint32_t)AV_SPLIT_DEPTH_MAX);
}

void
split_out_flush(split_out *self)
{
    av_span run = self->run;

    self->run.n = 0;
    if (run.n == 0 || self->rc != AV_OK)
        return;
    if (self->run_data)
        self->rc = self->sink.part_data(self->sink.ctx, run, self->err);
    else
        self->rc = self->sink.literal(self->sink.ctx, run, self->err);
}

static void
put(split_out *self, av_span bytes, bool data)
{
    if (self->run.n > 0 && self->run_data == data && self->run.p + self->run.n == bytes.p) {
        self->run.n += bytes.n;
        return;
    }
    split_out_flush(self);
    self->run = bytes;
    self->run_data = data;
}

static void
begin_part(split_out *self, av_split_coding coding)
{
    assert(!self->open);
    split_out_flush(self);
    self->open = true;
    self->parts++;
    self->part = (av_split_part){ .coding = coding };
    if (self->parts == self->options.max_parts)
        self->tail = true;
    if (self->rc == AV_OK)
        self->rc = self->sink.part_begin(self->sink.ctx, coding, self->err);
}

static void
end_part(split_out *self)
{
    split_out_flush(self);
    self->open = self->overflow = false;
    if (self->rc == AV_OK)
        self->rc = self->sink.part_end(self->sink.ctx, &self->part, self->err);
}

static void
put_data(split_out *self, av_span bytes, size_t raw_n)
{
    if (bytes.n > 0)
        put(self, bytes, true);
    self->part.size += bytes.n;
    self->part.raw_size += raw_n;
}

void
split_out_literal(split_out *self, av_span bytes)
{
    size_t n = self->tail || self->overflow ? 0 : AV_MIN(bytes.n, self->literal_left);

    if (n > 0) {
        put(self, av_span_slice(bytes, 0, n), false);
        self->literal_left -= n;
        bytes = av_span_skip(bytes, n);
    }
    if (bytes.n == 0)
        return;
    if (!self->open) {
        self->overflow = true;
        begin_part(self, AV_SPLIT_RAW);
    }
    put_data(self, bytes, bytes.n);
}

bool
split_out_room(const split_out *self)
{
    return !self->tail && self->parts + 1 < self->options.max_parts;
}

void
split_out_part(split_out *self, av_split_coding coding)
{
    if (self->tail)
        return;
    if (self->overflow)
        end_part(self);
    assert(coding == AV_SPLIT_RAW || split_out_room(self)); /* the tail is raw: it takes more than a body */
    begin_part(self, coding);
}

void
split_out_data(split_out *self, av_span bytes, size_t raw_n)
{
    put_data(self, bytes, raw_n);
}

void
split_out_part_end(split_out *self, const av_base64_lines *lines)
{
    if (self->tail)
        return;
    if (lines != NULL)
        self->part.lines = *lines;
    end_part(self);
}

void
split_out_end(split_out *self)
{
    if (self->open)
        end_part(self);
    split_out_flush(self);
}
