/*
 * scan_record.c - one record of the scan: its bytes, its place, its part in the chain
 */
#include "base/secret.h"
#include "storage/container/scan_priv.h"
#include "storage/store/store.h"

/* --- bytes ------------------------------------------------------------------------------------------------------- */

av_errc
scan_look(av_scan *self, uint64_t from, size_t least, size_t most, const uint8_t **ret, size_t *ret_n, av_error *err)
{
    uint64_t end;

    assert(least <= SCAN_WINDOW);
    if (self->window_n == 0 || from < self->window_from || from + least > self->window_from + self->window_n) {
        av_errc rc;

        self->window_n = 0;
        rc = av_place_read(self->file, self->window, SCAN_WINDOW, from, &self->window_n, err);
        if (rc != AV_OK)
            return av_error_prefix(err, "%08u.avc", self->container);
        self->window_from = from;
    }
    end = self->window_from + self->window_n;
    if (from + least > end)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends at byte %llu inside a record", self->container,
            (unsigned long long)end);
    *ret = self->window + (from - self->window_from);
    *ret_n = (size_t)AV_MIN(end - from, most);
    return AV_OK;
}

av_errc
scan_bad_record(av_scan *self, av_error *err)
{
    return av_error_prefix(err, "%08u.avc, byte %llu", self->container, (unsigned long long)self->place);
}

av_errc
scan_read_header(av_scan *self, uint8_t bytes[AV_RECORD_HEADER], av_record_header *ret, av_error *err)
{
    const uint8_t *p = NULL;
    size_t n = 0;
    av_errc rc = scan_look(self, self->place, AV_RECORD_HEADER, AV_RECORD_HEADER, &p, &n, err);

    if (rc != AV_OK)
        return rc;
    assert(p != NULL);
    memcpy(bytes, p, AV_RECORD_HEADER);
    rc = av_record_header_decode(bytes, self->uuid, av_lsn(self->container, self->at), ret, err);
    if (rc != AV_OK)
        return scan_bad_record(self, err);
    if (ret->length > self->size - self->place - AV_RECORD_HEADER)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the record is cut short");
    else if (ret->kind >= AV_RECORD_DROPPED && self->generation == 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u stands in a container as first written", ret->kind);
    return rc == AV_OK ? AV_OK : scan_bad_record(self, err);
}

/* How much of the end of its body av_scan_next hands out. */
static uint32_t
kept_bytes(const av_record_header *h)
{
    switch (h->kind) {
    case AV_RECORD_SEGMENT:
    case AV_RECORD_MAP:
        return 0;
    case AV_RECORD_MESSAGE:
    case AV_RECORD_PART:
        return h->flags & AV_RECORD_ONE_PIECE ? h->length : AV_MIN(h->length, AV_SCAN_TAIL);
    default:
        return h->length;
    }
}

/* Walks the body for CRC, digest and tap, and keeps what is handed out. digest may be NULL. */
static av_errc
read_body(av_scan *self, const av_record_header *h, av_sha256_stream *digest, av_span *ret, av_error *err)
{
    uint32_t kept = kept_bytes(h), crc = 0;
    uint64_t from = self->place + AV_RECORD_HEADER;
    bool in_window = h->length <= SCAN_WINDOW && kept > 0; /* then it is seen in one piece */

    av_buf_clear(&self->body);
    *ret = (av_span){ 0 };
    for (uint32_t done = 0; done < h->length;) {
        const uint8_t *p = NULL;
        size_t n = 0, skip;
        av_errc rc = scan_look(self, from + done, in_window ? h->length : 1, h->length - done, &p, &n, err);

        if (rc != AV_OK)
            return rc;
        crc = av_crc32c(crc, av_span_of(p, n));
        if (digest != NULL)
            av_sha256_stream_update(digest, av_span_of(p, n));
        if (self->tap.body != NULL && h->kind != AV_RECORD_MAP)
            rc = self->tap.body(self->tap.ctx, av_span_of(p, n), err);
        if (rc != AV_OK)
            return rc;
        skip = h->length - kept > done ? AV_MIN(h->length - kept - done, n) : 0;
        if (in_window)
            *ret = av_span_of(p + skip, n - skip);
        else if (!av_buf_append(&self->body, p + skip, n - skip))
            return av_error_set(err, AV_ERR_INTERNAL, "a record larger than its own limit");
        done += (uint32_t)n;
    }
    if (!in_window)
        *ret = av_buf_span(&self->body);
    if (crc == h->body_crc)
        return AV_OK;
    (void)av_error_set(err, AV_ERR_CORRUPT, "the record is damaged (CRC-32C)");
    return scan_bad_record(self, err);
}

/* --- commits ----------------------------------------------------------------------------------------------------- */

/* Decode the commit and, with the key, prove it authentic. */
static av_errc
open_commit(av_scan *self, const av_record_header *h, av_span body, av_commit_body *ret, av_error *err)
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
    av_errc rc = AV_OK;

    if (self->key != NULL) {
        av_seal_record_key(self->key, h->salt, h->lsn, key);
        rc = av_seal_open(self->seal, key, &place, av_span_slice(body, 0, AV_COMMIT_CLEAR),
            av_span_skip(body, AV_COMMIT_CLEAR), nothing, err);
        av_secret_wipe(key, sizeof key);
    }
    if (rc == AV_OK)
        rc = av_commit_body_decode(body.p, ret, err);
    return rc == AV_OK ? AV_OK : scan_bad_record(self, err);
}

