/*
 * zip.c - see zip.h
 */
#include "actors/extract/zip.h"

#define EOCD_BYTES    22
#define CENTRAL_BYTES 46
#define LOCAL_BYTES   30
#define COMMENT_MAX   65535

static uint16_t
u16_at(av_span s, size_t at)
{
    return (uint16_t)(s.p[at] | s.p[at + 1] << 8);
}

static uint32_t
u32_at(av_span s, size_t at)
{
    return (uint32_t)u16_at(s, at) | (uint32_t)u16_at(s, at + 2) << 16;
}

static uint64_t
u64_at(av_span s, size_t at)
{
    return (uint64_t)u32_at(s, at) | (uint64_t)u32_at(s, at + 4) << 32;
}

/* 4.3.16: the end record, looked for backwards because a comment follows it. */
static bool
find_end(av_span bytes, size_t *ret)
{
    size_t lowest = bytes.n > EOCD_BYTES + COMMENT_MAX ? bytes.n - EOCD_BYTES - COMMENT_MAX : 0;

    if (bytes.n < EOCD_BYTES)
        return false;
    for (size_t at = bytes.n - EOCD_BYTES + 1; at-- > lowest;)
        if (memcmp(bytes.p + at, "PK\5\6", 4) == 0) {
            *ret = at;
            return true;
        }
    return false;
}

/* 4.5.3: sizes and offset that did not fit, in this order. */
static void
zip64_fields(av_span extra, uint32_t unpacked, av_zip_entry *entry)
{
    while (extra.n >= 4) {
        uint16_t id = u16_at(extra, 0), n = u16_at(extra, 2);
        av_span field;

        if (n > extra.n - 4)
            return;
        field = av_span_slice(extra, 4, 4 + (size_t)n);
        extra = av_span_skip(extra, 4 + (size_t)n);
        if (id != 1)
            continue;
        if (unpacked == UINT32_MAX && field.n >= 8)
            field = av_span_skip(field, 8);
        if (entry->packed == UINT32_MAX && field.n >= 8) {
            entry->packed = u64_at(field, 0);
            field = av_span_skip(field, 8);
        }
        if (entry->at == UINT32_MAX && field.n >= 8)
            entry->at = u64_at(field, 0);
        return;
    }
}

/* One record of the central directory (4.3.12) off the front of *in. */
static bool
take_entry(av_span *in, av_zip_entry *ret)
{
    size_t name_n, extra_n, all;

    if (in->n < CENTRAL_BYTES || memcmp(in->p, "PK\1\2", 4) != 0)
        return false;
    name_n = u16_at(*in, 28);
    extra_n = u16_at(*in, 30);
    all = CENTRAL_BYTES + name_n + extra_n + u16_at(*in, 32);
    if (all > in->n)
        return false;
    *ret = (av_zip_entry){ .name = av_span_slice(*in, CENTRAL_BYTES, CENTRAL_BYTES + name_n),
        .packed = u32_at(*in, 20),
        .at = u32_at(*in, 42),
        .method = u16_at(*in, 10),
        .flags = u16_at(*in, 8) };
    zip64_fields(av_span_slice(*in, CENTRAL_BYTES + name_n, CENTRAL_BYTES + name_n + extra_n), u32_at(*in, 24), ret);
    *in = av_span_skip(*in, all);
    return true;
}

/* Where the central directory begins; with ZIP64 the end record says -1, and its own record stands before it
 * (4.3.14). */
static uint64_t
directory_at(av_span bytes, size_t end)
{
    uint64_t at = u32_at(bytes, end + 16);
    uint64_t record;

    if (at != UINT32_MAX || end < 20 || memcmp(bytes.p + end - 20, "PK\6\7", 4) != 0)
        return at;
    record = u64_at(bytes, end - 20 + 8);
    if (record > bytes.n || bytes.n - record < 56 || memcmp(bytes.p + record, "PK\6\6", 4) != 0)
        return at;
    return u64_at(bytes, (size_t)record + 48);
}

/* How much was put before the file after it was written (a program that unpacks it): the directory ends where the
 * end record begins, so its size tells. */
