/*
 * manifest.c - see manifest.h
 */
#include "storage/backup/manifest.h"

#include "base/clock.h"
#include "base/file.h"

#define HEAD     "archivolt backup "
#define FORMAT   1U
#define LINE_MAX 1400U

void
av_backup_manifest_release(av_backup_manifest *self)
{
    for (size_t i = 0; i < self->file_count; i++)
        free(self->files[i].path);
    free(self->files);
    free(self->stores);
    *self = (av_backup_manifest){ 0 };
}

bool
av_backup_path_valid(av_span path)
{
    size_t begin = 0;

    if (path.n == 0 || path.n > AV_BACKUP_PATH_MAX)
        return false;
    for (size_t i = 0; i <= path.n; i++) {
        av_span part;

        if (i < path.n && (path.p[i] <= ' ' || path.p[i] > '~'))
            return false;
        if (i < path.n && path.p[i] != '/')
            continue;
        part = av_span_slice(path, begin, i);
        if (part.n == 0 || av_span_eq_str(part, ".") || av_span_eq_str(part, ".."))
            return false;
        begin = i + 1;
    }
    return true;
}

static av_backup_file *
new_row(av_backup_manifest *self)
{
    if (self->file_count == self->file_cap) {
        self->file_cap = self->file_cap == 0 ? 64 : 2 * self->file_cap;
        self->files = av_xrealloc(self->files, self->file_cap * sizeof *self->files);
    }
    return &self->files[self->file_count++];
}

void
av_backup_manifest_add(av_backup_manifest *self, const char *path, uint64_t size, const uint8_t digest[AV_SHA256_SIZE])
{
    av_backup_file *row;

    assert(av_backup_path_valid(av_span_str(path)));
    row = new_row(self);
    row->path = av_xstrdup(path);
    row->size = size;
    memcpy(row->digest, digest, sizeof row->digest);
}

void
av_backup_manifest_add_store(av_backup_manifest *self, const uint8_t uuid[16], uint64_t lsn)
{
    self->stores = av_xrealloc(self->stores, (self->store_count + 1) * sizeof *self->stores);
    memcpy(self->stores[self->store_count].uuid, uuid, 16);
    self->stores[self->store_count++].lsn = lsn;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(((const av_backup_file *)a)->path, ((const av_backup_file *)b)->path);
}

void
av_backup_manifest_sort(av_backup_manifest *self)
{
    if (self->file_count > 0)
        qsort(self->files, self->file_count, sizeof *self->files, compare);
}

const av_backup_file *
av_backup_manifest_find(const av_backup_manifest *self, const char *path)
{
    av_backup_file wanted = { .path = (char *)(uintptr_t)path };

    return self->file_count == 0 ? NULL : bsearch(&wanted, self->files, self->file_count, sizeof *self->files, compare);
}

/* ---- text ---- */

bool
av_backup_manifest_format(const av_backup_manifest *self, av_buf *out)
{
    char hex[2 * AV_SHA256_SIZE + 1], date[32];
    uint8_t digest[AV_SHA256_SIZE];

    av_buf_printf(out, HEAD "%u\n", FORMAT);
    av_hex_encode(av_span_of(self->instance_uuid, 16), hex);
    av_buf_printf(out, "instance %s %s\n", hex, self->instance_id);
    av_buf_printf(out, "number %llu\n", (unsigned long long)self->number);
    av_buf_printf(out, "time %lld %s\n", (long long)self->time_ms, av_clock_format(self->time_ms, date));
    av_buf_printf(out, "program %s\n", self->program);
    for (size_t i = 0; i < self->store_count; i++) {
        av_hex_encode(av_span_of(self->stores[i].uuid, 16), hex);
        av_buf_printf(out, "store %s %llu\n", hex, (unsigned long long)self->stores[i].lsn);
    }
    for (size_t i = 0; i < self->file_count; i++) {
        av_hex_encode(av_span_of(self->files[i].digest, AV_SHA256_SIZE), hex);
        av_buf_printf(out, "%llu %s %s\n", (unsigned long long)self->files[i].size, hex, self->files[i].path);
    }
    if (out->full)
        return false;
    av_sha256(av_buf_span(out), digest);
    av_hex_encode(av_span_of(digest, sizeof digest), hex);
    return av_buf_printf(out, "end %zu %s\n", self->file_count, hex);
}

/* The next word of a line; both move. */
static av_span
word(av_span *line)
{
    size_t n = av_span_find(*line, ' ');
    av_span w = av_span_slice(*line, 0, n);

    *line = av_span_skip(*line, n < line->n ? n + 1 : n);
    return w;
}

static bool
take_instance(av_backup_manifest *ret, av_span rest)
{
    av_span uuid = word(&rest);

    if (uuid.n != 32 || !av_hex_decode(uuid, ret->instance_uuid, 16) || rest.n == 0 || rest.n > AV_BACKUP_ID_MAX ||
        !av_backup_path_valid(rest) || av_span_find(rest, '/') < rest.n)
        return false;
    memcpy(ret->instance_id, rest.p, rest.n);
    return true;
}

static bool
take_time(av_backup_manifest *ret, av_span rest)
{
    uint64_t ms = 0;

    if (!av_span_u64(word(&rest), INT64_MAX, &ms))
        return false;
    ret->time_ms = (int64_t)ms;
    return true;
}

static bool
take_program(av_backup_manifest *ret, av_span rest)
{
    if (rest.n >= sizeof ret->program || (rest.n > 0 && !av_backup_path_valid(rest)))
        return false;
    if (rest.n > 0)
        memcpy(ret->program, rest.p, rest.n);
    return true;
}

