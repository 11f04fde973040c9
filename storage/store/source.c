/*
 * source.c - the data of one content record, segment by segment, every byte authenticated
 *
 * Touches only what does not change while a store is open, or what is locked: any thread may read.
 */
#include "base/secret.h"
#include "storage/container/scan.h"
#include "storage/store/store_priv.h"

#define FIRST_READ (16U * 1024) /* most records are whole in it: one system call */

static av_errc
find_record(const av_store *store, store_tools *tools, uint64_t lsn, av_record_kind kind, store_source *self,
    size_t *ret_n, av_error *err)
{
    av_errc rc;

    if (av_lsn_container(lsn) == 0 || av_lsn_offset(lsn) < AV_CONTAINER_HEADER)
        return av_error_set(err, AV_ERR_NOT_FOUND, "%llx is no LSN of a record", (unsigned long long)lsn);
    store_tools_buffers(tools, FIRST_READ);
    rc = store_log_record(store, lsn, &self->header, tools->stored, FIRST_READ, ret_n, err);
    if (rc == AV_OK && self->header.kind != kind)
        rc = av_error_set(err, AV_ERR_NOT_FOUND, "no %s stands at LSN %llx",
            kind == AV_RECORD_MESSAGE ? "message" : "part", (unsigned long long)lsn);
    return rc;
}

static av_errc
take_key(const av_store *store, store_source *self, av_error *err)
{
    av_errc rc = store_record_key(store, &self->header, self->key, err);

    if (rc == AV_ERR_GONE)
        return av_error_set(err, AV_ERR_GONE, "the %s at LSN %llx was erased",
            self->header.kind == AV_RECORD_MESSAGE ? "message" : "part", (unsigned long long)self->header.lsn);
    return rc;
}

