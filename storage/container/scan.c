/*
 * scan.c - see scan.h
 */
#include "storage/container/scan_priv.h"
#include "storage/store/store.h"

static av_errc
new_scan(const uint8_t *store_uuid, const uint8_t *log_key, av_scan **ret, av_error *err)
{
    av_scan *self = av_xcalloc(1, sizeof *self);
    av_errc rc = av_seal_new(&self->seal, err);

    self->uuid = store_uuid;
    self->key = log_key;
    self->window = av_xalloc(SCAN_WINDOW);
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

/* --- records ----------------------------------------------------------------------------------------------------- */

/* At the end of a container: may it end here, and is it the last one? */
static av_errc
end_container(av_scan *self, bool *ret_last, av_error *err)
{
    *ret_last = self->files == NULL || self->container >= av_container_files_highest(self->files);
    if (self->generation == 0 && !*ret_last) {
        /* It may have grown since it was entered; now that another one follows it does not any more. */
        av_errc rc = av_place_size(self->file, &self->size, err);

        if (rc != AV_OK)
            return rc;
        if (self->place < self->size) {
            self->window_n = 0; /* its last bytes may have been those of a group that was rolled back */
            return AV_OK;
        }
    }
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
        if (self->container > 0 && self->place >= self->size) {
            rc = end_container(self, &last, err);
            if (rc == AV_OK && last)
                *ret_end = true;
            if (rc != AV_OK || last)
                return rc;
        }
        if (self->container == 0 || self->place >= self->size) {
            rc = advance(self, err);
            if (rc != AV_OK)
                return rc;
            continue;
        }
        rc = scan_read_header(self, bytes, ret, err);
        if (rc != AV_OK)
            return rc;
        if (ret->kind != AV_RECORD_MAP)
            return scan_take_record(self, ret, bytes, ret_body, err);
        rc = scan_take_map(self, ret, err);
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
        scan_add_drop(self, &map.drops[i]);
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
    rc = scan_read_header(self, bytes, &h, err);
    if (rc == AV_OK && h.kind != AV_RECORD_COMMIT) {
        (void)av_error_set(err, AV_ERR_CORRUPT, "no commit record stands here");
        rc = scan_bad_record(self, err);
    }
    return rc == AV_OK ? scan_resume(self, &h, err) : rc;
}