static bool
take_store(av_backup_manifest *ret, av_span rest)
{
    uint8_t uuid[16];
    av_span hex = word(&rest);
    uint64_t lsn = 0;

    if (ret->store_count >= AV_BACKUP_STORES_MAX || hex.n != 32 || !av_hex_decode(hex, uuid, 16) ||
        !av_span_u64(rest, UINT64_MAX, &lsn))
        return false;
    av_backup_manifest_add_store(ret, uuid, lsn);
    return true;
}

/* "<size> <sha-256> <path>" */
static bool
take_file(av_backup_manifest *ret, av_span size, av_span rest)
{
    uint8_t digest[AV_SHA256_SIZE];
    av_span hex = word(&rest);
    uint64_t bytes = 0;
    av_backup_file *row;

    if (ret->file_count >= AV_BACKUP_FILES_MAX || !av_span_u64(size, INT64_MAX, &bytes) || hex.n != 2 * sizeof digest ||
        !av_hex_decode(hex, digest, sizeof digest) || !av_backup_path_valid(rest))
        return false;
    row = new_row(ret);
    row->path = av_span_dup(rest);
    row->size = bytes;
    memcpy(row->digest, digest, sizeof digest);
    return true;
}

static bool
take_line(av_backup_manifest *ret, av_span line)
{
    av_span first = word(&line);

    if (av_span_eq_str(first, "instance"))
        return take_instance(ret, line);
    if (av_span_eq_str(first, "number"))
        return av_span_u64(line, INT64_MAX, &ret->number);
    if (av_span_eq_str(first, "time"))
        return take_time(ret, line);
    if (av_span_eq_str(first, "program"))
        return take_program(ret, line);
    if (av_span_eq_str(first, "store"))
        return take_store(ret, line);
    return take_file(ret, first, line);
}

static bool
take_end(const av_backup_manifest *ret, av_span line, av_span before)
{
    uint8_t digest[AV_SHA256_SIZE], said[AV_SHA256_SIZE];
    uint64_t count = 0;

    (void)word(&line);
    if (!av_span_u64(word(&line), UINT64_MAX, &count) || count != ret->file_count || line.n != 2 * sizeof said ||
        !av_hex_decode(line, said, sizeof said))
        return false;
    av_sha256(before, digest);
    return memcmp(digest, said, sizeof digest) == 0;
}

static av_errc
check_whole(av_backup_manifest *ret, av_error *err)
{
    if (ret->instance_id[0] == '\0' || ret->number == 0)
        return av_error_set(err, AV_ERR_CORRUPT, "it does not say which instance it is of");
    av_backup_manifest_sort(ret);
    for (size_t i = 1; i < ret->file_count; i++)
        if (strcmp(ret->files[i - 1].path, ret->files[i].path) == 0)
            return av_error_set(err, AV_ERR_CORRUPT, "it names %.200s twice", ret->files[i].path);
    return AV_OK;
}

av_errc
av_backup_manifest_parse(av_span text, av_backup_manifest *ret, av_error *err)
{
    AV_CLEANUP(av_backup_manifest_release) av_backup_manifest self = { 0 };
    av_span rest = text, line;
    bool ended = false;
    av_errc rc = AV_OK;

    *ret = (av_backup_manifest){ 0 };
    for (size_t number = 1; rest.n > 0; number++) {
        size_t n = av_span_find(rest, '\n');
        av_span before = av_span_of(text.p, text.n - rest.n);
        bool good;

        line = av_span_slice(rest, 0, n);
        if (number == 1 && av_span_eq_str(line, HEAD "1"))
            good = n < rest.n;
        else if (number == 1 && line.n > strlen(HEAD) && memcmp(line.p, HEAD, strlen(HEAD)) == 0)
            return av_error_set(err, AV_ERR_VERSION, "the backup was written by a newer version");
        else if (number == 1 || ended || n == rest.n || line.n > LINE_MAX)
            good = false;
        else if (line.n > 4 && memcmp(line.p, "end ", 4) == 0)
            good = ended = take_end(&self, line, before);
        else
            good = take_line(&self, line);
        if (!good)
            return av_error_set(err, AV_ERR_CORRUPT, "line %zu is damaged", number);
        rest = av_span_skip(rest, n + 1);
    }
    if (!ended)
        return av_error_set(err, AV_ERR_CORRUPT, "its end is missing");
    rc = check_whole(&self, err);
    if (rc != AV_OK)
        return rc;
    *ret = self;
    self = (av_backup_manifest){ 0 };
    return AV_OK;
}

av_errc
av_backup_manifest_load(const char *dir, const char *name, av_backup_manifest *ret, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_errc rc;

    *ret = (av_backup_manifest){ 0 };
    av_buf_init(&text, AV_BACKUP_MANIFEST_MAX);
    rc = av_file_read_all(path, &text, err);
    if (rc == AV_ERR_NOT_FOUND)
        return av_error_set(err, rc, "there is no backup in %s: it has no %s", dir, name);
    if (rc == AV_OK)
        rc = av_backup_manifest_parse(av_buf_span(&text), ret, err);
    return rc == AV_OK ? AV_OK : av_error_prefix(err, "%s", path);
}

av_errc
av_backup_manifest_save(const av_backup_manifest *self, const char *dir, const char *name, av_error *err)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };

    av_buf_init(&text, AV_BACKUP_MANIFEST_MAX);
    if (!av_backup_manifest_format(self, &text))
        return av_error_set(err, AV_ERR_LIMIT, "the backup has too many files (%zu)", self->file_count);
    return av_file_replace(path, av_buf_span(&text), 0600, err);
}
