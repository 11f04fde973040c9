/*
 * run.c - a run is opened; its head
 */
#include "storage/postings/run_priv.h"
#include "storage/postings/writer.h"

static av_errc
read_head(av_run *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf head = { 0 };
    const uint8_t key = AV_RUN_HEAD;
    av_span s;
    uint8_t version;
    av_errc rc;

    av_buf_init(&head, AV_ROW_CEILING);
    rc = self->source.get(self->source.ctx, av_span_of(&key, 1), &head, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_CORRUPT, "a run without a head");
    if (rc != AV_OK)
        return rc;
    s = av_buf_span(&head);
    if (!av_span_get_u8(&s, &version))
        return av_error_set(err, AV_ERR_CORRUPT, "a run with an empty head");
    if (version != AV_RUN_VERSION)
        return av_error_set(err, AV_ERR_VERSION, "a run of format %u; this program reads %d", version, AV_RUN_VERSION);
    if (!av_span_get_u32(&s, &self->count) || !av_span_get_u64(&s, &self->terms) ||
        !av_span_get_u32(&s, &self->lists) || !av_span_get_u64(&s, &self->bytes) || s.n != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the head of a run has the wrong length");
    self->bytes += 1 + head.n;
    return AV_OK;
}

av_errc
av_run_open(const av_run_source *source, av_run **ret, av_error *err)
{
    AV_CLEANUP(av_run_destroy) av_run *self = av_xcalloc(1, sizeof *self);
    av_errc rc;

    self->source = *source;
    rc = read_head(self, err);
    if (rc != AV_OK)
        return rc;
    av_lengths_init(&self->lengths, &self->source, self->count);
    *ret = AV_TAKE(self);
    return AV_OK;
}

void
av_run_destroy(av_run **self)
{
    if (self == NULL || *self == NULL)
        return;
    av_lengths_release(&(*self)->lengths);
    free(*self);
    *self = NULL;
}

uint32_t
av_run_count(const av_run *self)
{
    return self->count;
}

uint64_t
av_run_terms(const av_run *self)
{
    return self->terms;
}

uint64_t
av_run_bytes(const av_run *self)
{
    return self->bytes;
}

size_t
av_run_memory(const av_run *self)
{
    return sizeof *self + av_lengths_bytes(&self->lengths);
}

void
av_run_trim(av_run *self)
{
    av_lengths_forget(&self->lengths);
}
