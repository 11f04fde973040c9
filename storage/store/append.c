/*
 * append.c - one record after another into the open group
 *
 * A record is sealed piece by piece into a buffer; what is larger than the buffer goes to the file in between, its
 * header last. Until the group's commit record stands behind it none of it counts.
 */
#include "base/secret.h"
#include "storage/store/store_priv.h"

#define FLUSH_AT (512U * 1024)

av_errc
store_writable(av_store *self, av_error *err)
{
    if (self->problem != NULL)
        return av_error_set(err, AV_ERR_READONLY, "%s", self->problem);
    if (self->group.spoiled)
        return av_error_set(err, AV_ERR_CONFLICT, "a write of this group failed: roll it back first");
    return AV_OK;
}

/* No room spoils the group, which rollback heals; any other failure leaves the file in doubt and fails the store. */
static av_errc
write_failed(av_store *self, av_error *err)
{
    self->group.spoiled = true;
    return err->code == AV_ERR_NOSPACE ? err->code : store_fail(self, err);
}

/* Between two groups: go on in a new container when this one has its size. */
static av_errc
roll_when_full(av_store *self, av_error *err)
{
    av_container_header header = { .container = self->container + 1, .before = self->chain };
    AV_CLEANUP(av_free) char *path = NULL;
    int fd = -1;
    av_errc rc;

    if (self->at < self->max_container_bytes)
        return AV_OK;
    if (header.container > AV_CONTAINER_NUMBER_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "the store has as many containers as it can have");
    memcpy(header.store_uuid, self->uuid, sizeof header.store_uuid);
    path = av_container_path(self->dir, header.container);
    rc = av_container_create(self->dir, &header, &fd, err);
    if (rc != AV_OK) {
        /* When its name is there the log goes on in it: writing here any further would break the chain. */
        if (rc == AV_ERR_NOSPACE && !av_file_exists(path))
            return rc;
        err->code = AV_ERR_IO;
        return store_fail(self, err);
    }
    av_file_close(&self->fd);
    self->fd = fd;
    self->sealed_bytes += self->at;
    self->container = header.container;
    self->at = self->group.start = AV_CONTAINER_HEADER;
    return AV_OK;
}

static av_errc
group_begin(av_store *self, av_error *err)
{
    av_errc rc;

    if (self->group.digest != NULL)
        return AV_OK;
    rc = roll_when_full(self, err);
    if (rc != AV_OK)
        return rc;
    self->group.start = self->at;
    self->group.first_lsn = av_lsn(self->container, self->at);
    self->group.digest = av_sha256_stream_new();
    av_sha256_stream_update(self->group.digest, av_span_of(self->chain.digest, sizeof self->chain.digest));
    return AV_OK;
}

static av_errc
make_tools(av_store *self, av_error *err)
{
    return self->seal != NULL ? AV_OK : av_seal_new(&self->seal, err);
}

av_errc
store_record_begin(av_store *self, av_record_kind kind, uint64_t most, av_error *err)
{
    static const uint8_t room[AV_RECORD_HEADER];
    store_record *r = &self->record;
    av_errc rc = store_writable(self, err);

    if (rc == AV_OK)
        rc = make_tools(self, err);
    if (rc == AV_OK)
        rc = group_begin(self, err);
    if (rc != AV_OK)
        return rc;
    if (most > AV_RECORD_BODY_MAX || self->at + most + 2 * AV_RECORD_HEADER + AV_COMMIT_BODY > UINT32_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "the group is too large for one container: commit it first");
    *r = (store_record){
        .header = { .kind = (uint8_t)kind, .lsn = av_lsn(self->container, self->at), .group = self->chain.group + 1 }
    };
    av_random_bytes(r->header.salt, sizeof r->header.salt);
    av_seal_record_key(self->key, r->header.salt, r->key);
    av_buf_clear(&self->out);
    if (!av_buf_append(&self->out, room, sizeof room))
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    return AV_OK;
}

static av_errc
flush(av_store *self, av_error *err)
{
    store_record *r = &self->record;
    av_errc rc = av_file_write_at(self->fd, self->out.p, self->out.n, self->at + r->written, err);

    if (rc != AV_OK) {
        (void)av_error_prefix(err, "write %08u.avc", self->container);
        return write_failed(self, err);
    }
    r->written += self->out.n;
    av_buf_clear(&self->out);
    return AV_OK;
}

