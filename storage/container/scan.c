/*
 * scan.c - see scan.h
 */
#include "storage/container/scan.h"

#include "base/file.h"
#include "base/secret.h"
#include "storage/container/container.h"
#include "storage/store/store.h"

#define WINDOW (256U * 1024)

struct av_scan {
    const char *dir;
    const uint8_t *uuid, *key;
    uint32_t highest;
    av_seal *seal;
    /* the container being read */
    int fd;
    uint32_t container;
    uint64_t size, at;
    /* window: bytes [from, from + n) of it */
    uint8_t *window;
    uint64_t window_from;
    size_t window_n;
    /* the chain and the group being read */
    av_chain chain;
    uint64_t chain_end;
    av_sha256_stream *digest;
    uint64_t first_lsn;
    uint32_t count;
    av_buf body;
};

av_errc
av_scan_new(const char *dir, const uint8_t *store_uuid, const uint8_t *store_key, uint32_t highest, av_scan **ret,
    av_error *err)
{
    av_scan *self = av_xcalloc(1, sizeof *self);
    av_errc rc = av_seal_new(&self->seal, err);

    self->fd = -1;
    self->dir = dir;
    self->uuid = store_uuid;
    self->key = store_key;
    self->highest = highest;
    self->window = av_xalloc(WINDOW);
    self->chain_end = av_lsn(1, AV_CONTAINER_HEADER);
    av_buf_init(&self->body, AV_STORE_EVENT_MAX + AV_SEAL_TAG);
    if (rc != AV_OK) {
        av_scan_destroy(&self);
        return rc;
    }
    *ret = self;
    return AV_OK;
}

void
av_scan_destroy(av_scan **self)
{
    av_scan *s = *self;

    if (s == NULL)
        return;
    av_file_close(&s->fd);
    av_seal_destroy(&s->seal);
    av_sha256_stream_destroy(&s->digest);
    av_buf_release(&s->body);
    free(s->window);
    free(s);
    *self = NULL;
}

const av_chain *
av_scan_chain(const av_scan *self)
{
    return &self->chain;
}

uint64_t
av_scan_place(const av_scan *self)
{
    return self->container == 0 ? av_lsn(1, 0) : av_lsn(self->container, self->at);
}

uint64_t
av_scan_chain_end(const av_scan *self)
{
    return self->chain_end;
}

uint32_t
av_scan_open_records(const av_scan *self)
{
    return self->count;
}

static av_errc
enter_container(av_scan *self, uint32_t container, av_container_header *header, av_error *err)
{
    av_errc rc;

    av_file_close(&self->fd);
    self->container = container;
    self->at = 0;
    self->size = 0;
    self->window_n = 0;
    rc = av_container_open(self->dir, container, self->uuid, O_RDONLY, &self->fd, header, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_CORRUPT, "container %08u.avc is missing", container);
    if (rc == AV_OK)
        rc = av_file_size(self->fd, &self->size, err);
    if (rc != AV_OK)
        return rc;
    if (self->size > UINT32_MAX)
        return av_error_set(err, AV_ERR_CORRUPT, "container %08u.avc is larger than any may be", container);
    self->at = AV_CONTAINER_HEADER;
    return AV_OK;
}

/* Into the first or the next container; its header must continue the chain. */
static av_errc
advance(av_scan *self, av_error *err)
{
    av_container_header header;
    av_errc rc = enter_container(self, self->container + 1, &header, err);

    if (rc != AV_OK)
        return rc;
    if (header.before.commit_lsn != self->chain.commit_lsn || header.before.group != self->chain.group ||
        memcmp(header.before.digest, self->chain.digest, sizeof self->chain.digest) != 0) {
        self->at = 0;
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc does not continue the container before", self->container);
    }
    self->chain_end = av_lsn(self->container, AV_CONTAINER_HEADER);
    return AV_OK;
}

/* n bytes (at most WINDOW) of the container from `at`, borrowed until the next call. */
static av_errc
look(av_scan *self, uint64_t at, size_t n, const uint8_t **ret, av_error *err)
{
    uint64_t end;

    assert(n <= WINDOW);
    if (at < self->window_from || at + n > self->window_from + self->window_n || self->window_n == 0) {
        av_errc rc;

        self->window_n = 0;
        rc = av_file_read_some(self->fd, self->window, WINDOW, at, &self->window_n, err);
        if (rc != AV_OK)
            return av_error_prefix(err, "%08u.avc", self->container);
        self->window_from = at;
    }
    end = self->window_from + self->window_n;
    if (at + n > end)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends at byte %llu inside a record", self->container,
            (unsigned long long)end);
    *ret = self->window + (at - self->window_from);
    return AV_OK;
}