static void
take_commit(av_scan *self, const av_record_header *h, const av_commit_body *commit)
{
    self->chain.commit_lsn = h->lsn;
    self->chain.group = h->group;
    memcpy(self->chain.digest, commit->digest, AV_SHA256_SIZE);
    self->chain_end = av_lsn(self->container, self->at + AV_RECORD_HEADER + h->length);
    self->chain_slot = self->next_slot = commit->next_slot;
    self->count = 0;
    av_sha256_stream_destroy(&self->digest);
}

static av_errc
check_commit(av_scan *self, const av_record_header *h, av_span body, av_error *err)
{
    av_commit_body commit = { 0 };
    uint8_t digest[AV_SHA256_SIZE];
    av_errc rc = open_commit(self, h, body, &commit, err);

    if (rc != AV_OK)
        return rc;
    if (commit.count != self->count || commit.first_lsn != self->first_lsn || commit.next_slot < self->next_slot) {
        (void)av_error_set(err, AV_ERR_CORRUPT,
            "the commit record is of %u records up to key slot %u, the group has "
            "%u up to %u",
            commit.count, commit.next_slot, self->count, self->next_slot);
        return scan_bad_record(self, err);
    }
    assert(self->digest != NULL); /* a commit is of one record at least, and group_begins made it */
    av_sha256_stream_finish(&self->digest, digest);
    if (memcmp(digest, commit.digest, sizeof digest) != 0) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "the group is not the one that was committed (chain digest)");
        return scan_bad_record(self, err);
    }
    take_commit(self, h, &commit);
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

/* --- records ----------------------------------------------------------------------------------------------------- */

void
scan_add_drop(av_scan *self, const av_drop *drop)
{
    uint8_t entry[AV_DROP_MAP_ENTRY];

    av_drop_encode(drop, entry);
    self->drops++;
    self->drops_crc = av_crc32c(self->drops_crc, av_span_of(entry, sizeof entry));
}

/* Dropped records count in the chain as what they were, by their digests; the digests say nothing of who dropped them,
 * so a MAC does. */
static av_errc
take_dropped(av_scan *self, const av_record_header *h, av_span body, uint32_t *ret_covered, av_error *err)
{
    uint8_t mac[AV_SEAL_SALT];
    av_drop drop = { .offset = (uint32_t)self->at, .place = (uint32_t)self->place };
    av_dropped dropped;
    av_errc rc = av_dropped_decode(body, &dropped, err);

    if (rc == AV_OK && (dropped.covered > UINT32_MAX - self->at || dropped.count > UINT32_MAX - self->count))
        rc = av_error_set(err, AV_ERR_CORRUPT, "the dropped records reach beyond any container");
    if (self->key != NULL)
        av_seal_dropped(self->key, self->uuid, h->lsn, h->group, body, mac);
    if (rc == AV_OK && self->key != NULL && !av_secret_eq(mac, h->salt, sizeof mac))
        rc = av_error_set(err, AV_ERR_CORRUPT, "records were taken out by somebody without the store's key");
    if (rc != AV_OK)
        return scan_bad_record(self, err);
    scan_add_drop(self, &drop);
    av_sha256_stream_update(self->digest, dropped.digests);
    self->count += dropped.count;
    *ret_covered = dropped.covered;
    return AV_OK;
}

