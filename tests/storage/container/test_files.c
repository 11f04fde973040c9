/*
 * test_files.c - names and lists of containers, the place they lie in, and records by LSN from many threads
 */
#include <pthread.h>

#include "tests/storage/container/log_help.h"
#include "tests/storage/fault_ops.h"

static void
test_names(void)
{
    static const struct {
        const char *name;
        uint32_t container, generation; /* container 0: no container's name */
    } cases[] = {
        { "00000001.avc", 1, 0 },
        { "99999999.avc", 99999999, 0 },
        { "00000001-1.avc", 1, 1 },
        { "00000017-4294967295.avc", 17, UINT32_MAX },
        { "00000000.avc", 0, 0 },
        { "0000001.avc", 0, 0 },
        { "000000001.avc", 0, 0 },
        { "00000001.avc.new", 0, 0 },
        { "00000001-.avc", 0, 0 },
        { "00000001-0.avc", 0, 0 },
        { "00000001-01.avc", 0, 0 }, /* another file of the same generation */
        { "00000001-4294967296.avc", 0, 0 },
        { "00000001-99999999999999999999.avc", 0, 0 },
        { "00000001+1.avc", 0, 0 },
        { "+0000001.avc", 0, 0 },
        { "store.avs", 0, 0 },
        { ".avc", 0, 0 },
        { "", 0, 0 },
    };

    for (size_t i = 0; i < AV_COUNT(cases); i++) {
        uint32_t container = 0, generation = 0;
        char again[AV_CONTAINER_NAME];

        av_check_row = (long)i;
        AV_CHECK_INT(av_container_name_parse(cases[i].name, &container, &generation), cases[i].container > 0);
        AV_CHECK(container == cases[i].container && generation == cases[i].generation);
        if (cases[i].container == 0)
            continue;
        av_container_name(container, generation, again);
        AV_CHECK_STR(again, cases[i].name);
    }
    av_check_row = -1;
}

static void
touch(const char *dir, const char *name)
{
    AV_CLEANUP(av_free) char *path = av_xasprintf("%s/%s", dir, name);
    av_error err;

    AV_CHECK_RC(av_file_replace(path, av_span_str("x"), 0600, &err), AV_OK, &err);
}

static void
test_list(void)
{
    test_log log = log_new(1);
    av_place *place = av_place_folder_new(log.dir);
    av_container_list list = { 0 };
    av_error err;

    touch(log.dir, "00000003.avc");
    touch(log.dir, "00000003-2.avc");
    touch(log.dir, "00000003-11.avc");
    touch(log.dir, "00000002-1.avc");
    touch(log.dir, "00000005.avc");
    touch(log.dir, "00000005-1.avc.new");
    touch(log.dir, "00000006.avc.new");
    touch(log.dir, "other.new");
    touch(log.dir, "store.avs");
    AV_CHECK_RC(av_container_list_read(place, &list, &err), AV_OK, &err);
    AV_CHECK_INT(list.count, 4);
    AV_CHECK_INT(list.highest, 5);
    AV_CHECK_INT(list.missing, 4);
    AV_CHECK_INT(list.stale_count, 4);
    AV_CHECK(list.entries[1].container == 2 && list.entries[1].generation == 1);
    AV_CHECK(list.entries[2].container == 3 && list.entries[2].generation == 11);
    av_container_list_release(&list);
    av_place_destroy(&place);
    log_remove(&log);
}

/* The generation before is let go only for one that is a container of this store, whole by its trailer. */
static void
test_clean_looks_first(void)
{
    test_log log = log_new(1);
    av_container_files *files;
    AV_CLEANUP(av_free) char *good = av_container_path(log.dir, 1, 0);
    av_error err;

    log_group(&log, 3, 100);
    touch(log.dir, "00000001-1.avc");
    files = log_files(&log, 0);
    AV_CHECK_RC(av_container_files_clean(files, &err), AV_OK, &err);
    AV_CHECK(av_file_exists(good));
    av_container_files_destroy(&files);
    log_remove(&log);
}

