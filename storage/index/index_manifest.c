/*
 * index_manifest.c - the manifest row: which runs are the index
 *
 * Numbers little-endian: version u32, store UUID, next run number u32, settings (length u32, bytes), runs u32, then for
 * each run in document order: number u32, first document u32, documents u32, first and last LSN u64, bytes u64,
 * terms u64, unreadable u32, truncated u32, partly read u32.
 */
#include "storage/index/index_priv.h"

static void
encode_run(const index_facts *f, av_buf *out)
{
    (void)av_buf_put_u32(out, f->number);
    (void)av_buf_put_u32(out, f->first);
    (void)av_buf_put_u32(out, f->count);
    (void)av_buf_put_u64(out, f->first_lsn);
    (void)av_buf_put_u64(out, f->last_lsn);
    (void)av_buf_put_u64(out, f->bytes);
    (void)av_buf_put_u64(out, f->terms);
    (void)av_buf_put_u32(out, f->unreadable);
    (void)av_buf_put_u32(out, f->truncated);
    (void)av_buf_put_u32(out, f->partly_read);
}

void
index_manifest_encode(
    const av_index *self, const av_index_view *view, size_t at, size_t count, const index_facts *by, av_buf *out)
{
    uint32_t runs = by != NULL;

    for (size_t i = 0; i < view->disk; i++)
        runs += i < at || i >= at + count;
    av_buf_clear(out);
    (void)av_buf_put_u32(out, INDEX_VERSION);
    (void)av_buf_append(out, self->uuid, sizeof self->uuid);
    (void)av_buf_put_u32(out, self->next_number);
    (void)av_buf_put_u32(out, (uint32_t)self->made_with.n);
    (void)av_buf_append_span(out, av_buf_span(&self->made_with));
    (void)av_buf_put_u32(out, runs);
    for (size_t i = 0; i <= view->disk; i++) {
        if (i == at && by != NULL)
            encode_run(by, out);
        if (i < view->disk && (i < at || i >= at + count))
            encode_run(&view->owners[i]->facts, out);
    }
}

av_errc
index_manifest_decode(av_span bytes, index_manifest *ret, av_error *err)
{
    index_manifest m = { 0 };
    uint32_t version = 0, settings = 0;
    av_span uuid;

    if (!av_span_get_u32(&bytes, &version))
        return av_error_set(err, AV_ERR_CORRUPT, "its manifest is damaged");
    if (version != INDEX_VERSION)
        return av_error_set(err, AV_ERR_VERSION, "it is of version %u, this is %u", version, INDEX_VERSION);
    if (!av_span_get_bytes(&bytes, sizeof m.uuid, &uuid) || !av_span_get_u32(&bytes, &m.next_number) ||
        !av_span_get_u32(&bytes, &settings) || settings > INDEX_SETTINGS_MAX ||
        !av_span_get_bytes(&bytes, settings, &m.settings) || !av_span_get_u32(&bytes, &m.runs))
        return av_error_set(err, AV_ERR_CORRUPT, "its manifest is damaged");
    memcpy(m.uuid, uuid.p, sizeof m.uuid);
    m.rows = bytes;
    *ret = m;
    return AV_OK;
}

bool
index_manifest_next(index_manifest *self, index_facts *ret)
{
    av_span *s = &self->rows;
    index_facts f;

    if (self->runs == 0)
        return false;
    if (!av_span_get_u32(s, &f.number) || !av_span_get_u32(s, &f.first) || !av_span_get_u32(s, &f.count) ||
        !av_span_get_u64(s, &f.first_lsn) || !av_span_get_u64(s, &f.last_lsn) || !av_span_get_u64(s, &f.bytes) ||
        !av_span_get_u64(s, &f.terms) || !av_span_get_u32(s, &f.unreadable) || !av_span_get_u32(s, &f.truncated) ||
        !av_span_get_u32(s, &f.partly_read))
        return false;
    self->runs--;
    *ret = f;
    return true;
}
