/*
 * log_help.h - a log built by hand: records of random bytes in sound framing, and what was written, to compare with
 *
 * What is sealed in a store (all but commits) is random bytes here: neither scan nor compaction opens it.
 */
#ifndef AV_TESTS_LOG_HELP_H
#define AV_TESTS_LOG_HELP_H

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "storage/container/compact.h"
#include "storage/container/dropped.h"
#include "storage/container/files.h"
#include "storage/container/scan.h"
#include "storage/store/store.h"
#include "tests/check.h"

typedef struct log_record {
    uint64_t lsn;
    uint8_t kind;
    bool dropped;
    uint8_t *bytes; /* header and body */
    size_t n;
} log_record;

typedef struct test_log {
    char dir[128];
    uint8_t uuid[16], key[32];
    av_seal *seal;
    uint64_t seed;
    av_chain chain;
    uint32_t container;
    int fd;
    uint64_t at;
    uint32_t slot;
    /* the open group */
    uint64_t first_lsn;
    uint32_t count;
    av_sha256_stream *digest;
    /* all there is */
    log_record *records;
    size_t n;
} test_log;

__attribute__((unused)) static uint64_t
log_roll_dice(test_log *log, uint64_t below)
{
    log->seed = log->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (log->seed >> 33) % below;
}

__attribute__((unused)) static void
log_begin_container(test_log *log)
{
    av_container_header header = { .container = ++log->container, .before = log->chain };
    av_error err;

    av_file_close(&log->fd);
    memcpy(header.store_uuid, log->uuid, 16);
    AV_CHECK_RC(av_container_create(log->dir, &header, &log->fd, &err), AV_OK, &err);
    log->at = AV_CONTAINER_HEADER;
    log->slot = 0;
}

__attribute__((unused)) static test_log
log_new(uint64_t seed)
{
    test_log log = { .seed = seed, .fd = -1, .uuid = { 0xAB, 1 }, .key = { 0xCD, 2 } };
    av_error err;

    (void)snprintf(log.dir, sizeof log.dir, "%s/avlog-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(log.dir) == NULL) {
        perror(log.dir);
        exit(1);
    }
    AV_CHECK_RC(av_seal_new(&log.seal, &err), AV_OK, &err);
    log_begin_container(&log);
    return log;
}

__attribute__((unused)) static void
log_remove(test_log *log)
{
    av_error err;

    av_file_close(&log->fd);
    av_seal_destroy(&log->seal);
    av_sha256_stream_destroy(&log->digest);
    for (size_t i = 0; i < log->n; i++)
        free(log->records[i].bytes);
    free(log->records);
    (void)av_dir_remove(log->dir, strncmp(log->dir, "/tmp", 4) == 0 ? "/tmp" : "/dev/shm", &err);
}

/* Header in front of the body that stands at bytes + AV_RECORD_HEADER; written and noted. Takes bytes. */
__attribute__((unused)) static uint64_t
log_write(test_log *log, av_record_header *h, uint8_t *bytes)
{
    size_t n = AV_RECORD_HEADER + h->length;
    av_error err;

    h->lsn = av_lsn(log->container, log->at);
    h->group = log->chain.group + 1;
    h->body_crc = av_crc32c(0, av_span_of(bytes + AV_RECORD_HEADER, h->length));
    av_record_header_encode(h, log->uuid, bytes);
    AV_CHECK_RC(av_file_write_at(log->fd, bytes, n, log->at, &err), AV_OK, &err);
    log->at += n;
    if (log->n % 256 == 0)
        log->records = realloc(log->records, (log->n + 256) * sizeof *log->records);
    log->records[log->n++] = (log_record){ .lsn = h->lsn, .kind = h->kind, .bytes = bytes, .n = n };
    return h->lsn;
}

