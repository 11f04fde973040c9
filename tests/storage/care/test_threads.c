/*
 * test_threads.c - verification and compaction on threads of their own, beside a writer that puts and erases
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/storage/care/help.h"

#define FIRST 60U
#define MOST  400U
#define BYTES 1200U

static care_store store;
static uint64_t lsns[MOST];
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER; /* the writer's work, and what others ask of the writer */
static atomic_bool done;
static atomic_ulong verified, compacted, faults;

static unsigned
attachment_of(unsigned i)
{
    return i % 3 == 0 ? 1 : 100 + i;
}

static av_errc
on_fault(void *ctx, const av_fault *fault, av_error *ignored)
{
    (void)ctx;
    (void)ignored;
    faults++;
    printf("    fault (%s): %s\n", av_fault_kind_word(fault->kind), fault->sentence);
    return AV_OK;
}

static void *
verify(void *ctx)
{
    while (!atomic_load(&done) || atomic_load(&verified) == 0) {
        AV_CLEANUP(av_free) char *scratch = av_xasprintf("%s/scratch", store.root);
        av_verify_options options = { .contents = true, .scratch_dir = scratch, .fault = on_fault };
        av_verify_result result;
        av_meta_view *view;
        av_error why;
        av_errc rc;

        (void)pthread_mutex_lock(&writing);
        view = av_store_view_snapshot(store.view);
        (void)pthread_mutex_unlock(&writing);
        options.view = view;
        rc = av_care_verify(store.store, &options, NULL, &result, &why);
        av_meta_view_destroy(&view);
        if (rc != AV_OK) {
            printf("    verify: %s\n", why.msg);
            faults++;
        }
        verified++;
    }
    return ctx;
}

static av_errc
on_compacted(void *ctx, uint32_t container, av_error *why)
{
    av_errc rc;

    (void)ctx;
    (void)pthread_mutex_lock(&writing);
    rc = av_store_view_compacted(store.view, container, why);
    (void)pthread_mutex_unlock(&writing);
    return rc;
}

static void *
compact(void *ctx)
{
    while (!atomic_load(&done)) {
        av_care_compaction job = { .store = store.store, .min_dead_percent = 3, .compacted = on_compacted };
        av_care_compact_result result;
        av_meta_view *view;
        av_error why;
        av_errc rc;

        (void)pthread_mutex_lock(&writing);
        view = av_store_view_snapshot(store.view);
        job.open_puts_lsn = av_store_open_puts_lsn(store.store);
        (void)pthread_mutex_unlock(&writing);
        job.view = view;
        rc = av_care_compact(&job, NULL, &result, &why);
        av_meta_view_destroy(&view);
        if (rc != AV_OK) {
            printf("    compact: %s\n", why.msg);
            faults++;
        }
        compacted += result.containers;
        (void)usleep(1000);
    }
    return ctx;
}

static void
write_one(unsigned i)
{
    unsigned old = i - FIRST;

    (void)pthread_mutex_lock(&writing);
    lsns[i] = care_put(&store, i, attachment_of(i), BYTES, 1);
    care_commit(&store);
    if (old % 2 == 0) {
        AV_CHECK_RC(care_remove(&store, 1, old + 1), AV_OK, &err);
        care_commit(&store);
        AV_CHECK_RC(care_erase(&store, lsns[old]), AV_OK, &err);
    }
    (void)pthread_mutex_unlock(&writing);
}

static void
test_beside_the_writer(void)
{
    char root[160];
    pthread_t threads[2];
    fault_log log = { .loud = true };

    care_new(&store, folder_new(root));
    AV_CHECK_RC(care_mailbox(&store, 1, AV_EVENT_MAILBOX_CREATED, "Inbox", 1), AV_OK, &err);
    for (unsigned i = 0; i < FIRST; i++)
        lsns[i] = care_put(&store, i, attachment_of(i), BYTES, 1);
    care_commit(&store);
    AV_CHECK(pthread_create(&threads[0], NULL, verify, NULL) == 0);
    AV_CHECK(pthread_create(&threads[1], NULL, compact, NULL) == 0);
    for (unsigned i = FIRST; i < MOST; i++) {
        write_one(i);
        (void)usleep(5000);
    }
    atomic_store(&done, true);
    for (unsigned i = 0; i < 2; i++)
        AV_CHECK(pthread_join(threads[i], NULL) == 0);
    printf("  verified %lu times, %lu containers compacted\n", atomic_load(&verified), atomic_load(&compacted));
    AV_CHECK_INT(atomic_load(&faults), 0);
    AV_CHECK(atomic_load(&compacted) > 0);
    for (unsigned i = 0; i < MOST; i++)
        AV_CHECK_INT(care_look(store.store, lsns[i], i, attachment_of(i), BYTES), !(i % 2 == 0 && i + FIRST < MOST));
    AV_CHECK_INT(care_verify(&store, true, true, &log), 0);
    care_done(&store);
    folder_remove(root);
}

int
main(void)
{
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_beside_the_writer);
    return av_check_done();
}
