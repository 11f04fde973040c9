/*
 * append.c - one record after another into the open group
 *
 * A record is sealed piece by piece into the tail's buffer; one larger than the buffer goes to the file in between, its
 * header last. Until the group's commit record stands behind it none of it counts.
 */
#include "base/secret.h"
#include "storage/store/store_priv.h"

#define FLUSH_AT   (1024U * 1024)
#define SLOTS_FULL (AV_CONTAINER_SLOTS - 1024U * 1024) /* a new container: the group that begins has a million left */

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

/* The buffer stands for bytes of this container from `at` on. */
static void
aim_tail(av_store *self)
{
    (void)pthread_mutex_lock(&self->tail->lock);
    self->tail->container = self->container;
    self->tail->at = self->at;
    self->tail->whole = 0;
    av_buf_clear(&self->tail->out);
    (void)pthread_mutex_unlock(&self->tail->lock);
}

av_errc
store_roll_now(av_store *self, av_error *err)
{
    av_container_header header = { .container = self->container + 1, .before = self->chain };
    AV_CLEANUP(av_free) char *path = NULL;
    int fd = -1;
    av_errc rc;

    assert(self->group.digest == NULL);
    if (header.container > AV_CONTAINER_NUMBER_MAX)
        return av_error_set(err, AV_ERR_LIMIT, "the store has as many containers as it can have");
    memcpy(header.store_uuid, self->uuid, sizeof header.store_uuid);
    /* Keys first: what has a name has keys. Those of a container that was given up before its name serve again. */
    rc = av_store_keys_container_add(self->keys, header.container, err);
    if (rc != AV_OK && rc != AV_ERR_EXISTS)
        return rc == AV_ERR_NOSPACE ? rc : store_fail(self, err);
    path = av_container_path(self->dir, header.container, 0);
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
    self->container = header.container;
    self->at = self->group.start = AV_CONTAINER_HEADER;
    self->next_slot = self->group.start_slot = 0;
    self->roll = false;
    av_container_files_add(self->files, self->container);
    aim_tail(self);
    return AV_OK;
}

static av_errc
group_begin(av_store *self, av_error *err)
{
    bool full = self->at >= self->max_container_bytes || self->next_slot >= SLOTS_FULL;
    av_errc rc = AV_OK;

    if (self->group.digest != NULL)
        return AV_OK;
    if (full || (self->roll && self->at > AV_CONTAINER_HEADER))
        rc = store_roll_now(self, err);
    if (rc != AV_OK)
        return rc;
    self->roll = false;
    aim_tail(self);
    self->group.start = self->at;
    self->group.start_slot = self->next_slot;
    self->group.first_lsn = av_lsn(self->container, self->at);
    self->group.digest = av_sha256_stream_new();
    av_sha256_stream_update(self->group.digest, av_span_of(self->chain.digest, sizeof self->chain.digest));
    return AV_OK;
}

av_errc
store_next_lsn(av_store *self, uint64_t *ret, av_error *err)
{
    av_errc rc = store_writable(self, err);

    if (rc == AV_OK)
        rc = group_begin(self, err);
    *ret = av_lsn(self->container, self->at);
    return rc;
}

av_errc
store_record_key(const av_store *self, const av_record_header *h, uint8_t ret[AV_SEAL_KEY], av_error *err)
{
    if (av_record_has_slot(h->kind))
        return av_store_keys_record(self->keys, av_lsn_container(h->lsn), h->slot, h->salt, ret, err);
    av_seal_record_key(av_store_keys_log(self->keys), h->salt, h->lsn, ret);
    return AV_OK;
}

av_seal_place
store_place(const av_store *self, const av_record_header *h, uint32_t piece, bool last)
{
    return (av_seal_place){
        .store_uuid = self->uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = h->kind,
        .last = last,
        .container = av_lsn_container(h->lsn),
        .lsn = h->lsn,
        .group = h->group,
        .piece = piece,
    };
}