static av_errc
bad_record(av_scan *self, av_error *err)
{
    return av_error_prefix(err, "%08u.avc, byte %llu", self->container, (unsigned long long)self->at);
}

static av_errc
read_header(av_scan *self, uint8_t bytes[AV_RECORD_HEADER], av_record_header *ret, av_error *err)
{
    const uint8_t *p = NULL;
    av_errc rc = look(self, self->at, AV_RECORD_HEADER, &p, err);

    if (rc != AV_OK)
        return rc;
    memcpy(bytes, p, AV_RECORD_HEADER);
    rc = av_record_header_decode(bytes, ret, err);
    if (rc != AV_OK)
        return bad_record(self, err);
    if (ret->lsn != av_lsn(self->container, self->at))
        rc = av_error_set(
            err, AV_ERR_CORRUPT, "the record says it stands elsewhere (LSN %llx)", (unsigned long long)ret->lsn);
    else if (ret->length > self->size - self->at - AV_RECORD_HEADER)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the record is cut short");
    else if ((ret->kind == AV_RECORD_EVENT && ret->length > AV_STORE_EVENT_MAX + AV_SEAL_TAG) ||
             (ret->kind == AV_RECORD_COMMIT && ret->length != AV_COMMIT_BODY))
        rc = av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u cannot have %u bytes", ret->kind, ret->length);
    return rc == AV_OK ? AV_OK : bad_record(self, err);
}

/* Walks the body for CRC and digest; keeps it for events and commits. digest may be NULL. */
static av_errc
read_body(av_scan *self, const av_record_header *h, av_sha256_stream *digest, av_error *err)
{
    bool keep = h->kind == AV_RECORD_EVENT || h->kind == AV_RECORD_COMMIT;
    uint64_t from = self->at + AV_RECORD_HEADER;
    uint32_t crc = 0;

    av_buf_clear(&self->body);
    for (uint32_t done = 0; done < h->length;) {
        uint32_t n = AV_MIN(h->length - done, WINDOW);
        const uint8_t *p = NULL;
        av_errc rc = look(self, from + done, n, &p, err);

        if (rc != AV_OK)
            return rc;
        crc = av_crc32c(crc, av_span_of(p, n));
        if (digest != NULL)
            av_sha256_stream_update(digest, av_span_of(p, n));
        if (keep && !av_buf_append(&self->body, p, n))
            return av_error_set(err, AV_ERR_INTERNAL, "an event larger than its own limit");
        done += n;
    }
    if (crc == h->body_crc)
        return AV_OK;
    (void)av_error_set(err, AV_ERR_CORRUPT, "the record is damaged (CRC-32C)");
    return bad_record(self, err);
}

/* Decode the commit in self->body and prove it authentic. */
static av_errc
open_commit(av_scan *self, const av_record_header *h, av_commit_body *ret, av_error *err)
{
    av_seal_place place = {
        .store_uuid = self->uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = h->kind,
        .last = true,
        .container = self->container,
        .lsn = h->lsn,
        .group = h->group,
    };
    uint8_t key[AV_SEAL_KEY], nothing[1];
    av_span body = av_buf_span(&self->body);
    av_errc rc;

    av_seal_record_key(self->key, h->salt, key);
    rc = av_seal_open(self->seal, key, &place, av_span_slice(body, 0, AV_COMMIT_CLEAR),
        av_span_skip(body, AV_COMMIT_CLEAR), nothing, err);
    av_secret_wipe(key, sizeof key);
    if (rc == AV_OK)
        rc = av_commit_body_decode(body.p, ret, err);
    return rc == AV_OK ? AV_OK : bad_record(self, err);
}

static void
take_commit(av_scan *self, const av_record_header *h, const uint8_t digest[AV_SHA256_SIZE])
{
    self->chain.commit_lsn = h->lsn;
    self->chain.group = h->group;
    memcpy(self->chain.digest, digest, AV_SHA256_SIZE);
    self->chain_end = av_lsn(self->container, self->at + AV_RECORD_HEADER + h->length);
    self->count = 0;
    av_sha256_stream_destroy(&self->digest);
}

static av_errc
check_commit(av_scan *self, const av_record_header *h, av_error *err)
{
    av_commit_body commit = { 0 };
    uint8_t digest[AV_SHA256_SIZE];
    av_errc rc = open_commit(self, h, &commit, err);

    if (rc != AV_OK)
        return rc;
    if (self->count == 0 || commit.count != self->count || commit.first_lsn != self->first_lsn) {
        (void)av_error_set(
            err, AV_ERR_CORRUPT, "the commit record is of %u records, the group has %u", commit.count, self->count);
        return bad_record(self, err);
    }
    assert(self->digest != NULL); /* records came before: group_begins made it */
    av_sha256_stream_finish(&self->digest, digest);
    if (memcmp(digest, commit.digest, sizeof digest) != 0) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "the group is not the one that was committed (chain digest)");
        return bad_record(self, err);
    }
    take_commit(self, h, digest);
    return AV_OK;
}