__attribute__((unused)) static uint64_t
log_put(test_log *log, uint8_t kind, uint8_t flags, uint32_t length)
{
    av_record_header h = { .kind = kind, .flags = flags, .length = length };
    uint8_t *bytes = malloc(AV_RECORD_HEADER + length), digest[AV_SHA256_SIZE];
    uint64_t lsn;

    for (uint32_t i = 0; i < length; i++)
        bytes[AV_RECORD_HEADER + i] = (uint8_t)log_roll_dice(log, 256);
    h.salt[0] = (uint8_t)log_roll_dice(log, 256);
    if (av_record_has_slot(kind))
        h.slot = log->slot++;
    lsn = log_write(log, &h, bytes);
    if (log->count++ == 0) {
        log->first_lsn = lsn;
        log->digest = av_sha256_stream_new();
        av_sha256_stream_update(log->digest, av_span_of(log->chain.digest, AV_SHA256_SIZE));
    }
    av_record_digest(bytes, av_span_of(bytes + AV_RECORD_HEADER, length), digest);
    av_sha256_stream_update(log->digest, av_span_of(digest, sizeof digest));
    return lsn;
}

__attribute__((unused)) static uint64_t
log_commit(test_log *log)
{
    av_record_header h = { .kind = AV_RECORD_COMMIT, .length = AV_COMMIT_BODY };
    av_commit_body body = { .first_lsn = log->first_lsn, .count = log->count, .next_slot = log->slot };
    uint8_t *bytes = malloc(AV_RECORD_HEADER + AV_COMMIT_BODY), *clear = bytes + AV_RECORD_HEADER, key[AV_SEAL_KEY];
    av_seal_place place = {
        .store_uuid = log->uuid,
        .format = AV_FORMAT_NUMBER,
        .kind = h.kind,
        .last = true,
        .container = log->container,
        .lsn = av_lsn(log->container, log->at),
        .group = log->chain.group + 1,
    };
    av_error err;

    h.salt[3] = 3;
    av_sha256_stream_finish(&log->digest, body.digest);
    av_commit_body_encode(&body, clear);
    av_seal_record_key(log->key, h.salt, place.lsn, key);
    AV_CHECK_RC(av_seal_piece(log->seal, key, &place, av_span_of(clear, AV_COMMIT_CLEAR), av_span_of(NULL, 0),
                    clear + AV_COMMIT_CLEAR, &err),
        AV_OK, &err);
    log->chain.commit_lsn = log_write(log, &h, bytes);
    log->chain.group++;
    memcpy(log->chain.digest, body.digest, AV_SHA256_SIZE);
    log->count = 0;
    return log->chain.commit_lsn;
}

/* A group of some records of all kinds, of sizes up to max_bytes. */
__attribute__((unused)) static void
log_group(test_log *log, size_t records, uint32_t max_bytes)
{
    for (size_t i = 0; i < records; i++) {
        uint32_t n = 20 + (uint32_t)log_roll_dice(log, max_bytes);

        switch (log_roll_dice(log, 6)) {
        case 0:
            (void)log_put(log, AV_RECORD_EVENTS, 0, n);
            break;
        case 1:
            (void)log_put(log, AV_RECORD_SEGMENT, 0, AV_MIN(n, AV_SEGMENT_STORED_MAX));
            break;
        case 2:
            (void)log_put(log, AV_RECORD_PART, AV_RECORD_ONE_PIECE, n);
            break;
        case 3:
            (void)log_put(log, AV_RECORD_MESSAGE, 0, n);
            break;
        case 4:
            (void)log_put(log, AV_RECORD_DICTIONARY, 0, AV_MIN(n, AV_DICTIONARY_MAX));
            break;
        default:
            (void)log_put(log, AV_RECORD_MESSAGE, AV_RECORD_ONE_PIECE, n);
            break;
        }
    }
    (void)log_commit(log);
}

__attribute__((unused)) static av_container_files *
log_files(const test_log *log, unsigned max_open)
{
    av_container_files *files = NULL;
    av_error err;

    AV_CHECK_RC(av_container_files_new(log->dir, log->uuid, max_open, &files, &err), AV_OK, &err);
    return files;
}

