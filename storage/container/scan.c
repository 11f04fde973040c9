/*
 * scan.c - see scan.h
 */
#include "storage/container/scan.h"

#include "base/secret.h"
#include "storage/container/container_priv.h"
#include "storage/store/store.h"

#define WINDOW (256U * 1024)

struct av_scan {
    av_container_files *files; /* NULL: one container alone */
    const uint8_t *uuid, *key;
    av_seal *seal;
    av_scan_tap tap;
    /* the container being read */
    av_place_file *file;
    uint32_t container, generation;
    uint64_t size;
    uint64_t place;     /* in the file, of the next record */
    uint64_t at;        /* its offset by LSN */
    uint32_t next_slot; /* no later record has a lower one */
    uint32_t drops;     /* dropped records so far, */
    uint32_t drops_crc; /* and the CRC of what the map must say of them */
    bool map_read;
    /* window: bytes [from, from + n) of it */
    uint8_t *window;
    uint64_t window_from;
    size_t window_n;
    /* the chain and the group being read */
    av_chain chain;
    uint64_t chain_end;
    uint32_t chain_slot;
    av_sha256_stream *digest;
    uint64_t first_lsn;
    uint32_t count;
    uint8_t record_digest[AV_SHA256_SIZE];
    av_buf body; /* of records that do not fit the window */
};

static av_errc
new_scan(const uint8_t *store_uuid, const uint8_t *log_key, av_scan **ret, av_error *err)
{
    av_scan *self = av_xcalloc(1, sizeof *self);
    av_errc rc = av_seal_new(&self->seal, err);

    self->uuid = store_uuid;
    self->key = log_key;
    self->window = av_xalloc(WINDOW);
    self->chain_end = av_lsn(1, AV_CONTAINER_HEADER);
    av_buf_init(&self->body, AV_ONE_PIECE_BODY_MAX);
    if (rc != AV_OK) {
        av_scan_destroy(&self);
        return rc;
    }
    *ret = self;
    return AV_OK;
}

av_errc
av_scan_new(av_container_files *files, const uint8_t *log_key, av_scan **ret, av_error *err)
{
    av_errc rc = new_scan(av_container_files_uuid(files), log_key, ret, err);

    if (rc == AV_OK)
        (*ret)->files = files;
    return rc;
}

void
av_scan_destroy(av_scan **self)
{
    av_scan *s = *self;

    if (s == NULL)
        return;
    av_place_close(&s->file);
    av_seal_destroy(&s->seal);
    av_sha256_stream_destroy(&s->digest);
    av_buf_release(&s->body);
    free(s->window);
    free(s);
    *self = NULL;
}

