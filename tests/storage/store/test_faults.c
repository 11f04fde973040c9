/*
 * test_faults.c - each system call of a session fails in turn, with EIO, ENOSPC and half a write: what was acknowledged
 * is there, what was not is gone or whole, and the store says what it cannot do
 */
#include <errno.h>

#include "tests/storage/fault_ops.h"
#include "tests/storage/store/help.h"

#define GROUPS 6
#define CALLS  3000
#define SPOOL  20000U

static struct session {
    uint64_t acked[2 * GROUPS];
    size_t acked_seed[2 * GROUPS];
    size_t acked_n;
    uint64_t witness;
} session;

static size_t
size_of(size_t seed)
{
    return seed == 3 ? 300000 : seed % 2 ? 50000 : 900;
}

/* One group of two messages; at a failure what the interface asks for. false: the store takes no more. */
static bool
run_group(av_store *store, size_t group)
{
    uint64_t lsn[2], end = 0;
    av_error err = { 0 };
    av_errc rc = AV_OK;

    for (size_t i = 0; i < 2 && rc == AV_OK; i++) {
        av_span m = message_new(size_of(2 * group + i), 2 * group + i);
        av_store_put *p = NULL;

        if (m.n < SPOOL) {
            rc = av_store_put_message(store, m, NULL, &lsn[i], &err);
        } else {
            rc = av_store_put_begin(store, m.n, &p, &err);
            if (rc == AV_OK)
                rc = av_store_put_write(p, m, &err);
            if (rc == AV_OK)
                rc = av_store_put_finish(&p, &lsn[i], NULL, &err);
            av_store_put_abort(&p);
        }
        if (rc == AV_OK)
            rc = av_store_put_event(store, av_span_str("event"), &err);
        message_free(m);
    }
    if (rc == AV_OK)
        rc = av_store_commit(store, &end, &err);
    if (rc == AV_OK) {
        for (size_t i = 0; i < 2; i++) {
            session.acked[session.acked_n] = lsn[i];
            session.acked_seed[session.acked_n++] = 2 * group + i;
        }
        session.witness = end;
        return true;
    }
    AV_CHECK(err.msg[0] != '\0');
    if (rc != AV_ERR_NOSPACE) /* failed, or spoiled by a key that could not be read: never as if nothing had been */
        AV_CHECK_RC(av_store_commit(store, &end, &err),
            av_store_problem(store) != NULL ? AV_ERR_READONLY : AV_ERR_CONFLICT, &err);
    rc = av_store_rollback(store, &err);
    AV_CHECK_INT(rc == AV_OK, av_store_problem(store) == NULL);
    return rc == AV_OK;
}

static void
check_session(const av_store_config *config)
{
    static const uint64_t none = 0;

    for (int witnessed = 0; witnessed < 2; witnessed++) {
        av_store *store = NULL;
        av_error err;

        AV_CHECK_RC(av_store_open(config, witnessed ? session.witness : none, &store, &err), AV_OK, &err);
        if (store == NULL)
            return;
        if (!AV_CHECK(av_store_problem(store) == NULL))
            printf("    %s\n", av_store_problem(store));
        AV_CHECK(av_store_committed_lsn(store) >= session.witness);
        for (size_t i = 0; i < session.acked_n; i++)
            AV_CHECK_INT(look(store, session.acked[i], size_of(session.acked_seed[i]), session.acked_seed[i]), 1);
        (void)put(store, 100, 1); /* and it takes new ones */
        session.witness = commit(store);
        av_store_close(&store);
    }
}

