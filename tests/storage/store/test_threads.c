/*
 * test_threads.c - readers on other threads while the writer writes, rolls back and rolls containers (for tsan, too)
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/storage/store/help.h"

#define MESSAGES 400
#define READERS  3

static struct shared {
    av_store *store;
    _Atomic uint64_t lsn[MESSAGES];
    atomic_uint count; /* messages readers may look at */
    atomic_uint wrong, reads;
} shared;

static size_t
size_of(size_t i)
{
    return i % 40 == 0 ? 700000 : 200 + i * 13;
}

static void *
read_on(void *arg)
{
    uint64_t x = (uint64_t)(uintptr_t)arg;
    unsigned count;

    do {
        count = atomic_load(&shared.count);
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        if (count > 0) {
            size_t i = (size_t)(x >> 33) % count;

            if (look(shared.store, atomic_load(&shared.lsn[i]), size_of(i), i) != 1)
                atomic_fetch_add(&shared.wrong, 1);
            atomic_fetch_add(&shared.reads, 1);
        }
    } while (count < MESSAGES);
    return NULL;
}

static void
test_readers(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    pthread_t threads[READERS];
    test_watch watch = { 0 };
    av_error err;

    config.max_container_bytes = 128 * 1024;
    config.spool_bytes = 100000;
    shared.store = store_new(&config);
    AV_CHECK_RC(watch_begin(&watch, shared.store), AV_OK, &err);
    for (uintptr_t i = 0; i < READERS; i++)
        AV_CHECK_INT(pthread_create(&threads[i], NULL, read_on, (void *)(i + 1)), 0);
    for (size_t i = 0; i < MESSAGES; i++) {
        av_span m = message_new(size_of(i), i);
        av_store_put *p = NULL;
        uint64_t lsn = 0;

        (void)put(shared.store, 500, i);
        AV_CHECK_RC(av_store_rollback(shared.store, &err), AV_OK, &err);
        watch_rolled_back(&watch, shared.store);
        AV_CHECK_RC(av_store_put_begin(shared.store, m.n, &p, &err), AV_OK, &err);
        AV_CHECK_RC(av_store_put_write(p, m, &err), AV_OK, &err);
        AV_CHECK_RC(av_store_put_finish(&p, &lsn, NULL, &err), AV_OK, &err);
        atomic_store(&shared.lsn[i], lsn);
        if (i % 2) /* half of them are read while they stand in memory alone, and while they are written */
            atomic_store(&shared.count, (unsigned)i + 1);
        if (i % 4)
            (void)usleep(200);
        (void)commit(shared.store);
        atomic_store(&shared.count, (unsigned)i + 1);
        message_free(m);
        if (i % 50 == 0)
            av_store_trim(shared.store);
    }
    for (int i = 0; i < READERS; i++)
        AV_CHECK_INT(pthread_join(threads[i], NULL), 0);
    printf("    %u reads\n", atomic_load(&shared.reads));
    AV_CHECK_INT(atomic_load(&shared.wrong), 0);
    av_store_close(&shared.store);
    watch_end(&watch);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    AV_RUN(test_readers);
    return av_check_done();
}