void
av_scan_set_tap(av_scan *self, const av_scan_tap *tap)
{
    self->tap = *tap;
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
av_scan_chain_slot(const av_scan *self)
{
    return self->chain_slot;
}

uint32_t
av_scan_open_records(const av_scan *self)
{
    return self->count;
}

const uint8_t *
av_scan_record_digest(const av_scan *self)
{
    return self->record_digest;
}

/* --- containers -------------------------------------------------------------------------------------------------- */

/* Nothing of the container that is left or cannot be entered. */
static void
leave_container(av_scan *self, uint32_t container)
{
    av_place_close(&self->file);
    self->container = container;
    self->generation = 0;
    self->at = self->place = self->size = 0;
    self->window_n = 0;
    self->next_slot = 0;
    self->drops = self->drops_crc = 0;
    self->map_read = false;
}

/* file, open and checked, is read from its first record. */
static av_errc
enter_file(av_scan *self, av_place_file *file, const av_container_header *header, av_error *err)
{
    av_errc rc;

    self->file = file;
    self->generation = header->generation;
    rc = av_place_size(file, &self->size, err);
    if (rc != AV_OK)
        return rc;
    if (self->size > UINT32_MAX)
        return av_error_set(err, AV_ERR_CORRUPT, "container %08u.avc is larger than any may be", self->container);
    self->at = self->place = AV_CONTAINER_HEADER;
    return AV_OK;
}

static av_errc
enter_container(av_scan *self, uint32_t container, av_container_header *header, av_error *err)
{
    av_place_file *file = NULL;
    av_errc rc;

    leave_container(self, container);
    rc = av_container_files_open(self->files, container, true, &file, header, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, AV_ERR_CORRUPT, "container %08u.avc is missing", container);
    return rc == AV_OK ? enter_file(self, file, header, err) : rc;
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
    self->chain_slot = 0;
    return AV_OK;
}

av_errc
av_scan_new_one(av_place_file *file, uint32_t container, uint32_t generation, const uint8_t *store_uuid,
    const uint8_t *log_key, av_scan **ret, av_error *err)
{
    AV_CLEANUP(av_scan_destroy) av_scan *self = NULL;
    av_container_header header;
    av_errc rc = new_scan(store_uuid, log_key, &self, err);

    if (rc != AV_OK) {
        av_place_close(&file);
        return rc;
    }
    leave_container(self, container);
    rc = enter_file(self, file, &(av_container_header){ .generation = generation }, err);
    if (rc == AV_OK)
        rc = av_container_check(file, container, generation, store_uuid, &header, err);
    if (rc != AV_OK)
        return rc;
    self->chain = header.before;
    self->chain_end = av_lsn(container, AV_CONTAINER_HEADER);
    *ret = AV_TAKE(self);
    return AV_OK;
}

/* --- bytes ------------------------------------------------------------------------------------------------------- */

/* At least `least` bytes (at most WINDOW) of the container from `from` on, borrowed until the next call; *ret_n: how many
 * there are, up to most. */
static av_errc
look(av_scan *self, uint64_t from, size_t least, size_t most, const uint8_t **ret, size_t *ret_n, av_error *err)
{
    uint64_t end;

    assert(least <= WINDOW);
    if (self->window_n == 0 || from < self->window_from || from + least > self->window_from + self->window_n) {
        av_errc rc;

        self->window_n = 0;
        rc = av_place_read(self->file, self->window, WINDOW, from, &self->window_n, err);
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

static av_errc
bad_record(av_scan *self, av_error *err)
{
    return av_error_prefix(err, "%08u.avc, byte %llu", self->container, (unsigned long long)self->place);
}

static av_errc
read_header(av_scan *self, uint8_t bytes[AV_RECORD_HEADER], av_record_header *ret, av_error *err)
{
    const uint8_t *p = NULL;
    size_t n = 0;
    av_errc rc = look(self, self->place, AV_RECORD_HEADER, AV_RECORD_HEADER, &p, &n, err);

    if (rc != AV_OK)
        return rc;
    assert(p != NULL);
    memcpy(bytes, p, AV_RECORD_HEADER);
    rc = av_record_header_decode(bytes, self->uuid, av_lsn(self->container, self->at), ret, err);
    if (rc != AV_OK)
        return bad_record(self, err);
    if (ret->length > self->size - self->place - AV_RECORD_HEADER)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the record is cut short");
    else if (ret->kind >= AV_RECORD_DROPPED && self->generation == 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "a record of kind %u stands in a container as first written", ret->kind);
    return rc == AV_OK ? AV_OK : bad_record(self, err);
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
    bool in_window = h->length <= WINDOW && kept > 0; /* then it is seen in one piece */

    av_buf_clear(&self->body);
    *ret = (av_span){ 0 };
    for (uint32_t done = 0; done < h->length;) {
        const uint8_t *p = NULL;
        size_t n = 0, skip;
        av_errc rc = look(self, from + done, in_window ? h->length : 1, h->length - done, &p, &n, err);

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
    return bad_record(self, err);
}

/* --- commits ----------------------------------------------------------------------------------------------------- */

/* Decode the commit and prove it authentic. */
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
    av_errc rc;

    av_seal_record_key(self->key, h->salt, h->lsn, key);
    rc = av_seal_open(self->seal, key, &place, av_span_slice(body, 0, AV_COMMIT_CLEAR),
        av_span_skip(body, AV_COMMIT_CLEAR), nothing, err);
    av_secret_wipe(key, sizeof key);
    if (rc == AV_OK)
        rc = av_commit_body_decode(body.p, ret, err);
    return rc == AV_OK ? AV_OK : bad_record(self, err);
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
        return bad_record(self, err);
    }
    assert(self->digest != NULL); /* a commit is of one record at least, and group_begins made it */
    av_sha256_stream_finish(&self->digest, digest);
    if (memcmp(digest, commit.digest, sizeof digest) != 0) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "the group is not the one that was committed (chain digest)");
        return bad_record(self, err);
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

static void
add_drop(av_scan *self, const av_drop *drop)
{
    uint8_t entry[AV_DROP_MAP_ENTRY];

    av_drop_encode(drop, entry);
    self->drops++;
    self->drops_crc = av_crc32c(self->drops_crc, av_span_of(entry, sizeof entry));
}

/* Dropped records count in the chain as what they were, by their digests. */
static av_errc
take_dropped(av_scan *self, av_span body, uint32_t *ret_covered, av_error *err)
{
    av_drop drop = { .offset = (uint32_t)self->at, .place = (uint32_t)self->place };
    av_dropped dropped;
    av_errc rc = av_dropped_decode(body, &dropped, err);

    if (rc == AV_OK && (dropped.covered > UINT32_MAX - self->at || dropped.count > UINT32_MAX - self->count))
        rc = av_error_set(err, AV_ERR_CORRUPT, "the dropped records reach beyond any container");
    if (rc != AV_OK)
        return bad_record(self, err);
    add_drop(self, &drop);
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
    return bad_record(self, err);
}

/* Of the record whose header was read: body, chain, and on to the next. */
static av_errc
take_record(
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
        rc = take_dropped(self, *ret_body, &covered, err);
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

/* The map says what was met, and behind it stands the trailer and nothing more. */
static av_errc
take_map(av_scan *self, const av_record_header *h, av_error *err)
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
        return bad_record(self, err);
    }
    if (self->size != behind + AV_DROP_MAP_TRAILER)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the map is not at the end of the container");
    if (rc == AV_OK)
        rc = look(self, behind, AV_DROP_MAP_TRAILER, AV_DROP_MAP_TRAILER, &p, &n, err);
    if (rc == AV_OK)
        rc = av_drop_trailer_decode(p, &map_place, err);
    if (rc == AV_OK && map_place != self->place)
        rc = av_error_set(err, AV_ERR_CORRUPT, "the trailer names another place");
    if (rc != AV_OK)
        return bad_record(self, err);
    self->place = self->size;
    self->map_read = true;
    return AV_OK;
}

/* At the end of a container: may it end here, and is it the last one? */
static av_errc
end_container(av_scan *self, bool *ret_last, av_error *err)
{
    *ret_last = self->files == NULL || self->container >= av_container_files_highest(self->files);
    if (self->count > 0 && !*ret_last)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends inside a group", self->container);
    if (self->generation > 0 && !self->map_read)
        return av_error_set(err, AV_ERR_CORRUPT, "%08u.avc was compacted and has lost its end", self->container);
    if (self->generation > 0 && self->files != NULL && *ret_last)
        return av_error_set(err, AV_ERR_CORRUPT,
            "%08u.avc was compacted, so another one was there: %08u.avc is missing", self->container,
            self->container + 1);
    return AV_OK;
}

av_errc
av_scan_next(av_scan *self, av_record_header *ret, av_span *ret_body, bool *ret_end, av_error *err)
{
    uint8_t bytes[AV_RECORD_HEADER];
    bool last = false;
    av_errc rc = AV_OK;

    *ret_end = false;
    for (;;) {
        if (self->container > 0 && self->place == self->size) {
            rc = end_container(self, &last, err);
            if (rc == AV_OK && last)
                *ret_end = true;
            if (rc != AV_OK || last)
                return rc;
        }
        if (self->container == 0 || self->place == self->size) {
            rc = advance(self, err);
            if (rc != AV_OK)
                return rc;
            continue;
        }
        rc = read_header(self, bytes, ret, err);
        if (rc != AV_OK)
            return rc;
        if (ret->kind != AV_RECORD_MAP)
            return take_record(self, ret, bytes, ret_body, err);
        rc = take_map(self, ret, err);
        if (rc != AV_OK)
            return rc;
    }
}

/* --- from the middle --------------------------------------------------------------------------------------------- */

/* Place of the commit in a compacted container, with what was dropped before it. */
static av_errc
find_in_map(av_scan *self, uint64_t lsn, av_error *err)
{
    av_drop_map map = { 0 };
    uint32_t drop = 0, before;
    av_errc rc = container_map_read(self->file, self->container, self->uuid, &map, err);

    if (rc != AV_OK)
        return rc;
    if (!av_drop_map_locate(&map, av_lsn_offset(lsn), &self->place, &drop))
        rc = av_error_set(
            err, AV_ERR_CORRUPT, "%08u.avc has no record at offset %u", self->container, av_lsn_offset(lsn));
    before = drop < map.count ? drop + 1 : 0;
    for (uint32_t i = 0; i < before; i++)
        add_drop(self, &map.drops[i]);
    av_drop_map_release(&map);
    return rc;
}

av_errc
av_scan_from(av_scan *self, uint64_t commit_lsn, av_error *err)
{
    uint32_t container = av_lsn_container(commit_lsn);
    uint8_t bytes[AV_RECORD_HEADER];
    av_container_header container_header;
    av_record_header h = { 0 };
    av_commit_body commit;
    av_span body = { 0 };
    av_errc rc;

    if (container == 0 || container > av_container_files_highest(self->files))
        return av_error_set(err, AV_ERR_CORRUPT, "the log has no container %08u.avc", container);
    rc = enter_container(self, container, &container_header, err);
    if (rc != AV_OK)
        return rc;
    self->at = self->place = av_lsn_offset(commit_lsn);
    if (self->generation > 0)
        rc = find_in_map(self, commit_lsn, err);
    else if (self->at < AV_CONTAINER_HEADER || self->at + AV_RECORD_HEADER > self->size)
        rc = av_error_set(err, AV_ERR_CORRUPT, "%08u.avc ends at byte %llu, before the group that was acknowledged",
            self->container, (unsigned long long)self->size);
    if (rc != AV_OK)
        return rc;
    rc = read_header(self, bytes, &h, err);
    if (rc == AV_OK && h.kind != AV_RECORD_COMMIT) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "no commit record stands here");
        rc = bad_record(self, err);
    }
    if (rc == AV_OK)
        rc = read_body(self, &h, NULL, &body, err);
    if (rc == AV_OK)
        rc = open_commit(self, &h, body, &commit, err);
    if (rc != AV_OK)
        return rc;
    take_commit(self, &h, &commit);
    self->at += AV_RECORD_HEADER + h.length;
    self->place += AV_RECORD_HEADER + h.length;
    return AV_OK;
}