/* The scan finds every record that was not dropped, in order, with its very bytes; and the whole chain. */
__attribute__((unused)) static void
log_check_scan(const test_log *log, av_container_files *files, size_t from)
{
    av_scan *scan = NULL;
    size_t i = from;
    av_error err;

    AV_CHECK_RC(av_scan_new(files, log->key, &scan, &err), AV_OK, &err);
    if (from > 0)
        AV_CHECK_RC(av_scan_from(scan, log->records[from - 1].lsn, &err), AV_OK, &err);
    for (;;) {
        av_record_header h;
        av_span body = { 0 };
        bool end = false;
        const log_record *r;
        av_errc rc;

        rc = av_scan_next(scan, &h, &body, &end, &err);
        AV_CHECK_RC(rc, AV_OK, &err);
        if (rc != AV_OK || end)
            break;
        if (h.kind == AV_RECORD_DROPPED) {
            AV_CHECK(i < log->n && log->records[i].lsn == h.lsn && log->records[i].dropped);
            while (i < log->n && log->records[i].dropped)
                i++;
            continue;
        }
        if (!AV_CHECK(i < log->n))
            break;
        r = &log->records[i++];
        AV_CHECK(h.lsn == r->lsn && h.kind == r->kind && h.length == r->n - AV_RECORD_HEADER && !r->dropped);
        AV_CHECK(h.kind == AV_RECORD_SEGMENT
                     ? body.n == 0
                     : body.n == AV_MIN(h.length, h.flags & AV_RECORD_ONE_PIECE ? UINT32_MAX : AV_SCAN_TAIL) &&
                           memcmp(body.p, r->bytes + r->n - body.n, body.n) == 0);
    }
    AV_CHECK_INT(i, log->n);
    AV_CHECK_INT(av_scan_chain(scan)->commit_lsn, log->chain.commit_lsn);
    AV_CHECK_INT(av_scan_chain(scan)->group, log->chain.group);
    AV_CHECK_MEM(av_scan_chain(scan)->digest, 32, log->chain.digest, 32);
    av_scan_destroy(&scan);
}

/* Every record by its LSN: the very bytes, or gone when it was dropped. */
__attribute__((unused)) static void
log_check_reads(const test_log *log, av_container_files *files)
{
    static uint8_t bytes[512 * 1024];

    for (size_t i = 0; i < log->n; i++) {
        const log_record *r = &log->records[i];
        av_record_header h;
        size_t got = 0, want = AV_MIN(r->n, sizeof bytes);
        av_error err;
        av_errc rc = av_container_files_record(files, r->lsn, &h, bytes, sizeof bytes, &got, &err);

        if (r->dropped) {
            AV_CHECK_RC(rc, AV_ERR_NOT_FOUND, &err);
            continue;
        }
        AV_CHECK_RC(rc, AV_OK, &err);
        AV_CHECK_MEM(bytes, got, r->bytes, want);
        AV_CHECK_RC(av_container_files_read(files, r->lsn, r->n / 2, bytes, r->n - r->n / 2, &err), AV_OK, &err);
        AV_CHECK_MEM(bytes, r->n - r->n / 2, r->bytes + r->n / 2, r->n - r->n / 2);
    }
}

/* Twice: as it was. */
__attribute__((unused)) static void
log_flip(const char *path, uint64_t at, uint8_t bits)
{
    uint8_t byte = 0;
    int fd = -1;
    av_error err;

    AV_CHECK_RC(av_file_open(path, O_RDWR, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_read_at(fd, &byte, 1, at, &err), AV_OK, &err);
    byte ^= bits;
    AV_CHECK_RC(av_file_write_at(fd, &byte, 1, at, &err), AV_OK, &err);
    av_file_close(&fd);
}

/* From its first record to its last; AV_ERR_CORRUPT when it ends inside a group, too. */
__attribute__((unused)) static av_errc
log_scan_all(const test_log *log, av_error *err)
{
    av_container_files *files = log_files(log, 0);
    av_scan *scan = NULL;
    bool end = false;
    av_errc rc = av_scan_new(files, log->key, &scan, err);

    while (rc == AV_OK && !end) {
        av_record_header h;
        av_span body;

        rc = av_scan_next(scan, &h, &body, &end, err);
    }
    if (rc == AV_OK && av_scan_open_records(scan) > 0)
        rc = av_error_set(err, AV_ERR_CORRUPT, "ends inside a group");
    av_scan_destroy(&scan);
    av_container_files_destroy(&files);
    return rc;
}

#endif