static void
test_place(void)
{
    test_log log = log_new(1);
    av_place *place = av_place_folder_new(log.dir);
    AV_CLEANUP(av_free) char *from = av_xasprintf("%s/made", log.dir);
    av_place_file *file = NULL;
    uint64_t size = 0;
    uint8_t bytes[8];
    size_t got = 0;
    av_error err;

    AV_CHECK_RC(av_place_open(place, "a", true, &file, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK(av_place_put(place, "a", from, &err) != AV_OK);
    touch(log.dir, "made");
    AV_CHECK_RC(av_place_put(place, "a", from, &err), AV_OK, &err);
    AV_CHECK(!av_file_exists(from));
    AV_CHECK_RC(av_place_open(place, "a", true, &file, &err), AV_OK, &err);
    AV_CHECK_RC(av_place_remove(place, "a", &err), AV_OK, &err);
    AV_CHECK_RC(av_place_remove(place, "a", &err), AV_OK, &err);
    AV_CHECK_RC(av_place_size(file, &size, &err), AV_OK, &err);
    AV_CHECK_INT(size, 1);
    AV_CHECK_RC(av_place_read(file, bytes, sizeof bytes, 0, &got, &err), AV_OK, &err);
    AV_CHECK(got == 1 && bytes[0] == 'x');
    av_place_close(&file);
    av_place_destroy(&place);
    log_remove(&log);
}

static void
test_what_is_not_there(void)
{
    test_log log = log_new(1);
    av_container_files *files;
    av_record_header h;
    uint8_t bytes[200];
    size_t got = 0;
    av_error err;

    log_group(&log, 3, 100);
    files = log_files(&log, 0);
    AV_CHECK_RC(
        av_container_files_record(files, av_lsn(2, 128), &h, bytes, sizeof bytes, &got, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_container_files_record(files, av_lsn(1, log.at), &h, bytes, sizeof bytes, &got, &err),
        AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(
        av_container_files_record(files, av_lsn(1, 100), &h, bytes, sizeof bytes, &got, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(av_container_files_record(files, 0, &h, bytes, sizeof bytes, &got, &err), AV_ERR_NOT_FOUND, &err);
    AV_CHECK_RC(
        av_container_files_record(files, av_lsn(1, 129), &h, bytes, sizeof bytes, &got, &err), AV_ERR_CORRUPT, &err);
    AV_CHECK_RC(av_container_files_read(files, log.records[log.n - 1].lsn, 1, bytes, 100, &err), AV_ERR_CORRUPT, &err);
    log_begin_container(&log);
    av_container_files_add(files, 2);
    log_group(&log, 1, 10);
    log_check_reads(&log, files);
    log_check_scan(&log, files, 0);
    AV_CHECK_INT(av_container_files_highest(files), 2);
    av_container_files_drop(files, 2);
    AV_CHECK_RC(
        av_container_files_record(files, av_lsn(2, 128), &h, bytes, sizeof bytes, &got, &err), AV_ERR_NOT_FOUND, &err);
    av_container_files_destroy(&files);
    log_remove(&log);
}

/* Once a container is open a record costs one read, whatever was dropped before it. */
static void
test_one_read(void)
{
    test_log log = log_new(1);
    av_container_files *files;
    uint8_t bytes[20000];

    for (int c = 0; c < 2; c++) {
        for (int g = 0; g < 5; g++)
            log_group(&log, 9, 9000);
        log_begin_container(&log);
    }
    files = log_files(&log, 0);
    log_check_reads(&log, files);
    fault_ops_begin(&(fault_plan){ .fail_at = -1, .reads = true });
    for (size_t i = 0; i < log.n; i++) {
        av_record_header h;
        size_t got = 0;
        av_error err;

        AV_CHECK_RC(av_container_files_record(files, log.records[i].lsn, &h, bytes, 36, &got, &err), AV_OK, &err);
    }
    (void)fault_ops_end();
    AV_CHECK_INT(fault_ops_calls(), log.n);
    av_container_files_destroy(&files);
    log_remove(&log);
}

static bool
keep_some(void *ctx, uint64_t lsn, uint8_t kind)
{
    (void)kind;
    return (lsn * 2654435761U >> 7) % 100 >= *(unsigned *)ctx;
}

typedef struct shared {
    test_log *log;
    av_container_files *files;
    pthread_mutex_t lock;
    bool stop;
    unsigned long reads;
} shared;

static bool
stopped(shared *s, unsigned long reads)
{
    bool stop;

    (void)pthread_mutex_lock(&s->lock);
    stop = s->stop;
    s->reads += reads;
    (void)pthread_mutex_unlock(&s->lock);
    return stop;
}

/* Reads what it likes; a record is there with its bytes, or it was dropped. */
static void *
reader(void *arg)
{
    shared *s = arg;
    uint64_t seed = (uint64_t)(uintptr_t)&seed;
    uint8_t bytes[4096];
    unsigned long bad = 0;

    while (!stopped(s, 100)) {
        for (int i = 0; i < 100; i++) {
            const log_record *r;
            av_record_header h;
            size_t got = 0;
            av_error err;
            av_errc rc;

            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            r = &s->log->records[(seed >> 33) % s->log->n];
            rc = av_container_files_record(s->files, r->lsn, &h, bytes, sizeof bytes, &got, &err);
            bad += rc == AV_OK ? got != r->n || memcmp(bytes, r->bytes, got) != 0 : rc != AV_ERR_NOT_FOUND;
        }
        if (seed % 64 == 0)
            av_container_files_trim(s->files);
    }
    return (void *)bad;
}

static void
test_threads(void)
{
    test_log log = log_new(11);
    shared s = { .log = &log };
    pthread_t threads[3];
    av_error err;

    for (int c = 0; c < 8; c++) {
        for (int g = 0; g < 3; g++)
            log_group(&log, 9, 900);
        log_begin_container(&log);
    }
    s.files = log_files(&log, 3);
    (void)pthread_mutex_init(&s.lock, NULL);
    for (size_t i = 0; i < AV_COUNT(threads); i++)
        AV_CHECK_INT(pthread_create(&threads[i], NULL, reader, &s), 0);
    for (unsigned percent = 5; percent <= 60; percent += 5)
        for (uint32_t c = 1; c <= 8; c++) {
            av_compaction job = {
                .files = s.files, .log_key = log.key, .container = c, .ctx = &percent, .keep = keep_some
            };
            av_compaction_result result;

            AV_CHECK_RC(av_container_compact(&job, &result, &err), AV_OK, &err);
            AV_CHECK_RC(av_container_compact_finish(s.files, c, &err), AV_OK, &err);
        }
    (void)pthread_mutex_lock(&s.lock);
    s.stop = true;
    (void)pthread_mutex_unlock(&s.lock);
    for (size_t i = 0; i < AV_COUNT(threads); i++) {
        void *bad = NULL;

        (void)pthread_join(threads[i], &bad);
        AV_CHECK_INT((uintptr_t)bad, 0);
    }
    printf("    %lu reads\n", s.reads);
    (void)pthread_mutex_destroy(&s.lock);
    av_container_files_destroy(&s.files);
    log_remove(&log);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_names);
    AV_RUN(test_list);
    AV_RUN(test_clean_looks_first);
    AV_RUN(test_place);
    AV_RUN(test_what_is_not_there);
    AV_RUN(test_one_read);
    AV_RUN(test_threads);
    return av_check_done();
}
