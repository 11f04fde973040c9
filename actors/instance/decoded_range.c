/*
 * decoded_range.c - see decoded_range.h
 */
#include "actors/instance/decoded_range.h"

#define PIECE 16384

av_decoded_range *
av_decoded_range_new(av_view_range *view, av_mime_encoding encoding, uint64_t skip, uint64_t length)
{
    av_decoded_range *self = av_xcalloc(1, sizeof *self);
    bool known = av_part_decoder_init(&self->decoder, encoding);

    assert(known);
    self->view = view;
    self->skip = skip;
    self->left = length;
    av_buf_init(&self->in, PIECE);
    av_buf_init(&self->out, PIECE + 2 * AV_PART_DECODER_HELD);
    return self;
}

void
av_decoded_range_destroy(av_decoded_range **self)
{
    if (*self == NULL)
        return;
    av_view_range_destroy(&(*self)->view);
    av_buf_release(&(*self)->in);
    av_buf_release(&(*self)->out);
    free(*self);
    *self = NULL;
}

static av_errc
fill(av_decoded_range *self, av_uses *uses, av_error *err)
{
    size_t drop;
    av_errc rc;

    if (self->view->left == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the part ends before its size when decoded");
    av_buf_clear(&self->in);
    av_buf_clear(&self->out);
    rc = av_view_range_read(self->view, uses, &self->in, err);
    if (rc != AV_OK)
        return rc;
    if (!av_part_decoder_feed(&self->decoder, av_buf_span(&self->in), self->view->left == 0, &self->out))
        return av_error_set(err, AV_ERR_INTERNAL, "a piece of a part is larger when decoded than it may be");
    drop = (size_t)AV_MIN(self->skip, (uint64_t)self->out.n);
    self->skip -= drop;
    self->out_at = drop;
    return AV_OK;
}

av_errc
av_decoded_range_read(av_decoded_range *self, av_uses *uses, av_buf *out, av_error *err)
{
    size_t n;
    av_errc rc;

    while (self->left > 0 && out->n < out->max) {
        if (self->out_at == self->out.n) {
            rc = fill(self, uses, err);
            if (rc != AV_OK)
                return rc;
            continue;
        }
        n = AV_MIN(self->out.n - self->out_at, out->max - out->n);
        n = (size_t)AV_MIN((uint64_t)n, self->left);
        (void)av_buf_append(out, self->out.p + self->out_at, n);
        self->out_at += n;
        self->left -= n;
    }
    return AV_OK;
}
