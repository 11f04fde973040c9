/*
 * test_killed.c - log and view together, the process killed at random moments: the view comes back to exactly the log
 *
 * AV_ROUNDS=n for a soak.
 */
#include <signal.h>
#include <sys/wait.h>

#include "storage/meta/catalog.h"
#include "tests/storage/store/help.h"

static char store_dir[160], view_dir[160];
static uint8_t guid[16] = { 5 };

struct opened {
    av_store *store;
    av_catalog *catalog;
    uint32_t no;
};

static av_errc
open_both(struct opened *o, av_error *err)
{
    av_store_config config = config_of(store_dir);
    av_catalog_config view = { .dir = view_dir, .key = { 7 } };
    uint8_t uuid[16] = { 0 };
    uint64_t witness = 0;
    av_errc rc = av_catalog_open(&view, &o->catalog, err);

    if (rc == AV_OK)
        rc = av_store_open(&config, 0, &o->store, err);
    if (rc != AV_OK)
        return rc;
    memcpy(uuid, av_store_uuid(o->store), sizeof uuid);
    av_store_close(&o->store);
    (void)av_catalog_applied_lsn(o->catalog, uuid, &witness, err);
    rc = av_store_open(&config, witness, &o->store, err);
    if (rc == AV_OK)
        rc = av_catalog_attach(o->catalog, o->store, &o->no, err);
    return rc == AV_OK ? av_catalog_catch_up(o->catalog, o->no, NULL, NULL, NULL, err) : rc;
}

static void
close_both(struct opened *o)
{
    av_catalog_close(&o->catalog);
    av_store_close(&o->store);
}

static av_errc
tell(struct opened *o, const av_event *event, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf body = { 0 };
    uint64_t lsn = 0;
    av_errc rc;

    av_buf_init(&body, 4096);
    rc = av_event_encode(event, &body, err);
    if (rc == AV_OK)
        rc = av_store_put_event(o->store, av_buf_span(&body), &lsn, err);
    return rc == AV_OK ? av_catalog_apply(o->catalog, o->no, lsn, event, av_span_str("row"), err) : rc;
}

static av_errc
place(struct opened *o, uint32_t uid, av_error *err)
{
    av_event e = { .kind = AV_EVENT_PLACEMENT_ADDED };
    av_span m = message_new(500 + uid % 1000, uid);
    av_errc rc;

    memcpy(e.placement.guid, guid, sizeof guid);
    av_sha256(m, e.placement.digest);
    e.placement.uid = uid;
    e.placement.modseq = uid + 1;
    e.placement.raw_size = e.placement.crlf_size = m.n;
    rc = av_store_put_message(o->store, m, e.placement.digest, &e.placement.content_lsn, err);
    message_free(m);
    return rc == AV_OK ? tell(o, &e, err) : rc;
}

static av_errc
settle(struct opened *o, av_error *err)
{
    uint64_t lsn = 0;
    av_errc rc = av_store_commit(o->store, &lsn, err);

    return rc == AV_OK ? av_catalog_commit(o->catalog, o->no, lsn, err) : rc;
}

/* Tells the next UID after each acknowledged group. */
static void
write_until_killed(int to)
{
    struct opened o = { 0 };
    av_mailbox box;
    av_error err;

    if (open_both(&o, &err) != AV_OK ||
        av_catalog_mailbox_by_guid(av_catalog_writer(o.catalog), guid, &box, &err) != AV_OK)
        _exit(2);
    for (uint32_t uid = box.uidnext;;) {
        av_catalog_begin(o.catalog);
        for (uint32_t n = uid % 9 + 1; n > 0; n--)
            if (place(&o, uid++, &err) != AV_OK)
                _exit(3);
        if (settle(&o, &err) != AV_OK || write(to, &uid, sizeof uid) != (ssize_t)sizeof uid)
            _exit(4);
    }
}

static void
check_both(uint32_t acked_uidnext)
{
    struct opened o = { 0 };
    av_catalog_iter *it;
    av_placement p;
    av_mailbox box;
    av_error err;
    uint32_t n = 0;
    uint64_t bytes = 0;

    AV_CHECK_RC(open_both(&o, &err), AV_OK, &err);
    if (av_check_failed > 0)
        exit(1);
    AV_CHECK(av_store_problem(o.store) == NULL);
    AV_CHECK_RC(av_catalog_mailbox_by_guid(av_catalog_writer(o.catalog), guid, &box, &err), AV_OK, &err);
    AV_CHECK(box.uidnext >= acked_uidnext);
    it = av_catalog_placements(av_catalog_writer(o.catalog), guid, 1, UINT32_MAX);
    while (av_catalog_next_placement(it, &p)) {
        AV_CHECK_INT(p.uid, ++n); /* each once, none missing */
        bytes += p.raw_size;
        if (p.uid + 50 >= box.uidnext)
            AV_CHECK_INT(look(o.store, p.content_lsn, 500 + p.uid % 1000, p.uid), 1);
    }
    av_catalog_iter_destroy(&it);
    AV_CHECK(n + 1 == box.uidnext && box.messages == n && box.bytes == bytes && box.highestmodseq == n + 1);
    close_both(&o);
}

static void
test_killed(void)
{
    const char *wanted = getenv("AV_ROUNDS");
    unsigned long rounds = wanted != NULL ? strtoul(wanted, NULL, 10) : 30;
    test_dir d = dir_new();
    av_store_config config;
    av_event e = { .kind = AV_EVENT_MAILBOX_CREATED };
    struct opened o = { 0 };
    uint32_t acked = 1;
    av_error err;

    (void)snprintf(store_dir, sizeof store_dir, "%s/store", d.path);
    (void)snprintf(view_dir, sizeof view_dir, "%s/view", d.path);
    config = config_of(store_dir);
    AV_CHECK_RC(av_store_create(&config, &err), AV_OK, &err);
    AV_CHECK_RC(open_both(&o, &err), AV_OK, &err);
    memcpy(e.mailbox.guid, guid, sizeof guid);
    e.mailbox.path = av_span_str("m");
    e.mailbox.uidvalidity = 1;
    av_catalog_begin(o.catalog);
    AV_CHECK_RC(tell(&o, &e, &err), AV_OK, &err);
    AV_CHECK_RC(settle(&o, &err), AV_OK, &err);
    close_both(&o);
    for (unsigned long i = 0; i < rounds && av_check_failed == 0; i++) {
        int ends[2], status = 0;
        pid_t pid;

        if (pipe(ends) != 0)
            exit(1);
        pid = fork();
        if (pid == 0)
            write_until_killed(ends[1]);
        (void)close(ends[1]);
        (void)usleep((useconds_t)(20000 + av_random_u64() % 150000)); /* into its opening, too */
        (void)kill(pid, SIGKILL);
        while (read(ends[0], &acked, sizeof acked) == (ssize_t)sizeof acked)
            ;
        (void)close(ends[0]);
        AV_CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        if (i % 5 == 4) /* now and then the view is lost altogether */
            AV_CHECK_RC(av_dir_remove(view_dir, d.path, &err), AV_OK, &err);
        check_both(acked);
    }
    printf("    %lu kills, %u messages\n", rounds, acked - 1);
    dir_remove(&d);
}

int
main(void)
{
    av_secret_init();
    av_log_init("test", AV_LOG_ERROR, false);
    AV_RUN(test_killed);
    return av_check_done();
}
