/*
 * test_index_threads.c - readers beside the indexer: every view answers for exactly its documents, at every moment
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/storage/index/index_help.h"

#define READERS 3
#define COUNT   1500U

typedef struct beside {
    av_index *index;
    atomic_bool end;
    atomic_uint looks, wrong;
} beside;

static void *
read_on(void *ctx)
{
    beside *b = ctx;
    test_log log = { .count = COUNT };
    av_index_state s;

    while (!atomic_load(&b->end)) {
        av_index_view *view = av_index_snapshot(b->index);

        if (ask_all(view, &log, 101) != RIGHT)
            atomic_fetch_add(&b->wrong, 1);
        av_index_get_state(b->index, &s);
        if (s.failed || s.documents < av_index_documents(view))
            atomic_fetch_add(&b->wrong, 1);
        av_index_view_release(&view);
        atomic_fetch_add(&b->looks, 1);
    }
    return NULL;
}

static void
test_beside(void)
{
    test_dir d = dir_new();
    av_index_config config = index_config(d.path);
    test_log log = { 0 };
    beside b = { 0 };
    pthread_t threads[READERS];
    av_error err;
    bool more;

    AV_CHECK_RC(av_index_open(&config, &b.index, &err), AV_OK, &err);
    for (int i = 0; i < READERS; i++)
        AV_CHECK(pthread_create(&threads[i], NULL, read_on, &b) == 0);
    for (int i = 0; log.count < COUNT; i++) {
        log.count += 25;
        AV_CHECK_RC(follow_all(b.index, &log, 10, i % 5 == 4, &err), AV_OK, &err);
        if (i % 2 == 0)
            AV_CHECK_RC(av_index_flush(b.index, &err), AV_OK, &err);
        AV_CHECK_RC(av_index_merge(b.index, NULL, NULL, &more, &err), AV_OK, &err);
        if (i % 7 == 0)
            AV_CHECK_RC(av_index_trim(b.index, &err), AV_OK, &err);
    }
    atomic_store(&b.end, true);
    for (int i = 0; i < READERS; i++)
        (void)pthread_join(threads[i], NULL);
    printf("    %u looks\n", atomic_load(&b.looks));
    AV_CHECK_INT(atomic_load(&b.wrong), 0);
    AV_CHECK_INT(ask_index(b.index, &log), RIGHT);
    av_index_close(&b.index);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", getenv("AV_LOUD") != NULL ? AV_LOG_WARN : AV_LOG_ERROR + 1, false);
    AV_RUN(test_beside);
    return av_check_done();
}