static av_errc
check_place_of(av_scan *self, const av_record_header *h, av_error *err)
{
    if (h->group != self->chain.group + 1)
        (void)av_error_set(err, AV_ERR_CORRUPT, "a record of group %llu stands in group %llu",
            (unsigned long long)h->group, (unsigned long long)self->chain.group + 1);
    else if (h->kind == AV_RECORD_COMMIT && self->count == 0)
        (void)av_error_set(err, AV_ERR_CORRUPT, "a commit record of no records");
    else if (av_record_has_slot(h->kind) && h->slot < self->next_slot)
        (void)av_error_set(err, AV_ERR_CORRUPT, "key slot %u is used again", h->slot);
    else
        return AV_OK;
    return scan_bad_record(self, err);
}

av_errc
scan_take_record(
    av_scan *self, const av_record_header *h, const uint8_t bytes[AV_RECORD_HEADER], av_span *ret_body, av_error *err)
{
    AV_CLEANUP(av_sha256_stream_destroy) av_sha256_stream *digest = NULL;
    bool counts = h->kind != AV_RECORD_COMMIT && h->kind != AV_RECORD_DROPPED;
    uint32_t covered = AV_RECORD_HEADER + h->length; /* by LSN */
    av_errc rc = check_place_of(self, h, err);

    if (rc == AV_OK && self->tap.record != NULL)
        rc = self->tap.record(self->tap.ctx, h, bytes, err);
    if (rc != AV_OK)
        return rc;
    group_begins(self, h->lsn);
    digest = counts ? av_sha256_stream_new() : NULL;
    rc = read_body(self, h, digest, ret_body, err);
    if (rc == AV_OK && h->kind == AV_RECORD_COMMIT)
        rc = check_commit(self, h, *ret_body, err);
    if (rc == AV_OK && h->kind == AV_RECORD_DROPPED)
        rc = take_dropped(self, h, *ret_body, &covered, err);
    if (rc != AV_OK)
        return rc;
    if (counts) {
        av_sha256_stream_update(digest, av_span_of(bytes, AV_RECORD_HEADER));
        av_sha256_stream_finish(&digest, self->record_digest);
        av_sha256_stream_update(self->digest, av_span_of(self->record_digest, sizeof self->record_digest));
        self->count++;
    }
    if (av_record_has_slot(h->kind))
        self->next_slot = h->slot + 1;
    self->place += AV_RECORD_HEADER + h->length;
    self->at += covered;
    return AV_OK;
}

av_errc
scan_take_map(av_scan *self, const av_record_header *h, av_error *err)
{
    uint64_t behind = self->place + AV_RECORD_HEADER + h->length;
    const uint8_t *p = NULL;
    uint32_t map_place = 0;
    av_span nothing;
    size_t n = 0;
    av_errc rc = read_body(self, h, NULL, &nothing, err);

    if (rc != AV_OK)
        return rc;
    if (self->count > 0 || h->length != (uint64_t)self->drops * AV_DROP_MAP_ENTRY || h->body_crc != self->drops_crc) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "the map does not tell what was dropped");
        return scan_bad_record(self, err);
    }
    if (self->size != behind + AV_DROP_MAP_TRAILER)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the map is not at the end of the container");
    if (rc == AV_OK)
        rc = scan_look(self, behind, AV_DROP_MAP_TRAILER, AV_DROP_MAP_TRAILER, &p, &n, err);
    if (rc == AV_OK)
        rc = av_drop_trailer_decode(p, &map_place, err);
    if (rc == AV_OK && map_place != self->place)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the trailer names another place");
    if (rc != AV_OK)
        return scan_bad_record(self, err);
    self->place = self->size;
    self->map_read = true;
    return AV_OK;
}

av_errc
scan_resume(av_scan *self, const av_record_header *h, av_error *err)
{
    av_commit_body commit = { 0 };
    av_span body = { 0 };
    av_errc rc = read_body(self, h, NULL, &body, err);

    if (rc == AV_OK)
        rc = open_commit(self, h, body, &commit, err);
    if (rc != AV_OK)
        return rc;
    take_commit(self, h, &commit);
    self->at += AV_RECORD_HEADER + h->length;
    self->place += AV_RECORD_HEADER + h->length;
    return AV_OK;
}