/* n bytes at the end of out are the body's next ones. Commits are not part of the digest they carry. */
static void
account(av_store *self, size_t n)
{
    store_record *r = &self->record;
    av_span bytes = av_span_of(self->out.p + self->out.n - n, n);

    r->header.length += (uint32_t)n;
    r->header.body_crc = av_crc32c(r->header.body_crc, bytes);
    if (r->header.kind != AV_RECORD_COMMIT)
        av_sha256_stream_update(self->group.digest, bytes);
}

static av_seal_place
place_of(const av_store *self, uint32_t piece, bool last)
{
    return (av_seal_place){
        .store_uuid = self->uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = self->record.header.kind,
        .last = last,
        .container = self->container,
        .lsn = self->record.header.lsn,
        .group = self->record.header.group,
        .piece = piece,
    };
}

av_errc
store_record_piece(av_store *self, uint32_t piece, bool last, av_span plain, av_error *err)
{
    av_seal_place place = place_of(self, piece, last);
    uint8_t *to = av_buf_reserve(&self->out, plain.n + AV_SEAL_TAG);
    av_errc rc;

    if (to == NULL) {
        self->group.spoiled = true;
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    }
    rc = av_seal_piece(self->seal, self->record.key, &place, av_span_of(NULL, 0), plain, to, err);
    if (rc != AV_OK)
        return write_failed(self, err);
    self->out.n += plain.n + AV_SEAL_TAG;
    account(self, plain.n + AV_SEAL_TAG);
    return self->out.n >= FLUSH_AT ? flush(self, err) : AV_OK;
}

av_errc
store_record_clear(av_store *self, av_span bytes, av_error *err)
{
    if (!av_buf_append_span(&self->out, bytes)) {
        self->group.spoiled = true;
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    }
    account(self, bytes.n);
    return AV_OK;
}

av_errc
store_record_tag(av_store *self, av_span more, uint8_t ret[AV_SEAL_TAG], av_error *err)
{
    av_seal_place place = place_of(self, 0, true);

    return av_seal_piece(self->seal, self->record.key, &place, more, av_span_of(NULL, 0), ret, err);
}

av_errc
store_record_end(av_store *self, uint64_t *ret_lsn, av_error *err)
{
    store_record *r = &self->record;
    uint8_t header[AV_RECORD_HEADER];
    bool in_buffer = r->written == 0;
    av_errc rc = AV_OK;

    av_record_header_encode(&r->header, header);
    if (in_buffer)
        memcpy(self->out.p, header, sizeof header);
    if (self->out.n > 0)
        rc = flush(self, err);
    if (rc == AV_OK && !in_buffer) {
        rc = av_file_write_at(self->fd, header, sizeof header, self->at, err);
        if (rc != AV_OK)
            rc = write_failed(self, err);
    }
    av_secret_wipe(r->key, sizeof r->key);
    if (rc != AV_OK)
        return rc;
    if (r->header.kind != AV_RECORD_COMMIT) {
        av_sha256_stream_update(self->group.digest, av_span_of(header, sizeof header));
        self->group.count++;
    }
    self->at += AV_RECORD_HEADER + r->header.length;
    *ret_lsn = r->header.lsn;
    return AV_OK;
}

av_errc
store_pack(av_store *self, av_span plain, av_span *ret, uint8_t *ret_codec, av_error *err)
{
    size_t n;

    assert(plain.n > 0 && plain.n <= AV_SEGMENT_PLAIN);
    if (self->zstd == NULL)
        self->zstd = ZSTD_createCCtx();
    if (self->packed == NULL)
        self->packed = av_xalloc(AV_SEGMENT_PLAIN);
    if (self->zstd == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for zstd");
    n = ZSTD_compressCCtx(self->zstd, self->packed, plain.n - 1, plain.p, plain.n, 3);
    *ret_codec = ZSTD_isError(n) ? AV_CODEC_RAW : AV_CODEC_ZSTD; /* the one error there is: it would not be smaller */
    *ret = ZSTD_isError(n) ? plain : av_span_of(self->packed, n);
    return AV_OK;
}