/* One piece: body is all of it. */
static av_errc
open_one_piece(
    const av_store *store, store_tools *tools, store_source *self, av_span body, av_span *ret_packed, av_error *err)
{
    av_seal_place place = store_place(store, &self->header, 0, true);
    av_errc rc;

    if (body.n < AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record is too short");
    self->plain = av_xalloc(body.n);
    rc = av_seal_open(tools->seal, self->key, &place, av_span_of(NULL, 0), body, self->plain, err);
    if (rc == AV_OK)
        rc = av_one_piece_decode(
            av_span_of(self->plain, body.n - AV_SEAL_TAG), &self->header, &self->table, ret_packed, err);
    return rc;
}

/* Segmented: end is the body's last bytes, at least its table. */
static av_errc
open_table(const av_store *store, store_tools *tools, store_source *self, av_span end, av_error *err)
{
    av_seal_place place = store_place(store, &self->header, AV_SEAL_TABLE, false);
    uint32_t n = 0, length = self->header.length;
    av_span tail;
    av_errc rc;

    if (end.n < 4 + AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record is too short");
    tail = av_span_skip(end, end.n - 4);
    (void)av_span_get_u32(&tail, &n);
    if (n < AV_SEAL_TAG || n > end.n - 4)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record's table has an impossible length");
    self->table_plain = av_xalloc(n);
    rc = av_seal_open(tools->seal, self->key, &place, av_span_of(NULL, 0), av_span_slice(end, end.n - 4 - n, end.n - 4),
        self->table_plain, err);
    if (rc == AV_OK)
        rc = av_content_table_decode(
            av_span_of(self->table_plain, n - AV_SEAL_TAG), &self->header, length - 4 - n, &self->table, err);
    if (rc != AV_OK)
        return rc;
    self->stored = AV_RECORD_HEADER + (uint64_t)length;
    for (uint32_t i = 0; self->table.form == AV_CONTENT_PROVISIONAL && i < self->table.count; i++)
        self->stored += AV_RECORD_HEADER + (uint64_t)self->table.segments[i].stored;
    return AV_OK;
}

av_errc
store_source_table(const av_store *store, store_tools *tools, const av_record_header *header, av_span body,
    store_source *ret, av_error *err)
{
    av_span ignored;
    av_errc rc;

    *ret = (store_source){ .header = *header, .held = STORE_NO_SEGMENT };
    ret->stored = AV_RECORD_HEADER + (uint64_t)header->length;
    rc = take_key(store, ret, err);
    if (rc == AV_OK)
        rc = header->flags & AV_RECORD_ONE_PIECE ? open_one_piece(store, tools, ret, body, &ignored, err)
                                                 : open_table(store, tools, ret, body, err);
    return rc;
}

/* n bytes of the record's body from `at`; first: what is in memory of the record. */
static av_errc
read_body(const av_store *store, const store_source *self, av_span first, uint64_t at, void *p, size_t n, av_error *err)
{
    uint64_t from = AV_RECORD_HEADER + at;

    if (first.p != NULL && from + n <= first.n) {
        memcpy(p, first.p + from, n);
        return AV_OK;
    }
    return store_log_read(store, self->header.lsn, from, p, n, err);
}

static av_errc
unpack_one_piece(const av_store *store, store_tools *tools, store_source *self, av_span packed, av_error *err)
{
    size_t want = (size_t)self->table.size;

    self->segment = av_xalloc(want + 1);
    self->held = 0;
    return store_unpack(store, tools, self->table.codec, self->table.dictionary, packed, self->segment, want, err);
}

static av_errc
open_whole(const av_store *store, store_tools *tools, store_source *self, av_span first, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *long_body = NULL;
    av_span body = av_span_of(first.p + AV_RECORD_HEADER, self->header.length), packed = { 0 };
    av_errc rc = AV_OK;

    if (self->header.length > AV_ONE_PIECE_BODY_MAX)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record is longer than one piece may be");
    if (first.n < AV_RECORD_HEADER + (size_t)self->header.length) {
        long_body = av_xalloc(self->header.length);
        body.p = long_body;
        rc = read_body(store, self, first, 0, long_body, body.n, err);
    }
    if (rc == AV_OK)
        rc = open_one_piece(store, tools, self, body, &packed, err);
    return rc == AV_OK ? unpack_one_piece(store, tools, self, packed, err) : rc;
}

static av_errc
open_segmented(const av_store *store, store_tools *tools, store_source *self, av_span first, av_error *err)
{
    AV_CLEANUP(av_free) uint8_t *end = NULL;
    uint8_t last[4] = { 0 };
    av_span s = av_span_of(last, sizeof last);
    uint32_t n = 0, length = self->header.length;
    av_errc rc;

    if (length < sizeof last + AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record is too short");
    rc = read_body(store, self, first, length - sizeof last, last, sizeof last, err);
    if (rc != AV_OK)
        return rc;
    (void)av_span_get_u32(&s, &n);
    if (n < AV_SEAL_TAG || n > length - sizeof last || n > AV_CONTENT_TABLE_MAX + AV_SEAL_TAG)
        return av_error_set(err, AV_ERR_CORRUPT, "the content record's table has an impossible length");
    n += (uint32_t)sizeof last;
    end = av_xalloc(n);
    rc = read_body(store, self, first, length - n, end, n, err);
    return rc == AV_OK ? open_table(store, tools, self, av_span_of(end, n), err) : rc;
}

av_errc
store_source_open(
    const av_store *store, store_tools *tools, uint64_t lsn, av_record_kind kind, store_source *ret, av_error *err)
{
    size_t n = 0;
    av_errc rc;

    *ret = (store_source){ .held = STORE_NO_SEGMENT };
    rc = find_record(store, tools, lsn, kind, ret, &n, err);
    if (rc != AV_OK)
        return rc;
    ret->stored = AV_RECORD_HEADER + (uint64_t)ret->header.length;
    rc = take_key(store, ret, err);
    if (rc == AV_OK)
        rc = ret->header.flags & AV_RECORD_ONE_PIECE
                 ? open_whole(store, tools, ret, av_span_of(tools->stored, n), err)
                 : open_segmented(store, tools, ret, av_span_of(tools->stored, n), err);
    if (rc == AV_ERR_CORRUPT)
        (void)av_error_prefix(
            err, "%s at LSN %llx", kind == AV_RECORD_MESSAGE ? "message" : "part", (unsigned long long)lsn);
    return rc;
}

void
store_source_close(store_source *self)
{
    av_content_table_release(&self->table);
    av_secret_wipe(self->key, sizeof self->key);
    free(self->plain);
    free(self->table_plain);
    free(self->segment);
    *self = (store_source){ .held = STORE_NO_SEGMENT };
}

/* The record of a provisional segment: its header decides its key. */
static av_errc
read_provisional(const av_store *store, store_tools *tools, const av_segment *s, uint8_t key[AV_SEAL_KEY],
    av_record_header *h, av_error *err)
{
    size_t got = 0;
    av_errc rc = store_log_record(store, s->at, h, tools->opened, AV_RECORD_HEADER + (size_t)s->stored, &got, err);

    if (rc == AV_OK &&
        (h->kind != AV_RECORD_SEGMENT || h->length != s->stored || got != AV_RECORD_HEADER + (size_t)s->stored))
        rc = av_error_set(err, AV_ERR_CORRUPT, "another record stands where a segment should");
    if (rc == AV_ERR_NOT_FOUND)
        rc = av_error_set(err, AV_ERR_CORRUPT, "a segment is missing at LSN %llx", (unsigned long long)s->at);
    if (rc == AV_OK)
        rc = store_record_key(store, h, key, err);
    if (rc != AV_OK)
        return rc;
    memcpy(tools->stored, tools->opened + AV_RECORD_HEADER, s->stored);
    return AV_OK;
}

static av_errc
load_segment(const av_store *store, store_tools *tools, store_source *self, uint32_t i, av_error *err)
{
    const av_segment *s = &self->table.segments[i];
    bool provisional = self->table.form == AV_CONTENT_PROVISIONAL;
    uint32_t want = av_segment_plain(self->table.size, i);
    av_record_header header = self->header;
    uint8_t key[AV_SEAL_KEY];
    av_seal_place place;
    av_errc rc;

    store_tools_buffers(tools, AV_RECORD_HEADER + AV_SEGMENT_STORED_MAX);
    if (self->segment == NULL)
        self->segment = av_xalloc(AV_SEGMENT_PLAIN);
    self->held = STORE_NO_SEGMENT;
    memcpy(key, self->key, sizeof key);
    rc = provisional ? read_provisional(store, tools, s, key, &header, err)
                     : read_body(store, self, av_span_of(NULL, 0), s->at, tools->stored, s->stored, err);
    place = store_place(store, &header, i, provisional || i + 1 == self->table.count);
    if (rc == AV_OK)
        rc = av_seal_open(
            tools->seal, key, &place, av_span_of(NULL, 0), av_span_of(tools->stored, s->stored), tools->opened, err);
    av_secret_wipe(key, sizeof key);
    if (rc == AV_OK)
        rc = store_unpack(store, tools, s->codec, self->table.dictionary,
            av_span_of(tools->opened, s->stored - AV_SEAL_TAG), self->segment, want, err);
    if (rc != AV_OK)
        return av_error_prefix(err, "LSN %llx, segment %u", (unsigned long long)self->header.lsn, i);
    self->held = i;
    return AV_OK;
}

av_errc
store_source_look(const av_store *store, store_tools *tools, store_source *self, uint64_t from, size_t n,
    const uint8_t **ret, av_error *err)
{
    uint32_t i = self->table.form == AV_CONTENT_ONE_PIECE ? 0 : (uint32_t)(from / AV_SEGMENT_PLAIN);
    size_t at = (size_t)(from - (uint64_t)i * AV_SEGMENT_PLAIN);
    av_errc rc = AV_OK;

    assert(from + n <= self->table.size);
    if (self->held != i)
        rc = load_segment(store, tools, self, i, err);
    if (rc == AV_OK)
        *ret = self->segment + at;
    assert(rc != AV_OK || at + n <= AV_SEGMENT_PLAIN);
    return rc;
}