static uint64_t
shift_of(av_span bytes, size_t end, uint64_t at)
{
    uint64_t size = u32_at(bytes, end + 12), from = size <= end ? end - size : 0;

    if (size < CENTRAL_BYTES || from < at || memcmp(bytes.p + from, "PK\1\2", 4) != 0)
        return 0;
    return from - at;
}

av_errc
av_zip_open(av_span bytes, av_zip *ret, av_error *err)
{
    av_zip zip = { .bytes = bytes };
    av_zip_entry entry;
    av_span directory;
    size_t cap = 0, end;
    uint64_t at, shift;

    if (!find_end(bytes, &end))
        return av_error_set(err, AV_ERR_CORRUPT, "is cut short: its directory is missing");
    at = directory_at(bytes, end);
    if (at > end)
        return av_error_set(err, AV_ERR_CORRUPT, "has a broken directory");
    shift = shift_of(bytes, end, at);
    directory = av_span_slice(bytes, (size_t)(at + shift), end);
    while (take_entry(&directory, &entry)) {
        if (zip.count == AV_ZIP_ENTRIES_MAX) {
            zip.cut = true;
            break;
        }
        if (zip.count == cap) {
            cap = cap == 0 ? 32 : cap * 2;
            zip.entries = av_xrealloc(zip.entries, cap * sizeof entry);
        }
        if (zip.count == 0 && entry.at < at && bytes.n - entry.at >= LOCAL_BYTES &&
            memcmp(bytes.p + entry.at, "PK\3\4", 4) == 0)
            shift = 0; /* only the end record is wrong */
        zip.entries[zip.count] = entry;
        zip.entries[zip.count++].at += shift;
    }
    if (zip.count == 0 && u16_at(bytes, end + 10) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "has a broken directory");
    *ret = zip;
    return AV_OK;
}

void
av_zip_release(av_zip *self)
{
    free(self->entries);
    *self = (av_zip){ 0 };
}

bool
av_zip_name_is(av_span name, const char *want)
{
    if (name.n > 0 && (name.p[0] == '/' || name.p[0] == '\\'))
        name = av_span_skip(name, 1);
    for (; name.n > 0 && *want != '\0'; want++, name = av_span_skip(name, 1)) {
        uint8_t c = name.p[0] == '\\' ? '/' : name.p[0], w = (uint8_t)*want;

        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 32);
        if (w >= 'A' && w <= 'Z')
            w = (uint8_t)(w + 32);
        if (c != w)
            return false;
    }
    return name.n == 0 && *want == '\0';
}

const av_zip_entry *
av_zip_find(const av_zip *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (av_zip_name_is(self->entries[i].name, name))
            return &self->entries[i];
    return NULL;
}

bool
av_zip_encrypted(const av_zip_entry *entry)
{
    return (entry->flags & 1) != 0;
}

av_errc
av_zip_read(const av_zip *self, const av_zip_entry *entry, av_job *job, av_sink_fn *sink, void *ctx, av_error *err)
{
    av_span bytes = self->bytes, data;
    size_t at = (size_t)entry->at;

    if (av_zip_encrypted(entry))
        return av_error_set(err, AV_ERR_CORRUPT, "is encrypted");
    if (entry->at > bytes.n || bytes.n - at < LOCAL_BYTES || memcmp(bytes.p + at, "PK\3\4", 4) != 0)
        return av_error_set(err, AV_ERR_CORRUPT, "has a broken entry");
    at += LOCAL_BYTES + (size_t)u16_at(bytes, at + 26) + u16_at(bytes, at + 28);
    if (at > bytes.n)
        return av_error_set(err, AV_ERR_CORRUPT, "is cut short");
    data = av_span_slice(bytes, at, at + (size_t)AV_MIN(entry->packed, (uint64_t)(bytes.n - at)));
    if (entry->method == 8)
        return av_inflate(job, AV_INFLATE_RAW, data, sink, ctx, err);
    if (entry->method != 0)
        return av_error_set(err, AV_ERR_UNSUPPORTED, "has an entry compressed by method %u", entry->method);
    if (av_job_unpacked(job, data.n, err) != AV_OK)
        return err->code;
    (void)sink(ctx, data);
    return AV_OK;
}
