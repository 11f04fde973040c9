/*
 * cfb.c - see cfb.h
 */
#include "actors/extract/cfb.h"

#include "base/unicode.h"

#define HEADER_BYTES 512
#define ENTRY_BYTES  128
#define MINI_BYTES   64
#define END_OF_CHAIN 0xFFFFFFFAu /* this and above: no sector */
#define HEADER_FATS  109

static uint32_t
u32_at(av_span s, size_t at)
{
    return (uint32_t)s.p[at] | (uint32_t)s.p[at + 1] << 8 | (uint32_t)s.p[at + 2] << 16 | (uint32_t)s.p[at + 3] << 24;
}

/* Sector n; empty when the file ends before it. A last sector may be short. */
static av_span
sector(const av_cfb *self, uint32_t n)
{
    uint64_t at = ((uint64_t)n + 1) * self->sector_bytes;

    if (at >= self->bytes.n)
        return (av_span){ 0 };
    return av_span_slice(self->bytes, (size_t)at, (size_t)AV_MIN(at + self->sector_bytes, (uint64_t)self->bytes.n));
}

static uint32_t
next_in(const av_buf *table, uint32_t n)
{
    return (uint64_t)n * 4 + 4 > table->n ? END_OF_CHAIN : u32_at(av_buf_span(table), (size_t)n * 4);
}

/* Append a chain of sectors, at most `most` bytes of it. false: it has less than that. */
static bool
read_chain(const av_cfb *self, uint32_t first, uint64_t most, av_buf *out)
{
    uint64_t left_sectors = self->bytes.n / self->sector_bytes + 1;

    for (uint32_t n = first; n < END_OF_CHAIN && most > 0 && left_sectors-- > 0; n = next_in(&self->fat, n)) {
        av_span s = sector(self, n);

        if (s.n == 0)
            return false;
        s.n = (size_t)AV_MIN((uint64_t)s.n, most);
        if (!av_buf_append_span(out, s))
            return false;
        most -= s.n;
    }
    return most == 0;
}

/* 2.3 and 2.5: the FAT's own sectors are listed in the header and, beyond 109, in a chain of DIFAT sectors. */
static void
read_fat(av_cfb *self)
{
    uint32_t difat = u32_at(self->bytes, 68), per = (uint32_t)(self->sector_bytes / 4 - 1);
    uint64_t left = self->bytes.n / self->sector_bytes + 1;

    for (size_t i = 0; i < HEADER_FATS; i++) {
        uint32_t n = u32_at(self->bytes, 76 + i * 4);

        if (n < END_OF_CHAIN && self->fat.n / self->sector_bytes < left)
            (void)av_buf_append_span(&self->fat, sector(self, n));
    }
    for (; difat < END_OF_CHAIN && left-- > 0;) {
        av_span s = sector(self, difat);

        if (s.n < self->sector_bytes)
            return;
        for (uint32_t i = 0; i < per; i++) {
            uint32_t n = u32_at(s, (size_t)i * 4);

            if (n < END_OF_CHAIN && self->fat.n <= self->bytes.n)
                (void)av_buf_append_span(&self->fat, sector(self, n));
        }
        difat = u32_at(s, (size_t)per * 4);
    }
}

/* 2.6.1: a directory entry. Its name is UTF-16. */
static void
read_entry(av_span s, bool has_64_bits, av_cfb_entry *ret)
{
    size_t units = (size_t)(s.p[64] | s.p[65] << 8) / 2, n = 0;
    uint64_t high = has_64_bits ? u32_at(s, 124) : 0;

    for (size_t i = 0; i + 1 < units && i < 31; i++) {
        uint32_t c = (uint32_t)s.p[i * 2] | (uint32_t)s.p[i * 2 + 1] << 8;

        ret->name[n++] = c < 0x80 ? (char)c : '?';
    }
    ret->name[n] = '\0';
    ret->is_stream = s.p[66] == 2;
    ret->is_storage = s.p[66] == 1 || s.p[66] == 5;
    ret->start = u32_at(s, 116);
    ret->size = (uint64_t)u32_at(s, 120) | high << 32;
    ret->parent = AV_CFB_NONE;
}

/* Give each entry its parent: from every storage's child through the tree of its siblings. Each entry once. */
static void
link_entries(av_cfb *self, av_span directory)
{
    uint32_t *waiting = av_xalloc(((size_t)self->count + 1) * 2 * sizeof *waiting); /* pairs: entry, parent */
    bool *seen = av_xcalloc(self->count, sizeof *seen);
    size_t n = 0;

    waiting[n++] = u32_at(directory, 76);
    waiting[n++] = AV_CFB_ROOT;
    seen[AV_CFB_ROOT] = true;
    while (n > 0) {
        uint32_t parent = waiting[--n], entry = waiting[--n];
        uint32_t to[3];

        if (entry >= self->count || seen[entry])
            continue;
        seen[entry] = true;
        self->entries[entry].parent = parent;
        for (size_t i = 0; i < 3; i++)
            to[i] = u32_at(directory, (size_t)entry * ENTRY_BYTES + 68 + i * 4); /* left, right, child */
        for (size_t i = 0; i < 3; i++)
            if (to[i] < self->count && !seen[to[i]] && n + 2 <= ((size_t)self->count + 1) * 2) {
                waiting[n++] = to[i];
                waiting[n++] = i == 2 ? entry : parent;
            }
    }
    free(seen);
    free(waiting);
}