/* Each is given once, and wiped here. */
static void
take_salt(av_store *self, uint8_t ret[AV_SEAL_SALT])
{
    uint8_t *salt;

    if (self->salts_left < AV_SEAL_SALT) {
        av_random_bytes(self->salts, sizeof self->salts);
        self->salts_left = sizeof self->salts;
    }
    self->salts_left -= AV_SEAL_SALT;
    salt = self->salts + self->salts_left;
    memcpy(ret, salt, AV_SEAL_SALT);
    av_secret_wipe(salt, AV_SEAL_SALT);
}

av_errc
store_record_begin(av_store *self, av_record_kind kind, uint8_t flags, uint64_t most, av_error *err)
{
    static const uint8_t room[AV_RECORD_HEADER];
    store_record *r = &self->record;
    av_buf *out = &self->tail->out;
    uint64_t lsn = 0;
    av_errc rc = store_next_lsn(self, &lsn, err);

    if (rc == AV_OK && self->seal == NULL)
        rc = av_seal_new(&self->seal, err);
    if (rc == AV_OK && kind != AV_RECORD_COMMIT &&
        (most > AV_RECORD_BODY_MAX ||
            self->at + most + (kind == AV_RECORD_EVENTS ? STORE_COMMIT_ROOM : STORE_GROUP_ROOM) > UINT32_MAX ||
            self->next_slot >= AV_CONTAINER_SLOTS))
        rc = av_error_set(err, AV_ERR_LIMIT, "the group is too large for one container: commit it first");
    if (rc == AV_OK && out->n >= FLUSH_AT)
        rc = store_flush(self, err);
    if (rc != AV_OK)
        return rc;
    assert(r->digest == NULL);
    *r = (store_record){
        .header = { .kind = (uint8_t)kind, .flags = flags, .lsn = lsn, .group = self->chain.group + 1 },
        .begin = out->n,
    };
    take_salt(self, r->header.salt);
    /* Slots may be erased that this log has not used: it was restored, and what it had gained since was erased. */
    do {
        if (av_record_has_slot(r->header.kind))
            r->header.slot = self->next_slot++;
        rc = store_record_key(self, &r->header, r->key, err);
    } while (rc == AV_ERR_GONE && self->next_slot < AV_CONTAINER_SLOTS);
    if (rc != AV_OK) {
        self->group.spoiled = true;
        return av_error_prefix(err, "key of a new record");
    }
    (void)pthread_mutex_lock(&self->tail->lock);
    if (!av_buf_append(out, room, sizeof room))
        rc = av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    (void)pthread_mutex_unlock(&self->tail->lock);
    self->group.spoiled = rc != AV_OK;
    return rc;
}

/* Bytes of the open record that leave the buffer: they are seen once more for its digest and CRC. */
static void
account_open(store_record *r, av_span bytes)
{
    size_t header = r->written == 0 ? AV_RECORD_HEADER : 0; /* it comes last */
    av_span body = av_span_skip(bytes, header);

    if (r->digest == NULL)
        r->digest = av_sha256_stream_new();
    av_sha256_stream_update(r->digest, body);
    r->header.body_crc = av_crc32c(r->header.body_crc, body);
    r->written += bytes.n;
}

av_errc
store_flush(av_store *self, av_error *err)
{
    store_tail *tail = self->tail;
    store_record *r = &self->record;
    av_errc rc;

    if (tail->out.n == 0)
        return AV_OK;
    rc = av_file_write_at(self->fd, tail->out.p, tail->out.n, tail->at, err);
    if (rc != AV_OK) {
        (void)av_error_prefix(err, "write %08u.avc", self->container);
        return write_failed(self, err);
    }
    if (tail->out.n > tail->whole)
        account_open(r, av_span_skip(av_buf_span(&tail->out), r->begin));
    (void)pthread_mutex_lock(&tail->lock);
    tail->at += tail->out.n;
    tail->whole = 0;
    av_buf_clear(&tail->out);
    (void)pthread_mutex_unlock(&tail->lock);
    r->begin = 0;
    return AV_OK;
}

