/*
 * test_index.c - an index over a log: follow, flush, merge, reopen, rebuild, purge; what it refuses and throws away
 */
#include "tests/storage/index/index_help.h"

static av_error err;

static av_index *
open_at(const char *dir)
{
    av_index_config config = index_config(dir);
    av_index *index = NULL;

    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    return index;
}

static av_index_state
state_of(av_index *index)
{
    av_index_state s;

    av_index_get_state(index, &s);
    return s;
}

static void
merge_all(av_index *index)
{
    bool more = true;

    while (more)
        if (!AV_CHECK(av_index_merge(index, NULL, NULL, &more, &err) == AV_OK)) {
            printf("    %s\n", err.msg);
            break;
        }
}

static void
digest_of(av_index *index, char ret[65])
{
    uint8_t digest[32] = { 0 };

    AV_CHECK_RC(av_index_verify(index, NULL, NULL, digest, &err), AV_OK, &err);
    av_hex_encode(av_span_of(digest, sizeof digest), ret);
}

static void
test_empty(void)
{
    test_dir d = dir_new();
    av_index *index = open_at(d.path);
    av_index_state s = state_of(index);
    test_log log = { 0 };
    char digest[65];

    AV_CHECK(s.documents == 0 && s.lsn == 0 && s.runs == 0 && !s.failed && s.discarded[0] == '\0');
    AV_CHECK_RC(follow_all(index, &log, 10, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    digest_of(index, digest);
    merge_all(index);
    av_index_close(&index);
    index = open_at(d.path);
    AV_CHECK_INT(state_of(index).documents, 0);
    av_index_close(&index);
    dir_remove(&d);
}

/* One message at a time, each is found at once; then flushed, closed, opened. */
static void
test_fresh(void)
{
    test_dir d = dir_new();
    av_index *index = open_at(d.path);
    test_log log = { .broken = 19 };
    av_index_source source = log_source(&log);
    av_index_progress progress;
    av_index_state s;

    for (uint32_t i = 0; i < 150; i++) {
        log.count = i + 1;
        AV_CHECK_RC(av_index_follow(index, &source, 5, false, &progress, &err), AV_OK, &err);
        AV_CHECK(progress.documents == 1 && progress.at_end);
        if (i % 10 == 0)
            AV_CHECK_INT(ask_index(index, &log), RIGHT);
    }
    s = state_of(index);
    AV_CHECK(s.documents == 150 && s.lsn == lsn_of(149) && s.flushed_lsn == 0 && s.runs == 0 && s.unreadable == 7);
    AV_CHECK(s.memory_bytes > 0);
    AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    s = state_of(index);
    AV_CHECK(s.documents == 150 && s.flushed_lsn == lsn_of(149) && s.runs == 1 && s.disk_bytes > 0);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    log.count = 160;
    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    av_index_close(&index); /* writes the last ten, too */
    index = open_at(d.path);
    s = state_of(index);
    AV_CHECK(s.documents == 160 && s.flushed_lsn == lsn_of(159) && s.runs == 2 && s.unreadable == 8);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    log.served = 0;
    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    AV_CHECK_INT(log.served, 0);
    av_index_close(&index);
    dir_remove(&d);
}

/* Views stay as they are; replaced runs leave the disk when the last view that has them goes. */
static void
test_views(void)
{
    test_dir d = dir_new();
    av_index *index = open_at(d.path);
    test_log log = { .count = 100 }, old = { .count = 100 };
    av_index_view *view, *fresh;
    uint64_t with_old;

    AV_CHECK_RC(follow_all(index, &log, 30, false, &err), AV_OK, &err);
    fresh = av_index_snapshot(index);
    for (int i = 0; i < 8; i++) {
        log.count += 50;
        AV_CHECK_RC(follow_all(index, &log, 50, false, &err), AV_OK, &err);
        AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    }
    view = av_index_snapshot(index);
    AV_CHECK_INT(state_of(index).runs, 8);
    merge_all(index);
    AV_CHECK_INT(state_of(index).runs, 1);
    with_old = state_of(index).disk_bytes;
    AV_CHECK_INT(av_index_documents(fresh), 100);
    AV_CHECK_INT(ask_all(fresh, &old, 7), RIGHT);
    AV_CHECK_INT(ask_all(view, &log, 7), RIGHT);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    av_index_view_release(&fresh);
    av_index_view_release(&view);
    merge_all(index); /* sweeps */
    AV_CHECK(state_of(index).disk_bytes < with_old);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    av_index_close(&index);
    index = open_at(d.path);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    av_index_close(&index);
    dir_remove(&d);
}

/* However the documents were taken in: the same digest. */
static void
test_digest(void)
{
    test_dir d = dir_new(), e = dir_new();
    av_index *a = open_at(d.path), *b = open_at(e.path);
    test_log log = { .count = 3000, .broken = 101 };
    char first[65], second[65];

    AV_CHECK_RC(follow_all(a, &log, 100, true, &err), AV_OK, &err);
    AV_CHECK_RC(follow_all(b, &log, 17, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(a, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(b, &err), AV_OK, &err);
    AV_CHECK(state_of(a).runs < state_of(b).runs);
    AV_CHECK_INT(ask_index(a, &log), RIGHT);
    AV_CHECK_INT(ask_index(b, &log), RIGHT);
    digest_of(a, first);
    digest_of(b, second);
    AV_CHECK_STR(first, second);
    AV_CHECK_RC(av_index_rebuild(a, av_span_str("header: x-other"), &err), AV_OK, &err);
    AV_CHECK_INT(state_of(a).documents, 0);
    AV_CHECK(!state_of(a).settings_differ);
    AV_CHECK_RC(follow_all(a, &log, 1000, true, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(a, &err), AV_OK, &err);
    digest_of(a, second);
    AV_CHECK(strcmp(first, second) != 0); /* another header field */
    AV_CHECK_RC(av_index_rebuild(a, av_span_str(NULL), &err), AV_OK, &err);
    AV_CHECK_RC(follow_all(a, &log, 250, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(a, &err), AV_OK, &err);
    digest_of(a, second);
    AV_CHECK_STR(first, second);
    AV_CHECK_INT(ask_index(a, &log), RIGHT);
    av_index_close(&a);
    av_index_close(&b);
    dir_remove(&d);
    dir_remove(&e);
}

/* Words of erased messages leave, and what is left is what a rebuild would give. */
static void
test_purge(void)
{
    test_dir d = dir_new();
    av_index *index = open_at(d.path);
    test_log log = { .count = 700, .broken = 50 };
    char purged[65], rebuilt[65];
    uint32_t runs;

    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    log.count = 900;
    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    log.gone_from = 640;
    log.gone_n = 111;
    AV_CHECK_RC(av_index_purge(index, log_is_gone, &log, &err), AV_OK, &err);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    runs = state_of(index).runs;
    digest_of(index, purged);
    AV_CHECK_RC(av_index_purge(index, log_is_gone, &log, &err), AV_OK, &err); /* nothing to do */
    AV_CHECK_INT(state_of(index).runs, runs);
    AV_CHECK_RC(av_index_rebuild(index, av_span_str(NULL), &err), AV_OK, &err);
    AV_CHECK_RC(follow_all(index, &log, 100, true, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    digest_of(index, rebuilt);
    AV_CHECK_STR(purged, rebuilt);
    av_index_close(&index);
    dir_remove(&d);
}

static void
check_discarded(const av_index_config *config)
{
    av_index *index = NULL;

    AV_CHECK_RC(av_index_open(config, &index, &err), AV_OK, &err);
    AV_CHECK(state_of(index).discarded[0] != '\0');
    AV_CHECK_INT(state_of(index).documents, 0);
    av_index_close(&index);
    AV_CHECK_RC(av_index_open(config, &index, &err), AV_OK, &err);
    AV_CHECK(state_of(index).discarded[0] == '\0');
    av_index_close(&index);
}

static void
test_strangers(void)
{
    static const uint8_t other[32] = { 77 };
    test_dir d = dir_new();
    test_log log = { .count = 40 };
    av_index_config config = index_config(d.path);
    av_index *index = open_at(d.path), *second = NULL;
    AV_CLEANUP(av_free) char *left = av_xasprintf("%s/run-00000099-0.sst", d.path);

    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_open(&config, &second, &err), AV_ERR_BUSY, &err);
    av_index_close(&index);
    spill(left, av_span_str("half a table"));
    config.settings = av_span_str("extensions: pdf");
    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    AV_CHECK(!av_file_exists(left));
    AV_CHECK(state_of(index).settings_differ && state_of(index).documents == 40);
    av_index_close(&index);
    config.settings = av_span_str(NULL);
    config.store_uuid = other;
    check_discarded(&config);
    config.key = other;
    check_discarded(&config);
    dir_remove(&d);
}

/* The budget holds: with a small one more runs go to disk, and memory stays below. */
static void
test_budget(void)
{
    test_dir d = dir_new();
    test_log log = { .count = 6000 };
    av_index_source source = log_source(&log);
    av_index_config config = index_config(d.path);
    av_index_progress progress = { 0 };
    av_index *index = NULL;
    uint64_t most = 0;

    config.memory_bytes = 1U << 18;
    config.cache_bytes = 1U << 18;
    config.flush_documents = 100000;
    AV_CHECK_RC(av_index_open(&config, &index, &err), AV_OK, &err);
    while (!progress.at_end) {
        if (!AV_CHECK(av_index_follow(index, &source, 64, false, &progress, &err) == AV_OK))
            break;
        most = AV_MAX(most, state_of(index).memory_bytes);
    }
    printf("    %llu bytes at most, %u runs\n", (unsigned long long)most, state_of(index).runs);
    AV_CHECK(most < (1U << 18) + (1U << 18) + (1U << 17)); /* with the cache, and a step over */
    AV_CHECK(state_of(index).runs > 1);
    merge_all(index);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    AV_CHECK_RC(av_index_trim(index, &err), AV_OK, &err);
    printf("    %llu bytes after trim\n", (unsigned long long)state_of(index).memory_bytes);
    AV_CHECK(state_of(index).memory_bytes < 512U * 1024);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    av_index_close(&index);
    dir_remove(&d);
}

static bool
now(void *ctx)
{
    (*(int *)ctx)++;
    return true;
}

static void
test_cancel(void)
{
    test_dir d = dir_new();
    av_index *index = open_at(d.path);
    test_log log = { 0 };
    uint8_t digest[32];
    bool more;
    int asked = 0;

    for (int i = 0; i < 8; i++) {
        log.count += 20;
        AV_CHECK_RC(follow_all(index, &log, 50, false, &err), AV_OK, &err);
        AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    }
    AV_CHECK_RC(av_index_merge(index, now, &asked, &more, &err), AV_ERR_CANCELLED, &err);
    AV_CHECK(asked > 0);
    AV_CHECK_RC(av_index_verify(index, now, &asked, digest, &err), AV_ERR_CANCELLED, &err);
    AV_CHECK_INT(state_of(index).runs, 8);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    merge_all(index);
    AV_CHECK_INT(state_of(index).runs, 1);
    av_index_close(&index);
    dir_remove(&d);
}

/* Marked broken, it is made anew from its first file on. */
static void
test_failed(void)
{
    test_dir d = dir_new();
    av_index *index = open_at(d.path);
    test_log log = { .count = 300 };
    av_index_view *view;
    av_error why;

    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    AV_CHECK_RC(av_index_flush(index, &err), AV_OK, &err);
    view = av_index_snapshot(index);
    (void)av_error_set(&why, AV_ERR_CORRUPT, "a test says so");
    av_index_failed(view, &why);
    AV_CHECK(state_of(index).failed);
    AV_CHECK_RC(av_index_rebuild(index, av_span_str(NULL), &err), AV_OK, &err);
    AV_CHECK(!state_of(index).failed);
    AV_CHECK_INT(ask_term(view, &log, EACH_COMMON, 0), UNREAD); /* its runs are gone, and it says so */
    av_index_view_release(&view);
    AV_CHECK_RC(follow_all(index, &log, 100, false, &err), AV_OK, &err);
    AV_CHECK_INT(ask_index(index, &log), RIGHT);
    av_index_close(&index);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_empty);
    AV_RUN(test_fresh);
    AV_RUN(test_views);
    AV_RUN(test_digest);
    AV_RUN(test_purge);
    AV_RUN(test_strangers);
    AV_RUN(test_budget);
    AV_RUN(test_cancel);
    AV_RUN(test_failed);
    return av_check_done();
}
