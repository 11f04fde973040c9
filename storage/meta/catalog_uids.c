/*
 * catalog_uids.c - which UIDs a mailbox has, in blocks: what SELECT and CHANGEDSINCE ask without a walk over placements
 *
 * A row of table U says of 8192 UIDs which of them have a placement: as up to 256 runs (first and last u16 in the block)
 * or, with more of them, as a bitmap; and the highest MODSEQ a placement of the block ever had. A block whose messages
 * are all gone keeps its row, so that no order of replay shows in it.
 */
#include "storage/meta/catalog_priv.h"

#define BLOCK    8192U
#define WORDS    (BLOCK / 64)
#define RUNS_MAX 256U
#define ROW_MAX  (9 + WORDS * 8)

enum { FORM_RUNS = 0, FORM_BITMAP = 1 };

typedef struct block {
    uint64_t modseq;
    uint64_t bits[WORDS];
} block;

static void
block_key(av_meta_key *key, const uint8_t *guid, uint32_t number)
{
    av_meta_key_init(key, 'U');
    av_meta_key_bytes(key, av_span_of(guid, AV_GUID_SIZE));
    av_meta_key_u32(key, number);
}

/* The first bit at `at` or behind it that is set, or that is not; BLOCK: there is none. */
static uint32_t
find_bit(const block *self, uint32_t at, bool set)
{
    while (at < BLOCK) {
        uint64_t word = (set ? self->bits[at / 64] : ~self->bits[at / 64]) >> (at % 64);

        if (word != 0)
            return at + (uint32_t)__builtin_ctzll(word);
        at = (at / 64 + 1) * 64;
    }
    return BLOCK;
}

static void
set_bits(block *self, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++)
        self->bits[i / 64] |= 1ULL << (i % 64);
}

static uint32_t
count_runs(const block *self)
{
    uint32_t n = 0;

    for (uint32_t at = find_bit(self, 0, true); at < BLOCK; at = find_bit(self, find_bit(self, at, false), true))
        n++;
    return n;
}

static void
put_runs(const block *self, av_buf *out)
{
    uint32_t end;

    for (uint32_t at = find_bit(self, 0, true); at < BLOCK; at = find_bit(self, end, true)) {
        end = find_bit(self, at, false);
        (void)av_buf_put_u16(out, (uint16_t)at);
        (void)av_buf_put_u16(out, (uint16_t)(end - 1));
    }
}

static void
encode(const block *self, av_buf *out)
{
    bool runs = count_runs(self) <= RUNS_MAX;

    av_buf_clear(out);
    (void)av_buf_put_u64(out, self->modseq);
    (void)av_buf_put_u8(out, runs ? FORM_RUNS : FORM_BITMAP);
    if (runs) {
        put_runs(self, out);
        return;
    }
    for (size_t i = 0; i < WORDS; i++)
        (void)av_buf_put_u64(out, self->bits[i]);
}

static bool
decode(av_span row, block *ret)
{
    uint16_t first = 0, last = 0;
    uint8_t form = 0;

    *ret = (block){ 0 };
    if (!av_span_get_u64(&row, &ret->modseq) || !av_span_get_u8(&row, &form) || form > FORM_BITMAP)
        return false;
    for (size_t i = 0; form == FORM_BITMAP && i < WORDS; i++) {
        if (!av_span_get_u64(&row, &ret->bits[i]))
            return false;
    }
    while (form == FORM_RUNS && row.n > 0) {
        if (!av_span_get_u16(&row, &first) || !av_span_get_u16(&row, &last) || first > last || last >= BLOCK)
            return false;
        set_bits(ret, first, last);
    }
    return row.n == 0;
}

static av_errc
damaged(av_error *err)
{
    return av_error_set(err, AV_ERR_CORRUPT, "catalog: a row of UIDs is damaged");
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static av_errc
change(av_catalog *self, const uint8_t *guid, uint32_t uid, uint64_t modseq, bool there, av_error *err)
{
    block b = { 0 };
    av_meta_key key;
    av_errc rc;

    block_key(&key, guid, uid / BLOCK);
    rc = av_meta_get(av_meta_writer(self->meta), av_meta_key_span(&key), &self->row, err);
    if (rc == AV_OK && !decode(av_buf_span(&self->row), &b))
        return damaged(err);
    if (rc != AV_OK && rc != AV_ERR_NOT_FOUND)
        return rc;
    b.modseq = AV_MAX(b.modseq, modseq);
    b.bits[uid % BLOCK / 64] &= ~(1ULL << (uid % 64));
    if (there)
        set_bits(&b, uid % BLOCK, uid % BLOCK);
    encode(&b, &self->row);
    av_meta_put(self->meta, av_meta_key_span(&key), av_buf_span(&self->row));
    return AV_OK;
}

av_errc
catalog_uid_put(av_catalog *self, const uint8_t *guid, uint32_t uid, uint64_t modseq, av_error *err)
{
    return change(self, guid, uid, modseq, true, err);
}

av_errc
catalog_uid_take(av_catalog *self, const uint8_t *guid, uint32_t uid, av_error *err)
{
    return change(self, guid, uid, 0, false, err);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

av_catalog_iter *
av_catalog_uid_runs(
    const av_meta_view *view, const uint8_t guid[AV_GUID_SIZE], uint32_t from_uid, uint64_t changed_since)
{
    av_catalog_iter *self;
    av_meta_key prefix, from;

    block_key(&from, guid, from_uid / BLOCK);
    prefix = from;
    prefix.n -= 4;
    self = catalog_iter_new(view, av_meta_key_span(&prefix), av_meta_key_span(&from));
    self->by = CATALOG_BY_BLOCK;
    self->from_uid = from_uid;
    self->changed_since = changed_since;
    return self;
}

/* The next block with runs that may be wanted; they stand in row then, as u16 pairs. */
static bool
next_block(av_catalog_iter *self)
{
    av_span key, value;
    block b;

    while (self->error.code == AV_OK && av_meta_iter_next(self->it, &key, &value)) {
        if (key.n != 1 + AV_GUID_SIZE + 4 || !decode(value, &b))
            return catalog_iter_damaged(self, "a row of UIDs");
        if (self->changed_since > 0 && b.modseq <= self->changed_since)
            continue;
        self->block_uid = (uint32_t)av_meta_key_read(key.p + 1 + AV_GUID_SIZE, 4) * BLOCK;
        av_buf_clear(&self->row);
        put_runs(&b, &self->row);
        self->uids = av_buf_span(&self->row);
        if (self->uids.n > 0)
            return true;
    }
    return false;
}

/* One run of one block. */
static bool
next_piece(av_catalog_iter *self, av_uid_run *ret)
{
    uint16_t first = 0, last = 0;

    for (;;) {
        while (av_span_get_u16(&self->uids, &first) && av_span_get_u16(&self->uids, &last)) {
            if (self->block_uid + last < self->from_uid)
                continue;
            *ret = (av_uid_run){ AV_MAX(self->block_uid + first, self->from_uid), self->block_uid + last };
            return true;
        }
        if (!next_block(self))
            return false;
    }
}

bool
av_catalog_next_uid_run(av_catalog_iter *self, av_uid_run *ret)
{
    av_uid_run more;

    assert(self->by == CATALOG_BY_BLOCK);
    if (self->has_run)
        *ret = self->uid_run;
    else if (!next_piece(self, ret))
        return false;
    self->has_run = false;
    while (next_piece(self, &more)) {
        if (more.first != ret->last + 1) {
            self->uid_run = more;
            self->has_run = true;
            break;
        }
        ret->last = more.last; /* goes on in the next block */
    }
    return self->error.code == AV_OK;
}