/* Room at the buffer's end. Its memory may move: readers look at it under the lock. */
static uint8_t *
reserve(av_store *self, size_t n)
{
    uint8_t *to;

    (void)pthread_mutex_lock(&self->tail->lock);
    to = av_buf_reserve(&self->tail->out, n);
    (void)pthread_mutex_unlock(&self->tail->lock);
    self->group.spoiled = self->group.spoiled || to == NULL;
    return to;
}

av_errc
store_record_piece(av_store *self, uint32_t piece, bool last, av_span plain, av_error *err)
{
    store_record *r = &self->record;
    av_seal_place place = store_place(self, &r->header, piece, last);
    uint8_t *to = reserve(self, plain.n + AV_SEAL_TAG);
    av_errc rc;

    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    rc = av_seal_piece(self->seal, r->key, &place, av_span_of(NULL, 0), plain, to, err);
    if (rc != AV_OK)
        return write_failed(self, err);
    self->tail->out.n += plain.n + AV_SEAL_TAG;
    r->header.length += (uint32_t)(plain.n + AV_SEAL_TAG);
    return self->tail->out.n - r->begin >= FLUSH_AT ? store_flush(self, err) : AV_OK;
}

av_errc
store_record_clear(av_store *self, av_span bytes, av_error *err)
{
    uint8_t *to = reserve(self, bytes.n);

    if (to == NULL)
        return av_error_set(err, AV_ERR_NOMEM, "no memory for a record");
    memcpy(to, bytes.p, bytes.n);
    self->tail->out.n += bytes.n;
    self->record.header.length += (uint32_t)bytes.n;
    return AV_OK;
}

av_errc
store_record_tag(av_store *self, av_span more, uint8_t ret[AV_SEAL_TAG], av_error *err)
{
    av_seal_place place = store_place(self, &self->record.header, 0, true);

    return av_seal_piece(self->seal, self->record.key, &place, more, av_span_of(NULL, 0), ret, err);
}

/* The rest of a record whose beginning left the buffer, then its header to its place. */
static av_errc
end_large(av_store *self, uint8_t header[AV_RECORD_HEADER], uint8_t digest[AV_SHA256_SIZE], av_error *err)
{
    store_record *r = &self->record;
    av_errc rc = store_flush(self, err);

    av_record_header_encode(&r->header, self->uuid, header);
    if (rc == AV_OK) {
        rc = av_file_write_at(self->fd, header, AV_RECORD_HEADER, self->at, err);
        if (rc != AV_OK)
            rc = write_failed(self, err);
    }
    av_sha256_stream_update(r->digest, av_span_of(header, AV_RECORD_HEADER));
    av_sha256_stream_finish(&r->digest, digest);
    return rc;
}

av_errc
store_record_end(av_store *self, uint64_t *ret_lsn, av_error *err)
{
    store_record *r = &self->record;
    store_tail *tail = self->tail;
    uint8_t header[AV_RECORD_HEADER], digest[AV_SHA256_SIZE];
    av_errc rc = AV_OK;

    if (r->written > 0) {
        rc = end_large(self, header, digest, err);
    } else {
        av_span body = av_span_skip(av_buf_span(&tail->out), r->begin + AV_RECORD_HEADER);

        r->header.body_crc = av_crc32c(0, body);
        av_record_header_encode(&r->header, self->uuid, header);
        memcpy(tail->out.p + r->begin, header, sizeof header);
        av_record_digest(header, body, digest);
    }
    av_secret_wipe(r->key, sizeof r->key);
    if (rc != AV_OK)
        return rc;
    if (r->header.kind != AV_RECORD_COMMIT) {
        av_sha256_stream_update(self->group.digest, av_span_of(digest, sizeof digest));
        self->group.count++;
    }
    self->at += AV_RECORD_HEADER + (uint64_t)r->header.length;
    *ret_lsn = r->header.lsn;
    (void)pthread_mutex_lock(&tail->lock);
    tail->whole = tail->out.n;
    (void)pthread_mutex_unlock(&tail->lock);
    return AV_OK;
}