static bool
is_later_record(const av_scan *self, const uint8_t *p, uint64_t at)
{
    av_record_header h;
    av_error ignored;

    /* Most hits of two letters end here, before a CRC is computed. */
    if (p[1] != 'V' || p[2] == 0 || p[2] > AV_RECORD_DICTIONARY || p[3] > AV_RECORD_ONE_PIECE)
        return false;
    return av_record_header_decode(p, self->uuid, av_lsn(self->container, at), &h, &ignored) == AV_OK &&
           h.group > self->chain.group + 1;
}

av_errc
av_scan_find_later_group(av_scan *self, bool *ret, av_error *err)
{
    /* A container is compacted only when another one follows, so there are later groups. */
    *ret = self->generation > 0;
    if (*ret)
        return AV_OK;
    for (uint64_t at = self->place; at + AV_RECORD_HEADER <= self->size;) {
        size_t n = (size_t)AV_MIN(self->size - at, WINDOW), last;
        const uint8_t *p = NULL;
        av_errc rc = look(self, at, n, n, &p, &n, err);

        if (rc != AV_OK)
            return rc;
        assert(p != NULL);
        last = n - AV_RECORD_HEADER;
        for (size_t i = 0; i <= last; i++) {
            const uint8_t *hit = memchr(p + i, 'A', last - i + 1);

            if (hit == NULL)
                break;
            i = (size_t)(hit - p);
            if (is_later_record(self, hit, at + i)) {
                *ret = true;
                return AV_OK;
            }
        }
        at += last + 1;
    }
    return AV_OK;
}
