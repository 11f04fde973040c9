/*
 * fuzz_container.c - any bytes as a sealed container: scan, reads by LSN and compaction say why not, or agree
 *
 * Some inputs are taken as they are. In others (first byte odd) they are a program that builds a container: records,
 * commits with sound tags, dropped records, map and trailer, right or slightly wrong, so that the fuzzer gets behind
 * checksums and seals.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/container/compact.h"
#include "storage/container/dropped.h"
#include "storage/container/scan.h"
#include "storage/store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[40];
static av_seal *seal;
static const uint8_t uuid[16] = { 7 }, key[32] = { 8 };

static void
clean_up(void)
{
    av_error err;

    av_seal_destroy(&seal);
    (void)av_dir_remove(dir, strncmp(dir, "/tmp", 4) == 0 ? "/tmp" : "/dev/shm", &err);
}

static void
set_up(void)
{
    av_error err;

    av_secret_init();
    av_log_init("fuzz", AV_LOG_ERROR, false);
    /* In memory, where there is such a folder: the syncs are not what is tested here. */
    (void)snprintf(dir, sizeof dir, "%s/avfuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(dir) == NULL || av_seal_new(&seal, &err) != AV_OK)
        abort();
    (void)atexit(clean_up);
}

/* --- the program that builds -------------------------------------------------------------------------------------- */

typedef struct builder {
    av_buf out, map, digests; /* digests: chain digest before, then those of the open group */
    uint32_t at;              /* offset by LSN */
    uint64_t group, first_lsn;
    uint32_t count, slot;
} builder;

static void
put_record(builder *b, av_record_header *h, av_span body)
{
    uint8_t bytes[AV_RECORD_HEADER], digest[AV_SHA256_SIZE];

    h->lsn = av_lsn(1, b->at);
    h->length = (uint32_t)body.n;
    h->body_crc = av_crc32c(0, body);
    av_record_header_encode(h, uuid, bytes);
    (void)av_buf_append(&b->out, bytes, sizeof bytes);
    (void)av_buf_append_span(&b->out, body);
    if (h->kind != AV_RECORD_MAP && h->kind != AV_RECORD_COMMIT && b->count == 0)
        b->first_lsn = h->lsn;
    if (h->kind >= AV_RECORD_DROPPED)
        return;
    b->at += AV_RECORD_HEADER + h->length;
    if (h->kind == AV_RECORD_COMMIT)
        return;
    av_record_digest(bytes, body, digest);
    (void)av_buf_append(&b->digests, digest, sizeof digest);
    b->count++;
}

static void
put_commit(builder *b)
{
    av_record_header h = { .kind = AV_RECORD_COMMIT, .group = b->group };
    av_commit_body body = { .first_lsn = b->first_lsn, .count = b->count, .next_slot = b->slot };
    uint8_t clear[AV_COMMIT_BODY], record_key[32];
    av_seal_place place = { .store_uuid = uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = h.kind,
        .last = true,
        .container = 1,
        .lsn = av_lsn(1, b->at),
        .group = b->group };
    av_error err;

    av_sha256(av_buf_span(&b->digests), body.digest);
    av_commit_body_encode(&body, clear);
    av_seal_record_key(key, h.salt, place.lsn, record_key);
    if (av_seal_piece(seal, record_key, &place, av_span_of(clear, AV_COMMIT_CLEAR), av_span_of(NULL, 0),
            clear + AV_COMMIT_CLEAR, &err) != AV_OK)
        abort();
    put_record(b, &h, av_span_of(clear, sizeof clear));
    av_buf_clear(&b->digests);
    (void)av_buf_append(&b->digests, body.digest, sizeof body.digest);
    b->group++;
    b->count = 0;
}

/* count digests of what never was; covered is the fuzzer's. */
static void
put_dropped(builder *b, uint8_t count, uint32_t covered)
{
    av_record_header h = { .kind = AV_RECORD_DROPPED, .group = b->group };
    av_drop drop = { .offset = b->at, .place = (uint32_t)b->out.n };
    uint8_t body[AV_DROPPED_CLEAR + 255 * AV_SHA256_SIZE] = { 0 }, entry[AV_DROP_MAP_ENTRY];
    size_t n = AV_DROPPED_CLEAR + (size_t)count * AV_SHA256_SIZE;

    av_dropped_encode(covered, count, body);
    if (count != 77)
        av_seal_dropped(key, uuid, av_lsn(1, b->at), b->group, av_span_of(body, n), h.salt);
    av_drop_encode(&drop, entry);
    (void)av_buf_append(&b->map, entry, sizeof entry);
    put_record(b, &h, av_span_of(body, n));
    (void)av_buf_append(&b->digests, body + AV_DROPPED_CLEAR, n - AV_DROPPED_CLEAR);
    b->count += count;
    b->at += covered;
}

static void
put_end(builder *b, uint8_t twist)
{
    av_record_header h = { .kind = AV_RECORD_MAP };
    uint8_t trailer[AV_DROP_MAP_TRAILER];
    uint32_t place = (uint32_t)b->out.n;

    if (twist % 8 == 1 && b->map.n > 0)
        b->map.p[twist % b->map.n] ^= twist;
    put_record(b, &h, av_buf_span(&b->map));
    av_drop_trailer_encode(place + (twist % 8 == 2), trailer);
    (void)av_buf_append(&b->out, trailer, sizeof trailer);
}