static av_errc
read_directory(av_cfb *self, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf directory = { 0 };
    bool has_64_bits = self->sector_bytes == 4096;

    av_buf_init(&directory, (size_t)AV_CFB_ENTRIES_MAX * ENTRY_BYTES);
    (void)read_chain(self, u32_at(self->bytes, 48), UINT64_MAX, &directory);
    if (directory.full)
        return av_error_set(err, AV_ERR_LIMIT, "has more than %d streams", AV_CFB_ENTRIES_MAX);
    self->count = (uint32_t)(directory.n / ENTRY_BYTES);
    if (self->count == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "is cut short: its directory is missing");
    self->entries = av_xcalloc(self->count, sizeof *self->entries);
    for (uint32_t i = 0; i < self->count; i++)
        read_entry(av_span_slice(av_buf_span(&directory), (size_t)i * ENTRY_BYTES, (size_t)(i + 1) * ENTRY_BYTES),
            has_64_bits, &self->entries[i]);
    link_entries(self, av_buf_span(&directory));
    return AV_OK;
}

static av_errc
open_file(av_cfb *self, av_error *err)
{
    av_span bytes = self->bytes;
    unsigned shift;
    av_errc rc;

    if (bytes.n < HEADER_BYTES || memcmp(bytes.p, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "is cut short");
    shift = (unsigned)(bytes.p[30] | bytes.p[31] << 8);
    if (shift != 9 && shift != 12)
        return av_error_set(err, AV_ERR_CORRUPT, "has a broken header");
    self->sector_bytes = (size_t)1 << shift;
    self->cutoff = u32_at(bytes, 56);
    read_fat(self);
    rc = read_directory(self, err);
    if (rc != AV_OK)
        return rc;
    (void)read_chain(self, u32_at(bytes, 60), UINT64_MAX, &self->mini_fat);
    (void)read_chain(self, self->entries[AV_CFB_ROOT].start, self->entries[AV_CFB_ROOT].size, &self->mini);
    return AV_OK;
}

av_errc
av_cfb_open(av_span bytes, av_cfb *ret, av_error *err)
{
    av_cfb self = { .bytes = bytes };
    av_errc rc;

    av_buf_init(&self.fat, bytes.n + 4096);
    av_buf_init(&self.mini_fat, bytes.n + 4096);
    av_buf_init(&self.mini, bytes.n + 4096);
    rc = open_file(&self, err);
    if (rc != AV_OK) {
        av_cfb_release(&self);
        return rc;
    }
    *ret = self;
    return AV_OK;
}

void
av_cfb_release(av_cfb *self)
{
    av_buf_release(&self->fat);
    av_buf_release(&self->mini_fat);
    av_buf_release(&self->mini);
    free(self->entries);
    *self = (av_cfb){ 0 };
}

uint32_t
av_cfb_find(const av_cfb *self, uint32_t parent, const char *name)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->entries[i].parent == parent && av_span_ieq_str(av_span_str(self->entries[i].name), name))
            return i;
    return AV_CFB_NONE;
}

/* 2.4: streams below the cutoff lie in 64-byte pieces of the mini stream. */
static bool
read_mini(const av_cfb *self, uint32_t first, uint64_t most, av_buf *out)
{
    uint64_t left = self->mini.n / MINI_BYTES + 1;

    for (uint32_t n = first; n < END_OF_CHAIN && most > 0 && left-- > 0; n = next_in(&self->mini_fat, n)) {
        uint64_t at = (uint64_t)n * MINI_BYTES;
        size_t piece = (size_t)AV_MIN(most, (uint64_t)MINI_BYTES);

        if (at + piece > self->mini.n || !av_buf_append(out, self->mini.p + at, piece))
            return false;
        most -= piece;
    }
    return most == 0;
}

av_errc
av_cfb_read(const av_cfb *self, uint32_t entry, av_buf *out, av_error *err)
{
    const av_cfb_entry *e;
    bool whole;

    assert(entry < self->count);
    e = &self->entries[entry];
    whole = e->size < self->cutoff ? read_mini(self, e->start, e->size, out) : read_chain(self, e->start, e->size, out);
    if (out->full)
        return av_error_set(err, AV_ERR_LIMIT, "has a stream that is too large");
    return whole ? AV_OK : av_error_set(err, AV_ERR_CORRUPT, "is cut short, or has broken sector chains");
}
