/*
 * test_scan.c - a log built by hand, read in order: all of it, from each commit, and nothing that was changed
 */
#include "tests/storage/container/log_help.h"

static test_log
some_log(uint64_t seed, uint32_t max_bytes)
{
    test_log log = log_new(seed);

    for (int c = 0; c < 3; c++) {
        for (int g = 0; g < 4; g++)
            log_group(&log, 1 + log_roll_dice(&log, 7), max_bytes);
        if (c < 2)
            log_begin_container(&log);
    }
    return log;
}

static void
test_reads_all(void)
{
    static const uint32_t sizes[] = { 100, 3000, 300000 };

    for (size_t i = 0; i < AV_COUNT(sizes); i++) {
        test_log log = some_log(i, sizes[i]);
        av_container_files *files = log_files(&log, 0);

        log_check_scan(&log, files, 0);
        for (size_t k = 0; k < log.n; k++)
            if (log.records[k].kind == AV_RECORD_COMMIT)
                log_check_scan(&log, files, k + 1);
        av_container_files_destroy(&files);
        log_remove(&log);
    }
}

/* Bodies larger than the window, and a segmented one of which only the end is handed out. */
static void
test_large_bodies(void)
{
    test_log log = log_new(9);
    av_container_files *files;

    (void)log_put(&log, AV_RECORD_EVENTS, 0, 700000);
    (void)log_put(&log, AV_RECORD_MESSAGE, AV_RECORD_ONE_PIECE, 1200000);
    (void)log_put(&log, AV_RECORD_MESSAGE, 0, 5000000);
    (void)log_put(&log, AV_RECORD_PART, 0, AV_SCAN_TAIL + 1);
    (void)log_commit(&log);
    files = log_files(&log, 0);
    log_check_scan(&log, files, 0);
    av_container_files_destroy(&files);
    log_remove(&log);
}

static void
test_every_flipped_byte(void)
{
    test_log log = some_log(4, 40);
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 1, 0);
    uint64_t size = 0;
    int fd = -1;
    av_error err;

    AV_CHECK_RC(av_file_open(path, O_RDONLY, 0, &fd, &err), AV_OK, &err);
    AV_CHECK_RC(av_file_size(fd, &size, &err), AV_OK, &err);
    av_file_close(&fd);
    AV_CHECK_RC(log_scan_all(&log, &err), AV_OK, &err);
    for (uint64_t at = 0; at < size; at++) {
        av_check_row = (long)at;
        log_flip(path, at, (uint8_t)(1U << at % 8));
        AV_CHECK(log_scan_all(&log, &err) != AV_OK);
        log_flip(path, at, (uint8_t)(1U << at % 8));
    }
    av_check_row = -1;
    log.key[0] ^= 1; /* all checksums are right, the commits' tags are not */
    AV_CHECK_RC(log_scan_all(&log, &err), AV_ERR_CORRUPT, &err);
    log_remove(&log);
}

/* What a tampering hand with all checksums right could try; the tag or the order tells. */
static void
test_sound_but_wrong(void)
{
    for (int i = 0; i < 7; i++) {
        test_log log = log_new(5);
        av_error err;

        av_check_row = i;
        log_group(&log, 3, 50);
        (void)log_put(&log, AV_RECORD_PART, 0, 50);
        (void)log_put(&log, AV_RECORD_PART, 0, 50);
        if (i == 0)
            log.slot -= 1; /* a slot used twice */
        if (i == 1)
            log.slot = 0; /* the commit gives slots free that are used */
        if (i == 2)
            log.count++;
        if (i == 3)
            log.first_lsn++;
        if (i == 4)
            log.chain.group++; /* a group left out */
        if (i == 0)
            (void)log_put(&log, AV_RECORD_PART, 0, 50);
        if (i == 5) { /* records of compacted containers in one as first written */
            uint8_t *bytes = calloc(1, AV_RECORD_HEADER + 40);
            av_record_header h = { .kind = AV_RECORD_DROPPED, .length = 40 };

            bytes[AV_RECORD_HEADER] = 36;
            bytes[AV_RECORD_HEADER + 4] = 1;
            (void)log_write(&log, &h, bytes);
        }
        (void)log_commit(&log);
        AV_CHECK_RC(log_scan_all(&log, &err), i == 6 ? AV_OK : AV_ERR_CORRUPT, &err);
        log_remove(&log);
    }
    av_check_row = -1;
}

static void
test_gaps_of_slots(void)
{
    test_log log = log_new(6);
    av_error err;

    log_group(&log, 3, 50);
    log.slot += 5; /* a writer may leave some out */
    log_group(&log, 3, 50);
    AV_CHECK_RC(log_scan_all(&log, &err), AV_OK, &err);
    log_remove(&log);
}