static void
run_op(builder *b, uint8_t op, uint8_t a, uint8_t c)
{
    static const uint8_t filler[600] = { 1, 2, 3 };
    av_record_header h = { .kind = (uint8_t)(op % 8 + 1), .group = b->group, .flags = a == 255 };

    if (op % 8 == 0 || op % 8 == 4)
        h.flags ^= a % 2;
    switch (op % 8) {
    case 3:
        if (b->count > 0 || a == 255)
            put_commit(b);
        break;
    case 6:
        put_dropped(b, a, (uint32_t)a * 36 + c);
        break;
    case 7:
        (void)av_buf_append(&b->out, &c, a == 255); /* now and then a byte that belongs to nothing */
        break;
    default:
        if (av_record_has_slot(h.kind))
            h.slot = b->slot++;
        put_record(b, &h, av_span_of(filler, 20 + (size_t)a + c));
        break;
    }
}

static void
build(const uint8_t *data, size_t size, bool compacted, av_buf *out)
{
    builder b = { .at = AV_CONTAINER_HEADER, .group = 1 };
    av_container_header header = { .container = 1, .generation = compacted };
    uint8_t bytes[AV_CONTAINER_HEADER];

    av_buf_init(&b.out, 4U << 20);
    av_buf_init(&b.map, 1U << 20);
    av_buf_init(&b.digests, 4U << 20);
    memcpy(header.store_uuid, uuid, sizeof uuid);
    av_container_header_encode(&header, bytes);
    (void)av_buf_append(&b.out, bytes, sizeof bytes);
    (void)av_buf_append(&b.digests, header.before.digest, AV_SHA256_SIZE);
    for (size_t i = 3; i + 2 < size && i < 3000; i += 3)
        run_op(&b, data[i], data[i + 1], data[i + 2]);
    if (b.count > 0)
        put_commit(&b);
    if (compacted)
        put_end(&b, size > 2 ? data[2] : 0);
    av_buf_release(&b.map);
    av_buf_release(&b.digests);
    *out = b.out;
}

/* --- what is tried ------------------------------------------------------------------------------------------------ */

/* Records found; -1 when the scan met something that does not check. */
static long
scan(av_container_files *files, uint32_t generation, av_chain *ret_chain)
{
    av_place_file *file = NULL;
    av_container_header header;
    av_scan *s = NULL;
    bool end = false;
    long n = 0;
    av_error err;

    if (av_container_files_open(files, 1, true, &file, &header, &err) != AV_OK)
        return -1;
    if (av_scan_new_one(file, 1, generation, uuid, key, &s, &err) != AV_OK)
        return -1;
    while (n >= 0 && !end) {
        av_record_header h, again;
        av_span body;
        uint8_t bytes[AV_RECORD_HEADER];
        size_t got = 0;

        if (av_scan_next(s, &h, &body, &end, &err) != AV_OK) {
            n = -1;
        } else if (!end && h.kind != AV_RECORD_DROPPED) {
            av_errc rc = av_container_files_record(files, h.lsn, &again, bytes, sizeof bytes, &got, &err);

            /* A compacted file whose end is broken gives nothing by LSN; else both agree. */
            if (rc == AV_OK ? again.body_crc != h.body_crc || again.length != h.length : generation == 0)
                abort();
            n++;
        }
    }
    if (n >= 0 && av_scan_open_records(s) > 0)
        n = -1;
    *ret_chain = *av_scan_chain(s);
    av_scan_destroy(&s);
    return n;
}

static bool
keep(void *ctx, uint64_t lsn, uint8_t kind)
{
    long *dropped = ctx;

    if (kind == AV_RECORD_COMMIT || kind == AV_RECORD_EVENTS || kind >= AV_RECORD_DROPPED)
        abort();
    *dropped += lsn % 3 != 0;
    return lsn % 3 == 0;
}

static void
exercise(uint32_t generation)
{
    av_container_files *files = NULL;
    av_compaction_result result = { 0 };
    av_compaction job = { .log_key = key, .container = 1, .keep = keep };
    av_chain chain = { 0 }, after = { 0 };
    uint8_t bytes[600];
    long records, dropped = 0;
    av_record_header h;
    size_t got;
    av_error err;

    if (av_container_files_new(dir, uuid, 0, &files, &err) != AV_OK)
        abort();
    records = scan(files, generation, &chain);
    for (uint64_t at = 0; at < 5000; at += 31)
        (void)av_container_files_record(files, av_lsn(1, at), &h, bytes, sizeof bytes, &got, &err);
    job.files = files;
    job.ctx = &dropped;
    if ((av_container_compact(&job, &result, &err) == AV_OK) != (records >= 0))
        abort();
    if (records >= 0) {
        if (scan(files, result.generation, &after) != records - dropped || memcmp(&chain, &after, sizeof chain) != 0)
            abort();
        if (av_container_compact_finish(files, 1, &err) != AV_OK)
            abort();
    }
    av_container_files_destroy(&files);
}

static void
write_file(const char *name, av_span bytes)
{
    char path[80];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(bytes.n == 0 ? (const uint8_t *)"" : bytes.p, 1, bytes.n, f) != bytes.n)
        abort();
    (void)fclose(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool compacted = size > 1 && data[1] % 2 == 1;
    av_buf built = { 0 };
    char path[80];

    if (dir[0] == '\0')
        set_up();
    if (size > 1U << 20)
        return 0;
    if (size > 0 && data[0] % 2 == 1)
        build(data, size, compacted, &built);
    write_file(
        compacted ? "00000001-1.avc" : "00000001.avc", built.n > 0 ? av_buf_span(&built) : av_span_of(data, size));
    write_file("00000002.avc", av_span_str("so that the first one is sealed"));
    exercise(compacted);
    for (unsigned g = 0; g < 3; g++) {
        char name[AV_CONTAINER_NAME];

        av_container_name(1, g, name);
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        (void)unlink(path);
    }
    av_buf_release(&built);
    return 0;
}