static void
group_begins(av_scan *self, uint64_t lsn)
{
    if (self->digest != NULL)
        return;
    self->digest = av_sha256_stream_new();
    av_sha256_stream_update(self->digest, av_span_of(self->chain.digest, sizeof self->chain.digest));
    self->first_lsn = lsn;
}

av_errc
av_scan_next(av_scan *self, av_record_header *ret, av_span *ret_body, bool *ret_end, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER];
    av_errc rc = AV_OK;

    *ret_end = false;
    while (rc == AV_OK && (self->container == 0 || (self->at == self->size && self->container < self->highest))) {
        if (self->count > 0)
            return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends inside a group", self->container);
        rc = advance(self, err);
    }
    if (rc != AV_OK)
        return rc;
    *ret_end = self->at == self->size;
    if (*ret_end)
        return AV_OK;
    rc = read_header(self, bytes, ret, err);
    if (rc == AV_OK && ret->group != self->chain.group + 1) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "a record of group %llu stands in group %llu",
            (unsigned long long)ret->group, (unsigned long long)self->chain.group + 1);
        rc = bad_record(self, err);
    }
    if (rc != AV_OK)
        return rc;
    group_begins(self, ret->lsn);
    rc = read_body(self, ret, ret->kind == AV_RECORD_COMMIT ? NULL : self->digest, err);
    if (rc == AV_OK && ret->kind == AV_RECORD_COMMIT)
        rc = check_commit(self, ret, err);
    if (rc != AV_OK)
        return rc;
    if (ret->kind != AV_RECORD_COMMIT) {
        av_sha256_stream_update(self->digest, av_span_of(bytes, sizeof bytes));
        self->count++;
    }
    self->at += AV_RECORD_HEADER + ret->length;
    *ret_body = av_buf_span(&self->body);
    return AV_OK;
}

av_errc
av_scan_from(av_scan *self, uint64_t commit_lsn, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER];
    av_record_header h;
    av_commit_body commit;
    av_errc rc;

    if (av_lsn_container(commit_lsn) == 0 || av_lsn_container(commit_lsn) > self->highest)
        return av_error_set(err, AV_ERR_CORRUPT, "the log has no container %08u.avc", av_lsn_container(commit_lsn));
    rc = enter_container(self, av_lsn_container(commit_lsn), NULL, err);
    if (rc != AV_OK)
        return rc;
    self->at = av_lsn_offset(commit_lsn);
    if (self->at < AV_CONTAINER_HEADER || self->at + AV_RECORD_HEADER > self->size)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends at byte %llu, before the group that was acknowledged",
            self->container, (unsigned long long)self->size);
    rc = read_header(self, bytes, &h, err);
    if (rc == AV_OK && h.kind != AV_RECORD_COMMIT) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "no commit record stands here");
        rc = bad_record(self, err);
    }
    if (rc == AV_OK)
        rc = read_body(self, &h, NULL, err);
    if (rc == AV_OK)
        rc = open_commit(self, &h, &commit, err);
    if (rc != AV_OK)
        return rc;
    take_commit(self, &h, commit.digest);
    self->at += AV_RECORD_HEADER + h.length;
    return AV_OK;
}

static bool
is_later_record(const av_scan *self, const uint8_t *p, uint64_t at)
{
    av_record_header h;
    av_error ignored;

    return av_record_header_decode(p, &h, &ignored) == AV_OK && h.lsn == av_lsn(self->container, at) &&
           h.group > self->chain.group + 1;
}

av_errc
av_scan_find_later_group(av_scan *self, bool *ret, av_error *err)
{
    *ret = false;
    for (uint64_t at = self->at; at + AV_RECORD_HEADER <= self->size;) {
        size_t n = (size_t)AV_MIN(self->size - at, WINDOW), last;
        const uint8_t *p = NULL;
        av_errc rc = look(self, at, n, &p, err);

        if (rc != AV_OK)
            return rc;
        assert(p != NULL);
        last = n - AV_RECORD_HEADER;
        for (size_t i = 0; i <= last; i++) {
            const uint8_t *hit = memchr(p + i, 'A', last - i + 1);

            if (hit == NULL)
                break;
            i = (size_t)(hit - p);
            if (memcmp(hit, "AVRC", 4) == 0 && is_later_record(self, hit, at + i)) {
                *ret = true;
                return AV_OK;
            }
        }
        at += last + 1;
    }
    return AV_OK;
}