static void
test_missing_and_strange_containers(void)
{
    test_log log = some_log(7, 100);
    AV_CLEANUP(av_free) char *second = av_container_path(log.dir, 2, 0);
    AV_CLEANUP(av_free) char *third = av_container_path(log.dir, 3, 0);
    av_container_files *files;
    av_error err;

    AV_CHECK_INT(rename(third, second), 0); /* number and chain are wrong */
    AV_CHECK_RC(log_scan_all(&log, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_INT(rename(second, third), 0);
    files = log_files(&log, 0);
    AV_CHECK_INT(av_container_files_missing(files), 2);
    AV_CHECK_INT(av_container_files_highest(files), 3);
    av_container_files_destroy(&files);
    AV_CHECK_RC(log_scan_all(&log, &err), AV_ERR_CORRUPT, &err);
    log_remove(&log);
}

/* The last container ends anywhere: what is whole counts, and only a later group proves damage. */
static void
test_torn_tail(void)
{
    test_log log = log_new(8);
    uint64_t ends[3], last;

    for (int i = 0; i < 3; i++) {
        log_group(&log, 3, 60);
        ends[i] = log.at;
    }
    last = log.at;
    for (uint64_t size = last; size >= AV_CONTAINER_HEADER; size--) {
        av_container_files *files;
        av_scan *scan = NULL;
        av_record_header h;
        av_span body;
        bool end = false, later = true;
        uint64_t good = AV_CONTAINER_HEADER;
        av_error err;

        av_check_row = (long)size;
        AV_CHECK_INT(ftruncate(log.fd, (off_t)size), 0);
        files = log_files(&log, 0);
        for (int i = 0; i < 3; i++)
            if (ends[i] <= size)
                good = ends[i];
        AV_CHECK_RC(av_scan_new(files, log.key, &scan, &err), AV_OK, &err);
        while (av_scan_next(scan, &h, &body, &end, &err) == AV_OK && !end)
            ;
        AV_CHECK_INT(av_lsn_offset(av_scan_chain_end(scan)), good);
        AV_CHECK_RC(av_scan_find_later_group(scan, &later, &err), AV_OK, &err);
        AV_CHECK(!later);
        av_scan_destroy(&scan);
        av_container_files_destroy(&files);
    }
    av_check_row = -1;
    log_remove(&log);
}

static void
test_later_group(void)
{
    test_log log = log_new(8);
    AV_CLEANUP(av_free) char *path = av_container_path(log.dir, 1, 0);
    uint64_t ends[3];

    for (int i = 0; i < 3; i++) {
        log_group(&log, 3, 60);
        ends[i] = log.at;
    }
    for (uint64_t at = AV_CONTAINER_HEADER; at < ends[2]; at++) {
        av_container_files *files;
        av_scan *scan = NULL;
        av_record_header h;
        av_span body;
        bool end = false, later = false;
        av_error err;

        av_check_row = (long)at;
        log_flip(path, at, 4);
        files = log_files(&log, 0);
        AV_CHECK_RC(av_scan_new(files, log.key, &scan, &err), AV_OK, &err);
        while (av_scan_next(scan, &h, &body, &end, &err) == AV_OK && !end)
            ;
        AV_CHECK(!end);
        AV_CHECK_RC(av_scan_find_later_group(scan, &later, &err), AV_OK, &err);
        AV_CHECK_INT(later, at < ends[1]);
        av_scan_destroy(&scan);
        av_container_files_destroy(&files);
        log_flip(path, at, 4);
    }
    av_check_row = -1;
    log_remove(&log);
}

/* The writer goes on while somebody reads: in the same container, then in the next. */
static void
test_log_that_grows(void)
{
    test_log log = log_new(12);
    av_container_files *files;
    av_scan *scan = NULL;
    size_t n = 0;
    bool end = false;
    av_error err;

    log_group(&log, 3, 100);
    files = log_files(&log, 0);
    AV_CHECK_RC(av_scan_new(files, log.key, &scan, &err), AV_OK, &err);
    while (!end) {
        av_record_header h;
        av_span body;

        if (!AV_CHECK(av_scan_next(scan, &h, &body, &end, &err) == AV_OK))
            break;
        if (n++ == 0) {
            log_group(&log, 3, 100);
            log_begin_container(&log);
            av_container_files_add(files, 2);
            log_group(&log, 3, 100);
        }
    }
    AV_CHECK_INT(n - 1, log.n);
    AV_CHECK_INT(av_scan_chain(scan)->commit_lsn, log.chain.commit_lsn);
    av_scan_destroy(&scan);
    av_container_files_destroy(&files);
    log_remove(&log);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_reads_all);
    AV_RUN(test_large_bodies);
    AV_RUN(test_every_flipped_byte);
    AV_RUN(test_sound_but_wrong);
    AV_RUN(test_gaps_of_slots);
    AV_RUN(test_missing_and_strange_containers);
    AV_RUN(test_torn_tail);
    AV_RUN(test_later_group);
    AV_RUN(test_log_that_grows);
    return av_check_done();
}