/* One session in which call number fail_at fails. false when it has fewer calls. */
static bool
run_session(long fail_at, int error, bool stay, bool half)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    fault_plan plan = { .fail_at = fail_at, .error = error, .stay = stay, .half = half, .reads = error != ENOSPC };
    av_store *store = NULL;
    test_watch watch = { 0 };
    av_error err = { 0 };
    bool hit;

    config.max_container_bytes = 65536;
    config.spool_bytes = SPOOL;
    memset(&session, 0, sizeof session);
    store = store_new(&config);
    (void)put(store, 2000, 77); /* a tail to be cut at open */
    (void)commit(store);
    (void)put(store, 2000, 78);
    av_store_close(&store);
    fault_ops_begin(&plan);
    if (av_store_open(&config, 0, &store, &err) == AV_OK) {
        if (watch_begin(&watch, store) != AV_OK)
            av_store_set_watch(store, &(av_store_watch){ 0 }); /* then each message has parts of its own */
        for (size_t group = 0; group < GROUPS && run_group(store, group); group++)
            ;
        for (size_t i = 0; i < session.acked_n; i++) /* read errors are errors, not other bytes */
            AV_CHECK(look(store, session.acked[i], size_of(session.acked_seed[i]), session.acked_seed[i]) >= 0);
        av_store_close(&store);
    } else {
        AV_CHECK(fault_ops_calls() > fail_at && err.msg[0] != '\0');
    }
    hit = fault_ops_end();
    watch_end(&watch);
    AV_CHECK(config_renew(&config));
    check_session(&config);
    dir_remove(&d);
    return hit;
}

static void
run_all(int error, bool stay, bool half)
{
    long i = 0;

    for (; i < CALLS; i++) {
        unsigned long failed = av_check_failed;
        bool hit;

        av_check_row = i;
        hit = run_session(i, error, stay, half);
        if (av_check_failed != failed)
            printf("    call %ld: %s, errno %d\n", i, fault_ops_what(), error);
        if (!hit)
            break;
    }
    av_check_row = -1;
    printf("    %ld calls\n", i);
    AV_CHECK(i > 30 && i < CALLS);
}

static void
test_eio(void)
{
    run_all(EIO, false, false);
}

static void
test_eio_stays(void)
{
    run_all(EIO, true, true);
}

static void
test_enospc(void)
{
    run_all(ENOSPC, false, true);
}

static void
test_enospc_stays(void)
{
    run_all(ENOSPC, true, false);
}

/* Full, then room again: the same open store goes on. */
static void
test_room_again(void)
{
    test_dir d = dir_new();
    av_store_config config = config_of(d.path);
    fault_plan plan = { .error = ENOSPC, .stay = true, .half = true, .only = "pwrite" };
    av_store *store = store_new(&config);
    uint64_t a = put(store, 1000, 1), b, lsn = 0;
    av_span m = message_new(1000, 2);
    av_error err;

    (void)commit(store);
    fault_ops_begin(&plan);
    AV_CHECK_RC(av_store_put_message(store, m, NULL, &lsn, &err), AV_OK, &err); /* a MB is gathered before a write */
    AV_CHECK_RC(av_store_commit(store, &lsn, &err), AV_ERR_NOSPACE, &err);
    AV_CHECK_RC(av_store_put_message(store, m, NULL, &lsn, &err), AV_ERR_CONFLICT, &err);
    AV_CHECK_RC(av_store_commit(store, &lsn, &err), AV_ERR_CONFLICT, &err);
    AV_CHECK_INT(look(store, a, 1000, 1), 1);
    AV_CHECK_RC(av_store_rollback(store, &err), AV_OK, &err);
    (void)fault_ops_end();
    b = put(store, 1000, 3);
    (void)commit(store);
    av_store_close(&store);
    AV_CHECK_RC(av_store_open(&config, 0, &store, &err), AV_OK, &err);
    AV_CHECK(av_store_problem(store) == NULL);
    AV_CHECK_INT(look(store, a, 1000, 1), 1);
    AV_CHECK_INT(look(store, b, 1000, 3), 1);
    message_free(m);
    av_store_close(&store);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    use_memory_folder();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_eio);
    AV_RUN(test_eio_stays);
    AV_RUN(test_enospc);
    AV_RUN(test_enospc_stays);
    AV_RUN(test_room_again);
    return av_check_done();
}
