/*
 * inspect.c - see inspect.h
 */
#include "storage/store/inspect.h"

#include "storage/store/store_priv.h"

av_container_files *
av_store_files(const av_store *self)
{
    return self->files;
}

av_store_keys *
av_store_keys_of(const av_store *self)
{
    return self->keys;
}

const char *
av_store_dir(const av_store *self)
{
    return self->dir;
}

av_errc
av_store_put_marker(const char *dir, av_store_keys *keys, av_error *err)
{
    return store_marker_write(dir, av_store_keys_uuid(keys), av_store_keys_log(keys), err);
}

av_errc
av_store_check_marker(const av_store *self, av_error *err)
{
    return store_marker_check(self->dir, self->uuid, av_store_keys_log(self->keys), err);
}

static av_errc
digest_part(const av_store *self, store_tools *tools, store_source *source, av_error *err)
{
    AV_CLEANUP(av_sha256_stream_destroy) av_sha256_stream *stream = av_sha256_stream_new();
    uint8_t digest[AV_SHA256_SIZE], dedup[AV_STORE_DEDUP_SIZE];
    uint64_t size = source->table.size;

    for (uint64_t at = 0; at < size;) {
        size_t n = (size_t)AV_MIN(size - at, AV_SEGMENT_PLAIN);
        const uint8_t *p = NULL;
        av_errc rc = store_source_look(self, tools, source, at, n, &p, err);

        if (rc != AV_OK)
            return rc;
        av_sha256_stream_update(stream, av_span_of(p, n));
        at += n;
    }
    av_sha256_stream_finish(&stream, digest);
    av_store_dedup_of(self, digest, dedup);
    if (memcmp(dedup, source->table.digest, sizeof dedup) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "the part at LSN %llx is not the one its digest names",
            (unsigned long long)source->header.lsn);
    return AV_OK;
}

av_errc
av_store_check_part(const av_store *self, uint64_t lsn, av_error *err)
{
    AV_CLEANUP(store_source_close) store_source source = { 0 };
    store_tools *tools = NULL;
    av_errc rc = store_spare_take(self->spare, &tools, err);

    if (rc == AV_OK)
        rc = store_source_open(self, tools, lsn, AV_RECORD_PART, &source, err);
    if (rc == AV_OK)
        rc = digest_part(self, tools, &source, err);
    store_spare_give(self->spare, tools);
    return rc;
}

av_errc
av_store_segments(const av_store *self, uint64_t lsn, av_record_kind kind, av_buf *out, av_error *err)
{
    AV_CLEANUP(store_source_close) store_source source = { 0 };
    store_tools *tools = NULL;
    av_errc rc = store_spare_take(self->spare, &tools, err);

    if (rc == AV_OK)
        rc = store_source_open(self, tools, lsn, kind, &source, err);
    store_spare_give(self->spare, tools);
    for (uint32_t i = 0; rc == AV_OK && source.table.form == AV_CONTENT_PROVISIONAL && i < source.table.count; i++)
        if (!av_buf_append(out, &source.table.segments[i].at, sizeof(uint64_t)))
            rc = av_error_set(err, AV_ERR_LIMIT, "too many segments at once");
    return rc;
}
